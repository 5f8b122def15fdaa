"""What others do to the kernel state of a live agent: it is noticed, logged as a warning and repaired within the time of the manual."""

import concurrent.futures
import time
from pathlib import Path

import pytest
from agents import Agent, Pair, issue_license, running_pair
from arctic_lab import Lab, http_get, wait_for
from flows import VERSIONS, carried

# Looks are two seconds apart (docs/operations.md), and a client's SYN that got lost is sent again after a second.
REPAIRED_SECONDS = 4.0

HARMS = {
    "flush ruleset": ("nft flush ruleset",),
    "table deleted and another tool's made": ("nft delete table inet arctic", "nft add table inet firewall"),
    "chain emptied": ("nft flush chain inet arctic prerouting",),
    "rules of both families deleted": tuple(
        f"ip {family} rule del pref {priority}" for family in ("-4", "-6") for priority in (609, 610, 611)
    ),
    "routes flushed": ("ip -4 route flush table 61000", "ip -6 route flush table 61000"),
    "anchor deleted": ("ip link del arctic0",),
    "anchor down": ("ip link set arctic0 down",),
}


def repaired(lab: Lab, pair: Pair) -> bool:
    """Whether flows of both origins and families are captured."""
    if pair.entry.request("GET", "/readyz").status != 200:
        return False
    try:
        return all(carried(lab, host, version) for host in (lab.client, lab.entry) for version in VERSIONS)
    except OSError:
        return False


def harm(pair: Pair, commands: tuple[str, ...]) -> None:
    for command in commands:
        pair.entry.host.run(*command.split())


@pytest.mark.slow
def test_what_others_change_is_repaired(lab: Lab, build: Path) -> None:
    """In plain mode, where others can change the table; with a transfer under way before and after each harm."""
    lab.server.serve("http", 80)
    with running_pair(lab, build, TABLE_MODE="plain") as pair:
        service = pair.carry()
        assert repaired(lab, pair)
        for what, commands in HARMS.items():
            warnings = pair.entry.log.count('"level":"warn"')
            began = time.monotonic()
            harm(pair, commands)
            wait_for(
                lambda seen=warnings: pair.entry.log.count('"level":"warn"') > seen, 3, f"a warning: {what}"
            )
            wait_for(lambda: repaired(lab, pair), REPAIRED_SECONDS, f"repair: {what}")
            assert time.monotonic() - began < REPAIRED_SECONDS, what
            assert pair.entry.service(service)["state"] == "active", what
            http_get(lab.client, lab.server.ipv4, 80, 300_000)
        # Others' things are left alone.
        assert "table inet firewall" in pair.entry.host.run("nft", "list", "tables").stdout
        # And it is quiet again: nothing is made anew without a cause.
        before = pair.entry.log
        until = time.monotonic() + 2.5
        wait_for(lambda: time.monotonic() > until, 5)
        assert pair.entry.log == before


def test_an_owned_table_is_not_flushed(lab: Lab, build: Path) -> None:
    """As a restart of the nftables service or of firewalld does it: flows do not notice."""
    lab.server.serve("http", 80)
    with running_pair(lab, build, TABLE_MODE="owner") as pair:
        service = pair.carry()
        before = pair.entry.log
        pair.entry.host.run("nft", "flush", "ruleset", check=False)
        assert carried(lab, lab.client) and carried(lab, lab.entry)
        assert pair.entry.captured(service) == 2
        assert pair.entry.log == before


def test_a_table_that_someone_has_left_there(lab: Lab, build: Path) -> None:
    """It is not touched; the agent names the command, and goes on by itself once the table is gone."""
    agent = Agent(lab.entry, build, lab.directory / "agents" / "entry")
    lab.entry.run("nft", "add table inet arctic; add chain inet arctic mine")
    agent.start()
    agent.bootstrap(issue_license(build, agent, lab.directory / "license.json"))
    reason = agent.request("GET", "/readyz").json()["checks"]["kernel"]["reason"]
    assert "nft delete table inet arctic" in reason
    assert "chain mine" in agent.ruleset()
    lab.entry.run("nft", "delete", "table", "inet", "arctic")
    wait_for(lambda: agent.request("GET", "/readyz").status == 200, 40, "an agent that is ready")
    agent.stop()
    lab.entry.run("nft", "add table inet arctic; add chain inet arctic mine")
    process = agent.launch()
    agent.process = None
    assert process.wait(15) == 1
    assert "nft delete table inet arctic" in process.log().splitlines()[-1]
    assert "chain mine" in agent.ruleset()


def test_another_table_takes_the_place_while_the_agent_runs(lab: Lab, build: Path) -> None:
    lab.server.serve("http", 80)
    with running_pair(lab, build, TABLE_MODE="plain") as pair:
        service = pair.carry()
        pair.entry.host.run(
            "nft", "delete table inet arctic; add table inet arctic; add chain inet arctic mine"
        )
        wait_for(lambda: pair.entry.service(service)["state"] == "error", 5, "a service that says so")
        assert "nft delete table inet arctic" in pair.entry.service(service)["state_reason"]
        ready = pair.entry.request("GET", "/readyz")
        assert ready.status == 503 and "nft" in ready.json()["checks"]["kernel"]["reason"]
        assert "chain mine" in pair.entry.ruleset()
        assert not carried(lab, lab.client)
        pair.entry.host.run("nft", "delete", "table", "inet", "arctic")
        wait_for(lambda: repaired(lab, pair), 35, "the agent's own table")


def test_many_routes_at_once_under_flows(lab: Lab, pair: Pair) -> None:
    """20,000 routes in one request: flows that run go on, new ones are carried all the time, and all routes are there."""
    lab.server.serve("http", 80)
    lab.wan.set(delay_ms=5, rate_mbit=100)
    service = pair.carry("10.2.0.0/24")
    many = pair.entry.create_service(pair.exit)
    routes = [{"dest_cidr": f"10.{99 + n // 250}.{n % 250}.0/24", "priority": 7} for n in range(20_000)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        transfer = pool.submit(http_get, lab.client, lab.server.ipv4, 80, 30_000_000, timeout=60)
        adding = pool.submit(pair.entry.api, "POST", f"/v1/services/{many}/routes", {"routes": routes})
        while not adding.done():
            assert carried(lab, lab.client)
        assert adding.result().status == 201 and adding.result().json()["count"] == len(routes)
        assert carried(lab, lab.client)
        transfer.result()
    assert "10.178.249.0" in pair.entry.ruleset()
    assert pair.entry.service(service)["state"] == pair.entry.service(many)["state"] == "active"
