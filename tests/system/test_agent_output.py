"""What surrounds the agent: where its log goes, and files of settings that cannot be read."""

import os
import socket
import sqlite3
import subprocess
from pathlib import Path

import pytest
from agents import Agent, issue_license
from arctic_lab import Lab, Process, wait_for
from service_manager import Manager


class Silent(Agent):
    """Started by something that closes what it does not need."""

    def launch(self) -> Process:
        script = 'exec "$0" --env-file /dev/null 0<&- 1>&- 2>&-'
        command = ("sh", "-c", script, str(self._program))
        self.process = self.host.start(*command, name="arctic-agent", env={**self.settings, "LOG_LEVEL": "debug"})
        return self.process


def test_closed_descriptors_are_not_written_over(lab: Lab, build: Path) -> None:
    """A file that is opened gets the lowest free number: the log must not land in the database or on a connection."""
    agent = Silent(lab.entry, build, lab.directory / "silent")
    agent.start()
    agent.bootstrap(issue_license(build, agent, lab.directory / "license.json"))
    assert agent.process
    numbers = Path(f"/proc/{agent.process.pid}/fd")
    assert [os.readlink(numbers / str(fd)) for fd in range(3)] == ["/dev/null"] * 3
    agent.stop()
    for path in agent.data_dir.iterdir():
        assert b'"level"' not in path.read_bytes(), f"{path} holds lines of the log"
    with sqlite3.connect(agent.data_dir / "arctic.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
    agent.start()
    assert agent.get("/v1/peers")["peers"]
    agent.stop()


def test_settings_that_cannot_be_read_start_nothing(build: Path, tmp_path: Path) -> None:
    """An agent with the defaults in their place would be somebody else's."""
    elsewhere = ("--data-dir", str(tmp_path / "data"), "--run-dir", str(tmp_path / "run"), "--api-port", "0")
    for path in (tmp_path, tmp_path / "missing"):
        result = subprocess.run(
            [build / "agent" / "arctic-agent", "--env-file", path, *elsewhere],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        assert result.returncode == 2 and str(path) in result.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("setting", "part"),
    [
        ({"API_ADDRESS": "eth0"}, "API_ADDRESS must be an IPv4 or IPv6 address such as 0.0.0.0 or ::, not 'eth0'"),
        ({"API_TLS_CERT": "/cert.pem"}, "API_TLS_CERT and API_TLS_KEY come together"),
        ({"MARK_MASK": "0x5"}, "mark mask 0x00000005"),
        ({"LOG_LEVEL": "loud"}, "'loud'"),
    ],
)
def test_settings_that_make_no_sense_are_not_tried_again(
    lab: Lab, build: Path, setting: dict[str, str], part: str
) -> None:
    """The unit leaves the agent alone after exit code 2, which a restart does not put right."""
    agent = Agent(lab.entry, build, lab.directory / "agent", **setting)
    process = agent.launch()
    agent.process = None
    wait_for(lambda: process.returncode is not None, 10, "the agent ends")
    assert process.returncode == 2 and part in process.log(), process.log()


@pytest.mark.parametrize("kind", ["a file", "abstract"])
def test_a_service_manager_is_told(lab: Lab, build: Path, tmp_path: Path, kind: str) -> None:
    address = str(tmp_path / "notify") if kind == "a file" else f"@{lab.name}"
    manager = Manager(lab.entry, address)
    agent = Agent(lab.entry, build, lab.directory / "told", NOTIFY_SOCKET=address)
    agent.start()
    life, ready, status = manager.message()
    assert (life, ready) == ("WATCHDOG=1", "READY=1") and status.startswith("STATUS=not bootstrapped")
    assert manager.message() == ["WATCHDOG=1"], "what has not changed is not said again"
    agent.bootstrap(issue_license(build, agent, lab.directory / "license.json"))
    wait_for(lambda: "STATUS=0 of 0 services active, 0 of 0 peers reachable" in manager.message(), 15, "the status")
    agent.stop()
    wait_for(lambda: manager.message()[0] == "STOPPING=1", 5, "the end")
    manager.close()


def test_a_service_manager_that_does_not_read_is_not_waited_for(lab: Lab, build: Path, tmp_path: Path) -> None:
    lab.entry.sysctl("net/unix/max_dgram_qlen", 1)
    manager = Manager(lab.entry, str(tmp_path / "notify"))
    agent = Agent(lab.entry, build, lab.directory / "unheard", NOTIFY_SOCKET=str(tmp_path / "notify"))
    agent.start()
    with lab.entry.entered(), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                other.sendto(b"more than it takes", str(tmp_path / "notify"))
    # A change of the status is a message.
    agent.bootstrap(issue_license(build, agent, lab.directory / "license.json"))
    for _ in range(3):
        assert agent.request("GET", "/livez").status == 200
    agent.stop()
    manager.close()


def test_a_journal_that_does_not_read_is_not_waited_for(lab: Lab, build: Path) -> None:
    """The stream is full in no time where journald hangs; the agent goes on, and says later how much is missing."""
    journal, stderr = socket.socketpair()
    stderr.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)  # less than a start has to say
    stream = os.fstat(stderr.fileno())
    agent = Agent(lab.entry, build, lab.directory / "unread", LOG_LEVEL="debug")
    settings = {**os.environ, **agent.settings, "JOURNAL_STREAM": f"{stream.st_dev}:{stream.st_ino}"}
    program = lab.entry.command(str(build / "agent" / "arctic-agent"), "--env-file", os.devnull)
    process = subprocess.Popen(program, stdin=subprocess.DEVNULL, stderr=stderr, env=settings)
    try:
        stderr.close()
        lab.entry.wait_for_port(8080)
        agent.bootstrap(issue_license(build, agent, lab.directory / "license.json"))
        for _ in range(30):
            wrong = {"Content-Type": "application/x-www-form-urlencoded"}
            assert agent.request("POST", "/v1/oauth/token", b"grant_type=client_credentials", wrong).status >= 400
        wait_for(lambda: agent.request("GET", "/readyz").status == 200, 10, "an agent that is ready")
        journal.settimeout(10)
        said = journal.recv(65536)
        # A stop is logged, and so is what was lost before it.
        process.terminate()
        while data := journal.recv(65536):
            said += data
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        journal.close()
    lines = said.splitlines()
    assert all(line[:1] == b"<" and line[2:3] == b">" for line in lines)
    (lost,) = [line for line in lines if b"lines of the log were lost" in line]
    assert lost.startswith(b"<4>arctic-agent: ") and int(lost.split()[1]) > 0
