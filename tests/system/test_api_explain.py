"""POST /v1/routes/explain: the winner is what the kernel does, and every loser says why."""

import time
from typing import Any

import pytest
from agents import Agent, Pair
from arctic_lab import Lab, wait_for
from flows import carried


def explain(agent: Agent, source: str, dest: str, **members: Any) -> Any:
    answer = agent.api("POST", "/v1/routes/explain", {"source": source, "dest": dest, **members})
    assert answer.status == 200, answer
    return answer.json()


def reasons(told: Any) -> list[tuple[int, str]]:
    return [(row["route_id"], row["reason"]) for row in told["losers"]]


def test_each_loser_names_the_rule_that_decided(pair: Pair) -> None:
    entry = pair.entry
    service = entry.create_service(pair.exit, "--name", "all")
    routes = [
        {"source_cidr": "10.1.0.0/16", "dest_cidr": "10.2.0.0/24", "priority": 200},  # 1: wins
        {"source_cidr": "10.1.0.0/16", "dest_cidr": "10.2.0.0/24", "priority": 300},
        {"source_cidr": "10.1.0.0/16", "dest_cidr": "10.2.0.0/16", "priority": 1},
        {"source_cidr": "10.0.0.0/8", "dest_cidr": "10.2.0.0/32", "priority": 1},  # 4: another destination
        {"source_cidr": "10.0.0.0/8", "dest_cidr": "10.2.0.0/24", "priority": 1},
        {"source_cidr": "10.1.0.0/16", "priority": 1},
        {"dest_cidr": "10.2.0.0/24", "priority": 1},
        {"source_cidr": "10.9.0.0/16", "priority": 1},
        {"dest_cidr": "fd00::/8", "priority": 1},
        {"source_cidr": "10.1.0.0/16", "dest_cidr": "10.2.0.0/24", "priority": 200},
    ]
    assert entry.api("POST", f"/v1/services/{service}/routes", {"routes": routes}).status == 201
    told = explain(entry, "10.1.2.3", "10.2.0.7")
    assert told["action"] == "carry" and told["action_reason"] is None
    winner = told["winner"]
    assert (winner["route_id"], winner["reason"], winner["class"]) == (1, "winner", "source_dest")
    assert (winner["service_id"], winner["service_name"]) == (service, "all")
    assert (winner["source_cidr"], winner["dest_cidr"], winner["priority"]) == ("10.1.0.0/16", "10.2.0.0/24", 200)
    assert winner["target_peer_id"] == pair.exit.id and winner["service_state"] == "active"
    assert reasons(told) == [
        (10, "later_route"),
        (2, "higher_priority_value"),
        (3, "shorter_dest"),
        (5, "shorter_source"),
        (6, "less_specific"),
        (7, "less_specific"),
        (4, "dest_mismatch"),
        (8, "source_mismatch"),
        (9, "other_family"),
    ]
    assert (told["loser_count"], told["matching_losers"], told["truncated"]) == (9, 6, False)
    few = explain(entry, "10.1.2.3", "10.2.0.7", limit=2)
    assert reasons(few) == reasons(told)[:2]
    assert (few["loser_count"], few["matching_losers"], few["truncated"]) == (9, 6, True)
    none = explain(entry, "192.0.2.1", "198.51.100.1", limit=0)
    assert (none["winner"], none["action"], none["losers"], none["loser_count"]) == (None, "direct", [], 10)


def test_a_service_that_takes_no_traffic_cannot_win(lab: Lab, pair: Pair) -> None:
    entry = pair.entry
    lab.server.serve("http", 80)
    idle = entry.create_service(pair.exit, "--transport", "kcp", "--name", "waits")
    entry.add_route(idle, source=lab.client.address(4) + "/32", dest="10.2.0.0/24")
    service = pair.carry()
    flow = (lab.client.address(4), lab.server.address(4))
    told = explain(entry, *flow)
    assert told["winner"]["service_id"] == service and carried(lab, lab.client)
    (better,) = [row for row in told["losers"] if row["service_id"] == idle]
    assert (better["reason"], better["service_state"]) == ("service_idle", "pending")
    assert "kcp" in better["service_state_reason"]

    # The peer goes: the routes step aside, or refuse.
    pair.exit.kill()
    wait_for(lambda: explain(entry, *flow)["action"] == "direct", 15, "stepped aside")
    gone = explain(entry, *flow)
    assert gone["winner"] is None
    assert {row["reason"] for row in gone["losers"] if row["reason"] != "other_family"} == {"service_idle"}
    assert not carried(lab, lab.client)
    entry.api("PUT", f"/v1/services/{service}", {"when_unreachable": "block"})
    blocked = explain(entry, *flow)
    assert (blocked["action"], blocked["winner"]["service_state"]) == ("refuse", "degraded")
    pair.exit.start()


def test_what_is_never_captured_is_said(lab: Lab, pair: Pair) -> None:
    entry = pair.entry
    service = entry.create_service(pair.exit)
    entry.add_route(service, dest="0.0.0.0/0")
    for dest in ("127.0.0.1", "224.0.0.1", "169.254.1.1", entry.host.address(4, "lan")):
        told = explain(entry, lab.client.address(4), dest)
        assert (told["action"], told["winner"]) == ("direct", None), dest
        assert told["action_reason"].startswith("never captured")
        assert reasons(told) == [(1, "never_captured")]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "MISSING_FIELD", "source"),
        ({"source": "10.0.0.1"}, "MISSING_FIELD", "dest"),
        ({"source": "10.0.0.1/32", "dest": "10.0.0.2"}, "INVALID_REQUEST", "source"),
        ({"source": "10.0.0.1", "dest": "example.net"}, "INVALID_REQUEST", "dest"),
        ({"source": "10.0.0.1", "dest": "fd00::1"}, "INVALID_REQUEST", "dest"),
        ({"source": "10.0.0.1", "dest": "10.0.0.2", "interface": "x" * 16}, "INVALID_REQUEST", "interface"),
        ({"source": "10.0.0.1", "dest": "10.0.0.2", "limit": -1}, "INVALID_REQUEST", "limit"),
        ({"source": "10.0.0.1", "dest": "10.0.0.2", "limit": 10001}, "INVALID_REQUEST", "limit"),
        ({"source": "10.0.0.1", "dest": "10.0.0.2", "destination": "x"}, "INVALID_REQUEST", "destination"),
        ({"source": 1, "dest": "10.0.0.2"}, "INVALID_REQUEST", "source"),
    ],
)
def test_bad_requests(module_pair: Pair, body: Any, code: str, field: str) -> None:
    assert module_pair.entry.api("POST", "/v1/routes/explain", body).error == (400, code, field)


@pytest.mark.slow
def test_many_routes_are_explained_while_the_api_goes_on(pair: Pair) -> None:
    entry = pair.entry
    service = entry.create_service(pair.exit)
    for block in range(0, 100_000, 10_000):
        routes = [
            {"dest_cidr": f"10.{10 + number // 256 // 256}.{number // 256 % 256}.{number % 256}/32", "priority": 5}
            for number in range(block, block + 10_000)
        ]
        assert entry.api("POST", f"/v1/services/{service}/routes", {"routes": routes}).status == 201
    began = time.monotonic()
    told = explain(entry, "192.0.2.1", "10.10.1.7")
    took = time.monotonic() - began
    assert told["winner"]["dest_cidr"] == "10.10.1.7/32"
    assert (told["loser_count"], len(told["losers"]), told["truncated"]) == (99_999, 100, True)
    print(f"100,000 routes explained in {took:.3f} s")
