"""The configuration file of the command line: what a bootstrap saves, who may read it, and how it is changed."""

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli_alone import Cli, FakeAgent, cli, config, dead_url, fake, license_file, serving

__all__ = ["cli", "config", "dead_url", "fake", "license_file"]  # fixtures


def bootstrap(cli: Cli, fake: FakeAgent, license_file: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return cli("bootstrap", "--url", fake.url + "/", "--license-file", str(license_file), *args)


def test_bootstrap_saves_the_cluster(cli: Cli, fake: FakeAgent, license_file: Path, config: Path) -> None:
    result = bootstrap(cli, fake, license_file, "--name", "agent-a")
    assert "sec_" not in result.stdout + result.stderr and "clu_01ARZ3NDEKTSV4RRFFQ69G5FAV" in result.stdout
    assert "warning" not in result.stderr
    method, path, body = fake.requests[0]
    license = json.loads(license_file.read_text())
    assert (method, path) == ("POST", "/v1/bootstrap")
    assert json.loads(body) == {"license": license, "name": "agent-a"}
    saved = yaml.safe_load(config.read_text())
    assert saved["current_cluster"] == "clu_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    assert saved["clusters"][saved["current_cluster"]] == {
        "cluster_id": "clu_01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "customer_id": license["customer_id"],
        "client_id": "cli_01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "client_secret": "sec_very-secret",
        "peers": [{"peer_id": "peer_01ARZ3NDEKTSV4RRFFQ69G5FAV", "name": "agent-a", "endpoints": [fake.url]}],
        "default_peer": "peer_01ARZ3NDEKTSV4RRFFQ69G5FAV",
    }
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.parent.stat().st_mode) == 0o700

    # From now on the command knows whom to ask, and as whom.
    assert json.loads(cli("peers", "list", "--json").stdout) == []
    assert [path for _, path, _ in fake.requests[1:]] == ["/v1/oauth/token", "/v1/peers"]
    assert "client_secret=sec_very-secret" in fake.requests[1][2]
    view = cli("config", "view").stdout
    assert "sec_" not in view and yaml.safe_load(view)["current_cluster"] == saved["current_cluster"]
    assert cli("config", "path").stdout.strip() == str(config)


def test_credentials_that_cannot_be_saved_are_not_lost(cli: Cli, fake: FakeAgent, license_file: Path) -> None:
    """The agent tells its secret once: it is not asked for it where there is no place for it."""
    command = ("bootstrap", "--url", fake.url, "--license-file", str(license_file))
    result = cli("--config", "/proc/arctic/config.yaml", *command, code=1)
    assert result.stdout == "" and "/proc/arctic" in result.stderr and fake.requests == []
    fake.answers["/v1/bootstrap"] = {"client_secret": "sec_very-secret"}
    result = cli(*command, code=1)
    assert json.loads(result.stdout)["client_secret"] == "sec_very-secret" and "lacks its ids" in result.stderr


def test_a_file_that_cannot_be_read_stops_before_the_agent_is_asked(
    cli: Cli, fake: FakeAgent, license_file: Path, config: Path
) -> None:
    config.parent.write_text("a file where the folder should be")
    cli("bootstrap", "--url", fake.url, "--license-file", str(license_file), code=1)
    assert fake.requests == []


def test_a_file_that_is_no_licence_is_named(cli: Cli, fake: FakeAgent, config: Path) -> None:
    result = cli("bootstrap", "--url", fake.url, "--license-file", "/etc/hosts", code=6)
    assert "/etc/hosts: the licence is not valid JSON" in result.stderr and fake.requests == []


def test_a_current_cluster_that_is_gone_is_no_hindrance_to_a_url(cli: Cli, fake: FakeAgent, config: Path) -> None:
    config.parent.mkdir(parents=True)
    config.write_text("current_cluster: clu_gone\n")
    config.chmod(0o600)
    assert "not well" in cli("--url", fake.url, "health", code=1).stderr  # it was asked
    assert "clu_gone" in cli("health", code=5).stderr


def test_the_endpoint_that_worked_is_remembered(
    cli: Cli, fake: FakeAgent, license_file: Path, config: Path, dead_url: str
) -> None:
    bootstrap(cli, fake, license_file)
    saved = yaml.safe_load(config.read_text())
    (cluster,) = saved["clusters"].values()
    cluster["peers"][0]["endpoints"] = [dead_url, fake.url]
    config.write_text(yaml.safe_dump(saved))
    cli("peers", "list")
    (cluster,) = yaml.safe_load(config.read_text())["clusters"].values()
    assert cluster["peers"][0]["endpoints"] == [fake.url, dead_url]
    assert not config.with_name("config.yaml.1").exists()


def test_a_file_keeps_its_owner(cli: Cli, config: Path, tmp_path: Path) -> None:
    """Root has the recovery token, and a user's files at hand."""
    compose = tmp_path / "cluster.yaml"
    compose.write_text("version:  v1\n")
    cli("config", "set", "timeout", "5s")
    for path in (config, compose):
        os.chown(path, 1234, 2345)
    cli("config", "set", "timeout", "6s")
    cli("compose", "fmt", "--write", str(compose))
    assert compose.read_text() == "version: v1\n"
    for path in (config, config.with_name("config.yaml.1"), compose):
        assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345), path
    assert stat.S_IMODE(config.stat().st_mode) == 0o600


def test_a_file_that_says_it_already_stays_untouched(
    cli: Cli, fake: FakeAgent, license_file: Path, config: Path, dead_url: str
) -> None:
    bootstrap(cli, fake, license_file)
    saved = yaml.safe_load(config.read_text())
    (cluster,) = saved["clusters"].values()
    cluster["peers"].append({"peer_id": "peer_2", "name": "away", "endpoints": [dead_url]})
    cluster["default_peer"] = "peer_2"
    config.write_text("# of my own\n" + yaml.safe_dump(saved))
    cli("peers", "list")  # answered by the other peer, whose first endpoint it was
    cli("config", "use-cluster", saved["current_cluster"])
    assert config.read_text() == "# of my own\n" + yaml.safe_dump(saved)
    assert not config.with_name("config.yaml.1").exists()


def test_an_agent_that_began_anew_gets_its_new_credentials(
    cli: Cli, fake: FakeAgent, license_file: Path, config: Path
) -> None:
    bootstrap(cli, fake, license_file)
    old = yaml.safe_load(config.read_text())["current_cluster"]
    fake.refused_clients.add("cli_01ARZ3NDEKTSV4RRFFQ69G5FAV")
    fake.answers["/v1/bootstrap"] = {
        "peer_id": "peer_01ARZ3NDEKTSV4RRFFQ69G5FAW",
        "cluster_id": "clu_01ARZ3NDEKTSV4RRFFQ69G5FAW",
        "client_id": "cli_01ARZ3NDEKTSV4RRFFQ69G5FAW",
        "client_secret": "sec_new",
        "name": "agent-a",
    }
    bootstrap(cli, fake, license_file)
    cli("--url", fake.url, "peers", "list")
    saved = yaml.safe_load(config.read_text())
    # Also where it is not the current one, the last is the one that holds; but the current one is what its user chose.
    del saved["current_cluster"]
    config.write_text(yaml.safe_dump(saved, sort_keys=False))
    cli("--url", fake.url, "peers", "list")
    cli("config", "use-cluster", old)
    cli("--url", fake.url, "peers", "list", code=3)


def test_a_file_that_others_can_read_is_closed(
    cli: Cli, fake: FakeAgent, license_file: Path, config: Path
) -> None:
    bootstrap(cli, fake, license_file)
    config.chmod(0o644)
    assert "warning" in cli("config", "path").stderr
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert cli("config", "path").stderr == ""


def test_secrets_over_an_open_wire_draw_a_warning(
    cli: Cli, fake: FakeAgent, license_file: Path
) -> None:
    bootstrap(cli, fake, license_file)
    # A documentation address (RFC 5737): nothing answers there.
    result = cli("-q", "--url", "http://192.0.2.1:8080", "--timeout", "100ms", "peers", "list", code=4)
    assert "unencrypted" in result.stderr and "http://192.0.2.1:8080" in result.stderr
    result = cli("--url", "https://192.0.2.1:8080", "--timeout", "100ms", "peers", "list", code=4)
    assert "unencrypted" not in result.stderr
    # Health is asked for without a token: nothing secret is sent.
    result = cli("--url", "http://192.0.2.1:8080", "--timeout", "100ms", "health", code=4)
    assert "unencrypted" not in result.stderr


def test_services_that_do_not_work_are_named(cli: Cli, fake: FakeAgent) -> None:
    fake.answers = {
        "/v1/peers": {"peers": [{"id": "peer_1", "is_local": True}, {"id": "peer_2", "is_local": False}]},
        "/v1/services": {
            "services": [
                {"id": "svc_1", "name": "fine", "source_peer_id": "peer_1", "state": "active"},
                {
                    "id": "svc_2",
                    "name": "cut-off",
                    "source_peer_id": "peer_1",
                    "state": "degraded",
                    "state_reason": "the target peer does not answer",
                },
                {"id": "svc_3", "name": "elsewhere", "source_peer_id": "peer_2", "state": "pending"},
                {"id": "svc_4", "name": "far", "source_peer_id": "peer_2", "state": "active"},
            ]
        },
    }
    told = cli("--url", fake.url, "services", "list").stderr
    assert told == "Service cut-off is degraded: the target peer does not answer\nService elsewhere is pending\n"
    assert cli("--url", fake.url, "-q", "services", "list").stderr == ""


def test_clusters_are_listed_with_their_peers(cli: Cli, config: Path) -> None:
    config.parent.mkdir()
    config.touch(0o600)
    peers = [{"peer_id": "peer_1", "name": "agent-a"}, {"peer_id": "peer_2", "name": "agent-b"}]
    config.write_text(yaml.safe_dump({"clusters": {"clu_1": {"cluster_id": "clu_1", "peers": peers}}}))
    assert "agent-a, agent-b" in cli("config", "clusters").stdout


def test_switching_clusters(cli: Cli, config: Path) -> None:
    config.parent.mkdir()
    config.touch(0o600)
    clusters = {"clu_1": {"cluster_id": "clu_1", "name": "paris"}, "clu_2": {"cluster_id": "clu_2"}}
    config.write_text(yaml.safe_dump({"current_cluster": "clu_2", "clusters": clusters, "later": [1]}))
    cli("config", "use-cluster", "paris")
    saved = yaml.safe_load(config.read_text())
    assert saved == {"current_cluster": "clu_1", "clusters": clusters, "later": [1]}
    assert yaml.safe_load(config.with_name("config.yaml.1").read_text())["current_cluster"] == "clu_2"
    listed = json.loads(cli("config", "clusters", "--json").stdout)
    assert [(row["id"], row["current"]) for row in listed] == [("clu_1", True), ("clu_2", False)]
    assert "'rome'" in cli("config", "use-cluster", "rome", code=5).stderr


def test_clusters_whose_peers_have_one_name_are_named(cli: Cli, config: Path) -> None:
    config.parent.mkdir()
    config.touch(0o600)
    clusters = {key: {"cluster_id": key, "peers": [{"peer_id": "peer_1", "name": "hub"}]} for key in ("clu_1", "clu_2")}
    config.write_text(yaml.safe_dump({"clusters": clusters}))
    assert "config name-cluster" in cli("config", "use-cluster", "hub", code=2).stderr
    cli("config", "name-cluster", "clu_1", "paris")
    cli("config", "use-cluster", "paris")
    saved = yaml.safe_load(config.read_text())
    assert saved == {"current_cluster": "clu_1", "clusters": {**clusters, "clu_1": {**clusters["clu_1"], "name": "paris"}}}
    # What already means another one, by whatever name, is refused; what means this one is not.
    for taken in ("paris", "clu_1", "hub"):
        assert taken in cli("config", "name-cluster", "clu_2", taken, code=6).stderr
    cli("config", "name-cluster", "paris", "paris")
    cli("config", "name-cluster", "rome", "milan", code=5)
    cli("config", "name-cluster", "clu_1", code=2)
    cli("config", "name-cluster", "paris", "")
    assert yaml.safe_load(config.read_text())["clusters"] == clusters


def test_commands_at_the_same_time_lose_nothing(cli: Cli, config: Path) -> None:
    config.parent.mkdir()
    config.touch(0o600)
    clusters = {f"clu_{i}": {"cluster_id": f"clu_{i}"} for i in range(8)}
    config.write_text(yaml.safe_dump({"clusters": clusters}))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: cli("config", "use-cluster", name), clusters))
    saved = yaml.safe_load(config.read_text())
    assert saved["clusters"] == clusters and saved["current_cluster"] in clusters
    assert {path.name for path in config.parent.iterdir()} == {
        "config.yaml",
        "config.yaml.1",
        "config.yaml.2",
        "config.yaml.3",
    }


@pytest.mark.parametrize("text", ["a: [", "clusters: 7", "preferences: {output_format: xml}"])
def test_a_broken_file_is_named(cli: Cli, config: Path, text: str) -> None:
    config.parent.mkdir()
    config.touch(0o600)
    config.write_text(text)
    result = cli("peers", "list", code=1)
    assert str(config) in result.stderr
    assert config.read_text() == text


@pytest.mark.parametrize("text", ["clusters: [", "preferences: {output_format: xml}"])
def test_what_needs_no_file_goes_on_without(cli: Cli, config: Path, text: str) -> None:
    config.parent.mkdir()
    config.write_text(text)
    config.chmod(0o600)
    assert cli("config", "path").stdout.strip() == str(config)
    cli("version")
    cli("completion", "bash")
    cli("license", "keygen", "--out", "root.pem")
    assert config.read_text() == text


def test_a_file_is_mended(cli: Cli, config: Path) -> None:
    cli("config", "set", "timeout", "10s")
    cli("config", "set", "color", "never")
    config.write_text("clusters: [")
    assert f"{config}.1" in cli("peers", "list", code=1).stderr
    config.write_text("preferences: {output_format: xml, timeout: 10s}")
    told = cli("peers", "list", code=1).stderr
    assert "'xml'" in told and "config set output_format" in told
    assert "'xml'" in cli("config", "view").stderr
    cli("config", "set", "output_format", "")
    assert yaml.safe_load(config.read_text()) == {"preferences": {"timeout": "10s"}}
    assert "xml" not in cli("config", "view").stderr


def test_preferences(cli: Cli, config: Path) -> None:
    config.parent.mkdir()
    config.touch(0o600)
    config.write_text("preferences: {output_format: json, timeout: 5}\n")
    assert json.loads(cli("version").stdout)
    assert cli("version", "-o", "table").stdout.startswith("arctic ")


def test_preferences_are_set(cli: Cli, config: Path) -> None:
    cli("config", "set", "output_format", "json")
    cli("config", "set", "cache_ttl", "5")
    assert yaml.safe_load(config.read_text()) == {"preferences": {"output_format": "json", "cache_ttl": 5}}
    assert json.loads(cli("version").stdout)
    assert "default" in cli("config", "set", "output_format", "").stderr
    assert cli("version").stdout.startswith("arctic ")
    for _ in range(4):
        cli("config", "set", "timeout", "10s")
    assert len(list(config.parent.iterdir())) == 4
    cli("config", "set", "backup_retention", "1")
    assert {path.name for path in config.parent.iterdir()} == {"config.yaml", "config.yaml.1"}


def test_changes_of_every_kind_at_the_same_time(cli: Cli, config: Path) -> None:
    """Two commands may change different things: none is lost, and the file is whole at every moment."""
    clusters = {f"clu_{i}": entry(f"clu_{i}", str(i), "http://127.0.0.1:9") for i in range(4)}
    write(config, {"clusters": clusters, "current_cluster": "clu_0"})
    commands = [("config", "set", "timeout", "10s"), ("config", "set", "cache_ttl", "5"), ("config", "set", "color", "never")]
    commands += [("--cluster", name, "config", "use-peer", f"agent-{i}") for i, name in enumerate(clusters)]
    commands += [("config", "view")] * 8
    with ThreadPoolExecutor(8) as pool:
        views = [result.stdout for result in pool.map(lambda command: cli(*command), commands) if result.stdout]
    assert len(views) == 8 and all(len(yaml.safe_load(view)["clusters"]) == 4 for view in views)
    saved = yaml.safe_load(config.read_text())
    assert saved["preferences"] == {"timeout": "10s", "cache_ttl": 5, "color": "never"}
    assert [cluster["default_peer"] for cluster in saved["clusters"].values()] == [f"peer_{i}" for i in range(4)]


def test_a_full_disk_leaves_the_file_as_it_was(cli: Cli, config: Path, tmp_path: Path) -> None:
    folder = config.parent
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", folder], check=True)
    try:
        clusters = {"clu_1": {**entry("clu_1", "a", "http://127.0.0.1:9"), "description": "x" * 20000}}
        write(config, {"clusters": clusters, "current_cluster": "clu_1"})
        before = config.read_bytes()
        (folder / "ballast").write_bytes(b"x" * (4096 * (64 // 4 - 8)))
        result = cli("config", "use-cluster", "agent-a", code=1)
        assert "No space left" in result.stderr and str(config) in result.stderr
        assert config.read_bytes() == before
        assert {path.name for path in folder.iterdir()} == {"config.yaml", "ballast"}
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_command_that_is_killed_leaves_a_whole_file(build: Path, config: Path, tmp_path: Path) -> None:
    names = [f"clu_{i}" for i in range(300)]
    write(config, {"clusters": {name: entry(name, name, "http://127.0.0.1:9") for name in names}})
    program = str(build / "cli" / "arctic")
    environment = {**os.environ, "ARCTIC_CONFIG": str(config)}
    for i in range(40):
        child = subprocess.Popen([program, "config", "use-cluster", names[i]], stderr=subprocess.DEVNULL, env=environment)
        try:
            child.wait(0.002 * (i % 20))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        assert len(yaml.load(config.read_text(), yaml.CSafeLoader)["clusters"]) == 300
    subprocess.run([program, "config", "use-cluster", names[0]], check=True, capture_output=True, env=environment)
    # What a killed one began is gone.
    assert {path.name for path in config.parent.iterdir()} <= {"config.yaml", *(f"config.yaml.{i}" for i in (1, 2, 3))}


def test_a_link_stays_a_link(cli: Cli, config: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "arctic.yaml"
    real.parent.mkdir()
    write(real, {"clusters": {"clu_1": entry("clu_1", "a", "http://127.0.0.1:9")}})
    config.parent.mkdir()
    config.symlink_to(real)
    cli("config", "use-cluster", "agent-a")
    assert config.is_symlink() and yaml.safe_load(real.read_text())["current_cluster"] == "clu_1"


def test_only_an_endpoint_that_is_used_draws_a_warning(cli: Cli, fake: FakeAgent, config: Path) -> None:
    cluster = entry("clu_1", "a", fake.url)
    # A documentation address (RFC 5737): nothing answers there.
    cluster["peers"] += [{"peer_id": "peer_b", "name": "agent-b", "endpoints": ["http://192.0.2.1:8080"]}]
    write(config, {"current_cluster": "clu_1", "clusters": {"clu_1": {**cluster, "default_peer": "peer_a"}}})
    assert cli("peers", "list").stderr == ""
    assert "192.0.2.1" in cli("--cluster", "agent-b", "--timeout", "100ms", "peers", "list", code=None).stderr


def entry(cluster: str, peer: str, url: str) -> dict[str, Any]:
    peers = [{"peer_id": f"peer_{peer}", "name": f"agent-{peer}", "endpoints": [url]}]
    return {"cluster_id": cluster, "client_id": f"cli_{peer}", "client_secret": f"sec_{peer}", "peers": peers}


def write(config: Path, content: dict[str, Any]) -> None:
    config.parent.mkdir(exist_ok=True)
    config.touch(0o600)
    config.write_text(yaml.safe_dump(content))


@pytest.fixture
def three(fake: FakeAgent, config: Path) -> Iterator[tuple[FakeAgent, dict[str, Any]]]:
    """Agent a, whose cluster is the current one, will meet b, which is another server; c has nothing to do with it."""
    with serving() as b:
        clusters = {
            "clu_2": entry("clu_2", "a", fake.url),
            "clu_1": entry("clu_1", "b", b.url),
            "clu_3": entry("clu_3", "c", fake.url),
        }
        write(config, {"current_cluster": "clu_2", "clusters": clusters})
        fake.answers = {
            "/v1/peers": {"id": "peer_b", "name": "agent-b", "state": "connected"},
            "/v1/cluster/identity": {"peer_id": "peer_a", "cluster_id": "clu_1"},
        }
        yield b, clusters


def test_agents_that_met_become_one_cluster(
    cli: Cli, fake: FakeAgent, config: Path, three: tuple[FakeAgent, dict[str, Any]]
) -> None:
    """One entry with both, once the credentials of the one that was asked have proved to work at the other."""
    b, clusters = three
    peers = [
        # Each with what its own agent gave, for when the other one is gone.
        {**cluster["peers"][0], "client_id": cluster["client_id"], "client_secret": cluster["client_secret"]}
        for cluster in (clusters["clu_2"], clusters["clu_1"])
    ]
    a_and_b = {"cluster_id": "clu_1", "peers": peers}
    for _ in range(2):
        cli("peers", "add", "10.0.0.2:8080")
        saved = yaml.safe_load(config.read_text())
        assert saved["current_cluster"] == "clu_2"
        assert saved["clusters"] == {"clu_2": {**clusters["clu_2"], **a_and_b}, "clu_3": clusters["clu_3"]}
    assert "client_id=cli_a" in b.requests[0][2] and b.requests[1][:2] == ("GET", "/v1/peers")
    assert not config.with_name("config.yaml.2").exists(), "written again without a change"

    # Each agent is asked first where it is named, and stands in for the other.
    for wanted, asked in (("clu_2", fake), ("clu_1", fake), ("agent-a", fake), ("agent-b", b)):
        fake.requests.clear()
        b.requests.clear()
        assert cli("--cluster", wanted, "services", "list", "--json").returncode == 0
        assert "client_id=cli_a" in asked.requests[0][2]
    cli("config", "use-cluster", "agent-b")
    assert yaml.safe_load(config.read_text())["clusters"]["clu_2"]["default_peer"] == "peer_b"
    cli("config", "use-peer", "agent-a")
    assert yaml.safe_load(config.read_text())["clusters"]["clu_2"]["default_peer"] == "peer_a"
    assert "no peer" in cli("config", "use-peer", "agent-c", code=5).stderr


def test_credentials_that_work_are_kept(
    cli: Cli, fake: FakeAgent, config: Path, three: tuple[FakeAgent, dict[str, Any]]
) -> None:
    """Where the other agent does not take those of the first, both entries stay, and follow their agents."""
    b, clusters = three
    b.refused_clients = {"cli_a"}
    cli("peers", "add", "10.0.0.2:8080")
    saved = yaml.safe_load(config.read_text())
    assert saved["clusters"] == {**clusters, "clu_2": {**clusters["clu_2"], "cluster_id": "clu_1"}}
    # The new id finds the entry that began with it; the other one is found by its former id and by its agent.
    for wanted, client, asked in (("clu_1", "cli_b", b), ("clu_2", "cli_a", fake), ("agent-a", "cli_a", fake)):
        asked.requests.clear()
        cli("--cluster", wanted, "services", "list", "--json")
        assert f"client_id={client}" in asked.requests[0][2]
    listed = json.loads(cli("config", "clusters", "--json").stdout)
    assert [(row["id"], row["cluster_id"]) for row in listed] == [
        ("clu_1", "clu_1"),
        ("clu_2", "clu_1"),
        ("clu_3", "clu_3"),
    ]


def test_a_peer_is_added_also_where_it_cannot_be_noted(cli: Cli, fake: FakeAgent, config: Path) -> None:
    config.parent.mkdir()
    config.touch(0o600)
    config.write_text(yaml.safe_dump({"clusters": {"clu_1": {"cluster_id": "clu_1", "peers": [{"peer_id": "peer_b"}]}}}))
    fake.answers = {"/v1/peers": {"id": "peer_b"}}
    told = cli("--url", fake.url, "peers", "add", "10.0.0.2:8080").stderr
    assert "is added, but not noted" in told and str(config) in told
