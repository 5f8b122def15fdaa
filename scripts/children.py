"""Programs that scripts start: each in a session of its own, its output in a file, and ended with all that it has started.

Ctrl-C in a terminal reaches the script alone, which then ends its children in order.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests" / "lab"))

from arctic_lab import uninterrupted  # noqa: E402

TIMED_OUT = 124
# Not SIGINT first: meson's test runner takes that as the wish to skip one test.
ENDING = ((signal.SIGTERM, 30.0), (signal.SIGKILL, 5.0))


class Interrupted(KeyboardInterrupt):
    """A signal ends this script."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


def _handle(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Those that the caller ignores stay so: nohup, jobs in the background.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _interrupted(number: int, _frame: FrameType | None) -> None:
    # One is enough: a second one would cut the cleaning up.
    _handle(lambda *_: None)
    raise Interrupted(number)


def end_in_order() -> None:
    """Turns the first of the signals that end a script into Interrupted."""
    _handle(_interrupted)


class Children:
    """The children of a script, which ends them all with end_all() however it ends itself."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()

    def start(
        self, args: Sequence[str], log_path: Path, environment: Mapping[str, str], limit: float
    ) -> Callable[[], int]:
        """Starts a program; what it returns waits for the program and gives its code, TIMED_OUT after `limit` seconds."""
        with uninterrupted(), log_path.open("wb") as log:
            child = subprocess.Popen(
                args,
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                start_new_session=True,
            )
            self._running.add(child)
        deadline = time.monotonic() + limit

        def wait() -> int:
            try:
                code = child.wait(max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                with log_path.open("a") as log:
                    log.write(f"\nended after {limit:g} s\n")
                code = TIMED_OUT
            self._end(child)
            return code

        return wait

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        """Ends it, and whatever of its process group is left when it has ended."""
        for number, seconds in ENDING:
            try:
                os.killpg(child.pid, number)
                child.wait(seconds)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        self._running.discard(child)

    def end_all(self) -> None:
        with uninterrupted():
            for child in self._running.copy():
                self._end(child)
