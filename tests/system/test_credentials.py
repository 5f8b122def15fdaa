"""Credentials of the API: made, listed, used, revoked, rotated."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from access import ask_for_token, create_client, login
from agents import Agent, bootstrapped_agent
from arctic_lab import Lab

URN = "urn:tillered:arctic:"
UNKNOWN_CLIENT = "cli_01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture(scope="module")
def agent(module_lab: Lab, build: Path) -> Iterator[Agent]:
    """One agent, bootstrapped."""
    with bootstrapped_agent(module_lab, build) as agent:
        yield agent


def listed(agent: Agent) -> dict[str, Any]:
    return {item["client_id"]: item for item in agent.get("/v1/credentials")["credentials"]}


def test_a_client_gets_its_scopes_and_no_others(agent: Agent) -> None:
    client = create_client(agent, "services.read", f"{URN}peers.read", name="monitoring")
    assert client["scopes"] == [f"{URN}peers.read", f"{URN}services.read"]
    assert client["client_secret"].startswith("sec_") and client["name"] == "monitoring"
    assert client["peer_id"] == agent.id and client["created_at"].endswith("Z")
    token = login(agent, client)
    assert agent.api("GET", "/v1/services", token=token).status == 200
    assert agent.api("GET", "/v1/peers", token=token).status == 200
    assert agent.api("GET", "/v1/credentials", token=token).error == (403, "FORBIDDEN", None)
    fewer = login(agent, client, "peers.read")
    assert agent.api("GET", "/v1/services", token=fewer).error[1] == "FORBIDDEN"
    more = ask_for_token(agent, {**pick(client), "scope": "admin"})
    assert more.error == (403, "FORBIDDEN", "scope")


def pick(client: dict[str, Any]) -> dict[str, str]:
    return {name: client[name] for name in ("client_id", "client_secret")}


def test_secrets_are_shown_once_and_stored_nowhere(agent: Agent) -> None:
    client = create_client(agent, "peers.read")
    shown = agent.api("GET", "/v1/credentials")
    item = listed(agent)[client["client_id"]]
    assert client["client_secret"] not in shown.body.decode() and "sha256" not in shown.body.decode()
    assert item == {name: value for name, value in client.items() if name != "client_secret"}
    assert item["name"] is None and item["rotated_at"] is None and item["former_secret_until"] is None
    stored = b"".join(path.read_bytes() for path in agent.data_dir.iterdir() if path.is_file())
    assert client["client_secret"].encode() not in stored
    assert client["client_secret"] not in agent.log


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (400, "MISSING_FIELD", "scopes")),
        ({"scopes": []}, (400, "INVALID_REQUEST", "scopes")),
        ({"scopes": "admin"}, (400, "INVALID_REQUEST", "scopes")),
        ({"scopes": ["everything"]}, (400, "INVALID_REQUEST", "scopes")),
        ({"scopes": ["peers.read services.read"]}, (400, "INVALID_REQUEST", "scopes")),
        ({"scopes": [f"{URN}{URN}admin"]}, (400, "INVALID_REQUEST", "scopes")),
        ({"scopes": [1]}, (400, "INVALID_REQUEST", "scopes")),
        ({"scopes": ["admin"], "name": ""}, (400, "INVALID_REQUEST", "name")),
        ({"scopes": ["admin"], "name": "n" * 64}, (400, "INVALID_REQUEST", "name")),
        ({"scopes": ["admin"], "name": "cli_x"}, (400, "INVALID_REQUEST", "name")),
        ({"scopes": ["admin"], "client_id": UNKNOWN_CLIENT}, (400, "INVALID_REQUEST", "client_id")),
    ],
)
def test_a_bad_request(agent: Agent, body: Any, expected: tuple[int, str, str]) -> None:
    before = listed(agent)
    answer = agent.api("POST", "/v1/credentials", body)
    assert answer.error == expected
    assert "everything" not in json.dumps(body) or "'everything'" in answer.json()["error"]
    assert listed(agent) == before


def test_nobody_gives_away_what_they_do_not_have(agent: Agent) -> None:
    minter = login(agent, create_client(agent, "credentials.read", "credentials.write", "peers.read"))
    before = listed(agent)
    for scopes in (["admin"], ["services.read"], ["peers.read", "peers.write"]):
        answer = agent.api("POST", "/v1/credentials", {"scopes": scopes}, token=minter)
        assert answer.error == (403, "FORBIDDEN", "scopes")
        assert f"{URN}{scopes[-1]}" in answer.json()["error"]
    assert listed(agent) == before
    assert create_client(agent, "peers.read", token=minter)["scopes"] == [f"{URN}peers.read"]
    # A token with less than its client has gives no more than the token.
    narrow = agent.token("credentials.write")
    assert agent.api("POST", "/v1/credentials", {"scopes": ["admin"]}, token=narrow).status == 403


def test_a_revoked_client_is_out_at_once(agent: Agent) -> None:
    client = create_client(agent, "services.read")
    token = login(agent, client)
    assert agent.api("GET", "/v1/services", token=token).status == 200
    answer = agent.api("DELETE", f"/v1/credentials/{client['client_id']}")
    assert (answer.status, answer.body) == (204, b"")
    assert agent.api("GET", "/v1/services", token=token).error == (401, "UNAUTHORIZED", None)
    assert ask_for_token(agent, pick(client)).error == (401, "UNAUTHORIZED", None)
    assert client["client_id"] not in listed(agent)
    for unknown in (client["client_id"], UNKNOWN_CLIENT, "nonsense"):
        assert agent.api("DELETE", f"/v1/credentials/{unknown}").error == (404, "NOT_FOUND", None)


def test_nobody_revokes_who_has_more(agent: Agent) -> None:
    admin = create_client(agent, "admin")
    keeping = create_client(agent, "credentials.write", "peers.read")
    keeper = login(agent, keeping)
    reader = create_client(agent, "peers.read")
    path = f"/v1/credentials/{admin['client_id']}"
    assert agent.api("DELETE", path, token=keeper).error == (403, "FORBIDDEN", "scopes")
    assert agent.api("DELETE", f"/v1/credentials/{reader['client_id']}", token=keeper).status == 204
    assert agent.api("GET", "/v1/license", token=login(agent, admin)).status == 200
    for client in (admin, keeping):
        assert agent.api("DELETE", f"/v1/credentials/{client['client_id']}").status == 204


def test_the_last_admin_cannot_be_revoked(agent: Agent) -> None:
    first, _ = agent.credentials
    path = f"/v1/credentials/{first}"
    assert agent.api("DELETE", path).error == (422, "CANNOT_REVOKE_CURRENT", None)
    second = create_client(agent, "admin")
    token = login(agent, second)
    assert agent.api("DELETE", f"/v1/credentials/{second['client_id']}", token=token).status == 204
    assert agent.api("DELETE", path).error == (422, "CANNOT_REVOKE_CURRENT", None)
    assert agent.api("GET", "/v1/credentials").status == 200


def test_the_cluster_credential_is_rotated(agent: Agent) -> None:
    first, secret = agent.credentials
    shown = agent.get("/v1/cluster/credentials")
    assert shown["client_id"] == first and shown["rotated_at"] is None and "client_secret" not in shown
    answer = agent.api("POST", "/v1/cluster/credentials/rotate")
    assert answer.status == 200
    second = answer.json()["client_secret"]
    assert second != secret and answer.json()["former_secret_until"] > answer.json()["rotated_at"]
    old, new = ({"client_id": first, "client_secret": text} for text in (secret, second))
    assert ask_for_token(agent, old).status == 200 and ask_for_token(agent, new).status == 200

    # They outlive a restart, and a rotation after the next does not end them before their time.
    agent.stop()
    agent.start()
    assert ask_for_token(agent, old).status == 200 and ask_for_token(agent, new).status == 200
    third = agent.api("POST", "/v1/cluster/credentials/rotate", {}).json()["client_secret"]
    assert ask_for_token(agent, {"client_id": first, "client_secret": third}).status == 200
    assert ask_for_token(agent, new).status == 200
    assert ask_for_token(agent, old).status == 200
    config = agent.config.read_text()
    agent.config.write_text(config.replace(secret, third))

    assert agent.api("POST", "/v1/cluster/credentials/rotate", {"force": True}).error == (
        400,
        "INVALID_REQUEST",
        "force",
    )
    reader = login(agent, create_client(agent, "credentials.read", "credentials.write"))
    for method, path in (("GET", "/v1/cluster/credentials"), ("POST", "/v1/cluster/credentials/rotate")):
        assert agent.api(method, path, token=reader).error == (403, "FORBIDDEN", None)


def test_there_is_a_limit(agent: Agent) -> None:
    """A script that runs wild fills neither the disk nor the memory of all peers."""
    token = agent.token()
    made = ""
    for _ in range(1001):
        answer = agent.api("POST", "/v1/credentials", {"scopes": ["peers.read"]}, token=token)
        if answer.status != 201:
            break
        made = answer.json()["client_id"]
    assert answer.error[:2] == (400, "INVALID_REQUEST") and "1000" in answer.json()["error"]
    assert len(listed(agent)) == 1000
    assert agent.api("DELETE", f"/v1/credentials/{made}").status == 204
    assert agent.api("POST", "/v1/credentials", {"scopes": ["peers.read"]}).status == 201
