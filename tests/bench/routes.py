#!/usr/bin/python3
"""What 100,000 routes over 100 services cost, IPv4 and IPv6: to load, to change, to keep, to look up, and each packet.

    tests/bench/routes.py [--routes 100000] [--services 100] [--one-service 50000] [--pairs 30] [--seconds 3] [--only PART ...] [--build DIR]

Parts: `change` (an agent in the lab: full load over the API, again at its start, one route more and one less, how long the control loop
was busy, memory), `one-service` (the same routes in a single service: what a change of it takes, how long the control loops of its own
agent and of the one that hears of it are busy, memory), `match` (bench-match), `packets` (throughput of forwarded traffic that no route
matches, in bundles as offloads make them and in packets of 1448 bytes each, and its new connections, with no route, and with all of them
over 30 and over 300 pairs of prefix lengths in each family). Prints one Markdown table. Nothing is
asserted here: it is a measurement. On a machine that others use, `chrt --rr 1 tests/bench/routes.py` measures Arctic and not the wait
for a processor.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "lab"), str(TESTS / "system")]

from agents import Agent, Pair, running_pair  # noqa: E402
from arctic_lab import Lab, build_directory, wait_for  # noqa: E402
from arctic_lab.link import BUILD_VARIABLE  # noqa: E402
from kernel_probe import Network, Probe, Service  # noqa: E402

Rule = tuple[str | None, str | None]
PORT = 7100
ROUNDS = 3
CHANGES = 40
LIMIT_MS = 50.0
REST_SECONDS = 2.0
BATCH = 5000  # a body of a request is at most 1 MiB


@dataclass
class Table:
    """The figures, each with what was asked for."""

    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, name: str, value: str, target: str = "") -> None:
        self.rows.append((name, value, target))
        print(f"  {name}: {value}", file=sys.stderr, flush=True)

    def print(self) -> None:
        print("| | measured | target |\n|---|---|---|")
        for row in self.rows:
            print(f"| {' | '.join(row)} |")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def length_pairs(count: int, version: int) -> list[tuple[int | None, int | None]]:
    """Distinct pairs of source and destination length; with few of them some have one length only."""
    sources = list(range(32, 15, -1)) if version == 4 else list(range(64, 47, -1))
    pairs: list[tuple[int | None, int | None]] = [(None, length) for length in sources[:8]]
    pairs += [(length, None) for length in sources[:8]]
    pairs += [(source, destination) for source in sources for destination in sources]
    return pairs[:count]


def network(version: int, first: int, length: int, number: int) -> str:
    """The number-th network of a length, from the addresses that begin with `first`; none is one of the lab's."""
    bits = 32 if version == 4 else 128
    base = first << (bits - 8 if version == 4 else bits - 16)
    address = base + (number << (bits - length))
    return str(IPv4Network((address, length)) if version == 4 else IPv6Network((address, length)))


def rules(count: int, pairs: int) -> list[Rule]:
    """Rules of distinct keys, IPv4 and IPv6 in turn, spread over the pairs of lengths."""
    made: list[Rule] = []
    lengths = {version: length_pairs(pairs, version) for version in (4, 6)}
    for number in range(count):
        version = 4 if number % 2 == 0 else 6
        source, destination = lengths[version][number // 2 % pairs]
        index = number // 2 // pairs
        made.append(
            (
                None if source is None else network(version, 100 if version == 4 else 0x2A00, source, index),
                None
                if destination is None
                else network(version, 20 if version == 4 else 0x2001, destination, index),
            )
        )
    return made


def body(some: list[Rule]) -> dict[str, object]:
    return {
        "routes": [{"source_cidr": source, "dest_cidr": destination, "priority": 100} for source, destination in some]
    }


def spread(all_rules: list[Rule], services: int) -> list[list[Rule]]:
    per_service = len(all_rules) // services
    return [all_rules[at * per_service : (at + 1) * per_service] for at in range(services)]


def elements(agent: Agent) -> int:
    return len(re.findall(r" : goto svc_", agent.ruleset()))


def metric(agent: Agent, name: str) -> float:
    text = agent.request("GET", "/metrics").text
    return float(next(line.split()[-1] for line in text.splitlines() if line.startswith(name)))


def load(agent: Agent, services: list[str], parts: list[list[Rule]], table: Table) -> None:
    def post(pair: tuple[str, list[Rule]]) -> None:
        answer = agent.api("POST", f"/v1/services/{pair[0]}/routes", body(pair[1]))
        assert answer.status == 201, answer

    agent.token()
    started_at = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(post, zip(services, parts, strict=True)))
    seconds = time.monotonic() - started_at
    total = sum(len(part) for part in parts)
    assert elements(agent) == total, "all routes are elements of the kernel's maps"
    table.add(f"{total} routes over {len(services)} services, sent and committed", f"{seconds:.2f} s", "3 s")


def restart(agent: Agent, services: int, total: int, table: Table) -> None:
    agent.stop()
    started_at = time.monotonic()
    agent.start()
    wait_for(lambda: metric(agent, 'arctic_services{state="active"}') == services, 30, "all services active")
    seconds = time.monotonic() - started_at
    assert elements(agent) == total
    table.add("the same at a start of the agent, until all services are active", f"{seconds:.2f} s")


def has_element(agent: Agent, address: str) -> bool:
    shown = agent.host.run("nft", "get", "element", "inet", "arctic", "d4_32", f"{{ {address} }}", check=False)
    return shown.returncode == 0


def change(agent: Agent, services: list[str], table: Table) -> None:
    more: list[float] = []
    less: list[float] = []
    for number in range(CHANGES):
        service, address = services[number % len(services)], f"203.0.113.{number}"
        started_at = time.monotonic()
        answer = agent.api("POST", f"/v1/services/{service}/routes", body([(None, f"{address}/32")]))
        more.append(time.monotonic() - started_at)
        assert answer.status == 201 and has_element(agent, address), answer
        (route,) = answer.json()["route_ids"]
        started_at = time.monotonic()
        answer = agent.api("DELETE", f"/v1/services/{service}/routes/{route}")
        less.append(time.monotonic() - started_at)
        assert answer.status == 204 and not has_element(agent, address), answer
    for name, times in (("one route more, in the kernel", more), ("one route less, out of it", less)):
        milliseconds = [1000 * value for value in times]
        table.add(
            name, f"median {statistics.median(milliseconds):.1f} ms, max {max(milliseconds):.1f} ms", f"{LIMIT_MS:.0f} ms"
        )


class Livez:
    """Asks for /livez without pause beside what is measured."""

    def __init__(self, agent: Agent) -> None:
        self.times: list[float] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._ask, args=(agent,))
        self._thread.start()

    def _ask(self, agent: Agent) -> None:
        with agent.connected() as connection:
            while not self._end.wait(0.002):
                started_at = time.monotonic()
                connection.request("GET", "/livez")
                assert connection.getresponse().read()
                self.times.append(time.monotonic() - started_at)

    def stop(self) -> str:
        self._end.set()
        self._thread.join()
        times = sorted(1000 * value for value in self.times)
        return f"median {statistics.median(times):.1f} ms, max {times[-1]:.1f} ms"


def add_loop(agent: Agent, livez: Livez, when: str, table: Table) -> None:
    longest = 1000 * metric(agent, "arctic_control_loop_longest_turn_seconds")
    slow = metric(agent, "arctic_control_loop_slow_turns_total")
    table.add(f"/livez {when}", livez.stop(), f"{LIMIT_MS:.0f} ms")
    table.add(
        f"the control loop at a stretch, {when}",
        f"at most {longest:.1f} ms ({slow:.0f} times over 50 ms)",
        f"{LIMIT_MS:.0f} ms",
    )


def memory_at_rest(agent: Agent) -> float:
    """MiB, once the agent has had no more and no less for some seconds."""
    last, since = 0, time.monotonic()

    def rests() -> bool:
        nonlocal last, since
        if agent.resident_bytes != last:
            last, since = agent.resident_bytes, time.monotonic()
        return time.monotonic() - since > REST_SECONDS

    wait_for(rests, 60, "an agent at rest")
    return last / 2**20


def measure_change(pair: Pair, options: argparse.Namespace, table: Table) -> None:
    services = []
    for number in range(options.services):
        wanted = {"target_peer_id": pair.exit.id, "transport_type": "tcp", "name": f"bench-{number}"}
        services.append(str(pair.entry.api("POST", "/v1/services", wanted).json()["id"]))
    parts = spread(rules(options.routes, options.pairs), options.services)
    livez = Livez(pair.entry)
    load(pair.entry, services, parts, table)
    add_loop(pair.entry, livez, "during the load", table)
    livez = Livez(pair.entry)
    change(pair.entry, services, table)
    add_loop(pair.entry, livez, "during changes", table)
    table.add("memory of the agent at rest afterwards", f"{memory_at_rest(pair.entry):.0f} MiB", "128 MiB")
    restart(pair.entry, len(services), sum(map(len, parts)), table)
    table.add("memory at rest after a start", f"{memory_at_rest(pair.entry):.0f} MiB", "128 MiB")


def measure_one_service(pair: Pair, options: argparse.Namespace, table: Table) -> None:
    wanted = {"target_peer_id": pair.exit.id, "transport_type": "tcp", "name": "bench-one"}
    service = str(pair.entry.api("POST", "/v1/services", wanted).json()["id"])
    all_rules = rules(options.one_service, options.pairs)
    started_at = time.monotonic()
    for at in range(0, len(all_rules), BATCH):
        answer = pair.entry.api("POST", f"/v1/services/{service}/routes", body(all_rules[at : at + BATCH]))
        assert answer.status == 201, answer
    name = f"one service of {len(all_rules)} routes"
    table.add(f"{name}, sent {BATCH} at a time", f"{time.monotonic() - started_at:.2f} s")
    wait_for(lambda: hears(pair.exit, service, len(all_rules)), 60, "the other peer has heard of all routes")
    watched = [Livez(pair.entry), Livez(pair.exit)]
    change(pair.entry, [service], table)
    wait_for(lambda: hears(pair.exit, service, len(all_rules)), 60, "the other peer has heard of the last change")
    for agent, livez, who in ((pair.entry, watched[0], "its own agent"), (pair.exit, watched[1], "the agent that hears of it")):
        add_loop(agent, livez, f"during changes of {name}, {who}", table)
    for agent, who in ((pair.entry, "its own agent"), (pair.exit, "the agent that hears of it")):
        table.add(f"memory at rest with {name}, {who}", f"{memory_at_rest(agent):.0f} MiB", "128 MiB")


def hears(agent: Agent, service: str, count: int) -> bool:
    """Whether an agent knows, without asking the service's own, how many routes it has, and in its latest version."""
    listed = agent.api("GET", "/v1/services").json()["services"]
    known = [item for item in listed if item["id"] == service]
    return bool(known) and known[0]["route_count"] == count


def measure_match(build: Path, table: Table) -> None:
    program = build / "tests" / "bench" / "bench-match"
    for count, families, kind in ((100000, "46", "sites"), (1000000, "4", "sites"), (1000000, "6", "sites"), (1000000, "4", "random")):
        told = subprocess.run(
            [str(program), str(count), families, kind], check=True, capture_output=True, text=True
        ).stdout
        name = f"match, {count} routes of IPv{families}, {kind}"
        size = re.search(r"([\d.]+) bytes each", told)
        assert size
        table.add(f"{name}: memory", f"{size[1]} bytes a route", "100 bytes")
        for label, pattern in (
            ("one flow at a time", r"([\d.]+) million lookups/s \("),
            ("in batches", r"([\d.]+) million lookups/s in batches"),
        ):
            found = re.search(pattern, told)
            assert found
            table.add(f"{name}: {label}", f"{found[1]} million/s", "5 million/s" if label == "in batches" else "")
        for label, pattern in (
            ("naive scan", r"naive scan: (\d+) lookups"),
            ("longest prefix of the destination alone", r"alone: ([\d.]+ million)"),
        ):
            found = re.search(pattern, told)
            if found:
                table.add(f"{name}: {label}", f"{found[1]}/s")


@dataclass
class Passed:
    """What traffic that no route matches came to, once."""

    bundled: float  # Gbit/s
    single: float  # Gbit/s
    connections: float  # a second


class Traffic:
    """Forwarded traffic from the client to the server of the network, which no route matches."""

    def __init__(self, net: Network, seconds: float) -> None:
        self.net = net
        self.seconds = seconds
        self.tool = str(build_directory() / "tests" / "bench" / "connections")
        net.server.start("iperf3", "-s")
        net.server.start(self.tool, "serve", str(PORT))
        net.server.wait_for_port(5201)
        net.server.wait_for_port(PORT)

    def offload(self, setting: str) -> None:
        """`off`: every packet passes the entry by itself, as on a wire."""
        features = [word for name in ("tso", "gso", "gro") for word in (name, setting)]
        for host, links in ((self.net.client, ("lan",)), (self.net.entry, ("lan", "wan")), (self.net.server, ("wan",))):
            for link in links:
                host.run("ethtool", "-K", link, *features)

    def measure(self) -> Passed:
        self.offload("off")
        single = self.throughput()
        self.offload("on")
        return Passed(self.throughput(), single, self.connections())

    def throughput(self) -> float:
        """Gbit/s."""
        told = self.net.client.run("iperf3", "-J", "-c", "10.2.0.2", "-t", str(self.seconds), "-O", "1").stdout
        return float(json.loads(told)["end"]["sum_received"]["bits_per_second"]) / 1e9

    def connections(self) -> float:
        return float(self.net.client.run(self.tool, "open", "10.2.0.2", str(PORT), str(self.seconds)).stdout)


def measure_packets(options: argparse.Namespace, table: Table) -> None:
    loads: dict[str, list[Service]] = {"no route": []}
    for pairs in (30, 300):
        parts = spread(rules(options.routes, pairs), options.services)
        loads[f"{options.routes} routes, {pairs} pairs of lengths"] = [
            Service([(*rule, 100) for rule in part]) for part in parts
        ]
    with Network() as net, tempfile.TemporaryDirectory() as directory:
        traffic = Traffic(net, options.seconds)
        results: dict[str, list[Passed]] = {name: [] for name in loads}
        for _ in range(ROUNDS):  # in turn, so that what else the machine does meets all alike
            for name, services in loads.items():
                probe = Probe(net.entry, Path(directory) / "probe.log")
                probe.apply(*services, match=False)
                results[name].append(traffic.measure())
                probe.stop()
    add_packets(results, table)


def add_packets(results: dict[str, list[Passed]], table: Table) -> None:
    def medians(name: str) -> Passed:
        runs = results[name]
        return Passed(
            statistics.median(run.bundled for run in runs),
            statistics.median(run.single for run in runs),
            statistics.median(run.connections for run in runs),
        )

    base = medians("no route")
    for name in results:
        passed = medians(name)
        target = "" if name == "no route" else "95 %"
        for kind, value, full in (
            ("in bundles", passed.bundled, base.bundled),
            ("packet by packet", passed.single, base.single),
        ):
            table.add(
                f"forwarded {kind} past {name}",
                f"{value:.2f} Gbit/s ({100 * value / full:.0f} %)",
                target,
            )
        table.add(
            f"new connections past {name}",
            f"{passed.connections:.0f}/s ({100 * passed.connections / base.connections:.0f} %)",
        )


def in_lab(measure: Callable[[Pair, argparse.Namespace, Table], None], options: argparse.Namespace, table: Table) -> None:
    terms = ("--max-nodes", "10", "--max-services", "100000", "--days", "365")
    with Lab() as lab, running_pair(lab, build_directory(), *terms) as pair:
        measure(pair, options, table)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--routes", type=int, default=100000, help="in all (default: %(default)s)")
    parser.add_argument("--services", type=int, default=100, help="default: %(default)s")
    parser.add_argument("--one-service", type=int, default=50000, help="routes of `one-service` (default: %(default)s)")
    parser.add_argument("--pairs", type=int, default=30, help="of lengths, for `change` (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=3, help="of each flow of `packets` (default: %(default)s)")
    parser.add_argument("--only", action="append", choices=("change", "one-service", "match", "packets"), help="repeatable")
    parser.add_argument("--build", help=f"build directory (default: ${BUILD_VARIABLE}, else build/)")
    options = parser.parse_args()
    if options.build:
        os.environ[BUILD_VARIABLE] = str(Path(options.build).resolve())
    table = Table()
    parts: dict[str, Callable[[], None]] = {
        "change": lambda: in_lab(measure_change, options, table),
        "one-service": lambda: in_lab(measure_one_service, options, table),
        "match": lambda: measure_match(build_directory(), table),
        "packets": lambda: measure_packets(options, table),
    }
    for name, part in parts.items():
        if not options.only or name in options.only:
            say(f"{name} (load of the machine: {os.getloadavg()[0]:.1f})")
            part()
    table.print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
