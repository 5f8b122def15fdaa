"""Who owns what a lab made.

A lab is called arc<pid>-<n>; each of its namespaces arc<pid>-<n>-<host>, and its sockets and logs are in
/run/arctic-lab/arc<pid>-<n>/. The owner's start time and pid namespace are kept beside them, because pids come round again,
and mean another process in a container. So every lab can be told from every other, and one whose owner is dead can be
removed by anybody who can see that it is.
"""

import atexit
import itertools
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Protocol

from .waiting import wait_for

RUN_DIRECTORY = Path("/run/arctic-lab")
NETNS_DIRECTORY = Path("/run/netns")
RESOLVER_DIRECTORY = Path("/etc/netns")
OWNER_FILE = "owner"
PID_NAMESPACE_FILE = "pid-namespace"
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


def _pid_namespace() -> str:
    return os.readlink("/proc/self/ns/pid")


def _claim_directory() -> Path:
    for number in itertools.count():
        directory = RUN_DIRECTORY / f"arc{os.getpid()}-{number}"
        while True:
            RUN_DIRECTORY.mkdir(exist_ok=True)
            try:
                directory.mkdir()
                return directory
            except FileExistsError:
                break
            except FileNotFoundError:
                continue  # the last lab of another process has just gone, and the directory with it
    raise AssertionError("counting ended")


def claim_name() -> str:
    """Makes the directory of a new lab of this process and returns the lab's name."""
    directory = _claim_directory()
    (directory / PID_NAMESPACE_FILE).write_text(_pid_namespace())
    (directory / OWNER_FILE).write_text(process_start(os.getpid()) or "")
    return directory.name


def namespaces_of(lab: str) -> list[str]:
    """The network namespaces of a lab that exist now."""
    if not NETNS_DIRECTORY.is_dir():
        return []
    return sorted(path.name for path in NETNS_DIRECTORY.iterdir() if path.name.startswith(f"{lab}-"))


def _ip_netns(*words: str) -> str:
    # Ctrl-C in a terminal must not cut the cleaning up.
    command = ["ip", "netns", *words]
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, start_new_session=True
    ).stdout


def processes_in(namespace: str) -> list[int]:
    """The processes in a namespace, without the one that asks."""
    return [int(pid) for pid in _ip_netns("pids", namespace).split() if int(pid) != os.getpid()]


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
    _ip_netns("delete", namespace)
    shutil.rmtree(RESOLVER_DIRECTORY / namespace, ignore_errors=True)


def remove_lab(lab: str) -> None:
    """Removes all a lab made."""
    for namespace in namespaces_of(lab):
        remove_namespace(namespace)
    shutil.rmtree(RUN_DIRECTORY / lab, ignore_errors=True)
    try:
        RUN_DIRECTORY.rmdir()
    except OSError:
        pass  # there are others


def _known_labs() -> Iterator[tuple[str, int]]:
    names: set[str] = set()
    for directory in (RUN_DIRECTORY, NETNS_DIRECTORY):
        if directory.is_dir():
            names.update(path.name for path in directory.iterdir())
    matches = {match[1]: int(match[2]) for match in map(LAB_NAME.fullmatch, names) if match}
    yield from sorted(matches.items())


def _claimed(lab: str, file: str) -> str:
    try:
        return (RUN_DIRECTORY / lab / file).read_text()
    except OSError:
        return ""


def owner_lives(lab: str, pid: int) -> bool:
    """Whether the process that made the lab still runs, and is not another one with its pid. True where nobody can tell
    from here: the pid is one of another pid namespace.
    """
    if _claimed(lab, PID_NAMESPACE_FILE) not in ("", _pid_namespace()):
        return True
    start = process_start(pid)
    return start is not None and _claimed(lab, OWNER_FILE) in ("", start)


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


def end_in_order() -> None:
    """Has open labs closed also when SIGTERM or SIGHUP end the interpreter, unless the program handles or ignores them."""
    if threading.current_thread() is not threading.main_thread():
        return  # it alone may set handlers
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _terminated)


atexit.register(_close_all)
