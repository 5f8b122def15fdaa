"""What is left of a lab when it ends, and when its owner or its emulator is killed: nothing, or what reap() then removes."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from arctic_lab import Lab, labs, reap, wait_for
from arctic_lab.ownership import PID_NAMESPACE_FILE, RUN_DIRECTORY, namespaces_of, process_start

LAB_PACKAGE = Path(__file__).resolve().parents[1] / "lab"
OWNER = """
import os, signal, sys
# Ignored from birth in a background job, and with nohup.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
sys.path.insert(0, sys.argv[1])
from arctic_lab import Lab
with Lab() as lab:
    pids = [process.pid for host in lab.hosts.values() for process in host.processes]
    pids.append(lab.server.serve("echo", 7).pid)
    print(lab.name, *pids, flush=True)
    if sys.argv[2] == "exception":
        raise RuntimeError
    if sys.argv[2] == "exit":
        sys.exit(3)
    if sys.argv[2] == "interpreter":
        keep = Lab()
    else:
        signal.pause()
"""


def start_owner(end: str) -> subprocess.Popen[str]:
    """Another process with a lab."""
    return subprocess.Popen(
        [sys.executable, "-c", OWNER, str(LAB_PACKAGE), end],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def lab_of(owner: subprocess.Popen[str]) -> tuple[str, list[int]]:
    """The lab's name and the pids of the lab's programs, once it is raised."""
    assert owner.stdout
    name, *pids = owner.stdout.readline().split()
    return name, [int(pid) for pid in pids]


def owned_lab(end: str) -> tuple[subprocess.Popen[str], str, list[int]]:
    owner = start_owner(end)
    return owner, *lab_of(owner)


def assert_gone(name: str, pids: list[int]) -> None:
    assert namespaces_of(name) == []
    assert not (RUN_DIRECTORY / name).exists()
    # One that was killed leaves its namespace a moment before it is dead.
    wait_for(lambda: not any(map(process_start, pids)), 5, f"end of {pids}")


@pytest.mark.parametrize("end", ["SIGTERM", "SIGINT", "SIGHUP", "exception", "exit", "interpreter"])
def test_a_lab_ends_with_its_owner(end: str) -> None:
    owner, name, pids = owned_lab(end)
    if end.startswith("SIG"):
        assert len(namespaces_of(name)) == 5
        owner.send_signal(signal.Signals[end])
    owner.wait(10)
    assert_gone(name, pids)
    assert not [lab for lab in labs() if lab.startswith(f"arc{owner.pid}-")]


def test_a_lab_of_a_killed_owner_is_reaped_and_no_other(lab: Lab) -> None:
    owner, name, pids = owned_lab("killed")
    owner.kill()
    owner.wait(10)
    assert len(namespaces_of(name)) == 5 and all(map(process_start, pids))
    assert name in reap()
    assert_gone(name, pids)
    assert lab.client.run("ping", "-c", "1", "10.2.0.2").returncode == 0


def test_a_lab_of_another_pid_namespace_is_left_alone() -> None:
    owner, name, pids = owned_lab("killed")
    claim = RUN_DIRECTORY / name / PID_NAMESPACE_FILE
    own = claim.read_text()
    claim.write_text("pid:[1]")
    owner.kill()
    owner.wait(10)
    # The owner's pid means nothing here: in its own namespace it may well live.
    assert name not in reap()
    assert labs()[name] and len(namespaces_of(name)) == 5
    claim.write_text(own)
    assert name in reap()
    assert_gone(name, pids)


def test_labs_raised_at_once_do_not_meet() -> None:
    owners = [start_owner("SIGTERM") for _ in range(4)]
    raised = [(owner, *lab_of(owner)) for owner in owners]
    assert len({name for _, name, _ in raised}) == 4
    for owner, name, pids in raised:
        assert len(namespaces_of(name)) == 5 and all(map(process_start, pids))
        owner.terminate()
        owner.wait(20)
        assert_gone(name, pids)


def test_a_killed_emulator_is_named_and_no_hindrance_to_the_end() -> None:
    with Lab() as lab:
        lab.wan.process.kill()
        with pytest.raises(
            ConnectionError, match=f"{lab.name}/wan.control: the emulator of this link has ended"
        ):
            lab.wan.stats()
        assert lab.client.run("ping", "-c", "1", "-W", "0.2", "10.2.0.2", check=False).returncode == 1
    assert namespaces_of(lab.name) == [] and lab.name not in labs()
