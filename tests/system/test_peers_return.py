"""Peers that were away: how often they are looked for, and how soon they are back."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from agents import Agent, Pair, running_pair
from arctic_lab import Lab, wait_for

# The peer can be dialled, and cannot dial.
MUTE = """
table inet mute {
    chain output {
        type filter hook output priority filter;
        tcp dport 61000 ct state new reject with tcp reset
    }
}
"""


def connected(agent: Agent) -> bool:
    (peer,) = agent.get("/v1/cluster/status")["peers"]
    return bool(peer["state"] == "connected")


def last_seen(agent: Agent) -> str:
    (peer,) = agent.get("/v1/cluster/status")["peers"]
    return str(peer["last_seen_at"])


def tries(agent: Agent) -> list[float]:
    """When the agent found that its peer does not answer, in seconds."""
    events = (json.loads(line) for line in agent.log.splitlines() if '"cannot reach peer"' in line)
    return [datetime.fromisoformat(event["time"]).timestamp() for event in events]


@pytest.mark.slow
def test_a_dead_peer_costs_little_and_is_found_within_ten_seconds(lab: Lab, build: Path) -> None:
    """The waits grow to 8 s and scatter; who comes back and cannot dial is met at the next try."""
    with running_pair(lab, build, LOG_LEVEL="debug") as pair:
        entry, exit_ = pair.entry, pair.exit
        wait_for(lambda: connected(entry) and connected(exit_), 10, "links both ways")
        exit_.kill()
        found = wait_for(lambda: (times := tries(entry)) if len(tries(entry)) == 5 else None, 60, "five tries")
        waits = [later - earlier for earlier, later in zip(found, found[1:], strict=False)]
        # A look each 0.5 s, and the dial itself.
        for wait, middle in zip(waits, (2, 4, 8, 8), strict=False):
            assert 0.75 * middle - 0.1 <= wait <= 1.25 * middle + 1, waits

        exit_.host.run("nft", "-f", "-", stdin=MUTE)
        exit_.start()
        wait_for(lambda: connected(entry), 11, "the peer met again by who looks for it")


def test_a_peer_that_dials_is_met_at_once(lab: Lab, build: Path) -> None:
    """Whatever the wait that has grown meanwhile."""
    with running_pair(lab, build, LOG_LEVEL="debug") as pair:
        entry, exit_ = pair.entry, pair.exit
        wait_for(lambda: connected(entry) and connected(exit_), 10, "links both ways")
        exit_.kill()
        wait_for(lambda: len(tries(entry)) == 3, 15, "tries; the next one is 6 s away at least")
        exit_.start()
        wait_for(lambda: connected(entry) and connected(exit_), 3, "both met again")


def test_when_a_peer_was_seen_outlasts_a_restart(pair: Pair) -> None:
    entry, exit_ = pair.entry, pair.exit
    met = last_seen(entry)
    wait_for(lambda: last_seen(entry) > met, 10, "a later answer")
    exit_.kill()
    wait_for(lambda: not connected(entry), 10, "the peer missed")
    seen = last_seen(entry)
    entry.stop()
    entry.start()
    assert last_seen(entry) == seen > met
    exit_.start()
