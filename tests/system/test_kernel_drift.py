"""Tables, rules, routes and the anchor changed by others, and changes that can not be made."""

import pytest
from kernel_probe import DIRECT, OWNER, PLAIN, SERVER_NETS, Connection, Network, Service, taker
from kernel_setup import FAMILIES, SERVER, StartProbe, assert_captured, everything, nft
from probe import ProbeError


def test_plain_table_that_was_changed_is_made_anew(network: Network, start: StartProbe) -> None:
    probe = start(table_mode=PLAIN)
    services = everything()
    probe.apply(*services)
    harms = (
        "flush ruleset",
        "delete table inet arctic",
        "flush chain inet arctic prerouting",
        "flush chain inet arctic route4",
        f"delete element inet arctic d4_0 {{ 0.0.0.0 : goto {services[0].id} }}",
        "flush chain inet arctic output",
        # These leave all handles, and all numbers of rules and elements that lead anywhere, as they were.
        "add table inet arctic { flags dormant; }",
        "add chain inet arctic prerouting { policy drop; }",
        "rename chain inet arctic exempt spared",
        "add element inet arctic exempt4 { 10.0.0.0/8 }",
        "delete element inet arctic exempt6 { ff00::/8 }",
        "flush set inet arctic exempt4",
        "replace rule inet arctic exempt handle {handle} ip saddr 0.0.0.0/0 accept",
    )
    for harm in harms:
        nft(network.entry, harm.replace("{handle}", handle_of(network, "exempt", "ip saddr @exempt4")))
        assert probe.wrong().keys() - {"repairs"} == {"table"}, harm
        assert not probe.tell("status")["ready"]
        probe.apply(*services)
        assert probe.tell("status")["ready"]
        assert_captured(network)


def handle_of(network: Network, chain: str, rule: str) -> str:
    listed = nft(network.entry, "-a", "list", "chain", "inet", "arctic", chain).splitlines()
    (handle,) = [line.split()[-1] for line in listed if rule in line]
    return handle


def test_a_look_at_what_others_commit_elsewhere_finds_nothing(network: Network, start: StartProbe) -> None:
    """Also after changes of the agent's own, and while destinations are refused."""
    probe = start(table_mode=PLAIN)
    one, other = Service([(None, SERVER_NETS[0], 1)]), Service([(None, SERVER_NETS[1], 1)])
    for turn, services in enumerate(([one], [one, other], [other], [])):
        probe.apply(*services)
        nft(network.entry, f"add table inet other{turn}")
        assert probe.wrong() == {}
        if services:
            probe.tell("refuse", service=services[0].id, destination="10.13.0.9:80", seconds=60)
            nft(network.entry, f"delete table inet other{turn}")
            assert probe.wrong() == {}


def test_change_that_can_not_be_made_ends_in_a_new_table(network: Network, start: StartProbe) -> None:
    """Someone's chain holds on to a service's: the difference fails as a whole, and the table is made anew as a whole."""
    probe = start(table_mode=PLAIN)
    gone, kept = Service([(None, SERVER_NETS[0], 1)]), Service([(None, SERVER_NETS[1], 1)])
    probe.apply(gone, kept)
    handle = nft(network.entry, "-a", "list", "table", "inet", "arctic").splitlines()[0]
    nft(network.entry, "add chain inet arctic foreign")
    nft(network.entry, f"add rule inet arctic foreign goto {gone.id}")
    probe.apply(kept)
    assert "foreign" not in nft(network.entry, "list", "table", "inet", "arctic")
    assert nft(network.entry, "-a", "list", "table", "inet", "arctic").splitlines()[0] != handle
    assert taker(network.client, "10.13.0.1") == DIRECT
    assert taker(network.client, "fd13::1") == kept.id


HOOKS_MAX = 1024  # base chains at one hook, MAX_HOOK_COUNT of net/netfilter/core.c


def test_a_table_that_can_not_be_made_again_is_missed_until_it_is(network: Network, start: StartProbe) -> None:
    """Someone has deleted it, and the kernel refuses a new one: each try says so, and none takes it for being there."""
    probe = start(table_mode=PLAIN)
    services = everything()
    probe.apply(*services)
    chains = (
        f"add chain ip hog c{n} {{ type filter hook prerouting priority 0; }}" for n in range(HOOKS_MAX - 1)
    )
    nft(network.entry, "delete table inet arctic")
    network.entry.run("nft", "-f", "-", stdin="\n".join(("add table ip hog", *chains)))
    for _ in range(3):
        with pytest.raises(ProbeError):
            probe.apply(*services)
        assert "table" in probe.wrong()
    nft(network.entry, "delete table ip hog")
    probe.apply(*services)
    assert_captured(network)


def test_bad_input_changes_nothing(network: Network, start: StartProbe) -> None:
    probe = start()
    services = everything()
    probe.apply(*services)
    before = nft(network.entry, "-a", "list", "table", "inet", "arctic")
    bad = (
        [Service(interface='a"; flush ruleset; "')],
        [Service(interface="own*")],
        [Service(interface="own0"), Service(interface="own0")],
        [Service(id="svc_1")],
        [services[0], services[0]],
    )
    for wrong in bad:
        with pytest.raises(ProbeError):
            probe.apply(*wrong)
    assert nft(network.entry, "-a", "list", "table", "inet", "arctic") == before
    assert_captured(network)


def test_owned_table_resists(network: Network, start: StartProbe) -> None:
    probe = start(table_mode=OWNER)
    probe.apply(*everything())
    network.entry.run("nft", "flush", "ruleset", check=False)
    assert network.entry.run("nft", "delete", "table", "inet", "arctic", check=False).returncode != 0
    assert probe.tell("status")["ready"]
    assert_captured(network)


def test_rules_routes_and_anchor_come_back(network: Network, start: StartProbe) -> None:
    probe = start()
    services = everything()
    probe.apply(*services)
    harms = {
        "rule del pref 610": {"rule4"},
        "rule del pref 609": {"rule4"},
        "-6 rule del pref 611": {"rule6"},
        "-6 rule del pref 610": {"rule6"},
        "route flush table 61000": {"route4"},
        "-6 route flush table 61000": {"route6"},
        "link set arctic0 down": {"anchor", "route6"},
        "link del arctic0": {"anchor", "route4", "route6"},
        "link set arctic0 mtu 1279": {"anchor", "route6"},  # less than IPv6 takes
    }
    assert "deleted by someone" not in probe.log()
    for harm, wrong in harms.items():
        network.entry.run("ip", *harm.split())
        assert wrong <= probe.wrong().keys() <= wrong | {"route4"}, harm
        probe.apply(*services)
        assert probe.wrong() == {}, harm
        assert_captured(network)
    network.entry.sysctl("net/ipv6/conf/arctic0/disable_ipv6", 1)
    assert probe.wrong().keys() == {"anchor", "route6"}
    probe.apply(*services)
    assert probe.wrong() == {}
    assert_captured(network)
    rules_and_routes = 6  # each harm but those to the anchor, which have a warning of their own
    assert probe.log().count("deleted by someone") == rules_and_routes


def test_listener_that_is_gone_lets_forwarded_traffic_pass(network: Network, start: StartProbe) -> None:
    probe = start()
    probe.apply(*everything())
    probe.tell("deafen")
    for version in FAMILIES:
        with Connection(network.client, SERVER[version]) as connection:
            assert connection.taker == DIRECT
            assert connection.alive()
