"""Agents that run as a user with a few capabilities, as under the systemd unit, and what they say where one of them is missing."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agents import Agent, Pair, issue_license
from arctic_lab import Lab, Process, wait_for
from flows import VERSIONS, carried, carries_all
from kernel_setup import kernel_state, ours
from service_manager import Manager

USER = 64998  # of nobody here
UNIT = ("net_admin", "net_raw", "net_bind_service")

# A device node that all may open is what udev makes; this machine's own stays as it is.
TUN = 'mount -t tmpfs none /dev/net && mknod -m 666 /dev/net/tun c 10 200 && exec "$@"'


class UserAgent(Agent):
    """An agent of USER, with capabilities that it can not get more of."""

    capabilities: tuple[str, ...] = UNIT

    def __init__(self, lab: Lab, build: Path, name: str, **settings: str) -> None:
        directory = lab.directory / "agents" / f"user-{name}"
        super().__init__(getattr(lab, name), build, directory, **settings)
        os.chown(directory, USER, USER)

    def launch(self) -> Process:
        kept = ",".join(f"+{name}" for name in self.capabilities)
        rights = [f"--inh-caps=-all,{kept}", f"--ambient-caps=-all,{kept}", f"--bounding-set=-all,{kept}"]
        if not kept:
            rights = ["--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"]
        identity = (f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs")
        self.process = self.host.start(
            *("unshare", "--mount", "sh", "-ec", TUN, "sh"),
            *("setpriv", *identity, *rights, str(self._program), "--env-file", os.devnull),
            name="arctic-agent",
            env=self.settings,
        )
        return self.process


MakePair = Callable[..., Pair]


@pytest.fixture
def make(lab: Lab, build: Path) -> Iterator[MakePair]:
    """A pair of agents of USER."""
    reachable = subprocess.run(
        ["setpriv", f"--reuid={USER}", "--clear-groups", "test", "-x", build / "agent" / "arctic-agent"], check=False
    )
    if reachable.returncode:
        pytest.skip(f"another user can not reach {build}")
    lab.server.serve("http", 80)
    pairs: list[Pair] = []

    def made(**settings: str) -> Pair:
        pair = Pair(lab, build)
        pair.entry = UserAgent(lab, build, "entry", **settings)
        pair.exit = UserAgent(lab, build, "exit", **settings)
        pairs.append(pair)
        return pair

    yield made
    for pair in pairs:
        pair.end()


def privileges(agent: Agent) -> dict[str, str]:
    assert agent.process
    lines = Path(f"/proc/{agent.process.pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


@pytest.mark.parametrize("mode", ["owner", "plain"])
def test_all_of_capture_works(lab: Lab, make: MakePair, mode: str) -> None:
    """Table, rules, routes, anchor and settings, made, repaired and taken back."""
    before = kernel_state(lab.entry)
    pair = make(TABLE_MODE=mode)
    pair.start()
    pair.carry()
    shown = privileges(pair.entry)
    assert shown["Uid"].split() == [str(USER)] * 4 and shown["CapEff"] == "0000000000003400"
    ready = pair.entry.request("GET", "/readyz")
    assert ready.status == 200 and "hints" not in ready.json()["checks"]["kernel"]
    assert carries_all(lab)
    whole = ours(lab.entry)
    for harm in (
        "nft flush ruleset",
        "ip rule del pref 610",
        "ip -6 route flush table 61000",
        "ip link del arctic0",
        "sysctl -qw net.ipv4.tcp_min_rtt_wlen=77",
    ):
        lab.entry.run(*harm.split())
        wait_for(lambda: ours(lab.entry) == whole, 2.5, f"repair: {harm}")
    assert carries_all(lab)
    pair.entry.stop()
    assert kernel_state(lab.entry) == before
    for path in pair.entry.data_dir.iterdir():
        assert path.stat().st_uid == USER and path.stat().st_mode & 0o077 == 0, path


def test_interfaces_of_services(lab: Lab, make: MakePair) -> None:
    """A user's agent makes them, sets their settings and the parent's, asks for the address, and takes all back."""
    pair = make(PARENT_INTERFACE="lan")
    before = kernel_state(lab.entry)
    pair.start()
    service = pair.entry.create_service(
        pair.exit, "--requires-interface", "--desired-ipv4", "10.1.0.10/24", "--desired-ipv6", "fd01::10/64"
    )
    wait_for(lambda: pair.entry.service(service)["state"] == "active", 10, "the interface")
    lab.client.ip("route replace default via 10.1.0.10", "route replace default via fd01::10", "neigh flush all")
    assert all(carried(lab, lab.client, version) for version in VERSIONS)
    pair.entry.stop()
    assert kernel_state(lab.entry) == before


def test_another_one_after_kill_9(lab: Lab, make: MakePair) -> None:
    before = kernel_state(lab.entry)
    pair = make(TABLE_MODE="plain")
    pair.start()
    pair.carry()
    for _ in range(2):
        pair.entry.kill()
        assert not carried(lab, lab.client) and not carried(lab, lab.entry)
        pair.entry.start()
        wait_for(lambda: carries_all(lab), 10, "flows that are carried again")
    pair.entry.stop()
    assert kernel_state(lab.entry) == before


def test_without_net_raw_all_but_dhcp_works(lab: Lab, make: MakePair) -> None:
    pair = make(PARENT_INTERFACE="lan")
    for agent in (pair.entry, pair.exit):
        assert isinstance(agent, UserAgent)
        agent.capabilities = ("net_admin",)
    pair.start()
    pair.carry()
    assert carries_all(lab)
    assert pair.entry.request("GET", "/readyz").status == 200
    assert "CAP_NET_RAW" not in pair.entry.log
    by_hand = pair.entry.create_service(pair.exit, "--requires-interface", "--desired-ipv4", "10.1.0.10/24")
    wait_for(lambda: pair.entry.service(by_hand)["state"] == "active", 5, "an address that nobody was asked about")
    by_dhcp = pair.entry.create_service(pair.exit, "--requires-interface")
    wait_for(lambda: pair.entry.service(by_dhcp)["state"] == "error", 5, "what is missing said")
    assert "missing capability CAP_NET_RAW" in pair.entry.service(by_dhcp)["state_reason"]


def test_without_net_admin_it_says_so(lab: Lab, make: MakePair) -> None:
    """The API is there, and both the agent and the service say what is missing and how to give it."""
    pair = make()
    pair.start()
    service = pair.carry()
    pair.entry.stop()
    assert isinstance(pair.entry, UserAgent)
    pair.entry.capabilities = ("net_raw",)
    pair.entry.start()
    ready = pair.entry.request("GET", "/readyz")
    assert ready.status == 503
    for reason in (ready.json()["checks"]["kernel"]["reason"], pair.entry.service(service)["state_reason"]):
        assert "missing capability CAP_NET_ADMIN: " in reason
        assert "AmbientCapabilities=" in reason and "--cap-add" in reason
    assert not carried(lab, lab.client) and not carried(lab, lab.entry)
    pair.entry.stop()
    pair.entry.capabilities = UNIT
    pair.entry.start()
    wait_for(lambda: carries_all(lab), 15, "flows that are carried")


def test_a_start_that_can_not_capture_ends_all_the_same(lab: Lab, make: MakePair) -> None:
    """The service manager hears what is wrong, and has no reason to end an agent whose API is there to say so too."""
    address = f"@{lab.name}-manager"
    manager = Manager(lab.entry, address)
    pair = make(NOTIFY_SOCKET=address)
    pair.start()
    pair.entry.stop()
    wait_for(lambda: manager.message()[0] == "STOPPING=1", 5, "the end")
    assert isinstance(pair.entry, UserAgent)
    pair.entry.capabilities = ("net_raw",)
    pair.entry.start()
    told: list[str] = []

    def has_begun() -> bool:
        told.extend(manager.message())
        return "READY=1" in told and any(line.startswith("STATUS=not ready: ") for line in told)

    wait_for(has_begun, 5, "READY=1 and why not")
    reason = pair.entry.request("GET", "/readyz").json()["checks"]["kernel"]["reason"]
    assert f"STATUS=not ready: {reason}" in told and "CAP_NET_ADMIN" in reason
    manager.close()


def refusal(agent: Agent) -> str:
    """The last line of an agent that does not start."""
    process = agent.launch()
    agent.process = None
    assert process.wait(15) == 1
    return process.log().splitlines()[-1]


def test_ports_below_1024_take_a_capability_of_their_own(lab: Lab, build: Path, make: MakePair) -> None:
    lab.entry.sysctl("net/ipv4/ip_unprivileged_port_start", 1024)
    agent = make(API_PORT="443").entry
    assert isinstance(agent, UserAgent)
    agent.capabilities = ("net_admin",)
    sentence = refusal(agent)
    assert "443" in sentence and "CAP_NET_BIND_SERVICE" in sentence
    agent.capabilities = UNIT
    agent.launch()
    wait_for(lambda: lab.entry.listens(443), 10, "the API at port 443")


def test_a_data_directory_of_root(lab: Lab, build: Path, make: MakePair) -> None:
    """What systemd does for the directories of the unit is a chown: the agent is the same one after it."""
    agent = make().entry
    root = Agent(lab.entry, build, lab.directory / "agents" / "root")
    root.data_dir, root.run_dir = agent.data_dir, agent.run_dir
    root.settings = dict(agent.settings)
    root.start()
    root.bootstrap(issue_license(build, root, lab.directory / "license.json"))
    identity = root.id
    root.kill()
    sentence = refusal(agent)
    assert str(agent.data_dir) in sentence and "DATA_DIR" in sentence and "Permission denied" in sentence
    assert f"chown -R {USER}" in sentence
    subprocess.run(["chown", "-R", f"{USER}:{USER}", agent.data_dir, agent.run_dir], check=True)
    agent.start()
    assert agent.id == identity
    wait_for(lambda: agent.request("GET", "/readyz").status == 200, 10, "an agent that is ready")
    assert "will not be put back" not in agent.log
