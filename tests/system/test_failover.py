"""Two exits to one network: what becomes of new flows when the better one does not answer, and when it does so again."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from arctic_lab import wait_for
from exits import Exits, running_exits
from flows import VERSIONS

FAILOVER_SECONDS = 4.0
SETTLE_SECONDS = 5.0
# After the settling: the peers find each other, and a busy machine.
RETURN_SECONDS = 20.0


@pytest.fixture(scope="module")
def running(build: Path) -> Iterator[Exits]:
    with running_exits(build) as exits:
        yield exits


@pytest.fixture
def exits(running: Exits) -> Iterator[Exits]:
    """Two exits that answer, with a service each, the first one preferred. They are forgotten afterwards, with all failures."""
    yield from with_services(running)


def with_services(exits: Exits, *options: str) -> Iterator[Exits]:
    services = {
        "first": exits.service(exits.first, 100, *options),
        "second": exits.service(exits.second, 200, *options),
    }
    exits.services = services
    wait_for(lambda: all_by(exits, "first"), 30, "flows by the first exit")
    yield exits
    for service in services.values():
        exits.entry.cli("services", "delete", service, "--yes")


def all_by(exits: Exits, name: str) -> bool:
    """New flows take this way, forwarded and host-made, IPv4 and IPv6."""
    hosts = (exits.network.client, exits.network.entry)
    return all(exits.way(host, version) == name for host in hosts for version in VERSIONS)


def seconds_until(exits: Exits, name: str, timeout: float) -> float:
    began_at = time.monotonic()
    wait_for(lambda: exits.way(timeout=0.5) == name, timeout, f"flows by {name}")
    return time.monotonic() - began_at


def winner(exits: Exits) -> str:
    """The exit that the library's match names."""
    asked = {"source": exits.network.client.ipv4, "dest": exits.network.server.ipv4}
    answer = exits.entry.api("POST", "/v1/routes/explain", asked)
    assert answer.status == 200, answer
    won = answer.json()["winner"]
    return next((name for name, service in exits.services.items() if won and service == won["service_id"]), "")


def reason(exits: Exits, name: str) -> str:
    return str(exits.entry.service(exits.services[name])["state_reason"])


def assert_moved(exits: Exits) -> None:
    """All of it, in kernel and library alike; and the operator is told."""
    assert seconds_until(exits, "second", 15) < FAILOVER_SECONDS
    assert all_by(exits, "second")
    assert winner(exits) == "second"
    service = exits.entry.service(exits.services["first"])
    assert service["state"] == "degraded" and "next best way" in service["state_reason"]


def assert_returns(exits: Exits, since: float) -> None:
    wait_for(lambda: "is trusted at" in reason(exits, "first"), RETURN_SECONDS, "an exit that answers")
    assert exits.way() == "second", "not before it has answered for some time"
    seconds_until(exits, "first", RETURN_SECONDS)
    assert time.monotonic() - since >= SETTLE_SECONDS
    assert all_by(exits, "first")
    assert winner(exits) == "first"
    assert exits.entry.service(exits.services["first"])["state"] == "active"


def process(exits: Exits) -> int:
    assert exits.first.process
    return exits.first.process.pid


@pytest.mark.timing
def test_an_exit_is_killed(exits: Exits) -> None:
    exits.first.kill()
    assert_moved(exits)
    exits.first.start()
    assert_returns(exits, time.monotonic() - 1)


@pytest.mark.timing
def test_an_exit_is_suspended(exits: Exits) -> None:
    """Its kernel goes on to acknowledge what is sent."""
    assert exits.first.process
    exits.first.process.signal(signal.SIGSTOP)
    try:
        assert_moved(exits)
    finally:
        exits.first.process.signal(signal.SIGCONT)
    assert_returns(exits, time.monotonic())


@pytest.mark.timing
@pytest.mark.parametrize("towards", [None, "first", "entry"])
def test_the_way_to_an_exit_is_cut(exits: Exits, towards: str | None) -> None:
    exits.network.wan1.down(towards)
    try:
        assert_moved(exits)
    finally:
        exits.network.wan1.up(towards)
    if towards is None:
        assert_returns(exits, time.monotonic())
