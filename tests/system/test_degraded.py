"""Agents on hosts that do not let them do their work: they stay, say what is missing and what to do, and capture nothing."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agents import TUNNEL_PORT, Agent, Pair, issue_license
from arctic_lab import Lab, Process, wait_for
from flows import carried

MakeAgent = Callable[..., "Wrapped"]


class Wrapped(Agent):
    """An agent that another program starts: one that takes something away from it first."""

    wrapper: tuple[str, ...] = ()

    def launch(self) -> Process:
        command = (*self.wrapper, str(self._program), "--env-file", "/dev/null")
        self.process = self.host.start(*command, name="arctic-agent", env=self.settings)
        return self.process


@pytest.fixture
def degraded(lab: Lab, build: Path) -> Iterator[Pair]:
    """Two agents that know each other, with a service that carries; that of the entry has been stopped."""
    lab.server.serve("http", 80)
    pair = Pair(lab, build)
    pair.entry = Wrapped(lab.entry, build, lab.directory / "agents" / "wrapped")
    pair.start()
    pair.carry()
    assert carried(lab, lab.client)
    pair.entry.stop()
    yield pair
    pair.end()


def restart(pair: Pair, *wrapper: str) -> None:
    assert isinstance(pair.entry, Wrapped)
    pair.entry.wrapper = wrapper
    pair.entry.start()


def assert_waiting(lab: Lab, pair: Pair, *words: str) -> None:
    """Ready is it not, and both /readyz and the service say why; the API works, and nothing is captured."""
    ready = pair.entry.api("GET", "/readyz", token=None)
    assert ready.status == 503
    checks = ready.json()["checks"]
    assert checks["store"]["ok"] and checks["license"]["ok"] and not checks["kernel"]["ok"]
    (service,) = pair.entry.get("/v1/services")["services"]
    assert service["state"] == "pending"
    for word in words:
        assert word in checks["kernel"]["reason"] and word in service["state_reason"]
        assert word in pair.entry.log
    added = pair.entry.api("POST", "/v1/services", {"target_peer_id": pair.exit.id, "transport_type": "tcp"})
    assert added.status == 201 and added.json()["state"] == "pending"
    assert pair.entry.api("DELETE", f"/v1/services/{added.json()['id']}").status == 204
    assert not pair.entry.ruleset()
    assert "61000" not in lab.entry.run("ip", "rule").stdout
    assert not carried(lab, lab.client) and not carried(lab, lab.entry)


def becomes_ready(pair: Pair) -> None:
    wait_for(lambda: pair.entry.api("GET", "/readyz", token=None).status == 200, 40, "an agent that is ready")


def test_no_capability(lab: Lab, degraded: Pair) -> None:
    restart(degraded, "setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin")
    assert_waiting(lab, degraded, "CAP_NET_ADMIN", "as root")
    degraded.entry.stop()
    restart(degraded)
    becomes_ready(degraded)
    wait_for(lambda: carried(lab, lab.client), 10, "flows that are carried")


def test_a_capability_that_does_not_count(lab: Lab, degraded: Pair) -> None:
    """Root of a user namespace, as in a rootless container, on a network that is not its own."""
    restart(degraded, "unshare", "--user", "--map-root-user")
    assert_waiting(lab, degraded, "CAP_NET_ADMIN", "user namespace")


def test_no_tun_device_until_there_is_one(lab: Lab, degraded: Pair) -> None:
    hidden = 'mount -t tmpfs none /dev/net && exec "$@"'
    restart(degraded, "unshare", "--mount", "sh", "-ec", hidden, "sh")
    assert_waiting(lab, degraded, "/dev/net/tun", "modprobe tun")
    process = degraded.entry.process
    assert process
    subprocess.run(["nsenter", "-t", str(process.pid), "-m", "umount", "/dev/net"], check=True)
    becomes_ready(degraded)
    wait_for(lambda: carried(lab, lab.client), 10, "flows that are carried")
    (service,) = degraded.entry.get("/v1/services")["services"]
    assert service["state"] == "active" and not service["state_reason"]
    assert "after all" in degraded.entry.log


def test_a_port_that_gets_free_after_the_bootstrap(lab: Lab, build: Path) -> None:
    """Nobody has to start the agent again."""
    agent = Agent(lab.entry, build, lab.directory / "agents" / "entry")
    other = lab.entry.serve("echo", TUNNEL_PORT)
    agent.start()
    agent.bootstrap(issue_license(build, agent, lab.directory / "license.json"))
    reason = agent.api("GET", "/readyz", token=None).json()["checks"]["listeners"]["reason"]
    assert str(TUNNEL_PORT) in reason
    assert not agent.ruleset()
    other.stop()
    wait_for(lambda: agent.api("GET", "/readyz", token=None).status == 200, 40, "an agent that is ready")
    assert agent.ruleset()
    agent.stop()


def test_a_second_agent_on_a_host_ends_and_says_why(lab: Lab, degraded: Pair, build: Path) -> None:
    restart(degraded)
    becomes_ready(degraded)
    ports = {"API_PORT": "8090", "API_TLS_PORT": "8453", "TUNNEL_PORT": "61001"}
    second = Agent(lab.entry, build, lab.directory / "second", **ports)
    subprocess.run(["cp", "-a", f"{degraded.entry.data_dir}/.", second.data_dir], check=True)
    process = second.launch()
    second.process = None
    assert process.wait(15) == 1
    assert "another agent runs in this network namespace" in process.log().splitlines()[-1]
    assert degraded.entry.api("GET", "/readyz", token=None).status == 200
    assert carried(lab, lab.client)


@pytest.fixture
def read_only(lab: Lab) -> Iterator[Path]:
    directory = lab.directory / "read-only"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", directory], check=True)
    (directory / "there").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", directory], check=True)
    yield directory
    subprocess.run(["umount", directory], check=True)


@pytest.mark.parametrize("setting", ["DATA_DIR", "RUN_DIR"])
def test_a_directory_that_can_not_be_made(lab: Lab, build: Path, read_only: Path, setting: str) -> None:
    agent = Agent(lab.entry, build, lab.directory / "agent", **{setting: str(read_only / "new")})
    assert_refuses(agent, str(read_only / "new"), setting, "Read-only file system")


def test_a_data_directory_that_can_not_be_written(lab: Lab, build: Path, read_only: Path) -> None:
    agent = Agent(lab.entry, build, lab.directory / "agent", DATA_DIR=str(read_only / "there"))
    assert_refuses(agent, str(read_only / "there"), "DATA_DIR", "Read-only file system")


def assert_refuses(agent: Agent, *words: str) -> None:
    process = agent.launch()
    agent.process = None
    assert process.wait(15) == 1
    sentence = process.log().splitlines()[-1]
    assert sentence.startswith("arctic-agent: ")
    for word in words:
        assert word in sentence
