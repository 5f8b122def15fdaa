"""Who is a member, and with which secret, when agents are away or a cluster is in two halves."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from access import ask_for_token, create_client, login
from agents import API_PORT, Agent
from arctic_lab import wait_for
from clusters import Cluster, running_cluster
from control_peer import control_peer


@pytest.fixture
def cluster(build: Path) -> Iterator[Cluster]:
    """Two agents and a guest on each side; all agents have met."""
    with running_cluster(build, 2, 2, "near", "far") as agents:
        agents.chain()
        wait_for(agents.all_met, 15, "handshakes with all")
        wait_for(agents.agree, 5, "equal hashes")
        yield agents


def listed(agent: Agent) -> dict[str, str]:
    """State by id, without the agent itself."""
    return {peer["id"]: peer["state"] for peer in agent.get("/v1/peers?is_local=false")["peers"]}


def add(agent: Agent, other: Agent) -> tuple[int, str, str | None]:
    return agent.api("POST", "/v1/peers", {"address": f"{other.host.ipv4}:{API_PORT}"}).error


def owned(agent: Agent, owner: Agent) -> set[str]:
    """Services and credentials of a peer that an agent shows."""
    services = agent.get("/v1/services")["services"]
    credentials = agent.get("/v1/credentials")["credentials"]
    return {item["id"] for item in services if item["source_peer_id"] == owner.id} | {
        item["client_id"] for item in credentials if item["peer_id"] == owner.id
    }


def route_to(agent: Agent, target: Agent) -> str:
    """A service with a route, in the kernel."""
    service = agent.create_service(target)
    agent.add_route(service, dest="10.77.0.0/16")
    wait_for(lambda: in_kernel(agent, service), 5, "the service in the kernel")
    return service


def in_kernel(agent: Agent, service: str) -> bool:
    return service.removeprefix("svc_") in agent.ruleset()


def errors(agent: Agent) -> list[str]:
    lines = (json.loads(line) for line in agent.log.splitlines())
    return [line["message"] for line in lines if line["level"] == "error"]


def come_back(agent: Agent, copy: Path) -> None:
    """Starts an agent with a former state of its data directory."""
    shutil.rmtree(agent.data_dir)
    shutil.copytree(copy, agent.data_dir)
    agent.start()


def stop_and_copy(agent: Agent, directory: Path) -> Path:
    agent.stop()
    return Path(shutil.copytree(agent.data_dir, directory / f"copy-of-{agent.name}"))


@pytest.mark.slow
def test_the_cluster_s_secret_is_rotated_in_one_half(cluster: Cluster) -> None:
    """The halves that cannot hear it go on with the former secret; when they meet both are good everywhere."""
    owner, beside, *east = cluster.agents
    client_id, former = owner.credentials
    assert owner.get("/v1/cluster/credentials")["client_id"] == client_id
    cluster.cable.cut()
    rotated = beside.cli_json("credentials", "rotate")["client_secret"]

    def good(agent: Agent, secret: str) -> bool:
        return ask_for_token(agent, {"client_id": client_id, "client_secret": secret}).status == 200

    for agent in (owner, beside):
        wait_for(lambda agent=agent: good(agent, rotated), 2, "the new secret beside its owner")
        assert good(agent, former)
    wait_for(lambda: cluster.reach(east[0]) == cluster.reach(east[1]) == 1, 20, "the west given up")
    for agent in east:
        assert good(agent, former)
        refused = ask_for_token(agent, {"client_id": client_id, "client_secret": rotated})
        assert refused.error[:2] == (401, "UNAUTHORIZED")

    # There is nobody there who could rotate it.
    before = cluster.hashes(2, 3)
    for agent in east:
        refused = agent.api("POST", "/v1/cluster/credentials/rotate")
        assert refused.error[:2] == (422, "PEER_UNREACHABLE") and "client_secret" not in refused.text
        failed = agent.cli("credentials", "rotate", code=None)
        assert failed.returncode != 0 and "nothing was done" in failed.stderr and not failed.stdout
        assert good(agent, former)
    assert cluster.hashes(2, 3) == before

    cluster.cable.mend()
    wait_for(cluster.agree, 10, "equal hashes")
    assert cluster.hashes() != before
    tokens = []
    for agent in cluster.agents:
        for secret in (former, rotated):
            tokens.append(login(agent, {"client_id": client_id, "client_secret": secret}))
    for agent in cluster.agents:
        assert all(agent.api("GET", "/v1/services", token=token).status == 200 for token in tokens)


def test_a_peer_that_was_away_when_it_was_revoked(cluster: Cluster, build: Path) -> None:
    """It comes back with its old database, while the peer that has revoked it is away."""
    revoker, west, east, away = cluster.agents
    members = {revoker.id, west.id, east.id}
    theirs = away.create_service(west)
    client = create_client(away, "admin")
    token = login(away, client)
    orphan = route_to(east, away)
    wait_for(cluster.agree, 5, "equal hashes")
    others = (west, east)
    copy = stop_and_copy(away, cluster.directory)
    assert revoker.api("DELETE", f"/v1/peers/{away.id}").status == 204
    wait_for(lambda: cluster.agree(0, 1, 2), 5, "equal hashes")
    wait_for(lambda: not in_kernel(east, orphan), 5, "no capture for the service to it")
    revoker.stop()
    come_back(away, copy)

    # It hears of it from those who refuse it, and says so itself.
    wait_for(lambda: away.get(f"/v1/peers/{away.id}")["state"] == "revoked", 10, "it knows")
    told = "this agent has been revoked"
    wait_for(lambda: told in away.service(theirs)["state_reason"], 5, "its services have stopped")
    assert any(told in message for message in errors(away))
    assert "revoked" in away.cli("peers", "list").stdout
    assert told in away.cli("services", "get", theirs).stdout
    assert not any(state == "connected" for state in listed(away).values())

    for agent in others:
        assert add(agent, away)[:2] == (422, "HANDSHAKE_FAILED")
        assert add(away, agent)[:2] == (422, "HANDSHAKE_FAILED")
        check_gone(agent, away, client, token)
    reason = east.service(orphan)
    assert (reason["state"], "has been revoked" in reason["state_reason"]) == ("error", True)
    assert not in_kernel(east, orphan)

    # Nor does it come in through somebody who has not heard of it.
    newcomer = Agent(cluster.guests["near"], build, cluster.directory / "newcomer")
    newcomer.start()
    newcomer.bootstrap(cluster.license)
    with control_peer(
        away.host, build, cluster.license, newcomer.host.ipv4, "--key", str(copy / "peer.key"), "--id", away.id
    ) as ghost:
        assert ghost.id == away.id and listed(newcomer)[away.id] != "revoked"
        newcomer.cli("peers", "add", f"{west.host.ipv4}:{API_PORT}")
        ghost.hear_to_end()
    wait_for(lambda: set(listed(newcomer)) == members, 10, "the newcomer has dropped it")
    assert add(away, newcomer)[:2] == (422, "HANDSHAKE_FAILED")
    revoker.start()
    wait_for(lambda: cluster.agree(0, 1, 2), 10, "equal hashes")
    status = "/v1/cluster/status"
    wait_for(lambda: newcomer.get(status)["registry_hash"] in cluster.hashes(0), 5, "the newcomer's too")
    for agent in (revoker, *others, newcomer):
        check_gone(agent, away, client, token)
    newcomer.stop()


def check_gone(agent: Agent, gone: Agent, client: dict[str, Any], token: str) -> None:
    """Nothing is left here of a former member, and its clients and tokens open nothing."""
    assert gone.id not in listed(agent) and owned(agent, gone) == set()
    for id, secret in ((client["client_id"], client["client_secret"]), gone.credentials):
        assert ask_for_token(agent, {"client_id": id, "client_secret": secret}).status == 401
    assert agent.api("GET", "/v1/services", token=token).status == 401
    assert agent.api("GET", "/v1/services", token=gone.token()).status == 401


def test_an_agent_that_has_left_comes_back_from_a_copy(cluster: Cluster) -> None:
    """Also those who were away when it left keep it out."""
    first, absent, third, leaver = cluster.agents
    former = leaver.id
    leaver.create_service(first)
    orphan = route_to(third, leaver)
    wait_for(cluster.agree, 5, "equal hashes")
    copy = stop_and_copy(leaver, cluster.directory)
    leaver.start()
    wait_for(lambda: cluster.reach(leaver) == 3, 15, "connected again")
    absent.stop()
    token = leaver.token()
    assert leaver.api("DELETE", "/v1/peers/self").status == 204
    leaver.stop()
    wait_for(lambda: third.service(orphan)["state"] == "error", 5, "the service to it has stopped")
    assert not in_kernel(third, orphan)
    absent.start()
    come_back(leaver, copy)
    wait_for(lambda: cluster.agree(0, 1, 2), 10, "equal hashes")
    for agent in (first, absent, third):
        wait_for(lambda agent=agent: former not in listed(agent), 5, "gone")
        assert add(agent, leaver)[:2] == (422, "HANDSHAKE_FAILED")
        assert add(leaver, agent)[:2] == (422, "HANDSHAKE_FAILED")
        assert owned(agent, leaver) == set()
        assert agent.api("GET", "/v1/services", token=token).status == 401
    wait_for(lambda: "has left the cluster" in leaver.log, 10, "it is told why")
    assert all(state != "connected" for state in listed(leaver).values())


def test_a_revocation_that_one_half_does_not_hear(cluster: Cluster) -> None:
    """There the peer goes on, and others change things through it; all of that ends when the halves meet."""
    revoker, west, east, revoked = cluster.agents
    cluster.cable.cut()
    assert revoker.api("DELETE", f"/v1/peers/{revoked.id}").status == 204
    wait_for(lambda: revoked.id not in listed(west), 5, "the west has heard")
    wait_for(lambda: cluster.reach(east) == cluster.reach(revoked) == 1, 20, "the west given up")

    carried = east.cli_json("services", "create", "--source-peer", revoked.id, "--target-peer", east.id)["id"]
    client = create_client(revoked, "admin")
    wait_for(lambda: {carried, client["client_id"]} <= owned(east, revoked), 5, "the east has them")
    token = login(east, client)
    assert east.api("GET", "/v1/services", token=token).status == 200
    orphan = route_to(east, revoked)
    cluster.cable.mend()

    wait_for(lambda: cluster.agree(0, 1, 2), 10, "equal hashes")
    for agent in (revoker, west, east):
        wait_for(lambda agent=agent: owned(agent, revoked) == set(), 5, "nothing of it is left")
        check_gone(agent, revoked, client, token)
        assert agent.api("GET", f"/v1/services/{carried}").status == 404
    wait_for(lambda: east.service(orphan)["state"] == "error", 5, "the service to it has stopped")
    wait_for(lambda: not in_kernel(east, orphan), 5, "no capture for it")
    wait_for(lambda: revoked.get(f"/v1/peers/{revoked.id}")["state"] == "revoked", 10, "it knows")

