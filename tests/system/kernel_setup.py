"""
What the tests of lib/kernel share: the network, probes that are cleaned up after, and who takes connections. The fixtures are for
every file (conftest.py).
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from arctic_lab import Namespace
from kernel_probe import (
    DIRECT,
    OWNER,
    PLAIN,
    Connection,
    Network,
    Probe,
    Service,
    direct_server,
    service_id,
    taker,
)

ANY = ("0.0.0.0/0", "::/0")
FAMILIES = (4, 6)
SERVER = {4: "10.2.0.2", 6: "fd02::2"}
ENTRY = {4: "10.1.0.1", 6: "fd01::1"}
MODES = {"owner": OWNER, "plain": PLAIN}
# What the probe changes and a killed one leaves behind, as the machine may have it.
SETTINGS = {
    "net/ipv4/tcp_slow_start_after_idle": "1",
    "net/ipv4/tcp_min_rtt_wlen": "300",
    "net/ipv4/tcp_rmem": "4096 131072 6291456",
    "net/ipv4/tcp_wmem": "4096 16384 4194304",
}
StartProbe = Callable[..., Probe]


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with Network() as made, direct_server(made.server):
        for path, value in SETTINGS.items():
            made.entry.sysctl(path, value)
        yield made


@pytest.fixture
def start(network: Network, tmp_path: Path) -> Iterator[StartProbe]:
    """Starts probes on the entry; they are killed at the end and leave nothing to the next test."""
    probes: list[Probe] = []

    def start_probe(**options: Any) -> Probe:
        probe = Probe(network.entry, tmp_path / "probe.log", **options)
        probes.append(probe)
        return probe

    yield start_probe
    for probe in probes:
        probe.kill()
    network.entry.run("nft", "flush", "ruleset")
    for path, value in SETTINGS.items():
        network.entry.sysctl(path, value)
    for family in ("-4", "-6"):
        while network.entry.run("ip", family, "rule", "del", "protocol", "161", check=False).returncode == 0:
            pass


def everything(*ids: str) -> list[Service]:
    """One service that takes all destinations, of both families."""
    return [Service([(None, ANY[0], 100), (None, ANY[1], 100)], id=ids[0] if ids else service_id())]


def nft(host: Namespace, *words: str) -> str:
    return host.run("nft", *words).stdout


def rules(host: Namespace) -> str:
    return host.run("ip", "-4", "rule").stdout + host.run("ip", "-6", "rule").stdout


@pytest.fixture
def sysctl(network: Network) -> Iterator[Callable[[str, int], None]]:
    before: dict[str, str] = {}

    def change(path: str, value: int) -> None:
        before.setdefault(path, network.entry.run("cat", f"/proc/sys/{path}").stdout.strip())
        network.entry.sysctl(path, value)

    yield change
    for path, value in before.items():
        network.entry.sysctl(path, value)


def assert_captured(network: Network) -> None:
    for host in (network.client, network.entry):
        for version in FAMILIES:
            with Connection(host, SERVER[version]) as connection:
                assert connection.taker != DIRECT
                assert connection.alive()


def assert_refused(network: Network) -> None:
    for host in (network.client, network.entry):
        for version in FAMILIES:
            with pytest.raises(ConnectionRefusedError):
                Connection(host, SERVER[version])


def assert_direct(network: Network) -> None:
    for host in (network.client, network.entry):
        for version in FAMILIES:
            assert taker(host, SERVER[version], timeout=0.9) == DIRECT  # at the first SYN


def kernel_state(host: Namespace) -> dict[str, str]:
    commands = (
        "nft list ruleset",
        "ip -4 rule",
        "ip -6 rule",
        "ip -4 route show table all",
        "ip -br link",
        "sysctl net.ipv4.tcp_slow_start_after_idle net.ipv4.tcp_min_rtt_wlen net.ipv4.tcp_rmem net.ipv4.tcp_wmem",
        "sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.ipv4.conf.all.rp_filter",
    )
    return {command: host.run(*command.split()).stdout for command in commands}


def ours(host: Namespace) -> dict[str, str]:
    """What an agent keeps in the kernel, in the words of others' tools and without numbers that come and go."""
    shown = {
        "table": host.run("nft", "--stateless", "list", "table", "inet", "arctic", check=False).stdout,
        "link": host.run("ip", "-br", "link", "show", "arctic0", check=False).stdout,
        "settings": host.run(
            "sysctl", *(name.replace("/", ".") for name in SETTINGS), check=False
        ).stdout,
    }
    for family in ("-4", "-6"):
        rules = host.run("ip", family, "rule").stdout.splitlines()
        shown[f"rules{family}"] = "\n".join(line for line in rules if "proto 161" in line)
        shown[f"routes{family}"] = host.run(
            "ip", family, "route", "show", "table", "61000", check=False
        ).stdout
    return shown
