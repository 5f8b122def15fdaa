"""How flows begin, move and end through the tunnel: a client must see what it would see without it."""

import concurrent.futures
import errno
import hashlib
import json
import socket
import threading
import time

import pytest
from agents import Pair
from arctic_lab import Connection, Content, ContentCheck, End, Lab, http_get, http_upload, receiver_goodput, wait_for
from flows import VERSIONS, carried, quiet, received, says, serving

MEGABYTE = 1 << 20


@pytest.fixture
def service(pair: Pair) -> str:
    """A service that carries all that goes to the server LANs."""
    return pair.carry()


# Flows that cannot be


def reset_on_connect(lab: Lab, address: str, port: int) -> bool:
    """Whether a SYN is answered with a reset; a connection that is made is closed again."""
    try:
        Connection(lab.client, address, port, timeout=5).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass  # connected first
    return False


@pytest.mark.timing
@pytest.mark.parametrize("version", VERSIONS)
def test_refused(lab: Lab, pair: Pair, service: str, version: int) -> None:
    """The first client is reset, retries within 5 s already at their SYN, and after that it is tried anew."""
    server = lab.server.address(version)
    lab.server.serve("echo", 7)
    lab.wan.set(delay_ms=50)
    with Connection(lab.client, server, 81) as first:
        assert first.receive_to_end() == (b"", End.RESET)
        assert 0.1 <= time.monotonic() - first.connected_at < 1
    refused_at = time.monotonic()
    wait_for(lambda: reset_on_connect(lab, server, 81), 1, "a reset of the SYN")
    taken = pair.entry.captured(service)
    while (looked_at := time.monotonic()) < refused_at + 4:
        assert reset_on_connect(lab, server, 81)
        assert time.monotonic() - looked_at < 0.08, "a reset from the entry takes no round trip"
        # Only that port of that host is refused.
        with Connection(lab.client, server, 7) as other:
            assert says(other)
    assert pair.entry.captured(service) > taken
    with serving(lab.server, 81, lambda connection: connection.sendall(b"now")):

        def answered() -> bool:
            try:
                with Connection(lab.client, server, 81) as again:
                    return again.receive_to_end() == (b"now", End.FIN)
            except ConnectionRefusedError:
                return False

        wait_for(answered, 4, "a flow to what listens now")
    assert time.monotonic() - refused_at > 4.5


@pytest.mark.parametrize("destination", ["10.77.0.1", "fd77::1"])
def test_no_way_from_the_exit(lab: Lab, pair: Pair, destination: str) -> None:
    """The exit has no route there: the client is reset at once, not left to time out."""
    prefix = "10.77.0.0/16" if "." in destination else "fd77::/64"
    lab.entry.add_route(prefix, "10.9.0.2" if "." in destination else "fd09::2")
    pair.carry(prefix)
    assert received(lab.client, destination, 80, timeout=5) == (b"", End.RESET)


def test_no_such_host(lab: Lab, pair: Pair, service: str) -> None:
    """Nobody answers the exit's ARP requests: reset when the exit's kernel gives up, after 3 s."""
    assert received(lab.client, "10.2.0.77", 80) == (b"", End.RESET)


def test_an_exit_without_ipv6(lab: Lab, pair: Pair, service: str) -> None:
    """Clients fall back to IPv4 quickly: the first flow is reset, later ones at their SYN."""
    lab.server.serve("http", 80)
    lab.exit.sysctl("net/ipv6/conf/lan/disable_ipv6", 1)
    lab.exit.sysctl("net/ipv6/conf/wan/disable_ipv6", 1)
    assert received(lab.client, lab.server.ipv6, 80, timeout=5) == (b"", End.RESET)
    wait_for(lambda: reset_on_connect(lab, lab.server.ipv6, 80), 1, "a reset of the SYN")
    # Not only where it was tried: the exit has said that it has no IPv6 at all.
    assert reset_on_connect(lab, "fd02::3", 443)
    assert carried(lab, lab.client)


# How flows end


@pytest.mark.parametrize("version", VERSIONS)
def test_the_server_resets(lab: Lab, pair: Pair, service: str, version: int) -> None:
    lab.server.serve("reset-after-sending", 3, "--bytes", "100000")
    lab.server.serve("reset-after-receiving", 4, "--bytes", "1000")
    server = lab.server.address(version)
    with Connection(lab.client, server, 3) as connection:
        data, end = connection.receive_to_end()
        ContentCheck().feed(data)
        assert end is End.RESET
    with Connection(lab.client, server, 4) as connection:
        connection.send(bytes(1000))
        assert connection.receive_to_end() == (b"", End.RESET)


@pytest.mark.parametrize("reading", [True, False], ids=["reading", "stalled"])
def test_the_client_resets(lab: Lab, pair: Pair, service: str, reading: bool) -> None:
    """The server sees a reset, also while it is stalled in sending to a client that does not read."""
    outcome: list[BaseException | bytes] = []
    ended = threading.Event()

    def handle(connection: socket.socket) -> None:
        try:
            connection.settimeout(20)
            if reading:
                connection.sendall(b"hello")
                outcome.append(connection.recv(100))
            while not reading:
                connection.sendall(bytes(MEGABYTE))
        except OSError as error:
            outcome.append(error)
        ended.set()

    with serving(lab.server, 9, handle), Connection(lab.client, lab.server.ipv4, 9) as connection:
        assert connection.receive_exactly(5)
        if not reading:
            quiet(lab)
        connection.reset()
        assert ended.wait(10)
    assert isinstance(outcome[-1], OSError) and outcome[-1].errno in (errno.ECONNRESET, errno.EPIPE), outcome


def test_a_clean_end_is_no_reset(lab: Lab, pair: Pair, service: str) -> None:
    """200 flows one after another over reused connections: each gets its own answer whole, and a FIN."""
    lab.server.serve("banner", 25)
    for number in range(200):
        with Connection(lab.client, lab.server.ipv4, 25) as connection:
            assert connection.receive_line().startswith(b"220 ")
            assert says(connection, b"%d" % number)
            connection.finish()
            assert connection.receive_to_end() == (b"", End.FIN)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_client_closes_its_half_first(lab: Lab, pair: Pair, service: str, version: int) -> None:
    lab.server.serve("half-close", 2)
    lab.wan.set(delay_ms=10, rate_mbit=200)
    content = Content(5)
    with Connection(lab.client, lab.server.address(version), 2, timeout=20) as connection:
        for chunk in content.chunks(8 * MEGABYTE):
            connection.send(chunk)
        connection.finish()
        answer, end = connection.receive_to_end()
    assert end is End.FIN
    assert json.loads(answer) == {"bytes": 8 * MEGABYTE, "sha256": content.sha256(8 * MEGABYTE)}


def test_the_server_closes_its_half_first(lab: Lab, pair: Pair, service: str) -> None:
    content, digests = Content(6), list[str]()
    finished = threading.Event()

    def handle(connection: socket.socket) -> None:
        for chunk in content.chunks(4 * MEGABYTE):
            connection.sendall(chunk)
        connection.shutdown(socket.SHUT_WR)
        digest = hashlib.sha256()
        while data := connection.recv(MEGABYTE):
            digest.update(data)
        digests.append(digest.hexdigest())
        finished.set()

    lab.wan.set(delay_ms=10, rate_mbit=200)
    with serving(lab.server, 9, handle), Connection(lab.client, lab.server.ipv4, 9) as connection:
        received, end = connection.receive_to_end()
        assert end is End.FIN
        assert hashlib.sha256(received).hexdigest() == content.sha256(4 * MEGABYTE)
        assert not finished.is_set(), "the other half is still open"
        for chunk in content.chunks(4 * MEGABYTE):
            connection.send(chunk)
        connection.finish()
        assert finished.wait(20)
    assert digests == [content.sha256(4 * MEGABYTE)]


def test_an_empty_flow(lab: Lab, pair: Pair, service: str) -> None:
    lab.server.serve("echo", 7)
    with Connection(lab.client, lab.server.ipv4, 7) as connection:
        connection.finish()
        assert connection.receive_to_end() == (b"", End.FIN)


# How they move


@pytest.mark.timing
def test_a_server_that_speaks_first(lab: Lab, pair: Pair, service: str) -> None:
    lab.server.serve("banner", 25)
    lab.wan.set(delay_ms=50)
    with Connection(lab.client, lab.server.ipv4, 25) as connection:
        assert connection.receive_line().startswith(f"220 lab {lab.exit.address(4, 'lan')} ".encode())
        assert connection.first_byte_seconds is not None and connection.first_byte_seconds < 0.15
        assert says(connection)


@pytest.mark.slow
def test_flows_that_rest_live_on(lab: Lab, pair: Pair, service: str) -> None:
    """Longer than any time-out inside the tunnel (30 s): an idle flow, a client and a server that stop reading."""
    paused = threading.Event()
    size = 64 * MEGABYTE
    uploaded: list[int] = []

    def read_later(connection: socket.socket) -> None:
        check = ContentCheck()
        check.feed(connection.recv(1000))
        paused.wait(90)
        while data := connection.recv(MEGABYTE):
            check.feed(data)
        uploaded.append(check.received)

    def upload() -> None:
        with Connection(lab.client, lab.server.ipv4, 9, timeout=90) as connection:
            for chunk in Content().chunks(size):
                connection.send(chunk)
            connection.finish()
            assert connection.receive_to_end() == (b"", End.FIN)

    lab.server.serve("http", 80)
    lab.server.serve("echo", 7)
    with (
        concurrent.futures.ThreadPoolExecutor(1) as pool,
        serving(lab.server, 9, read_later),
        Connection(lab.client, lab.server.ipv4, 7) as idle,
        Connection(lab.client, lab.server.ipv4, 80) as download,
    ):
        assert says(idle)
        download.send(b"GET /bytes/%d HTTP/1.1\r\n\r\n" % (size))
        while download.receive_line().strip():
            pass
        check = ContentCheck()
        check.feed(download.receive_exactly(MEGABYTE))
        upload_done = pool.submit(upload)
        rest_until = time.monotonic() + 45
        wait_for(lambda: time.monotonic() > rest_until, 60)  # the passing of time is what is tested
        paused.set()
        assert says(idle)
        while check.received < size:
            check.feed(download.receive_exactly(MEGABYTE))
        upload_done.result()
    assert uploaded == [size]


def test_an_urgent_byte_is_not_lost(lab: Lab, pair: Pair, service: str) -> None:
    """It comes in its place in the stream, as with SO_OOBINLINE; both ways."""

    def speak(connection: socket.socket) -> None:
        connection.sendall(b"ab")
        connection.send(b"!", socket.MSG_OOB)
        connection.sendall(b"cd")

    with serving(lab.server, 9, speak):
        assert received(lab.client, lab.server.ipv4, 9) == (b"ab!cd", End.FIN)
    lab.server.serve("echo", 7)
    with Connection(lab.client, lab.server.ipv4, 7) as connection:
        connection.send(b"ab")
        connection.socket.send(b"!", socket.MSG_OOB)
        connection.send(b"cd")
        assert connection.receive_exactly(5) == b"ab!cd"


@pytest.mark.timing
def test_slow_readers_hurt_nobody(lab: Lab, pair: Pair, service: str) -> None:
    """Thirty flows that nobody reads: the agents hold a bounded part of each, and others are as fast as before."""
    lab.server.serve("http", 80)
    http_get(lab.client, lab.server.ipv4, 80, 4 * MEGABYTE)
    agents = (pair.entry, pair.exit)
    before = [agent.resident_bytes for agent in agents]
    stalled = [Connection(lab.client, lab.server.ipv4, 80, receive_buffer=65536) for _ in range(30)]
    for connection in stalled:
        connection.send(b"GET /bytes/1000000000000 HTTP/1.1\r\n\r\n")
    quiet(lab)
    for agent, size in zip(agents, before, strict=True):
        assert agent.resident_bytes - size < 30 * MEGABYTE, f"{agent.name} holds what nobody reads"
    transfer = http_get(lab.client, lab.server.ipv4, 80, 4 * MEGABYTE, seed=2, timeout=10)
    assert transfer.connect_seconds < 1
    # They are only slow: each goes on where it stopped.
    for connection in stalled:
        assert b"200 OK" in connection.receive_line()
        assert len(connection.receive_exactly(MEGABYTE)) == MEGABYTE
        connection.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_two_hundred_at_once(lab: Lab, pair: Pair, service: str, version: int) -> None:
    """All open at the same time, each with content of its own."""
    lab.server.serve("http", 80)
    lab.wan.set(delay_ms=25, rate_mbit=400)
    size, count = 200_000, 200
    everybody = threading.Barrier(count)

    def one(seed: int) -> int:
        try:
            connection = Connection(lab.client, lab.server.address(version), 80, timeout=60)
        except OSError:
            everybody.abort()
            raise
        with connection:
            everybody.wait(60)
            connection.send(f"GET /bytes/{size}?seed={seed} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
            while connection.receive_line().strip():
                pass
            check = ContentCheck(seed)
            check.feed(connection.receive_exactly(size))
            return check.received

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        assert list(pool.map(one, range(count))) == [size] * count
    assert pair.entry.captured(service) == count


@pytest.mark.parametrize("version", VERSIONS)
def test_large_transfers_arrive_whole(lab: Lab, pair: Pair, service: str, version: int) -> None:
    lab.server.serve("http", 80)
    server, size = lab.server.address(version), 60 * MEGABYTE
    host = f"[{server}]" if version == 6 else server
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        upload = pool.submit(http_upload, lab.client, server, 80, size, seed=3, timeout=60)
        target = lab.directory / "download"
        lab.client.run("curl", "-sf", "-o", str(target), f"http://{host}/bytes/{size}?seed=4", timeout=60)
        upload.result()
    with target.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == Content(4).sha256(size)


@pytest.mark.slow
def test_loss_and_reordering_change_nothing(lab: Lab, pair: Pair, service: str) -> None:
    lab.server.serve("http", 80)
    lab.wan.set(
        delay_ms=15,
        rate_mbit=100,
        loss_percent=2,
        reorder_percent=1,
        reorder_ms=5,
        duplicate_percent=1,
        seed=8,
    )
    for seed in range(3):
        http_get(lab.client, lab.server.ipv4, 80, 3 * MEGABYTE, seed=seed)
        http_upload(lab.client, lab.server.ipv4, 80, 3 * MEGABYTE, seed=seed)


@pytest.mark.slow
@pytest.mark.timing
@pytest.mark.waits
def test_a_longer_path_is_no_slower(lab: Lab, pair: Pair, service: str) -> None:
    """After the WAN has failed over to one four times as long, warm connections fill it like new ones."""
    lab.server.serve("http", 80)
    lab.wan.set(delay_ms=20, rate_mbit=50)
    http_get(lab.client, lab.server.ipv4, 80, 8 * MEGABYTE)
    lab.wan.set(delay_ms=80, rate_mbit=50)
    # A flow that begins before the connections have been asked for a sign of life goes by the old round-trip time.
    asked_until = time.monotonic() + 20
    wait_for(lambda: time.monotonic() > asked_until, 30)
    assert receiver_goodput(lab.client, lab.server.ipv4, 80, 10).mbit > 30
