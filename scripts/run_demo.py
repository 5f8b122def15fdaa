"""What scripts/demo runs. Everything it makes, but for the build directory, is gone when it ends."""

import argparse
import hashlib
import os
import shlex
import signal
import statistics
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "tests" / "lab"), str(REPOSITORY / "tests" / "system")]

from agents import API_PORT, Agent, Pair  # noqa: E402
from arctic_lab import Content, Lab, link_capacity, receiver_goodput, timed_get  # noqa: E402
from arctic_lab.link import BUILD_VARIABLE  # noqa: E402

BUILD = Path(os.environ.get("ARCTIC_BUILD_ROOT") or REPOSITORY).resolve() / "build"
WAN: dict[str, Any] = {"delay_ms": 50.0, "rate_mbit": 100.0, "loss_percent": 0.5}
ROUND_TRIP = 2 * WAN["delay_ms"] / 1000
SEED = 1
DOWNLOAD_BYTES = 50_000_000
GET_BYTES = 100_000
GETS = 9
DIRECT_SECONDS = 15

COLOURS = sys.stdout.isatty() and "NO_COLOR" not in os.environ
PICTURE = """
    client ------ entry ====== WAN ====== exit ------ server
    10.1.0.2      agent    100 ms RTT     agent       10.2.0.2
                           100 Mbit/s
                         0.5 % loss each way
"""


class DemoFailed(RuntimeError):
    """Something did not work as it should."""


def styled(code: str, text: str) -> str:
    return f"\033[{code}m{text}\033[0m" if COLOURS else text


def heading(text: str) -> None:
    print(f"\n{styled('1', text)}", flush=True)


def indented(text: str) -> None:
    if text.strip():
        print(textwrap.indent(text.rstrip(), "    "), flush=True)


def shown(where: str, words: list[str]) -> None:
    print(f"{styled('36', f'root@{where}')}# {styled('32', shlex.join(words))}", flush=True)


class Terminal:
    """Types commands on a host as its operator would: each is shown, then run, then its output is shown."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def arctic(self, *words: str) -> None:
        shown(self._agent.name, ["arctic", *words])
        result = self._agent.cli(*words)
        indented(result.stdout + result.stderr)

    def run(self, *words: str, keep: Callable[[str], str] = str) -> None:
        shown(self._agent.name, list(words))
        indented(keep(self._agent.host.run(*words).stdout))


@dataclass
class Result:
    """What one path gave."""

    goodput_mbit: float
    get_seconds: float


# Steps


def build() -> None:
    heading(f"Building in {BUILD}")
    commands = [["ninja", "-C", str(BUILD)]]
    if not (BUILD / "build.ninja").is_file():
        commands.insert(0, ["meson", "setup", str(BUILD), str(REPOSITORY)])
    for command in commands:
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise DemoFailed(f"{shlex.join(command)} failed:\n{result.stdout}{result.stderr}")
    os.environ[BUILD_VARIABLE] = str(BUILD)


def small_gets(lab: Lab) -> float:
    lab.wan.set(**WAN, seed=SEED + 1)
    return statistics.median(timed_get(lab.client, lab.server.ipv4, 80, GET_BYTES) for _ in range(GETS))


def measure_direct(lab: Lab) -> Result:
    heading(f"The direct path, without Arctic: a download for {DIRECT_SECONDS} s, and {GETS} GETs of 100 KB")
    lab.wan.set(**WAN, seed=SEED)
    goodput = receiver_goodput(lab.client, lab.server.ipv4, 80, DIRECT_SECONDS).mbit
    result = Result(goodput, small_gets(lab))
    indented(f"{result.goodput_mbit:.1f} Mbit/s; {result.get_seconds * 1000:.0f} ms for a GET")
    return result


def set_up(pair: Pair) -> tuple[Terminal, str]:
    """From two started agents to a route, with the commands of the handbook."""
    entry, exit_ = Terminal(pair.entry), Terminal(pair.exit)
    heading("A licence, signed by the trust root that this build made for itself")
    root = BUILD / "lib" / "crypto" / "trust-root.key"
    terms = ("--max-nodes", "2", "--max-services", "10", "--days", "30", "--out", str(pair.license))
    entry.arctic("license", "issue", "--root-key", str(root), *terms)

    heading("Two agents become peers")
    url = f"http://127.0.0.1:{API_PORT}"
    for terminal, name in ((entry, "entry"), (exit_, "exit")):
        terminal.arctic("bootstrap", "--url", url, "--license-file", str(pair.license), "--name", name)
    entry.arctic("peers", "add", f"{pair.exit.host.address(4, 'wan')}:{API_PORT}", "--name", "exit")
    entry.arctic("peers", "list")

    heading("A service from entry to exit, and a route for what goes to the server's network")
    entry.arctic("services", "create", "--target-peer", pair.exit.id)
    service = pair.entry.get("/v1/services")["services"][0]["id"]
    entry.arctic("routes", "add", "--service", service, "--dest-cidr", "10.2.0.0/24", "--priority", "100")
    pair.wait_until_carried(service)
    entry.arctic("services", "list")
    entry.run("nft", "list", "table", "inet", "arctic")
    return entry, service


def download(lab: Lab) -> float:
    """50 MB with curl; returns Mbit/s."""
    heading("The same client, the same server: a download of 50 MB through Arctic")
    target = lab.directory / "download"
    url = f"http://{lab.server.ipv4}/bytes/{DOWNLOAD_BYTES}?seed=7"
    report = "%{http_code} %{size_download} bytes in %{time_total} s"
    command = [
        "curl",
        "--silent",
        "--show-error",
        "--fail",
        "--output",
        str(target),
        "--write-out",
        report,
        url,
    ]
    lab.wan.set(**WAN, seed=SEED)
    shown("client", command)
    output = lab.client.run(*command, timeout=120).stdout
    indented(output)
    with target.open("rb") as file:
        received = hashlib.file_digest(file, "sha256").hexdigest()
    sent = Content(7).sha256(DOWNLOAD_BYTES)
    indented(f"sha256 received  {received}\nsha256 sent      {sent}")
    if received != sent:
        raise DemoFailed("the download differs from what was sent")
    target.unlink()
    return DOWNLOAD_BYTES * 8 / 1e6 / float(output.split()[-2])


def table(direct: Result, carried: Result) -> str:
    capacity = link_capacity(WAN["rate_mbit"], WAN["loss_percent"])
    fastest = ROUND_TRIP + GET_BYTES * 8 / (capacity * 1e6)
    row = "{:<28} {:>14} {:>12}   {:>14} {:>12}"
    lines = [
        row.format("", "bulk download", "of the link", "100 KB GET", "of the link"),
        "-" * 84,
    ]
    for name, result in (("direct (cubic)", direct), ("via Arctic", carried)):
        lines.append(
            row.format(
                name,
                f"{result.goodput_mbit:.1f} Mbit/s",
                f"{100 * result.goodput_mbit / capacity:.1f} %",
                f"{result.get_seconds * 1000:.0f} ms",
                f"{100 * fastest / result.get_seconds:.0f} %",
            )
        )
    link = (f"{capacity:.1f} Mbit/s", "100 %", f"{fastest * 1000:.0f} ms", "100 %")
    lines += [row.format("what the link allows", *link), ""]
    lines.append(
        "GET: median of new client connections; what the link allows is one round trip and the bytes."
    )
    return "\n".join(lines)


def demonstrate() -> None:
    began = time.monotonic()
    build()
    heading("The lab: five network namespaces on this machine")
    print(PICTURE, end="", flush=True)
    with Lab() as lab:
        lab.wan.set(**WAN, seed=SEED)
        lab.server.serve("http", 80)
        direct = measure_direct(lab)
        pair = Pair(lab, BUILD)
        for agent in (pair.entry, pair.exit):
            agent.start()
        _, service = set_up(pair)
        goodput = download(lab)
        carried = Result(goodput, small_gets(lab))
        if pair.entry.captured(service) < 1 + GETS:
            raise DemoFailed("the flows did not go through the service")
        pair.end()
    heading("Direct and via Arctic")
    indented(table(direct, carried))
    print(f"\nDone in {time.monotonic() - began:.0f} s; nothing but the build directory is left.", flush=True)


def interrupted(number: int, _frame: object) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


def main() -> int:
    argparse.ArgumentParser(prog="scripts/demo", description="Shows Arctic at work.").parse_args()
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    try:
        demonstrate()
    except KeyboardInterrupt:
        print("\nscripts/demo: interrupted; nothing is left behind", file=sys.stderr)
        return 130
    except (DemoFailed, AssertionError, RuntimeError, OSError, subprocess.SubprocessError) as error:
        print(f"\nscripts/demo: {error}", file=sys.stderr)
        return 1
    return 0


sys.exit(main())
