"""Beside others that route by policy: VPNs, container networks, routing daemons. What harms is named, the rest is let be."""

import pytest
from kernel_probe import Network, Service, taker
from kernel_setup import (  # noqa: F401
    assert_captured,
    everything,
    FAMILIES,
    network,
    nft,
    SERVER,
    start,
    StartProbe,
)

# As wg-quick, Tailscale and container networks leave them, and one of the same number as Arctic's.
RULES_OF_OTHERS = (
    "rule add pref 5210 fwmark 0x80000/0xff0000 lookup main",
    "rule add pref 5230 fwmark 0x80000/0xff0000 lookup default",
    "rule add pref 5250 fwmark 0x80000/0xff0000 unreachable",
    "rule add pref 5270 lookup 52",
    "rule add pref 32764 lookup main suppress_prefixlength 0",
    "rule add pref 32765 not fwmark 0xca6c lookup 51820",
    "rule add pref 100 fwmark 0x200/0xf00 lookup 2004",
    "rule add pref 610 lookup main",
)
TABLES_OF_OTHERS = """
table ip nat {
    chain DOCKER { iifname "docker0" return; }
    chain PREROUTING { type nat hook prerouting priority dstnat; fib daddr type local jump DOCKER; }
    chain POSTROUTING { type nat hook postrouting priority srcnat; ip saddr 172.17.0.0/16 oifname != "docker0" masquerade; }
}
table inet wg-quick-wg0 {
    chain preraw { type filter hook prerouting priority -300; iifname != "wg0" ip daddr 10.200.0.2 fib saddr type != local drop; }
    chain premangle { type filter hook prerouting priority -150; meta l4proto udp meta mark set ct mark; }
    chain postmangle { type filter hook postrouting priority -150; meta l4proto udp meta mark 0xca6c ct mark set meta mark; }
}
"""


def ip(network: Network, *commands: str) -> None:
    for command in commands:
        for family in ("-4", "-6"):
            network.entry.run("ip", family, *command.split())


def undo(network: Network, *commands: str) -> None:
    ip(network, *(command.replace("add", "del", 1) for command in commands))


def test_rules_and_tables_of_others_do_no_harm(network: Network, start: StartProbe) -> None:
    probe = start()
    probe.apply(*everything())
    try:
        ip(network, *RULES_OF_OTHERS)
        network.entry.run("nft", "-f", "-", stdin=TABLES_OF_OTHERS)
        before = network.entry.run("ip", "rule").stdout
        assert probe.wrong() == {}
        assert_captured(network)
        assert network.entry.run("ip", "rule").stdout == before
    finally:
        undo(network, *RULES_OF_OTHERS)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("rule add pref 100 lookup main", "an ip rule before Arctic's sends their packets by routing table 254"),
        ("route add 192.0.2.0/24 dev lan table 61000", "a route that is not Arctic's, in its routing table"),
    ],
)
def test_who_takes_captured_packets_away_is_named(network: Network, start: StartProbe, command: str, words: str) -> None:
    """Once in the log, for each family, and until it has ended; it is not Arctic's, and stays."""
    probe = start()
    services = [Service([(None, SERVER[4] + "/32", 1), (None, SERVER[6] + "/128", 1)])]
    probe.apply(*services)
    for family, name in (("-4", "way4"), ("-6", "way6")):
        harm = command.replace("192.0.2.0/24", "2001:db8::/64") if family == "-6" else command
        network.entry.run("ip", family, *harm.split())
        for _ in range(3):
            wrong = probe.wrong()
            assert wrong.keys() == {name} and words in wrong[name]
        probe.apply(*services)
        assert probe.tell("status")["ready"]
        network.entry.run("ip", family, *harm.replace("add", "del", 1).split())
        assert probe.wrong() == {}
    assert probe.log().count(words) == 2
    assert_captured(network)


def test_a_rule_before_ours_is_why_nothing_arrives(network: Network, start: StartProbe) -> None:
    """The firewall, which has nothing to do with it, is not named."""
    probe = start()
    probe.apply(Service([(None, SERVER[4] + "/32", 1), (None, SERVER[6] + "/128", 1)]))
    ip(network, "rule add pref 100 lookup main")
    try:
        for version in FAMILIES:
            for _ in range(3):
                with pytest.raises(OSError):
                    taker(network.client, SERVER[version], timeout=0.3)
        assert probe.wrong().keys() == {"way4", "way6"}
    finally:
        undo(network, "rule add pref 100 lookup main")
    assert probe.wrong() == {}
    assert_captured(network)
