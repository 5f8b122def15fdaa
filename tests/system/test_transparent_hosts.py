"""Fully transparent services on exits that are set up in other ways, that die, or that lead back to where a flow came from."""

import json
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agents import Pair, running_pair
from arctic_lab import Connection, End, Lab, Namespace, Port, http_get, http_upload, wait_for
from flows import VERSIONS, received, says
from transparency import (
    BANNER,
    ECHO,
    SETTINGS,
    WEB,
    bound,
    carry_transparently,
    connections,
    ends_seen,
    sees_the_client,
    targets,
)

SPEAKER = 7777
MODES = ("owner", pytest.param("plain", marks=pytest.mark.slow))
NETLINK_NETFILTER, CONNTRACK_DELETE, REQUEST, ACKNOWLEDGE = 12, 1 << 8 | 2, 1, 4


@pytest.fixture
def servers(lab: Lab) -> None:
    for host in (lab.server, lab.exit):
        for kind, port in (("banner", BANNER), ("echo", ECHO), ("http", WEB)):
            host.serve(kind, port)


@pytest.fixture
def pair(lab: Lab, build: Path, servers: None) -> Iterator[Pair]:
    with running_pair(lab, build, **SETTINGS) as agents:
        yield agents


def all_targets(lab: Lab) -> list[str]:
    return [target for version in VERSIONS for target in targets(lab, version).values()]


def is_refused(lab: Lab, target: str) -> bool:
    """A port where nobody listens: the first connection is made, and reset; those that follow are refused for seconds."""
    try:
        return received(lab.client, target, 9, timeout=2) == (b"", End.RESET)
    except ConnectionRefusedError:
        return True


def assert_all_works(lab: Lab) -> None:
    for target in all_targets(lab):
        assert sees_the_client(lab.client, target), target
        wait_for(lambda: is_refused(lab, target), 3, f"a reset by {target}")
        http_get(lab.client, target, WEB, 300_000)
        http_upload(lab.client, target, WEB, 300_000)


# Hosts

CLOSED = (
    "add table inet wall",
    "add chain inet wall in { type filter hook input priority filter; policy drop; }",
    "add rule inet wall in iif lo accept",
    "add rule inet wall in ct state established,related accept",
    "add rule inet wall in meta l4proto { icmp, icmpv6 } accept",
    "add rule inet wall in tcp dport { 8080, 61000 } accept",
    "add chain inet wall through { type filter hook forward priority filter; policy drop; }",
    "add chain inet wall back { type filter hook prerouting priority mangle + 10; }",
    "add rule inet wall back fib saddr . mark . iif oif missing drop",
    "add chain inet wall out { type filter hook output priority filter; policy accept; }",
    "add rule inet wall out ct state invalid drop",
)


def wall_off(lab: Lab) -> None:
    """A firewall as distributions have it: established connections, and what it knows."""
    for command in CLOSED:
        lab.exit.run("nft", command)


def check_sources(lab: Lab) -> None:
    """Whoever sends must be where the route to him leads, which packets for the client's address must not get in the way of."""
    for interface in ("all", "default", "lan", "wan", "lo"):
        lab.exit.sysctl(f"net/ipv4/conf/{interface}/rp_filter", 1)
        lab.exit.sysctl(f"net/ipv4/conf/{interface}/src_valid_mark", 1)


def inherit_marks(lab: Lab) -> None:
    for path in ("net/ipv4/tcp_fwmark_accept", "net/ipv4/fwmark_reflect", "net/ipv6/fwmark_reflect"):
        lab.exit.sysctl(path, 1)


def forward_nothing(lab: Lab) -> None:
    lab.exit.sysctl("net/ipv4/ip_forward", 0)
    lab.exit.sysctl("net/ipv6/conf/all/forwarding", 0)


def lead_nowhere_near_the_client(lab: Lab) -> None:
    """Only a default route, and one that nobody answers at."""
    lab.exit.ip(
        "route del 10.1.0.0/24",
        "route del fd01::/64",
        "route add default via 10.2.0.77 dev lan",
        "route add default via fd02::77 dev lan",
    )


def is_walled_off(lab: Lab) -> None:
    wall_off(lab)
    check_sources(lab)


def is_no_router(lab: Lab) -> None:
    forward_nothing(lab)
    lead_nowhere_near_the_client(lab)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("prepare", [is_walled_off, inherit_marks, is_no_router])
def test_an_exit_of_another_kind(
    lab: Lab, build: Path, servers: None, prepare: Callable[[Lab], None], mode: str
) -> None:
    prepare(lab)
    with running_pair(lab, build, TABLE_MODE=mode, **SETTINGS) as pair:
        carry_transparently(pair)
        assert_all_works(lab)
        inherited = ("lost", "unreachable", "in a circle")
        assert not [word for word in inherited if word in pair.exit.log]


def hints(pair: Pair, word: str) -> list[str]:
    """What the exit's readyz says in passing that has the word in it."""
    return [hint for hint in pair.exit.get("/readyz")["checks"]["kernel"].get("hints", []) if word in hint]


def test_an_exit_that_translates_its_own_addresses(lab: Lab, pair: Pair) -> None:
    """A masquerade rule hides the client; with the exception of the handbook it does not."""
    carry_transparently(pair)
    nft = lab.exit.run
    nft("nft", "add table inet nat")
    nft("nft", "add chain inet nat post { type nat hook postrouting priority srcnat; }")
    nft("nft", "add rule inet nat post oifname lan masquerade")
    assert not hints(pair, "source NAT")
    assert ends_seen(lab.client, lab.server.ipv4)[0][0] == lab.exit.address(4, "lan")
    (hint,) = wait_for(lambda: hints(pair, "source NAT"), 5, "a hint of the exit")
    assert "meta mark and 0xfff00000 == 0x00200000 accept" in hint
    assert pair.exit.log.count("source NAT of this host") == 1
    nft("nft", "insert rule inet nat post meta mark and 0xfff00000 == 0x00200000 accept")
    for version in VERSIONS:
        assert sees_the_client(lab.client, lab.server.address(version))


def test_clients_that_come_by_the_interface(lab: Lab, pair: Pair) -> None:
    """A service that has no routes takes whom its interface is the gateway of, and the exit bears their addresses."""
    addresses = ("--desired-ipv4", "10.1.0.40/24", "--desired-ipv6", "fd01::40/64")
    service = pair.entry.create_service(pair.exit, "--fully-transparent", "--requires-interface", *addresses)
    pair.wait_until_carried(service)
    for network, gateway in (("10.2.0.0/24", "10.1.0.40"), ("fd02::/64", "fd01::40")):
        lab.client.add_route(network, gateway)
    for count, target in enumerate(all_targets(lab), 1):
        assert sees_the_client(lab.client, target)
        assert pair.entry.captured(service) == count


def test_a_narrow_way_to_the_server(lab: Lab, pair: Pair) -> None:
    """What a router says of packets that are too large is for the exit, although they bear the client's address."""
    far = lab.host("far")
    lab.lan("far-lan", Port(lab.server, "far", ("10.4.0.1/24", "fd04::1/64")), Port(far, "lan", ("10.4.0.2/24", "fd04::2/64")))
    lab.server.forward()
    lab.server.ip("link set far mtu 1300")  # the far host knows nothing of it
    for network, router in (("10.4.0.0/24", "10.2.0.2"), ("fd04::/64", "fd02::2")):
        lab.exit.add_route(network, router)
    for router in ("10.4.0.1", "fd04::1"):
        far.add_route("default", router)
    far.serve("http", WEB)
    carry_transparently(pair, "10.4.0.0/24", "fd04::/64")
    for version in VERSIONS:
        http_upload(lab.client, far.address(version), WEB, 300_000, timeout=8)


# Ends


@pytest.mark.parametrize("mode", MODES)
def test_kill_9_of_the_exit(lab: Lab, build: Path, servers: None, mode: str) -> None:
    """Nothing of its flows hangs, at the servers or at the client; traffic goes directly; and the next run is like the first."""
    with running_pair(lab, build, TABLE_MODE=mode, **SETTINGS) as pair:
        service = carry_transparently(pair)
        assert_all_works(lab)
        open_flows = [Connection(lab.client, target, ECHO) for target in all_targets(lab)]
        assert all(says(flow) for flow in open_flows)
        pair.exit.kill()
        for flow in open_flows:
            assert flow.receive_to_end()[1] is End.RESET
            port = flow.socket.getsockname()[1]
            flow.close()
            for host in (lab.server, lab.exit):
                left = ("state", "connected", "exclude", "time-wait", "dport", f"= :{port}")
                wait_for(lambda: not connections(host, *left), 5, "the server's connection to end")
        wait_for(lambda: pair.entry.service(service)["state"] == "degraded", 10, "routes that step aside")
        assert all(sees_the_client(lab.client, target) for target in all_targets(lab))  # directly
        pair.exit.start()
        pair.wait_until_carried(service)
        before = pair.entry.captured(service)
        wait_for(lambda: carried_again(pair, service, before), 10, "a flow through the tunnel")
        assert_all_works(lab)


def carried_again(pair: Pair, service: str, before: int) -> bool:
    assert sees_the_client(pair.lab.client, pair.lab.server.ipv4)
    return pair.entry.captured(service) > before


def test_a_clean_stop_of_the_exit(lab: Lab, pair: Pair) -> None:
    carry_transparently(pair)
    flows = [Connection(lab.client, target, ECHO) for target in targets(lab, 4).values()]
    assert all(says(flow) for flow in flows)
    pair.exit.stop()
    for flow in flows:
        assert flow.receive_to_end()[1] is End.RESET
        flow.close()
    assert "arctic" not in lab.exit.run("nft", "list", "ruleset").stdout


def forget_connections(lab: Lab) -> None:
    """conntrack -F: IPCTNL_MSG_CT_DELETE without a tuple (linux/netfilter/nfnetlink_conntrack.h)."""
    with lab.exit.entered(), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
        netlink.send(struct.pack("=IHHIIBBH", 20, CONNTRACK_DELETE, REQUEST | ACKNOWLEDGE, 1, 0, 0, 0, 0))
        assert struct.unpack_from("=i", netlink.recv(4096), 16) == (0,)


def test_a_forgetful_conntrack(lab: Lab, pair: Pair) -> None:
    """Whoever flushes it interrupts no flow, also where the server is on the exit host."""
    carry_transparently(pair)
    flows = [Connection(lab.client, target, ECHO) for target in all_targets(lab)]
    for _ in range(3):
        assert all(says(flow) for flow in flows)
        forget_connections(lab)
    for flow in flows:
        flow.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_server_that_speaks_first_after_that(lab: Lab, pair: Pair, version: int) -> None:
    """Nothing of the client's reminds conntrack of whose connection it is."""
    carry_transparently(pair)
    for host, target in ((lab.server, lab.server.address(version)), (lab.exit, lab.exit.address(version, "lan"))):
        with bound(host, version, SPEAKER) as listener, Connection(lab.client, target, SPEAKER) as flow:
            listener.settimeout(8)
            server, _ = listener.accept()
            with server:
                for _ in range(2):
                    forget_connections(lab)
                    server.sendall(b"first\n")
                    assert flow.receive_line().strip() == b"first"
                flow.send(b"then\n")
                server.settimeout(8)
                assert server.recv(100) == b"then\n"


# Circles

FAR = {4: ("10.3.0.0/24", "10.3.0.9", "10.9.0.1"), 6: ("fd03::/64", "fd03::9", "fd09::1")}


def link_local(host: Namespace, interface: str) -> str:
    """As routers of IPv6 are mostly known by."""
    shown = json.loads(host.run("ip", "-j", "-6", "address", "show", "dev", interface, "scope", "link").stdout)
    return next(str(info["local"]) for link in shown for info in link.get("addr_info", []) if "local" in info)


@pytest.mark.parametrize(
    ("version", "kind"),
    [(4, "transparent"), (6, "transparent"), (6, "transparent, link-local"), (4, "plain"), (6, "plain")],
)
def test_an_exit_that_leads_back_through_the_entry(lab: Lab, pair: Pair, version: int, kind: str) -> None:
    """Refused and logged at both ends, soon, and nothing goes round and round."""
    network, target, back = FAR[version]
    back = f"{link_local(lab.entry, 'wan')} dev wan" if "link-local" in kind else back
    lab.exit.add_route(network, back)
    service = pair.carry(network) if kind == "plain" else carry_transparently(pair, network)
    assert received(lab.client, target, 80, timeout=5) == (b"", End.RESET)
    wait_for(lambda: "circle" in pair.entry.log + pair.exit.log, 5, "a word about it in a log")
    assert pair.entry.captured(service) <= 3
    if kind != "plain":
        assert "goes in a circle" in pair.exit.log
        wait_for(lambda: '"flow was refused by the exit"' in pair.entry.log, 5, "a word about it at the entry")
        assert "by way of this host" in pair.entry.log


def test_a_server_that_answers_past_the_exit(lab: Lab, pair: Pair) -> None:
    """It has another way to the client: both ends say what may be wrong."""
    carry_transparently(pair)
    lab.server.ip("route add blackhole 10.1.0.0/24")
    with Connection(lab.client, lab.server.ipv4, ECHO, timeout=15) as connection:
        assert connection.receive_to_end() == (b"", End.RESET)
    assert "by way of this host?" in pair.exit.log
    wait_for(lambda: "by way of the exit?" in pair.entry.log, 5, "a word about it at the entry")
