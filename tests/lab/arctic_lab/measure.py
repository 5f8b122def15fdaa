"""Measurements that benchmarks compare: goodput at the receiver, time of a whole GET, and what the link allows."""

import socket
import time
from dataclasses import dataclass

from .client import Connection, http_get
from .namespace import Namespace

ENDLESS_BYTES = 10**15
READ_BYTES = 1 << 20
FULL_FRAME = 1514
FULL_SEGMENT = 1448  # what is left of it for TCP with timestamps over IPv4


@dataclass(frozen=True)
class Goodput:
    """Bytes that reached the application in exactly `seconds` from the first one on."""

    bytes: int
    seconds: float
    windows_mbit: tuple[float, ...]
    """The same for each window of `window_seconds`."""
    window_seconds: float

    @property
    def mbit(self) -> float:
        return self.bytes * 8 / 1e6 / self.seconds


def _count(receiver: socket.socket, seconds: float, window: float) -> list[int]:
    counts = [0] * max(1, round(seconds / window))
    buffer = bytearray(READ_BYTES)
    # MSG_TRUNC has TCP count the bytes and not copy them: tcp(7).
    received = receiver.recv_into(buffer, READ_BYTES, socket.MSG_TRUNC)
    began = now = time.monotonic()
    while received and now - began < seconds:
        counts[min(int((now - began) / window), len(counts) - 1)] += received
        receiver.settimeout(max(began + seconds - now, 1e-3))
        try:
            received = receiver.recv_into(buffer, READ_BYTES, socket.MSG_TRUNC)
        except TimeoutError:
            break
        now = time.monotonic()
    if not received:
        raise EOFError("the download ended before its time")
    return counts


def receiver_goodput(
    client: Namespace, address: str, port: int, seconds: float, *, window: float = 0.5, timeout: float = 30.0
) -> Goodput:
    """Downloads from the http server over one connection and counts what the client receives in exactly `seconds` from
    the first byte on. `timeout` bounds the wait for that byte. The content is not looked at; http_get() does that.
    """
    with Connection(client, address, port, timeout=timeout) as connection:
        connection.send(f"GET /bytes/{ENDLESS_BYTES} HTTP/1.1\r\nHost: lab\r\n\r\n".encode())
        counts = _count(connection.socket, seconds, window)
        connection.reset()
    windows = tuple(count * 8 / 1e6 / window for count in counts)
    return Goodput(sum(counts), seconds, windows, window)


def timed_get(client: Namespace, address: str, port: int, size: int, *, timeout: float = 120.0) -> float:
    """Seconds from the begin of the connect to the last of `size` bytes, over a new connection, content checked."""
    return http_get(client, address, port, size, timeout=timeout).seconds


def link_capacity(rate_mbit: float, loss_percent: float = 0.0) -> float:
    """The goodput in Mbit/s at which the link is full of full frames that are never sent twice in vain."""
    return rate_mbit * FULL_SEGMENT / FULL_FRAME * (1 - loss_percent / 100)
