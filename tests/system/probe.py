"""A probe of tests/system as seen from a test: a program on a host that obeys one JSON command a line and answers each by one."""

import json
import subprocess
from pathlib import Path
from typing import Any

from arctic_lab import Namespace, build_directory


class ProbeError(RuntimeError):
    """The probe answered with an error."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(answer["error"])
        self.code = answer.get("code")


class ProgramProbe:
    """The build's `program`, run on a host behind the words of `prefix`; it has its settings as JSON, and says when it is ready."""

    def __init__(self, program: str, host: Namespace, log: Path, *prefix: str, settings: dict[str, Any]) -> None:
        path = build_directory() / "tests" / "system" / program
        self._program = program
        self._log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                host.command(*prefix, str(path), json.dumps(settings)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
            )
        try:
            self._answer()
        except BaseException:
            self.kill()
            raise

    def _answer(self) -> dict[str, Any]:
        assert self._popen.stdout
        line = self._popen.stdout.readline()
        assert line, f"{self._program} has ended: {self.log()[-2000:]}"
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ProbeError(answer)
        return answer

    def tell(self, verb: str, **arguments: Any) -> dict[str, Any]:
        assert self._popen.stdin
        self._popen.stdin.write(json.dumps({"do": verb, **arguments}) + "\n")
        self._popen.stdin.flush()
        return self._answer()

    def log(self) -> str:
        return self._log.read_text()

    def kill(self) -> None:
        """kill -9; the kernel has cleaned up after the process when this returns."""
        if self._popen.returncode is None:
            self._popen.kill()
            self._popen.wait()

    def stop(self) -> None:
        assert self._popen.stdin
        self._popen.stdin.close()
        assert self._popen.wait(30) == 0, self.log()[-2000:]
