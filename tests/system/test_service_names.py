"""Two services that took one name where nobody could know: the older keeps it, and the younger gets another, everywhere."""

import concurrent.futures
import threading
from typing import Any

from agents import Agent, Pair
from arctic_lab import Lab, wait_for
from flows import carried


def names(agent: Agent) -> dict[str, str]:
    return {service["id"]: service["name"] for service in agent.get("/v1/services")["services"]}


def renamed(name: str, service: str) -> str:
    return f"{name}-{service[-8:]}"


def wait_for_names(pair: Pair, expected: dict[str, str]) -> None:
    for agent in (pair.entry, pair.exit):
        wait_for(lambda agent=agent: names(agent) == expected, 20, f"the names at {agent.name}")


def test_two_halves_that_took_one_name(lab: Lab, pair: Pair) -> None:
    """Cut off from each other both may; afterwards the younger carries on under another name, with all that it had."""
    lab.server.serve("http", 80)
    entry, exit_ = pair.entry, pair.exit
    older = exit_.create_service(entry, "--name", "there")
    younger = pair.carry()
    assert carried(lab, lab.client)
    wait_for(lambda: entry.captured(younger) > 0, 5, "the flow counted")
    counted = entry.captured(younger)
    before = entry.service(younger)

    lab.wan.down()
    for agent, service in ((exit_, older), (entry, younger)):
        answer = agent.api("PUT", f"/v1/services/{service}", {"name": "db"})
        assert answer.status in (200, 422), answer
        wait_for(lambda agent=agent, service=service: names(agent)[service] == "db", 5, "the name")
    lab.wan.up()
    wait_for_names(pair, {older: "db", younger: renamed("db", younger)})

    pair.wait_until_carried(younger)
    after = entry.service(younger)
    assert {**after, "name": "", "updated_at": ""} == {**before, "name": "", "updated_at": ""}
    assert carried(lab, lab.client)
    wait_for(lambda: entry.captured(younger) > counted, 5, "the counter goes on")
    (line,) = [line for line in entry.log.splitlines() if "two services had one name" in line]
    assert '"warn"' in line and older in line and younger in line and renamed("db", younger) in line
    assert "two services had one name" not in exit_.log

    # Settled: a restart finds nothing to do.
    entry.stop()
    entry.start()
    pair.wait_until_carried(younger)
    wait_for_names(pair, {older: "db", younger: renamed("db", younger)})
    assert "two services had one name" not in entry.log


def test_a_long_name_is_cut(lab: Lab, pair: Pair) -> None:
    entry, exit_ = pair.entry, pair.exit
    lab.wan.down()
    long = "n" * 60 + "\u00e9"
    older = entry.create_service(exit_, "--name", long)
    younger = exit_.create_service(entry, "--name", long)
    lab.wan.up()
    wait_for_names(pair, {older: long, younger: "n" * 54 + "-" + younger[-8:]})


def test_at_the_same_moment(lab: Lab, pair: Pair) -> None:
    """Far apart, two agents are asked for one name at once: both may say yes, and the two get along all the same."""
    lab.wan.set(delay_ms=50)
    agents = (pair.entry, pair.exit)
    for agent in agents:
        agent.token()
    start = threading.Barrier(2)

    def create(agent: Agent, target: Agent, name: str) -> Any:
        start.wait(10)
        return agent.api(
            "POST", "/v1/services", {"target_peer_id": target.id, "transport_type": "tcp", "name": name}
        )

    expected: dict[str, str] = {}
    twice = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for number in range(10):
            name = f"at-once-{number}"
            asked = [pool.submit(create, agents[i], agents[1 - i], name) for i in range(2)]
            answers = [item.result(20) for item in asked]
            assert {answer.status for answer in answers} <= {201, 409}, answers
            made = sorted(answer.json()["id"] for answer in answers if answer.status == 201)
            twice += len(made) == 2
            expected[made[0]] = name
            expected.update({service: renamed(name, service) for service in made[1:]})
    assert twice > 0, "this test shows something only where both were made"
    wait_for_names(pair, expected)
