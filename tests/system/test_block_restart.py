"""A service that blocks, while the entry's agent is killed and started again: from when on nothing leaves in clear."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from arctic_lab import Namespace, wait_for
from exits import Exits, in_clear, running_exits
from flows import VERSIONS

UDP_PORT = 5353
MODES = ("owner", "plain")


@contextlib.contextmanager
def sending_all_the_time(exits: Exits) -> Iterator[None]:
    """Datagrams to the server from both hosts, of both families, each with the moment at which it was sent."""
    ended = threading.Event()

    def send(host: Namespace, version: int) -> None:
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        with contextlib.closing(host.socket(family, socket.SOCK_DGRAM)) as sender:
            sender.connect((exits.network.server.address(version), UDP_PORT))
            while not ended.wait(0.002):
                with contextlib.suppress(OSError):
                    sender.send(struct.pack("!d", time.monotonic()))

    places = [(host, version) for host in (exits.network.client, exits.network.entry) for version in VERSIONS]
    threads = [threading.Thread(target=send, args=place, daemon=True) for place in places]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join(10)


def sent_at(frame: bytes) -> float:
    """When a datagram of the above was sent; 0 for other frames."""
    payload = frame[14 + (20 if frame[12:14] == b"\x08\x00" else 40) + 8 :]
    return float(struct.unpack("!d", payload)[0]) if len(payload) == 8 else 0.0


def families(frames: list[bytes]) -> set[bytes]:
    return {frame[12:14] for frame in frames}


@pytest.fixture(scope="module")
def exits(build: Path) -> Iterator[Exits]:
    """The first exit's service blocks, and the exit is away."""
    with running_exits(build) as running:
        running.service(running.first, 100, "--when-unreachable", "block")
        running.first.stop()
        yield running


def pings(host: Namespace, address: str) -> bool:
    return host.run("ping", "-nqc1", "-W1", address, check=False).returncode == 0


@pytest.mark.parametrize("mode", MODES)
def test_it_holds_from_the_moment_the_agent_answers(exits: Exits, mode: str) -> None:
    """Also in the mode `plain`, whose table outlives the agent; without an agent all is direct."""
    network, entry = exits.network, exits.entry
    entry.stop()
    entry.settings["TABLE_MODE"] = mode
    entry.start()
    with in_clear(network) as seen, sending_all_the_time(exits):
        entry.kill()
        wait_for(lambda: len(families(seen)) == 2, 5, "traffic that is direct without an agent")
        entry.start()
        alive_at = time.monotonic()
        for host in (network.client, network.entry):
            for version in VERSIONS:
                assert exits.way(host, version) == "reset"
                assert not pings(host, network.server.address(version))
        wait_for(lambda: entry.request("GET", "/readyz").status == 200, 10, "an agent that is ready")
    late = [sent_at(frame) - alive_at for frame in seen if not 0 < sent_at(frame) < alive_at]
    assert not late, f"{len(late)} in clear, the last {max(late):.3f} s after the agent answered"
