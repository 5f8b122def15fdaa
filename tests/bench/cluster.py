#!/usr/bin/python3
"""How long a cluster takes to agree, and what it costs each agent to stay so.

    tests/bench/cluster.py [--agents 10 20 30] [--seconds 20] [--build DIR]

Raises that many agents in namespaces of one host, each told of the next one alone, and prints a Markdown table: seconds from the last
addition until all hold the same records, and until everybody has met everybody; then, with nothing going on, the processor time
of an agent as a share of one core, its memory, and its open files. All agents share this machine's processors, so that the times are
upper limits; all namespaces share the kernel's table of 1,024 neighbours, which ends it at 31 agents. Nothing is asserted here: it is a measurement. Build with --buildtype=release.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "lab"), str(TESTS / "system")]

from agents import Agent  # noqa: E402
from arctic_lab import build_directory, wait_for  # noqa: E402
from arctic_lab.link import BUILD_VARIABLE  # noqa: E402
from clusters import running_cluster  # noqa: E402

PATIENCE = 300


def seconds_until(predicate: Callable[[], bool], what: str) -> float:
    began = time.monotonic()
    wait_for(predicate, PATIENCE, what)
    return time.monotonic() - began


def processor_seconds(agent: Agent) -> float:
    """By the scheduler's own count: who wakes for microseconds is mostly not there when the clock ticks."""
    assert agent.process
    threads = Path(f"/proc/{agent.process.pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def open_files(agent: Agent) -> int:
    assert agent.process
    return len(list(Path(f"/proc/{agent.process.pid}/fd").iterdir()))


def measure(build: Path, count: int, seconds: float) -> str:
    terms = ("--max-nodes", str(count), "--max-services", "10", "--days", "365")
    with running_cluster(build, count - 1, 1, terms=terms) as cluster:
        cluster.chain()
        began = time.monotonic()
        seconds_until(cluster.agree, "equal hashes")
        agreed = time.monotonic() - began
        seconds_until(cluster.all_met, "handshakes with all")
        met = time.monotonic() - began
        seconds_until(cluster.agree, "equal hashes")
        before = [processor_seconds(agent) for agent in cluster.agents]
        time.sleep(seconds)
        used = [
            processor_seconds(agent) - former for agent, former in zip(cluster.agents, before, strict=True)
        ]
        memory = statistics.mean(agent.resident_bytes for agent in cluster.agents) / 2**20
        files = max(open_files(agent) for agent in cluster.agents)
        share = 100 * statistics.mean(used) / seconds
        return f"| {count} | {agreed:.1f} | {met:.1f} | {share:.2f} % | {memory:.1f} | {files} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--agents", type=int, nargs="+", default=[10, 20, 30])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--build", type=Path, default=None)
    options = parser.parse_args()
    if options.build:
        os.environ[BUILD_VARIABLE] = str(options.build.resolve())
    print("| agents | agree after s | all met after s | one agent, of a core | MiB | open files |\n|---|---|---|---|---|---|")
    for count in options.agents:
        print(measure(build_directory(), count, options.seconds), flush=True)


if __name__ == "__main__":
    main()
