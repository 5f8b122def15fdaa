"""What scripts/test runs: builds, unit tests, fuzz targets, system tests. The last line it prints sums all of them up."""

import argparse
import os
import shlex
import shutil
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from builds import BUILD_ROOT, CLANG, FUZZ, GCC, RELEASE, REPOSITORY, SANITIZED, Build
from children import Children, Interrupted, end_in_order

from arctic_lab import reap, uninterrupted

PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--timeout=240", "--durations=20"]
WITHOUT_LAB = ["--ignore=tests/system/test_lab.py", "--ignore=tests/system/test_lab_end.py"]
# Fuzz targets work all the time; unit tests wait now and then; system tests wait for most of theirs, with sanitizers for less.
FUZZ_JOBS = 2
UNIT_JOBS = 4
SYSTEM_JOBS = 5
SANITIZED_JOBS = 4
FUZZ_SECONDS = 10
SHOWN_LINES = 200
# Of a whole stage: a test that hangs ends by its own limit, and a busy machine is no failure.
HANG_SECONDS = 3600


@dataclass
class Tally:
    """Results so far."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)

    def fail(self, what: str) -> None:
        self.failed += 1
        self.failures.append(what)

    def add_junit(self, path: Path, origin: str) -> int:
        """Counts the test cases of a JUnit file and returns how many of them failed."""
        before = self.failed
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                self.fail(f"{origin}: {case.get('classname') or ''} {case.get('name') or ''}")
            elif case.find("skipped") is not None:
                self.skipped += 1
            else:
                self.passed += 1
        return self.failed - before


class Runner:
    """Runs commands with their output in a file each, which is shown where one fails."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.children = Children()
        self._logs = BUILD_ROOT / GCC.name / "test-logs"

    # Commands

    def _log_path(self, name: str) -> Path:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self._logs / f"{name.replace(' ', '-').replace('/', '-')}.log"

    def start(
        self, name: str, args: Sequence[str], environment: Mapping[str, str], limit: float
    ) -> Callable[[], int]:
        """Starts a command; what it returns waits for the command and gives its code."""
        return self.children.start(args, self._log_path(name), environment, limit)

    def run(
        self,
        name: str,
        args: Sequence[str],
        environment: Mapping[str, str] | None = None,
        limit: float = 900,
    ) -> int:
        return self.start(name, args, environment or {}, limit)()

    def show(self, name: str) -> None:
        """Prints the end of a command's output."""
        lines = self._log_path(name).read_text(errors="replace").splitlines()
        if len(lines) > SHOWN_LINES:
            print(f"    ... the beginning is in {self._log_path(name)}")
        print("".join(f"    {line}\n" for line in lines[-SHOWN_LINES:]), end="", flush=True)

    @contextmanager
    def stage(self, text: str) -> Iterator[list[str]]:
        """Prints a line when it begins and one when it ends; remarks go into the list."""
        print(f"{text} ...", flush=True)
        began, failed, remarks = time.monotonic(), self.tally.failed, list[str]()
        yield remarks
        outcome = "ok" if self.tally.failed == failed else "FAILED"
        remark = f": {', '.join(remarks)}" if remarks else ""
        print(f"{text} {outcome}{remark} ({time.monotonic() - began:.0f} s)", flush=True)

    def check(self, text: str, name: str, args: Sequence[str]) -> None:
        """One command that is one test."""
        with self.stage(text):
            if self.run(name, args):
                self.tally.fail(text)
                self.show(name)
            else:
                self.tally.passed += 1

    # Stages

    def build(self, build: Build) -> bool:
        """Sets up and compiles."""
        with self.stage(f"{build.name} with {build.compiler}"):
            for phase, args in build.phases():
                if self._failed_build(build, phase, args):
                    return False
        return True

    def _failed_build(self, build: Build, phase: str, args: Sequence[str]) -> bool:
        name = f"{build.name} {phase}"
        code = self.run(name, args, {"CC": build.compiler})
        if code:
            self.tally.fail(name)
            self.show(name)
        return code != 0

    def _count(self, name: str, code: int, junit: Path, remarks: list[str]) -> None:
        tally = self.tally
        passed, skipped = tally.passed, tally.skipped
        failed = tally.add_junit(junit, name) if junit.is_file() else 0
        if code and not failed:
            tally.fail(f"{name}: code {code}")
        if code or failed:
            self.show(name)
        remarks.append(f"{tally.passed - passed} passed")
        if tally.skipped > skipped:
            remarks.append(f"{tally.skipped - skipped} skipped")

    def unit(self, build: Build) -> None:
        with self.stage(f"unit tests of {build.name}") as remarks:
            name = f"{build.name} unit"
            junit = build.directory / "meson-logs" / "testlog.junit.xml"
            junit.unlink(missing_ok=True)
            args = ["meson", "test", "-C", str(build.directory), "--no-rebuild", "--print-errorlogs"]
            code = self.run(
                name, [*args, "--num-processes", str(UNIT_JOBS), "--timeout-multiplier", "4"], build.environment
            )
            self._count(name, code, junit, remarks)

    def _system(self, build: Build, text: str, selection: Sequence[str]) -> None:
        with self.stage(f"system tests of {build.name}, {text}") as remarks:
            name = f"{build.name} system {text}"
            junit = self._log_path(name).with_suffix(".xml")
            junit.unlink(missing_ok=True)
            args = [*PYTEST, f"--junit-xml={junit}", *selection, "tests/system"]
            environment = {**build.environment, "ARCTIC_BUILD": str(build.directory)}
            self._count(name, self.run(name, args, environment, HANG_SECONDS), junit, remarks)

    def system(self, build: Build, text: str, marks: str = "", options: Sequence[str] = ()) -> None:
        """Those with `marks` that do not measure, some at a time; a file's tests share what they raise."""
        chosen = f"not timing and ({marks})" if marks else "not timing"
        jobs = SANITIZED_JOBS if build is SANITIZED else SYSTEM_JOBS
        side_by_side = ["-n", str(jobs), "--dist", "loadfile"]
        self._system(build, text, [*side_by_side, "-m", chosen, *options])

    def timing(self, build: Build, text: str, marks: str = "", options: Sequence[str] = ()) -> None:
        """Those with `marks` that measure, alone on the machine, after those of them that mostly wait, two at a time."""
        chosen = f"timing and ({marks})" if marks else "timing"
        two_at_a_time = ["-n", "2", "--dist", "loadfile"]
        self._system(build, f"{text} and wait", [*two_at_a_time, "-m", f"waits and {chosen}", *options])
        self._system(build, text, ["-m", f"not waits and {chosen}", *options])

    def fuzz(self, build: Build) -> None:
        """Every target for some seconds, two at a time. What is found stays in the build directory."""
        folder = build.directory / "tests" / "fuzz"
        targets = sorted(path for path in folder.glob("fuzz-*") if path.is_file() and not path.suffix)
        with self.stage(f"fuzzing {len(targets)} targets for {FUZZ_SECONDS} s each") as remarks:
            if not targets:
                self.tally.fail(f"no fuzz target in {folder}")
            for first in range(0, len(targets), FUZZ_JOBS):
                self._fuzz_some(build, targets[first : first + FUZZ_JOBS])
            remarks.append(", ".join(target.name.removeprefix("fuzz-") for target in targets))

    def _fuzz_some(self, build: Build, targets: Sequence[Path]) -> None:
        artifacts = build.directory / "fuzz-artifacts"
        artifacts.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="arctic-fuzz-") as scratch:
            running = []
            for target in targets:
                grown = Path(scratch, target.name)
                grown.mkdir()
                corpus = REPOSITORY / "tests" / "fuzz" / "corpus" / target.name.removeprefix("fuzz-")
                args = [str(target), f"-max_total_time={FUZZ_SECONDS}", "-rss_limit_mb=1024", "-timeout=10"]
                args += [f"-artifact_prefix={artifacts}/{target.name}-", str(grown), str(corpus)]
                running.append((target.name, self.start(target.name, args, build.environment, 120)))
            for name, wait in running:
                if wait():
                    self.tally.fail(name)
                    self.show(name)
                else:
                    self.tally.passed += 1


def quick(runner: Runner) -> None:
    if not runner.build(GCC):
        return
    runner.unit(GCC)
    runner.system(GCC, "fast", "not slow", WITHOUT_LAB)
    runner.timing(GCC, "fast that measure", "not slow", WITHOUT_LAB)


def full(runner: Runner) -> None:
    runner.check("layout of the C files", "format", ["scripts/format", "--check"])
    built = {build.name: runner.build(build) for build in (GCC, CLANG, RELEASE, SANITIZED, FUZZ)}
    for build in (GCC, CLANG, SANITIZED):
        if built[build.name]:
            runner.unit(build)
    if built[FUZZ.name]:
        runner.fuzz(FUZZ)
    if built[GCC.name]:
        runner.system(GCC, "all")
        runner.timing(GCC, "that measure")
    if built[SANITIZED.name]:
        # The lab has none of our code in it, and what is measured with sanitizers means nothing.
        runner.system(SANITIZED, "with sanitizers", options=WITHOUT_LAB)


@contextmanager
def scratch() -> Iterator[None]:
    """A directory for the temporary files of everything that is started here, also of what has to be killed."""
    path = ""
    try:
        with uninterrupted():
            path = tempfile.mkdtemp(prefix="arctic-test-")
        tempfile.tempdir = os.environ["TMPDIR"] = path
        yield
    finally:
        with uninterrupted():
            shutil.rmtree(path, ignore_errors=True)


def run(runner: Runner, stages: Callable[[Runner], None]) -> None:
    with scratch():
        try:
            stages(runner)
        finally:
            with uninterrupted():
                runner.children.end_all()
                reap()  # the labs of tests that had to be killed


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/test", description="Builds Arctic and runs its tests.")
    parser.add_argument("--quick", action="store_true", help="gcc build, unit tests and fast system tests")
    options = parser.parse_args()
    end_in_order()
    began = time.monotonic()
    runner = Runner()
    tally = runner.tally
    try:
        run(runner, quick if options.quick else full)
    except Interrupted as reason:
        print(f"\nscripts/test: ended by {reason}; nothing is left behind", flush=True)
        return reason.code
    for failure in tally.failures:
        print(f"FAILED {failure}")
    print(f"{shlex.join(['scripts/test', *sys.argv[1:]])} took {time.monotonic() - began:.0f} s")
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped", flush=True)
    return 1 if tally.failed or not tally.passed else 0


sys.exit(main())
