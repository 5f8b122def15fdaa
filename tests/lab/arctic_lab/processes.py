"""Long-running programs that a lab started: their output is kept in a file and they are ended by pid."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .waiting import wait_for


class Process:
    """One running program. stdout and stderr go to `log_path` together."""

    def __init__(
        self, name: str, args: Sequence[str], log_path: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log_path = log_path
        with log_path.open("wb") as log:
            self.popen = subprocess.Popen(
                args,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                # Ctrl-C in a terminal is for the lab, which then ends its programs in order.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative is a signal."""
        return self.popen.poll()

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def wait_for_output(self, text: str, timeout: float = 10.0) -> None:
        """Waits until the program has written `text`; RuntimeError when it ends before."""

        def written() -> bool:
            ended = self.returncode
            if text in self.log():
                return True
            if ended is not None:
                raise RuntimeError(f"{self.name} ended with {ended} before it wrote {text!r}:\n{self.log()}")
            return False

        wait_for(written, timeout, f"{text!r} from {self.name}")

    def wait(self, timeout: float = 10.0) -> int:
        """Waits for the end of the program and returns its code."""
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"end of {self.name}: not within {timeout:g} s\n{self.log()}") from error

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal unless the program has ended."""
        self.popen.send_signal(number)

    def stop(self, timeout: float = 5.0) -> int:
        """SIGTERM, and SIGKILL after `timeout`; returns the code."""
        self.signal(signal.SIGTERM)
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            return self.popen.wait()

    def kill(self) -> int:
        """SIGKILL; returns the code."""
        self.popen.kill()
        return self.popen.wait()
