"""What a service says of itself when it does not work, where no other test provokes it: a sentence that says what to do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agents import Pair, running_pair
from arctic_lab import Lab, wait_for

WITH_INTERFACE = ("--requires-interface", "--desired-ipv4", "10.8.0.10/24")


@pytest.fixture
def on_port(lab: Lab, build: Path) -> Iterator[Pair]:
    """A pair whose entry has services' interfaces on one end of a cable of its own."""
    lab.entry.ip("link add name port type veth peer name socket", "link set port up", "link set socket up")
    # Nobody is at the other end: what this host itself says there would be taken for another host's.
    lab.entry.sysctl("net/ipv4/conf/socket/arp_ignore", 8)
    with running_pair(lab, build, PARENT_INTERFACE="port") as agents:
        yield agents


def wait_for_reason(pair: Pair, service: str, state: str, *words: str) -> None:
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
