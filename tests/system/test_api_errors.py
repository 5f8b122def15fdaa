"""Requests that must be refused: status, code and field of the reference, and nothing changed by them."""

import json
from typing import Any

import pytest
from api_target import GOOD_ROUTE, UNKNOWN_PEER, UNKNOWN_SERVICE, Refusal, Target, refused, target

__all__ = ["target"]  # fixtures

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
