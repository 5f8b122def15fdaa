"""scripts/demo ends without a trace, however and whenever it ends: Ctrl-C, a signal, a tool that fails, and by itself."""

import os
import re
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from arctic_lab import wait_for
from arctic_lab.ownership import RUN_DIRECTORY, namespaces_of

pytestmark = [pytest.mark.slow, pytest.mark.timing]

REPOSITORY = Path(__file__).resolve().parents[2]
# Up to the download in the fewest seconds.
QUICK = ("--direct-seconds", "0.5", "--gets", "1")
HEADINGS = {
    "lab": "The lab:",
    "direct": "The direct path",
    "bootstrap": "arctic bootstrap",
    "download": "curl --silent",
}
WAIT_SECONDS = 90


def _as_in_the_foreground() -> None:
    # Ignored from birth where the tests run in the background, or with nohup.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Demo:
    """A demo in a process group of its own, as a shell with a terminal starts it, and what it could leave behind."""

    def __init__(self, scratch: Path, *options: str, **environment: str) -> None:
        self.temporary = scratch / "tmp"
        self.temporary.mkdir()
        self._log_path = scratch / "log"
        self._mark = f"ARCTIC_TEST_MARK={uuid.uuid4()}"
        name, _, value = self._mark.partition("=")
        with self._log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [REPOSITORY / "scripts" / "demo", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                env={
                    **os.environ,
                    "TMPDIR": str(self.temporary),
                    name: value,
                    **environment,
                },
                preexec_fn=_as_in_the_foreground,
            )

    @property
    def lab(self) -> str:
        return f"arc{self.process.pid}-0"

    @property
    def output(self) -> str:
        return self._log_path.read_text(errors="replace")

    def reach(self, text: str) -> None:
        """Waits until it has printed this."""

        def printed() -> bool:
            if text in self.output:
                return True
            assert self.process.poll() is None, self.output
            return False

        wait_for(printed, WAIT_SECONDS, f"{text!r} from the demo")

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        """To the group, as a terminal does it."""
        os.killpg(self.process.pid, number)

    def end(self) -> int:
        return self.process.wait(WAIT_SECONDS)

    def abandon(self) -> None:
        """Ends what a failed test has left running."""
        if self.process.poll() is None:
            self.process.terminate()
            self.end()

    def processes(self) -> list[str]:
        """Whatever still runs of what it started, by the mark in their environment."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if self._mark.encode() in (path / "environ").read_bytes().split(b"\0"):
                    found.append((path / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
        return found

    def traces(self) -> dict[str, object]:
        """All that is left of it."""
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        found = {
            "processes": self.processes(),
            "namespaces": namespaces_of(self.lab),
            "directories": [str(path) for path in RUN_DIRECTORY.glob(f"arc{self.process.pid}-*")],
            "mounts": [line for line in mounts if f"/{self.lab}" in line],
            "files": [path.name for path in self.temporary.iterdir()],
        }
        return {kind: things for kind, things in found.items() if things}


def host_tables() -> str:
    return subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout


Start = Callable[..., Demo]


@pytest.fixture
def start(tmp_path: Path, build: Path) -> Iterator[Start]:
    """Starts a demo that uses the build under test and goes through its steps as fast as it can."""
    demos: list[Demo] = []
    before = host_tables()

    def begin(*options: str, **environment: str) -> Demo:
        demos.append(Demo(tmp_path, *(options or QUICK), **{"ARCTIC_BUILD": str(build), **environment}))
        return demos[-1]

    yield begin
    for demo in demos:
        demo.abandon()
    assert host_tables() == before


def tool_that_fails(directory: Path, name: str) -> dict[str, str]:
    """An environment in which a command of this name only fails."""
    path = directory / "bin" / name
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\necho {name} is out of order >&2\nexit 7\n")
    path.chmod(0o755)
    return {"PATH": f"{path.parent}:{os.environ['PATH']}"}


def test_a_whole_demo_leaves_nothing(start: Start) -> None:
    demo = start()
    assert demo.end() == 0, demo.output
    direct, carried = (
        float(re.findall(rf"{name}\s+([\d.]+) Mbit/s", demo.output)[0])
        for name in ("direct TCP \\(cubic\\)", "via Arctic")
    )
    assert carried > direct
    received, sent = re.findall(r"sha256 \w+ +(\w{64})", demo.output)
    assert received == sent
    assert demo.traces() == {}


@pytest.mark.parametrize("moment", HEADINGS)
def test_ctrl_c_leaves_nothing(moment: str, start: Start) -> None:
    demo = start()
    demo.reach(HEADINGS[moment])
    demo.interrupt()
    assert demo.end() == 130
    assert "ended by SIGINT" in demo.output and "Traceback" not in demo.output
    assert demo.traces() == {}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_demo_alone_leaves_nothing(start: Start, number: signal.Signals) -> None:
    demo = start()
    demo.reach(HEADINGS["bootstrap"])
    demo.process.send_signal(number)
    assert demo.end() == 128 + number
    assert f"ended by {number.name}" in demo.output and "Traceback" not in demo.output
    assert demo.traces() == {}


def test_impatience_does_not_cut_the_cleaning_up(start: Start) -> None:
    demo = start()
    demo.reach(HEADINGS["bootstrap"])

    def ended() -> bool:
        if demo.process.poll() is None:
            demo.interrupt()
        return demo.process.poll() is not None

    wait_for(ended, WAIT_SECONDS, "the end of the demo")
    assert demo.process.returncode
    assert demo.traces() == {}


def test_ctrl_c_while_it_builds_ends_the_build(tmp_path: Path, start: Start) -> None:
    root = tmp_path / "root"
    demo = start(ARCTIC_BUILD="", ARCTIC_BUILD_ROOT=str(root))
    wait_for((root / "build" / ".ninja_log").is_file, WAIT_SECONDS, "a build that compiles")
    demo.interrupt()
    assert demo.end() == 130
    assert demo.traces() == {}


@pytest.mark.parametrize("tool", ["ethtool", "curl"])
def test_a_tool_that_fails_is_named_and_leaves_nothing(tmp_path: Path, tool: str, start: Start) -> None:
    demo = start(**tool_that_fails(tmp_path, tool))
    assert demo.end() == 1
    assert f"{tool} is out of order" in demo.output and "Traceback" not in demo.output
    assert demo.traces() == {}
