"""The recovery token: root on the agent's host is an administrator, also when no credential is left."""

import json
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from access import create_client, login
from agents import Agent, Answer, Pair, bootstrapped_agent, issue_license
from arctic_lab import Lab, Namespace, wait_for
from flows import host_addresses

HEADER = "X-Arctic-Recovery"
REFUSED = (401, "UNAUTHORIZED", None)


@pytest.fixture
def agent(lab: Lab, build: Path) -> Iterator[Agent]:
    with bootstrapped_agent(lab, build) as agent:
        yield agent


def token_of(agent: Agent) -> str:
    return (agent.run_dir / "recovery.token").read_text()


def recover(agent: Agent, method: str, path: str, body: Any = None, *, token: str | None = None) -> Answer:
    headers = {HEADER: token if token is not None else token_of(agent), "Content-Type": "application/json"}
    return agent.request(method, path, json.dumps(body).encode() if body is not None else None, headers)


def events(agent: Agent) -> list[dict[str, Any]]:
    lines = (json.loads(line) for line in agent.log.splitlines() if line.startswith("{"))
    return [line for line in lines if "recovery token" in line["message"]]


def test_the_file(agent: Agent) -> None:
    path = agent.run_dir / "recovery.token"
    status = path.stat()
    assert stat.S_IMODE(status.st_mode) == 0o600 and status.st_uid == 0
    first = token_of(agent)
    assert len(first) == 43 and set(first) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    )
    agent.kill()
    agent.start()
    second = token_of(agent)
    assert second != first
    assert recover(agent, "GET", "/v1/services", token=first).error == REFUSED
    assert recover(agent, "GET", "/v1/services").status == 200
    assert sorted(name.name for name in agent.run_dir.iterdir() if "recovery" in name.name) == [path.name]
    assert first not in agent.log and second not in agent.log
    agent.stop()
    assert not path.exists()


def test_an_agent_that_cannot_start_leaves_it_to_the_one_that_runs(agent: Agent, lab: Lab, build: Path) -> None:
    """Somebody tries another DATA_DIR by hand, and the service runs with the default RUN_DIR."""
    token = token_of(agent)
    second = Agent(lab.entry, build, lab.directory / "second", RUN_DIR=str(agent.run_dir))
    process = second.launch()
    second.process = None
    wait_for(lambda: process.returncode is not None, 10, "the second agent ends")
    assert process.returncode == 1
    assert f"another agent uses {agent.run_dir}" in process.log() and "RUN_DIR" in process.log()
    assert token_of(agent) == token
    assert recover(agent, "GET", "/v1/services").status == 200


def test_a_secret_in_place_of_an_id_stays_out_of_the_log(agent: Agent) -> None:
    client = create_client(agent, "peers.read")
    assert recover(agent, "DELETE", f"/v1/credentials/{client['client_secret']}").status == 404
    assert client["client_secret"] not in agent.log
    assert events(agent)[-1]["path"] == "/v1/credentials/(a secret)"
    encoded = client["client_secret"].replace("sec_", "%73ec%5F")
    assert recover(agent, "DELETE", f"/v1/credentials/{encoded}").status == 404
    assert events(agent)[-1]["path"] == "/v1/credentials/(a secret)"


def test_it_makes_credentials_where_none_is_left(agent: Agent) -> None:
    agent.stop()
    with closing(sqlite3.connect(agent.data_dir / "arctic.db")) as database, database:
        assert database.execute("DELETE FROM record WHERE kind = 'credential'").rowcount == 1
    agent.start()
    assert agent.api("GET", "/v1/services", token="x").error == REFUSED
    assert recover(agent, "GET", "/v1/credentials").json() == {"credentials": []}
    created = recover(agent, "POST", "/v1/credentials", {"scopes": ["admin"], "name": "new"})
    assert created.status == 201
    token = login(agent, created.json())
    assert agent.api("GET", "/v1/license", token=token).status == 200
    # And by the command that the operations manual gives.
    options = ("--url", "http://127.0.0.1:8080", "--recovery-token-file", str(agent.run_dir / "recovery.token"))
    made = agent.cli_json(*options, "credentials", "create", "--scopes", "admin")
    assert login(agent, made)
    assert recover(agent, "DELETE", f"/v1/credentials/{made['client_id']}").status == 204
    path = f"/v1/credentials/{created.json()['client_id']}"
    assert recover(agent, "DELETE", path).error == (422, "CANNOT_REVOKE_CURRENT", None)


def test_each_use_is_logged(agent: Agent) -> None:
    assert recover(agent, "GET", "/v1/peers?is_local=true").status == 200
    (event,) = events(agent)
    assert event["level"] == "warn" and event["subsystem"] == "auth"
    assert (event["method"], event["path"]) == ("GET", "/v1/peers")
    assert event["remote"].startswith("127.0.0.1:")
    assert token_of(agent) not in agent.log


@pytest.mark.parametrize("what", ["wrong", "empty", "longer", "shorter", "spaces"])
def test_a_wrong_token(agent: Agent, what: str) -> None:
    """Refused and logged, also beside a bearer token that is good."""
    right = token_of(agent)
    wrong = {
        "wrong": ("B" if right[0] == "A" else "A") + right[1:],
        "empty": "",
        "longer": right + "A",
        "shorter": right[:-1],
        "spaces": right[:20] + " " + right[20:],
    }[what]
    assert recover(agent, "GET", "/v1/services", token=wrong).error == REFUSED
    headers = {HEADER: wrong, "Authorization": f"Bearer {agent.token()}"}
    assert agent.request("GET", "/v1/services", headers=headers).error == REFUSED
    assert recover(agent, "GET", "/v1/services").status == 200
    refusals = [event for event in events(agent) if event["message"] == "a recovery token was refused"]
    assert refusals and refusals[0]["more"] == 0 and refusals[0]["remote"]
    assert wrong == "" or wrong not in agent.log


def test_many_wrong_tokens_do_not_fill_the_log(agent: Agent) -> None:
    for _ in range(200):
        assert recover(agent, "GET", "/v1/services", token="A" * 43).error == REFUSED
    refusals = [event for event in events(agent) if event["message"] == "a recovery token was refused"]
    assert 1 <= len(refusals) <= 20


def ask(host: Namespace, url: str, headers: Mapping[str, str]) -> Answer:
    """GET /v1/services of the agent at a URL, from a host."""
    options = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    told = host.run("curl", "-ksS", "-m", "10", "-w", "\n%{http_code}", *options, f"{url}/v1/services")
    body, _, status = told.stdout.rpartition("\n")
    return Answer(int(status), {}, body.encode())


def test_where_it_counts(lab: Lab, agent: Agent) -> None:
    """By any address of the host, and over TLS; not in the clear from another, whatever the token."""
    headers = {HEADER: token_of(agent)}
    for address in host_addresses(agent.host):
        target = f"[{address}]" if ":" in address else address
        assert ask(agent.host, f"http://{target}:8080", headers).status == 200, address
    address = lab.entry.address(4, "lan")
    clear, secure = f"http://{address}:8080", f"https://{address}:8443"
    for value in (token_of(agent), "A" * 43):
        answer = ask(lab.client, clear, {HEADER: value})
        assert answer.error == REFUSED
        assert "own host, or over https" in answer.json()["error"]
    assert ask(lab.client, clear, {"Authorization": f"Bearer {agent.token()}"}).status == 200
    # Nobody reads along.
    assert ask(lab.client, secure, headers).status == 200
    assert ask(lab.client, secure, {HEADER: "A" * 43}).error == REFUSED
    assert events(agent)[-2]["remote"].startswith(lab.client.ipv4)


def test_what_it_does_not_open(lab: Lab, build: Path, agent: Agent) -> None:
    """The scope is admin's and no more: an agent without an identity stays one."""
    fresh = Agent(lab.exit, build, lab.directory / "agents" / "fresh")
    fresh.start()
    assert recover(fresh, "GET", "/v1/services").error == (503, "NOT_BOOTSTRAPPED", None)
    assert recover(fresh, "GET", "/v1/services", token=token_of(agent)).error[1] == "NOT_BOOTSTRAPPED"
    fresh.stop()
    assert recover(agent, "GET", "/nowhere").error == (404, "NOT_FOUND", None)
    client = create_client(agent, "peers.read")
    assert recover(agent, "DELETE", f"/v1/credentials/{client['client_id']}").status == 204


def test_a_token_that_cannot_be_written(lab: Lab, build: Path) -> None:
    """The agent runs without the token and says so."""
    agent = Agent(lab.exit, build, lab.directory / "agents" / "full")
    (agent.run_dir / "recovery.token.new").mkdir(parents=True)
    agent.start()
    assert "there is no recovery token" in agent.log
    agent.bootstrap(issue_license(build, agent, lab.directory / "other.json"))
    answer = recover(agent, "GET", "/v1/services", token="A" * 43)
    assert answer.error == REFUSED and "has no recovery token" in answer.json()["error"]
    agent.stop()


def test_other_peers_do_not_take_it(module_pair: Pair) -> None:
    """Whoever is root here is nobody there: neither by name, nor for what the other owns, nor by its own token."""
    entry, exit = module_pair.entry, module_pair.exit
    headers = {HEADER: token_of(entry), "X-Arctic-Peer": exit.id}
    assert entry.request("GET", "/v1/services", headers=headers).error[:2] == (403, "FORBIDDEN")
    headers = {HEADER: token_of(exit), "X-Arctic-Peer": exit.id}
    assert entry.request("GET", "/v1/services", headers=headers).status in (401, 403)
    client = exit.credentials[0]
    wait_for(lambda: client in str(entry.get("/v1/credentials")), 5, "the other's client")
    assert recover(entry, "DELETE", f"/v1/credentials/{client}").error[:2] == (403, "FORBIDDEN")
    assert exit.api("GET", "/v1/credentials").status == 200
