"""Flows that would come back to where they are from: refused once, with a word in the log, and never sent round."""

import contextlib
import time

import pytest
from agents import Agent, Pair
from arctic_lab import End, Lab, Namespace, wait_for
from flows import VERSIONS, peer_seen, received

ANYWHERE = ("0.0.0.0/0", "::/0")
NOWHERE = {4: "203.0.113.5", 6: "2001:db8::5"}
# A flow and the try that finds its way blocked; SYNs that are sent again.
FEW = 6


def ends_with_a_reset(host: Namespace, address: str, port: int = 80) -> None:
    """Already at its SYN, where another host's flow to the same destination has ended so a moment ago."""
    began_at = time.monotonic()
    with contextlib.suppress(ConnectionRefusedError):
        assert received(host, address, port) == (b"", End.RESET)
    assert time.monotonic() - began_at < 5


def serve_both_ways(pair: Pair) -> tuple[str, str]:
    """Two services that point at each other, each for everything."""
    services = []
    for source, target in ((pair.entry, pair.exit), (pair.exit, pair.entry)):
        service = source.create_service(target)
        for dest in ANYWHERE:
            source.add_route(service, dest=dest)
        services.append(service)
    wait_for(lambda: active(pair.entry, services[0]) and active(pair.exit, services[1]), 15, "both services")
    wait_for(lambda: known(pair.exit, services[0]) and known(pair.entry, services[1]), 15, "known at both ends")
    return services[0], services[1]


def active(agent: Agent, service: str) -> bool:
    return bool(agent.service(service)["state"] == "active")


def known(agent: Agent, service: str) -> bool:
    answer = agent.api("GET", f"/v1/services/{service}")
    return answer.status == 200 and answer.json()["route_count"] == len(ANYWHERE)


def circle_in(pair: Pair) -> None:
    wait_for(lambda: "circle" in pair.entry.log + pair.exit.log, 5, "a word in a log")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("interface", ["wan", "lan"])
def test_a_flow_of_the_target_peer_itself(lab: Lab, pair: Pair, version: int, interface: str) -> None:
    """From any of its addresses: what its own programs send through the entry is not sent back to it."""
    lab.client.serve("echo", 7)
    service = pair.carry(*ANYWHERE)
    destination = lab.client.address(version)
    lab.exit.ip(f"route replace {destination} via {lab.entry.address(version, 'wan')} src {lab.exit.address(version, interface)}")
    ends_with_a_reset(lab.exit, destination, 7)
    circle_in(pair)
    assert pair.entry.captured(service) <= FEW


@pytest.mark.parametrize("version", VERSIONS)
def test_an_exit_whose_default_route_is_the_entry(lab: Lab, pair: Pair, version: int) -> None:
    """What it opens comes by the entry again, which knows it for what it has sent; the client's flow ends, and the next one too."""
    lab.exit.add_route("default", lab.entry.address(version, "wan"))
    service = pair.carry(*ANYWHERE)
    ends_with_a_reset(lab.client, NOWHERE[version])
    circle_in(pair)
    assert pair.entry.captured(service) <= 2 * FEW


@pytest.mark.parametrize("version", VERSIONS)
def test_two_services_that_point_at_each_other(lab: Lab, pair: Pair, version: int) -> None:
    """Each carries what comes in at its side, and takes nothing of what the other one opens."""
    lab.server.serve("http", 80)
    lab.client.serve("http", 80)
    there, back = serve_both_ways(pair)
    assert peer_seen(lab.client, lab.server.address(version)) == lab.exit.address(version, "lan")
    assert peer_seen(lab.server, lab.client.address(version)) == lab.entry.address(version, "lan")
    assert pair.entry.captured(there) == pair.exit.captured(back) == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_two_such_services_and_default_routes_in_a_circle(lab: Lab, pair: Pair, version: int) -> None:
    """Each host would send what it does not know to the other one, by route and by service."""
    lab.exit.add_route("default", lab.entry.address(version, "wan"))
    lab.entry.add_route("default", lab.exit.address(version, "wan"))
    there, back = serve_both_ways(pair)
    for host in (lab.client, lab.server, lab.entry, lab.exit):
        ends_with_a_reset(host, NOWHERE[version])
    circle_in(pair)
    assert pair.entry.captured(there) + pair.exit.captured(back) <= 8 * FEW
