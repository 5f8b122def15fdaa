"""A peer that can dial and cannot be dialled, as behind a NAT: for control it is in reach, and what is known of it is shown."""

from collections.abc import Iterator
from typing import Any

import pytest
from agents import Agent, Pair
from arctic_lab import wait_for

BLOCK = """
table inet one-way {
    chain input {
        type filter hook input priority filter;
        tcp dport 61000 drop
    }
}
"""


@pytest.fixture
def one_way(pair: Pair) -> Iterator[Pair]:
    """Nobody gets through to the tunnel port of the entry, which dials the exit."""
    wait_for(lambda: seen(pair)["state"] == "connected", 10, "links both ways")
    pair.entry.host.run("nft", "-f", "-", stdin=BLOCK)
    wait_for(lambda: seen(pair)["state"] == "unreachable", 20, "the exit's own link given up")
    yield pair


def seen(pair: Pair) -> Any:
    """What the exit knows of the entry."""
    (peer,) = pair.exit.get("/v1/cluster/status")["peers"]
    return peer


def shown(agent: Agent, *command: str) -> dict[str, str]:
    """The line of the other peer in a table, by column."""
    lines = [line for line in agent.cli(*command).stdout.splitlines() if line]
    header = next(i for i, line in enumerate(lines) if line.startswith("ID "))
    columns = lines[header].split()
    starts = [lines[header].index(column) for column in columns]
    (row,) = [line for line in lines[header + 1 :] if "entry" in line]
    ends = [*starts[1:], len(row)]
    return {column: row[start:end].strip() for column, start, end in zip(columns, starts, ends, strict=True)}


def test_such_a_peer_is_reachable_and_known_to_agree(one_way: Pair) -> None:
    entry, exit_ = one_way.entry, one_way.exit
    service = entry.create_service(exit_)
    wait_for(lambda: seen(one_way)["converged"], 5, "the exit knows that both hold the same")
    peer = seen(one_way)
    assert (peer["state"], peer["reachable"], peer["rtt_ms"]) == ("unreachable", True, None)
    assert peer["registry_hash"] == exit_.get("/v1/cluster/status")["registry_hash"]
    assert exit_.get("/v1/cluster/status")["converged"]
    assert exit_.get(f"/v1/peers/{entry.id}")["rtt_ms"] is None
    assert exit_.cli_json("peers", "get", "entry")["rtt_ms"] is None
    assert shown(exit_, "peers", "list")["RTT_MS"] == "-"
    status = shown(exit_, "cluster", "status")
    assert (status["REACHABLE"], status["RTT_MS"]) == ("yes", "-")

    # What it is asked and what it has to say take the one link that there is, both ways.
    wait_for(lambda: exit_.service(service)["state"] == "active", 5, "the state of its service")
    changed = exit_.api("PUT", f"/v1/services/{service}", {"name": "asked-of-the-entry"})
    assert changed.status == 200, changed

    def listed() -> tuple[str, str]:
        (item,) = [item for item in exit_.get("/v1/services")["services"] if item["id"] == service]
        return item["name"], item["state"]

    assert listed()[0] == "asked-of-the-entry"
    wait_for(lambda: listed()[1] == "active", 5, "the state as the entry has told it")
    body = {"source_peer_id": exit_.id, "target_peer_id": entry.id, "transport_type": "tcp"}
    made = entry.api("POST", "/v1/services", body).json()
    assert made["state"] == "degraded", "a service has to dial its target"
    assert "has reached this agent and cannot be dialled" in made["state_reason"]
    wait_for(lambda: listed_state(entry, made["id"]) == "degraded", 5, "its state at the entry")


def listed_state(agent: Agent, service: str) -> str:
    (found,) = [item for item in agent.get("/v1/services")["services"] if item["id"] == service]
    return str(found["state"])


def test_synchronisation_reaches_it(one_way: Pair) -> None:
    answer = one_way.exit.api("POST", "/v1/cluster/sync")
    assert answer.status == 200, answer
    (peer,) = answer.json()["peers"]
    assert (peer["state"], peer["reached"], peer["converged"]) == ("unreachable", True, True)


def test_one_that_falls_silent_is_out_of_reach(one_way: Pair) -> None:
    wait_for(lambda: seen(one_way)["converged"], 5, "the exit knows that both hold the same")
    one_way.lab.wan.down()
    wait_for(lambda: not seen(one_way)["reachable"], 10, "out of reach, before the link is given up")
    assert not seen(one_way)["converged"]
    one_way.lab.wan.up()
    wait_for(lambda: seen(one_way)["converged"], 15, "back")

    one_way.entry.kill()
    wait_for(lambda: not seen(one_way)["reachable"], 5, "its link has ended")
    assert seen(one_way)["registry_hash"] is None
    one_way.entry.start()
