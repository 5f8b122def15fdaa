"""lib/kernel on a real kernel: who takes a connection, what is left alone, and what remains when the agent is gone."""

import ipaddress
import random
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from arctic_lab import Namespace, Topology, wait_for
from kernel_probe import (
    AUTO,
    CLIENT_NETS,
    DIRECT,
    GUEST_NETS,
    OWNER,
    PLAIN,
    PORT,
    SERVER_NETS,
    Connection,
    Network,
    Probe,
    ProbeError,
    Service,
    direct_server,
    service_id,
    taker,
)

ANY = ("0.0.0.0/0", "::/0")
FAMILIES = (4, 6)
SERVER = {4: "10.2.0.2", 6: "fd02::2"}
ENTRY = {4: "10.1.0.1", 6: "fd01::1"}
# Mostly long ones, so that tables have holes; the tests' addresses differ in the last 16 bits.
LENGTHS = {
    4: (0, 13, 16, 17, 17, 18, 18, 18, 19, 19, 19, 20, 20, 24, 32),
    6: (0, 14, 32, 113, 113, 114, 114, 114, 115, 115, 115, 116, 116, 120, 128),
}
MODES = {"owner": OWNER, "plain": PLAIN}

# What the probe changes and a killed one leaves behind, as the machine may have it.
SETTINGS = {
    "net/ipv4/tcp_slow_start_after_idle": "1",
    "net/ipv4/tcp_rmem": "4096 131072 6291456",
    "net/ipv4/tcp_wmem": "4096 16384 4194304",
}

StartProbe = Callable[..., Probe]


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with Network() as made, direct_server(made.server):
        for path, value in SETTINGS.items():
            made.entry.sysctl(path, value)
        yield made


@pytest.fixture
def start(network: Network, tmp_path: Path) -> Iterator[StartProbe]:
    """Starts probes on the entry; they are killed at the end and leave nothing to the next test."""
    probes: list[Probe] = []

    def start_probe(**options: Any) -> Probe:
        probe = Probe(network.entry, tmp_path / "probe.log", **options)
        probes.append(probe)
        return probe

    yield start_probe
    for probe in probes:
        probe.kill()
    network.entry.run("nft", "flush", "ruleset")
    for path, value in SETTINGS.items():
        network.entry.sysctl(path, value)
    for family in ("-4", "-6"):
        while network.entry.run("ip", family, "rule", "del", "protocol", "161", check=False).returncode == 0:
            pass


def everything(*ids: str) -> list[Service]:
    """One service that takes all destinations, of both families."""
    return [Service([(None, ANY[0], 100), (None, ANY[1], 100)], id=ids[0] if ids else service_id())]


def nft(host: Namespace, *words: str) -> str:
    return host.run("nft", *words).stdout


def rules(host: Namespace) -> str:
    return host.run("ip", "-4", "rule").stdout + host.run("ip", "-6", "rule").stdout


def in_net(random_source: random.Random, net: str) -> str:
    network = ipaddress.ip_network(net)
    return str(network[random_source.randrange(1, min(network.num_addresses, 1 << 16) - 1)])


# Which service takes a connection


def random_cidr(dice: random.Random, nets: list[str], version: int) -> str:
    """A prefix of any length that covers an address that the tests use, so that many routes match."""
    address = in_net(dice, dice.choice(nets))
    length = dice.choice(LENGTHS[version])
    return str(ipaddress.ip_network(f"{address}/{length}", strict=False))


def random_services(dice: random.Random, ids: list[str]) -> list[Service]:
    services = []
    for number, identity in enumerate(ids):
        service = Service(id=identity, interface="own0" if number == 0 else "", withdrawn=number > 0 and dice.random() < 0.1)
        for _ in range(0 if number == 0 and dice.random() < 0.3 else dice.randrange(2, 16)):
            version = dice.choice((0, 1))
            source = random_cidr(dice, [CLIENT_NETS[version], GUEST_NETS[version]], 4 if version == 0 else 6)
            destination = random_cidr(dice, [SERVER_NETS[version]], 4 if version == 0 else 6)
            kind = dice.randrange(4)
            service.routes.append((source if kind != 0 else None, destination if kind != 1 else None, dice.choice((5, 7))))
        services.append(service)
    dice.shuffle(services)
    return services


def random_flow(dice: random.Random, network: Network) -> tuple[Namespace, str, str, str]:
    version = dice.choice((0, 1))
    host, net, interface = dice.choice(((network.client, CLIENT_NETS, "lan"), (network.guest, GUEST_NETS, "own0")))
    return host, in_net(dice, net[version]), in_net(dice, SERVER_NETS[version]), interface


@pytest.mark.parametrize("mode", MODES)
def test_kernel_and_library_choose_the_same_service(network: Network, start: StartProbe, mode: str) -> None:
    dice = random.Random(f"{mode}-1")
    probe = start(table_mode=MODES[mode])
    ids = [service_id() for _ in range(7)]
    taken = set()
    for _ in range(8):  # each table is the one before changed, so that differences are tested and not only full loads
        probe.apply(*random_services(dice, ids[: dice.randrange(3, 8)]))
        for _ in range(50):
            host, source, destination, interface = random_flow(dice, network)
            expected = probe.match(source, destination, interface)
            assert taker(host, destination, source=source) == expected, f"{source} to {destination} from {interface}"
            taken.add(expected)
    assert len(taken) == len(ids) + 1, "each service and the direct path should have won once"


def test_order_of_rules(network: Network, start: StartProbe) -> None:
    """The rules of the order one by one, each against the next weaker one."""
    probe = start()
    nets = {"s8": "10.0.0.0/8", "s16": "10.11.0.0/16", "d8": "10.0.0.0/8", "d16": "10.13.0.0/16"}
    rows: list[tuple[Service, Service]] = [
        (Service([(nets["s8"], nets["d8"], 9)]), Service([(nets["s16"], None, 1)])),  # both before source only
        (Service([(nets["s8"], None, 9)]), Service([(None, nets["d16"], 1)])),  # source before destination
        (Service([(nets["s16"], nets["d8"], 9)]), Service([(nets["s8"], nets["d16"], 1)])),  # longer source
        (Service([(nets["s8"], nets["d16"], 9)]), Service([(nets["s8"], nets["d8"], 1)])),  # longer destination
        (Service([(None, nets["d8"], 1)], id=service_id(900)), Service([(None, nets["d8"], 2)], id=service_id(800))),
        (Service([(None, nets["d8"], 2)], id=service_id(800)), Service([(None, nets["d8"], 2)], id=service_id(900))),
    ]
    for winner, loser in rows:
        probe.apply(loser, winner)
        assert taker(network.client, "10.13.0.1", source="10.11.0.1") == winner.id, (winner, loser)


@pytest.mark.parametrize("version", FAMILIES)
def test_interface_class(network: Network, start: StartProbe, version: int) -> None:
    probe = start()
    index = FAMILIES.index(version)
    own = Service(interface="own0")
    strong = Service([(GUEST_NETS[index], SERVER_NETS[index], 1)])
    source, destination = ("10.12.0.7", "10.13.0.1") if version == 4 else ("fd12::7", "fd13::1")
    other = "10.11.0.7" if version == 4 else "fd11::7"
    probe.apply(own, strong)
    assert taker(network.guest, destination, source=source) == own.id
    assert taker(network.client, destination, source=other) == DIRECT
    # With routes it takes what they match: from its interface before all others, from elsewhere by their class.
    own.routes = [(None, SERVER_NETS[index], 50)]
    probe.apply(own, strong)
    assert taker(network.guest, destination, source=source) == own.id
    assert taker(network.client, destination, source=other) == own.id
    assert taker(network.guest, SERVER[version], source=source) == DIRECT


def test_withdrawn_and_blocked(network: Network, start: StartProbe) -> None:
    probe = start()
    first = Service([(None, ANY[0], 1), (None, ANY[1], 1)])
    second = Service([(None, ANY[0], 2)])
    probe.apply(first, second)
    assert taker(network.client, SERVER[4]) == first.id
    first.withdrawn = True
    probe.apply(first, second)
    assert [taker(network.client, SERVER[version]) for version in FAMILIES] == [second.id, DIRECT]
    first.withdrawn = False
    first.block = True
    probe.apply(first, second)
    assert_refused(network)
    first.block = False
    probe.apply(first, second)
    assert [taker(network.entry, SERVER[version]) for version in FAMILIES] == [first.id, first.id]


def test_odd_prefixes(network: Network, start: StartProbe) -> None:
    probe = start()
    odd = Service([("::ffff:10.0.0.0/104", None, 1), (None, "::ffff:1.2.3.4/128", 1), ("0.0.0.0/32", "0.0.0.0/1", 1)])
    far = Service([("128.0.0.0/1", None, 1), (None, "8000::/1", 1), ("::/0", "::/0", 1), ("0.0.0.0/0", "10.13.0.1/32", 1)])
    probe.apply(odd, far)
    assert taker(network.client, "10.13.0.1") == far.id
    assert taker(network.client, "fd13::1") == far.id
    assert taker(network.client, "10.13.0.2") == DIRECT


def test_nothing_to_do_commits_nothing(network: Network, start: StartProbe) -> None:
    probe = start()
    services = everything()
    probe.apply(*services)
    before = nft(network.entry, "-a", "list", "table", "inet", "arctic")
    probe.apply(*services)
    assert nft(network.entry, "-a", "list", "table", "inet", "arctic") == before
    probe.apply()
    empty = nft(network.entry, "list", "table", "inet", "arctic")
    assert "svc_" not in empty and "d4_0" not in empty and "cap_" not in empty
    assert taker(network.client, SERVER[4]) == DIRECT


# What a captured connection knows


@pytest.mark.parametrize("version", FAMILIES)
def test_captured_connection_knows_its_flow(network: Network, start: StartProbe, version: int) -> None:
    probe = start()
    probe.apply(*everything())
    for host, interface in ((network.client, "lan"), (network.guest, "own0"), (network.entry, "")):
        with Connection(host, SERVER[version]) as connection:
            address, port = connection.local[:2]
            written = (lambda text: f"[{text}]") if version == 6 else str
            assert connection.greeting["source"] == f"{written(address)}:{port}"
            assert connection.greeting["destination"] == f"{written(SERVER[version])}:{PORT}"
            assert connection.greeting["interface"] == interface
            assert connection.alive()


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


def test_counters_count_connections(network: Network, start: StartProbe) -> None:
    probe = start()
    first, second = Service([(None, SERVER_NETS[0], 1)]), Service([(None, SERVER_NETS[1], 1)])
    probe.apply(first, second)
    for destination in ("10.13.0.1", "10.13.0.2", "fd13::1"):
        taker(network.client, destination)
    taker(network.entry, "10.13.0.1")
    assert probe.tell("counters") == {first.id: 3, second.id: 1}


# What is never captured


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
def test_agents_own_sockets_are_not_captured(network: Network, everything_captured: Probe, version: int) -> None:
    destination = f"{SERVER[4]}:{PORT}" if version == 4 else f"[{SERVER[6]}]:{PORT}"
    assert DIRECT in everything_captured.tell("connect", destination=destination)["greeting"]


@pytest.mark.parametrize("version", FAMILIES)
@pytest.mark.parametrize("mode", MODES)
def test_sessions_live_through_a_host_wide_route(network: Network, start: StartProbe, version: int, mode: str) -> None:
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


# Hosts that are set up in other ways


@pytest.fixture
def sysctl(network: Network) -> Iterator[Callable[[str, int], None]]:
    before: dict[str, str] = {}

    def change(path: str, value: int) -> None:
        before.setdefault(path, network.entry.run("cat", f"/proc/sys/{path}").stdout.strip())
        network.entry.sysctl(path, value)

    yield change
    for path, value in before.items():
        network.entry.sysctl(path, value)


def assert_captured(network: Network) -> None:
    for host in (network.client, network.entry):
        for version in FAMILIES:
            with Connection(host, SERVER[version]) as connection:
                assert connection.taker != DIRECT
                assert connection.alive()


def assert_refused(network: Network) -> None:
    for host in (network.client, network.entry):
        for version in FAMILIES:
            with pytest.raises(ConnectionRefusedError):
                Connection(host, SERVER[version])


def test_strict_reverse_path_filter(network: Network, start: StartProbe, sysctl: Callable[[str, int], None]) -> None:
    for interface in ("all", "lan", "wan", "lo"):
        sysctl(f"net/ipv4/conf/{interface}/rp_filter", 1)
    start().apply(*everything())
    assert_captured(network)


def test_host_without_ipv6(tmp_path: Path) -> None:
    with Topology() as topology:
        host = topology.host("bare")
        for scope in ("all", "default"):
            host.sysctl(f"net/ipv6/conf/{scope}/disable_ipv6", 1)
        probe = Probe(host, tmp_path / "probe.log")
        probe.apply(*everything())
        assert probe.tell("status")["ready"]
        probe.stop()


def test_marks_that_replies_inherit(network: Network, start: StartProbe, sysctl: Callable[[str, int], None]) -> None:
    for path in ("net/ipv4/tcp_fwmark_accept", "net/ipv4/fwmark_reflect", "net/ipv6/fwmark_reflect"):
        sysctl(path, 1)
    probe = start()
    services = everything()
    probe.apply(*services)
    assert_captured(network)
    for destination in (f"{SERVER[4]}:{PORT}", f"[{SERVER[6]}]:{PORT}"):
        probe.tell("refuse", service=services[0].id, destination=destination, seconds=60)
    assert_refused(network)
    services[0].block = True
    probe.apply(*services)
    assert_refused(network)


def test_other_marks_pass_through(network: Network, start: StartProbe) -> None:
    """Bits outside the mask reach the packet's route as they were, and are no part of our decisions."""
    nft(network.entry, "add table inet other; add chain inet other pre { type filter hook prerouting priority -300; }")
    nft(network.entry, "add rule inet other pre meta mark set 0x000abcde; add counter inet other seen")
    nft(network.entry, "add chain inet other in { type filter hook input priority 0; }")
    nft(network.entry, "add rule inet other in iifname lan meta mark & 0x000fffff == 0x000abcde counter name seen")
    start().apply(*everything())
    assert taker(network.client, SERVER[4]) != DIRECT
    assert "packets 0" not in nft(network.entry, "list", "counter", "inet", "other", "seen")


def test_other_mask_table_and_priority(network: Network, start: StartProbe) -> None:
    probe = start(mark_mask=0x0000FF00, route_table=777, rule_priority=99, anchor_name="arctic9")
    probe.apply(*everything())
    assert_captured(network)
    assert rules(network.entry).count("99:\tfrom all fwmark 0x8000/0x8000 lookup 777") == 2
    assert probe.wrong().keys() <= {"net.ipv4.ip_forward"}
    probe.stop()
    assert "777" not in rules(network.entry)


@pytest.mark.parametrize(
    "options", [{"mark_mask": 0x5}, {"mark_mask": 0xF00F0000}, {"route_table": 254}, {"rule_priority": 32766}, {"table_mode": 7}]
)
def test_bad_options_are_refused(network: Network, start: StartProbe, options: dict[str, int]) -> None:
    with pytest.raises(ProbeError) as caught:
        start(**options)
    assert caught.value.code == "USAGE"


# Refusals


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("version", FAMILIES)
def test_refused_destination_gets_resets_for_a_while(network: Network, start: StartProbe, version: int, mode: str) -> None:
    probe = start(table_mode=MODES[mode])
    services = everything()
    probe.apply(*services)
    text = f"{SERVER[4]}:{PORT}" if version == 4 else f"[{SERVER[6]}]:{PORT}"
    probe.tell("refuse", service=services[0].id, destination=text, seconds=1)
    for host in (network.client, network.entry):
        with pytest.raises(ConnectionRefusedError):
            Connection(host, SERVER[version])
    other = "10.13.0.1" if version == 4 else "fd13::1"
    assert taker(network.client, other) == services[0].id

    def taken() -> bool:
        try:
            return taker(network.client, SERVER[version]) == services[0].id
        except ConnectionRefusedError:
            return False

    wait_for(taken, 3, "the end of the refusal")
    with pytest.raises(ProbeError) as caught:
        probe.tell("refuse", service=service_id(), destination=text, seconds=1)
    assert caught.value.code == "NOT_FOUND"


# The end of an agent


def assert_direct(network: Network) -> None:
    for host in (network.client, network.entry):
        for version in FAMILIES:
            assert taker(host, SERVER[version], timeout=0.9) == DIRECT  # at the first SYN


@pytest.mark.parametrize("mode", MODES)
def test_killed_agent_lets_all_pass_and_restart_cleans_up(network: Network, start: StartProbe, mode: str) -> None:
    before = rules(network.entry)
    probe = start(table_mode=MODES[mode])
    probe.apply(*everything())
    assert_captured(network)
    captured = [Connection(host, SERVER[version]) for host in (network.client, network.entry) for version in FAMILIES]
    probe.kill()
    assert_direct(network)
    assert ("table inet arctic" in nft(network.entry, "list", "tables")) == (mode == "plain")
    assert "arctic0" not in network.entry.run("ip", "link").stdout
    for connection in captured:
        with pytest.raises(OSError):  # it can not live, but it ends at once instead of hanging
            while connection.alive():
                pass
            raise ConnectionResetError
    again = start(table_mode=MODES[mode])
    again.apply(*everything())
    assert_captured(network)
    assert rules(network.entry).count("lookup 61000") == 2
    again.stop()
    assert_direct(network)
    assert rules(network.entry) == before


def test_restart_with_other_options_replaces_leftovers(network: Network, start: StartProbe) -> None:
    first = start(table_mode=PLAIN)
    first.apply(*everything())
    first.kill()
    second = start(table_mode=AUTO, mark_mask=0x00FFF000, rule_priority=50, route_table=4711)
    assert_direct(network)
    second.apply(*everything())
    assert_captured(network)
    assert "610:" not in rules(network.entry)
    assert rules(network.entry).count("lookup 4711") == 2
    assert "flags owner" in nft(network.entry, "list", "table", "inet", "arctic")


def kernel_state(host: Namespace) -> dict[str, str]:
    commands = (
        "nft list ruleset",
        "ip -4 rule",
        "ip -6 rule",
        "ip -4 route show table all",
        "ip -br link",
        "sysctl net.ipv4.tcp_slow_start_after_idle net.ipv4.tcp_rmem net.ipv4.tcp_wmem",
        "sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.ipv4.conf.all.rp_filter",
    )
    return {command: host.run(*command.split()).stdout for command in commands}


@pytest.mark.parametrize("mode", MODES)
def test_clean_stop_leaves_nothing(network: Network, start: StartProbe, mode: str) -> None:
    before = kernel_state(network.entry)
    probe = start(table_mode=MODES[mode])
    probe.apply(*everything())
    during = kernel_state(network.entry)
    assert all(during[name] != before[name] for name in list(before)[:-1])
    assert during[list(before)[-1]] == before[list(before)[-1]]
    probe.stop()
    assert kernel_state(network.entry) == before


def test_others_settings_are_kept_at_a_clean_stop(network: Network, start: StartProbe) -> None:
    probe = start()
    probe.apply()
    assert network.entry.run("cat", "/proc/sys/net/ipv4/tcp_slow_start_after_idle").stdout.strip() == "0"
    rmem = network.entry.run("cat", "/proc/sys/net/ipv4/tcp_rmem").stdout.split()
    assert int(rmem[2]) >= 64 << 20
    network.entry.sysctl("net/ipv4/tcp_rmem", "4096 100000 200000")
    probe.stop()
    assert network.entry.run("cat", "/proc/sys/net/ipv4/tcp_rmem").stdout.split() == ["4096", "100000", "200000"]


@pytest.mark.parametrize("mode", MODES)
def test_what_is_not_ours_is_not_touched(network: Network, start: StartProbe, mode: str) -> None:
    nft(network.entry, "add table inet other; add chain inet other c { type filter hook forward priority 0; }")
    nft(network.entry, "add table ip arctic; add chain ip arctic c; add rule ip arctic c ip saddr 192.0.2.1 accept")
    network.entry.ip(
        "rule add fwmark 0x1/0x1 lookup 100 pref 610",
        "rule add fwmark 0x80000000/0x80000000 lookup 100 pref 611",
        "route add blackhole 192.0.2.0/24 table 61000",
    )
    try:
        before = kernel_state(network.entry)
        for stop in (Probe.kill, Probe.stop):
            probe = start(table_mode=MODES[mode])
            probe.apply(*everything())
            assert_captured(network)
            stop(probe)
            for path, value in SETTINGS.items():  # which a killed agent can not put back
                network.entry.sysctl(path, value)
        after = kernel_state(network.entry)
        assert after == before
    finally:
        network.entry.ip(
            "rule del pref 610", "rule del pref 611", "route flush table 61000"
        )


def test_second_agent_is_refused_and_harms_nothing(network: Network, start: StartProbe) -> None:
    for mode in (OWNER, PLAIN):
        first = start(table_mode=mode)
        first.apply(*everything())
        with pytest.raises(ProbeError, match="another agent") as caught:
            start(table_mode=mode)
        assert caught.value.code == "ALREADY_EXISTS"
        assert_captured(network)
        first.stop()


def test_interface_of_someone_else_is_refused(network: Network, start: StartProbe) -> None:
    network.entry.ip("tuntap add arctic0 mode tun")
    try:
        with pytest.raises(ProbeError, match="arctic0"):
            start()
    finally:
        network.entry.ip("link del arctic0")


def test_table_of_someone_else_is_refused(network: Network, start: StartProbe) -> None:
    nft(network.entry, "add table inet arctic; add chain inet arctic mine")
    with pytest.raises(ProbeError, match="not made") as caught:
        start()
    assert caught.value.code == "ALREADY_EXISTS"
    assert "chain mine" in nft(network.entry, "list", "table", "inet", "arctic")
    nft(network.entry, "flush", "ruleset")
    with subprocess.Popen(
        network.entry.command("nft", "-i"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as holder:
        assert holder.stdin
        holder.stdin.write("add table inet arctic { flags owner; }\n")
        holder.stdin.flush()
        wait_for(lambda: "arctic" in nft(network.entry, "list", "tables"), what="the other owner's table")
        with pytest.raises(ProbeError, match="another running process"):
            start()
        holder.stdin.close()


# Drift


def test_plain_table_that_was_changed_is_made_anew(network: Network, start: StartProbe) -> None:
    probe = start(table_mode=PLAIN)
    services = everything()
    probe.apply(*services)
    harms = (
        "flush ruleset",
        "delete table inet arctic",
        "flush chain inet arctic prerouting",
        "flush chain inet arctic route4",
        f"delete element inet arctic d4_0 {{ 0.0.0.0 : goto {services[0].id} }}",
        "flush chain inet arctic output",
    )
    for harm in harms:
        nft(network.entry, harm)
        assert probe.wrong().keys() == {"table"}, harm
        assert not probe.tell("status")["ready"]
        probe.apply(*services)
        assert probe.tell("status")["ready"]
        assert_captured(network)


def test_change_that_can_not_be_made_ends_in_a_new_table(network: Network, start: StartProbe) -> None:
    """Someone's chain holds on to a service's: the difference fails as a whole, and the table is made anew as a whole."""
    probe = start(table_mode=PLAIN)
    gone, kept = Service([(None, SERVER_NETS[0], 1)]), Service([(None, SERVER_NETS[1], 1)])
    probe.apply(gone, kept)
    handle = nft(network.entry, "-a", "list", "table", "inet", "arctic").splitlines()[0]
    nft(network.entry, "add chain inet arctic foreign")
    nft(network.entry, f"add rule inet arctic foreign goto {gone.id}")
    probe.apply(kept)
    assert "foreign" not in nft(network.entry, "list", "table", "inet", "arctic")
    assert nft(network.entry, "-a", "list", "table", "inet", "arctic").splitlines()[0] != handle
    assert taker(network.client, "10.13.0.1") == DIRECT
    assert taker(network.client, "fd13::1") == kept.id


def test_bad_input_changes_nothing(network: Network, start: StartProbe) -> None:
    probe = start()
    services = everything()
    probe.apply(*services)
    before = nft(network.entry, "-a", "list", "table", "inet", "arctic")
    bad = (
        [Service(interface='a"; flush ruleset; "')],
        [Service(interface="own*")],
        [Service(interface="own0"), Service(interface="own0")],
        [Service(id="svc_1")],
        [services[0], services[0]],
    )
    for wrong in bad:
        with pytest.raises(ProbeError):
            probe.apply(*wrong)
    assert nft(network.entry, "-a", "list", "table", "inet", "arctic") == before
    assert_captured(network)


def test_owned_table_resists(network: Network, start: StartProbe) -> None:
    probe = start(table_mode=OWNER)
    probe.apply(*everything())
    network.entry.run("nft", "flush", "ruleset", check=False)
    assert network.entry.run("nft", "delete", "table", "inet", "arctic", check=False).returncode != 0
    assert probe.tell("status")["ready"]
    assert_captured(network)


def test_rules_routes_and_anchor_come_back(network: Network, start: StartProbe) -> None:
    probe = start()
    services = everything()
    probe.apply(*services)
    harms = {
        "rule del pref 610": {"rule4"},
        "-6 rule del pref 610": {"rule6"},
        "route flush table 61000": {"route4"},
        "-6 route flush table 61000": {"route6"},
        "link set arctic0 down": {"anchor", "route6"},
        "link del arctic0": {"anchor", "route4", "route6"},
    }
    for harm, wrong in harms.items():
        network.entry.run("ip", *harm.split())
        assert wrong <= probe.wrong().keys() <= wrong | {"route4"}, harm
        probe.apply(*services)
        assert probe.wrong() == {}, harm
        assert_captured(network)


def test_listener_that_is_gone_lets_forwarded_traffic_pass(network: Network, start: StartProbe) -> None:
    probe = start()
    probe.apply(*everything())
    probe.tell("deafen")
    for version in FAMILIES:
        with Connection(network.client, SERVER[version]) as connection:
            assert connection.taker == DIRECT
            assert connection.alive()


def test_status_names_settings_and_commands(network: Network, start: StartProbe, sysctl: Callable[[str, int], None]) -> None:
    sysctl("net/ipv6/conf/all/forwarding", 0)
    probe = start()
    assert not probe.tell("status")["ready"]
    probe.apply()
    assert probe.tell("status")["ready"]
    assert "sysctl -w net.ipv6.conf.all.forwarding='1'" in probe.wrong()["net.ipv6.conf.all.forwarding"]
