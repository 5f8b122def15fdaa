"""Services that block: what their routes match is refused, TCP or not, and the rest of the host's traffic goes on."""

import errno
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace

import pytest
from arctic_lab import Namespace, wait_for
from kernel_probe import DIRECT, PORT, Connection, Network, Service, taker
from kernel_setup import ENTRY, FAMILIES, MODES, SERVER, StartProbe, everything, nft

UDP_PORT = 5000
GRE = 47
CLIENT = {4: "10.11.0.7", 6: "fd11::7"}
# ICMP "administratively prohibited" (RFC 1812 section 5.2.7.1, RFC 4443 section 3.1), and EPERM for what was made on the host itself.
REFUSALS = (errno.EHOSTUNREACH, errno.EACCES, errno.EPERM)


def family(version: int) -> socket.AddressFamily:
    return socket.AF_INET if version == 4 else socket.AF_INET6


@contextmanager
def udp(host: Namespace, address: str, port: int = 0) -> Iterator[socket.socket]:
    with closing(host.socket(family(6 if ":" in address else 4), socket.SOCK_DGRAM)) as bound:
        bound.settimeout(3)
        bound.bind((address, port))
        yield bound


def exchange(here: socket.socket, there: socket.socket) -> str:
    """What becomes of a datagram and its answer: `answered`, or `refused` by an error that the sender gets."""
    here.connect(there.getsockname())
    try:
        here.send(b"ask")
        data, source = receive(here, there)
    except OSError as error:
        assert error.errno in REFUSALS, error
        return "refused"
    there.sendto(data, source)
    return "answered" if here.recv(100) == data else "garbled"


def receive(here: socket.socket, there: socket.socket) -> tuple[bytes, tuple[str, int]]:
    """The datagram, where it arrives; the error at the sender, where it does not."""

    def outcome() -> tuple[bytes, tuple[str, int]] | None:
        problem = here.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if problem:
            raise OSError(problem, "refused")
        with suppress(BlockingIOError):
            data: bytes
            source: tuple[str, int]
            data, source = there.recvfrom(100, socket.MSG_DONTWAIT)[:2]
            return data, source
        return None

    return wait_for(outcome, 3, "a datagram or an error")


def pings(host: Namespace, address: str) -> bool:
    return host.run("ping", "-nqc1", "-W1", address, check=False).returncode == 0


def gre_arrives(network: Network, host: Namespace, version: int) -> bool:
    """Whether a packet of a protocol that nobody speaks here reaches the server."""
    kinds = (family(version), socket.SOCK_RAW)
    with network.server.entered(), closing(socket.socket(*kinds, GRE)) as there:
        with host.entered():
            here = socket.socket(*kinds, GRE)
        with closing(here):
            there.settimeout(0.5)
            with suppress(PermissionError):
                here.sendto(b"\0\0\0\0none", (SERVER[version], 0))
            with suppress(TimeoutError):
                return bool(there.recv(100))
            return False


def blocking(services: list[Service]) -> list[Service]:
    return [replace(service, block=True) for service in services]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("version", FAMILIES)
def test_what_is_not_tcp_is_refused_while_a_service_blocks(
    network: Network, start: StartProbe, version: int, mode: str) -> None:
    probe = start(table_mode=MODES[mode])
    services = everything()
    places = ((network.client, CLIENT[version]), (network.entry, ENTRY[version]))

    def outcomes() -> set[str]:
        found = set()
        with udp(network.server, SERVER[version], UDP_PORT) as there:
            for host, address in places:
                with udp(host, address) as here:
                    found.add(exchange(here, there))
        return found

    for _ in range(2):
        probe.apply(*services)
        assert outcomes() == {"answered"}
        assert all(pings(host, SERVER[version]) for host, _ in places)
        assert all(gre_arrives(network, host, version) for host, _ in places)
        probe.apply(*blocking(services))
        assert outcomes() == {"refused"}
        assert not any(pings(host, SERVER[version]) for host, _ in places)
        assert not any(gre_arrives(network, host, version) for host, _ in places)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("version", FAMILIES)
def test_an_exchange_that_runs_is_refused_as_well(network: Network, start: StartProbe, version: int, mode: str) -> None:
    """Datagrams have no first one to tell by: none leaves, whatever went before."""
    probe = start(table_mode=MODES[mode])
    services = everything()
    probe.apply(*services)
    with (
        udp(network.client, CLIENT[version]) as here,
        udp(network.server, SERVER[version], UDP_PORT) as there,
    ):
        assert exchange(here, there) == "answered"
        probe.apply(*blocking(services))
        assert exchange(here, there) == "refused"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("version", FAMILIES)
def test_answers_and_other_traffic_pass(network: Network, start: StartProbe, version: int, mode: str) -> None:
    """What came in is answered, errors come back, and what no blocking service has a route for goes on."""
    probe = start(table_mode=MODES[mode])
    to_server = Service([(None, f"{SERVER[version]}/{32 if version == 4 else 128}", 1)], block=True)
    probe.apply(to_server)
    for host, address in ((network.client, CLIENT[version]), (network.entry, ENTRY[version])):
        with udp(host, address, UDP_PORT) as there, udp(network.server, SERVER[version]) as here:
            assert exchange(here, there) == "answered", host
            here.connect((address, UDP_PORT + 1))
            here.send(b"nobody listens there")
            with pytest.raises(ConnectionRefusedError):
                here.recv(100)
        assert pings(network.server, address)
    other = {4: "10.13.200.1", 6: "fd13:0:200::1"}[version]
    net = {4: "10.13.200.0/24", 6: "fd13:0:200::/48"}[version]
    free = Service([(None, net, 1)])
    probe.apply(*blocking(everything()), free)
    assert taker(network.client, other) == free.id
    assert pings(network.client, other) and not pings(network.client, SERVER[version])


def test_neighbours_still_find_each_other(network: Network, start: StartProbe) -> None:
    """Who asks from a global address is answered there (RFC 4861 section 7.2.4), also where a route covers that address."""
    start().apply(*blocking(everything()))
    network.server.ip("neigh flush dev wan")
    assert pings(network.server, "fd02::1")


def test_it_costs_nothing_while_none_blocks(network: Network, start: StartProbe) -> None:
    probe = start()

    def other() -> list[str]:
        listed = nft(network.entry, "list", "chain", "inet", "arctic", "other")
        return [line for line in listed.splitlines() if line.strip().startswith(("jump", "ct", "meta", "udp", "icmp"))]

    probe.apply(*everything())
    assert not other()
    probe.apply(*blocking(everything()))
    assert other()
    probe.apply(*everything())
    assert not other()


@pytest.mark.parametrize("version", FAMILIES)
def test_what_comes_after_a_captured_connection_does_not_leave(
    network: Network, start: StartProbe, version: int
) -> None:
    """A segment that finds no socket any more, as when the agent has reset the connection, is answered with a reset."""
    start().apply(*everything())
    table = "add table inet seen; add counter inet seen strays; "
    chain = "add chain inet seen post { type filter hook postrouting priority 0; }"
    nft(network.entry, table + chain)
    nft(network.entry, f"add rule inet seen post oifname wan tcp dport {PORT} counter name strays")
    drop = "add table inet deaf; add counter inet deaf unheard; add chain inet deaf pre { type filter hook prerouting priority -300; }"
    nft(network.client, drop)
    with Connection(network.client, SERVER[version], source=CLIENT[version]) as connection:
        assert connection.taker != DIRECT
        # The client does not hear of the end of its connection, and goes on.
        nft(network.client, f"add rule inet deaf pre tcp sport {PORT} tcp flags & rst == rst counter name unheard drop")
        network.entry.run("ss", "-K", "dport", "=", f":{connection.local[1]}")
        wait_for(lambda: "packets 0" not in nft(network.client, "list", "counter", "inet", "deaf", "unheard"), 3, "a reset")
        nft(network.client, "delete table inet deaf")
        connection.socket.sendall(b"secret\n")
        with pytest.raises(ConnectionResetError):
            connection.socket.recv(100)
    assert "packets 0" in nft(network.entry, "list", "counter", "inet", "seen", "strays")
