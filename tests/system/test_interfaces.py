"""MACVLAN interfaces of services: what arrives on one is carried, and the kernel keeps what the record says."""

import json
import os
import re
import signal
from pathlib import Path

import pytest
from agents import Agent, Pair, running_pair
from arctic_lab import Lab, wait_for
from composing import Composition
from flows import VERSIONS, carried
from service_interfaces import (
    BOTH,
    announce,
    global_addresses,
    link_of,
    links,
    setting,
    use_as_gateway,
    wait_for_reason,
    wait_until_active,
    with_interface,
)


@pytest.mark.parametrize("version", VERSIONS)
def test_clients_of_the_interface_are_carried(lab: Lab, lan: Pair, version: int) -> None:
    """A service without routes takes what arrives on its interface, and nothing else."""
    service = with_interface(lan.entry, lan.exit, *BOTH)
    wait_until_active(lan.entry, service)
    assert not carried(lab, lab.client, version)
    use_as_gateway(lab.client, version)
    assert carried(lab, lab.client, version)
    assert not carried(lab, lab.entry, version)
    assert lan.entry.captured(service) == 1


def test_the_interface_is_as_the_handbook_says(lab: Lab, lan: Pair) -> None:
    """Name, alias, MAC, addresses without routes and settings; the API and the CLI of both peers tell of it."""
    routes_before = [lab.entry.run("ip", f"-{version}", "route", "show").stdout for version in VERSIONS]
    service = with_interface(lan.entry, lan.exit, *BOTH)
    shown = wait_until_active(lan.entry, service)
    name = shown["interface_name"]
    assert name == f"arc-{service[-11:].lower()}"
    link = link_of(lab.entry, service)
    assert link and link["ifname"] == name and link["link"] == "lan"
    assert link["linkinfo"]["info_data"]["mode"] == "bridge" and link["address"] == shown["interface_mac"]
    assert int(link["address"][:2], 16) & 3 == 2
    assert global_addresses(link) == {"10.1.0.10/24", "fd01::10/64"}
    assert (shown["actual_interface_ipv4"], shown["actual_interface_ipv6"]) == ("10.1.0.10/24", "fd01::10/64")
    routes = [lab.entry.run("ip", f"-{version}", "route", "show").stdout for version in VERSIONS]
    assert [line for line in routes[0].splitlines() if name in line] == []
    assert [line for line in routes[1].splitlines() if name in line and not line.startswith("fe80::")] == []
    assert routes[0] == routes_before[0]
    values = {key: setting(lab.entry, "ipv4", name, key) for key in ("arp_ignore", "arp_announce", "rp_filter")}
    assert values == {"arp_ignore": 1, "arp_announce": 2, "rp_filter": 2}
    assert setting(lab.entry, "ipv6", name, "accept_ra") == 0
    table = lan.entry.cli("services", "get", service).stdout
    assert name in table and "10.1.0.10/24" in table and shown["interface_mac"] in table
    assert " I " in lan.entry.cli("services", "list").stdout
    wait_for(lambda: lan.exit.service(service)["interface_mac"] == shown["interface_mac"], 5, "the exit was told")
    told = lan.exit.service(service)
    assert all(told[key] == shown[key] for key in shown if "interface" in key), told


def test_ipv6_is_off_unless_it_is_asked_for(lab: Lab, lan: Pair) -> None:
    service = with_interface(lan.entry, lan.exit, "--desired-ipv4", "10.1.0.10/24")
    name = wait_until_active(lan.entry, service)["interface_name"]
    assert setting(lab.entry, "ipv6", name, "disable_ipv6") == 1
    lan.entry.cli("services", "update", service, "--desired-ipv6", "fd01::10/64")
    wait_for(lambda: lan.entry.service(service)["actual_interface_ipv6"] == "fd01::10/64", 10, "an IPv6 address")
    lan.entry.cli("services", "update", service, "--desired-ipv4", "10.1.0.11/24")
    wait_for(lambda: lan.entry.service(service)["actual_interface_ipv4"] == "10.1.0.11/24", 10, "the other address")
    link = link_of(lab.entry, service)
    assert link and link["ifname"] == name and global_addresses(link) == {"10.1.0.11/24", "fd01::10/64"}
    lan.entry.cli("services", "update", service, "--requires-interface=false", "--desired-ipv4=", "--desired-ipv6=")
    wait_for(lambda: links(lab.entry) == [], 5, "the interface gone")
    wait_for(lambda: lan.entry.service(service)["interface_name"] is None, 5, "no interface shown")


def test_the_interface_goes_before_networks(lab: Lab, lan: Pair) -> None:
    """The narrowest route of another service loses against the interface, for what arrives there and only for that."""
    by_interface = with_interface(lan.entry, lan.exit, *BOTH)
    by_network = lan.carry("10.2.0.2/32", "fd02::2/128")
    lan.entry.add_route(by_network, source="10.1.0.2/32", dest="10.2.0.2/32", priority=1)
    wait_until_active(lan.entry, by_interface)
    assert carried(lab, lab.client) and carried(lab, lab.client, 6)
    assert (lan.entry.captured(by_interface), lan.entry.captured(by_network)) == (0, 2)
    use_as_gateway(lab.client)
    flow = {"source": "10.1.0.2", "dest": "10.2.0.2", "interface": lan.entry.service(by_interface)["interface_name"]}
    explained = lan.entry.api("POST", "/v1/routes/explain", flow).json()
    assert (explained["winner"]["service_id"], explained["winner"]["class"]) == (by_interface, "interface")
    assert carried(lab, lab.client) and carried(lab, lab.client, 6)
    assert (lan.entry.captured(by_interface), lan.entry.captured(by_network)) == (2, 2)


def test_each_service_has_its_own(lab: Lab, lan: Pair) -> None:
    """Two interfaces with routes: the one that a flow arrives on decides, and other traffic knows the routes too."""
    first = with_interface(lan.entry, lan.exit, "--desired-ipv4", "10.1.0.10/24")
    second = with_interface(lan.entry, lan.exit, "--desired-ipv4", "10.1.0.11/24")
    lan.entry.add_route(first, dest="10.2.0.0/25")
    lan.entry.add_route(second, dest="10.2.0.0/24")
    shown = [wait_until_active(lan.entry, service) for service in (first, second)]
    assert shown[0]["interface_mac"] != shown[1]["interface_mac"]
    assert shown[0]["interface_name"] != shown[1]["interface_name"]
    for address, expected in (("10.1.0.10", [1, 0]), ("10.1.0.11", [1, 1]), ("10.1.0.1", [2, 1])):
        lab.client.ip(f"route replace default via {address}", "neigh flush all")
        assert carried(lab, lab.client)
        assert [lan.entry.captured(service) for service in (first, second)] == expected, address
    lan.entry.cli("services", "delete", first, "--yes")
    assert [link["ifalias"] for link in links(lab.entry)] == [second]


DAMAGE = {
    "deleted": "link delete {link}",
    "down": "link set {link} down",
    "alias": "link set {link} alias mine",
    "mac": "link set {link} address 02:00:00:00:00:99",
    "ipv4": "address delete 10.1.0.10/24 dev {link}",
    "ipv6": "address delete fd01::10/64 dev {link}",
    "renamed": "link set {link} down\nlink set {link} name other\nlink set other up",
}


def test_what_is_damaged_is_put_right(lab: Lab, lan: Pair) -> None:
    """Link, alias, MAC, name and addresses: within seconds as before, and flows go on."""
    service = with_interface(lan.entry, lan.exit, *BOTH)
    before = wait_until_active(lan.entry, service)
    use_as_gateway(lab.client)
    name = before["interface_name"]

    def is_right() -> bool:
        link = link_of(lab.entry, service)
        return bool(
            link
            and link["ifname"] == name
            and link["address"] == before["interface_mac"]
            and "UP" in link["flags"]
            and global_addresses(link) == {"10.1.0.10/24", "fd01::10/64"}
        )

    for what, command in DAMAGE.items():
        lab.entry.ip(*command.format(link=name).split("\n"))
        wait_for(is_right, 6, f"'{what}' put right")
    assert len(links(lab.entry)) == 1
    wait_until_active(lan.entry, service)
    counts = repairs_of_interfaces(lan.entry)
    assert counts == {"interface": 5, "address": 2}
    assert all(carried(lab, lab.client, version) for version in VERSIONS)


@pytest.mark.parametrize(
    "command",
    [
        "link add name office type bridge\nlink set office up\nlink set {link} master office",
        "link set {link} arp off",
        "link set {link} multicast off",
        "link set {link} type macvlan mode private",
    ],
)
def test_an_interface_that_is_cut_off_is_put_right(lab: Lab, lan: Pair, command: str) -> None:
    """It is there and up, and its clients can not reach it: neighbours of both families find it again."""
    service = with_interface(lan.entry, lan.exit, *BOTH)
    name = wait_until_active(lan.entry, service)["interface_name"]
    use_as_gateway(lab.client)
    lab.entry.ip(*command.format(link=name).split("\n"))
    wait_for(lambda: repairs_of_interfaces(lan.entry)["interface"] == 1, 4, "a repair")
    wait_until_active(lan.entry, service)
    lab.client.ip("neigh flush all")
    assert all(carried(lab, lab.client, version) for version in VERSIONS)
    assert repairs_of_interfaces(lan.entry) == {"interface": 1, "address": 0}


def repairs_of_interfaces(agent: Agent) -> dict[str, int]:
    metrics = agent.request("GET", "/metrics").text
    found = re.findall(r'arctic_kernel_repairs_total\{what="(interface|address)"\} (\d+)', metrics)
    return {what: int(count) for what, count in found}


def test_settings_of_the_interface_are_put_right(lab: Lab, lan: Pair) -> None:
    """And its MTU follows the parent's."""
    service = with_interface(lan.entry, lan.exit, *BOTH)
    name = wait_until_active(lan.entry, service)["interface_name"]
    for family, key, value in (("ipv4", "arp_ignore", 1), ("ipv4", "rp_filter", 2), ("ipv6", "accept_ra", 0)):
        lab.entry.sysctl(f"net/{family}/conf/{name}/{key}", 1 - (value == 1))
        wait_for(lambda: setting(lab.entry, family, name, key) == value, 6, f"{key} put right")  # noqa: B023
    for mtu in (1400, 1500):
        lab.entry.ip(f"link set lan mtu {mtu}")
        wait_for(lambda: [link["mtu"] for link in links(lab.entry)] == [mtu], 6, "the parent's MTU")  # noqa: B023
    assert repairs_of_interfaces(lan.entry) == {"interface": 3, "address": 0}


def take_name(agent: Agent, name: str) -> None:
    """Puts a link of somebody's in the place of one of the agent's, which looks away meanwhile: it would be faster."""
    assert agent.process
    os.kill(agent.process.pid, signal.SIGSTOP)
    agent.host.ip(f"link delete {name}", f"link add name {name} type bridge")
    os.kill(agent.process.pid, signal.SIGCONT)


def test_what_is_not_ours_is_left_alone(lab: Lab, lan: Pair) -> None:
    """An address and a MACVLAN of an operator's stay, and so does a link that has the name a service would take."""
    service = with_interface(lan.entry, lan.exit, "--desired-ipv4", "10.1.0.10/24")
    name = wait_until_active(lan.entry, service)["interface_name"]
    lab.entry.ip(f"address add 10.77.0.1/24 dev {name}", "link add link lan name theirs type macvlan mode bridge")
    take_name(lan.entry, name)
    wait_for(lambda: lan.entry.service(service)["interface_name"] == f"arx-{service[-11:].lower()}", 6, "another name")
    link = link_of(lab.entry, service)
    assert link and link["ifname"].startswith("arx-")
    use_as_gateway(lab.client, 4)
    assert carried(lab, lab.client)
    take_name(lan.entry, link["ifname"])
    wait_for_reason(lan.entry, service, "rename or delete one")
    lan.entry.cli("services", "delete", service, "--yes")
    kept = json.loads(lab.entry.run("ip", "-json", "link", "show").stdout)
    assert {name, link["ifname"], "theirs"} <= {item["ifname"] for item in kept}


def test_the_parent_is_that_of_the_default_route(lab: Lab, pair: Pair) -> None:
    """Without a setting: none, one, another one of a lower metric; the interface follows and stays when the route goes."""
    service = with_interface(pair.entry, pair.exit, "--desired-ipv4", "10.1.0.10/24")
    wait_for_reason(pair.entry, service, "no parent interface: the host has no default route")
    assert links(lab.entry) == []
    lab.entry.ip("route add default via 10.1.0.2 dev lan metric 200")
    mac = wait_until_active(pair.entry, service)["interface_mac"]
    link = link_of(lab.entry, service)
    assert link and link["link"] == "lan"
    lab.entry.ip("route add default via 10.9.0.2 dev wan metric 100")

    def sits_on(parent: str) -> bool:
        now = link_of(lab.entry, service)
        return bool(now and now["link"] == parent and now["address"] == mac)

    wait_for(lambda: sits_on("wan"), 6, "the interface on the WAN")
    lab.entry.ip("route delete default metric 100")
    wait_for(lambda: sits_on("lan"), 6, "the interface back on the LAN")
    lab.entry.ip("route delete default metric 200")
    shown = wait_for_reason(pair.entry, service, "no default route")
    assert "stays on 'lan'" in shown["state_reason"] and shown["state"] == "degraded"
    assert sits_on("lan")


def test_the_parent_goes_and_comes_back(lab: Lab, build: Path) -> None:
    """A MACVLAN dies with its parent and is made anew with it; a parent that is down is named."""
    lab.entry.ip("link add name port type bridge", "link set port up", "address add 10.7.0.1/24 dev port")
    with running_pair(lab, build, PARENT_INTERFACE="port") as pair:
        service = with_interface(pair.entry, pair.exit, "--desired-ipv4", "10.7.0.10/24")
        wait_for(lambda: link_of(lab.entry, service), 6, "the interface")
        mac = pair.entry.service(service)["interface_mac"]
        lab.entry.ip("link delete port")
        wait_for_reason(pair.entry, service, "'port' (PARENT_INTERFACE) is not there")
        assert links(lab.entry) == []
        lab.entry.ip("link add name port type veth peer name other", "link set other up")
        shown = wait_for_reason(pair.entry, service, "put it up with 'ip link set port up'")
        assert shown["interface_mac"] == mac
        lab.entry.ip("link set port up")
        wait_until_active(pair.entry, service)
        lab.entry.ip("link set other down")
        wait_for_reason(pair.entry, service, "has no carrier")
        pair.end()
        assert links(lab.entry) == []


def test_another_agent_takes_up_what_a_killed_one_left(lab: Lab, lan: Pair) -> None:
    """Same link, with its address; what belongs to a service that is gone goes. A clean stop leaves nothing."""
    service = with_interface(lan.entry, lan.exit, *BOTH)
    wait_until_active(lan.entry, service)
    use_as_gateway(lab.client)
    before = link_of(lab.entry, service)
    assert before

    def is_as_before() -> bool:
        now = link_of(lab.entry, service)
        same = now and all(now[key] == before[key] for key in ("ifindex", "ifname", "address"))
        return bool(same and global_addresses(now) == global_addresses(before))

    lan.entry.kill()
    assert is_as_before()
    assert not carried(lab, lab.client) and not carried(lab, lab.client, 6), "fails open"
    gone = "svc_01JD2Q4Y7M8N9P0QRSTVWXYZ12"
    lab.entry.ip(
        "link add link lan name arc-qrstvwxyz12 type macvlan mode bridge",
        f"link set arc-qrstvwxyz12 alias {gone}",
        "link add link lan name theirs type macvlan mode bridge",
        f"link set theirs alias {gone}",
    )
    lan.entry.start()
    wait_until_active(lan.entry, service)
    wait_for(lambda: not any(link["ifname"] == "arc-qrstvwxyz12" for link in links(lab.entry)), 5, "the orphan gone")
    assert is_as_before()
    assert all(carried(lab, lab.client, version) for version in VERSIONS)
    lan.entry.stop()
    assert [link["ifname"] for link in links(lab.entry)] == ["theirs"]
    assert [setting(lab.entry, "ipv4", "lan", key) for key in ("arp_ignore", "arp_announce")] == [0, 0]


def test_the_parent_speaks_for_itself_only_while_it_must(lab: Lab, lan: Pair) -> None:
    """Its ARP settings are put back after the last interface, also those that a killed agent has set."""

    def settings() -> list[int]:
        return [setting(lab.entry, "ipv4", "lan", key) for key in ("arp_ignore", "arp_announce")]

    lab.entry.sysctl("net/ipv4/conf/lan/arp_announce", 1)
    service = with_interface(lan.entry, lan.exit, "--desired-ipv4", "10.1.0.10/24")
    wait_until_active(lan.entry, service)
    assert settings() == [1, 2]
    lab.entry.sysctl("net/ipv4/conf/lan/arp_ignore", 0)
    wait_for(lambda: settings() == [1, 2], 6, "the setting put right")
    lan.entry.kill()
    lan.entry.start()
    wait_until_active(lan.entry, service)
    assert settings() == [1, 2]
    lan.entry.cli("services", "delete", service, "--yes")
    wait_for(lambda: settings() == [0, 1], 5, "the settings put back")


@pytest.mark.parametrize("killed", [False, True])
def test_a_parent_that_was_renamed_gets_its_settings_back(lab: Lab, lan: Pair, killed: bool) -> None:
    """Also by the next agent, which has never seen its former name."""
    service = with_interface(lan.entry, lan.exit, "--desired-ipv4", "10.1.0.10/24")
    wait_until_active(lan.entry, service)
    if killed:
        lan.entry.kill()
    lab.entry.ip("link set lan down", "link set lan name uplink", "link set uplink up")
    if killed:
        lan.entry.start()
    shown = wait_for_reason(lan.entry, service, "'lan' (PARENT_INTERFACE) is not there")
    assert "stays on 'uplink'" in shown["state_reason"]
    assert [setting(lab.entry, "ipv4", "uplink", key) for key in ("arp_ignore", "arp_announce")] == [1, 2]
    lan.entry.cli("services", "delete", service, "--yes")

    def are_back() -> bool:
        return [setting(lab.entry, "ipv4", "uplink", key) for key in ("arp_ignore", "arp_announce")] == [0, 0]

    wait_for(are_back, 5, "the settings put back")


def test_an_ipv6_address_of_another_host_is_not_used(lab: Lab, lan: Pair) -> None:
    """The kernel's duplicate address detection decides, and who has it is said; another address helps."""
    lab.client.ip("address add fd01::10/64 dev lan nodad")
    service = with_interface(lan.entry, lan.exit, "--desired-ipv6", "fd01::10/64")
    shown = wait_for_reason(lan.entry, service, f"fd01::10 is in use by {lab.client.mac('lan')}")
    assert shown["state"] == "error" and shown["actual_interface_ipv6"] is None
    lab.client.ip("address delete fd01::10/64 dev lan")
    lan.entry.cli("services", "update", service, "--desired-ipv6", "fd01::11/64")
    assert wait_until_active(lan.entry, service)["actual_interface_ipv6"] == "fd01::11/64"


def test_an_ipv4_address_of_another_host_is_not_used(lab: Lab, lan: Pair) -> None:
    """Asked for by ARP before it is used, and watched afterwards: then it is kept, and the service says who claims it."""
    lab.client.ip("address add 10.1.0.10/24 dev lan")
    service = with_interface(lan.entry, lan.exit, "--desired-ipv4", "10.1.0.10/24")
    mac = lab.client.mac("lan")
    shown = wait_for_reason(lan.entry, service, f"address conflict: 10.1.0.10 is in use by {mac}")
    assert shown["state"] == "error" and shown["actual_interface_ipv4"] is None
    link = link_of(lab.entry, service)
    assert link and global_addresses(link) == set()
    lan.entry.cli("services", "update", service, "--desired-ipv4", "10.1.0.11/24")
    assert wait_until_active(lan.entry, service)["actual_interface_ipv4"] == "10.1.0.11/24"
    announce(lab.client, "lan", "10.1.0.11")
    shown = wait_for_reason(lan.entry, service, f"10.1.0.11 is in use by {mac}")
    assert shown["state"] == "degraded" and shown["actual_interface_ipv4"] == "10.1.0.11/24"


def test_compose_makes_one(lab: Lab, lan: Pair) -> None:
    """An interface without routes is enough for a service, and a change of its address is applied."""
    file = Composition(lan)
    declared = file.add_service("web", interface={"enabled": True, "ipv4": "10.1.0.10/24"})
    del declared["routes"]
    file.apply()
    (service,) = (str(item["id"]) for item in lan.entry.cli_json("services", "list"))
    assert wait_until_active(lan.entry, service)["actual_interface_ipv4"] == "10.1.0.10/24"
    declared["interface"]["ipv6"] = "fd01::10/64"
    file.apply()
    wait_for(lambda: lan.entry.service(service)["actual_interface_ipv6"] == "fd01::10/64", 10, "the IPv6 address")
    file.assert_applied()
    file.document["services"] = []
    file.apply("--prune")
    assert links(lab.entry) == []


@pytest.mark.slow
@pytest.mark.parametrize("choice", ["step_aside", "block"])
def test_the_target_does_not_answer(lab: Lab, lan: Pair, choice: str) -> None:
    """The interface stays; what arrives on it goes directly, or is refused, and is carried again later."""
    service = with_interface(lan.entry, lan.exit, "--desired-ipv4", "10.1.0.10/24", "--when-unreachable", choice)
    mac = wait_until_active(lan.entry, service)["interface_mac"]
    use_as_gateway(lab.client, 4)
    assert carried(lab, lab.client)
    lan.exit.kill()
    wait_for(lambda: lan.entry.service(service)["state"] == "degraded", 10, "the silence noticed")
    assert "does not answer" in lan.entry.service(service)["state_reason"]
    if choice == "step_aside":
        assert not carried(lab, lab.client)
    else:
        with pytest.raises(ConnectionRefusedError):
            carried(lab, lab.client)
    lan.exit.start()
    assert wait_until_active(lan.entry, service, 20)["interface_mac"] == mac
    assert carried(lab, lab.client)
