"""Clusters of several agents on two LANs, with a cable in between that tests cut and mend."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agents import Agent, issue_license
from arctic_lab import Namespace, Port, Topology
from arctic_lab.topology import Cable

TERMS = ("--max-nodes", "20", "--max-services", "100", "--days", "365")


@dataclass
class Cluster:
    """Agents on two LANs with a cable in between, and hosts beside them that have none."""

    agents: list[Agent]
    cable: Cable
    license: Path
    guests: dict[str, Namespace]
    directory: Path

    def add(self, asked: int, other: int) -> None:
        self.agents[asked].cli("peers", "add", f"{self.agents[other].host.ipv4}:8080")

    def chain(self) -> None:
        """Each agent is told of the next one, and of no other."""
        for number in range(len(self.agents) - 1):
            self.add(number, number + 1)

    def hashes(self, *numbers: int) -> set[str]:
        chosen = [self.agents[number] for number in numbers] or self.agents
        return {str(agent.get("/v1/cluster/status")["registry_hash"]) for agent in chosen}

    def agree(self, *numbers: int) -> bool:
        return len(self.hashes(*numbers)) == 1

    def reach(self, agent: Agent) -> int:
        """How many others an agent reaches."""
        return sum(peer["reachable"] for peer in agent.get("/v1/cluster/status")["peers"])

    def all_met(self) -> bool:
        """Everybody has shaken hands with everybody else."""
        return all(
            [peer["state"] for peer in agent.get("/v1/peers")["peers"]].count("connected") == len(self.agents)
            for agent in self.agents
        )


def _build(topology: Topology, west: int, east: int, guests: tuple[str, ...]) -> tuple[list[Namespace], Cable]:
    """Guests are in the west and in the east by turns."""
    names = [f"a{number + 1}" for number in range(west + east)]
    ports = [
        Port(topology.host(name), "lan", (f"10.5.0.{number + 1}/24",))
        for number, name in enumerate([*names, *guests])
    ]
    members, others = ports[: west + east], ports[west + east :]
    topology.lan("west", *members[:west], *others[::2])
    topology.lan("east", *members[west:], *others[1::2])
    return [topology.hosts[name] for name in names], topology.cable("west", "east")


@contextmanager
def running_cluster(
    build: Path, west: int, east: int, *guests: str, terms: tuple[str, ...] = TERMS, **settings: str
) -> Iterator[Cluster]:
    """Agents that are bootstrapped and know nobody yet, stopped cleanly afterwards. No side has exactly two hosts."""
    with Topology() as topology:
        hosts, cable = _build(topology, west, east, guests)
        directory = topology.directory / "agents"
        agents = [Agent(host, build, directory / host.name.removeprefix("a"), **settings) for host in hosts]
        license = topology.directory / "license.json"
        for agent in agents:
            agent.start()
        issue_license(build, agents[0], license, *terms)
        for agent in agents:
            agent.bootstrap(license)
        yield Cluster(agents, cable, license, {name: topology.hosts[name] for name in guests}, topology.directory)
        for agent in agents:
            agent.end()
