"""Access tokens: what other programs can check by the published keys, how they are asked for, and all that makes one worthless."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from access import ask_for_token, basic, create_client, login
from agents import Agent, Pair, bootstrapped_agent
from arctic_lab import Lab, wait_for
from clock import Clock
from tokens import forge
from tunnel_peer import make_key

CONFIGURATION = "/.well-known/openid-configuration"
JWKS = "/.well-known/jwks.json"
UNAUTHORIZED = (401, "UNAUTHORIZED", None)
URN = "urn:tillered:arctic:"


@pytest.fixture
def clock(lab: Lab) -> Clock:
    return Clock(lab.directory / "clock")


@pytest.fixture
def agent(lab: Lab, build: Path, clock: Clock) -> Iterator[Agent]:
    with bootstrapped_agent(lab, build, **clock.settings) as agent:
        yield agent


def public(agent: Agent, path: str) -> Any:
    answer = agent.api("GET", path, token=None)
    assert answer.status == 200
    return answer.json()


def status(agent: Agent, token: str) -> int | tuple[int, str, str | None]:
    answer = agent.api("GET", "/v1/services", token=token)
    return answer.status if answer.status == 200 else answer.error


# Discovery


def test_a_jose_library_checks_tokens_by_the_published_keys(module_pair: Pair) -> None:
    """Those of both peers, at either of them."""
    entry, exit = module_pair.entry, module_pair.exit
    for asked in (entry, exit):
        configuration = public(asked, CONFIGURATION)
        assert configuration["issuer"] == asked.id
        assert configuration["jwks_uri"] == f"http://127.0.0.1:8080{JWKS}"
        assert configuration["token_endpoint"] == "http://127.0.0.1:8080/v1/oauth/token"
        assert f"{URN}admin" in configuration["scopes_supported"]
        algorithms = configuration["id_token_signing_alg_values_supported"]
        keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(public(asked, JWKS)).keys}
        assert len(keys) == 2
        for issuer in (entry, exit):
            token = issuer.token()
            key = keys[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(token, key.key, algorithms=algorithms, issuer=issuer.id)
            assert claims["sub"] == issuer.credentials[0] and claims["scope"] == f"{URN}admin"
            assert claims["exp"] - claims["iat"] == 3600
            with pytest.raises(jwt.InvalidTokenError):
                jwt.decode(token[:-8] + "AAAAAAAA", key.key, algorithms=algorithms, issuer=issuer.id)
    published = json.dumps(public(entry, JWKS))
    assert '"d"' not in published


def test_discovery_follows_the_name_it_was_asked_by(agent: Agent) -> None:
    def uri(host: str) -> str:
        return str(agent.request("GET", CONFIGURATION, headers={"Host": host}).json()["jwks_uri"])

    assert uri("agent.example:8080") == f"http://agent.example:8080{JWKS}"
    assert uri("[fd01::2]:8080") == f"http://[fd01::2]:8080{JWKS}"
    for host in ('x"y', "x/y?z", "user@x", "a" * 300):
        assert uri(host) == JWKS


def test_discovery_before_the_bootstrap(lab: Lab, build: Path) -> None:
    agent = Agent(lab.exit, build, lab.directory / "agents" / "fresh")
    agent.start()
    for path in (CONFIGURATION, JWKS):
        assert agent.api("GET", path, token=None).error == (503, "NOT_BOOTSTRAPPED", None)
    agent.stop()


# Asking for a token


def test_ways_to_ask(agent: Agent) -> None:
    client_id, secret = agent.credentials
    form = {"client_id": client_id, "client_secret": secret}
    for answer in (
        ask_for_token(agent, form),
        ask_for_token(agent, {}, basic(client_id, secret)),
        ask_for_token(agent, {"client_id": client_id}, basic(client_id, secret)),
    ):
        assert answer.status == 200
        told = answer.json()
        assert told["token_type"] == "Bearer" and told["expires_in"] == 3600
        assert told["scope"] == f"{URN}admin" and status(agent, told["access_token"]) == 200
    narrow = ask_for_token(agent, {**form, "scope": f"{URN}peers.read services.read"}).json()
    assert narrow["scope"] == f"{URN}peers.read {URN}services.read"


def test_ways_not_to_ask(agent: Agent) -> None:
    client_id, secret = agent.credentials
    form = {"client_id": client_id, "client_secret": secret}
    wrong = "sec_" + "A" * 43
    other = "cli_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    cases: dict[str, tuple[dict[str, str], dict[str, str], tuple[int, str, str | None]]] = {
        "wrong secret": ({**form, "client_secret": wrong}, {}, UNAUTHORIZED),
        "unknown client": ({**form, "client_id": other}, {}, UNAUTHORIZED),
        "no client id": ({**form, "client_id": "nobody"}, {}, UNAUTHORIZED),
        "empty secret": ({**form, "client_secret": ""}, {}, UNAUTHORIZED),
        "the hash": (
            {**form, "client_secret": f"sha256:{hashlib.sha256(secret.encode()).hexdigest()}"},
            {},
            UNAUTHORIZED,
        ),
        "wrong in the header": ({}, basic(client_id, wrong), UNAUTHORIZED),
        "both": (form, basic(client_id, secret), (400, "INVALID_REQUEST", None)),
        "two ids": ({"client_id": other}, basic(client_id, secret), (400, "INVALID_REQUEST", "client_id")),
        "no secret": ({"client_id": client_id}, {}, (400, "MISSING_FIELD", "client_secret")),
        "nothing": ({}, {}, (400, "MISSING_FIELD", "client_id")),
        "password grant": (
            {**form, "grant_type": "password"},
            {},
            (400, "INVALID_REQUEST", "grant_type"),
        ),
        "unknown scope": ({**form, "scope": "everything"}, {}, (400, "INVALID_REQUEST", "scope")),
        "two spaces": ({**form, "scope": "admin  admin"}, {}, (400, "INVALID_REQUEST", "scope")),
    }
    for what, (members, headers, expected) in cases.items():
        assert ask_for_token(agent, members, headers).error == expected, what
    no_grant = agent.request(
        "POST", "/v1/oauth/token", b"", {"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert no_grant.error == (400, "MISSING_FIELD", "grant_type")
    refused = ask_for_token(agent, {**form, "client_secret": wrong})
    assert refused.headers["WWW-Authenticate"]
    assert wrong not in agent.log and secret not in agent.log


# What makes a token worthless


def forge_hs256(token: str, key: bytes, **header: Any) -> str:
    """The old trick: an asymmetric key that all know, used as the secret of HS256."""
    claims = token.split(".")[1]
    first = json.dumps({"alg": "HS256", "typ": "JWT", **header}).encode()
    text = base64.urlsafe_b64encode(first).rstrip(b"=").decode() + "." + claims
    mac = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return text + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def test_forged_tokens(lab: Lab, agent: Agent) -> None:
    good = agent.token()
    key = agent.data_dir / "peer.key"
    stranger = make_key(lab.directory / "stranger.key")
    (published,) = public(agent, JWKS)["keys"]
    raw = base64.urlsafe_b64decode(published["x"] + "=")
    kid = jwt.get_unverified_header(good)["kid"]
    first, second, third = good.split(".")
    now = int(time.time())
    forged = {
        "alg none": forge(good, None, {"alg": "none"}),
        "alg None": forge(good, None, {"alg": "None"}),
        "alg none, signed": forge(good, key, {"alg": "none"}),
        "HS256 by the raw key": forge_hs256(good, raw, kid=kid),
        "HS256 by the text of the key": forge_hs256(good, published["x"].encode(), kid=kid),
        "HS256 by the JWK": forge_hs256(good, json.dumps(published).encode(), kid=kid),
        "Ed25519 for EdDSA": forge(good, key, {"alg": "Ed25519"}),
        "no algorithm": forge(good, key, {"alg": None}),
        "a key of its own": forge(good, stranger, {"jwk": published}),
        "a stranger's key": forge(good, stranger),
        "unknown kid": forge(good, key, {"kid": "A" * 43}),
        "kid is a path": forge(good, key, {"kid": "../../peer.key"}),
        "no kid": forge(good, key, {"kid": None}),
        "critical extension": forge(good, key, {"crit": ["exp"]}),
        "another type": forge(good, key, {"typ": "at+jwt"}),
        "wrong issuer": forge(good, key, iss="peer_01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        "issuer is a number": forge(good, key, iss=5),
        "unknown client": forge(good, key, sub="cli_01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        "scope is a list": forge(good, key, scope=["admin"]),
        "unknown scope": forge(good, key, scope="everything"),
        "no end": forge(good, key, exp=None),
        "end is a text": forge(good, key, exp=str(now + 60)),
        "from the future": forge(good, key, iat=now + 90, exp=now + 3600),
        "not yet": forge(good, key, nbf=now + 90),
        "changed claims": f"{first}.{second[:-4]}AAAA.{third}",
        "changed signature": f"{first}.{second}.{'B' if third[0] == 'A' else 'A'}{third[1:]}",
        "no signature": f"{first}.{second}.",
        "padded": good + "==",
        "cut": good[:-1],
        "twice": f"{good}.{good}",
    }
    for what, token in forged.items():
        assert status(agent, token) == UNAUTHORIZED, what
    assert status(agent, forge(good, key, exp=now - 61)) == (401, "TOKEN_EXPIRED", None)
    # Clocks may differ by a minute; and what is forged above is refused for what it says.
    for claims in ({"iat": now + 50}, {"nbf": now + 50}, {"exp": now - 50}):
        assert status(agent, forge(good, key, **claims)) == 200, claims


def test_a_token_gives_no_more_than_its_client_has(agent: Agent) -> None:
    """Whatever it says, and though its signature is good."""
    key = agent.data_dir / "peer.key"
    client = create_client(agent, "peers.read")
    token = login(agent, client)
    raised = forge(token, key, scope=f"{URN}admin {URN}peers.read")
    assert agent.api("GET", "/v1/peers", token=raised).status == 200
    assert status(agent, raised) == (403, "FORBIDDEN", None)
    assert agent.api("GET", "/v1/license", token=raised).status == 403


def test_a_token_ends_with_its_hour(agent: Agent, clock: Clock) -> None:
    client = create_client(agent, "services.read")
    token = login(agent, client)
    clock.set(3600 + 50)
    assert status(agent, token) == 200
    clock.set(3600 + 59)
    wait_for(lambda: status(agent, token) == (401, "TOKEN_EXPIRED", None), 5, "the end of the token")
    fresh = login(agent, client)
    assert status(agent, fresh) == 200
    # Issued by a clock that was ahead.
    clock.set(0)
    assert status(agent, fresh) == UNAUTHORIZED
    assert status(agent, login(agent, client)) == 200


def test_a_former_secret_ends_with_its_day(agent: Agent, clock: Clock) -> None:
    client_id, secret = agent.credentials
    rotated = agent.api("POST", "/v1/cluster/credentials/rotate").json()
    former = {"client_id": client_id, "client_secret": secret}
    clock.set(24 * 3600 - 5)
    assert ask_for_token(agent, former).status == 200
    clock.set(24 * 3600 + 5)
    assert ask_for_token(agent, former).error == UNAUTHORIZED
    assert ask_for_token(agent, {**former, "client_secret": rotated["client_secret"]}).status == 200
