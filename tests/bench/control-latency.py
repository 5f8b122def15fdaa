#!/usr/bin/python3
"""How long GET /livez waits on an agent with many routes while services and routes change.

    tests/bench/control-latency.py [--routes 100000] [--per-service 1000] [--seconds 20] [--build DIR]

Raises the lab with two agents, gives the entry its routes, and then changes one route after the other, of one service after the
other, while another connection asks for /livez without pause. Prints a Markdown table: the agent at rest, and under changes.
Nothing is asserted here: it is a measurement.
"""

import argparse
import os
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "lab"), str(TESTS / "system")]

from agents import Agent, Pair, running_pair  # noqa: E402
from arctic_lab import Lab, build_directory  # noqa: E402
from arctic_lab.link import BUILD_VARIABLE  # noqa: E402

PER_REQUEST = 5000
PAUSE_SECONDS = 0.002


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def routes(service: int, count: int) -> Iterator[list[dict[str, object]]]:
    """Bodies of requests that give a service so many routes, of one host each."""
    made = [
        {"dest_cidr": f"100.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}/32", "priority": 100}
        for n in range(service * count, (service + 1) * count)
    ]
    for first in range(0, count, PER_REQUEST):
        yield made[first : first + PER_REQUEST]


def fill(pair: Pair, total: int, per_service: int) -> list[str]:
    services = []
    for number in range(max(1, total // per_service)):
        body = {"target_peer_id": pair.exit.id, "transport_type": "tcp", "name": f"bench-{number}"}
        services.append(str(pair.entry.api("POST", "/v1/services", body).json()["id"]))
        for some in routes(number, min(total, per_service)):
            answer = pair.entry.api("POST", f"/v1/services/{services[-1]}/routes", {"routes": some})
            assert answer.status == 201, answer
    return services


def change_routes(agent: Agent, services: list[str], end: threading.Event, times: list[float]) -> None:
    """PUTs another priority on the first route of one service after the other."""
    number = 0
    while not end.is_set():
        path = f"/v1/services/{services[number % len(services)]}/routes/1"
        started_at = time.monotonic()
        answer = agent.api("PUT", path, {"priority": number % 1000 + 1})
        assert answer.status == 200, answer
        times.append(time.monotonic() - started_at)
        number += 1


def ask_livez(agent: Agent, seconds: float) -> list[float]:
    times = []
    until = time.monotonic() + seconds
    with agent.connected() as connection:
        while time.monotonic() < until:
            started_at = time.monotonic()
            connection.request("GET", "/livez")
            assert connection.getresponse().read()
            times.append(time.monotonic() - started_at)
            time.sleep(PAUSE_SECONDS)
    return times


def row(name: str, times: list[float]) -> str:
    milliseconds = sorted(1000 * value for value in times)
    figures = (
        statistics.median(milliseconds),
        *(milliseconds[min(len(milliseconds) - 1, int(len(milliseconds) * share))] for share in (0.95, 0.99)),
        milliseconds[-1],
    )
    return f"| {name} | {len(times)} | " + " | ".join(f"{figure:.1f}" for figure in figures) + " |"


def measure(pair: Pair, options: argparse.Namespace) -> list[str]:
    services = fill(pair, options.routes, options.per_service)
    pair.wait_until_carried(services[-1])
    rows = [row("/livez at rest", ask_livez(pair.entry, options.seconds / 2))]
    end = threading.Event()
    changes: list[float] = []
    thread = threading.Thread(target=change_routes, args=(pair.entry, services, end, changes))
    thread.start()
    rows.append(row("/livez under changes", ask_livez(pair.entry, options.seconds)))
    end.set()
    thread.join()
    rows.append(row("PUT of a route", changes))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--routes", type=int, default=100000, help="in all (default: %(default)s)")
    parser.add_argument("--per-service", type=int, default=1000, help="of one service (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=20, help="under changes (default: %(default)s)")
    parser.add_argument("--build", help=f"build directory (default: ${BUILD_VARIABLE}, else build/)")
    options = parser.parse_args()
    if options.build:
        os.environ[BUILD_VARIABLE] = str(Path(options.build).resolve())
    terms = ("--max-nodes", "10", "--max-services", "100000", "--days", "365")
    with Lab() as lab, running_pair(lab, build_directory(), *terms) as pair:
        say(f"{options.routes} routes, {options.per_service} of a service")
        rows = measure(pair, options)
    print("| | requests | median ms | p95 ms | p99 ms | max ms |")
    print("|---|---|---|---|---|---|")
    print("\n".join(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
