"""Who is refused, and whom: tokens and scopes, bootstraps and licences, peers that cannot be added."""

import base64
import contextlib
import json
import sqlite3
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
from agents import Agent, Pair, issue_license
from api_target import GOOD_ROUTE, UNKNOWN_PEER, Target, refused, target
from arctic_lab import Lab, wait_for
from tokens import forge
from tunnel_peer import make_key

__all__ = ["target"]  # fixtures


def test_a_request_without_a_good_token(target: Target) -> None:
    good, key = target.entry.token(), target.entry.data_dir / "peer.key"
    stranger = make_key(target.pair.lab.directory / "api-stranger.key")
    now = int(time.time())
    first, second, third = good.split(".")
    bad = {
        "none": None,
        "nonsense": "nonsense",
        "empty": "",
        "cut": good[:-2],
        "changed": f"{first}.{second[:-4]}AAAA.{third}",
        "signed by a stranger": forge(good, stranger),
        "not signed": forge(good, None, {"alg": "none"}),
        "another algorithm": forge(good, key, {"alg": "HS256"}),
        "another issuer": forge(good, key, iss=UNKNOWN_PEER),
        "unknown client": forge(good, key, sub="cli_01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        "two dots too many": f"{good}..",
        "very long": "a" * 6000,
    }
    for what, token in bad.items():
        for answer in (
            target.entry.api("GET", "/v1/services", token=token),
            target.entry.api("POST", "/v1/services", target.new_service(), token=token),
        ):
            assert answer.error[:2] == (401, "UNAUTHORIZED"), what
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    expired = forge(good, key, iat=now - 7200, exp=now - 3600)
    refused(target, (401, "TOKEN_EXPIRED", None), "DELETE", target.path, token=expired)
    # What is forged above is refused for what it says, not for how it was made.
    assert target.entry.api("GET", "/v1/services", token=forge(good, key, exp=now + 60)).status == 200


def test_a_token_without_the_scope(target: Target) -> None:
    reader = target.entry.token("services.read")
    assert target.entry.api("GET", "/v1/services", token=reader).status == 200
    requests: list[tuple[Any, ...]] = [
        ("POST", "/v1/services", target.new_service()),
        ("PUT", target.path, {"name": "other"}),
        ("DELETE", target.path),
        ("POST", f"{target.path}/routes", {"routes": [GOOD_ROUTE]}),
        ("DELETE", f"{target.path}/routes/{target.route}"),
        ("GET", "/v1/peers"),
        ("POST", "/v1/peers", {"address": "10.9.0.2:8080"}),
    ]
    for method, path, *body in requests:
        refused(target, (403, "FORBIDDEN", None), method, path, *body, token=reader)


def test_a_token_for_nobody(target: Target) -> None:
    client_id, client_secret = target.entry.credentials
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
    content_type = {"Content-Type": "application/x-www-form-urlencoded"}

    def ask(headers: dict[str, str] | None = None, **members: str | None) -> Any:
        kept = {name: members.get(name, form.get(name)) for name in {**form, **members}}
        kept = {name: value for name, value in kept.items() if value is not None}
        body = urllib.parse.urlencode(kept).encode()
        return target.entry.request("POST", "/v1/oauth/token", body, {**content_type, **(headers or {})})

    good = ask()
    assert good.status == 200
    told = good.json()
    assert told["token_type"] == "Bearer" and told["expires_in"] == 3600 and told["scope"]
    basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
    by_header = ask({"Authorization": f"Basic {basic}"}, client_id=None, client_secret=None)
    assert by_header.status == 200
    assert ask(client_secret="sec_" + "A" * 43).error[:2] == (401, "UNAUTHORIZED")
    assert ask(client_id="cli_01ARZ3NDEKTSV4RRFFQ69G5FAV").error[:2] == (401, "UNAUTHORIZED")
    assert ask(grant_type="password").error[0] == 400
    assert ask(scope="everything").error[0] == 400
    assert ask(client_secret=None).error[0] in (400, 401)


# Bootstrap and peers


def test_a_second_bootstrap(target: Target) -> None:
    body = {"license": json.loads(target.pair.license.read_text()), "name": "other"}
    refused(target, (409, "ALREADY_BOOTSTRAPPED", None), "POST", "/v1/bootstrap", body, token=None)


@pytest.fixture(scope="module")
def fresh(target: Target) -> Iterator[Agent]:
    """An agent on the client host that is not bootstrapped."""
    lab = target.pair.lab
    agent = Agent(lab.client, target.pair.build, lab.directory / "agents" / "fresh")
    agent.start()
    yield agent
    agent.end()


def test_an_agent_that_is_not_bootstrapped(fresh: Agent) -> None:
    assert fresh.api("GET", "/livez", token=None).status == 200
    assert fresh.api("GET", "/readyz", token=None).status == 503
    for method, path in (("GET", "/v1/services"), ("GET", "/v1/peers"), ("POST", "/v1/oauth/token")):
        answer = fresh.request(method, path, b"", {"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status in (400, 503), path
    for path in ("/v1/services", "/v1/cluster/identity"):
        answer = fresh.api("GET", path, token="x")
        assert answer.error[:2] == (503, "NOT_BOOTSTRAPPED")
        assert "arctic bootstrap --url URL --license-file FILE" in answer.json()["error"]


def test_a_bad_license(target: Target, fresh: Agent) -> None:
    good = json.loads(target.pair.license.read_text())
    foreign_root = target.pair.lab.directory / "foreign.key"
    foreign = target.pair.lab.directory / "foreign.json"
    fresh.cli("license", "keygen", "--out", str(foreign_root))
    terms = ("--max-nodes", "9", "--max-services", "9", "--days", "9", "--out", str(foreign))
    fresh.cli("license", "issue", "--root-key", str(foreign_root), *terms)
    for license in (
        {**good, "max_nodes": 1000},
        {**good, "expires_at": "2099-01-01T00:00:00Z"},
        {name: value for name, value in good.items() if name != "signature"},
        {**good, "signature": ("B" if good["signature"][0] == "A" else "A") + good["signature"][1:]},
        {},
        json.loads(foreign.read_text()),
    ):
        answer = fresh.api("POST", "/v1/bootstrap", {"license": license}, token=None)
        assert answer.error[:2] == (422, "LICENSE_INVALID"), license
    assert fresh.api("POST", "/v1/bootstrap", {}, token=None).error == (400, "MISSING_FIELD", "license")
    assert fresh.api("POST", "/v1/bootstrap", {"license": good, "x": 1}, token=None).error == (
        400,
        "INVALID_REQUEST",
        "x",
    )
    assert fresh.api("GET", "/readyz", token=None).status == 503


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.9.0.2", (400, "INVALID_REQUEST")),
        ("10.9.0.2:0", (400, "INVALID_REQUEST")),
        ("10.9.0.2:99999", (400, "INVALID_REQUEST")),
        ("", (400, "INVALID_REQUEST")),
        (5, (400, "INVALID_REQUEST")),
        # Nothing listens there; not an agent.
        ("10.9.0.2:8099", (422, "PEER_UNREACHABLE")),
    ],
)
def test_a_bad_peer(target: Target, address: object, expected: tuple[int, str]) -> None:
    before = target.state()
    assert target.entry.api("POST", "/v1/peers", {"address": address}).error[:2] == expected
    assert target.state() == before


def test_the_agent_itself_is_no_peer_to_add(target: Target) -> None:
    before = target.state()
    assert 400 <= target.entry.api("POST", "/v1/peers", {"address": "127.0.0.1:8080"}).status < 500
    assert target.state() == before


def test_a_peer_that_is_not_of_this_cluster(target: Target) -> None:
    """One that is not bootstrapped, and one of another customer."""
    lab, build = target.pair.lab, target.pair.build
    other = Agent(lab.server, build, lab.directory / "agents" / "other")
    other.start()
    before = target.state()
    # The server LAN is reached by way of the exit, without the tunnel: the agents' own sockets are never captured.
    address = {"address": f"{lab.server.ipv4}:8080"}
    status, code, _ = target.entry.api("POST", "/v1/peers", address).error
    assert status == 422 and code in ("PEER_UNREACHABLE", "HANDSHAKE_FAILED", "NOT_BOOTSTRAPPED")
    license_file = issue_license(build, other, lab.directory / "other.json")
    other.bootstrap(license_file)
    status, code, _ = target.entry.api("POST", "/v1/peers", address).error
    assert status == 422 and code in ("LICENSE_MISMATCH", "HANDSHAKE_FAILED")
    assert target.state() == before
    assert len(other.get("/v1/peers")["peers"]) == 1
    other.stop()


def test_a_target_without_a_handshake(lab: Lab, pair: Pair) -> None:
    """A peer of which only the record is known, as from discovery."""
    peer = pair.exit.id
    pair.exit.stop()
    pair.entry.stop()
    with contextlib.closing(sqlite3.connect(pair.entry.data_dir / "arctic.db")) as database, database:
        assert database.execute("DELETE FROM note WHERE space = 'peer'").rowcount == 1
    pair.entry.start()
    assert pair.entry.get(f"/v1/peers/{peer}")["state"] == "discovered"
    answer = pair.entry.api("POST", "/v1/services", {"target_peer_id": peer, "transport_type": "tcp"})
    assert answer.error == (422, "PEER_UNREACHABLE", "target_peer_id")
    assert "source entry has heard of peer exit (" in answer.json()["error"]
    assert pair.entry.get("/v1/services") == {"services": []}
    pair.exit.start()
    wait_for(lambda: pair.entry.get(f"/v1/peers/{peer}")["state"] == "connected", 15, "the peer's handshake")
    assert pair.entry.create_service(pair.exit)
