"""A service that blocks, while somebody keeps deleting the ip rules or routes that hold captured packets on the host."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from arctic_lab import wait_for
from exits import Exits, in_clear, running_exits
from flows import VERSIONS

COMMANDS = {
    "rules": [("rule", "del", "pref", str(priority)) for priority in (609, 610, 611)],
    "routes": [("route", "flush", "table", "61000")],
}


@pytest.fixture(scope="module")
def exits(build: Path) -> Iterator[Exits]:
    """The first exit's service blocks, and the exit answers."""
    with running_exits(build) as running:
        running.service(running.first, 100, "--when-unreachable", "block")
        yield running


def delete(exits: Exits, what: str) -> None:
    for family in ("-4", "-6"):
        for command in COMMANDS[what]:
            exits.network.entry.run("ip", family, *command, check=False)


def complains(exits: Exits) -> bool:
    """The agent does not fight at the other's speed any more: from now on they are missing for seconds."""
    return "the next time after a wait" in exits.entry.log


def all_by_first(exits: Exits) -> bool:
    hosts = (exits.network.client, exits.network.entry)
    return all(exits.way(host, version) == "first" for host in hosts for version in VERSIONS)


@pytest.mark.parametrize("what", COMMANDS)
def test_captured_packets_stay_on_the_host(exits: Exits, what: str) -> None:
    """New flows wait for the repair, forwarded and made on the host, and then go on."""
    network = exits.network
    wait_for(lambda: all_by_first(exits), 30, "flows by the exit")

    def deleted_again() -> bool:
        delete(exits, what)
        return complains(exits)

    with in_clear(network) as seen:
        wait_for(deleted_again, 20, "an agent that waits")
        until = time.monotonic() + 2
        while time.monotonic() < until:
            for host in (network.client, network.entry):
                for version in VERSIONS:
                    delete(exits, what)
                    assert exits.way(host, version, timeout=0.1) in ("nothing", "first")
        exits.entry.cli("cluster", "sync")
        wait_for(lambda: all_by_first(exits), 30, "flows by the exit")
    assert not seen, f"{len(seen)} packets in clear, the first: {seen[0].hex()}"
