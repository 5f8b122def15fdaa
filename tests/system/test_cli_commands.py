"""Every command and flag against live agents: peers, credentials, cluster, licence, and agents that are asked in other ways."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from agents import Agent, CliFailed, Pair, issue_license
from arctic_lab import Lab, wait_for
from cli_alone import Cli, cli, config

__all__ = ["cli", "config"]  # fixtures

COMMANDS = """
bootstrap
peers list get add update delete remove-self
services list get create update delete
routes list add update delete explain
credentials list create revoke rotate
cluster identity status sync init
license status update keygen issue
compose init export fmt validate diff apply
config view add-agent clusters use-cluster name-cluster use-peer set path
health
version
completion
"""
GLOBAL_FLAGS = (
    *("--url", "--config", "--cluster", "--peer", "-o, --output", "-j, --json", "--timeout", "--no-color"),
    *("-q, --quiet", "-v, --verbose", "--recovery-token-file", "--help", "--version"),
)


@pytest.fixture
def entry(module_pair: Pair) -> Agent:
    return module_pair.entry


@pytest.fixture
def credential(entry: Agent) -> Iterator[dict[str, Any]]:
    """A client for this test alone."""
    made = entry.cli_json("credentials", "create", "--scopes", "services.read,peers.read", "--name", "monitoring")
    yield made
    if made["client_id"] in {one["client_id"] for one in entry.cli_json("credentials", "list")}:
        entry.cli("credentials", "revoke", made["client_id"], "--yes")


def saved(agent: Agent) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(agent.config.read_text())
    return content


def config_with(path: Path, agent: Agent, **cluster: Any) -> str:
    """A configuration file like the agent's, with other members of its cluster."""
    content = saved(agent)
    content["clusters"][content["current_cluster"]].update(cluster)
    path.touch(0o600)
    path.write_text(yaml.safe_dump(content))
    return str(path)


def test_the_commands_are_all_there(cli: Cli) -> None:
    overview = cli("--help").stdout
    for row in COMMANDS.strip().splitlines():
        group, *commands = row.split()
        for command in [f"{group} {command}" for command in commands] or [group]:
            assert re.search(rf"^  {command} ", overview, re.MULTILINE), command
            assert cli(*command.split(), "--help").stdout.startswith(f"Usage: arctic {command}")
    for flag in GLOBAL_FLAGS:
        assert re.search(rf"^ +(-\w, )?{flag}\b", overview, re.MULTILINE), flag
    for singular in ("peer", "service", "route", "credential"):
        assert cli(singular, "list", "--help").stdout.startswith(f"Usage: arctic {singular}s list")


# Peers


def test_peers_update(module_pair: Pair, entry: Agent) -> None:
    changed = entry.cli_json("peers", "update", "entry", "--name", "paris", "--description", "rack 4")
    assert (changed["name"], changed["description"]) == ("paris", "rack 4")
    # The configuration file knows it by its new name.
    (cluster,) = saved(entry)["clusters"].values()
    assert cluster["peers"][0]["name"] == "paris"
    assert entry.cli("--cluster", "paris", "health").returncode == 0
    shown = entry.cli("peers", "update", "paris", "--name", "entry", "--description", "")
    assert "is updated" in shown.stderr and not entry.cli_json("peers", "get", "entry")["description"]
    # The other one's name is changed by way of this one.
    assert entry.cli_json("peers", "update", "exit", "--description", "far")["description"] == "far"
    assert module_pair.exit.cli_json("peers", "get", "exit")["description"] == "far"
    entry.cli("peers", "update", "entry", code=2)
    entry.cli("peers", "update", "nobody", "--name", "x", code=5)
    entry.cli("peers", "update", "entry", "--name", "x" * 300, code=6)


def test_peers_add_says_that_a_name_stays(entry: Agent) -> None:
    for arguments in (("peers", "add", "10.9.0.2:8080", "--name", "rome"), ("peers", "add", "10.9.0.2:8080", "--name", "rome", "-j")):
        told = entry.cli(*arguments).stderr
        assert "keeps the name exit" in told and "peers update exit --name rome" in told


def test_an_unknown_host_is_named_once(entry: Agent) -> None:
    told = entry.cli("peers", "add", "no-such-host.invalid:8080", code=6).stderr
    assert told.count("cannot reach the agent") == 1 and told.count("no-such-host.invalid:8080") == 1


def test_peers_delete(pair: Pair) -> None:
    pair.entry.create_service(pair.exit, "--name", "out")
    assert "--yes" in pair.entry.cli("peers", "delete", "exit", code=2).stderr
    itself = pair.entry.cli("peers", "delete", "entry", "--yes", code=2).stderr
    assert "remove-self" in itself
    assert len(pair.entry.cli_json("peers", "list")) == 2
    told = pair.entry.cli("peers", "delete", "exit", "--yes")
    assert told.stdout == "" and "revoked" in told.stderr
    assert [peer["name"] for peer in pair.entry.cli_json("peers", "list")] == ["entry"]
    assert "out is error" in pair.entry.cli("services", "list").stderr
    pair.entry.cli("peers", "add", "10.9.0.2:8080", code=6)


def test_remove_self(pair: Pair) -> None:
    cluster, own_id = saved(pair.entry)["current_cluster"], pair.entry.id
    pair.entry.cli("peers", "remove-self", code=2)
    told = pair.entry.cli("peers", "remove-self", "--yes").stderr
    assert own_id in told and "has left" in told
    # Its credentials are worth nothing any more; an old copy of the file still has them.
    assert saved(pair.entry)["clusters"] == {} and "current_cluster" not in saved(pair.entry)
    copy = pair.entry.config.with_name("config.yaml.1")
    assert cluster in yaml.safe_load(copy.read_text())["clusters"]
    wait_for(lambda: len(pair.exit.cli_json("peers", "list")) == 1, 5, "the other agent has heard of it")
    # It can begin anew.
    pair.entry.bootstrap(pair.license)
    assert len(pair.entry.cli_json("peers", "list")) == 1


# Credentials


def test_credentials(module_pair: Pair, entry: Agent, credential: dict[str, Any], tmp_path: Path) -> None:
    assert credential["client_secret"].startswith("sec_")
    assert {scope.rpartition(":")[2] for scope in credential["scopes"]} == {"services.read", "peers.read"}
    table = entry.cli("credentials", "list").stdout
    (row,) = [line for line in table.splitlines() if "monitoring" in line]
    assert table.split()[:4] == ["CLIENT_ID", "NAME", "SCOPES", "CREATED"]
    assert table.splitlines()[0].split()[4] == "PEER" and row.split()[-1] == entry.name
    assert row.split()[:2] == [credential["client_id"], "monitoring"] and "services.read" in row and "urn:" not in row
    assert "sec_" not in table + entry.cli("credentials", "list", "-o", "yaml").stdout
    # It does what it may, and no more.
    kept = {name: credential[name] for name in ("client_id", "client_secret")}
    own = config_with(tmp_path / "config.yaml", entry, **kept)
    assert entry.cli("--config", own, "services", "list").returncode == 0
    refused = entry.cli("--config", own, "services", "create", "--target-peer", "exit", code=3).stderr
    assert "scope" in refused
    # By name, and at once.
    assert "--yes" in entry.cli("credentials", "revoke", "monitoring", code=2).stderr
    assert "revoked" in entry.cli("credentials", "revoke", "monitoring", "--yes").stderr
    entry.cli("--config", own, "services", "list", code=3)
    assert "credentials list" in entry.cli("credentials", "revoke", "monitoring", "--yes", code=5).stderr


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        ((), 2, "--scopes"),
        (("--scopes", "services.fly"), 6, "services.fly"),
        (("--scopes", ","), 6, "scopes"),
        (("--scopes", "admin", "--name", "a\tb"), 6, "name"),
        (("--scopes", "admin", "--out", "/no/such/folder/admin.json"), 1, "/no/such/folder/admin.json"),
    ],
)
def test_credentials_that_cannot_be(entry: Agent, options: tuple[str, ...], code: int, text: str) -> None:
    before = entry.cli_json("credentials", "list")
    refused = entry.cli("credentials", "create", *options, code=code)
    assert text in refused.stderr and refused.stdout == ""
    assert entry.cli_json("credentials", "list") == before


def test_services_are_listed_with_the_scope_for_services_alone(
    module_pair: Pair, entry: Agent, tmp_path: Path
) -> None:
    service = entry.create_service(module_pair.exit)
    credential = entry.cli_json("credentials", "create", "--scopes", "services.read")
    kept = {name: credential[name] for name in ("client_id", "client_secret")}
    own = config_with(tmp_path / "config.yaml", entry, **kept)
    listed = entry.cli("--config", own, "services", "list")
    (row,) = [line for line in listed.stdout.splitlines() if service in line]
    assert entry.id in row and "peers.read" in listed.stderr
    entry.cli("credentials", "revoke", credential["client_id"], "--yes")
    entry.cli("services", "delete", service, "--yes")


def test_rotating_the_clusters_secret(entry: Agent, tmp_path: Path) -> None:
    before = saved(entry)
    old = config_with(tmp_path / "old.yaml", entry)
    shown = entry.cli_json("credentials", "rotate")
    assert shown["client_secret"].startswith("sec_") and saved(entry) == before
    kept = entry.cli("credentials", "rotate", "--update-config")
    assert "sec_" not in kept.stdout + kept.stderr and str(entry.config) in kept.stderr
    after = saved(entry)
    (cluster,) = after["clusters"].values()
    assert cluster["client_id"] == shown["client_id"] and cluster["client_secret"] != shown["client_secret"]
    assert {**cluster, "client_secret": ""} == {**before["clusters"][before["current_cluster"]], "client_secret": ""}
    assert entry.cli("services", "list").returncode == 0
    # The old ones hold on for their day, also the one that was only shown.
    assert entry.cli("--config", old, "services", "list").returncode == 0
    one_before = config_with(tmp_path / "shown.yaml", entry, client_secret=shown["client_secret"])
    assert entry.cli("--config", one_before, "services", "list").returncode == 0


def test_rotating_for_a_file_that_lacks_the_credential(entry: Agent, credential: dict[str, Any], tmp_path: Path) -> None:
    admin = entry.cli_json("credentials", "create", "--scopes", "admin")
    kept = {name: admin[name] for name in ("client_id", "client_secret")}
    other = config_with(tmp_path / "config.yaml", entry, **kept)
    refused = entry.cli("--config", other, "credentials", "rotate", "--update-config", code=2)
    assert "--update-config" in refused.stderr
    assert entry.cli("services", "list").returncode == 0
    entry.cli("credentials", "revoke", admin["client_id"], "--yes")


# Cluster and licence


def test_cluster(module_pair: Pair, entry: Agent) -> None:
    identity = entry.cli_json("cluster", "identity")
    assert identity["peer_id"] == entry.id and identity["peer_id"] in entry.cli("cluster", "identity").stdout
    synced = entry.cli("cluster", "sync")
    assert re.search(r"exit +connected +yes", synced.stdout) and "kernel" in synced.stdout
    assert entry.cli_json("cluster", "sync")["kernel"]["ok"] is True
    wait_for(lambda: entry.cli_json("cluster", "status")["converged"], 10, "both agents know the same")
    shown = entry.cli("cluster", "status").stdout
    assert shown.splitlines()[0] == "Converged: the one peer is reachable, and holds the same records."
    assert re.search(rf"^{module_pair.exit.id} +exit +yes +\d+ s ago +[0-9.]+ +yes +\d", shown, re.MULTILINE)
    peers = entry.cli("peers", "list").stdout
    assert re.search(rf"^{module_pair.exit.id} +exit +\S+ +connected +yes +\d+ s ago +[0-9.]+ ", peers, re.MULTILINE)
    assert "totals.services" in shown and "REGISTRY_HASH" in shown


def test_cluster_init(module_pair: Pair, entry: Agent) -> None:
    told = entry.cli("cluster", "init", code=6).stderr
    assert "--force" in told
    before = entry.cli_json("cluster", "identity")["cluster_id"]
    assert "--yes" in entry.cli("cluster", "init", "--force", code=2).stderr
    assert entry.cli_json("cluster", "identity")["cluster_id"] == before


def test_license(module_pair: Pair, entry: Agent, build: Path, tmp_path: Path) -> None:
    status = entry.cli_json("license", "status")
    assert status["state"] == "valid" and status["max_nodes"] == 10 and status["usage"]["nodes"] == 2
    assert "days_left" in entry.cli("license", "status").stdout
    terms = ("--max-nodes", "20", "--max-services", "100", "--days", "365")
    stranger = issue_license(build, entry, tmp_path / "stranger.json", *terms)
    assert "customer" in entry.cli("license", "update", "--license-file", str(stranger), code=6).stderr
    # Later than the present one, whose time is in whole seconds.
    issued = status["issued_at"]

    def is_later() -> bool:
        (tmp_path / "new.json").unlink(missing_ok=True)
        new = issue_license(build, entry, tmp_path / "new.json", *terms, "--customer", status["customer_id"])
        return bool(json.loads(new.read_text())["issued_at"] > issued)

    wait_for(is_later, 5, "a licence that was issued later")
    updated = entry.cli("license", "update", "--license-file", "-", stdin=(tmp_path / "new.json").read_text())
    assert "in place" in updated.stderr and re.search(r"max_nodes +20", updated.stdout)
    assert entry.cli_json("license", "status")["max_nodes"] == 20
    assert "--peer" not in updated.stderr and "other peers follow" in updated.stderr
    wait_for(lambda: module_pair.exit.cli_json("license", "status")["max_nodes"] == 20, 10, "the licence at the other peer")
    (tmp_path / "broken.json").write_text("{")
    assert "broken.json:1" in entry.cli("license", "update", "--license-file", str(tmp_path / "broken.json"), code=6).stderr


# Routes and services


def test_routes_explain(module_pair: Pair, entry: Agent) -> None:
    service = entry.create_service(module_pair.exit, "--name", "explained")
    general = entry.add_route(service, dest="10.2.0.0/16", priority=200)
    special = entry.add_route(service, source="10.1.0.0/16", dest="10.2.0.0/24", priority=300)
    question = ("routes", "explain", "--source", "10.1.0.5", "--dest", "10.2.0.5")
    answer = entry.cli_json(*question)
    assert answer["winner"]["route_id"] == special and [r["route_id"] for r in answer["losers"]] == [general]
    shown = entry.cli(*question)
    rows = shown.stdout.splitlines()
    assert rows[0].split() == ["SERVICE", "ROUTE", "SOURCE", "DEST", "PRIORITY", "CLASS", "STATE", "WHY"]
    assert rows[1].split()[:2] == ["explained", str(special)] and rows[2].split()[:2] == ["explained", str(general)]
    assert "Carried by service explained" in shown.stderr
    elsewhere = entry.cli("routes", "explain", "--source", "10.1.0.5", "--dest", "192.0.2.1", "--interface", "eth9")
    assert "Goes directly" in elsewhere.stderr
    assert "source" in entry.cli("routes", "explain", "--source", "x", "--dest", "10.2.0.5", code=6).stderr
    entry.cli("routes", "explain", "--source", "10.1.0.5", code=2)
    entry.cli("services", "delete", service, "--yes")


def test_what_shapes_a_service(module_pair: Pair, entry: Agent) -> None:
    shaping = ("--bandwidth-limit", "100", "--rtt", "80", "--memory-limit", "4096")
    made = entry.cli_json("services", "create", "--target-peer", "exit", *shaping)
    assert made["qos"] == {"bandwidth_limit_mbps": 100, "rtt_ms": 80, "memory_limit_kb": 4096}
    changed = entry.cli_json("services", "update", made["id"], "--bandwidth-limit", "0", "--rtt", "0")
    assert changed["qos"] == {"bandwidth_limit_mbps": 0, "rtt_ms": 0, "memory_limit_kb": 4096}
    assert changed["bandwidth_limit_mbps"] == 0
    entry.cli("services", "update", made["id"], "--rtt", "slow", code=2)
    entry.cli("services", "delete", made["id"], "--yes")


def test_a_cidr_is_taken_back(module_pair: Pair, entry: Agent) -> None:
    service = entry.create_service(module_pair.exit)
    route = str(entry.add_route(service, source="10.1.0.0/16", dest="10.2.0.0/24"))
    cleared = entry.cli_json("routes", "update", "--service", service, "--route", route, "--source-cidr", "")
    assert (cleared["source_cidr"], cleared["dest_cidr"]) == (None, "10.2.0.0/24")
    entry.cli("routes", "update", "--service", service, "--route", route, "--dest-cidr", "", code=6)
    entry.cli("services", "delete", service, "--yes")


# Other ways to ask an agent


def test_another_peer_is_addressed(module_pair: Pair, entry: Agent) -> None:
    there = module_pair.exit
    assert entry.cli_json("--peer", "exit", "cluster", "identity")["peer_id"] == there.id
    assert entry.cli_json("peers", "list", "--local", "--peer", there.id)[0]["name"] == "exit"
    made = entry.cli_json("--peer", there.id[:-4], "services", "create", "--target-peer", "entry", "--name", "back")
    assert made["source_peer_id"] == there.id
    assert there.cli_json("services", "get", "back")["id"] == made["id"]
    entry.cli("--peer", "exit", "routes", "add", "--service", "back", "--dest-cidr", "10.1.0.0/24", "--priority", "1")
    assert len(there.cli_json("routes", "list", "--service", "back")) == 1
    # Carried there without being told to as well, since the service says whose it is.
    entry.cli("services", "delete", made["id"], "--yes")
    assert "back" not in {service["name"] for service in there.cli_json("services", "list")}
    assert "'nobody'" in entry.cli("--peer", "nobody", "services", "list", code=5).stderr


def test_the_recovery_token(module_pair: Pair, entry: Agent, tmp_path: Path) -> None:
    token = entry.run_dir / "recovery.token"
    nobody = ("--config", str(tmp_path / "none.yaml"), "--url", "http://127.0.0.1:8080")
    entry.cli(*nobody, "services", "list", code=3)
    made = json.loads(
        entry.cli(
            *nobody, "--recovery-token-file", str(token), "credentials", "create", "--scopes", "admin", "--json"
        ).stdout
    )
    listed = entry.cli(*nobody, "--recovery-token-file", "-", "credentials", "list", stdin=token.read_text())
    assert made["client_id"] in listed.stdout
    entry.cli("credentials", "revoke", made["client_id"], "--yes")
    # It does not go over an open wire, nor does what is no token get anywhere.
    away = entry.cli(
        *nobody[:2], "--url", "http://10.9.0.2:8080", "--recovery-token-file", str(token), "peers", "list", code=2
    )
    assert "https" in away.stderr and token.read_text().strip() not in away.stderr
    (tmp_path / "empty").touch()
    assert "no recovery token" in entry.cli(
        *nobody, "--recovery-token-file", str(tmp_path / "empty"), "peers", "list", code=2
    ).stderr
    entry.cli(*nobody, "--recovery-token-file", str(tmp_path / "missing"), "peers", "list", code=1)
    (tmp_path / "wrong").write_text("A" * 43)
    entry.cli(*nobody, "--recovery-token-file", str(tmp_path / "wrong"), "peers", "list", code=3)


@pytest.fixture
def bare(lab: Lab, build: Path) -> Iterator[Pair]:
    """Two agents that nobody has bootstrapped yet."""
    agents = Pair(lab, build)
    for agent in (agents.entry, agents.exit):
        agent.start()
    issue_license(build, agents.entry, agents.license)
    yield agents
    agents.end()


def test_bootstrap_over_https_pins_what_it_shows(bare: Pair) -> None:
    agent = bare.entry
    url = "https://127.0.0.1:8443"
    command = ("bootstrap", "--url", url, "--license-file", str(bare.license), "--name", "entry")
    wrong = agent.cli(*command, "--fingerprint", "sha256:" + "ab" * 32, code=3)
    assert "ab" * 32 in wrong.stderr and not agent.config.exists()
    assert "sha256:12" in agent.cli(*command, "--fingerprint", "sha256:12", code=2).stderr
    plain = ("bootstrap", "--url", "http://127.0.0.1:8080", *command[3:])
    assert "https" in agent.cli(*plain, "--fingerprint", "sha256:" + "ab" * 32, code=2).stderr
    told = agent.cli(*command)
    fingerprint = agent.cli_json("cluster", "identity")["api_fingerprint"]
    assert fingerprint in told.stderr and "warning" not in told.stderr
    (cluster,) = saved(agent)["clusters"].values()
    (peer,) = cluster["peers"]
    assert (peer["endpoints"], peer["fingerprint"]) == ([url], fingerprint)
    assert agent.cli_json("peers", "list")[0]["name"] == "entry"
    # The agent is installed anew: what is advised is what helps.
    agent.stop()
    shutil.rmtree(agent.data_dir)
    agent.start()
    advised = agent.cli(*command, code=3).stderr
    assert "repeat this" in advised and "add-agent" not in advised
    (new,) = re.findall(r"shows the key (sha256:[0-9a-f]{64})", advised)
    agent.cli(*command, "--fingerprint", new)
    assert agent.cli_json("cluster", "identity")["api_fingerprint"] == new
    fingerprint = new
    # Also where the URL is typed; and another key is not talked to.
    assert agent.cli("--url", url, "services", "list").returncode == 0
    agent.config.write_text(agent.config.read_text().replace(fingerprint, "sha256:" + "ab" * 32))
    for arguments in (("services", "list"), ("--url", url, "services", "list")):
        refused = agent.cli(*arguments, code=3).stderr
        assert fingerprint in refused and "ab" * 32 in refused


def test_two_agents_in_one_file_become_one_cluster(bare: Pair) -> None:
    """After `peers add` one credential works at both, the file says so, and either agent may be away."""
    here, there = bare.entry, bare.exit
    for url, name in (("http://127.0.0.1:8080", "entry"), ("http://10.9.0.2:8080", "exit")):
        here.cli("bootstrap", "--url", url, "--license-file", str(bare.license), "--name", name)
    here.cli("config", "use-cluster", "entry")
    assert len(saved(here)["clusters"]) == 2
    assert "one cluster" in here.cli("peers", "add", "10.9.0.2:8080").stderr
    (cluster,) = saved(here)["clusters"].values()
    assert [peer["name"] for peer in cluster["peers"]] == ["entry", "exit"]
    assert cluster["cluster_id"] == here.cli_json("cluster", "identity")["cluster_id"]

    def local_name(*arguments: str) -> str:
        return str(here.cli_json(*arguments, "peers", "list", "--local")[0]["name"])

    assert local_name() == "entry" and local_name("--cluster", "exit") == "exit"
    here.cli("config", "use-peer", "exit")
    assert local_name() == "exit"
    there.stop()
    assert local_name() == "entry"
    there.start()
    assert local_name() == "exit"

    # When the agent goes whose credential is in use, the other one's own is used again.
    here.cli("--cluster", "entry", "peers", "remove-self", "--yes")
    (cluster,) = saved(here)["clusters"].values()
    assert [peer["name"] for peer in cluster["peers"]] == ["exit"]
    assert local_name() == "exit"


def test_a_command_that_fails_says_so_once(module_pair: Pair, entry: Agent) -> None:
    with pytest.raises(CliFailed):
        entry.cli("services", "get", "no-such-service")
    refused = entry.cli("services", "get", "no-such-service", code=5)
    assert refused.stdout == "" and refused.stderr.count("no-such-service") == 1
    quiet = entry.cli("-q", "services", "get", "no-such-service", code=5)
    assert len(quiet.stderr.splitlines()) == 1
