"""What a service says of itself when it does not work, where no other test provokes it: a sentence that says what to do."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from agents import Pair, issue_license, running_pair
from arctic_lab import Lab, wait_for
from exits import Exits, TwoExits

WITH_INTERFACE = ("--requires-interface", "--desired-ipv4", "10.8.0.10/24")


@pytest.fixture
def on_port(lab: Lab, build: Path) -> Iterator[Pair]:
    """A pair whose entry has services' interfaces on one end of a cable of its own."""
    lab.entry.ip("link add name port type veth peer name socket", "link set port up", "link set socket up")
    # Nobody is at the other end: what this host itself says there would be taken for another host's.
    lab.entry.sysctl("net/ipv4/conf/socket/arp_ignore", 8)
    with running_pair(lab, build, PARENT_INTERFACE="port") as agents:
        yield agents


def wait_for_reason(pair: Pair | Exits, service: str, state: str, *words: str) -> None:
    shown: dict[str, Any] = {}

    def said() -> bool:
        shown.update(pair.entry.service(service))
        return shown["state"] == state and all(word in (shown["state_reason"] or "") for word in words)

    try:
        wait_for(said, 12, f"{state}: {words}")
    except TimeoutError:
        print(shown)
        raise
    listed = pair.entry.cli("services", "list").stderr
    assert words[0] in listed, "a list says below it what does not work"


def interface_of(pair: Pair, service: str) -> str:
    wait_for(lambda: pair.entry.service(service)["state"] == "active", 40, "an active service")
    return str(pair.entry.service(service)["interface_name"])


def test_a_parent_that_is_no_ethernet(lab: Lab, build: Path) -> None:
    with running_pair(lab, build, PARENT_INTERFACE="lo") as pair:
        service = pair.entry.create_service(pair.exit, *WITH_INTERFACE)
        wait_for_reason(pair, service, "error", "'lo' is no Ethernet interface", "set PARENT_INTERFACE")


def test_a_parent_that_belongs_to_a_bridge(lab: Lab, on_port: Pair) -> None:
    lab.entry.ip("link add name office type bridge", "link set port master office")
    service = on_port.entry.create_service(on_port.exit, *WITH_INTERFACE)
    wait_for_reason(on_port, service, "error", "'port' can carry no MACVLAN", "belongs to a bridge")
    lab.entry.ip("link set port nomaster")
    interface_of(on_port, service)


def test_a_program_that_keeps_deleting_the_interface(lab: Lab, on_port: Pair) -> None:
    """It is named as such, and the interface is there again once that has ended."""
    service = on_port.entry.create_service(on_port.exit, *WITH_INTERFACE)
    name = interface_of(on_port, service)

    def complains() -> bool:
        lab.entry.run("ip", "link", "delete", name, check=False)
        shown = on_port.entry.service(service)
        reason = shown["state_reason"] or ""
        return shown["state"] == "error" and "something keeps deleting" in reason and "ip monitor link" in reason

    wait_for(complains, 30, "a complaint")
    interface_of(on_port, service)


@pytest.mark.parametrize(
    ("choice", "words"), [("block", "new flows are refused"), ("step_aside", "new flows take the next best way")]
)
def test_a_target_that_does_not_answer(lab: Lab, pair: Pair, choice: str, words: str) -> None:
    service = pair.carry("10.2.0.0/24")
    pair.entry.cli("services", "update", service, "--when-unreachable", choice)
    pair.exit.kill()
    wait_for_reason(pair, service, "degraded", "does not answer", words)


def test_a_target_that_was_revoked(lab: Lab, pair: Pair) -> None:
    service = pair.carry("10.2.0.0/24")
    pair.entry.cli("peers", "delete", pair.exit.id, "--yes")
    wait_for_reason(pair, service, "error", "the target peer", "delete the service")


def test_a_target_that_was_not_met_yet(build: Path) -> None:
    """An agent that is back from a backup hears of its own service from others, and cannot reach who was added since then."""
    with TwoExits() as network:
        exits = Exits(network, build)
        for agent in exits.agents:
            agent.start()
        issue_license(build, exits.entry, exits.license)
        for agent in exits.agents:
            agent.bootstrap(exits.license)
        exits.entry.add_peer(exits.second)
        exits.entry.stop()
        backup = network.directory / "backup"
        shutil.copytree(exits.entry.data_dir, backup)
        exits.entry.start()
        exits.entry.add_peer(exits.first)
        service = exits.entry.create_service(exits.first)
        wait_for(lambda: exits.second.api("GET", f"/v1/services/{service}").status == 200, 10, "a service that others know")
        exits.entry.stop()
        shutil.rmtree(exits.entry.data_dir)
        shutil.copytree(backup, exits.entry.data_dir)
        network.wan1.down()
        exits.entry.start()
        wait_for(lambda: exits.entry.api("GET", f"/v1/services/{service}").status == 200, 20, "its own service again")
        wait_for_reason(exits, service, "pending", "has not completed a handshake", "captures nothing")
        network.wan1.up()
        wait_for(lambda: exits.entry.service(service)["state"] == "active", 70, "a service that is active")
        exits.end()


def test_what_this_version_cannot_do(pair: Pair) -> None:
    for options, words in (
        (("--transport", "kcp"), "transport kcp is not available"),
        (("--transport", "auto"), "transport auto is not available"),
        (("--bandwidth-limit", "10"), "bandwidth limits are not available"),
    ):
        service = pair.entry.create_service(pair.exit, *options)
        wait_for_reason(pair, service, "pending", words, "captures nothing")


def test_an_address_that_is_being_checked(on_port: Pair) -> None:
    """Nobody has it, and that takes seconds to know (RFC 5227 section 2.1.1, RFC 4862 section 5.4)."""
    service = on_port.entry.create_service(on_port.exit, *WITH_INTERFACE)
    wait_for_reason(on_port, service, "pending", "checking whether another host has 10.8.0.10")
    ipv6 = ("--requires-interface", "--desired-ipv6", "fd08::10/64")
    other = on_port.entry.create_service(on_port.exit, *ipv6)
    wait_for_reason(on_port, other, "pending", "checking whether another host has fd08::10")
    for made in (service, other):
        interface_of(on_port, made)


def test_a_source_that_was_not_heard_of_since_the_start(pair: Pair) -> None:
    """It has its state told by its source, here by way of the exit's own API."""
    service = pair.carry("10.2.0.0/24")
    token = pair.entry.token()
    pair.exit.stop()
    pair.entry.kill()
    pair.exit.start()
    shown = pair.exit.api("GET", f"/v1/services/{service}", token=token).json()
    assert shown["state"] == "pending" and "its source peer entry does not answer" in shown["state_reason"], shown


@pytest.mark.timing
def test_a_start_with_many_routes(pair: Pair) -> None:
    """Until the kernel has them all."""
    routes = [{"dest_cidr": f"10.{64 + n // 256}.{n % 256}.0/24", "priority": 100} for n in range(5000)]
    services = [pair.entry.create_service(pair.exit) for _ in range(4)]
    for service in services:
        assert pair.entry.api("POST", f"/v1/services/{service}/routes", {"routes": routes}).status == 201
    token = pair.entry.token()
    pair.entry.stop()
    pair.entry.launch()
    shown: dict[str, Any] = {}

    def answered() -> bool:
        with suppress(OSError):
            answer = pair.entry.api("GET", f"/v1/services/{services[0]}", token=token)
            shown.update(answer.json())
            return answer.status == 200
        return False

    wait_for(answered, 15, "an answer")
    assert shown["state"] == "pending" and "not applied yet" in shown["state_reason"], shown["state_reason"]
    wait_for(lambda: pair.entry.service(services[0])["state"] == "active", 20, "an active service")
