"""Hosts that are no peers at the tunnel port: they cost little, and keep nobody out."""

import contextlib
import socket
from collections.abc import Iterator

from agents import Pair
from arctic_lab import Connection, Lab, wait_for
from flows import carries


@contextlib.contextmanager
def silent_connections(lab: Lab, count: int) -> Iterator[None]:
    """Connections to the exit's tunnel port that say nothing; those that the exit closes are made anew."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(Connection(lab.client, lab.exit.ipv4, 61000))
        yield


def test_silent_strangers_keep_no_peer_out(lab: Lab, pair: Pair) -> None:
    pair.carry()
    lab.server.serve("http", 80)
    with silent_connections(lab, 600):
        pair.entry.kill()
        pair.entry.start()

        wait_for(lambda: carries(lab, lab.client), 8, "a flow beside the strangers, before their time of 10 s is over")


def test_a_stranger_makes_room_for_the_next(lab: Lab, pair: Pair) -> None:
    """A worker keeps 512; the first one is then closed."""
    with Connection(lab.client, lab.exit.ipv4, 61000, timeout=5) as first:
        with silent_connections(lab, 600):
            try:
                assert first.receive() == b""
            except ConnectionResetError:
                pass
        with Connection(lab.client, lab.exit.ipv4, 61000, timeout=1) as alone:
            try:
                assert alone.receive() == b"", "it says nothing"
            except (TimeoutError, socket.timeout):
                pass  # it is still there
