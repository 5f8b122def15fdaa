"""Interfaces of services that are asked to have an address of the very host they are on, and link-local ones."""

import pytest
from agents import Pair
from arctic_lab import Lab, wait_for
from dhcp import Dnsmasq
from flows import VERSIONS
from metrics import scrape, value
from service_interfaces import (
    ADDRESS,
    BOTH,
    announce,
    global_addresses,
    link_of,
    links,
    wait_for_reason,
    wait_until_active,
    with_interface,
)


def test_an_ipv4_address_of_the_host_is_not_used(lab: Lab, lan: Pair) -> None:
    """The parent's own, and another interface's: clients would get two answers to an ARP request. Nothing is announced."""
    mac = lab.entry.mac("lan")
    here = "in use by this host itself, on"
    service = with_interface(lan.entry, lan.exit, "--desired-ipv4", "10.1.0.1/24")
    lab.client.run("ping", "-c1", "-W2", "10.1.0.1")
    shown = wait_for_reason(lan.entry, service, f"address conflict: 10.1.0.1 is {here} 'lan': give one")
    assert shown["state"] == "error" and shown["actual_interface_ipv4"] is None
    said = "the address of a service's interface is in use elsewhere"
    assert lan.entry.log.count(said) == 1
    assert mac in lab.client.run("ip", "neigh", "show", "10.1.0.1").stdout
    link = link_of(lab.entry, service)
    assert link and global_addresses(link) == set()
    lan.entry.cli("services", "update", service, "--desired-ipv4", "10.9.0.1/24")
    wait_for_reason(lan.entry, service, f"address conflict: 10.9.0.1 is {here} 'wan'")
    lab.entry.ip("address add 10.1.0.99/32 dev lo")
    lan.entry.cli("services", "update", service, "--desired-ipv4", "10.1.0.99/24")
    wait_for_reason(lan.entry, service, f"address conflict: 10.1.0.99 is {here} 'lo'")
    lan.entry.cli("services", "update", service, "--desired-ipv4", "10.1.0.10/24")
    assert wait_until_active(lan.entry, service)["actual_interface_ipv4"] == "10.1.0.10/24"


def test_claims_of_another_host_are_one_line_of_the_log(lab: Lab, lan: Pair) -> None:
    """Of its own interface's address, which stays: anybody on the link can announce it as often as he likes."""
    service = with_interface(lan.entry, lan.exit, "--desired-ipv4", "10.1.0.10/24")
    wait_until_active(lan.entry, service)
    for _ in range(20):
        announce(lab.client, "lan", "10.1.0.10")
    wait_for_reason(lan.entry, service, f"10.1.0.10 is in use by {lab.client.mac('lan')}")
    (line,) = [line for line in lan.entry.log.splitlines() if "is in use elsewhere" in line]
    assert '"level":"warn"' in line and service in line and '"address":"10.1.0.10"' in line


def test_an_ipv6_address_of_the_host_is_not_used(lab: Lab, lan: Pair) -> None:
    service = with_interface(lan.entry, lan.exit, "--desired-ipv6", "fd01::1/64")
    shown = wait_for_reason(lan.entry, service, "fd01::1 is in use by this host itself, on 'lan'")
    assert shown["state"] == "error" and shown["actual_interface_ipv6"] is None
    link = link_of(lab.entry, service)
    assert link and global_addresses(link) == set()
    lab.entry.ip("address delete fd01::1/64 dev lan")
    assert wait_until_active(lan.entry, service)["actual_interface_ipv6"] == "fd01::1/64"


@pytest.mark.parametrize("version", VERSIONS)
def test_two_services_with_one_address(lan: Pair, version: int) -> None:
    """The first has it, and the second says which interface that is."""
    wanted = (f"--desired-ipv{version}", f"{ADDRESS[version]}/64" if version == 6 else f"{ADDRESS[version]}/24")
    first = with_interface(lan.entry, lan.exit, *wanted)
    name = wait_until_active(lan.entry, first)["interface_name"]
    second = with_interface(lan.entry, lan.exit, *wanted)
    wait_for_reason(lan.entry, second, f"{ADDRESS[version]} is in use by this host itself, on '{name}'")
    assert lan.entry.service(first)["state"] == "active"


@pytest.mark.parametrize("version", VERSIONS)
def test_an_address_in_use_that_the_host_gets_too_is_said(lab: Lab, lan: Pair, version: int) -> None:
    """It is kept: clients go on; the service says where the other one is, until it is gone."""
    service = with_interface(lan.entry, lan.exit, *BOTH)
    wait_until_active(lan.entry, service)
    for link in ("lan", "lo"):
        lab.entry.ip(f"address add {ADDRESS[version]}/32 dev {link}" + (" nodad" if version == 6 else ""))
        said = f"address conflict: {ADDRESS[version]} is in use by this host itself, on '{link}'"
        shown = wait_for_reason(lan.entry, service, said)
        assert shown["state"] == "degraded"
        assert shown[f"actual_interface_ipv{version}"].startswith(ADDRESS[version])
        lab.entry.ip(f"address delete {ADDRESS[version]}/32 dev {link}")
        wait_until_active(lan.entry, service)


def test_a_lease_of_an_address_of_the_host_is_declined(lab: Lab, lan: Pair) -> None:
    """A DHCP server that does not look before it offers, and one other address."""
    server = Dnsmasq(lab.client, lab.directory, "10.1.0.1", "10.1.0.1")
    service = with_interface(lan.entry, lan.exit)
    declined = "10.1.0.1 offered by 10.1.0.2 is in use by this host itself, on 'lan': declined"
    shown = wait_for_reason(lan.entry, service, declined, 20)
    assert shown["state"] == "error" and shown["actual_interface_ipv4"] is None
    wait_for(lambda: server.count("DHCPDECLINE") >= 1, 5, "the decline in the server's log")
    link = link_of(lab.entry, service)
    assert link and global_addresses(link) == set()


def test_a_link_local_address_can_be_given(lab: Lab, lan: Pair) -> None:
    """As IPv6 hosts know their routers by; another one takes its place."""
    service = with_interface(lan.entry, lan.exit, "--desired-ipv6", "fe80::10/64")
    assert wait_until_active(lan.entry, service)["actual_interface_ipv6"] == "fe80::10/64"
    lan.entry.cli("services", "update", service, "--desired-ipv6", "fd01::10/64")
    wait_for(lambda: lan.entry.service(service)["actual_interface_ipv6"] == "fd01::10/64", 10, "the other address")
    link = link_of(lab.entry, service)
    assert link and "fe80::10" not in [address["local"] for address in link["addr_info"]]


def test_what_the_command_line_says_of_a_new_service(lan: Pair) -> None:
    """Without a route only a service without an interface takes nothing."""
    new = ("services", "create", "--target-peer", lan.exit.id)
    assert "takes no traffic before it has a route" in lan.entry.cli(*new).stderr
    with_one = lan.entry.cli(*new, "--requires-interface", "--desired-ipv4", "10.1.0.10/24").stderr
    assert "before it has a route" not in with_one and "to its interface as their gateway" in with_one


@pytest.mark.timing
def test_many_links_that_go_at_once_do_not_keep_the_control_loop(lab: Lab, lan: Pair) -> None:
    """The API and the links to peers wait for it."""
    services = [
        with_interface(lan.entry, lan.exit, "--desired-ipv4", f"10.1.0.{100 + number}/24") for number in range(32)
    ]
    for service in services:
        wait_until_active(lan.entry, service)
    before = {link["ifindex"] for link in links(lab.entry)}
    lab.entry.ip(*(f"link delete {link['ifname']}" for link in links(lab.entry)))

    def made_anew() -> bool:
        return len(links(lab.entry)) == 32 and before.isdisjoint(link["ifindex"] for link in links(lab.entry))

    wait_for(made_anew, 10, "all links made anew")
    for service in services:
        wait_until_active(lan.entry, service)
        lan.entry.cli("services", "delete", service, "--yes")
    assert value(scrape(lan.entry), "arctic_control_loop_longest_turn_seconds") < 0.15
