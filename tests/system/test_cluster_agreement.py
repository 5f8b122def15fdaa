"""What all agents of a cluster agree on beside its records: its id, its licence, and who is who."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from access import ask_for_token
from agents import Agent, Pair, issue_license
from arctic_lab import Lab, wait_for
from clock import DAY, Clock
from clusters import running_cluster

TERMS = ("--max-nodes", "3", "--max-services", "2", "--days", "30")


@dataclass
class Trio:
    """Three agents, and a host beside them that has none yet."""

    agents: list[Agent]
    spare: Agent
    license: Path
    build: Path

    def meet(self) -> None:
        for other in self.agents[1:]:
            self.agents[0].cli("peers", "add", f"{other.host.ipv4}:8080")
        wait_for(lambda: all(states(agent) == ["connected"] * 2 for agent in self.agents), 15, "a full mesh")

    def issue(self, name: str, *terms: str) -> Path:
        """A licence of the same customer, issued later than the ones before."""
        customer = json.loads(self.license.read_text())["customer_id"]
        path = self.license.parent / f"{name}.json"
        return issue_license(self.build, self.agents[0], path, "--customer", customer, *terms)


def states(agent: Agent) -> list[str]:
    return [str(peer["state"]) for peer in agent.get("/v1/cluster/status")["peers"]]


def hashes(*agents: Agent) -> set[str]:
    return {str(agent.get("/v1/cluster/status")["registry_hash"]) for agent in agents}


def identity(agent: Agent) -> Any:
    return agent.api("GET", "/v1/cluster/identity", token=None).json()


def check(agent: Agent, name: str) -> Any:
    return agent.api("GET", "/readyz", token=None).json()["checks"][name]


@pytest.fixture
def trio(build: Path) -> Iterator[Trio]:
    with running_cluster(build, 2, 1, "spare", terms=TERMS) as cluster:
        spare = Agent(cluster.guests["spare"], build, cluster.directory / "agents" / "spare")
        yield Trio(cluster.agents, spare, cluster.license, build)
        spare.end()


def test_a_licence_installed_at_one_agent_holds_at_all(trio: Trio) -> None:
    trio.meet()
    first, second, third = trio.agents
    third.stop()
    larger = trio.issue("larger", "--max-nodes", "4", "--max-services", "5", "--days", "400")
    wanted = json.loads(larger.read_text())["license_id"]
    second.cli("license", "update", "--license-file", str(larger))
    wait_for(lambda: first.get("/v1/license")["license_id"] == wanted, 5, "the licence at the first agent")
    assert first.get("/v1/license")["max_services"] == 5
    assert check(first, "license")["days_left"] > 300
    for _ in range(3):
        first.create_service(second)

    # It outlasts a stop without the one who brought it; who was away hears of it, and not from that one alone.
    first.stop()
    second.stop()
    first.start()
    assert first.get("/v1/license")["license_id"] == wanted
    third.start()
    wait_for(lambda: third.get("/v1/license")["license_id"] == wanted, 10, "the licence at the third agent")

    # A new agent with the file of before joins, although the former licence had no room for it.
    trio.spare.start()
    trio.spare.bootstrap(trio.license)
    assert trio.spare.get("/v1/license")["max_nodes"] == 3
    trio.spare.cli("peers", "add", f"{first.host.ipv4}:8080")
    assert trio.spare.get("/v1/license")["license_id"] == wanted

    # An older one is refused where it is not installed.
    answer = first.api("PUT", "/v1/license", {"license": json.loads(trio.license.read_text())})
    assert answer.error == (422, "LICENSE_INVALID", "license")
    secret = json.loads(larger.read_text())["admission_secret"].encode()
    for agent in (first, third, trio.spare):
        assert not any(secret in path.read_bytes() for path in agent.data_dir.iterdir() if path.is_file())
    second.start()


def issue_at_one_moment(trio: Trio) -> tuple[Any, Any]:
    """Two licences, the one with the lesser id first."""
    while True:
        paths = [trio.issue(name, "--max-nodes", nodes, *TERMS[2:]) for name, nodes in (("four", "4"), ("five", "5"))]
        one, other = (json.loads(path.read_text()) for path in paths)
        if one["issued_at"] == other["issued_at"]:
            return (one, other) if one["license_id"] < other["license_id"] else (other, one)


def test_licences_that_were_issued_at_one_moment(trio: Trio) -> None:
    """The same one of them holds at all, wherever which was installed first."""
    first, second, third = trio.agents
    lesser, greater = issue_at_one_moment(trio)
    for agent, license in ((first, lesser), (second, greater)):
        assert agent.api("PUT", "/v1/license", {"license": license}).status == 200
    trio.meet()
    for agent in trio.agents:
        wait_for(
            lambda agent=agent: agent.get("/v1/license")["license_id"] == greater["license_id"],
            10,
            f"the licence at {agent.name}",
        )
    for agent in trio.agents:
        answer = agent.api("PUT", "/v1/license", {"license": lesser})
        assert answer.error == (422, "LICENSE_INVALID", "license")
    first.stop()
    first.start()
    assert first.get("/v1/license")["license_id"] == greater["license_id"]


def test_halves_that_are_too_large_together(trio: Trio) -> None:
    """Everybody meets everybody, nothing is deleted, and the newest do not work: the same ones everywhere."""
    first, second, third = trio.agents
    trio.spare.start()
    trio.spare.bootstrap(trio.license)
    halves = ((first, second), (third, trio.spare))
    for one, other in halves:
        one.cli("peers", "add", f"{other.host.ipv4}:8080")
    # Ids grow with time, also within one second: the last service is the newest, the last agent too.
    services = [one.create_service(other) for one, other in halves]
    services.append(first.create_service(second))
    everybody = [*trio.agents, trio.spare]
    first.cli("peers", "add", f"{third.host.ipv4}:8080")
    wait_for(lambda: all(states(agent) == ["connected"] * 3 for agent in everybody), 15, "a full mesh")
    assert first.get("/v1/license")["usage"] == {"nodes": 4, "services": 3}

    def reasons(agent: Agent) -> list[str]:
        found = {row["id"]: str(row["state_reason"] or "") for row in agent.get("/v1/services")["services"]}
        return [found[service].split(":")[0] for service in services]

    wanted = ["no routes yet", "NODE_LIMIT_EXCEEDED", "SERVICE_LIMIT_EXCEEDED"]
    for agent in everybody:
        wait_for(lambda agent=agent: reasons(agent) == wanted, 5, f"the limits at {agent.name}")
    larger = trio.issue("larger", "--max-nodes", "4", "--max-services", "3", "--days", "30")
    third.cli("license", "update", "--license-file", str(larger))
    for agent in everybody:
        wait_for(lambda agent=agent: reasons(agent) == ["no routes yet"] * 3, 5, f"room at {agent.name}")


def test_clients_of_a_peer_that_cannot_be_met(trio: Trio) -> None:
    """Two spokes of a hub know each other by their records alone: clients and tokens of the one count at the other nevertheless."""
    hub, near, far = trio.agents
    for one, other in ((near, far), (far, near)):
        one.host.run("nft", "add table inet wall")
        one.host.run("nft", "add chain inet wall input { type filter hook input priority 0; }")
        one.host.run("nft", f"add rule inet wall input ip saddr {other.host.ipv4} drop")
    for spoke in (near, far):
        hub.cli("peers", "add", f"{spoke.host.ipv4}:8080")
    wait_for(lambda: len(hashes(*trio.agents)) == 1, 10, "equal hashes")
    client = far.api("POST", "/v1/credentials", {"scopes": ["services.read"]}).json()
    wait_for(lambda: len(hashes(*trio.agents)) == 1, 10, "the client known")
    assert far.id not in {peer["id"] for peer in near.get("/v1/cluster/status")["peers"]}
    form = {name: client[name] for name in ("client_id", "client_secret")}
    assert ask_for_token(near, form).status == 200
    assert near.api("GET", "/v1/services", token=far.token()).status == 200
    # Revoked, it is out, met or not.
    assert hub.api("DELETE", f"/v1/peers/{far.id}").status == 204
    wait_for(lambda: ask_for_token(near, form).status == 401, 5, "its clients gone")
    assert near.api("GET", "/v1/services", token=far.token()).status == 401


def test_an_old_licence_file_lets_nobody_in(build: Path, tmp_path: Path) -> None:
    """Who has one that has expired stays out; members with such a file let others in when a later one holds."""
    clock = Clock(tmp_path / "clock")
    terms = ("--max-nodes", "5", "--max-services", "5", "--days", "20")
    with running_cluster(build, 2, 2, "spare", "thief", terms=terms, **clock.settings) as cluster:
        thief = Agent(cluster.guests["thief"], build, tmp_path / "thief")
        spare = Agent(cluster.guests["spare"], build, tmp_path / "spare", **clock.settings)
        trio = Trio(cluster.agents[:3], spare, cluster.license, build)
        first, second, _ = trio.agents
        trio.meet()
        thief.start()
        thief.bootstrap(cluster.license)
        later = trio.issue("later", *terms[:4], "--days", "400")
        second.cli("license", "update", "--license-file", str(later))
        wanted = json.loads(later.read_text())["license_id"]
        wait_for(lambda: first.get("/v1/license")["license_id"] == wanted, 5, "the licence at the first agent")

        # The file of before is two months old; the thief's clock says what the thief likes.
        clock.set(60 * DAY)
        for agent in trio.agents:
            agent.log_out()
        answer = thief.api("POST", "/v1/peers", {"address": f"{first.host.ipv4}:8080"})
        assert answer.error[:2] == (422, "LICENSE_EXPIRED"), answer
        assert len(first.get("/v1/peers")["peers"]) == 3
        spare.start()
        spare.bootstrap(later)
        spare.cli("peers", "add", f"{first.host.ipv4}:8080")
        wait_for(lambda: states(spare) == ["connected"] * 3, 15, "a new agent with the present licence")
        thief.end()
        spare.end()


def test_a_new_cluster_id_holds_for_all(trio: Trio) -> None:
    first, second, third = trio.agents
    oldest = identity(first)["cluster_id"]
    trio.meet()
    wait_for(lambda: {identity(agent)["cluster_id"] for agent in trio.agents} == {oldest}, 5, "the oldest id")
    third.stop()
    answer = second.api("POST", "/v1/cluster/init", {"force": True})
    assert answer.status == 200
    renewed = answer.json()["cluster_id"]
    assert renewed > oldest
    wait_for(lambda: identity(first)["cluster_id"] == renewed, 5, "the new id at the first agent")
    # Who comes back with the old one learns of the new one, and not the other way round.
    third.start()
    assert identity(third)["cluster_id"] == oldest
    wait_for(lambda: identity(third)["cluster_id"] == renewed, 10, "the new id at the third agent")
    assert identity(first)["cluster_id"] == identity(second)["cluster_id"] == renewed
    for agent in trio.agents:
        agent.stop()
        agent.start()
        assert identity(agent)["cluster_id"] == renewed


def test_an_agent_that_runs_twice(trio: Trio) -> None:
    """A host that was cloned: both say so, and neither makes the other agents work without end."""
    trio.meet()
    first, second, _ = trio.agents
    first.stop()
    shutil.copytree(first.data_dir, trio.spare.data_dir)
    first.start()
    wait_for(lambda: states(second) == ["connected"] * 2, 10, "all connected")
    assert check(first, "identity") == {"ok": True}
    trio.spare.start()
    for agent in (first, trio.spare):
        wait_for(lambda agent=agent: not check(agent, "identity")["ok"], 30, f"{agent.name} says that it runs twice")
        assert first.id in check(agent, "identity")["reason"]
        assert "another agent runs with this agent's identity" in agent.log
        assert agent.log.count("a peer remembers a newer version") < 6
        assert "arctic_identity_conflict 1" in agent.api("GET", "/metrics", token=None).text
    trio.spare.kill()

    # With a new identity there is no other one any more.
    assert first.api("DELETE", "/v1/peers/self").status == 204
    first.forget()
    first.bootstrap(trio.license)
    assert check(first, "identity") == {"ok": True}


def test_an_agent_whose_address_changes(trio: Trio) -> None:
    """Also who has never met it finds it, by what others tell."""
    trio.meet()
    first, second, third = trio.agents
    moved = "10.5.0.77"
    former = first.host.ipv4
    first.host.run("ip", "address", "del", f"{former}/24", "dev", "lan")
    first.host.run("ip", "address", "add", f"{moved}/24", "dev", "lan")
    # It dials, and cannot be dialled.
    trio.spare.host.run("nft", "add table inet wall")
    trio.spare.host.run("nft", "add chain inet wall input { type filter hook input priority 0; }")
    trio.spare.host.run("nft", "add rule inet wall input tcp dport 61000 drop")
    assert second.api("DELETE", f"/v1/peers/{third.id}").status == 204
    trio.spare.start()
    trio.spare.bootstrap(trio.license)
    trio.spare.cli("peers", "add", f"{second.host.ipv4}:8080")

    def found() -> bool:
        peers = {peer["id"]: peer for peer in trio.spare.get("/v1/peers")["peers"]}
        return first.id in peers and peers[first.id]["state"] == "connected"

    wait_for(found, 25, "the agent at its new address")
    endpoints = trio.spare.get(f"/v1/peers/{first.id}")["endpoints"]
    assert endpoints[0] == f"{moved}:61000"


def test_changes_wait_until_the_newest_records_are_known(trio: Trio) -> None:
    """An agent from a backup does not write over what it has forgotten."""
    trio.meet()
    first, second, third = trio.agents
    service = first.create_service(second)
    wait_for(lambda: second.api("GET", f"/v1/services/{service}").status == 200, 5, "the service known")
    first.stop()
    backup = first.home / "backup"
    shutil.copytree(first.data_dir, backup)
    first.start()
    assert first.api("PUT", f"/v1/services/{service}", {"name": "newest"}).status == 200
    assert first.api("PUT", f"/v1/peers/{first.id}", {"description": "newest"}).status == 200
    wait_for(
        lambda: second.service(service)["name"] == "newest"
        and second.get(f"/v1/peers/{first.id}")["description"] == "newest",
        5,
        "the changes known",
    )
    first.stop()
    shutil.rmtree(first.data_dir)
    shutil.copytree(backup, first.data_dir)
    token = first.token()
    first.start()
    changed = first.api("PUT", f"/v1/services/{service}", {"when_unreachable": "block"}, token=token)
    assert (changed.status, changed.json()["name"]) == (200, "newest")
    assert first.get(f"/v1/peers/{first.id}")["description"] == "newest"
    wait_for(lambda: second.service(service)["when_unreachable"] == "block", 5, "the change known")

    # Where no peer answers it does not wait for ever, and reading waits for nothing.
    first.stop()
    second.stop()
    third.stop()
    first.start()
    assert first.service(service)["name"] == "newest"
    assert first.api("PUT", f"/v1/services/{service}", {"name": "alone"}).status == 200
    assert "no peer has answered since the start" in first.log
    second.start()
    third.start()


def test_an_agent_whose_clock_was_ahead(lab: Lab, build: Path) -> None:
    """What it has signed meanwhile is refused, itself included, until its clock is right again, and not for as long as it was ahead."""
    clock = Clock(lab.directory / "clock")
    pair = Pair(lab, build)
    pair.entry.settings.update(clock.settings)
    pair.start()
    body = {"target_peer_id": pair.exit.id, "transport_type": "tcp"}
    pair.entry.stop()
    clock.set(2 * DAY)
    pair.entry.start()
    pair.entry.log_out()
    made = pair.entry.api("POST", "/v1/services", body)
    assert made.status == 201
    pair.entry.stop()
    pair.entry.start()
    wait_for(lambda: "refused a handshake" in pair.exit.log, 15, "a refusal")
    assert states(pair.exit) == ["unreachable"] and "dated in the future" in pair.exit.log
    clock.set(0)
    pair.entry.log_out()
    wait_for(lambda: states(pair.exit) == ["connected"], 25, "the agent is let in")
    wait_for(lambda: pair.exit.api("GET", f"/v1/services/{made.json()['id']}").status == 200, 5, "its service is known")
    digests = [agent.get("/v1/cluster/status")["registry_hash"] for agent in (pair.entry, pair.exit)]
    assert digests[0] == digests[1]
    assert pair.entry.log.count("they have been signed anew") == 1
    pair.end()


def test_a_clock_that_differs_is_named(lab: Lab, build: Path) -> None:
    """Before it is so far off that records are refused."""
    clock = Clock(lab.directory / "clock")
    pair = Pair(lab, build)
    pair.entry.settings.update(clock.settings)
    pair.start()

    def ahead() -> int | None:
        (peer,) = pair.exit.get("/v1/cluster/status")["peers"]
        return None if peer["clock_ahead_ms"] is None else int(peer["clock_ahead_ms"])

    wait_for(lambda: ahead() is not None, 5, "a first word")
    assert ahead() == 0, "as far as the round trip tells"
    clock.set(45)
    wait_for(lambda: 40_000 < (ahead() or 0) < 50_000, 10, "the difference")
    assert "the clock of a peer differs from this host's" in pair.exit.log
    assert "ahead of this agent's" in pair.exit.cli("cluster", "status").stdout.splitlines()[0]
    clock.set(0)
    wait_for(lambda: ahead() == 0, 10, "the same clock again")
    assert "is that of this host again" in pair.exit.log
    pair.end()
