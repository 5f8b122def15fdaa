"""Who owns what a lab made.

A lab is called arc<pid>-<n>; each of its namespaces arc<pid>-<n>-<host>, and its sockets and logs are in
/run/arctic-lab/arc<pid>-<n>/. The owner's start time is kept beside them, because pids come round again. So every lab can
be told from every other, and one whose owner is dead can be removed by anybody.
"""

import atexit
import itertools
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Protocol

from .waiting import wait_for

RUN_DIRECTORY = Path("/run/arctic-lab")
NETNS_DIRECTORY = Path("/run/netns")
RESOLVER_DIRECTORY = Path("/etc/netns")
OWNER_FILE = "owner"
LAB_NAME = re.compile(r"(arc(\d+)-\d+)(?:-.+)?")


class Closable(Protocol):
    """What open_labs holds."""

    def close(self) -> None:
        ...

    def logs(self) -> dict[str, str]:
        ...


def process_start(pid: int) -> str | None:
    """The start time of a process in clock ticks, or None when it is dead or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def claim_name() -> str:
    """Makes the directory of a new lab of this process and returns the lab's name."""
    RUN_DIRECTORY.mkdir(exist_ok=True)
    for number in itertools.count():
        name = f"arc{os.getpid()}-{number}"
        try:
            (RUN_DIRECTORY / name).mkdir()
        except FileExistsError:
            continue
        (RUN_DIRECTORY / name / OWNER_FILE).write_text(process_start(os.getpid()) or "")
        return name
    raise AssertionError("counting ended")


def namespaces_of(lab: str) -> list[str]:
    """The network namespaces of a lab that exist now."""
    if not NETNS_DIRECTORY.is_dir():
        return []
    return sorted(path.name for path in NETNS_DIRECTORY.iterdir() if path.name.startswith(f"{lab}-"))


def processes_in(namespace: str) -> list[int]:
    """The processes in a namespace, without the one that asks."""
    result = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False)
    return [int(pid) for pid in result.stdout.split() if int(pid) != os.getpid()]


def remove_namespace(namespace: str) -> None:
    """Ends the processes in one namespace by pid, then removes it."""

    def emptied() -> bool:
        pids = processes_in(namespace)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not pids

    wait_for(emptied, what=f"end of the processes in {namespace}")
    subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)
    shutil.rmtree(RESOLVER_DIRECTORY / namespace, ignore_errors=True)


def remove_lab(lab: str) -> None:
    """Removes all a lab made."""
    for namespace in namespaces_of(lab):
        remove_namespace(namespace)
    shutil.rmtree(RUN_DIRECTORY / lab, ignore_errors=True)


def _known_labs() -> Iterator[tuple[str, int]]:
    names: set[str] = set()
    for directory in (RUN_DIRECTORY, NETNS_DIRECTORY):
        if directory.is_dir():
            names.update(path.name for path in directory.iterdir())
    matches = {match[1]: int(match[2]) for match in map(LAB_NAME.fullmatch, names) if match}
    yield from sorted(matches.items())


def owner_lives(lab: str, pid: int) -> bool:
    """Whether the process that made the lab still runs, and is not another one with its pid."""
    start = process_start(pid)
    try:
        claimed = (RUN_DIRECTORY / lab / OWNER_FILE).read_text()
    except OSError:
        claimed = ""
    return start is not None and claimed in ("", start)


def labs() -> dict[str, bool]:
    """All labs on this machine, and whether their owner lives."""
    return {lab: owner_lives(lab, pid) for lab, pid in _known_labs()}


def reap() -> list[str]:
    """Removes the labs whose owner is dead and returns their names."""
    dead = [lab for lab, alive in labs().items() if not alive]
    for lab in dead:
        remove_lab(lab)
    return dead


open_labs: list[Closable] = []


def _close_all() -> None:
    for lab in reversed(open_labs.copy()):
        lab.close()


def _terminated(number: int, _frame: FrameType | None) -> None:
    # As SIGINT: it unwinds through the with-statements, and pytest ends its session, which it would not for SystemExit.
    raise KeyboardInterrupt(signal.Signals(number).name)


def close_at_exit(lab: Closable) -> None:
    """Has `lab` closed when the interpreter ends, also by SIGTERM unless the program has a handler of its own."""
    if not open_labs and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        try:
            signal.signal(signal.SIGTERM, _terminated)
        except ValueError:
            pass  # not the main thread, which alone may set handlers
    open_labs.append(lab)


atexit.register(_close_all)
