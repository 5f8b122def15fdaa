"""An apply that is cut short at any point ends in the desired state when it is run again, and it is quick."""

import itertools
import json
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from arctic_lab import Lab
from composing import Composition, bare_pair, route


@pytest.fixture
def bare(lab: Lab, build: Path) -> Iterator[Composition]:
    with bare_pair(lab, build) as agents:
        yield Composition(agents)


def fill(composition: Composition, services: int, routes: int) -> None:
    """Services with routes that differ from each other."""
    for number in range(services):
        rules = [route(f"100.{number}.{index}.0/24", 100 + index) for index in range(routes)]
        composition.add_service(f"service-{number:03}", *rules)


def cut_apply(composition: Composition, steps: int, delay: float, *options: str) -> bool:
    """Starts an apply and kills it a moment after so many of its steps are done; whether it had still been at work."""
    entry = composition.pair.entry
    composition.write()
    command = ("arctic", "compose", "apply", "--yes", "--verbose", *options, "--file", str(composition.path))
    child = subprocess.Popen(
        entry.host.command(*command),
        env=entry.cli_environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr
    with child, child.stderr:
        done = (line for line in child.stderr if line.startswith(("peer ", "service ")))
        for _ in itertools.islice(done, steps):
            pass
        time.sleep(delay)  # any point in between will do
        at_work = child.poll() is None
        child.kill()
    return at_work


def assert_as_wanted(composition: Composition) -> None:
    """The cluster has just what the file says, told by the API alone."""
    entry = composition.pair.entry
    live = {item["name"]: entry.service(item["id"]) for item in entry.get("/v1/services")["services"]}
    assert sorted(live) == [service["name"] for service in composition.document["services"]]
    for service in composition.document["services"]:
        rules = [(item["dest_cidr"], item["priority"]) for item in live[service["name"]]["routes"]]
        assert sorted(rules) == sorted((item["dest_cidr"], item["priority"]) for item in service["routes"])


def recover(composition: Composition) -> None:
    """What the handbook says for peers that are all bootstrapped, and none of whose credentials was saved."""
    entry = composition.pair.entry
    file = entry.home / "recovered.json"
    token = entry.run_dir / "recovery.token"
    entry.cli("credentials", "create", "--scopes", "admin", "--out", str(file), "--recovery-token-file", str(token))
    entry.cli("config", "add-agent", "--url", "http://127.0.0.1:8080", "--credential-file", str(file))


def lost_all_credentials(composition: Composition) -> bool:
    agents = (composition.pair.entry, composition.pair.exit)
    return not agents[0].config.exists() and all(
        agent.api("GET", "/v1/cluster/identity", token=None).status == 200 for agent in agents
    )


def test_killed_at_any_point_from_nothing_on(bare: Composition) -> None:
    """
    From two bare agents, with kills at random times. Credentials that a kill took along are made good by the other peer, and those of
    both by the recovery token.
    """
    fill(bare, 90, 5)
    chance = random.Random(20261123)
    cut = 0
    for steps, longest in ((0, 0.06), (0, 0.06), (0, 0.06), (1, 0.003), (1, 0.003), (1, 0.003), (4, 0.003), (8, 0.003)):
        cut += cut_apply(bare, steps, chance.uniform(0, longest))
        if lost_all_credentials(bare):
            recover(bare)
    bare.apply()
    assert cut >= 3, "too few runs were cut short to test anything"
    assert_as_wanted(bare)
    assert "nothing to do" in bare.apply("--prune").stdout


def test_credentials_that_are_lost_for_all_peers(bare: Composition) -> None:
    fill(bare, 2, 2)
    license = json.loads(bare.pair.license.read_text())
    for agent in (bare.pair.entry, bare.pair.exit):
        body = {"license": license, "name": agent.name}
        assert agent.api("POST", "/v1/bootstrap", body, token=None).status in (200, 201)
    assert "there are no credentials for any of them" in bare.apply(code=3).stderr
    assert lost_all_credentials(bare)
    recover(bare)
    bare.apply()
    assert_as_wanted(bare)
    bare.assert_applied()


def test_killed_in_the_middle_of_changes(bare: Composition) -> None:
    fill(bare, 20, 10)
    bare.apply()
    for service in bare.document["services"]:
        service["routes"] = [route(item["dest_cidr"], item["priority"] + 7) for item in service["routes"][:5]]
        service["routes"].append(route(service["routes"][0]["dest_cidr"].replace(".0.0/24", ".200.0/24")))
    del bare.document["services"][:5]
    chance = random.Random(23)
    cut = sum(cut_apply(bare, steps, chance.uniform(0, 0.003), "--prune") for steps in (1, 1, 2, 4))
    bare.apply("--prune")
    assert cut >= 2, "too few runs were cut short to test anything"
    assert_as_wanted(bare)
    bare.assert_applied()


def test_an_agent_that_is_killed_in_the_middle(bare: Composition) -> None:
    """The run says what was not done; with the agent back the next run does it."""
    pair = bare.pair
    fill(bare, 200, 20)
    bare.write()
    command = pair.entry.host.command("arctic", "compose", "apply", "--yes", "--verbose", "--file", str(bare.path))
    child = subprocess.Popen(
        command, env=pair.entry.cli_environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )
    assert child.stderr
    told = []
    for line in child.stderr:
        told.append(line)
        if "service service-010 created" in line:
            pair.entry.kill()
            break
    told.extend(child.stderr)
    code = child.wait()
    text = "".join(told)
    assert code == 4, text
    assert "Running this again does the rest." in text and "  failed " in text and "  not done  create service service-199" in text
    pair.entry.start()
    bare.apply()
    assert_as_wanted(bare)
    bare.assert_applied()


@pytest.mark.timing
@pytest.mark.slow
def test_two_hundred_services_with_five_thousand_routes(bare: Composition) -> None:
    composition = bare
    fill(composition, 200, 25)
    started = time.monotonic()
    composition.apply()
    created = time.monotonic() - started
    started = time.monotonic()
    assert composition.plan()["steps"] == []
    compared = time.monotonic() - started
    for service in composition.document["services"]:
        service["routes"][0]["priority"] += 1000
        del service["routes"][-5:]
    started = time.monotonic()
    composition.apply()
    changed = time.monotonic() - started
    composition.document["services"] = []
    started = time.monotonic()
    composition.apply("--prune")
    deleted = time.monotonic() - started
    print(json.dumps({"create": created, "compare": compared, "change": changed, "delete": deleted}))
    assert created < 10 and compared < 10, (created, compared)
