"""Credentials of two agents that are peers: the cluster's own, and the last administrator of both."""

from typing import Any

from access import ask_for_token, create_client, login
from agents import Agent, Pair
from arctic_lab import Lab, wait_for


def listed(agent: Agent) -> dict[str, Any]:
    return {item["client_id"]: item for item in agent.get("/v1/credentials")["credentials"]}


def test_two_agents_share_the_older_one_s(pair: Pair) -> None:
    """Both name the credential of the first bootstrap, and either of them can rotate it."""
    first, second = sorted((pair.entry, pair.exit), key=lambda agent: agent.credentials[0])
    for agent in (first, second):
        wait_for(lambda agent=agent: len(listed(agent)) == 2, 5, "both credentials at both")
        assert agent.get("/v1/cluster/credentials")["client_id"] == first.credentials[0]
    rotated = second.api("POST", "/v1/cluster/credentials/rotate")
    assert rotated.status == 200 and rotated.json()["peer_id"] == first.id
    client = {"client_id": first.credentials[0], "client_secret": rotated.json()["client_secret"]}
    for agent in (first, second):
        wait_for(lambda agent=agent: ask_for_token(agent, client).status == 200, 5, "the new secret at both")
        former = {**client, "client_secret": first.credentials[1]}
        assert ask_for_token(agent, former).status == 200


def test_the_last_admin_counts_in_the_whole_cluster(pair: Pair) -> None:
    """Each agent's first client may go while the other's is there."""
    entry, exit_ = pair.entry, pair.exit
    wait_for(lambda: len(listed(entry)) == 2, 5, "the other's client")
    token = entry.token()
    (spare,) = (client for client in listed(entry) if client != entry.credentials[0])
    assert entry.api("DELETE", f"/v1/credentials/{spare}", token=token).status == 204
    wait_for(lambda: list(listed(entry)) == [entry.credentials[0]], 5, "the end of the other's client")
    assert entry.api("DELETE", f"/v1/credentials/{entry.credentials[0]}").error[1] == "CANNOT_REVOKE_CURRENT"
    wait_for(lambda: exit_.api("GET", "/v1/services", token=token).status == 200, 5, "a token that works at both")


def test_a_client_that_is_not_known_yet_is_not_called_revoked(lab: Lab, pair: Pair) -> None:
    entry, exit_ = pair.entry, pair.exit
    wait_for(lambda: len(listed(entry)) == 2, 5, "the other's client")
    lab.wan.down()
    token = login(exit_, create_client(exit_, "services.read"))
    refusal = entry.api("GET", "/v1/services", token=token)
    assert refusal.error == (401, "UNAUTHORIZED", None) and "not heard of it yet" in refusal.json()["error"]
    lab.wan.up()
    wait_for(lambda: entry.api("GET", "/v1/services", token=token).status == 200, 20, "the client at the entry")
