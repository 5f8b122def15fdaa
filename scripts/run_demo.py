"""What scripts/demo runs. Everything it makes, but for the build directory, is gone when it ends."""

import argparse
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

from builds import GCC, REPOSITORY
from children import Children, Interrupted, end_in_order
from demo_measure import PORT, WAN, Effort, faults, measure_carried, measure_direct, table
from demo_screen import heading, indented, report, shown

sys.path.insert(0, str(REPOSITORY / "tests" / "system"))

from agents import API_PORT, Agent, Pair  # noqa: E402
from arctic_lab import Lab  # noqa: E402
from arctic_lab.link import BUILD_VARIABLE  # noqa: E402

PROGRAMS = ("agent/arctic-agent", "cli/arctic", "tests/lab/lab-emulator")
BUILD_LIMIT_SECONDS = 1800
FAILURES = (AssertionError, LookupError, OSError, RuntimeError, ValueError, subprocess.SubprocessError)
PICTURE = """
    client ------ entry ====== WAN ====== exit ------ server
    10.1.0.2      agent    100 ms RTT     agent       10.2.0.2
                           100 Mbit/s
                         0.5 % loss each way
"""


class DemoFailed(RuntimeError):
    """Something did not work as it should."""


class Terminal:
    """Types commands on a host as its operator would: each is shown, then run, then its output is shown."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def arctic(self, *words: str) -> None:
        shown(self._agent.name, ["arctic", *words])
        result = self._agent.cli(*words)
        indented(result.stdout + result.stderr)

    def run(self, *words: str) -> None:
        shown(self._agent.name, list(words))
        indented(self._agent.host.run(*words).stdout)


# Steps


def build(children: Children) -> Path:
    """Returns the directory of what was built, or of what $ARCTIC_BUILD names as built."""
    if os.environ.get(BUILD_VARIABLE):
        return Path(os.environ[BUILD_VARIABLE]).resolve()
    heading(f"Building in {GCC.directory} (a minute or two, the first time)")
    GCC.directory.mkdir(parents=True, exist_ok=True)
    log = GCC.directory / "demo-build.log"
    for _, command in GCC.phases(*PROGRAMS):
        if children.start(command, log, {"CC": GCC.compiler}, BUILD_LIMIT_SECONDS)():
            raise DemoFailed(f"{shlex.join(command)} failed:\n{log.read_text(errors='replace')}")
    os.environ[BUILD_VARIABLE] = str(GCC.directory)
    return GCC.directory


def set_up(pair: Pair) -> str:
    """From two started agents to a route, with the commands of the handbook. Returns the service."""
    entry, exit_ = Terminal(pair.entry), Terminal(pair.exit)
    heading("A licence, signed by the trust root that this build made for itself")
    root = pair.build / "lib" / "crypto" / "trust-root.key"
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
    return str(service)


def demonstrate(children: Children, effort: Effort) -> None:
    began = time.monotonic()
    directory = build(children)
    built = time.monotonic()
    heading("The lab: five network namespaces on this machine")
    print(PICTURE, end="", flush=True)
    with Lab() as lab:
        lab.wan.set(**WAN)
        lab.server.serve("http", PORT)
        direct = measure_direct(lab, effort)
        pair = Pair(lab, directory)
        for agent in (pair.entry, pair.exit):
            agent.start()
        service = set_up(pair)
        carried = measure_carried(lab, effort)
        if pair.entry.captured(service) < 1 + effort.gets:
            raise DemoFailed("the flows did not go through the service")
        remark = faults(lab)
        pair.end()
    heading("Direct and via Arctic")
    indented(table(direct, carried, effort))
    indented(remark)
    ended = time.monotonic()
    print(f"\nBuilt in {built - began:.0f} s, shown in {ended - built:.0f} s.", end=" ")
    print("Nothing but the build directory is left.", flush=True)


def arguments() -> Effort:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Shows Arctic at work on this machine.",
        epilog=f"With {BUILD_VARIABLE}=DIRECTORY in the environment it uses that build as it is.",
    )
    parser.add_argument(
        "--direct-seconds", type=float, default=15, help="of the direct download (default: 15)"
    )
    parser.add_argument("--gets", type=int, default=41, help="small GETs over each path (default: 41)")
    options = parser.parse_args()
    if options.direct_seconds <= 0 or options.gets < 1:
        parser.error("--direct-seconds and --gets: want more than 0")
    return Effort(options.direct_seconds, options.gets)


def main() -> int:
    effort = arguments()
    end_in_order()
    children = Children()
    try:
        demonstrate(children, effort)
    except Interrupted as reason:
        report(f"ended by {reason}; nothing but the build directory is left")
        return reason.code
    except FAILURES as error:
        report(str(error))
        return 1
    finally:
        children.end_all()
    return 0


sys.exit(main())
