"""Beside a firewall: reloads, and chains that drop. What is carried all the same, and what the operator is told where nothing is."""

import concurrent.futures
from collections.abc import Iterator
from pathlib import Path

import pytest
from agents import Agent, Pair, running_pair
from arctic_lab import Lab, Namespace, http_get, wait_for
from flows import VERSIONS, carried, carries_all

# What the manual tells an operator to add (docs/operations.md, "Beside a firewall").
LET_IN = "meta mark and 0x80000000 != 0 accept"
TUNNEL = "tcp dport 61000 accept"
ALL_OUT = ("ct state established,related accept", "oif lo accept", "meta l4proto { icmp, ipv6-icmp } accept")
ALL_IN = (ALL_OUT[0], "iif lo accept", ALL_OUT[2])

# Before Arctic's own chains (-150) and after them.
PRIORITIES = (-200, 100)


def wall(host: Namespace, hook: str, priority: int, *rules: str) -> None:
    """A firewall as /etc/nftables.conf has it, loaded as `systemctl reload nftables` does."""
    base = f"type filter hook {hook} priority {priority}; policy drop;"
    body = "\n".join((base, *(ALL_OUT if hook == "output" else ALL_IN), *rules))
    text = f"flush ruleset\ntable inet filter {{\nchain {hook} {{\n{body}\n}}\n}}\n"
    host.run("nft", "-f", "-", stdin=text)


def hints(agent: Agent) -> list[str]:
    check = agent.request("GET", "/readyz").json()["checks"]["kernel"]
    return [text for text in check.get("hints", []) if "do not arrive" in text]


@pytest.fixture
def guarded(lab: Lab, build: Path) -> Iterator[Pair]:
    """A pair, in the table mode that a firewall's reload leaves alone, with a service that carries."""
    lab.server.serve("http", 80)
    with running_pair(lab, build, TABLE_MODE="owner") as pair:
        pair.carry()
        yield pair


def test_reloads_do_not_disturb_an_owned_table(lab: Lab, guarded: Pair) -> None:
    """Flows that run go on, new ones are captured all the time."""
    lab.wan.set(delay_ms=5, rate_mbit=40)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        transfer = pool.submit(http_get, lab.client, lab.server.ipv4, 80, 10_000_000, timeout=60)
        for _ in range(3):
            wall(lab.entry, "input", 0, LET_IN, TUNNEL, "tcp dport 8080 accept")
            wall(lab.exit, "input", 0, TUNNEL)
            assert carries_all(lab)
        transfer.result()
    assert "someone changed" not in guarded.entry.log + guarded.exit.log
    assert "chain input" in lab.entry.run("nft", "list", "table", "inet", "filter").stdout


def test_reloads_beside_a_plain_table(lab: Lab, build: Path) -> None:
    lab.server.serve("http", 80)
    with running_pair(lab, build, TABLE_MODE="plain") as pair:
        pair.carry()
        for turn in range(1, 4):
            wall(lab.entry, "input", 0, LET_IN, TUNNEL, "tcp dport 8080 accept")
            wait_for(lambda: "chain route4" in pair.entry.ruleset(), 2, "the table again")
            assert carries_all(lab)
            assert pair.entry.log.count("was deleted by someone") == turn
        filters = lab.entry.run("nft", "list", "table", "inet", "filter").stdout
        assert "policy drop" in filters and "meta mark" in filters


@pytest.mark.parametrize("restore", ["iptables-nft-restore", "ip6tables-nft-restore"])
def test_iptables_restore_leaves_the_table_alone(lab: Lab, build: Path, restore: str) -> None:
    lab.server.serve("http", 80)
    with running_pair(lab, build, TABLE_MODE="plain") as pair:
        pair.carry()
        before = pair.entry.log
        rules = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"
        for _ in range(2):
            lab.entry.run(restore, stdin=rules)
            assert carries_all(lab)
        assert pair.entry.log == before


def test_forwarding_that_is_dropped_concerns_what_is_not_captured(lab: Lab, guarded: Pair) -> None:
    lab.server.serve("http", 81)
    (service,) = guarded.entry.get("/v1/services")["services"]
    for priority in PRIORITIES:
        wall(lab.entry, "forward", priority)
        assert carries_all(lab)
    assert hints(guarded.entry) == []
    guarded.entry.cli("services", "delete", service["id"], "--yes")
    with pytest.raises(TimeoutError):
        http_get(lab.client, lab.server.ipv4, 81, 10, timeout=1.5)


def test_an_input_chain_that_swallows_what_is_captured_is_named(lab: Lab, guarded: Pair) -> None:
    for said, priority in enumerate(PRIORITIES, 1):
        assert_named(lab, guarded.entry, priority)
        assert guarded.entry.log.count("do not arrive") == said


def assert_named(lab: Lab, entry: Agent, priority: int) -> None:
    wall(lab.entry, "input", priority, TUNNEL, "tcp dport 8080 accept")
    for version in VERSIONS:
        with pytest.raises(TimeoutError):
            http_get(lab.client, lab.server.address(version), 80, 10, timeout=1.5)
    # What is made on the host comes in over lo, which such firewalls let in.
    assert carried(lab, lab.entry)
    wait_for(lambda: hints(entry), 4, "a hint")
    (hint,) = hints(entry)
    assert "chain input of table inet filter" in hint
    assert entry.request("GET", "/readyz").status == 200
    told = hint.partition("as by: ")[2].replace("FAMILY TABLE CHAIN", "inet filter input")
    assert told == f"nft insert rule inet filter input {LET_IN}"
    lab.entry.run(*told.split())
    assert carries_all(lab)
    wait_for(lambda: not hints(entry), 4, "the end of the hint")


def test_no_hint_without_a_firewall_in_the_way(lab: Lab, guarded: Pair) -> None:
    """Refused destinations, services that block, and one that is dropped among many others."""
    wall(lab.entry, "input", 0, LET_IN, TUNNEL, "tcp dport 8080 accept")
    for _ in range(6):
        with pytest.raises(ConnectionError):
            http_get(lab.client, lab.server.ipv4, 9, 10, timeout=3)
    guarded.entry.api("POST", "/v1/cluster/sync")
    assert hints(guarded.entry) == []


def test_an_exit_whose_firewall_lets_nothing_out(lab: Lab, guarded: Pair) -> None:
    """A client sees what it would see without Arctic: no answer where packets are dropped, a reset where they are rejected."""
    wall(lab.exit, "output", 0)
    with pytest.raises(OSError):
        http_get(lab.client, lab.server.ipv4, 80, 10, timeout=2)
    wall(lab.exit, "output", 0, "meta l4proto tcp reject with tcp reset")
    for version in VERSIONS:
        with pytest.raises(ConnectionError):
            http_get(lab.client, lab.server.address(version), 80, 10, timeout=5)
    wall(lab.exit, "output", 0, "tcp dport 80 accept")
    wait_for(lambda: carries_all(lab), 10, "flows again")


def test_an_entry_that_may_not_reach_its_peer_says_so(lab: Lab, guarded: Pair) -> None:
    """Connections that are open live on; a peer that has to be met anew can not be."""
    (service,) = guarded.entry.get("/v1/services")["services"]
    wall(lab.entry, "output", 0)
    guarded.exit.stop()
    guarded.exit.start()
    wait_for(lambda: guarded.entry.service(service["id"])["state"] == "degraded", 15, "a degraded service")
    assert guarded.entry.service(service["id"])["state_reason"]
    wall(lab.entry, "output", 0, TUNNEL)
    wait_for(lambda: guarded.entry.service(service["id"])["state"] == "active", 30, "an active service")
    assert carried(lab, lab.client)
