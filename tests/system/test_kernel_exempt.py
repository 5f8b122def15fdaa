"""What is never captured, and what stays captured."""

import socket
import struct
from collections.abc import Callable, Iterator

import pytest
from arctic_lab import Namespace
from kernel_probe import DIRECT, PLAIN, PORT, Connection, Network, Probe, direct_server, taker
from kernel_setup import ENTRY, FAMILIES, MODES, SERVER, StartProbe, everything, nft


@pytest.fixture
def everything_captured(network: Network, start: StartProbe) -> Probe:
    probe = start()
    probe.apply(*everything())
    assert taker(network.client, SERVER[4]) != DIRECT
    assert taker(network.entry, SERVER[6]) != DIRECT
    return probe


@pytest.mark.parametrize("version", FAMILIES)
def test_own_addresses_are_not_captured(network: Network, everything_captured: Probe, version: int) -> None:
    with direct_server(network.entry):
        assert taker(network.client, ENTRY[version]) == DIRECT
        assert taker(network.entry, ENTRY[version]) == DIRECT


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_is_not_captured(network: Network, everything_captured: Probe, address: str) -> None:
    with direct_server(network.entry):
        assert taker(network.entry, address) == DIRECT


def test_listener_itself_is_no_way_in(network: Network, start: StartProbe) -> None:
    start().apply(*everything())
    sockets = network.entry.run("ss", "-Hltn").stdout.split()
    for listener in {word for word in sockets if word.startswith(("127.0.0.1:", "[::1]:"))}:
        address, _, port = listener.rpartition(":")
        with socket_to(network.entry, address.strip("[]"), int(port)) as connection:
            assert b"error" in connection.recv(200)


def socket_to(host: Namespace, address: str, port: int) -> socket.socket:
    connection = host.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    connection.settimeout(3)
    connection.connect((address, port))
    return connection


def link_local(host: Namespace, interface: str) -> str:
    text = host.run("ip", "-6", "-br", "addr", "show", interface, "scope", "link").stdout
    return next(word for word in text.split() if word.startswith("fe80")).partition("/")[0]


@pytest.fixture
def link_local_network(network: Network) -> Iterator[Network]:
    """169.254.7.0/24 on the server's cable, and 169.254.169.254 with the server, as cloud hosts have it."""
    network.server.ip("addr add 169.254.7.2/24 dev wan", "addr add 169.254.169.254/32 dev wan")
    network.entry.ip("addr add 169.254.7.1/24 dev wan", "route add 169.254.169.254/32 dev wan src 10.2.0.1")
    yield network
    network.server.ip("addr del 169.254.7.2/24 dev wan", "addr del 169.254.169.254/32 dev wan")
    network.entry.ip("addr del 169.254.7.1/24 dev wan", "route del 169.254.169.254/32 dev wan")


def test_link_local_is_not_captured(link_local_network: Network, everything_captured: Probe) -> None:
    entry, server = link_local_network.entry, link_local_network.server
    before = everything_captured.tell("counters")
    assert taker(entry, "169.254.169.254") == DIRECT
    assert taker(entry, "10.13.0.1", source="169.254.7.1") == DIRECT
    assert taker(entry, f"{link_local(server, 'wan')}%wan", source="fd02::1") == DIRECT
    assert taker(entry, SERVER[6], source=f"{link_local(entry, 'wan')}%wan") == DIRECT
    with direct_server(entry):
        assert taker(link_local_network.client, f"{link_local(entry, 'lan')}%lan") == DIRECT
    assert everything_captured.tell("counters") == before


def test_multicast_and_broadcast_are_not_captured(network: Network, everything_captured: Probe) -> None:
    """No TCP can be opened to them; hand-made SYNs must not count as connections."""
    before = everything_captured.tell("counters")
    with network.client.entered():
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        raw6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_TCP)
    syn = bytes((0x1F, 0x40, 0x1B, 0x58, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0x20, 0, 0, 0, 0, 0))
    with raw, raw6:
        for destination in ("224.0.0.9", "239.1.1.1", "255.255.255.255", "10.1.0.255"):
            raw.setsockopt(socket.SOL_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.1.0.2"))
            raw.sendto(syn, (destination, 0))
        raw6.sendto(syn, ("ff02::9", 0, 0, socket_scope(network.client, "lan")))
    assert taker(network.client, SERVER[4]) != DIRECT  # later than the SYNs on the same cable
    after = everything_captured.tell("counters")
    assert sum(after.values()) == sum(before.values()) + 1


def socket_scope(host: Namespace, interface: str) -> int:
    with host.entered():
        return socket.if_nametoindex(interface)


@pytest.mark.parametrize("version", FAMILIES)
def test_agents_own_sockets_are_not_captured(
    network: Network, everything_captured: Probe, version: int
) -> None:
    destination = f"{SERVER[4]}:{PORT}" if version == 4 else f"[{SERVER[6]}]:{PORT}"
    assert DIRECT in everything_captured.tell("connect", destination=destination)["greeting"]


@pytest.mark.parametrize("version", FAMILIES)
@pytest.mark.parametrize("mode", MODES)
def test_sessions_live_through_a_host_wide_route(
    network: Network, start: StartProbe, version: int, mode: str
) -> None:
    """An operator's session with the entry, and through it, opened before the route and after it."""
    probe = start(table_mode=MODES[mode])
    with direct_server(network.entry):
        before = [
            Connection(network.client, ENTRY[version]),
            Connection(network.server, ENTRY[version]),
            Connection(network.client, SERVER[version]),
            Connection(network.entry, SERVER[version]),
        ]
        probe.apply(*everything())
        after = [Connection(network.client, ENTRY[version]), Connection(network.server, ENTRY[version])]
        for connection in (*before, *after):
            assert connection.taker == DIRECT
            assert connection.alive()
            connection.close()
        assert taker(network.client, SERVER[version]) != DIRECT


@pytest.mark.parametrize("version", FAMILIES)
def test_captured_connections_live_on(network: Network, start: StartProbe, version: int) -> None:
    """Through the end of their route and of their service, and through a table that is made anew."""
    probe = start(table_mode=PLAIN)
    services = everything()
    probe.apply(*services)
    captured = [Connection(network.client, SERVER[version]), Connection(network.entry, SERVER[version])]
    services[0].routes = [(None, "192.0.2.0/24", 1)]
    probe.apply(*services)
    assert all(connection.taker == services[0].id and connection.alive() for connection in captured)
    assert taker(network.client, SERVER[version]) == DIRECT
    nft(network.entry, "add chain inet arctic foreign")
    probe.apply(*services)
    assert "foreign" not in nft(network.entry, "list", "table", "inet", "arctic")
    assert all(connection.alive() for connection in captured)
    probe.apply()
    assert all(connection.alive() for connection in captured)


def flush_conntrack(host: Namespace) -> None:
    """IPCTNL_MSG_CT_DELETE of everything (linux/netfilter/nfnetlink_conntrack.h), as `conntrack -F` sends it."""
    with host.entered():
        netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)  # NETLINK_NETFILTER
    request_and_ack = 1 | 4
    with netlink:
        netlink.send(struct.pack("=IHHIIBBH", 20, (1 << 8) | 2, request_and_ack, 1, 0, 0, 0, 0))
        assert struct.unpack_from("=IHHIIi", netlink.recv(4096))[5] == 0


@pytest.mark.parametrize("version", FAMILIES)
def test_captured_connections_live_on_without_conntrack(
    network: Network, start: StartProbe, sysctl: Callable[[str, int], None], version: int
) -> None:
    sysctl("net/ipv4/ip_early_demux", 0)  # else the kernel remembers a connection's way beside all rules
    start().apply(*everything())
    with Connection(network.client, SERVER[version]) as connection:
        assert connection.taker != DIRECT
        flush_conntrack(network.entry)
        assert connection.alive()
