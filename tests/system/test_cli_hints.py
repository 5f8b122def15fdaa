"""What commands tell their user besides the answer: what is left to do, and by which command."""

from typing import Any

from cli_alone import Cli, FakeAgent, cli, config, fake

__all__ = ["cli", "config", "fake"]  # fixtures

NEW = {"id": "peer_new", "name": "site-f", "state": "connected", "reachable": True}
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
    assert "peer_x" not in told and "delete peer_new" not in told
    assert "too" not in added(cli, fake)
    assert added(cli, fake, FORMER, flags=("--quiet",)) == ""


def test_a_namesake_that_works_is_to_be_renamed(cli: Cli, fake: FakeAgent) -> None:
    told = added(cli, fake, {**FORMER, "reachable": True, "state": "connected"})
    assert "arctic peers update ID --name NAME" in told and "peer_old" in told and "peers delete" not in told


def test_namesakes_are_told_apart(cli: Cli, fake: FakeAgent) -> None:
    fake.answers = {"/v1/peers": {"peers": [NEW, FORMER]}}
    told = cli("--url", fake.url, "peers", "get", "site-f", code=2).stderr
    assert "peer_new (connected) and peer_old (unreachable)" in told
    told = cli("--url", fake.url, "services", "get", "twin", code=2).stderr
    assert "svc_1 and svc_2" in told
