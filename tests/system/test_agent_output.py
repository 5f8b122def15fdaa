"""Where the agent's log goes must not matter to its state."""

import os
import sqlite3
from pathlib import Path

from agents import Agent, issue_license
from arctic_lab import Lab, Process


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
