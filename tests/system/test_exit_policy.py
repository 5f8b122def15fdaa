"""The exit is no open proxy: what it opens is limited by service, routes, peer and destination, whatever a peer asks for."""

import socket
import ssl
import struct
from pathlib import Path

import pytest
from agents import Pair
from arctic_lab import wait_for
from flows import received
from tunnel_peer import DATA, FIN, OPEN, OPENED, RESET, TunnelPeer, make_key

CLIENT, SERVER = "10.1.0.2", "10.2.0.2"


class Hostile:
    """A pair whose entry's key has fallen into wrong hands: its service covers all destinations from the client LANs."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.lab = pair.lab
        self.service = pair.entry.create_service(pair.exit)
        pair.entry.add_route(self.service, source="10.1.0.0/24", dest="0.0.0.0/0")
        pair.entry.add_route(self.service, source="fd01::/64", dest="::/0")
        pair.wait_until_carried(self.service)
        self.key = pair.entry.data_dir / "peer.key"

    def connect(self, key: Path | None = None, protocol: str = "arctic-flow/1") -> TunnelPeer:
        return TunnelPeer(self.lab.entry, "10.9.0.2", key or self.key, self.lab.directory, protocol=protocol)

    def ask(self, destination: str, port: int = 80, client: str = "", service: str = "") -> str:
        """The exit's answer to one OPEN over a connection of its own."""
        client = client or ("fd01::2" if ":" in destination else CLIENT)
        with self.connect() as tunnel:
            tunnel.open(service or self.service, destination, port, client)
            return tunnel.answer()


@pytest.fixture(scope="module")
def hostile(module_pair: Pair) -> Hostile:
    module_pair.lab.server.serve("echo", 80)
    return Hostile(module_pair)


def test_what_a_route_covers_is_opened(hostile: Hostile) -> None:
    """The tests below mean something only while this one passes."""
    assert hostile.ask(SERVER) == "opened"
    assert hostile.ask("fd02::2") == "opened"
    with hostile.connect() as tunnel:
        tunnel.open(hostile.service, SERVER, 80, CLIENT)
        tunnel.send_frame(DATA, b"hello")
        assert tunnel.receive_frame()[0] == OPENED
        assert tunnel.receive_frame() == (DATA, b"hello")


@pytest.mark.parametrize("client", ["10.1.1.2", "10.9.0.1", "192.168.0.1"])
def test_a_source_outside_the_routes(hostile: Hostile, client: str) -> None:
    assert hostile.ask(SERVER, client=client) == "not permitted"


def test_a_destination_outside_the_routes(hostile: Hostile) -> None:
    pair = hostile.pair
    narrow = pair.entry.create_service(pair.exit)
    pair.entry.add_route(narrow, dest="10.2.0.0/30")
    pair.wait_until_carried(narrow)
    assert hostile.ask(SERVER, service=narrow) == "opened"
    assert hostile.ask("10.2.0.4", service=narrow) == "not permitted"
    assert hostile.ask("fd02::2", service=narrow) == "not permitted"


def test_a_service_that_does_not_exist(hostile: Hostile) -> None:
    assert hostile.ask(SERVER, service="svc_01ARZ3NDEKTSV4RRFFQ69G5FAV") == "not permitted"


def test_a_service_of_the_other_direction(hostile: Hostile) -> None:
    """The exit's own service towards the entry is no leave for the entry."""
    pair = hostile.pair
    other = pair.exit.create_service(pair.entry)
    pair.exit.add_route(other, dest="10.1.0.0/24")
    assert hostile.ask(SERVER, service=other) == "not permitted"


def test_a_deleted_service(hostile: Hostile) -> None:
    pair = hostile.pair
    gone = pair.entry.create_service(pair.exit)
    pair.entry.add_route(gone, dest="10.2.0.0/24")
    pair.wait_until_carried(gone)
    assert hostile.ask(SERVER, service=gone) == "opened"
    pair.entry.cli("services", "delete", gone, "--yes")
    assert hostile.ask(SERVER, service=gone) == "not permitted"


FORBIDDEN = (
    ("127.0.0.1", 80),
    ("127.8.9.1", 22),
    ("::1", 80),
    ("::ffff:127.0.0.1", 80),
    ("::ffff:10.2.0.2", 80),
    ("::127.0.0.1", 80),
    ("0.0.0.0", 80),
    ("::", 80),
    ("169.254.169.254", 80),
    ("fe80::1", 80),
    ("224.0.0.1", 80),
    ("255.255.255.255", 80),
    ("ff02::1", 80),
    # The exit's own API and tunnel, by each of its addresses.
    ("10.9.0.2", 8080),
    ("10.2.0.1", 8080),
    ("fd09::2", 8080),
    ("fd02::1", 8080),
    ("10.9.0.2", 61000),
    ("10.2.0.1", 61000),
    ("fd02::1", 61000),
    (SERVER, 0),
)


@pytest.mark.parametrize(("destination", "port"), FORBIDDEN)
def test_a_forbidden_destination(hostile: Hostile, destination: str, port: int) -> None:
    """Whatever the routes cover."""
    assert hostile.ask(destination, port) in ("not permitted", "closed")
    assert hostile.ask(SERVER) == "opened"


def test_the_broadcast_address_of_a_network(hostile: Hostile) -> None:
    """The exit's kernel opens no TCP to it; that is as good."""
    assert hostile.ask("10.2.0.255") in ("not permitted", "refused 3")


def test_other_ports_of_the_exit_itself(hostile: Hostile) -> None:
    """A server on the exit host is a destination like others."""
    hostile.lab.exit.serve("echo", 7)
    assert hostile.ask("10.2.0.1", 7) == "opened"
    assert hostile.ask("10.9.0.2", 7) == "opened"


# Strangers


def test_a_stranger_gets_nothing(hostile: Hostile) -> None:
    """A valid TLS client with a key that no peer has."""
    key = make_key(hostile.lab.directory / "stranger.key")
    with hostile.connect(key) as tunnel:
        tunnel.open(hostile.service, SERVER, 80, CLIENT)
        assert tunnel.answer() == "closed"


def test_a_client_without_a_certificate_gets_nothing(hostile: Hostile) -> None:
    try:
        with TunnelPeer(hostile.lab.entry, "10.9.0.2", None, hostile.lab.directory) as tunnel:
            tunnel.open(hostile.service, SERVER, 80, CLIENT)
            assert tunnel.answer() == "closed"
    except ssl.SSLError:
        pass  # refused in the handshake already


def test_an_unknown_protocol_is_refused(hostile: Hostile) -> None:
    with pytest.raises((ssl.SSLError, OSError)), hostile.connect(protocol="h2") as tunnel:
        tunnel.open(hostile.service, SERVER, 80, CLIENT)
        assert tunnel.answer() == "closed"
        raise ssl.SSLError("closed without an alert")


def test_plain_text_on_the_tunnel_port(hostile: Hostile) -> None:
    request = b"GET / HTTP/1.1\r\nHost: exit\r\n\r\n"
    assert b"HTTP" not in received(hostile.lab.entry, "10.9.0.2", 61000, send=request, timeout=20)[0]
    assert hostile.ask(SERVER) == "opened"


def test_the_capture_port_is_no_proxy(hostile: Hostile) -> None:
    """The listener of captured flows, reached directly by a program on the host, serves nothing."""
    entry = hostile.lab.entry
    listening = entry.run("ss", "-Hltn").stdout.split()
    ports = {int(word.rpartition(":")[2]) for word in listening if word.startswith(("127.0.0.1:", "[::1]:"))}
    assert ports
    for port in ports:
        for address in ("127.0.0.1", "::1"):
            assert received(entry, address, port, send=b"hello")[0] == b""


# Broken peers

WRONG = {
    "unknown type": struct.pack("!BBH", 77, 0, 0),
    "unknown flags": struct.pack("!BBH", DATA, 1, 1) + b"x",
    "too long": struct.pack("!BBH", DATA, 0, 16381) + bytes(16381),
    "data before a flow": struct.pack("!BBH", DATA, 0, 1) + b"x",
    "half-close before a flow": struct.pack("!BBH", FIN, 0, 0),
    "short open": struct.pack("!BBH", OPEN, 0, 10) + bytes(10),
    "open of no family": struct.pack("!BBH", OPEN, 0, 44) + struct.pack("!IBBHH", 1, 5, 0, 80, 1) + b"0" * 34,
    "the exit's own answer": struct.pack("!BBH", OPENED, 0, 4) + struct.pack("!I", 1),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_broken_peer_is_cut_off(hostile: Hostile, fault: str) -> None:
    """Its connection ends, and the exit serves others as before."""
    with hostile.connect() as tunnel:
        assert tunnel.is_cut_off_at(WRONG[fault])
    assert hostile.ask(SERVER) == "opened"


def test_a_second_open_on_a_busy_connection(hostile: Hostile) -> None:
    with hostile.connect() as tunnel:
        tunnel.open(hostile.service, SERVER, 80, CLIENT)
        assert tunnel.answer() == "opened"
        tunnel.open(hostile.service, SERVER, 80, CLIENT, flow=2)
        assert tunnel.answer() in ("closed", f"frame {RESET}")
    assert hostile.ask(SERVER) == "opened"


def test_a_vanishing_peer_leaves_no_flow(hostile: Hostile) -> None:
    """When the tunnel connection dies, the exit's connection to the server ends too."""
    tunnel = hostile.connect()
    tunnel.open(hostile.service, SERVER, 80, CLIENT)
    assert tunnel.answer() == "opened"
    raw = tunnel.socket
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()
    assert hostile.ask(SERVER, service="svc_01ARZ3NDEKTSV4RRFFQ69G5FAV") == "not permitted"

    def none_left() -> bool:
        listing = hostile.lab.exit.run("ss", "-Htn", "state", "established", "dst", f"{SERVER}:80").stdout
        return not listing.strip()

    wait_for(none_left, 5, "the end of the exit's connections to the server")
