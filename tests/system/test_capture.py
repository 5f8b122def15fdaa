"""What a route takes: forwarded and host-made flows, each class of route, changes at run time, and what is left alone."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from agents import API_PORT, NO_BODY, Pair
from arctic_lab import Connection, End, Lab, http_get, wait_for
from flows import VERSIONS, Capture, carried, peer_seen, received, says

SERVER_LAN = {4: "10.2.0.0/24", 6: "fd02::/64"}
SERVER_HOST = {4: "10.2.0.2/32", 6: "fd02::2/128"}
CLIENT_HOST = {4: "10.1.0.2/32", 6: "fd01::2/128"}
CLIENT_LAN = {4: "10.1.0.0/24", 6: "fd01::/64"}
ANYWHERE = {4: "0.0.0.0/0", 6: "::/0"}


@pytest.fixture
def web(lab: Lab) -> None:
    lab.server.serve("http", 80)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("origin", ["client", "entry"])
def test_a_flow_is_carried(lab: Lab, pair: Pair, web: None, origin: str, version: int) -> None:
    """Forwarded (client) and host-made (entry) flows reach the server from the exit, and the WAN shows only TLS."""
    host = lab.hosts[origin]
    assert not carried(lab, host, version)
    service = pair.carry(SERVER_LAN[version])
    wan = Capture(lab.exit, "wan", lab.directory)
    before = pair.entry.captured(service)
    assert carried(lab, host, version)
    http_get(host, lab.server.address(version), 80, 300_000, seed=9)
    assert pair.entry.captured(service) == before + 2
    raw = wan.stop()
    assert wan.packets("tcp port 61000")
    assert wan.packets("tcp and not port 61000") == []
    assert b"HTTP/1.1" not in raw and b"GET /" not in raw


def test_a_service_without_a_route_takes_nothing(lab: Lab, pair: Pair, web: None) -> None:
    service = pair.entry.create_service(pair.exit)
    assert not carried(lab, lab.client)
    pair.entry.add_route(service, dest="10.2.0.0/25", source="10.77.0.0/16")
    assert not carried(lab, lab.client)


# Which route wins: the routes of two services that both cover the flow, winner first.
CONTESTS = {
    "source and dest beat a longer source": (
        {"source": ANYWHERE, "dest": SERVER_LAN, "priority": 900},
        {"source": CLIENT_HOST, "priority": 1},
    ),
    "source beats a longer dest": (
        {"source": ANYWHERE, "priority": 900},
        {"dest": SERVER_HOST, "priority": 1},
    ),
    "longer source beats longer dest": (
        {"source": CLIENT_HOST, "dest": SERVER_LAN, "priority": 900},
        {"source": CLIENT_LAN, "dest": SERVER_HOST, "priority": 1},
    ),
    "longer dest": (
        {"source": CLIENT_LAN, "dest": SERVER_HOST, "priority": 900},
        {"source": CLIENT_LAN, "dest": SERVER_LAN, "priority": 1},
    ),
    "longer source alone": (
        {"source": CLIENT_HOST, "priority": 900},
        {"source": CLIENT_LAN, "priority": 1},
    ),
    "longer dest alone": (
        {"dest": SERVER_HOST, "priority": 900},
        {"dest": SERVER_LAN, "priority": 1},
    ),
    "lower priority value": (
        {"dest": SERVER_LAN, "priority": 100},
        {"dest": SERVER_LAN, "priority": 200},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_the_winner_takes_the_flow(lab: Lab, pair: Pair, web: None, version: int) -> None:
    """Every rule of precedence, in both orders of creation, on live flows."""
    first, second = (pair.entry.create_service(pair.exit) for _ in range(2))
    for rule, contestants in CONTESTS.items():
        for services in ((first, second), (second, first)):
            routes = []
            for service, route in zip(services, contestants, strict=True):
                cidrs = {key: value[version] for key, value in route.items() if isinstance(value, dict)}
                priority = int(str(route["priority"]))
                routes.append((service, pair.entry.add_route(service, priority=priority, **cidrs)))
            for service in services:
                pair.wait_until_carried(service)
            winner, loser = services
            before = [pair.entry.captured(service) for service in (winner, loser)]
            assert carried(lab, lab.client, version), rule
            after = [pair.entry.captured(service) for service in (winner, loser)]
            assert after == [before[0] + 1, before[1]], rule
            for service, route_id in routes:
                pair.entry.cli("routes", "delete", "--service", service, "--route", str(route_id), "--yes")


def test_the_older_service_wins_a_tie(lab: Lab, pair: Pair, web: None) -> None:
    older, younger = (pair.entry.create_service(pair.exit) for _ in range(2))
    pair.entry.add_route(younger, dest="10.2.0.0/24")
    pair.entry.add_route(older, dest="10.2.0.0/24")
    pair.wait_until_carried(older)
    assert carried(lab, lab.client)
    assert (pair.entry.captured(older), pair.entry.captured(younger)) == (1, 0)
    # Where the winner goes, the next one takes over at once.
    pair.entry.cli("services", "delete", older, "--yes")
    assert carried(lab, lab.client)
    assert pair.entry.captured(younger) == 1


# Changes at run time


def test_changes_take_effect_within_a_second(lab: Lab, pair: Pair, web: None) -> None:
    entry = pair.entry
    service = entry.create_service(pair.exit)

    def within_a_second(expected: bool, text: str, present: bool) -> None:
        began = time.monotonic()
        wait_for(
            lambda: (text in entry.ruleset()) == present, 1, f"{text} {'in' if present else 'not in'} nft"
        )
        wait_for(
            lambda: carried(lab, lab.client) == expected, 1, f"flows {'carried' if expected else 'direct'}"
        )
        assert time.monotonic() - began < 1

    def change(method: str, path: str, body: object = NO_BODY) -> None:
        answer = entry.api(method, f"/v1/services/{service}{path}", body)
        assert answer.status in (200, 201, 204), answer

    change("POST", "/routes", {"routes": [{"dest_cidr": "10.2.0.0/24", "priority": 100}]})
    within_a_second(True, "10.2.0.0", True)
    route = entry.service(service)["routes"][0]["id"]
    change("PUT", f"/routes/{route}", {"dest_cidr": "10.3.0.0/24"})
    within_a_second(False, "10.2.0.0", False)
    change("PUT", f"/routes/{route}", {"dest_cidr": "10.2.0.2/32", "source_cidr": "10.1.0.0/24"})
    within_a_second(True, "10.2.0.2", True)
    change("DELETE", f"/routes/{route}")
    within_a_second(False, "10.2.0.2", False)
    change("POST", "/routes", {"routes": [{"dest_cidr": "10.2.0.0/24", "priority": 100}]})
    within_a_second(True, "10.2.0.0", True)
    answer = entry.api("DELETE", f"/v1/services/{service}")
    assert answer.status == 204
    within_a_second(False, service.removeprefix("svc_"), False)


def test_a_flow_right_after_the_answer_is_carried(lab: Lab, pair: Pair, web: None) -> None:
    """No refusal in the moment between the entry's knowing of a route and the exit's: the WAN is slow here."""
    lab.wan.set(delay_ms=100)
    for _ in range(3):
        service = pair.entry.create_service(pair.exit)
        pair.entry.add_route(service, dest="10.2.0.0/24")
        assert carried(lab, lab.client)
        pair.entry.cli("services", "delete", service, "--yes")
        assert not carried(lab, lab.client)


def test_flows_right_after_the_peer_was_added(lab: Lab, build: Path) -> None:
    """Nobody has to wait for the tunnel to come up: it is made when the first flow wants it."""
    lab.server.serve("http", 80)
    pair = Pair(lab, build)
    lab.wan.set(delay_ms=20)
    pair.start()
    service = pair.entry.create_service(pair.exit)
    pair.entry.add_route(service, dest="10.2.0.0/24")
    for _ in range(20):
        assert carried(lab, lab.client)
    pair.end()


def test_flows_outlive_the_route_that_took_them(lab: Lab, pair: Pair) -> None:
    lab.server.serve("echo", 7)
    service = pair.carry("10.2.0.0/24")
    with Connection(lab.client, lab.server.ipv4, 7) as connection:
        assert says(connection)
        route = pair.entry.service(service)["routes"][0]["id"]
        pair.entry.cli("routes", "delete", "--service", service, "--route", str(route), "--yes")
        pair.entry.add_route(service, dest="10.3.0.0/24")
        assert says(connection)


# A host-wide route


@pytest.fixture
def sessions(lab: Lab) -> Iterator[None]:
    for host in (lab.server, lab.entry, lab.client):
        host.serve("echo", 22)
    yield


@pytest.mark.parametrize("version", VERSIONS)
def test_sessions_live_on_under_a_host_wide_route(lab: Lab, pair: Pair, sessions: None, version: int) -> None:
    """As an operator who is logged in by ssh while adding 0.0.0.0/0 and ::/0, and who logs in again afterwards."""
    entry, server, client = lab.entry, lab.server, lab.client
    unaffected = [
        # Into the entry from either side, and on the host itself.
        (client, entry.address(version, "lan")),
        (server, entry.address(version, "wan")),
        (entry, entry.address(version, "lan")),
        (entry, "127.0.0.1" if version == 4 else "::1"),
    ]
    taken = [(entry, server.address(version)), (client, server.address(version))]
    reverse = [(entry, client.address(version)), (server, client.address(version))]
    before = [Connection(host, address, 22) for host, address in unaffected + taken + reverse]
    assert all(says(connection) for connection in before)
    service = pair.carry("0.0.0.0/0", "::/0")
    assert all(says(connection) for connection in before)
    after = [Connection(host, address, 22) for host, address in unaffected + taken]
    assert all(says(connection) for connection in after)
    assert pair.entry.captured(service) == len(taken)
    for connection in before + after:
        assert says(connection)
        connection.close()
    # The control plane of the host is not taken either.
    assert json.loads(pair.entry.cli("health", "--json").stdout)["status"] == "ok"
    assert pair.exit.host.run("curl", "-sf", f"http://{entry.ipv4}:8080/livez").returncode == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_a_host_whose_firewall_lets_nobody_in(lab: Lab, pair: Pair, web: None, version: int) -> None:
    """With the rule of the handbook: captured connections come in, and no others."""
    pair.carry()
    nft = (
        "add table inet filter",
        "add chain inet filter input { type filter hook input priority filter; policy drop; }",
        "add rule inet filter input iif lo accept",
        "add rule inet filter input ct state established,related accept",
        "add rule inet filter input meta l4proto { icmp, icmpv6 } accept",
        "add rule inet filter input meta mark and 0x80000000 != 0 accept",
    )
    for command in nft:
        lab.entry.run("nft", command)
    assert carried(lab, lab.client, version)
    http_get(lab.client, lab.server.address(version), 80, 300_000)
    with pytest.raises(TimeoutError):
        Connection(lab.client, lab.entry.address(version, "lan"), API_PORT, timeout=1.5)


@pytest.mark.parametrize("origin", ["client", "entry"])
def test_a_host_wide_route_leaves_the_peers_api_in_reach(lab: Lab, pair: Pair, origin: str) -> None:
    """An exit serves no flow to its own API, so that without this operators behind the entry could not reach it any more."""
    service = pair.carry(*ANYWHERE.values())
    before = pair.entry.captured(service)
    for port in (API_PORT, 61000):
        with Connection(lab.hosts[origin], lab.exit.ipv4, port) as connection:
            connection.finish()
            assert connection.receive_to_end()[1] is End.FIN
    assert pair.entry.captured(service) == before


@pytest.mark.parametrize("version", VERSIONS)
def test_a_loop_is_refused(lab: Lab, pair: Pair, sessions: None, version: int) -> None:
    """The exit reaches the client LAN by way of the entry, so that a flow there under a host-wide route would come back."""
    service = pair.carry("0.0.0.0/0", "::/0")
    assert received(lab.server, lab.client.address(version), 22) == (b"", End.RESET)
    wait_for(lambda: "circle" in pair.entry.log + pair.exit.log, 5, "a log line about it")
    assert pair.entry.captured(service) <= 4
    with Connection(lab.client, lab.server.address(version), 22) as connection:
        assert says(connection)


def test_replies_of_local_servers_are_left_alone(lab: Lab, pair: Pair) -> None:
    """A route that covers the client does not take what the entry's own server answers to it."""
    lab.entry.serve("http", 80)
    service = pair.carry("10.1.0.0/24", "fd01::/64")
    for version in VERSIONS:
        assert peer_seen(lab.client, lab.entry.address(version, "lan")) == lab.client.address(version)
    assert pair.entry.captured(service) == 0


def test_udp_passes_by(lab: Lab, pair: Pair) -> None:
    """What only a later version can carry is not captured, and not lost either."""
    pair.carry("0.0.0.0/0")
    receiver, sender = (host.socket(socket.AF_INET, socket.SOCK_DGRAM) for host in (lab.server, lab.client))
    with receiver, sender:
        receiver.bind(("", 9))
        receiver.settimeout(5)
        sender.sendto(b"datagram", (lab.server.ipv4, 9))
        assert receiver.recv(100) == b"datagram"
    assert lab.client.run("ping", "-c", "1", lab.server.ipv4).returncode == 0
