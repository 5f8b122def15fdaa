"""Agents that end by SIGKILL at a chosen call that changes what is on disk; crash-shim.c is preloaded into them."""

import http.client
import mmap
import os
import signal
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents import NO_BODY, OWN_TOKEN, Agent, Answer
from arctic_lab import Namespace, wait_for

# As in crash-shim.c: which calls count.
SYNC, CHANGE = 1, 2
_LAYOUT = struct.Struct("=qII")
_COUNTDOWN = struct.Struct("=q")
_KINDS = struct.Struct("=I")
ATTEMPTS_MAX = 300


@dataclass(frozen=True)
class Crashes:
    """Where an agent ends: at calls of these kinds, once they are carried out or before."""

    name: str
    kinds: int
    after: bool


BEFORE_SYNC = Crashes("before a sync", SYNC, False)
AFTER_SYNC = Crashes("after a sync", SYNC, True)
BEFORE_ANY = Crashes("before any change on disk", SYNC | CHANGE, False)


class MortalAgent(Agent):
    """An agent that dying() makes end at a call of its own."""

    def __init__(self, host: Namespace, build: Path, directory: Path, **settings: str) -> None:
        directory.mkdir(parents=True)
        path = directory / "crash-control"
        path.write_bytes(bytes(_LAYOUT.size))
        with path.open("r+b") as file:
            self._control = mmap.mmap(file.fileno(), _LAYOUT.size)
        settings["LD_PRELOAD"] = str(build / "tests" / "system" / "crash-shim.so")
        settings["ARCTIC_CRASH_CONTROL"] = str(path)
        # AddressSanitizer wants to be the first library, and need not be.
        settings["ASAN_OPTIONS"] = f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0"
        super().__init__(host, build, directory, **settings)
        self.settings["ARCTIC_CRASH_DIRECTORY"] = str(self.data_dir)

    @contextmanager
    def dying(self, crashes: Crashes, number: int) -> Iterator["Death"]:
        """
        Within the with-statement the agent dies at the n-th call of these kinds from now on; afterwards, where that has come, it has been
        started again and lives.
        """
        death = Death()
        _LAYOUT.pack_into(self._control, 0, number, 0, crashes.after)
        _KINDS.pack_into(self._control, _COUNTDOWN.size, crashes.kinds)
        yield death
        _KINDS.pack_into(self._control, _COUNTDOWN.size, 0)
        death.came = self.killed
        if death.came:
            self._bury()
            self.start()

    @property
    def killed(self) -> bool:
        """Whether the call it was to die at has come."""
        return int(_COUNTDOWN.unpack_from(self._control, 0)[0]) <= 0

    def _bury(self) -> None:
        process, self.process = self.process, None
        assert process
        assert process.wait(10) == -signal.SIGKILL, process.log()

    def start_dying(self) -> None:
        """Starts it, and returns when the API answers or the agent has died."""
        process = self.launch()

        def decided() -> bool:
            if process.returncode is not None:
                return True
            with suppress(OSError, http.client.HTTPException):
                return self.request("GET", "/livez").status == 200
            return False

        wait_for(decided, 15, f"a start of {self.name}, or its death")

    def ask(self, method: str, path: str, body: Any = NO_BODY, token: str | None = OWN_TOKEN) -> Answer | None:
        """One request, which is to succeed where it has an answer; None where the agent, or the one it asks in turn, ends before it."""
        try:
            answer = self.api(method, path, body, token)
        except (OSError, http.client.HTTPException):
            return None
        if answer.status == 422 and answer.error[1] == "PEER_UNREACHABLE":
            return None
        assert answer.status in (200, 201, 204), (method, path, answer)
        return answer


@dataclass
class Death:
    """Whether it has come."""

    came: bool = False


def until_it_lives(attempt: Callable[[int], Death], step: int = 1) -> int:
    """
    Attempts a change, dying at the first call, at the second (or `step` calls later) ... until it comes through; returns how often it
    has died.
    """
    for deaths in range(ATTEMPTS_MAX):
        if not attempt(1 + deaths * step).came:
            print(f"{deaths} deaths")
            return deaths
    raise AssertionError(f"a change that dies {ATTEMPTS_MAX} times")
