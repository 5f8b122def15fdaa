"""Agents that are bootstrapped already come into a configuration file: after a loss, for a colleague, by https, with a new key."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from agents import Agent, Pair
from cli_alone import Cli, FakeAgent, cli, config, fake

__all__ = ["cli", "config", "fake"]  # fixtures

IDENTITY = {"peer_id": "peer_01ARZ3NDEKTSV4RRFFQ69G5FAV", "cluster_id": "clu_01ARZ3NDEKTSV4RRFFQ69G5FAV"}
HTTPS = {"entry": "https://10.9.0.1:8443", "exit": "https://10.9.0.2:8443"}


@pytest.fixture
def colleague(module_pair: Pair, tmp_path: Path) -> Iterator[Path]:
    """A file with a credential that may see services and nothing else."""
    path = tmp_path / "credential.json"
    create = ("credentials", "create", "--scopes", "services.read", "--name", "colleague", "--out", str(path))
    shown = module_pair.entry.cli(*create)
    assert "sec_" not in shown.stdout + shown.stderr and stat_mode(path) == 0o600
    # It is not written over, and nothing is made then.
    assert "exists already" in module_pair.entry.cli(*create, code=6).stderr
    yield path
    module_pair.entry.cli("credentials", "revoke", "colleague", "--yes")


def saved(path: Path) -> dict[str, Any]:
    (cluster,) = yaml.safe_load(path.read_text())["clusters"].values()
    content: dict[str, Any] = cluster
    return content


def test_lost_credentials_are_replaced_on_the_host(module_pair: Pair, tmp_path: Path) -> None:
    entry = module_pair.entry
    path = tmp_path / "config.yaml"
    alone = ("--config", str(path))
    told = entry.cli(*alone, "--url", "http://127.0.0.1:8080", "peers", "list", code=3).stderr
    assert f"{path} has none for it" in told and "config add-agent" in told
    # Without --url it is the agent of this host.
    token = ("--recovery-token-file", str(entry.run_dir / "recovery.token"))
    made = entry.cli(*alone, *token, "credentials", "create", "--scopes", "admin", "--json").stdout
    add = ("config", "add-agent", "--url", "http://127.0.0.1:8080", "--credential-file", "-")
    shown = entry.cli(*alone, *add, stdin=made)
    assert "is the current one" in shown.stderr and "sec_" not in shown.stdout + shown.stderr
    assert {peer["name"] for peer in json.loads(entry.cli(*alone, "peers", "list", "-j").stdout)} == {"entry", "exit"}
    entry.cli("credentials", "revoke", json.loads(made)["client_id"], "--yes")
    told = entry.cli(*alone, "peers", "list", code=3).stderr
    assert "http://127.0.0.1:8080" in told and json.loads(made)["client_id"] in told and "recovery.token" in told


def test_a_colleague_with_few_rights(module_pair: Pair, colleague: Path, tmp_path: Path) -> None:
    entry = module_pair.entry
    alone = ("--config", str(tmp_path / "config.yaml"))
    add = ("config", "add-agent", "--url", HTTPS["entry"])
    assert "--credential-file" in entry.cli(*alone, *add, code=2).stderr
    assert not (tmp_path / "config.yaml").exists()
    entry.cli(*alone, *add, "--credential-file", str(colleague))
    assert json.loads(entry.cli(*alone, "services", "list", "--json").stdout) == []
    assert "SOURCE" in entry.cli(*alone, "services", "list").stdout
    assert "credentials.read" in entry.cli(*alone, "credentials", "list", code=3).stderr
    assert saved(tmp_path / "config.yaml")["peers"][0]["endpoints"] == [HTTPS["entry"]]


def test_https_of_agents_that_are_known(module_pair: Pair, tmp_path: Path) -> None:
    entry = module_pair.entry
    path = tmp_path / "config.yaml"
    path.write_bytes(entry.config.read_bytes())
    path.chmod(0o600)
    alone = ("--config", str(path))
    for url in HTTPS.values():
        entry.cli(*alone, "config", "add-agent", "--url", url)
        entry.cli(*alone, "--url", url, "peers", "list")
    before = saved(path)
    assert [peer["endpoints"][0] for peer in before["peers"]] == list(HTTPS.values())
    assert before["client_id"] == entry.credentials[0]
    # A key that is not the one kept is not taken silently, and its owner gets no secret.
    path.write_text(path.read_text().replace(before["peers"][1]["fingerprint"], f"sha256:{7:064x}"))
    again = ("config", "add-agent", "--url", HTTPS["exit"])
    assert "--fingerprint" in entry.cli(*alone, *again, code=3).stderr
    assert "add-agent" in entry.cli(*alone, "--url", HTTPS["exit"], "peers", "list", code=3).stderr
    entry.cli(*alone, *again, "--fingerprint", f"sha256:{8:064x}", code=3)
    entry.cli(*alone, *again, "--fingerprint", before["peers"][1]["fingerprint"])
    assert saved(path) == before


def test_a_stranger_gets_no_credential_of_the_file(module_pair: Pair, tmp_path: Path) -> None:
    """The file's cluster knows no such key of the peer, here since it cannot be asked."""
    entry = module_pair.entry
    path = tmp_path / "config.yaml"
    content = yaml.safe_load(entry.config.read_text())
    for cluster in content["clusters"].values():
        cluster["peers"] = [{**peer, "endpoints": ["http://127.0.0.1:9"]} for peer in cluster["peers"]]
    path.write_text(yaml.safe_dump(content))
    path.chmod(0o600)
    told = entry.cli("--config", str(path), "config", "add-agent", "--url", HTTPS["exit"], code=4).stderr
    assert "nobody vouches" in told and "--fingerprint" in told
    assert yaml.safe_load(path.read_text()) == content


def test_credentials_that_do_not_hold(cli: Cli, fake: FakeAgent, config: Path, tmp_path: Path) -> None:
    fake.answers["/v1/cluster/identity"] = IDENTITY
    fake.refused_clients = {"cli_1"}
    (tmp_path / "wrong.json").write_text('{"client_id": "cli_1", "client_secret": "sec_1"}')
    (tmp_path / "other.json").write_text('{"license_id": "lic_1"}')
    (tmp_path / "good.yaml").write_text("client_id: cli_2\nclient_secret: sec_2\n")
    add = ("config", "add-agent", "--url", fake.url)
    told = cli(*add, "--credential-file", "wrong.json", code=3).stderr
    assert fake.url in told and "cli_1" in told
    assert "other.json holds no credential" in cli(*add, "--credential-file", "other.json", code=1).stderr
    cli(*add, "--credential-file", "nothing.json", code=1)
    assert "needs --url" in cli("config", "add-agent", code=2).stderr
    assert not config.exists()
    cli(*add, "--credential-file", "good.yaml")
    cluster = saved(config)
    assert (cluster["client_id"], cluster["client_secret"]) == ("cli_2", "sec_2")
    assert cluster["cluster_id"] == IDENTITY["cluster_id"] and cluster["peers"][0]["endpoints"] == [fake.url]
    assert stat_mode(config) == 0o600


def stat_mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
