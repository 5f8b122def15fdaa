"""What commands tell their user besides the answer: what is left to do, and by which command."""

from typing import Any

from cli_alone import Cli, FakeAgent, cli, config, fake

__all__ = ["cli", "config", "fake"]  # fixtures

NEW_ID = "peer_01ARZ3NDEKTSV4RRFFQ69G5FAV"
NEW = {"id": NEW_ID, "name": "site-f", "state": "connected", "reachable": True}
FORMER = {
    "id": "peer_old",
    "name": "site-f",
    "state": "unreachable",
    "reachable": False,
    "last_seen_at": "2026-01-02T03:04:05.000Z",
}


def added(cli: Cli, fake: FakeAgent, *others: dict[str, Any], flags: tuple[str, ...] = ()) -> str:
    """What `peers add` says of a new peer where the cluster has others."""
    fake.answers = {"/v1/peers": {**NEW, "peers": [NEW, *others]}}
    return cli("--url", fake.url, "peers", "add", "10.0.0.6:8080", *flags).stderr


def test_a_rebuilt_agent_has_a_namesake_to_revoke(cli: Cli, fake: FakeAgent) -> None:
    told = added(cli, fake, FORMER, {"id": "peer_x", "name": "site-x", "reachable": False})
    assert "'arctic peers delete peer_old'" in told and "out of reach, last seen" in told
    assert "peer_x" not in told and f"delete {NEW_ID}" not in told
    assert "too" not in added(cli, fake)
    assert added(cli, fake, FORMER, flags=("--quiet",)) == ""


def test_a_namesake_that_works_is_to_be_renamed(cli: Cli, fake: FakeAgent) -> None:
    told = added(cli, fake, {**FORMER, "reachable": True, "state": "connected"})
    assert "arctic peers update ID --name NAME" in told and "peer_old" in told and "peers delete" not in told


def test_namesakes_are_told_apart(cli: Cli, fake: FakeAgent) -> None:
    fake.answers = {"/v1/peers": {"peers": [NEW, FORMER]}}
    told = cli("--url", fake.url, "peers", "get", "site-f", code=2).stderr
    assert f"{NEW_ID} (connected) and peer_old (unreachable)" in told
    told = cli("--url", fake.url, "services", "get", "twin", code=2).stderr
    assert "svc_1 and svc_2" in told


def test_a_peer_that_cannot_be_dialled_is_no_target(cli: Cli, fake: FakeAgent) -> None:
    behind_nat = {**FORMER, "name": "nat-d", "reachable": True}
    fake.answers = {"/v1/peers": {"peers": [NEW, behind_nat, FORMER]}}
    listed = cli("--url", fake.url, "peers", "list")
    assert listed.stderr.count("\n") == 1 and "Peer nat-d " in listed.stderr and "as target" in listed.stderr
    assert cli("--url", fake.url, "peers", "list", "--json").stderr == ""


def test_a_peer_that_still_differs_after_a_sync(cli: Cli, fake: FakeAgent) -> None:
    agrees = {"name": "site-a", "reached": True, "converged": True}
    differs = {"name": "site-c", "reached": True, "converged": False}
    away = {"name": "site-x", "reached": False, "converged": False}
    fake.answers = {"/v1/cluster/sync": {"kernel": {"ok": True}, "peers": [agrees, differs, away]}}
    told = cli("--url", fake.url, "cluster", "sync").stderr
    assert "Peer site-c does not hold the same records" in told and "record dropped" in told
    assert "Peer site-x was not reached." in told and "site-a" not in told and "Records are exchanged" not in told


def test_the_health_of_another_peer_names_that_peer(cli: Cli, fake: FakeAgent) -> None:
    fake.answers = {"/v1/peers": {"peers": [NEW]}}
    fake.unwell = True
    told = cli("--url", fake.url, "--peer", "site-f", "health", "--readyz", code=1).stderr
    assert f"peer site-f, asked by way of {fake.url}, is not ready (status 503)" in told
    assert f"the agent at {fake.url} is not ready" in cli("--url", fake.url, "health", "--readyz", code=1).stderr
