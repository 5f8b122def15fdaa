"""An agent on a host that an earlier one has left by kill -9: stale tables, rules and settings do no harm, and none of them stays."""

import re
from pathlib import Path

import pytest
from agents import running_pair
from arctic_lab import Lab, wait_for
from flows import VERSIONS, carried
from foreign import Foreign
from kernel_setup import kernel_state, ours

MODES = ("owner", "plain")


def carried_everywhere(lab: Lab) -> set[bool]:
    """Whether flows are carried, of both origins and families."""
    return {carried(lab, host, version) for host in (lab.client, lab.entry) for version in VERSIONS}


@pytest.mark.parametrize("after", MODES)
@pytest.mark.parametrize("mode", MODES)
def test_a_host_left_by_kill_9(lab: Lab, build: Path, mode: str, after: str) -> None:
    """Also where a service was deleted, and settings were changed, while nobody was there."""
    lab.server.serve("http", 80)
    foreign = Foreign(lab.entry)
    foreign.make()
    before, others = kernel_state(lab.entry), foreign.snapshot()
    with running_pair(lab, build, TABLE_MODE=mode) as pair:
        service = pair.carry()
        whole = ours(lab.entry)
        pair.entry.kill()
        assert carried_everywhere(lab) == {False}
        left = lab.entry.run("nft", "list", "ruleset").stdout
        assert (service.removeprefix("svc_") in left) == (mode == "plain")
        assert lab.entry.run("ip", "rule").stdout.count("proto 161") == 3
        if mode == "plain":  # somebody has been there with a broom
            lab.entry.run("nft", "flush chain inet arctic prerouting; delete element inet arctic exempt4 { 127.0.0.0/8 }")
        lab.entry.run("ip", "rule", "del", "pref", "610")
        lab.entry.sysctl("net/ipv4/tcp_min_rtt_wlen", 44)
        pair.entry.settings["TABLE_MODE"] = after
        pair.entry.start()
        wait_for(lambda: pair.entry.request("GET", "/readyz").status == 200, 10, "an agent that is ready")
        wait_for(lambda: carried_everywhere(lab) == {True}, 10, "flows that are carried")
        again = ours(lab.entry)
        if after == mode:
            assert without_port(again) == without_port(whole)
        assert ("flags owner" in again["table"]) == (after == "owner")
        assert foreign.snapshot() == others
        assert "someone changed" not in pair.entry.log
        pair.entry.stop()
        # What others have set in the meantime is theirs.
        lab.entry.sysctl("net/ipv4/tcp_min_rtt_wlen", before_of(before, "tcp_min_rtt_wlen"))
        ended = kernel_state(lab.entry)
        assert "table inet arctic" not in ended.pop("nft list ruleset")
        assert ended.items() <= before.items()
        assert foreign.snapshot() == others


def without_port(shown: dict[str, str]) -> dict[str, str]:
    """The port that captured connections are handed to is a free one of each start."""
    return {**shown, "table": re.sub(r"(127\.0\.0\.1|\[::1\]):\d+", "", shown["table"])}


def before_of(state: dict[str, str], setting: str) -> str:
    (line,) = [
        line
        for shown in state.values()
        for line in shown.splitlines()
        if line.startswith(f"net.ipv4.{setting}")
    ]
    return line.partition("=")[2].strip()
