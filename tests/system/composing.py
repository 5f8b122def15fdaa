"""Compose files for tests, and agents that know nothing yet."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from agents import API_PORT, Agent, Pair, issue_license
from arctic_lab import Lab


def address_of(agent: Agent) -> str:
    return f"{agent.host.address(4, 'wan')}:{API_PORT}"


def route(dest: str, priority: int = 100, **more: str) -> dict[str, Any]:
    return {"dest_cidr": dest, "priority": priority, **more}


class Composition:
    """A compose file beside its licence, applied from the entry."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.path = pair.license.parent / "cluster.yaml"
        self.document: dict[str, Any] = {
            "version": "v1",
            "license": pair.license.name,
            "peers": [{"name": agent.name, "address": address_of(agent)} for agent in (pair.entry, pair.exit)],
            "services": [],
        }

    def add_service(self, name: str, *routes: dict[str, Any], **members: Any) -> dict[str, Any]:
        service = {
            "name": name,
            "source_peer": self.pair.entry.name,
            "target_peer": self.pair.exit.name,
            "transport_type": "tcp",
            "routes": list(routes),
            **members,
        }
        self.document["services"].append(service)
        return service

    def write(self) -> None:
        self.path.write_text(yaml.safe_dump(self.document, sort_keys=False))

    def run(self, command: str, *args: str, code: int = 0, timeout: float = 60.0) -> Any:
        """Runs `arctic compose COMMAND` on the file as it stands in memory."""
        self.write()
        return self.pair.entry.cli(
            "compose", command, "--file", str(self.path), *args, code=code, timeout=timeout
        )

    def apply(self, *args: str, **options: Any) -> Any:
        return self.run("apply", "--yes", *args, **options)

    def plan(self, *args: str) -> Any:
        self.write()
        return self.pair.entry.cli_json("compose", "diff", "--file", str(self.path), *args)

    def assert_applied(self) -> None:
        assert self.plan("--prune")["steps"] == []


@contextmanager
def bare_pair(lab: Lab, build: Path) -> Iterator[Pair]:
    """Agents that run and are not bootstrapped, and a licence."""
    agents = Pair(lab, build)
    try:
        for agent in (agents.entry, agents.exit):
            agent.start()
        issue_license(build, agents.entry, agents.license, "--max-nodes", "10", "--max-services", "1000", "--days", "365")
        yield agents
    finally:
        agents.end()
