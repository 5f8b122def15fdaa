"""Interfaces of services that are asked to be another way while clients use them."""

from pathlib import Path

from agents import Pair, running_pair
from arctic_lab import Connection, Lab, Process, wait_for
from flows import VERSIONS, says
from service_interfaces import (
    ADDRESS,
    BOTH,
    global_addresses,
    link_of,
    setting,
    use_as_gateway,
    wait_for_reason,
    wait_until_active,
    with_interface,
)


def watch_addresses(lab: Lab) -> Process:
    """What happens to the entry's addresses from now on, a line each."""
    watching = lab.entry.start("ip", "-oneline", "monitor", "address", name="monitor")

    def listens() -> bool:
        lab.entry.ip("address replace 10.66.0.1/32 dev lo")
        return "10.66.0.1" in watching.log()

    wait_for(listens, 5, "the monitor")
    return watching


def test_another_prefix_length_takes_no_address_away(lab: Lab, lan: Pair) -> None:
    """An IPv4 address has its new length before the old one goes, an IPv6 one is not asked for anew; flows live on."""
    lab.server.serve("echo", 7)
    service = with_interface(lan.entry, lan.exit, *BOTH)
    name = wait_until_active(lan.entry, service)["interface_name"]
    use_as_gateway(lab.client)
    open_flows = [Connection(lab.client, lab.server.address(version), 7) for version in VERSIONS]
    watching = watch_addresses(lab)
    lan.entry.cli("services", "update", service, "--desired-ipv4", "10.1.0.10/16", "--desired-ipv6", "fd01::10/48")

    def is_done() -> bool:
        link = link_of(lab.entry, service)
        lab.client.ip("neigh flush all")
        assert all(says(flow) for flow in open_flows)
        return bool(link and global_addresses(link) == {"10.1.0.10/16", "fd01::10/48"})

    wait_for(is_done, 10, "the new lengths")
    shown = wait_until_active(lan.entry, service)
    assert (shown["actual_interface_ipv4"], shown["actual_interface_ipv6"]) == ("10.1.0.10/16", "fd01::10/48")
    assert all(says(flow) for flow in open_flows)
    lines = [line for line in watching.log().splitlines() if name in line]
    events = [(line.startswith("Deleted"), "tentative" in line) for line in lines if ADDRESS[4] in line]
    assert events == [(False, False), (True, False)], lines
    assert not any("tentative" in line for line in lines if ADDRESS[6] in line), lines
    for flow in open_flows:
        flow.socket.close()


def test_an_operators_address_stays_when_another_goes(lab: Lab, lan: Pair) -> None:
    """Of the same network, which the kernel would take away together with the first."""
    service = with_interface(lan.entry, lan.exit, "--desired-ipv4", "10.1.0.10/24")
    name = wait_until_active(lan.entry, service)["interface_name"]
    lab.entry.ip(f"address add 10.1.0.77/24 dev {name}")
    lan.entry.cli("services", "update", service, "--desired-ipv4", "10.1.0.11/24")
    wait_for(lambda: lan.entry.service(service)["actual_interface_ipv4"] == "10.1.0.11/24", 10, "the other address")
    link = link_of(lab.entry, service)
    assert link and global_addresses(link) == {"10.1.0.11/24", "10.1.0.77/24"}


def test_an_mtu_that_ipv6_cannot_use_is_named(lab: Lab, lan: Pair) -> None:
    """The IPv4 address is used all the same, and the IPv6 one again with an MTU that is large enough."""
    service = with_interface(lan.entry, lan.exit, *BOTH)
    wait_until_active(lan.entry, service)
    lab.entry.ip("link set lan mtu 1279")
    shown = wait_for_reason(lan.entry, service, "the MTU of 'lan' is 1279, and IPv6 needs 1280 at least")
    assert (shown["actual_interface_ipv4"], shown["actual_interface_ipv6"]) == ("10.1.0.10/24", None)
    lab.entry.ip("link set lan mtu 1280")
    assert wait_until_active(lan.entry, service)["actual_interface_ipv6"] == "fd01::10/64"


def test_a_macvlan_can_be_the_parent(lab: Lab, build: Path) -> None:
    """The interface sits beside it, on the same link, which decides; both leave the address to the interface."""
    lab.entry.ip("link add link lan name beside type macvlan mode bridge", "link set beside up")
    before = [setting(lab.entry, "ipv4", link, "arp_ignore") for link in ("lan", "beside")]
    with running_pair(lab, build, PARENT_INTERFACE="beside") as pair:
        service = with_interface(pair.entry, pair.exit, "--desired-ipv4", "10.1.0.10/24")
        mac = wait_until_active(pair.entry, service)["interface_mac"]
        for _ in range(3):
            lab.client.ip("neigh flush all")
            lab.client.run("ping", "-c1", "-W2", "10.1.0.10")
            assert mac in lab.client.run("ip", "neigh", "show", "10.1.0.10").stdout
        lab.entry.ip("link set beside down")
        lan_down = "parent interface 'lan' is down: put it up with 'ip link set lan up'"
        lab.entry.ip("link set lan down")
        wait_for_reason(pair.entry, service, lan_down)
        lab.entry.ip("link set lan up")
        wait_until_active(pair.entry, service)
        pair.entry.cli("services", "delete", service, "--yes")

        def are_back() -> bool:
            return [setting(lab.entry, "ipv4", link, "arp_ignore") for link in ("lan", "beside")] == before

        wait_for(are_back, 5, "the settings put back")


def test_a_parent_that_carries_no_more_is_named(lab: Lab, lan: Pair) -> None:
    """A MACVLAN in passthru mode has its parent for itself; when it is gone, the interface is made."""
    lab.entry.ip("link add link lan name alone type macvlan mode passthru")
    service = with_interface(lan.entry, lan.exit, "--desired-ipv4", "10.1.0.10/24")
    shown = wait_for_reason(lan.entry, service, "'lan' can carry no MACVLAN: one in passthru mode has it for itself")
    assert shown["state"] == "error"
    lab.entry.ip("link delete alone")
    wait_until_active(lan.entry, service)


def test_an_address_without_an_interface_is_refused_in_the_words_of_the_command_line(lan: Pair) -> None:
    """Which has no null; what it advises works."""
    service = with_interface(lan.entry, lan.exit, *BOTH)
    update = ("services", "update", service, "--requires-interface=false")
    told = lan.entry.cli(*update, code=6).stderr
    assert "'desired_interface_ipv4' needs requires_interface: true" in told and "null" not in told
    assert "Clear it with --desired-ipv4= in the same command." in told
    told = lan.entry.cli(*update, "--desired-ipv4=", code=6).stderr
    assert "Clear it with --desired-ipv6= in the same command." in told
    new = ("services", "create", "--target-peer", lan.exit.id)
    for flags in (("--desired-ipv4", "10.1.0.11/24"), ("--desired-ipv6", "fd01::11/64"), ("--fully-transparent",)):
        assert "Give --requires-interface as well." in lan.entry.cli(*new, *flags, code=6).stderr
    lan.entry.cli("services", "update", service, "--fully-transparent")
    told = lan.entry.cli(*update, "--desired-ipv4=", "--desired-ipv6=", code=6).stderr
    assert "Give --fully-transparent=false in the same command." in told
    told = lan.entry.cli("services", "update", service, "--desired-ipv4", "10.1.0.0/24", code=6).stderr
    assert "is the network itself" in told and "requires-interface" not in told
    lan.entry.cli(*update, "--desired-ipv4=", "--desired-ipv6=", "--fully-transparent=false")
    assert not lan.entry.service(service)["requires_interface"]
