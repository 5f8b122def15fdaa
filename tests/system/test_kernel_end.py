"""The end of an agent, clean or not, and what belongs to others: nothing of theirs is touched, nothing of ours stays."""

import subprocess

import pytest
from arctic_lab import wait_for
from kernel_probe import AUTO, OWNER, PLAIN, Connection, Network, Probe
from kernel_setup import (
    FAMILIES,
    MODES,
    SERVER,
    SETTINGS,
    StartProbe,
    assert_captured,
    assert_direct,
    everything,
    kernel_state,
    nft,
    rules,
)
from probe import ProbeError


@pytest.mark.parametrize("mode", MODES)
def test_killed_agent_lets_all_pass_and_restart_cleans_up(
    network: Network, start: StartProbe, mode: str
) -> None:
    before = rules(network.entry)
    probe = start(table_mode=MODES[mode])
    probe.apply(*everything())
    assert_captured(network)
    captured = [
        Connection(host, SERVER[version]) for host in (network.client, network.entry) for version in FAMILIES
    ]
    probe.kill()
    assert_direct(network)
    assert ("table inet arctic" in nft(network.entry, "list", "tables")) == (mode == "plain")
    assert "arctic0" not in network.entry.run("ip", "link").stdout
    for connection in captured:
        with pytest.raises(OSError):  # it can not live, but it ends at once instead of hanging
            while connection.alive():
                pass
            raise ConnectionResetError
    again = start(table_mode=MODES[mode])
    again.apply(*everything())
    assert_captured(network)
    assert rules(network.entry).count("lookup 61000") == 2
    again.stop()
    assert_direct(network)
    assert rules(network.entry) == before


def test_restart_with_other_options_replaces_leftovers(network: Network, start: StartProbe) -> None:
    first = start(table_mode=PLAIN)
    first.apply(*everything())
    first.kill()
    second = start(table_mode=AUTO, mark_mask=0x00FFF000, rule_priority=50, route_table=4711)
    assert_direct(network)
    second.apply(*everything())
    assert_captured(network)
    assert "610:" not in rules(network.entry)
    assert rules(network.entry).count("lookup 4711") == 2
    assert "flags owner" in nft(network.entry, "list", "table", "inet", "arctic")


@pytest.mark.parametrize("mode", MODES)
def test_clean_stop_leaves_nothing(network: Network, start: StartProbe, mode: str) -> None:
    before = kernel_state(network.entry)
    probe = start(table_mode=MODES[mode])
    probe.apply(*everything())
    during = kernel_state(network.entry)
    assert all(during[name] != before[name] for name in list(before)[:-1])
    assert during[list(before)[-1]] == before[list(before)[-1]]
    probe.stop()
    assert kernel_state(network.entry) == before


def test_others_settings_are_kept_at_a_clean_stop(network: Network, start: StartProbe) -> None:
    probe = start()
    probe.apply()
    assert network.entry.run("cat", "/proc/sys/net/ipv4/tcp_slow_start_after_idle").stdout.strip() == "0"
    rmem = network.entry.run("cat", "/proc/sys/net/ipv4/tcp_rmem").stdout.split()
    assert int(rmem[2]) >= 64 << 20
    network.entry.sysctl("net/ipv4/tcp_rmem", "4096 100000 200000")
    probe.stop()
    assert network.entry.run("cat", "/proc/sys/net/ipv4/tcp_rmem").stdout.split() == [
        "4096",
        "100000",
        "200000",
    ]


@pytest.mark.parametrize("mode", MODES)
def test_what_is_not_ours_is_not_touched(network: Network, start: StartProbe, mode: str) -> None:
    nft(
        network.entry, "add table inet other; add chain inet other c { type filter hook forward priority 0; }"
    )
    nft(
        network.entry,
        "add table ip arctic; add chain ip arctic c; add rule ip arctic c ip saddr 192.0.2.1 accept",
    )
    network.entry.ip(
        "rule add fwmark 0x1/0x1 lookup 100 pref 610",
        "rule add fwmark 0x80000000/0x80000000 lookup 100 pref 611",
        "route add blackhole 192.0.2.0/24 table 61000",
    )
    try:
        before = kernel_state(network.entry)
        for stop in (Probe.kill, Probe.stop):
            probe = start(table_mode=MODES[mode])
            probe.apply(*everything())
            assert_captured(network)
            stop(probe)
            for path, value in SETTINGS.items():  # which a killed agent can not put back
                network.entry.sysctl(path, value)
        after = kernel_state(network.entry)
        assert after == before
    finally:
        network.entry.ip("rule del pref 610", "rule del pref 611", "route flush table 61000")


def test_second_agent_is_refused_and_harms_nothing(network: Network, start: StartProbe) -> None:
    for mode in (OWNER, PLAIN):
        first = start(table_mode=mode)
        first.apply(*everything())
        with pytest.raises(ProbeError, match="another agent") as caught:
            start(table_mode=mode)
        assert caught.value.code == "ALREADY_EXISTS"
        assert_captured(network)
        first.stop()


def test_interface_of_someone_else_is_refused(network: Network, start: StartProbe) -> None:
    network.entry.ip("tuntap add arctic0 mode tun")
    try:
        with pytest.raises(ProbeError, match="arctic0"):
            start()
    finally:
        network.entry.ip("link del arctic0")


def test_table_of_someone_else_is_refused(network: Network, start: StartProbe) -> None:
    nft(network.entry, "add table inet arctic; add chain inet arctic mine")
    with pytest.raises(ProbeError, match="not made") as caught:
        start()
    assert caught.value.code == "ALREADY_EXISTS"
    assert "chain mine" in nft(network.entry, "list", "table", "inet", "arctic")
    nft(network.entry, "flush", "ruleset")
    with subprocess.Popen(
        network.entry.command("nft", "-i"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as holder:
        assert holder.stdin
        holder.stdin.write("add table inet arctic { flags owner; }\n")
        holder.stdin.flush()
        wait_for(lambda: "arctic" in nft(network.entry, "list", "tables"), what="the other owner's table")
        with pytest.raises(ProbeError, match="another running process"):
            start()
        holder.stdin.close()
