"""Fully transparent services: the server sees the client itself, and what it answers comes back through the tunnel."""

import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from agents import Pair, running_pair
from arctic_lab import Connection, End, Lab, Namespace, http_get, http_upload, wait_for
from flows import VERSIONS, Capture, received, says, serving
from transparency import (
    BANNER,
    ECHO,
    HALF_CLOSE,
    SETTINGS,
    WEB,
    bound,
    carry_transparently,
    connections,
    ends_seen,
    sees_the_client,
    targets,
)
from tunnel_peer import TunnelPeer

PLACES = ("server", "exit")
FLOWS = 2000
BATCH = 250


@pytest.fixture(scope="module")
def pair(module_lab: Lab, build: Path) -> Iterator[Pair]:
    with running_pair(module_lab, build, **SETTINGS) as agents:
        for host in (module_lab.server, module_lab.exit):
            for kind, port in (("banner", BANNER), ("echo", ECHO), ("http", WEB), ("half-close", HALF_CLOSE)):
                host.serve(kind, port)
        yield agents


@pytest.fixture(scope="module")
def service(pair: Pair) -> str:
    return carry_transparently(pair)


@pytest.fixture
def lab(module_lab: Lab, service: str) -> Lab:
    """With a fully transparent service to the server's LANs, servers in them, and the same servers on the exit itself."""
    return module_lab


both_places = pytest.mark.parametrize("place", PLACES)
both_versions = pytest.mark.parametrize("version", VERSIONS)


@both_places
@both_versions
def test_the_server_sees_address_and_port_of_the_client(
    lab: Lab, pair: Pair, service: str, version: int, place: str
) -> None:
    target = targets(lab, version)[place]
    before = pair.entry.captured(service)
    capture = Capture(lab.entry, "wan", lab.directory)
    for _ in range(5):
        assert sees_the_client(lab.client, target)
    capture.stop()
    assert pair.entry.captured(service) == before + 5
    assert capture.packets(f"host {target}") == []  # nothing of it leaves the tunnel, on either way


@both_places
@both_versions
def test_a_connection_made_on_the_entry_bears_its_address(lab: Lab, version: int, place: str) -> None:
    assert sees_the_client(lab.entry, targets(lab, version)[place])


@both_places
@both_versions
def test_content_arrives_whole_both_ways(lab: Lab, version: int, place: str) -> None:
    target = targets(lab, version)[place]
    http_get(lab.client, target, WEB, 3_000_000, seed=version)
    http_upload(lab.client, target, WEB, 3_000_000, seed=version)


@both_places
@both_versions
def test_half_close_and_resets_pass(lab: Lab, version: int, place: str) -> None:
    target = targets(lab, version)[place]
    with Connection(lab.client, target, HALF_CLOSE) as connection:
        connection.send(b"x" * 100_000)
        connection.finish()
        text, end = connection.receive_to_end()
        assert b'"bytes": 100000' in text and end is End.FIN
    host = lab.hosts[place]
    connection = Connection(lab.client, target, ECHO)
    assert says(connection)
    port = connection.socket.getsockname()[1]
    assert connections(host, "state", "established", "dport", f"= :{port}")
    connection.reset()
    wait_for(lambda: not connections(host, "dport", f"= :{port}"), 5, "the server's connection to be reset")


@both_versions
def test_a_server_that_resets(lab: Lab, version: int) -> None:
    port = 4000 + version
    lab.server.serve("reset-after-sending", port, "--bytes", "50000")
    text, end = received(lab.client, lab.server.address(version), port)
    assert (len(text), end) == (50_000, End.RESET)


@both_places
@both_versions
def test_a_closed_port(lab: Lab, version: int, place: str) -> None:
    """The client learns of it as over a plain service, not after a time-out."""
    began = time.monotonic()
    assert received(lab.client, targets(lab, version)[place], 9) == (b"", End.RESET)
    assert time.monotonic() - began < 5


@both_versions
def test_an_error_from_the_way_to_the_server(lab: Lab, version: int) -> None:
    """ICMP for the client's address is for the exit's socket: it ends the flow at once, which else would wait for 10 s."""
    lab.server.run("nft", "add table inet wall")
    try:
        lab.server.run("nft", "add chain inet wall in { type filter hook input priority 0; }")
        lab.server.run("nft", f"add rule inet wall in tcp dport {10 + version} reject with icmpx type admin-prohibited")
        began = time.monotonic()
        assert received(lab.client, lab.server.address(version), 10 + version) == (b"", End.RESET)
        assert time.monotonic() - began < 5
    finally:
        lab.server.run("nft", "delete table inet wall")


# Ports


@both_places
@both_versions
def test_a_port_that_is_taken_at_the_exit(lab: Lab, version: int, place: str) -> None:
    with bound(lab.exit, version, 45000):
        seen, own = ends_seen(lab.client, targets(lab, version)[place], source_port=45000)
    assert own[1] == 45000
    assert seen[0] == own[0] and seen[1] != 45000


@both_versions
def test_one_port_towards_many_servers(lab: Lab, version: int) -> None:
    """As clients use them: only both ends together are a connection's own."""
    for port in (ECHO, WEB, HALF_CLOSE):
        with Connection(lab.client, lab.server.address(version), port, source_port=45100) as other:
            other.send(b" ")
            assert sees_the_client(lab.client, lab.server.address(version), source_port=45100)
            other.reset()


@both_versions
def test_the_exits_own_connections_are_left_alone(lab: Lab, version: int) -> None:
    """To the same server, from the very port that a client uses."""
    target = lab.server.address(version)
    with Connection(lab.exit, target, ECHO, source_port=45200) as own:
        assert says(own)
        with Connection(lab.client, target, ECHO, source_port=45200) as other:
            assert says(other) and says(own)
            other.reset()
        assert says(own)


@pytest.fixture(params=[0, 1], ids=["", "marks-inherited"])
def reflecting(module_lab: Lab, request: pytest.FixtureRequest) -> Iterator[None]:
    """What the exit's kernel answers itself bears the mark of what it answers, or does not."""
    paths = ("net/ipv4/fwmark_reflect", "net/ipv6/fwmark_reflect")
    for path in paths:
        module_lab.exit.sysctl(path, request.param)
    yield
    for path in paths:
        module_lab.exit.sysctl(path, 0)


@both_places
@both_versions
def test_the_last_packets_of_a_connection(lab: Lab, reflecting: None, version: int, place: str) -> None:
    """A FIN that is sent again finds TIME_WAIT at the exit, and the server's connection comes to its end."""
    host, ended = lab.hosts[place], threading.Event()

    def hold(connection: socket.socket) -> None:
        connection.sendall(b"hello")
        while connection.recv(100):
            pass
        # What acknowledges the end of this server is lost, once.
        host.run("nft", "add rule inet wall in tcp dport 4600 tcp flags & (fin | ack) == ack drop")
        ended.set()

    host.run("nft", "add table inet wall")
    try:
        host.run("nft", "add chain inet wall in { type filter hook input priority 0; }")
        with serving(host, 4600, hold):
            with Connection(lab.client, targets(lab, version)[place], 4600) as connection:
                port = connection.socket.getsockname()[1]
                assert connection.receive_exactly(5) == b"hello"
                connection.finish()
                assert connection.receive_to_end() == (b"", End.FIN)
            assert ended.wait(5)
            last = ("state", "last-ack", "dport", f"= :{port}")
            wait_for(lambda: connections(host, *last), 5, "a server that waits for the last acknowledgement")
            host.run("nft", "flush chain inet wall in")
            wait_for(lambda: not connections(host, *last), 8, "the end of the server's connection")
    finally:
        host.run("nft", "delete table inet wall")


@contextmanager
def naming_server(host: Namespace, port: int) -> Iterator[None]:
    """Tells each client how it is seen, and holds its connection until the client ends it."""
    stop, ready = threading.Event(), threading.Event()

    def run() -> None:
        listener = host.socket(socket.AF_INET6)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("::", port))
        listener.listen(4096)
        listener.setblocking(False)
        ready.set()
        with selectors.DefaultSelector() as selector, listener:
            selector.register(listener, selectors.EVENT_READ)
            while not stop.is_set():
                for key, _ in selector.select(0.2):
                    _serve(selector, listener, key.fileobj)

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(5)
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _serve(selector: selectors.BaseSelector, listener: socket.socket, ready: object) -> None:
    assert isinstance(ready, socket.socket)
    if ready is listener:
        connection, address = listener.accept()
        connection.setblocking(False)
        connection.sendall(f"{address[0].removeprefix('::ffff:')} {address[1]}\n".encode())
        selector.register(connection, selectors.EVENT_READ)
    else:
        with ready, suppress(ConnectionResetError):
            selector.unregister(ready)
            assert not ready.recv(100)


def open_many(host: Namespace, address: str, port: int, first_port: int) -> tuple[int, int]:
    """
    FLOWS connections at once, each from a port of its own: how many are seen with their address, and with their port. They
    come BATCH by BATCH, since a flow waits no longer than 10 s for a connection between the agents to be made.
    """
    clients: list[socket.socket] = []
    addresses = ports = 0
    for batch in range(first_port, first_port + FLOWS, BATCH):
        with host.entered():
            clients += [open_from(address, port, source) for source in range(batch, batch + BATCH)]
        for client in clients[-BATCH:]:
            seen, seen_port = client.recv(100).decode().split()
            addresses += seen == client.getsockname()[0]
            ports += int(seen_port) == client.getsockname()[1]
    for client in clients:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    return addresses, ports


def open_from(address: str, port: int, source_port: int) -> socket.socket:
    client = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    client.settimeout(20)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    client.bind(("", source_port))
    client.connect((address, port))
    return client


@pytest.mark.parametrize(
    ("version", "place"), [(4, "server"), pytest.param(6, "exit", marks=pytest.mark.slow)]
)
def test_thousands_of_flows_and_their_ports_again(lab: Lab, version: int, place: str) -> None:
    target, host = targets(lab, version)[place], lab.hosts[place]
    with naming_server(host, 4700):
        for _ in range(2):
            assert open_many(lab.client, target, 4700, 20000) == (FLOWS, FLOWS)
            # The last are on their way to be reset; then their ports are free at the exit.
            wait_for(lambda: not connections(lab.exit, "sport", ">= :20000", "sport", "< :22000"), 20, "free ports")


def test_a_client_that_comes_back_at_once(lab: Lab) -> None:
    """What its last connection left at the exit, in TIME_WAIT, keeps nobody out."""
    lab.client.sysctl("net/ipv4/tcp_tw_reuse", 1)
    target = lab.server.address(4)
    seen, own = ends_seen(lab.client, target, source_port=45300)
    assert seen == own
    assert connections(lab.exit, "state", "time-wait", "sport", "= :45300")

    def again() -> bool:
        """The client's own kernel takes a second to let the port go."""
        try:
            seen, own = ends_seen(lab.client, target, source_port=45300)
        except OSError:
            return False
        return seen[0] == own[0]

    wait_for(again, 5, "a second connection")


# What must not be


@pytest.mark.parametrize(
    ("client", "answer"),
    [
        ("127.0.0.1", "refused 10"),  # the exit's own: a circle
        ("10.9.0.2", "refused 10"),
        ("10.2.0.1", "refused 10"),
        ("fd02::1", "refused 10"),
        ("127.9.9.9", "not permitted"),
        ("0.1.2.3", "not permitted"),
        ("169.254.7.7", "not permitted"),
        ("224.0.0.1", "not permitted"),
        ("255.255.255.255", "not permitted"),
        ("10.2.0.255", "not permitted"),
        ("fe80::1", "not permitted"),
        ("ff02::1", "not permitted"),
        ("::ffff:10.1.0.2", "not permitted"),
        ("10.1.0.2", "opened"),
        ("fd01::2", "opened"),
    ],
)
def test_a_peer_that_makes_clients_up(lab: Lab, pair: Pair, service: str, client: str, answer: str) -> None:
    """With the entry's own key and for its own service."""
    target = lab.server.address(6 if ":" in client else 4)
    with TunnelPeer(lab.entry, "10.9.0.2", pair.entry.data_dir / "peer.key", lab.directory) as tunnel:
        tunnel.open(service, target, ECHO, client)
        assert tunnel.answer() == answer


@pytest.mark.parametrize(
    ("change", "options"),
    [
        ({"requires_interface": False}, ["--requires-interface=false"]),
        ({"transport_type": "kcp"}, ["--transport", "kcp"]),
        ({"requires_interface": False, "transport_type": "kcp"}, ["--requires-interface=false", "--transport", "kcp"]),
    ],
    ids=["interface", "transport", "both"],
)
def test_what_transparency_needs_is_not_taken_away(pair: Pair, change: dict[str, object], options: list[str]) -> None:
    service = pair.entry.create_service(pair.exit, "--fully-transparent", "--requires-interface")
    answer = pair.entry.api("PUT", f"/v1/services/{service}", change)
    assert answer.error == (400, "INVALID_REQUEST", "fully_transparent")
    pair.entry.cli("services", "update", service, *options, code=6)
    kept = pair.entry.service(service)
    assert kept["fully_transparent"] and kept["requires_interface"] and kept["transport_type"] == "tcp"
    pair.entry.cli("services", "delete", service, "--yes")


def test_no_longer_transparent(lab: Lab, pair: Pair) -> None:
    """What the record says counts for the next flow."""
    service = carry_transparently(pair, "10.2.0.2/32")
    assert sees_the_client(lab.client, lab.server.ipv4)
    pair.entry.cli("services", "update", service, "--fully-transparent=false")
    pair.wait_until_carried(service)
    wait_for(
        lambda: ends_seen(lab.client, lab.server.ipv4)[0][0] == lab.exit.address(4, "lan"), 5, "the exit's own address"
    )
    pair.entry.cli("services", "delete", service, "--yes")
