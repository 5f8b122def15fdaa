"""The DHCP client against dnsmasq. Its clock leaps where a lease has to become old."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from arctic_lab import wait_for
from dhcp import IDENTIFIER, INTERFACE, ArpSocket, DhcpProbe, Dnsmasq, Lan

StartProbe = Callable[..., DhcpProbe]
StartServer = Callable[..., Dnsmasq]
Leased = tuple[Dnsmasq, DhcpProbe, dict[str, Any]]


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Lan() as made:
        yield made


@pytest.fixture
def start(lan: Lan, tmp_path: Path) -> Iterator[StartProbe]:
    probes: list[DhcpProbe] = []

    def start_probe(*prefix: str, **options: object) -> DhcpProbe:
        probes.append(DhcpProbe(lan.client, tmp_path / "probe.log", *prefix, **options))
        return probes[-1]

    yield start_probe
    for probe in probes:
        probe.kill()


@pytest.fixture
def serve(lan: Lan, tmp_path: Path) -> StartServer:
    def start_server(*options: str, first: str = "10.1.0.50", last: str = "10.1.0.90") -> Dnsmasq:
        return Dnsmasq(lan.server, tmp_path, first, last, *options)

    return start_server


@pytest.fixture
def leased(start: StartProbe, serve: StartServer) -> Leased:
    """A server, a client, and the lease that it has obtained."""
    server = serve()
    probe = start()
    return server, probe, probe.bound()


def replace(lan: Lan, server: Dnsmasq, directory: Path, network: str = "10.1.0") -> Dnsmasq:
    """Another server in place of the first one, which knows nothing of its leases."""
    server.stop()
    if network != "10.1.0":
        lan.other.ip("addr flush dev lan", f"addr add {network}.1/24 dev lan")
    return Dnsmasq(lan.other, directory, f"{network}.50", f"{network}.90")


def renew_three_times(probe: DhcpProbe, server: Dnsmasq, lease: dict[str, Any]) -> None:
    """Its server acknowledges a lease, which is of two minutes, three times a minute."""
    wait_for(lambda: server.count("DHCPACK") == 1, what="the first acknowledgement in the server's log")
    for number in (2, 3, 4):
        # The announcements are over and the lease is fresh: before T1 there is more left than from T1 to T2.
        wait_for(lambda: probe.status()["due"] > 46_000, what="a lease that is not due")
        probe.leap()
        wait_for(lambda wanted=number: server.count("DHCPACK") == wanted, what="acknowledgement")
    assert probe.bound()["address"] == lease["address"]


def test_lease_is_obtained_and_announced(lan: Lan, start: StartProbe, serve: StartServer) -> None:
    server = serve("--domain=lab.example", "--dhcp-option=option:dns-server,9.9.9.9,9.9.9.10")
    links = lan.client.run("ip", "address", "show", "dev", INTERFACE).stdout
    with closing(ArpSocket(lan.other)) as arp:
        probe = start()
        assert probe.status()["reason"] == f"waiting for a DHCP lease on {INTERFACE}"
        lease = probe.bound()
        assert arp.announced(lease["address"], lan.mac())
    assert lease["address"].startswith("10.1.0.")
    assert 50 <= int(lease["address"].rpartition(".")[2]) <= 90
    assert lease["prefix_length"] == 24
    assert lease["server"] == "10.1.0.1"
    assert lease["routers"] == ["10.1.0.1"]
    assert lease["dns"] == ["9.9.9.9", "9.9.9.10"]
    assert lease["domain"] == "lab.example"
    assert lease["expires_at"] - lease["rebind_at"] == 15
    assert 50 <= lease["expires_at"] - lease["renew_at"] <= 75
    row = server.leases.read_text().split()
    assert row[1:] == [lan.mac(), lease["address"], "web", IDENTIFIER]
    assert "vendor class: arctic" in server.log()
    assert f'info netmgr: DHCP lease obtained interface="{INTERFACE}"' in probe.log()
    # The lease is for the interface's owner to use: nothing is changed here.
    assert lan.client.run("ip", "address", "show", "dev", INTERFACE).stdout == links
    probe.stop()


def test_lease_is_renewed_by_unicast(lan: Lan, leased: Leased) -> None:
    server, probe, lease = leased
    lan.put(lease["address"])
    sniffer = lan.server.start("tcpdump", "-nli", "lan", "--immediate-mode", "udp port 67")
    sniffer.wait_for_output("listening on lan")
    renew_three_times(probe, server, lease)
    sniffer.wait_for_output(f"IP {lease['address']}.68 > 10.1.0.1.67")
    assert "255.255.255.255" not in sniffer.log()
    assert server.count("DHCPDISCOVER") == 1


def test_lease_comes_and_is_renewed_through_a_relay(lan: Lan, start: StartProbe, tmp_path: Path) -> None:
    lan.move_server_away()
    server = Dnsmasq(lan.server, tmp_path, "10.1.0.50", "10.1.0.90", interface="far")
    relay = lan.other.start(
        "dnsmasq",
        *("--no-daemon", "--conf-file=/dev/null", "--port=0", "--user=root", "--pid-file"),
        "--dhcp-relay=10.1.0.2,10.8.0.1",
    )
    relay.wait_for_output("DHCP relay from 10.1.0.2 to 10.8.0.1")
    probe = start()
    lease = probe.bound()
    assert lease["server"] == "10.8.0.1"
    lan.put(lease["address"])
    sniffer = lan.server.start("tcpdump", "-nli", "far", "--immediate-mode", "udp port 67")
    sniffer.wait_for_output("listening on far")
    renew_three_times(probe, server, lease)
    # Straight from the client, past the relay.
    sniffer.wait_for_output(f"IP {lease['address']}.68 > 10.8.0.1.67")
    assert "10.1.0.2.67" not in sniffer.log()


def test_another_server_takes_a_lease_over(lan: Lan, leased: Leased, tmp_path: Path) -> None:
    server, probe, lease = leased
    lan.put(lease["address"])
    second = replace(lan, server, tmp_path)
    probe.leap(80)  # beyond T1
    status = probe.wait_for("bound")
    assert status["lease"] == lease
    probe.leap(30)  # beyond T2
    wait_for(lambda: probe.bound()["server"] == "10.1.0.2", what="the lease from the other server")
    assert probe.status()["lease"]["address"] == lease["address"]
    assert probe.status()["reason"] == ""
    assert lease["address"] in second.leases.read_text()
    assert second.count("DHCPDISCOVER") == 0


def test_silence_ends_a_lease_and_a_server_that_returns_is_found(
    lan: Lan, leased: Leased, serve: StartServer
) -> None:
    server, probe, lease = leased
    server.stop()
    probe.leap(61)  # beyond T1
    probe.leap()  # to T2
    status = probe.wait_for("bound", "is not renewed: no answer for")
    assert status["lease"] == lease
    probe.leap()
    status = probe.wait_for("waiting", f"the DHCP lease of {lease['address']} has ended")
    assert status["lease"] is None
    serve()
    probe.leap(5)
    assert probe.bound()["address"] == lease["address"]


def test_refusal_in_another_network_begins_anew(lan: Lan, leased: Leased, tmp_path: Path) -> None:
    server, probe, lease = leased
    lan.put(lease["address"])
    second = replace(lan, server, tmp_path, "10.7.0")
    probe.tell("link")
    wait_for(lambda: (probe.status()["lease"] or {}).get("address", "") != lease["address"])
    assert probe.bound()["address"].startswith("10.7.0.")
    assert second.count("DHCPNAK") == 1


def test_lease_outlives_a_restart(lan: Lan, leased: Leased, start: StartProbe) -> None:
    server, probe, lease = leased
    probe.kill()
    assert lease["address"] in server.leases.read_text()
    probe = start(former=lease)
    assert probe.status()["state"] in ("confirming", "checking", "bound")
    assert probe.bound()["address"] == lease["address"]
    assert server.count("DHCPDISCOVER") == 1
    assert server.count("DHCPREQUEST") == 2


def test_restart_in_another_network_begins_anew(leased: Leased, start: StartProbe) -> None:
    server, probe, lease = leased
    probe.kill()
    probe = start(former={**lease, "address": "10.9.0.7", "server": "10.9.0.1"})
    assert probe.bound()["address"] == lease["address"]
    assert server.count("DHCPNAK") == 1


def test_lease_is_used_where_the_server_is_silent_after_a_restart(
    lan: Lan, leased: Leased, start: StartProbe
) -> None:
    server, probe, lease = leased
    probe.kill()
    server.stop()
    probe = start(former=lease)
    status = probe.wait_for("confirming", f"whether the DHCP lease of {lease['address']} on {INTERFACE}")
    assert status["lease"] is None
    probe.leap(6)
    wait_for(lambda: probe.status()["due"] > 5000, what="the second request")
    probe.leap(10)
    assert probe.bound() == lease
    # And it ends when it would have.
    probe.leap(120)
    assert probe.wait_for("waiting")["lease"] is None


def test_lease_that_ended_meanwhile_is_not_used(leased: Leased, start: StartProbe) -> None:
    server, probe, lease = leased
    probe.kill()
    server.stop()
    old = {**lease, "renew_at": 1000, "rebind_at": 1001, "expires_at": 1002}
    probe = start(former=old)
    assert probe.status()["state"] == "waiting"
    probe.leap(2)
    wait_for(lambda: probe.status()["due"] > 2000, what="the first message")
    probe.leap()
    status = probe.wait_for("waiting", "no answer for")
    assert status["lease"] is None


def test_release_gives_the_address_back(lan: Lan, leased: Leased) -> None:
    server, probe, lease = leased
    assert lease["address"] in server.leases.read_text()
    status = probe.tell("release")
    assert (status["state"], status["lease"]) == ("released", None)
    wait_for(lambda: server.leases.read_text().strip() == "", what="no lease in the server's file")
    probe.stop()


def test_address_in_use_is_declined(lan: Lan, start: StartProbe, serve: StartServer) -> None:
    server = serve(first="10.1.0.50", last="10.1.0.51")
    lan.other.ip("addr add 10.1.0.50/32 dev lan", "addr add 10.1.0.51/32 dev lan")
    probe = start()
    status = probe.wait_for("conflict")
    declined = status["reason"].split()[0]
    assert declined in ("10.1.0.50", "10.1.0.51")
    assert (
        status["reason"] == f"{declined} offered by 10.1.0.1 is in use by {lan.other.mac('lan')}: declined"
    )
    assert status["lease"] is None
    wait_for(lambda: server.count("DHCPDECLINE") == 1, what="the decline in the server's log")
    assert 9_000 < status["due"] <= 10_000
    assert "warn netmgr: no DHCP lease yet" in probe.log()
    lan.other.ip("addr del 10.1.0.50/32 dev lan", "addr del 10.1.0.51/32 dev lan")
    probe.leap()
    assert probe.bound()["address"] in ("10.1.0.50", "10.1.0.51")


def test_address_that_another_host_takes_is_defended(lan: Lan, leased: Leased) -> None:
    _, probe, lease = leased
    wait_for(lambda: probe.status()["due"] > 10_000)  # the announcements are over
    with closing(ArpSocket(lan.other)) as arp:
        arp.claim(lease["address"])
        assert arp.announced(lease["address"], lan.mac())
    said = f"is used by {lan.other.mac('lan')} too"
    status = probe.wait_for("bound", said)
    assert status["lease"] == lease
    with closing(ArpSocket(lan.server)) as arp:
        for _ in range(3):
            probe.leap(5)
            arp.claim(lease["address"])
            wait_for(lambda: probe.wait_for("bound", said)["due"] > 0)
    assert probe.log().count("another host uses an address") == 1, "whoever claims it, as often as he likes"
    probe.leap(61)
    assert probe.wait_for("bound")["lease"]["address"] == lease["address"]
    wait_for(lambda: probe.status()["reason"] == "", what="the reason to be gone")
    assert probe.log().count("no other host uses the address") == 1


def test_interface_that_is_down_is_said(lan: Lan, start: StartProbe, serve: StartServer) -> None:
    serve()
    lan.client.ip(f"link set {INTERFACE} down")
    probe = start()
    probe.wait_for("waiting", f"DHCP cannot send on {INTERFACE}: Network is down")
    lan.client.ip(f"link set {INTERFACE} up")
    probe.tell("link")
    assert probe.bound()["server"] == "10.1.0.1"


def as_nobody(*capabilities: str) -> list[str]:
    sets = ",".join(["-all", *(f"+{name}" for name in capabilities)])
    raised = [f"--inh-caps={sets}", f"--ambient-caps={sets}"] if capabilities else []
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", f"--bounding-set={sets}", *raised]


def test_raw_sockets_are_all_that_it_needs(start: StartProbe, serve: StartServer) -> None:
    serve()
    probe = start(*as_nobody("net_raw"))
    assert probe.bound()["server"] == "10.1.0.1"
    with pytest.raises(RuntimeError, match="packet socket.*Operation not permitted|CAP_NET_RAW"):
        start(*as_nobody())
