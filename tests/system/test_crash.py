"""kill -9 at any moment: what was acknowledged is there afterwards, the rest is there as a whole or not at all, and the cluster agrees."""

import itertools
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest
from agents import Agent, issue_license
from arctic_lab import Port, Topology, wait_for
from ledger import Caller, View, Writer, check, resolve

AGENTS = 3
SEED = 20261128


def hosts(topology: Topology) -> None:
    ports = [Port(topology.host(f"a{number}"), "lan", (f"10.5.0.{number}/24",)) for number in range(1, AGENTS + 1)]
    topology.lan("switch", *ports)


@contextmanager
def cluster(build: Path) -> Iterator[list[Agent]]:
    """Three agents that have met, with a licence for more than they need."""
    with Topology() as topology:
        hosts(topology)
        agents = [
            Agent(topology.hosts[f"a{number}"], build, topology.directory / "agents" / str(number))
            for number in range(1, AGENTS + 1)
        ]
        for agent in agents:
            agent.start()
        terms = ("--max-nodes", "10", "--max-services", "1000", "--days", "365")
        license = issue_license(build, agents[0], topology.directory / "license.json", *terms)
        for agent in agents:
            agent.bootstrap(license)
        for asked, other in itertools.combinations(agents, 2):
            asked.add_peer(other, other.host.ipv4)
        caller = Caller(agents)
        wait_for(lambda: agree(caller, agents), 15, "a cluster that agrees")
        yield agents
        for agent in agents:
            agent.end()


def agree(caller: Caller, agents: list[Agent]) -> bool:
    """All have met, reach each other and hold the same records."""
    told = [caller.get(agent, "/v1/cluster/status") for agent in agents]
    reached = all([peer["reachable"] for peer in status["peers"]] == [True] * (len(agents) - 1) for status in told)
    return reached and len({status["registry_hash"] for status in told}) == 1


class Storm:
    """Writers in threads of their own, which pause when they are told to."""

    def __init__(self, agents: list[Agent], seed: str) -> None:
        self.writers = [Writer(agents, home, seed) for home in agents]
        self._go = threading.Event()
        self._end = threading.Event()
        self._idle = [threading.Event() for _ in self.writers]
        self.problems: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._run, args=pair, daemon=True) for pair in zip(self.writers, self._idle, strict=True)
        ]

    def __enter__(self) -> "Storm":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._go.set()
        for thread in self._threads:
            thread.join()

    def _run(self, writer: Writer, idle: threading.Event) -> None:
        try:
            while not self._end.is_set():
                if not self._go.is_set():
                    idle.set()
                    self._go.wait()
                    continue
                writer.step()
        except BaseException as problem:  # told to the test by pause()
            self.problems.append(problem)
        idle.set()

    def go_on(self) -> None:
        for idle in self._idle:
            idle.clear()
        self._go.set()

    def pause(self) -> None:
        """Returns when no change is under way."""
        self._go.clear()
        for idle in self._idle:
            assert idle.wait(60), "a writer that does not end its change"
        if self.problems:
            raise self.problems[0]

    @property
    def acknowledged(self) -> int:
        return sum(writer.count.acknowledged for writer in self.writers)


class Killing:
    """Rounds of changes, kills, starts and looks."""

    def __init__(self, agents: list[Agent], seed: str) -> None:
        self.agents = agents
        self.chance = random.Random(seed)
        self.caller = Caller(agents)
        self.kills = 0

    def round(self, storm: Storm) -> None:
        victims = self.chance.sample(self.agents, self.chance.choice((1, 1, 1, 2, 3)))
        writes_on = self.chance.random() < 0.5
        enough = storm.acknowledged + self.chance.randint(1, 10)
        storm.go_on()
        wait_for(lambda: storm.acknowledged >= enough or storm.problems, 20, "changes")
        time.sleep(self.chance.uniform(0, 0.01))  # any point in between will do
        for victim in victims:
            victim.kill()
            self.kills += 1
        if not writes_on:
            storm.pause()
        for victim in victims:
            victim.launch()
        for victim in victims:
            victim.wait_until_answers()
            self.caller.hang_up(victim)
            if not writes_on:
                check(storm.writers, View(self.caller, victim, victim), victim)
        storm.pause()
        self.look(storm)

    def look(self, storm: Storm) -> None:
        wait_for(lambda: agree(self.caller, self.agents), 30, "a cluster that agrees")
        views = [View(self.caller, agent) for agent in self.agents]
        resolve(storm.writers, views[0])
        for view in views:
            check(storm.writers, view)
        self._try_credential(storm)

    def _try_credential(self, storm: Storm) -> None:
        known = [item for writer in storm.writers for item in writer.credentials if item.secret]
        if not known:
            return
        item, agent = self.chance.choice(known), self.chance.choice(self.agents)
        assert self.caller.authenticates(agent, item.id, item.secret), f"{agent.name} does not take {item.id}"


def kill_at_random(agents: list[Agent], kills: int) -> None:
    seed = f"{SEED}-{kills}"
    killing = Killing(agents, seed)
    try:
        with Storm(agents, seed) as storm:
            while killing.kills < kills:
                killing.round(storm)
    except (AssertionError, TimeoutError) as problem:
        raise AssertionError(f"seed {seed}, kill {killing.kills}: {problem}") from problem
    for writer in storm.writers:
        print(json.dumps(asdict(writer.count)))
    # An agent that finds at another one what it has itself acknowledged has lost it.
    logs = "".join(process.log() for agent in agents for process in agent.host.processes)
    assert "remembers a newer version" not in logs, f"seed {seed}"
    assert storm.acknowledged > 3 * kills and any(writer.count.doubtful for writer in storm.writers)


def test_kills_at_random_instants(build: Path) -> None:
    with cluster(build) as agents:
        kill_at_random(agents, 20)


@pytest.mark.slow
def test_two_hundred_kills_at_random_instants(build: Path) -> None:
    with cluster(build) as agents:
        kill_at_random(agents, 200)
