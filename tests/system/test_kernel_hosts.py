"""Hosts that are set up in other ways: reverse path checks, no IPv6, marks of others, other numbers; refusals."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from arctic_lab import Topology, wait_for
from kernel_probe import DIRECT, PORT, Connection, Network, Probe, service_id, taker
from kernel_setup import (
    FAMILIES,
    MODES,
    SERVER,
    StartProbe,
    assert_captured,
    assert_refused,
    everything,
    nft,
    rules,
)
from probe import ProbeError


# rp_filter, src_valid_mark (which wg-quick sets), accept_local, route_localnet.
SOURCE_CHECKS = [
    pytest.param(checks, marks=[pytest.mark.slow] if any(checks[2:]) else [])
    for checks in itertools.product((0, 1, 2), (0, 1), (0, 1), (0, 1))
]


@pytest.mark.parametrize("checks", SOURCE_CHECKS, ids=lambda checks: "-".join(map(str, checks)))
def test_source_checks_of_the_host_let_captured_traffic_pass(
    network: Network, start: StartProbe, sysctl: Callable[[str, int], None], checks: tuple[int, ...]
) -> None:
    """What is captured passes the checks of the kernel as it would uncaptured; and what fails them is dropped as before."""
    names = ("rp_filter", "src_valid_mark", "accept_local", "route_localnet")
    for name, value in zip(names, checks, strict=True):
        for interface in ("all", "lan", "wan", "lo"):
            sysctl(f"net/ipv4/conf/{interface}/{name}", value)
    start().apply(*everything())
    assert_captured(network)
    if checks[0] == 1:
        network.client.ip(
            "address add 10.2.0.77/32 dev lan"
        )  # which lies behind another interface of the entry
        try:
            with pytest.raises(TimeoutError):
                taker(network.client, SERVER[4], source="10.2.0.77", timeout=0.7)
        finally:
            network.client.ip("address del 10.2.0.77/32 dev lan")


def test_reverse_path_rules_of_a_firewall(network: Network, start: StartProbe) -> None:
    """As firewalld has them: after the marks are set, and with the mark in the look-up."""
    nft(network.entry, "add table inet wall; add counter inet wall dropped")
    nft(network.entry, "add chain inet wall pre { type filter hook prerouting priority filter + 10; }")
    nft(
        network.entry,
        "add rule inet wall pre tcp dport 7000 fib saddr . mark . iif oif missing counter name dropped drop",
    )
    start().apply(*everything())
    assert_captured(network)
    assert "packets 0" in nft(network.entry, "list", "counter", "inet", "wall", "dropped")


def test_host_without_ipv6(tmp_path: Path) -> None:
    with Topology() as topology:
        host = topology.host("bare")
        for scope in ("all", "default"):
            host.sysctl(f"net/ipv6/conf/{scope}/disable_ipv6", 1)
        probe = Probe(host, tmp_path / "probe.log")
        probe.apply(*everything())
        assert probe.tell("status")["ready"]
        probe.stop()


def test_marks_that_replies_inherit(
    network: Network, start: StartProbe, sysctl: Callable[[str, int], None]
) -> None:
    for path in ("net/ipv4/tcp_fwmark_accept", "net/ipv4/fwmark_reflect", "net/ipv6/fwmark_reflect"):
        sysctl(path, 1)
    probe = start()
    services = everything()
    probe.apply(*services)
    assert_captured(network)
    for destination in (f"{SERVER[4]}:{PORT}", f"[{SERVER[6]}]:{PORT}"):
        probe.tell("refuse", service=services[0].id, destination=destination, seconds=60)
    assert_refused(network)
    services[0].block = True
    probe.apply(*services)
    assert_refused(network)


def test_other_marks_pass_through(network: Network, start: StartProbe) -> None:
    """Bits outside the mask reach the packet's route as they were, and are no part of our decisions."""
    nft(
        network.entry,
        "add table inet other; add chain inet other pre { type filter hook prerouting priority -300; }",
    )
    nft(network.entry, "add rule inet other pre meta mark set 0x000abcde; add counter inet other seen")
    nft(network.entry, "add chain inet other in { type filter hook input priority 0; }")
    nft(
        network.entry,
        "add rule inet other in iifname lan meta mark & 0x000fffff == 0x000abcde counter name seen",
    )
    start().apply(*everything())
    assert taker(network.client, SERVER[4]) != DIRECT
    assert "packets 0" not in nft(network.entry, "list", "counter", "inet", "other", "seen")


@pytest.mark.parametrize("priority", [1, 32765])
def test_first_and_last_priority(network: Network, start: StartProbe, priority: int) -> None:
    before = rules(network.entry)
    probe = start(rule_priority=priority)
    probe.apply(*everything())
    assert_captured(network)
    assert probe.wrong() == {}
    probe.stop()
    assert rules(network.entry) == before


def test_other_mask_table_and_priority(network: Network, start: StartProbe) -> None:
    probe = start(mark_mask=0x0000FF00, route_table=777, rule_priority=99, anchor_name="arctic9")
    probe.apply(*everything())
    assert_captured(network)
    assert rules(network.entry).count("99:\tfrom all fwmark 0x8000/0x8000 lookup 777") == 2
    assert probe.wrong().keys() <= {"net.ipv4.ip_forward"}
    probe.stop()
    assert "777" not in rules(network.entry)


@pytest.mark.parametrize(
    "options",
    [
        {"mark_mask": 0x5},
        {"mark_mask": 0xF00F0000},
        {"route_table": 254},
        {"rule_priority": 32766},
        {"table_mode": 7},
    ],
)
def test_bad_options_are_refused(network: Network, start: StartProbe, options: dict[str, int]) -> None:
    with pytest.raises(ProbeError) as caught:
        start(**options)
    assert caught.value.code == "USAGE"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("version", FAMILIES)
def test_refused_destination_gets_resets_for_a_while(
    network: Network, start: StartProbe, version: int, mode: str
) -> None:
    probe = start(table_mode=MODES[mode])
    services = everything()
    probe.apply(*services)
    text = f"{SERVER[4]}:{PORT}" if version == 4 else f"[{SERVER[6]}]:{PORT}"
    probe.tell("refuse", service=services[0].id, destination=text, seconds=1)
    for host in (network.client, network.entry):
        with pytest.raises(ConnectionRefusedError):
            Connection(host, SERVER[version])
    other = "10.13.0.1" if version == 4 else "fd13::1"
    assert taker(network.client, other) == services[0].id

    def taken() -> bool:
        try:
            return taker(network.client, SERVER[version]) == services[0].id
        except ConnectionRefusedError:
            return False

    wait_for(taken, 3, "the end of the refusal")
    with pytest.raises(ProbeError) as caught:
        probe.tell("refuse", service=service_id(), destination=text, seconds=1)
    assert caught.value.code == "NOT_FOUND"


def test_status_names_settings_and_commands(
    network: Network, start: StartProbe, sysctl: Callable[[str, int], None]
) -> None:
    sysctl("net/ipv6/conf/all/forwarding", 0)
    probe = start()
    assert not probe.tell("status")["ready"]
    probe.apply()
    assert probe.tell("status")["ready"]
    assert "sysctl -w net.ipv6.conf.all.forwarding='1'" in probe.wrong()["net.ipv6.conf.all.forwarding"]
