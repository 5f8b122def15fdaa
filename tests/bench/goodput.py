#!/usr/bin/python3
"""How much of a long lossy WAN a flow gets through Arctic, and how long a small GET takes, with plain TCP beside it.

    tests/bench/goodput.py [--seeds 5] [--seconds 20] [--gets 50] [--build DIR]

Raises the lab with 100 ms RTT, 100 Mbit/s and 0.5 % loss in each direction and a queue of one BDP, and prints a Markdown table.
Nothing is asserted here: it is a measurement. On a machine that others use, `chrt --rr 1 tests/bench/goodput.py` measures Arctic
and not the wait for a processor: at a load of 15 the median GET took 137 ms without and 116 ms with it.
"""

import argparse
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "lab"), str(TESTS / "system")]

from agents import Pair, running_pair  # noqa: E402
from arctic_lab import Lab, build_directory, link_capacity, receiver_goodput, timed_get  # noqa: E402
from arctic_lab.link import BUILD_VARIABLE  # noqa: E402

WAN: dict[str, Any] = {"delay_ms": 50.0, "rate_mbit": 100.0, "loss_percent": 0.5}
ROUND_TRIP = 2 * WAN["delay_ms"] / 1000
GET_BYTES = 100_000
PORT = 80


@dataclass
class Series:
    """Results of one path."""

    goodput: list[float]
    gets: list[float]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def check_link(lab: Lab) -> None:
    for towards, stats in lab.wan.stats().items():
        if stats.faults:
            say(
                f"the emulator could not keep up towards {towards}: {stats.faults}; these numbers do not hold"
            )


def measure_goodput(lab: Lab, seeds: int, seconds: float) -> list[float]:
    results = []
    for seed in range(1, seeds + 1):
        lab.wan.set(**WAN, seed=seed)
        lab.wan.reset()
        results.append(receiver_goodput(lab.client, lab.server.ipv4, PORT, seconds).mbit)
        check_link(lab)
        say(f"  seed {seed}: {results[-1]:.2f} Mbit/s")
    return results


def measure_gets(lab: Lab, count: int) -> list[float]:
    lab.wan.set(**WAN, seed=100)
    times = [timed_get(lab.client, lab.server.ipv4, PORT, GET_BYTES) for _ in range(count)]
    say(f"  {count} GETs: median {statistics.median(times) * 1000:.0f} ms")
    return times


def measure(lab: Lab, options: argparse.Namespace) -> Series:
    gets = measure_gets(lab, options.gets)
    return Series(measure_goodput(lab, options.seeds, options.seconds), gets)


def congestion_of_tunnel(pair: Pair) -> str:
    listing = pair.exit.host.run("ss", "-Htin", "sport", "=", ":61000").stdout.split()
    return next((word for word in ("bbr", "cubic", "reno") if word in listing), "unknown")


def table(rows: Sequence[tuple[str, Series]]) -> str:
    capacity = link_capacity(WAN["rate_mbit"], WAN["loss_percent"])
    floor = ROUND_TRIP + GET_BYTES * 8 / (capacity * 1e6)
    lines = [
        "| path | goodput, Mbit/s | min - max | of the link | 100 KB GET, ms | p90 | in RTT |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, series in rows:
        goodput, gets = statistics.median(series.goodput), statistics.median(series.gets)
        p90 = sorted(series.gets)[int(0.9 * len(series.gets))]
        lines.append(
            f"| {name} | {goodput:.2f} | {min(series.goodput):.1f} - {max(series.goodput):.1f} | "
            f"{100 * goodput / capacity:.1f} % | {gets * 1000:.0f} | {p90 * 1000:.0f} | {gets / ROUND_TRIP:.2f} |"
        )
    lines.append(f"| the link | {capacity:.2f} | | 100 % | {floor * 1000:.0f} | | {floor / ROUND_TRIP:.2f} |")
    return "\n".join(lines)


def heading(options: argparse.Namespace, congestion: str) -> str:
    return (
        f"WAN {ROUND_TRIP * 1000:.0f} ms RTT, {WAN['rate_mbit']:.0f} Mbit/s, {WAN['loss_percent']} % loss in each "
        f"direction, queue of one BDP; {os.cpu_count()} cores, Linux {platform.release()}. Goodput: mean of the first "
        f"{options.seconds:g} s at the receiver, median of {options.seeds} seeds. GET: median of {options.gets}, each over "
        f"a new client connection, warm tunnel ({congestion})."
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--gets", type=int, default=50)
    parser.add_argument("--build", type=Path, help=f"build directory (default: ${BUILD_VARIABLE} or build/)")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    if options.build:
        os.environ[BUILD_VARIABLE] = str(options.build.resolve())
    with Lab() as lab:
        lab.server.serve("http", PORT)
        say("direct, cubic")
        direct = measure(lab, options)
        with running_pair(lab, build_directory()) as pair:
            pair.carry("10.2.0.0/24")
            timed_get(lab.client, lab.server.ipv4, PORT, GET_BYTES)
            say("via Arctic")
            carried = measure(lab, options)
            congestion = congestion_of_tunnel(pair)
    print(
        heading(options, congestion),
        "",
        table([("direct, cubic", direct), ("via Arctic", carried)]),
        sep="\n",
    )


main()
