"""Servers that speak TCP and nothing above it, each with one habit that a relay must preserve."""

import fcntl
import hashlib
import json
import socket
import socketserver
import struct
import termios
import threading

from ..content import Content
from ..waiting import wait_for
from .base import peer_address

READ_BYTES = 1 << 18
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    # At once: socketserver would send a FIN first.
    connection.close()


class Echo(socketserver.BaseRequestHandler):
    """Sends back what it gets, and ends when the client has."""

    def handle(self) -> None:
        while data := self.request.recv(READ_BYTES):
            self.request.sendall(data)


class Banner(socketserver.BaseRequestHandler):
    """Speaks first, as SSH and SMTP servers do: one line that names the client, then echo."""

    def handle(self) -> None:
        self.request.sendall(
            f"220 lab {peer_address(self.client_address)} {self.client_address[1]}\r\n".encode()
        )
        while data := self.request.recv(READ_BYTES):
            self.request.sendall(data)


class HalfClose(socketserver.BaseRequestHandler):
    """Answers only once the client has closed its half: {"bytes": N, "sha256": HEX}."""

    def handle(self) -> None:
        digest, count = hashlib.sha256(), 0
        while data := self.request.recv(READ_BYTES):
            digest.update(data)
            count += len(data)
        self.request.sendall(json.dumps({"bytes": count, "sha256": digest.hexdigest()}).encode())


def _unacknowledged(connection: socket.socket) -> int:
    return int(struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))[0])


class ResetAfterSending(socketserver.BaseRequestHandler):
    """Sends `limit` bytes of content, and resets once the peer has acknowledged them."""

    limit = 0

    def handle(self) -> None:
        for chunk in Content().chunks(self.limit):
            self.request.sendall(chunk)
        wait_for(lambda: not _unacknowledged(self.request), 60, "acknowledgement")
        _reset(self.request)


class ResetAfterReceiving(socketserver.BaseRequestHandler):
    """Reads `limit` bytes, then resets."""

    limit = 0

    def handle(self) -> None:
        left = self.limit
        while left and (data := self.request.recv(min(left, READ_BYTES))):
            left -= len(data)
        _reset(self.request)


class Silent(socketserver.BaseRequestHandler):
    """Accepts and never reads, so that the client's data backs up."""

    def handle(self) -> None:
        threading.Event().wait()
