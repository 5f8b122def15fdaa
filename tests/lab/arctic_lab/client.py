"""A TCP client that notes what a user would notice: times, content, and whether the end was a FIN or a reset."""

import enum
import json
import socket
import struct
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from .content import Content, ContentCheck
from .namespace import Namespace

READ_BYTES = 1 << 18
HEADER_LIMIT = 16384


class End(enum.Enum):
    """How the peer's half of a connection ended."""

    FIN = "fin"
    RESET = "reset"


class Connection:
    """A TCP connection from a host. `timeout` bounds every wait; the errors are those of socket(7)."""

    def __init__(
        self,
        host: Namespace,
        address: str,
        port: int,
        *,
        timeout: float = 10.0,
        receive_buffer: int | None = None,
        source_port: int | None = None,
    ) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = host.socket(family)
        self.socket.settimeout(timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if receive_buffer is not None:
                # Before connect, because the window scale is chosen there.
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            if source_port is not None:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                self.socket.bind(("", source_port))
            began = time.monotonic()
            self.socket.connect((address, port))
        except BaseException:
            self.socket.close()
            raise
        self.connected_at = time.monotonic()
        self.connect_seconds = self.connected_at - began
        self.first_byte_at: float | None = None

    @property
    def first_byte_seconds(self) -> float | None:
        """From connected to the first byte received."""
        return None if self.first_byte_at is None else self.first_byte_at - self.connected_at

    def send(self, data: bytes) -> None:
        """Sends all of it."""
        self.socket.sendall(data)

    def finish(self) -> None:
        """Closes this half (FIN); the other can still be read."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Ends with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def receive(self, limit: int = READ_BYTES) -> bytes:
        """What is there, at least a byte; empty at FIN; ConnectionResetError at a reset."""
        data = self.socket.recv(limit)
        if data and self.first_byte_at is None:
            self.first_byte_at = time.monotonic()
        return data

    def receive_exactly(self, size: int) -> bytes:
        """`size` bytes; EOFError when the peer ends before."""
        parts, left = [], size
        while left:
            data = self.receive(min(left, READ_BYTES))
            if not data:
                raise EOFError(f"FIN {left} bytes before the end of {size}")
            parts.append(data)
            left -= len(data)
        return b"".join(parts)

    def receive_line(self) -> bytes:
        """Up to and with the next newline, and not a byte more."""
        line = b""
        while not line.endswith(b"\n") and len(line) < HEADER_LIMIT:
            line += self.receive_exactly(1)
        return line

    def receive_to_end(self) -> tuple[bytes, End]:
        """All until the peer ends, and how it ended."""
        parts = []
        try:
            while data := self.receive():
                parts.append(data)
        except ConnectionResetError:
            return b"".join(parts), End.RESET
        return b"".join(parts), End.FIN

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True)
class Transfer:
    """One HTTP exchange over a connection of its own, in seconds from the begin of the connect."""

    size: int
    connect_seconds: float
    first_byte_seconds: float
    seconds: float


def _response_length(connection: Connection) -> int:
    status = connection.receive_line()
    if b" 200 " not in status:
        raise ValueError(f"HTTP: {status!r}")
    length = -1
    while line := connection.receive_line().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return length


def _transfer(connection: Connection, size: int) -> Transfer:
    began = connection.connected_at - connection.connect_seconds
    assert connection.first_byte_at is not None
    return Transfer(
        size, connection.connect_seconds, connection.first_byte_at - began, time.monotonic() - began
    )


def http_get(
    host: Namespace, address: str, port: int, size: int, *, seed: int = 0, timeout: float = 30.0
) -> Transfer:
    """GET of `size` bytes from the http server; ValueError when a byte of it differs."""
    with Connection(host, address, port, timeout=timeout) as connection:
        connection.send(
            f"GET /bytes/{size}?seed={seed} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n".encode()
        )
        length = _response_length(connection)
        if length != size:
            raise ValueError(f"asked for {size} bytes and was promised {length}")
        check = ContentCheck(seed)
        while check.received < size:
            data = connection.receive(min(size - check.received, READ_BYTES))
            if not data:
                raise EOFError(f"FIN after {check.received} of {size} bytes")
            check.feed(data)
        return _transfer(connection, size)


def http_upload(
    host: Namespace, address: str, port: int, size: int, *, seed: int = 0, timeout: float = 30.0
) -> Transfer:
    """POST of `size` bytes to the http server; ValueError when it got something else."""
    content = Content(seed)
    with Connection(host, address, port, timeout=timeout) as connection:
        head = f"POST /upload HTTP/1.1\r\nHost: lab\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"
        connection.send(head.encode())
        for chunk in content.chunks(size):
            connection.send(chunk)
        answer = json.loads(connection.receive_exactly(_response_length(connection)))
        transfer = _transfer(connection, size)
    if answer != {"bytes": size, "sha256": content.sha256(size)}:
        raise ValueError(f"sent {size} bytes and the server got {answer}")
    return transfer
