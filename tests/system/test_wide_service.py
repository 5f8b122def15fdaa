"""One service with tens of thousands of routes: a change of it is exact and durable, and keeps nobody else waiting."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from ipaddress import IPv4Network, IPv6Network

import pytest
from agents import Agent, Answer, Pair, uncounted
from arctic_lab import wait_for
from metrics import scrape, value

WIDE = 30_000
CHANGES = 12
# A request has at most 1 MiB.
BATCH = 8_000


def cidr(number: int) -> str:
    """A destination of its own, IPv4 and IPv6 in turn; none is one of the lab's."""
    if number % 2:
        return str(IPv6Network(((0x2A00 << 112) + (number << 64), 64)))
    return str(IPv4Network(((100 << 24) + (number << 4), 28)))


def routes(first: int, count: int) -> dict[str, object]:
    return {"routes": [{"dest_cidr": cidr(first + at), "priority": 100} for at in range(count)]}


def add(agent: Agent, service: str, first: int, count: int = 1) -> list[int]:
    answer = agent.api("POST", f"/v1/services/{service}/routes", routes(first, count))
    assert answer.status == 201, answer
    return [int(route) for route in answer.json()["route_ids"]]


def widen(agent: Agent, service: str, count: int) -> None:
    for first in range(0, count, BATCH):
        add(agent, service, first, min(BATCH, count - first))


def route_count(agent: Agent, service: str) -> int:
    """As the agent itself knows it: a list is not asked of the service's owner."""
    return next((int(item["route_count"]) for item in agent.get("/v1/services")["services"] if item["id"] == service), -1)


def wait_until_known(agent: Agent, service: str, count: int) -> None:
    wait_for(lambda: route_count(agent, service) == count, 30, f"{agent.name} knows {count} routes")


def destinations(agent: Agent, service: str) -> dict[str, int]:
    return {item["dest_cidr"]: item["id"] for item in agent.get(f"/v1/services/{service}/routes")["routes"]}


def slow_turns(agent: Agent) -> float:
    return value(scrape(agent), "arctic_control_loop_slow_turns_total")


@pytest.fixture
def wide(pair: Pair) -> Iterator[str]:
    """A service of the entry's with routes enough that a change of it takes a while."""
    service = pair.entry.create_service(pair.exit)
    widen(pair.entry, service, 10_000)
    return service


@pytest.mark.timing
def test_no_control_loop_is_kept(pair: Pair) -> None:
    """Neither that of the agent that changes the service nor that of the one which hears of each change: 50 ms count as slow."""
    service = pair.entry.create_service(pair.exit)
    widen(pair.entry, service, WIDE)
    wait_until_known(pair.exit, service, WIDE)
    before = {agent.name: slow_turns(agent) for agent in (pair.entry, pair.exit)}
    for number in range(CHANGES):
        (route,) = add(pair.entry, service, WIDE + number)
        wait_until_known(pair.exit, service, WIDE + 1)
        assert pair.entry.api("DELETE", f"/v1/services/{service}/routes/{route}").status == 204
        wait_until_known(pair.exit, service, WIDE)
    assert_few_slow_turns(pair, before, CHANGES)


@pytest.mark.timing
def test_no_control_loop_is_kept_by_readers(pair: Pair) -> None:
    """Of an answer of megabytes that one agent gives and another passes on."""
    service = pair.entry.create_service(pair.exit)
    widen(pair.entry, service, WIDE)
    wait_until_known(pair.exit, service, WIDE)
    before = {agent.name: slow_turns(agent) for agent in (pair.entry, pair.exit)}
    for _ in range(CHANGES):
        told = pair.exit.get(f"/v1/services/{service}/routes")["routes"]
        assert len(told) == WIDE and told[-1]["counters"]
        assert len(pair.exit.service(service)["routes"]) == WIDE
    assert_few_slow_turns(pair, before, CHANGES // 2)


def assert_few_slow_turns(pair: Pair, before: dict[str, float], limit: int) -> None:
    """Half as many as there were changes, or answers with counters."""
    for agent in (pair.entry, pair.exit):
        # What else the machine does may take the processor away now and then; what the loop does itself shows in every change.
        slow = slow_turns(agent) - before[agent.name]
        assert slow <= limit, f"{agent.name}: {slow:.0f} turns over 50 ms"


def test_changes_at_one_time(pair: Pair, wide: str) -> None:
    """Each is made on top of those before it: none is lost, no id is given twice, and both agents end with the same."""
    agent = pair.entry
    first_ids = destinations(agent, wide)
    agent.token()
    with ThreadPoolExecutor(8) as pool:
        added = [pool.submit(add, agent, wide, 20_000 + number) for number in range(12)]
        renamed = pool.submit(agent.api, "PUT", f"/v1/services/{wide}", {"name": "renamed"})
        doomed = [first_ids[cidr(number)] for number in range(6)]
        deleted = [pool.submit(agent.api, "DELETE", f"/v1/services/{wide}/routes/{route}") for route in doomed]
        twice = [pool.submit(agent.api, "DELETE", f"/v1/services/{wide}/routes/{doomed[0]}") for _ in range(2)]
    new_ids = [route for one in added for route in one.result()]
    assert len(set(new_ids)) == 12 and min(new_ids) > max(first_ids.values())
    assert renamed.result().status == 200 and renamed.result().json()["name"] == "renamed"
    outcomes = sorted(one.result().status for one in [deleted[0], *twice])
    assert outcomes == [204, 404, 404], "a route is deleted once"
    assert all(one.result().status == 204 for one in deleted[1:])
    expected = {**first_ids, **{cidr(20_000 + number): new_ids[number] for number in range(12)}}
    for number in range(6):
        del expected[cidr(number)]
    assert destinations(agent, wide) == expected
    wait_until_known(pair.exit, wide, len(expected))
    assert pair.exit.service(wide)["name"] == "renamed"


def test_a_refused_change_leaves_nothing(pair: Pair, wide: str) -> None:
    agent = pair.entry
    before = destinations(agent, wide)
    wrong = routes(30_000, 3)
    wrong["routes"].append({"dest_cidr": "10.1.2.3/8", "priority": 1})  # type: ignore[attr-defined]
    assert agent.api("POST", f"/v1/services/{wide}/routes", wrong).error[:2] == (400, "INVALID_CIDR")
    assert agent.api("PUT", f"/v1/services/{wide}/routes/1", {"priority": 0}).error[:2] == (400, "INVALID_PRIORITY")
    assert agent.api("DELETE", f"/v1/services/{wide}/routes/999999").error[:2] == (404, "NOT_FOUND")
    other = agent.create_service(pair.exit, "--name", "taken")
    assert agent.api("PUT", f"/v1/services/{wide}", {"name": "taken"}).error[:2] == (409, "ALREADY_EXISTS")
    assert destinations(agent, wide) == before
    assert agent.service(other)["name"] == "taken"


def test_a_service_that_is_deleted_while_it_is_changed(pair: Pair, wide: str) -> None:
    agent = pair.entry
    wait_until_known(pair.exit, wide, 10_000)
    with ThreadPoolExecutor(6) as pool:
        changes = [pool.submit(agent.api, "POST", f"/v1/services/{wide}/routes", routes(20_000 + at, 1)) for at in range(5)]
        deleted = pool.submit(agent.api, "DELETE", f"/v1/services/{wide}")
    assert deleted.result().status == 204
    for change in changes:
        told = change.result()
        assert told.status == 201 or told.error[:2] == (404, "NOT_FOUND"), told
    assert agent.api("GET", f"/v1/services/{wide}").error[:2] == (404, "NOT_FOUND")
    wait_for(lambda: route_count(pair.exit, wide) == -1, 10, "the exit has heard of the deletion")
    agent.stop()
    agent.start()
    assert agent.api("GET", f"/v1/services/{wide}").error[:2] == (404, "NOT_FOUND")


def change_until_it_ends(agent: Agent, service: str, first: int, acknowledged: set[str]) -> None:
    """Adds routes one after the other until the agent is no more, and notes those that it has acknowledged."""
    for number in range(first, first + 100):
        try:
            answer = agent.api("POST", f"/v1/services/{service}/routes", routes(number, 1))
        except (OSError, HTTPException):
            break
        if answer.status == 201:
            acknowledged.add(cidr(number))


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_an_agent_that_ends_in_the_midst_of_changes(pair: Pair, wide: str, end: signal.Signals) -> None:
    """What was acknowledged is there after the next start; what was not may be, as a whole or not at all."""
    agent = pair.entry
    agent.token()
    for turn in range(2):
        first = 20_000 + 1000 * turn
        acknowledged: set[str] = set()
        with ThreadPoolExecutor(3) as pool:
            for writer in range(3):
                pool.submit(change_until_it_ends, agent, wide, first + 200 * writer, acknowledged)
            # Another moment of a change each time.
            wait_for(lambda turn=turn, told=acknowledged: len(told) > 3 * turn, 20, "changes under way")  # type: ignore[misc]
            assert agent.process
            if end == signal.SIGKILL:
                agent.kill()
            else:
                agent.stop()
        agent.start()
        present = set(destinations(agent, wide))
        assert acknowledged <= present
        tried = {cidr(first + 200 * writer + at) for writer in range(3) for at in range(100)}
        assert len((present & tried) - acknowledged) <= 3, "each writer had one request under way"
        wait_until_known(pair.exit, wide, len(present))


def test_other_services_do_not_wait(pair: Pair, wide: str) -> None:
    """While one change of the wide service follows the other, those of another service are made in between."""
    agent = pair.entry
    other = agent.create_service(pair.exit)

    def change_wide(number: int) -> Answer:
        return agent.api("POST", f"/v1/services/{wide}/routes", routes(20_000 + number, 1))

    with ThreadPoolExecutor(4) as pool:
        wide_changes = [pool.submit(change_wide, number) for number in range(30)]
        done = 0
        while not all(change.done() for change in wide_changes):
            add(agent, other, 50_000 + done)
            done += not wide_changes[-1].done()
    assert all(change.result().status == 201 for change in wide_changes)
    assert done >= 3, f"{done} changes of the other service in the time of 30"
    assert route_count(agent, wide) == 10_030


def test_routes_in_parts(pair: Pair, wide: str) -> None:
    """Asked of the other peer: each part is the owner's, with counters, and all of them are read in parts too."""
    agent, other = pair.entry, pair.exit
    ids = sorted(destinations(agent, wide).values())
    wait_until_known(other, wide, len(ids))
    path = f"/v1/services/{wide}/routes"
    seen: list[int] = []
    while part := other.get(f"{path}?limit=3000&after={seen[-1] if seen else 0}")["routes"]:
        assert all(route["counters"] for route in part)
        seen += [route["id"] for route in part]
        if len(seen) == 3000:
            # Neither shifts what comes behind it.
            assert agent.api("DELETE", f"{path}/{seen[0]}").status == 204
            (newest,) = add(agent, wide, 20_000)
    assert seen == [*ids, newest]
    assert other.get(f"{path}?after={newest}") == {"routes": []}
    assert [route["id"] for route in other.get(f"{path}?limit=1&after={seen[7]}")["routes"]] == [seen[8]]
    for query, field in (("limit=0", "limit"), ("limit=200001", "limit"), ("limit=ten", "limit"), ("after=-1", "after")):
        assert agent.api("GET", f"{path}?{query}").error == (400, "INVALID_REQUEST", field)
    by_cli = [route["id"] for route in other.cli_json("routes", "list", "--service", wide)]
    assert by_cli == seen[1:]
    told = other.cli("routes", "list", "--service", wide, "--limit", "20", "--after", str(seen[4]))
    assert [int(line.split()[0]) for line in told.stdout.splitlines()[1:]] == seen[5:25]
    assert f"--after {seen[24]}" in told.stderr
    assert other.cli("routes", "list", "--service", wide, "--limit", "0", code=2)


def test_all_routes_of_another_peer_at_once(pair: Pair, wide: str) -> None:
    """Megabytes in one answer: with counters, which the owner alone has."""
    wait_until_known(pair.exit, wide, 10_000)
    told = pair.exit.get(f"/v1/services/{wide}/routes")["routes"]
    assert told == pair.entry.get(f"/v1/services/{wide}/routes")["routes"]
    assert len(told) == 10_000 and all(route["counters"] for route in told)
    service = pair.exit.service(wide)
    assert service["counters"] and uncounted(told) == service["routes"]
