"""Two exits to one network: what becomes of new flows when the better one does not answer, and when it does so again."""

import contextlib
import errno
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from arctic_lab import Connection, Namespace, wait_for
from exits import PORT, Exits, in_clear, running_exits
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


@pytest.mark.timing
@pytest.mark.waits
def test_an_exit_is_killed(exits: Exits) -> None:
    exits.first.kill()
    assert_moved(exits)
    exits.first.start()
    assert_returns(exits, time.monotonic() - 1)


@pytest.mark.timing
@pytest.mark.waits
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
@pytest.mark.waits
@pytest.mark.parametrize(
    "towards", [None, pytest.param("first", marks=pytest.mark.slow), pytest.param("entry", marks=pytest.mark.slow)]
)
def test_the_way_to_an_exit_is_cut(exits: Exits, towards: str | None) -> None:
    exits.network.wan1.down(towards)
    try:
        assert_moved(exits)
    finally:
        exits.network.wan1.up(towards)
    if towards is None:
        assert_returns(exits, time.monotonic())


@pytest.fixture
def blocking(running: Exits) -> Iterator[Exits]:
    """The first exit alone, with a service that blocks."""
    service = running.service(running.first, 100, "--when-unreachable", "block")
    running.services = {"first": service}
    wait_for(lambda: all_by(running, "first"), 30, "flows by the first exit")
    yield running
    running.entry.cli("services", "delete", service, "--yes")


def outcome(host: Namespace, address: str) -> str:
    """What a new connection ends in, which tries no more than that."""
    try:
        with Connection(host, address, PORT, timeout=8) as connection:
            connection.send(b"GET /peer HTTP/1.1\r\n\r\n")
            return "served" if connection.receive() else "closed"
    except ConnectionRefusedError:
        return "refused"
    except (ConnectionResetError, BrokenPipeError):
        return "reset"
    except TimeoutError:
        return "nothing"


@dataclass(frozen=True)
class Outcome:
    """How a connection ended that began at a time, and how long that took."""

    kind: str
    began_at: float
    seconds: float


@contextlib.contextmanager
def connecting_all_the_time(exits: Exits) -> Iterator[list[Outcome]]:
    """Clients on both hosts, of both families, one connection after the other."""
    outcomes: list[Outcome] = []
    ended = threading.Event()

    def connect(host: Namespace, version: int) -> None:
        while not ended.is_set():
            began_at = time.monotonic()
            kind = outcome(host, exits.network.server.address(version))
            outcomes.append(Outcome(kind, began_at, time.monotonic() - began_at))

    places = [(host, version) for host in (exits.network.client, exits.network.entry) for version in VERSIONS]
    threads = [threading.Thread(target=connect, args=place, daemon=True) for place in places]
    for thread in threads:
        thread.start()
    try:
        yield outcomes
    finally:
        ended.set()
        for thread in threads:
            thread.join(20)


@contextlib.contextmanager
def uploading(exits: Exits, version: int) -> Iterator[None]:
    """A flow that is in the middle of something when its exit goes."""
    with Connection(exits.network.client, exits.network.server.address(version), PORT, timeout=60) as upload:

        def send() -> None:
            with contextlib.suppress(OSError):
                while True:
                    upload.send(bytes(65536))

        upload.send(b"PUT /upload HTTP/1.1\r\nContent-Length: 1000000000000\r\n\r\n")
        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                upload.socket.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def refused(outcomes: list[Outcome], since: float) -> bool:
    """Whether all that began since then were refused, on all four ways."""
    late = [one.kind for one in outcomes if one.began_at > since]
    return len(late) > 40 and set(late) == {"refused"}


def datagram_is_refused(host: Namespace, address: str) -> bool:
    """With an error at once, instead of a wait."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.closing(host.socket(family, socket.SOCK_DGRAM)) as sender:
        sender.settimeout(3)
        try:
            sender.connect((address, 5353))
            sender.send(b"?")
            sender.recv(100)
        except OSError as error:
            return error.errno in (errno.EHOSTUNREACH, errno.EACCES, errno.EPERM)
    return False


@pytest.mark.parametrize("how", ["kill", "suspend", pytest.param("cut", marks=pytest.mark.slow)])
def test_nothing_leaves_in_clear_with_block(blocking: Exits, how: str) -> None:
    """From before the failure until after the return, with flows under way and changes of other services meanwhile."""
    network, entry = blocking.network, blocking.entry
    assert blocking.first.process
    with (
        in_clear(network) as seen,
        connecting_all_the_time(blocking) as outcomes,
        uploading(blocking, 4),
        uploading(blocking, 6),
    ):
        wait_for(lambda: network.wan1.stats()["first"].bytes_in > 3_000_000, 10, "uploads under way")
        failed_at = time.monotonic()
        if how == "kill":
            blocking.first.kill()
        elif how == "suspend":
            blocking.first.process.signal(signal.SIGSTOP)
        else:
            network.wan1.down()
        wait_for(lambda: "are refused" in reason(blocking, "first"), 10, "a service that blocks")
        blocked_at = time.monotonic()
        wait_for(lambda: refused(outcomes, blocked_at), 10, "connections that are refused")
        for host in (network.client, network.entry):
            for version in VERSIONS:
                assert datagram_is_refused(host, network.server.address(version)), (host, version)
        other = blocking.service(blocking.second, 1, dests=("10.7.0.0/24", "fd07::/64"))
        entry.cli("services", "delete", other, "--yes")
        if how == "kill":
            blocking.first.start()
        elif how == "suspend":
            blocking.first.process.signal(signal.SIGCONT)
        else:
            network.wan1.up()
        back_at = time.monotonic()
        wait_for(
            lambda: any(one.kind == "served" and one.began_at > back_at for one in outcomes), RETURN_SECONDS, "flows"
        )
    assert not seen, f"{len(seen)} packets in clear, the first: {seen[0].hex()}"
    during = [one for one in outcomes if failed_at < one.began_at < back_at]
    assert {one.kind for one in during} <= {"refused", "reset"}
    assert max(one.seconds for one in during) < FAILOVER_SECONDS


def changes(exits: Exits) -> list[str]:
    """What the entry's log says of targets."""
    return [line for line in exits.entry.log.splitlines() if '"target peer ' in line]


def failovers(exits: Exits) -> float:
    text = exits.entry.api("GET", "/metrics", token=None).text
    (line,) = [
        line
        for line in text.splitlines()
        if line.startswith("arctic_service_failovers_total") and exits.services["first"] in line
    ]
    return float(line.split()[-1])


def pause(seconds: float) -> None:
    """For what has to last."""
    until = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > until, seconds + 5)


@pytest.mark.timing
@pytest.mark.waits
def test_a_pause_of_the_entry_itself_is_no_failure(exits: Exits) -> None:
    """As on a machine that has no time for it: the answers wait in its sockets."""
    before = len(changes(exits))
    assert exits.entry.process
    exits.entry.process.signal(signal.SIGSTOP)
    try:
        pause(5)
    finally:
        exits.entry.process.signal(signal.SIGCONT)
    assert exits.way(timeout=10) == "first"
    pause(1)
    assert len(changes(exits)) == before and failovers(exits) == 0


@pytest.mark.slow
@pytest.mark.timing
@pytest.mark.waits
def test_a_long_lossy_path_is_no_failure(exits: Exits) -> None:
    """A round trip of 300 ms and 5 % loss in both directions, with flows over it."""
    before = len(changes(exits))
    wan = exits.network.wan1
    wan.set(delay_ms=150, loss_percent=5, seed=7)
    try:
        with connecting_all_the_time(exits):
            wait_for(lambda: wan.stats()["entry"].frames_in > 2500, 60, "traffic on the path")
    finally:
        wan.set(delay_ms=0, loss_percent=0)
    assert len(changes(exits)) == before and failovers(exits) == 0


@pytest.mark.slow
@pytest.mark.timing
@pytest.mark.waits
def test_twenty_flaps_in_a_minute(exits: Exits) -> None:
    """The preferred exit's agent is killed and started again every three seconds: no more than four changes come of it."""
    before = len(changes(exits))
    began_at = time.monotonic()
    for flap in range(20):
        exits.first.kill()
        pause(1.5)
        exits.first.start()
        pause(max(0.0, began_at + 3 * (flap + 1) - time.monotonic()))
    assert len(changes(exits)) - before <= 4
    assert failovers(exits) <= 2
    seconds_until(exits, "first", 90)


@pytest.mark.slow
@pytest.mark.timing
@pytest.mark.waits
def test_an_exit_that_fails_again_waits_longer(exits: Exits) -> None:
    """And the operator is told until when, and why."""
    before = len(changes(exits))
    for number in (1, 2):
        exits.network.wan1.down()
        try:
            seconds_until(exits, "second", 15)
        finally:
            exits.network.wan1.up()
        wait_for(lambda: "is trusted at" in reason(exits, "first"), RETURN_SECONDS, "an exit that answers")
        if number == 1:
            assert "when it has done so for 5 s" in reason(exits, "first")
            seconds_until(exits, "first", RETURN_SECONDS)
    told = reason(exits, "first")
    assert "because it has failed 2 times since" in told and "next best way" in told
    assert len(changes(exits)) - before == 3 and failovers(exits) == 2
    pause(SETTLE_SECONDS + 2)
    assert exits.way() == "second" and reason(exits, "first") == told


def test_block_holds_from_the_start_on(blocking: Exits) -> None:
    """An agent that starts while its exit is away refuses as soon as it is ready: it has no moment of trust."""
    network, entry = blocking.network, blocking.entry
    blocking.first.stop()
    entry.stop()
    try:
        assert outcome(network.client, network.server.ipv4) == "served", "without an agent traffic is direct"
        entry.start()
        wait_for(lambda: entry.api("GET", "/readyz", token=None).status == 200, 15, "an agent that is ready")
        with in_clear(network) as seen:
            for host in (network.client, network.entry):
                for version in VERSIONS:
                    assert outcome(host, network.server.address(version)) == "refused"
                    assert datagram_is_refused(host, network.server.address(version))
        assert not seen
    finally:
        blocking.first.start()


@pytest.mark.slow
@pytest.mark.timing
@pytest.mark.waits
def test_records_on_a_narrow_link_are_no_failure(exits: Exits) -> None:
    """Whichever way they go: questions and answers wait behind them for longer than a peer may be silent."""
    before = len(changes(exits))
    wan = exits.network.wan1
    wan.set(rate_mbit=0.4, queue_bytes=40_000)
    routes = [{"dest_cidr": f"10.{100 + n // 250}.{n % 250}.0/24", "priority": 100} for n in range(8000)]
    made = []
    try:
        carried = {end: wan.stats()[end].bytes_in for end in ("first", "entry")}
        for source, target, end in ((exits.entry, exits.second, "first"), (exits.first, exits.second, "entry")):
            service = source.create_service(target)
            made.append((source, service))
            answer = source.api("POST", f"/v1/services/{service}/routes", {"routes": routes})
            assert answer.status in (200, 201), answer
            wait_for(lambda e=end: wan.stats()[e].bytes_in - carried[e] > 400_000, 60, "the record on its way")
    finally:
        wan.set(rate_mbit=0)
        for source, service in made:
            source.cli("services", "delete", service, "--yes")
    assert len(changes(exits)) == before and failovers(exits) == 0
