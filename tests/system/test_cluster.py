"""A cluster of a dozen agents that nobody coordinates: each knows one other at first, and soon they all know the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from arctic_lab import wait_for
from clusters import Cluster, running_cluster

AGENTS = 12


@pytest.fixture
def cluster(build: Path) -> Iterator[Cluster]:
    with running_cluster(build, AGENTS // 2, AGENTS // 2) as agents:
        yield agents


def test_a_chain_becomes_a_cluster(cluster: Cluster) -> None:
    """Each is told of the next one alone; five seconds after the last all hold the same, and one cluster id."""
    cluster.chain()
    wait_for(cluster.agree, 5, "equal hashes")
    wait_for(cluster.all_met, 10, "handshakes with all")
    assert len({agent.get("/v1/cluster/identity")["cluster_id"] for agent in cluster.agents}) == 1
    status = "/v1/cluster/status"
    wait_for(lambda: cluster.agents[11].get(status)["converged"], 5, "all have said so")
    assert cluster.reach(cluster.agents[11]) == AGENTS - 1

    # Any of them takes a request for any other.
    first, seventh, target = cluster.agents[0], cluster.agents[6], cluster.agents[11]
    service = str(
        first.cli_json("services", "create", "--source-peer", seventh.id, "--target-peer", target.id)["id"]
    )
    wait_for(lambda: service.removeprefix("svc_") in seventh.ruleset(), 2, "the service in the kernel")
    assert seventh.service(service)["state"] == "active"
    wait_for(lambda: first.service(service)["state"] == "active", 2, "its state at the agent that was asked")


def test_two_halves_that_ran_apart(cluster: Cluster) -> None:
    """Changes on both sides, and one of them a deletion: all of it is everywhere five seconds after the halves meet again."""
    cluster.chain()
    wait_for(cluster.all_met, 15, "handshakes with all")
    west, east = cluster.agents[0], cluster.agents[11]
    near, far = cluster.agents[1], cluster.agents[10]
    kept = west.create_service(near)
    deleted = east.create_service(far)
    wait_for(cluster.agree, 5, "equal hashes")
    cluster.cable.cut()
    made_in_the_west = west.create_service(near, "--name", "west")
    made_in_the_east = east.create_service(far, "--name", "east")
    assert east.api("DELETE", f"/v1/services/{deleted}").status == 204
    client = west.api("POST", "/v1/credentials", {"scopes": ["services.read"]}).json()
    wait_for(lambda: len(cluster.hashes(*range(6))) == 1, 10, "the west agrees")
    wait_for(lambda: len(cluster.hashes(*range(6, 12))) == 1, 10, "the east agrees")
    assert len(cluster.hashes()) == 2
    wait_for(lambda: cluster.reach(west) == cluster.reach(east) == AGENTS // 2 - 1, 20, "the others given up")
    cluster.cable.mend()
    wait_for(cluster.agree, 5, "equal hashes")
    for agent in cluster.agents:
        services = {service["id"] for service in agent.get("/v1/services")["services"]}
        assert services == {kept, made_in_the_west, made_in_the_east}
        clients = {item["client_id"] for item in agent.get("/v1/credentials")["credentials"]}
        assert client["client_id"] in clients
