"""Destinations that an exit could not reach, by the thousand: what the agent remembers of them is bounded and harms nothing else."""

import select
import socket
import time

import pytest
from agents import Pair
from arctic_lab import Connection, Lab, Namespace, wait_for
from flows import VERSIONS, says

ECHO = 7
FIRST_PORT = 20_000
COUNT = 1000
AT_ONCE = 200


def knock(host: Namespace, address: str, ports: range) -> int:
    """Connects to all of them at once; how many were refused or reset."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    waiting = select.poll()
    sockets = {}
    for port in ports:
        connection = host.socket(family)
        connection.setblocking(False)
        connection.connect_ex((address, port))
        waiting.register(connection, select.POLLHUP | select.POLLERR)
        sockets[connection.fileno()] = connection
    ended = 0
    deadline = time.monotonic() + 20
    while sockets and time.monotonic() < deadline:
        for descriptor, _ in waiting.poll(1000):
            waiting.unregister(descriptor)
            sockets.pop(descriptor).close()
            ended += 1
    for connection in sockets.values():
        connection.close()
    return ended


@pytest.mark.parametrize("version", VERSIONS)
def test_a_burst_of_refusals(lab: Lab, pair: Pair, version: int) -> None:
    """A port scan through the exit: all of it is reset, and meanwhile flows, requests and changes go on as ever."""
    lab.server.serve("echo", ECHO)
    pair.carry()
    address = lab.server.address(version)
    hosts = (lab.client, lab.entry)
    with Connection(lab.client, address, ECHO) as open_flow:
        for number, start in enumerate(range(FIRST_PORT, FIRST_PORT + COUNT, AT_ONCE)):
            assert knock(hosts[number % 2], address, range(start, start + AT_ONCE)) == AT_ONCE
            assert says(open_flow)
            with Connection(lab.client, address, ECHO) as new_flow:
                assert says(new_flow)
        asked_at = time.monotonic()
        other = pair.entry.create_service(pair.exit, "--name", "meanwhile")
        pair.entry.add_route(other, dest="10.66.0.0/16")
        assert time.monotonic() - asked_at < 5
    listed = pair.entry.host.run("nft", "list", "set", "inet", "arctic", f"refused{version}").stdout
    assert "expires" in listed, "the last ones are remembered"

    def forgotten() -> bool:
        shown = pair.entry.host.run("nft", "list", "set", "inet", "arctic", f"refused{version}").stdout
        return "expires" not in shown

    wait_for(forgotten, 10, "all of them forgotten")
    assert pair.entry.api("GET", "/readyz", token=None).status == 200
