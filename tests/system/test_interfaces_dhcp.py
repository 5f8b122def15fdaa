"""Interfaces of services with addresses from a DHCP server, which is dnsmasq on the client's host."""

import time
from datetime import datetime

from agents import Pair
from arctic_lab import Lab, wait_for
from dhcp import Dnsmasq
from flows import carried
from service_interfaces import global_addresses, link_of, links, wait_for_reason, wait_until_active, with_interface


def serve(lab: Lab) -> Dnsmasq:
    """Leases of two minutes, dnsmasq's shortest, from the client's host."""
    options = (
        "--dhcp-option=option:router,10.1.0.1",
        "--dhcp-option=option:dns-server,10.1.0.2,10.1.0.3",
        "--domain=lab.example",
    )
    return Dnsmasq(lab.client, lab.directory, "10.1.0.50", "10.1.0.59", *options)


def granted(server: Dnsmasq) -> list[str]:
    """The addresses that are out."""
    lines = server.leases.read_text().splitlines() if server.leases.exists() else []
    return [line.split()[2] for line in lines]


def seconds_left(link: dict[str, object]) -> int:
    (address,) = [item for item in link["addr_info"] if item["scope"] == "global"]  # type: ignore[attr-defined]
    return int(address["valid_life_time"])


def test_an_address_comes_by_dhcp(lab: Lab, lan: Pair) -> None:
    """Waiting is said; then the lease is used, routers and name servers are shown only; deletion gives it back."""
    service = with_interface(lan.entry, lan.exit)
    shown = wait_for_reason(lan.entry, service, "waiting for a DHCP lease")
    assert shown["state"] == "pending" and shown["interface_dhcp"] is None and shown["interface_mac"]
    routes = lab.entry.run("ip", "route", "show").stdout
    server = serve(lab)
    shown = wait_until_active(lan.entry, service, 30)
    address = shown["actual_interface_ipv4"]
    assert granted(server) == [address.removesuffix("/24")] and address.startswith("10.1.0.5")
    lease = shown["interface_dhcp"]
    assert (lease["server"], lease["domain"]) == ("10.1.0.2", "lab.example")
    assert (lease["routers"], lease["dns"]) == (["10.1.0.1"], ["10.1.0.2", "10.1.0.3"])
    assert lease["expires_at"] > shown["updated_at"]
    link = link_of(lab.entry, service)
    assert link and global_addresses(link) == {address} and 60 < seconds_left(link) <= 120
    ends = datetime.fromisoformat(lease["expires_at"].replace("Z", "+00:00")).timestamp()
    less = seconds_left(link) - 4
    lab.entry.ip(f"address change {address} dev {link['ifname']} valid_lft {less} preferred_lft {less} noprefixroute")

    def lasts_as_long_as_the_lease() -> bool:
        now = link_of(lab.entry, service)
        return bool(now and abs(seconds_left(now) - (ends - time.time())) <= 2)

    wait_for(lasts_as_long_as_the_lease, 6, "the end of the lease in the kernel")
    assert lab.entry.run("ip", "route", "show").stdout == routes
    table = lan.entry.cli("services", "get", service).stdout
    assert "10.1.0.3" in table and lease["expires_at"] in table
    wait_for(lambda: lan.exit.service(service)["interface_dhcp"] == lease, 5, "the exit was told")
    lab.client.ip(f"route replace default via {address.removesuffix('/24')}", "neigh flush all")
    assert carried(lab, lab.client) and lan.entry.captured(service) == 1
    lan.entry.cli("services", "delete", service, "--yes")
    assert links(lab.entry) == []
    wait_for(lambda: granted(server) == [], 5, "the lease given back")


def test_a_lease_outlives_the_agent(lab: Lab, lan: Pair) -> None:
    """kill -9, a clean stop, a deleted link: the address stays or comes back, and is never given back."""
    server = serve(lab)
    service = with_interface(lan.entry, lan.exit)
    address = wait_until_active(lan.entry, service, 30)["actual_interface_ipv4"]
    before = link_of(lab.entry, service)
    lan.entry.kill()
    lan.entry.start()
    wait_until_active(lan.entry, service, 30)
    after = link_of(lab.entry, service)
    assert before and after and after["ifindex"] == before["ifindex"] and global_addresses(after) == {address}
    lan.entry.stop()
    assert links(lab.entry) == [] and granted(server) == [address.removesuffix("/24")]
    lan.entry.start()
    assert wait_until_active(lan.entry, service, 30)["actual_interface_ipv4"] == address
    lab.entry.ip(f"link delete {before['ifname']}")

    def is_back() -> bool:
        link = link_of(lab.entry, service)
        return bool(link and link["ifindex"] != before["ifindex"] and global_addresses(link) == {address})

    wait_for(is_back, 10, "the same address on a new link")
    assert server.count("DHCPDISCOVER") == 1, "asked anew once, and confirmed ever after"
    lan.entry.cli("services", "update", service, "--desired-ipv4", "10.1.0.10/24")
    wait_for(lambda: granted(server) == [], 5, "the lease given back when an address is named")
    wait_for(lambda: lan.entry.service(service)["actual_interface_ipv4"] == "10.1.0.10/24", 10, "the named address")


def test_the_server_learns_another_name_of_the_service(lab: Lab, lan: Pair) -> None:
    """At once, not with the next renewal; the address stays."""
    server = serve(lab)
    service = with_interface(lan.entry, lan.exit, "--name", "first")
    address = wait_until_active(lan.entry, service, 30)["actual_interface_ipv4"]
    assert server.leases.read_text().split()[3] == "first"
    lan.entry.cli("services", "update", service, "--name", "second")
    wait_for(lambda: server.leases.read_text().split()[3] == "second", 5, "the other name in the server's file")
    shown = lan.entry.service(service)
    assert shown["state"] == "active" and shown["actual_interface_ipv4"] == address
    assert server.count("DHCPDISCOVER") == 1


def test_a_lease_does_not_go_along_to_another_network(lab: Lab, pair: Pair) -> None:
    """Where the server is silent about addresses that are not its own, as it may be: another one is asked for there."""
    serve(lab)
    Dnsmasq(lab.exit, lab.directory, "10.9.0.50", "10.9.0.59", interface="wan", authoritative=False)
    lab.entry.ip("route add default via 10.1.0.2 dev lan metric 200")
    service = with_interface(pair.entry, pair.exit)
    assert wait_until_active(pair.entry, service, 30)["actual_interface_ipv4"].startswith("10.1.0.5")
    lab.entry.ip("route add default via 10.9.0.2 dev wan metric 100")

    def has(network: str) -> bool:
        shown = pair.entry.service(service)
        return shown["state"] == "active" and (shown["actual_interface_ipv4"] or "").startswith(network)

    wait_for(lambda: has("10.9.0.5"), 10, "an address of the other network")
    link = link_of(lab.entry, service)
    assert link and link["link"] == "wan" and len(global_addresses(link)) == 1
    lab.entry.ip("route delete default metric 100")
    wait_for(lambda: has("10.1.0.5"), 10, "an address of the first network")
