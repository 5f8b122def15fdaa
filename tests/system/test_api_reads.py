"""What is read is what was last written: texts and tokens that the agent keeps are never older than what they stand for."""

import itertools
from typing import Any

from agents import Agent, Pair
from arctic_lab import wait_for


def shown(agent: Agent, service: str) -> Any:
    """The service as the list and as its own address show it, which must agree."""
    (listed,) = [one for one in agent.get("/v1/services")["services"] if one["id"] == service]
    alone = agent.service(service)
    more = {name: alone[name] for name in ("routes", "counters", "counters_reason")}
    assert {**listed, **more} == alone
    return alone


def test_a_service_is_shown_as_it_was_left(module_pair: Pair) -> None:
    entry = module_pair.entry
    service = entry.create_service(module_pair.exit, "--name", "first")
    assert shown(entry, service)["name"] == "first"
    for number in range(20):
        answer = entry.api("PUT", f"/v1/services/{service}", {"name": f"name-{number}"}).json()
        assert shown(entry, service) == answer
        route = entry.add_route(service, dest=f"100.64.{number}.0/24", priority=number + 1)
        assert [one["id"] for one in shown(entry, service)["routes"]][-1] == route
        changed = entry.api("PUT", f"/v1/services/{service}/routes/{route}", {"priority": 77})
        assert changed.status == 200 and shown(entry, service)["routes"][-1]["priority"] == 77
    for route in [one["id"] for one in shown(entry, service)["routes"]][:10]:
        assert entry.api("DELETE", f"/v1/services/{service}/routes/{route}").status == 204
        assert route not in [one["id"] for one in shown(entry, service)["routes"]]
    assert shown(entry, service)["route_count"] == 10
    assert entry.api("DELETE", f"/v1/services/{service}").status == 204
    assert service not in [one["id"] for one in entry.get("/v1/services")["services"]]
    assert entry.api("GET", f"/v1/services/{service}").status == 404


def test_filters_of_the_list(module_pair: Pair) -> None:
    entry, exit_ = module_pair.entry, module_pair.exit
    service = entry.create_service(exit_)
    everything = entry.get("/v1/services")
    assert entry.get(f"/v1/services?source_peer_id={entry.id}&target_peer_id={exit_.id}") == everything
    assert entry.get(f"/v1/services?source_peer_id={exit_.id}") == {"services": []}
    assert entry.get("/v1/services?requires_interface=true") == {"services": []}
    assert entry.api("DELETE", f"/v1/services/{service}").status == 204


def test_a_state_that_changes_by_itself(pair: Pair) -> None:
    entry = pair.entry
    service = pair.carry()

    def becomes(state: str) -> None:
        def both() -> bool:
            (listed,) = entry.get("/v1/services")["services"]
            return (listed["state"], entry.service(service)["state"]) == (state, state)

        wait_for(both, 30, f"both ways to read show {state}")

    becomes("active")
    pair.exit.kill()
    becomes("degraded")
    assert shown(entry, service)["state_reason"]
    pair.exit.start()
    becomes("active")


def client_token(agent: Agent, scopes: list[str]) -> tuple[str, str]:
    """A client of its own, and a token for it."""
    made = agent.api("POST", "/v1/credentials", {"name": "reader", "scopes": scopes}).json()
    form = f"grant_type=client_credentials&client_id={made['client_id']}&client_secret={made['client_secret']}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = agent.request("POST", "/v1/oauth/token", form.encode(), headers)
    assert answer.status == 200, answer
    return made["client_id"], answer.json()["access_token"]


def test_a_revoked_clients_token_is_refused_at_once(module_pair: Pair) -> None:
    entry = module_pair.entry
    client_id, token = client_token(entry, ["services.read"])
    for _ in range(5):
        assert entry.api("GET", "/v1/services", token=token).status == 200
    assert entry.api("GET", "/v1/peers", token=token).error[:2] == (403, "FORBIDDEN")
    assert entry.api("DELETE", f"/v1/credentials/{client_id}").status == 204
    for _ in range(3):
        assert entry.api("GET", "/v1/services", token=token).error[:2] == (401, "UNAUTHORIZED")


def test_a_token_that_differs_in_one_character(module_pair: Pair) -> None:
    """Beside the good one, which the agent knows."""
    entry = module_pair.entry
    _, token = client_token(entry, ["services.read"])
    assert entry.api("GET", "/v1/services", token=token).status == 200
    for place in itertools.chain(range(0, len(token), 29), [len(token) - 2]):
        if token[place] == ".":
            continue
        other = "A" if token[place] != "A" else "B"
        changed = token[:place] + other + token[place + 1 :]
        assert entry.api("GET", "/v1/services", token=changed).status == 401, place
    assert entry.api("GET", "/v1/services", token=token).status == 200
