"""What services and routes count: flows and payload to the byte, packets as the wire has them, through all that changes."""

import json
import queue
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from agents import Agent, Pair, running_pair
from arctic_lab import Connection, End, Lab, Namespace, wait_for
from flows import VERSIONS, Capture, received, says, serving
from metrics import Family, scrape, value

Shown = TypeVar("Shown")

PORT = 9000
ROUTES = {4: ("10.2.0.2/32", "10.2.0.0/24"), 6: ("fd02::2/128", "fd02::/64")}
SECOND_ADDRESS = {4: "10.2.0.3", 6: "fd02::3"}
MARKER = b"the flow has ended"
NOTHING = {
    "flows_total": 0,
    "flows_open": 0,
    "flows_refused": 0,
    "flows_reset": 0,
    "bytes_sent": 0,
    "bytes_received": 0,
}


def answer(connection: socket.socket) -> None:
    """Reads all, and sends as much as the first digits say."""
    question = b""
    while data := connection.recv(1 << 16):
        question += data
    connection.sendall(bytes(int(question[:9])))


def exchange(host: Namespace, address: str, up: int, down: int) -> None:
    """A flow that sends and receives so many bytes, to its end."""
    with Connection(host, address, PORT) as connection:
        connection.send(b"%09d" % down + bytes(up - 9))
        connection.finish()
        got, end = connection.receive_to_end()
        assert (len(got), end) == (down, End.FIN)


@pytest.fixture
def server(lab: Lab) -> Iterator[None]:
    lab.server.add_addresses("lan", "10.2.0.3/24", "fd02::3/64")
    with serving(lab.server, PORT, answer):
        yield


def told(counters: dict[str, Any]) -> dict[str, int]:
    """Without what depends on the moment."""
    return {name: counters[name] for name in NOTHING}


def of_service(agent: Agent, service: str) -> dict[str, int]:
    return told(agent.service(service)["counters"])


def of_routes(agent: Agent, service: str) -> dict[int, dict[str, int]]:
    return {
        route["id"]: told(route["counters"]) for route in agent.get(f"/v1/services/{service}/routes")["routes"]
    }


def counts(flows: int, sent: int, got: int, **others: int) -> dict[str, int]:
    return {**NOTHING, "flows_total": flows, "bytes_sent": sent, "bytes_received": got, **others}


def wait_for_counts(agent: Agent, service: str, expected: dict[str, int]) -> None:
    wait_for(lambda: of_service(agent, service) == expected, 5, f"counters of {expected}")


def while_still(agent: Agent, service: str, look: Callable[[], Shown]) -> tuple[dict[str, Any], Shown]:
    """The counters, and what `look` shows while they stand: packets are counted until the last one is acknowledged."""

    def seen() -> tuple[dict[str, Any], Shown] | None:
        before = agent.service(service)["counters"]
        shown = look()
        return (before, shown) if agent.service(service)["counters"] == before else None

    return wait_for(seen, 10, "counters that stand still")


@pytest.mark.parametrize("version", VERSIONS)
def test_each_flow_counts_for_the_route_that_took_it(lab: Lab, pair: Pair, server: None, version: int) -> None:
    """Forwarded and host-made; to the byte, in both directions."""
    entry = pair.entry
    service = pair.carry(*ROUTES[version])
    assert of_service(entry, service) == NOTHING
    narrow, wide = of_routes(entry, service)
    assert of_routes(entry, service) == {narrow: NOTHING, wide: NOTHING}
    first, second = lab.server.address(version), SECOND_ADDRESS[version]
    exchange(lab.client, first, 100, 3_000_000)
    exchange(lab.entry, first, 500_000, 1)
    exchange(lab.client, second, 2_000_000, 0)
    exchange(lab.entry, second, 10, 70_000)
    exchange(lab.entry, second, 10, 70_000)
    wait_for_counts(entry, service, counts(5, 2_500_120, 3_140_001))
    assert of_routes(entry, service) == {
        narrow: counts(2, 500_100, 3_000_001),
        wide: counts(3, 2_000_020, 140_000),
    }
    # Whoever is asked.
    listed = f"/v1/services/{service}/routes"
    counters, others = while_still(entry, service, lambda: (pair.exit.service(service), pair.exit.get(listed)))
    assert others[0]["counters"] == counters
    assert others[1] == entry.get(listed)


@pytest.mark.parametrize("version", VERSIONS)
def test_packets_are_those_of_the_wire(lab: Lab, pair: Pair, server: None, version: int) -> None:
    for host in (lab.client, lab.entry):
        # Segments as on a wire: what is counted are these, and not what the kernel bundles.
        host.run("ethtool", "-K", "lan", *(word for name in ("tso", "gso", "gro") for word in (name, "off")))
    service = pair.carry(ROUTES[version][1])
    wire = Capture(lab.client, "lan", lab.directory)
    exchange(lab.client, lab.server.address(version), 1_000_000, 300_000)
    wait_for_counts(pair.entry, service, counts(1, 1_000_000, 300_000))
    # Packets come to the file in their order: what follows the flow says that all of it is there.
    with lab.client.socket(kind=socket.SOCK_DGRAM) as marker:
        marker.sendto(MARKER, (lab.entry.address(4, "lan"), 9))
    wait_for(lambda: MARKER in wire.path.read_bytes(), 10, "the whole flow in the file")
    wire.stop()
    sent = len(wire.packets(f"tcp dst port {PORT}"))
    got = len(wire.packets(f"tcp src port {PORT}"))
    assert sent > 600 and got > 200

    def counted() -> tuple[int, int]:
        counters = pair.entry.service(service)["counters"]
        return counters["packets_sent"], counters["packets_received"]

    # The answer to the SYN is not counted; the last acknowledgement may find no connection any more.
    expected = [(sent - late, got - 1 - last) for late in (0, 1) for last in (0, 1)]
    wait_for(lambda: counted() in expected, 3, f"{expected} packets, not {counted()}")
    counters = pair.entry.service(service)["counters"]
    (route,) = pair.entry.get(f"/v1/services/{service}/routes")["routes"]
    for name in ("packets_sent", "packets_received"):
        assert route["counters"][name] == counters[name]


def test_an_open_flow_is_counted_while_it_lives(lab: Lab, pair: Pair) -> None:
    lab.server.serve("echo", 7)
    service = pair.carry("10.2.0.0/24")
    with Connection(lab.client, lab.server.ipv4, 7) as connection:
        assert says(connection, b"0123456789")
        wait_for_counts(pair.entry, service, counts(1, 10, 10, flows_open=1))

        def packets() -> bool:
            counters = pair.entry.service(service)["counters"]
            return counters["packets_sent"] >= 2 and counters["packets_received"] >= 1

        wait_for(packets, 3, "packets of the open flow")
    wait_for_counts(pair.entry, service, counts(1, 10, 10))


def test_nothing_sets_counters_back(lab: Lab, build: Path) -> None:
    """Changes of service and routes, a table that vanishes, a service that stands still, a peer that is away."""
    lab.server.serve("echo", 7)
    with running_pair(lab, build, TABLE_MODE="plain") as pair, serving(lab.server, PORT, answer):
        entry = pair.entry
        service = pair.carry("10.2.0.0/24")
        (route,) = of_routes(entry, service)
        since = entry.service(service)["counters"]["since"]
        exchange(lab.client, lab.server.ipv4, 20, 1000)
        with Connection(lab.client, lab.server.ipv4, 7) as connection:
            assert says(connection, b"12345")
            entry.cli("services", "update", service, "--name", "another")
            entry.cli("routes", "update", "--service", service, "--route", str(route), "--priority", "7")
            entry.add_route(service, dest="10.77.0.0/16")
            lab.entry.run("nft", "flush", "ruleset")
            wait_for(lambda: service.removeprefix("svc_") in entry.ruleset(), 5, "the table again")
            entry.cli("cluster", "sync")
            assert says(connection, b"67890")
            wait_for_counts(entry, service, counts(2, 30, 1010, flows_open=1))
            assert of_routes(entry, service)[route] == counts(2, 30, 1010, flows_open=1)
            pair.exit.kill()
            assert connection.receive_to_end()[1] == End.RESET
        wait_for(lambda: entry.service(service)["state"] == "degraded", 20, "the peer is away")
        pair.exit.start()
        wait_for(lambda: entry.service(service)["state"] == "active", 20, "the peer is back")
        exchange(lab.client, lab.server.ipv4, 20, 1000)
        expected = counts(3, 50, 2010, flows_reset=1)
        wait_for_counts(entry, service, expected)
        assert of_routes(entry, service)[route] == expected
        assert entry.service(service)["counters"]["since"] == since
        # This version cannot carry kcp: the data plane does not know the service for a while.
        entry.cli("services", "update", service, "--transport", "kcp")
        for number in range(3):
            entry.add_route(service, dest=f"10.78.{number}.0/24")
        assert (entry.service(service)["state"], of_service(entry, service)) == ("pending", expected)
        entry.cli("services", "update", service, "--transport", "tcp")
        exchange(lab.client, lab.server.ipv4, 20, 1000)
        wait_for_counts(entry, service, counts(4, 70, 3010, flows_reset=1))
        assert entry.service(service)["counters"]["since"] == since
        # A new agent counts from zero.
        entry.stop()
        entry.start()
        entry.log_out()
        wait_for(lambda: entry.service(service)["state"] == "active", 20, "the service again")
        assert of_service(entry, service) == NOTHING
        assert entry.service(service)["counters"]["since"] > since


def test_what_is_deleted_is_forgotten(lab: Lab, pair: Pair) -> None:
    """The service keeps what its route has carried, and a flow lives on without it."""
    lab.server.serve("echo", 7)
    entry = pair.entry
    service = pair.carry("10.2.0.0/24")
    (route,) = of_routes(entry, service)
    with Connection(lab.client, lab.server.ipv4, 7) as connection:
        assert says(connection, b"12345")
        entry.cli("routes", "delete", "--service", service, "--route", str(route), "--yes")
        assert says(connection, b"67890")
        wait_for_counts(entry, service, counts(1, 10, 10, flows_open=1))
        assert of_routes(entry, service) == {}
        assert scrape(entry)["arctic_route_bytes_total"].samples == {}
        entry.add_route(service, dest="10.2.0.0/24")
        (again,) = of_routes(entry, service).values()
        assert again == NOTHING
        entry.cli("services", "delete", service, "--yes")
        assert connection.receive_to_end()[1] == End.RESET
    assert entry.api("GET", f"/v1/services/{service}").status == 404
    agents = (entry, pair.exit)
    wait_for(
        lambda: all(scrape(agent)["arctic_service_bytes_total"].samples == {} for agent in agents),
        5,
        "no metrics of it any more",
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_refused_flows_are_told_from_reset_ones(lab: Lab, pair: Pair, version: int) -> None:
    lab.server.serve("echo", 7)
    server = lab.server.address(version)
    service = pair.carry(ROUTES[version][1])
    assert received(lab.client, server, 81, timeout=5) == (b"", End.RESET)
    expected = counts(1, 0, 0, flows_refused=1)
    wait_for_counts(pair.entry, service, expected)
    (counted,) = of_routes(pair.entry, service).values()
    assert counted == expected
    assert value(scrape(pair.exit), "arctic_service_flows_refused_total", service_id=service, role="exit") == 1
    with Connection(lab.client, server, 7) as connection:
        assert says(connection, b"hello")
        connection.reset()
    wait_for_counts(pair.entry, service, counts(2, 5, 5, flows_refused=1, flows_reset=1))
    told_by_metrics = scrape(pair.entry)
    assert value(told_by_metrics, "arctic_service_flows_failed_total", service_id=service) == 2
    assert value(told_by_metrics, "arctic_service_flows_refused_total", service_id=service) == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_a_reset_that_comes_at_once_is_one(lab: Lab, pair: Pair, version: int) -> None:
    """Also one that the agent meets before it reads: the server sees no end in order, and it counts as a reset."""
    ends: queue.Queue[str] = queue.Queue()

    def handle(connection: socket.socket) -> None:
        try:
            ends.put("end" if connection.recv(1) == b"" else "data")
        except ConnectionResetError:
            ends.put("reset")

    service = pair.carry(ROUTES[version][1])
    with serving(lab.server, PORT, handle):
        for turn in range(300):
            connection = Connection(lab.client, lab.server.address(version), PORT, timeout=5)
            # The later, the further the agent has come.
            until = time.perf_counter() + turn % 30 * 20e-6
            while time.perf_counter() < until:
                pass
            connection.reset()

        def settled() -> bool:
            counted = of_service(pair.entry, service)
            return counted["flows_open"] == 0 and counted["flows_reset"] == counted["flows_total"] > 20

        wait_for(settled, 5, "all flows counted as reset")
        there = {"service_id": service, "role": "exit"}
        wait_for(
            lambda: value(scrape(pair.exit), "arctic_service_flows_open", **there) == 0, 5, "no flow at the exit"
        )
    seen = [ends.get() for _ in range(ends.qsize())]
    assert set(seen) <= {"reset"}, seen


def test_the_loser_counts_nothing(lab: Lab, pair: Pair, server: None) -> None:
    """Of two services by priority, and of two routes of one service."""
    entry = pair.entry
    winner, loser = (entry.create_service(pair.exit) for _ in range(2))
    entry.add_route(loser, dest="10.2.0.0/24", priority=200)
    low = entry.add_route(winner, dest="10.2.0.0/24", priority=150)
    high = entry.add_route(winner, dest="10.2.0.0/24", priority=100)
    for service in (winner, loser):
        pair.wait_until_carried(service)
    exchange(lab.client, lab.server.ipv4, 50, 60)
    wait_for_counts(entry, winner, counts(1, 50, 60))
    assert of_service(entry, loser) == NOTHING
    assert of_routes(entry, winner) == {low: NOTHING, high: counts(1, 50, 60)}
    # The next flow goes elsewhere, and so does the count.
    entry.cli("routes", "update", "--service", winner, "--route", str(high), "--priority", "160")
    exchange(lab.client, lab.server.ipv4, 50, 60)
    wait_for_counts(entry, winner, counts(2, 100, 120))
    assert of_routes(entry, winner) == {low: counts(1, 50, 60), high: counts(1, 50, 60)}


def test_what_an_interface_takes_counts_for_the_service(lab: Lab, build: Path) -> None:
    """Without a route for it alone; with one that covers it for that one too."""
    with running_pair(lab, build, PARENT_INTERFACE="lan") as pair, serving(lab.server, PORT, answer):
        entry = pair.entry
        service = entry.create_service(pair.exit, "--requires-interface", "--desired-ipv4", "10.1.0.10/24")
        wait_for(lambda: entry.service(service)["state"] == "active", 10, "the interface")
        lab.client.ip("route replace default via 10.1.0.10", "neigh flush all")
        exchange(lab.client, lab.server.ipv4, 50, 60)
        wait_for_counts(entry, service, counts(1, 50, 60))
        assert scrape(entry)["arctic_route_flows_opened_total"].samples == {}
        route = entry.add_route(service, dest="10.2.0.0/24")
        pair.wait_until_carried(service)
        exchange(lab.client, lab.server.ipv4, 50, 60)
        wait_for_counts(entry, service, counts(2, 100, 120))
        assert of_routes(entry, service) == {route: counts(1, 50, 60)}


def test_command_line_and_metrics_show_the_same(lab: Lab, pair: Pair, server: None) -> None:
    entry = pair.entry
    service = pair.carry("10.2.0.2/32", "10.2.0.0/24")
    narrow, wide = of_routes(entry, service)
    exchange(lab.client, lab.server.ipv4, 1536, 2 << 20)
    wait_for_counts(entry, service, counts(1, 1536, 2 << 20))

    def look() -> tuple[Any, str, str, dict[str, Family]]:
        return (
            entry.cli_json("services", "get", service),
            entry.cli("services", "get", service).stdout,
            entry.cli("routes", "list", "--service", service).stdout,
            scrape(entry),
        )

    counters, (told_as_json, text, routes, shown) = while_still(entry, service, look)
    assert told_as_json["counters"] == counters
    (line,) = [line for line in text.splitlines() if "1.5 KiB" in line]
    assert line.split() == [
        *("1", "0", "0", "0"),
        *("1.5", "KiB", "2.0", "MiB"),
        *(str(counters["packets_sent"]), str(counters["packets_received"])),
    ]
    assert f"counters since {counters['since']}:" in text
    listed = routes.splitlines()
    assert listed[0].split() == ["ID", "SOURCE", "DEST", "PRIORITY", "FLOWS", "BYTES_OUT", "BYTES_IN"]
    assert listed[1].split() == [str(narrow), "-", "10.2.0.2/32", "100", "1", "1.5", "KiB", "2.0", "MiB"]
    assert listed[2].split() == [str(wide), "-", "10.2.0.0/24", "100", "0", "0", "B", "0", "B"]
    families = {
        "flows_opened_total": {"": "flows_total"},
        "flows_open": {"": "flows_open"},
        "bytes_total": {"up": "bytes_sent", "down": "bytes_received"},
        "packets_total": {"up": "packets_sent", "down": "packets_received"},
    }
    for family, members in families.items():
        for direction, member in members.items():
            labels = {"service_id": service, **({"direction": direction} if direction else {})}
            assert value(shown, f"arctic_service_{family}", role="entry", **labels) == counters[member]
            assert value(shown, f"arctic_route_{family}", route=str(narrow), **labels) == counters[member]
    assert {dict(labels)["route"] for labels in shown["arctic_route_flows_open"].samples} == {str(narrow)}
    assert value(shown, "arctic_route_metrics_omitted") == 0
    there = scrape(pair.exit)
    labels = {"service_id": service, "role": "exit"}
    assert value(there, "arctic_service_flows_opened_total", **labels) == 1
    assert value(there, "arctic_service_bytes_total", direction="up", **labels) == 1536
    assert value(there, "arctic_service_bytes_total", direction="down", **labels) == 2 << 20
    assert value(there, "arctic_service_packets_total", direction="down", **labels) > 10
    assert there["arctic_route_flows_open"].samples == {}


def test_metrics_show_the_busiest_routes(lab: Lab, pair: Pair, server: None) -> None:
    """A thousand of them, and how many are left out; the API has all."""
    entry = pair.entry
    lab.entry.add_route("10.77.0.0/16", "10.9.0.2")
    service = pair.carry()
    addresses = [f"10.77.{i >> 8}.{i & 255}" for i in range(1050)]
    routes = [{"dest_cidr": f"{address}/32", "priority": 1} for address in [*addresses, "10.2.0.2"]]
    added = entry.api("POST", f"/v1/services/{service}/routes", {"routes": routes})
    assert added.status == 201
    *quiet, busy = added.json()["route_ids"]
    # The exit has no way to all but the last: each of their routes has taken a flow, and carried nothing.
    for address in addresses:
        assert received(lab.client, address, 80, timeout=5) == (b"", End.RESET)
    exchange(lab.client, lab.server.ipv4, 10, 10)
    wait_for_counts(entry, service, counts(1051, 10, 10, flows_refused=1050))
    counted = of_routes(entry, service)
    assert [counted[number]["flows_refused"] for number in quiet] == [1] * 1050
    shown = scrape(entry)
    assert value(shown, "arctic_route_metrics_omitted") == 51
    of_metrics = {int(dict(labels)["route"]) for labels in shown["arctic_route_flows_opened_total"].samples}
    assert len(of_metrics) == 1000 and busy in of_metrics
    # Of equally busy ones always the same.
    assert of_metrics == {*quiet[:999], busy}
    assert value(shown, "arctic_route_bytes_total", route=str(busy), direction="up") == 10


def test_many_routes_are_listed_as_few_are(pair: Pair) -> None:
    """They are written by another thread, and the same."""
    entry = pair.entry
    service = entry.create_service(pair.exit)
    routes = [{"dest_cidr": f"11.{i >> 8}.{i & 255}.0/24", "priority": 1 + i % 7} for i in range(1500)]
    routes[3] = {"source_cidr": "fd07::/64", "dest_cidr": "fd08::/64", "priority": 2147483647}
    routes[4] = {"source_cidr": "0.0.0.0/0", "priority": 5}

    def add(some: list[dict[str, Any]]) -> list[int]:
        added = entry.api("POST", f"/v1/services/{service}/routes", {"routes": some})
        assert added.status == 201
        return [int(number) for number in added.json()["route_ids"]]

    ids = add(routes[:500])
    few = entry.get(f"/v1/services/{service}/routes")["routes"]
    ids += add(routes[500:])
    many = entry.get(f"/v1/services/{service}/routes")["routes"]
    expected = [
        {"id": number, "source_cidr": None, "dest_cidr": None, **route}
        for number, route in zip(ids, routes, strict=True)
    ]
    assert few == many[:500]
    assert [{name: route[name] for name in ("id", "source_cidr", "dest_cidr", "priority")} for route in many] == expected
    assert all(told(route["counters"]) == NOTHING for route in many)
    whole = entry.service(service)
    assert whole["routes"] == expected and whole["route_count"] == 1500
    assert told(whole["counters"]) == NOTHING
    renamed = entry.api("PUT", f"/v1/services/{service}", {"name": "many"})
    assert renamed.status == 200 and json.loads(renamed.body)["routes"] == expected
