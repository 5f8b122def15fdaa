"""Requests that must be refused: status, code and field of the reference, and nothing changed by them."""

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
from arctic_lab import Lab, wait_for
from tokens import forge
from tunnel_peer import make_key

Refusal = tuple[int, str, str | None]
UNKNOWN_PEER = "peer_01ARZ3NDEKTSV4RRFFQ69G5FAV"
UNKNOWN_SERVICE = "svc_01ARZ3NDEKTSV4RRFFQ69G5FAV"


class Target:
    """A pair with one service and one route, and a look at all that a request could change."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.entry = pair.entry
        self.service = pair.entry.create_service(pair.exit, "--name", "existing")
        self.route = pair.entry.add_route(self.service, dest="10.2.0.0/24")
        pair.wait_until_carried(self.service)
        self.path = f"/v1/services/{self.service}"

    def state(self) -> tuple[Any, ...]:
        return (
            self.entry.get("/v1/services"),
            self.entry.service(self.service),
            sorted(peer["id"] for peer in self.entry.get("/v1/peers")["peers"]),
            self.entry.ruleset().replace("packets", ""),
        )

    def new_service(self, **members: Any) -> dict[str, Any]:
        """A good body, but for the members given; None leaves one out."""
        body = {"target_peer_id": self.pair.exit.id, "transport_type": "tcp", **members}
        return {name: value for name, value in body.items() if value is not None}


@pytest.fixture(scope="module")
def target(module_pair: Pair) -> Target:
    return Target(module_pair)


def refused(target: Target, expected: Refusal, method: str, path: str, *body: Any, **options: Any) -> str:
    """Sends a request that must be refused without a trace; returns the sentence for people."""
    before = target.state()
    answer = target.entry.api(method, path, *body, **options)
    assert answer.error == expected
    assert set(answer.json()) <= {"error", "code", "field"}
    assert answer.headers["Content-Type"].startswith("application/json")
    assert target.state() == before
    return str(answer.json()["error"])


# POST /v1/services

BAD_SERVICES: dict[str, tuple[dict[str, Any], Refusal]] = {
    "target is a number": ({"target_peer_id": 5}, (400, "INVALID_REQUEST", "target_peer_id")),
    "no target": ({"target_peer_id": None}, (400, "MISSING_FIELD", "target_peer_id")),
    "target unknown": ({"target_peer_id": UNKNOWN_PEER}, (404, "NOT_FOUND", "target_peer_id")),
    "no transport": ({"transport_type": None}, (400, "MISSING_FIELD", "transport_type")),
    "transport is a number": ({"transport_type": 1}, (400, "INVALID_REQUEST", "transport_type")),
    "transport unknown": ({"transport_type": "udp"}, (400, "INVALID_TRANSPORT", "transport_type")),
    "transport in capitals": ({"transport_type": "TCP"}, (400, "INVALID_TRANSPORT", "transport_type")),
    "name is a number": ({"name": 5}, (400, "INVALID_REQUEST", "name")),
    "name too long": ({"name": "n" * 300}, (400, "INVALID_REQUEST", "name")),
    "name taken": ({"name": "existing"}, (409, "ALREADY_EXISTS", "name")),
    "flag is a text": ({"requires_interface": "yes"}, (400, "INVALID_REQUEST", "requires_interface")),
    "flag is a number": ({"fully_transparent": 1}, (400, "INVALID_REQUEST", "fully_transparent")),
    "transparent, no interface": (
        {"fully_transparent": True},
        (400, "INVALID_REQUEST", "fully_transparent"),
    ),
    "transparent by kcp": (
        {"fully_transparent": True, "requires_interface": True, "transport_type": "kcp"},
        (400, "INVALID_REQUEST", "fully_transparent"),
    ),
    "address, no interface": (
        {"desired_interface_ipv4": "192.168.100.10/24"},
        (400, "INVALID_REQUEST", "desired_interface_ipv4"),
    ),
    "limit is a text": ({"bandwidth_limit_mbps": "10"}, (400, "INVALID_REQUEST", "bandwidth_limit_mbps")),
    "limit below 0": ({"bandwidth_limit_mbps": -1}, (400, "INVALID_REQUEST", "bandwidth_limit_mbps")),
    "limit too high": ({"bandwidth_limit_mbps": 1000001}, (400, "INVALID_REQUEST", "bandwidth_limit_mbps")),
    "qos is a number": ({"qos": 5}, (400, "INVALID_REQUEST", "qos")),
    "member unknown": ({"colour": "red"}, (400, "INVALID_REQUEST", "colour")),
    "member of a route": ({"dest_cidr": "10.0.0.0/8"}, (400, "INVALID_REQUEST", "dest_cidr")),
}


@pytest.mark.parametrize("case", BAD_SERVICES)
def test_a_bad_service(target: Target, case: str) -> None:
    members, expected = BAD_SERVICES[case]
    refused(target, expected, "POST", "/v1/services", {**target.new_service(**members)})


def test_members_of_qos_are_checked(target: Target) -> None:
    for qos in ({"bandwidth_limit_mbps": "10"}, {"bandwidth_limit_mbps": -1}, {"colour": 1}, {"rtt_ms": 1.5}):
        answer = target.entry.api("POST", "/v1/services", target.new_service(qos=qos))
        status, code, field = answer.error
        assert (status, code) == (400, "INVALID_REQUEST")
        assert field and field.rpartition(".")[2] == next(iter(qos))


def test_a_service_to_itself(target: Target) -> None:
    body = target.new_service(target_peer_id=target.entry.id)
    refused(target, (400, "INVALID_REQUEST", "target_peer_id"), "POST", "/v1/services", body)


BAD_BODIES = {
    "empty": b"",
    "no JSON": b"{target_peer_id}",
    "cut off": b'{"transport_type": "tcp"',
    "two values": b"{} {}",
    "array": b"[]",
    "text": b'"tcp"',
    "null": b"null",
    "not UTF-8": b'{"name": "\xff"}',
    "NUL": b'{"name": "a\\u0000b"}',
    "deep": b"[" * 5000,
}


@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_bad_body(target: Target, case: str) -> None:
    before = target.state()
    status, code, _ = target.entry.api("POST", "/v1/services", BAD_BODIES[case]).error
    assert (status, code) == (400, "INVALID_REQUEST")
    assert target.state() == before


def test_duplicate_keys(target: Target) -> None:
    body = json.dumps(target.new_service())[:-1] + ', "transport_type": "tcp"}'
    before = target.state()
    status, code, _ = target.entry.api("POST", "/v1/services", body.encode()).error
    assert (status, code) == (400, "INVALID_REQUEST")
    assert target.state() == before


def test_a_body_over_1_mib(target: Target) -> None:
    before = target.state()
    answer = target.entry.api("POST", "/v1/services", b'{"name": "' + b"x" * (1 << 20) + b'"}')
    assert answer.status == 413 and answer.json()["code"]
    assert target.state() == before


def test_a_body_over_1_mib_in_chunks(target: Target) -> None:
    """Without a Content-Length that would tell."""
    before = target.state()
    with target.entry.connected() as connection:
        headers = {"Authorization": f"Bearer {target.entry.token()}", "Content-Type": "application/json"}
        try:
            connection.request(
                "POST", "/v1/services", iter([b" " * 65536] * 40), headers, encode_chunked=True
            )
        except (BrokenPipeError, ConnectionResetError):
            pass  # the agent need not read what it will not take
        try:
            assert connection.getresponse().status == 413
        except (ConnectionResetError, BrokenPipeError):
            pass
    assert target.state() == before


# Routes

GOOD_ROUTE = {"dest_cidr": "10.8.0.0/16", "priority": 100}

BAD_ROUTES: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "host bits": ({"dest_cidr": "10.1.2.3/8"}, ("INVALID_CIDR", "dest_cidr")),
    "host bits of the source": ({"source_cidr": "10.1.2.3/8"}, ("INVALID_CIDR", "source_cidr")),
    "host bits of IPv6": ({"dest_cidr": "fd00::1/64"}, ("INVALID_CIDR", "dest_cidr")),
    "no slash": ({"dest_cidr": "10.0.0.0"}, ("INVALID_CIDR", "dest_cidr")),
    "length too great": ({"dest_cidr": "10.0.0.0/33"}, ("INVALID_CIDR", "dest_cidr")),
    "negative length": ({"dest_cidr": "10.0.0.0/-1"}, ("INVALID_CIDR", "dest_cidr")),
    "no length": ({"dest_cidr": "10.0.0.0/"}, ("INVALID_CIDR", "dest_cidr")),
    "a name": ({"dest_cidr": "example.org/8"}, ("INVALID_CIDR", "dest_cidr")),
    "a space": ({"dest_cidr": " 10.0.0.0/8"}, ("INVALID_CIDR", "dest_cidr")),
    "empty": ({"dest_cidr": ""}, ("INVALID_CIDR", "dest_cidr")),
    "a number": ({"dest_cidr": 10}, ("INVALID_REQUEST", "dest_cidr")),
    "priority 0": ({"priority": 0}, ("INVALID_PRIORITY", "priority")),
    "priority below 0": ({"priority": -5}, ("INVALID_PRIORITY", "priority")),
    "priority too great": ({"priority": 2147483648}, ("INVALID_PRIORITY", "priority")),
    "priority a text": ({"priority": "100"}, ("INVALID_REQUEST", "priority")),
    "priority a fraction": ({"priority": 1.5}, ("INVALID_REQUEST", "priority")),
    "priority true": ({"priority": True}, ("INVALID_REQUEST", "priority")),
    "no priority": ({"priority": None}, ("MISSING_FIELD", "priority")),
    "no CIDR": ({"dest_cidr": None}, ("MISSING_FIELD", "dest_cidr")),
    "unknown member": ({"weight": 1}, ("INVALID_REQUEST", "weight")),
    "an id": ({"id": 7}, ("INVALID_REQUEST", "id")),
}


@pytest.mark.parametrize("case", BAD_ROUTES)
def test_a_bad_route(target: Target, case: str) -> None:
    """Alone, and as the last of several of which none may be added then."""
    members, (code, field) = BAD_ROUTES[case]
    bad = {name: value for name, value in {**GOOD_ROUTE, **members}.items() if value is not None}
    for routes in ([bad], [GOOD_ROUTE, GOOD_ROUTE, bad]):
        message = refused(target, (400, code, field), "POST", f"{target.path}/routes", {"routes": routes})
        if len(routes) > 1:
            assert "routes[2]" in message


def test_both_families_in_one_route(target: Target) -> None:
    routes = [{"source_cidr": "fd00::/8", "dest_cidr": "10.0.0.0/8", "priority": 1}]
    answer = target.entry.api("POST", f"{target.path}/routes", {"routes": routes})
    assert answer.error[:2] == (400, "INVALID_CIDR")


def test_host_bits_name_the_network(target: Target) -> None:
    routes = {"routes": [{"dest_cidr": "10.1.2.3/8", "priority": 1}]}
    message = refused(target, (400, "INVALID_CIDR", "dest_cidr"), "POST", f"{target.path}/routes", routes)
    assert "10.1.2.3/8" in message and "10.0.0.0/8" in message


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "MISSING_FIELD"),
        ({"routes": []}, "INVALID_REQUEST"),
        ({"routes": {}}, "INVALID_REQUEST"),
        ({"routes": ["10.0.0.0/8"]}, "INVALID_REQUEST"),
        ({"routes": [GOOD_ROUTE], "force": True}, "INVALID_REQUEST"),
        ([GOOD_ROUTE], "INVALID_REQUEST"),
    ],
)
def test_a_bad_body_of_routes(target: Target, body: Any, code: str) -> None:
    before = target.state()
    assert target.entry.api("POST", f"{target.path}/routes", body).error[:2] == (400, code)
    assert target.state() == before


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"dest_cidr": "10.1.2.3/8"}, (400, "INVALID_CIDR", "dest_cidr")),
        ({"priority": 0}, (400, "INVALID_PRIORITY", "priority")),
        ({"priority": None}, (400, "INVALID_REQUEST", "priority")),
        ({"dest_cidr": None}, (400, "MISSING_FIELD", "dest_cidr")),
        ({"weight": 5}, (400, "INVALID_REQUEST", "weight")),
        ({"dest_cidr": "10.4.0.0/16", "priority": 0}, (400, "INVALID_PRIORITY", "priority")),
    ],
)
def test_a_bad_change_of_a_route(target: Target, body: Any, expected: Refusal) -> None:
    refused(target, expected, "PUT", f"{target.path}/routes/{target.route}", body)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": None}, "name"),
        ({"colour": 1}, "colour"),
        ({"target_peer_id": UNKNOWN_PEER}, "target_peer_id"),
        ({"bandwidth_limit_mbps": -1}, "bandwidth_limit_mbps"),
        ({"desired_interface_ipv4": "192.168.100.10/24"}, "desired_interface_ipv4"),
        ({"fully_transparent": True}, "fully_transparent"),
    ],
)
def test_a_bad_change_of_a_service(target: Target, body: Any, field: str) -> None:
    refused(target, (400, "INVALID_REQUEST", field), "PUT", target.path, body)


def test_what_does_not_exist(target: Target) -> None:
    missing = f"/v1/services/{UNKNOWN_SERVICE}"
    requests: list[tuple[Any, ...]] = [
        ("GET", missing),
        ("PUT", missing, {"name": "x"}),
        ("DELETE", missing),
        ("GET", f"{missing}/routes"),
        ("POST", f"{missing}/routes", {"routes": [GOOD_ROUTE]}),
        ("PUT", f"{target.path}/routes/99", {"priority": 1}),
        ("DELETE", f"{target.path}/routes/99"),
        ("DELETE", f"{target.path}/routes/x"),
        ("DELETE", f"{target.path}/routes/18446744073709551617"),
        ("GET", "/v1/services/nonsense"),
        ("GET", f"/v1/peers/{UNKNOWN_PEER}"),
    ]
    for method, path, *body in requests:
        refused(target, (404, "NOT_FOUND", None), method, path, *body)


# Methods and paths


def test_unknown_paths_and_methods(target: Target) -> None:
    for path in ("/", "/v2/services", "/v1/service", "/v1/services/", "/v1/services/%2e%2e"):
        answer = target.entry.api("GET", path)
        assert answer.error[:2] == (404, "NOT_FOUND"), path
    answer = target.entry.api("PATCH", "/v1/services", {})
    assert answer.error[:2] == (405, "METHOD_NOT_ALLOWED")
    assert {word.strip() for word in answer.headers["Allow"].split(",")} >= {"GET", "POST"}
    assert target.entry.api("DELETE", "/v1/services").status == 405
    assert target.entry.api("GET", "/v1/services?colour=red").error[:2] == (400, "INVALID_REQUEST")


# Access


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


# What is right beside all that


@pytest.mark.parametrize("name", ["source_peer_id", "target_peer_id"])
def test_a_filter_that_is_no_peer(target: Target, name: str) -> None:
    refused(target, (400, "INVALID_REQUEST", name), "GET", f"/v1/services?{name}=junk")
    refused(target, (400, "INVALID_REQUEST", name), "GET", f"/v1/services?{name}={target.path.split('/')[-1]}")
    nobody = target.entry.get(f"/v1/services?{name}=peer_01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert nobody == {"services": []}


@pytest.mark.parametrize("path", ["/v1/peers?islocal=true", "/v1/services?name=x", "/v1/license?verbose=1"])
def test_an_unknown_query_parameter(target: Target, path: str) -> None:
    refused(target, (400, "INVALID_REQUEST", path.partition("?")[2].partition("=")[0]), "GET", path)


def test_lists_are_wrapped(target: Target) -> None:
    for path, name in (
        ("/v1/services", "services"),
        ("/v1/peers", "peers"),
        (f"{target.path}/routes", "routes"),
    ):
        listed = target.entry.get(path)
        assert list(listed) == [name] and isinstance(listed[name], list)


def test_a_put_is_partial_and_a_delete_has_no_body(target: Target) -> None:
    entry, path = target.entry, target.path
    created = entry.api(
        "POST", f"{path}/routes", {"routes": [{**GOOD_ROUTE, "source_cidr": "10.1.0.0/16"}] * 2}
    )
    assert created.status in (200, 201) and created.json()["count"] == 2
    first, second = created.json()["route_ids"]
    assert entry.api("PUT", f"{path}/routes/{first}", {"priority": 7}).status == 200
    assert entry.api("PUT", f"{path}/routes/{first}", {"source_cidr": None}).status == 200
    routes = {route["id"]: route for route in entry.get(f"{path}/routes")["routes"]}
    kept = {"dest_cidr": "10.8.0.0/16", "priority": 7, "source_cidr": None, "id": first}
    assert {name: routes[first][name] for name in kept} == kept
    assert routes[second]["source_cidr"] == "10.1.0.0/16"
    for route in (first, second):
        answer = entry.api("DELETE", f"{path}/routes/{route}")
        assert (answer.status, answer.body) == (204, b"")
    changed = entry.api("PUT", path, {"name": "renamed"})
    assert changed.status == 200
    assert entry.service(target.service)["name"] == "renamed"
    assert entry.service(target.service)["route_count"] == 1
    assert entry.api("PUT", path, {"name": "existing"}).status == 200
    other = entry.api("POST", "/v1/services", target.new_service())
    assert other.status == 201
    answer = entry.api("DELETE", f"/v1/services/{other.json()['id']}")
    assert (answer.status, answer.body) == (204, b"")


# Kinds of service that a later version brings

LATER: dict[str, dict[str, Any]] = {
    "kcp": {"transport_type": "kcp"},
    "auto": {"transport_type": "auto"},
    "transparent": {"requires_interface": True, "fully_transparent": True},
    "bandwidth": {"qos": {"bandwidth_limit_mbps": 100}},
}


@pytest.mark.parametrize("kind", LATER)
def test_a_service_of_a_later_kind_stays_pending(target: Target, kind: str) -> None:
    """Stored as asked for, said to be pending and why; it captures nothing and runs as nothing else."""
    created = target.entry.api("POST", "/v1/services", target.new_service(**LATER[kind]))
    assert created.status == 201
    service = created.json()["id"]
    path = f"/v1/services/{service}"
    routes = {"routes": [{"dest_cidr": "10.2.0.2/32", "source_cidr": "10.1.0.0/24", "priority": 1}]}
    assert target.entry.api("POST", f"{path}/routes", routes).status in (200, 201)
    shown = target.entry.service(service)
    assert shown["state"] == "pending" and shown["state_reason"], shown
    for member, value in LATER[kind].items():
        if member != "qos":
            assert shown[member] == value
    assert shown["bandwidth_limit_mbps"] == LATER[kind].get("qos", {}).get("bandwidth_limit_mbps", 0)
    assert service.removeprefix("svc_") not in target.entry.ruleset()
    assert target.entry.api("DELETE", path).status == 204
