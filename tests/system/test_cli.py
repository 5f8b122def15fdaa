"""The commands of the handbook against live agents: what they print, how they exit, what they ask."""

import json
import os
import pty
import re
import stat
import subprocess
import threading
from pathlib import Path

import pytest
import yaml
from agents import Agent, Pair
from arctic_lab import wait_for

UNKNOWN_SERVICE = "svc_01ARZ3NDEKTSV4RRFFQ69G5FAV"
SERVICE_ID = re.compile(r"svc_[0-9A-HJKMNP-TV-Z]{26}")


@pytest.fixture
def entry(module_pair: Pair) -> Agent:
    return module_pair.entry


@pytest.fixture
def service(module_pair: Pair) -> str:
    """A service of this test's own, deleted by the next one's fixture if the test did not."""
    for old in module_pair.entry.get("/v1/services")["services"]:
        assert module_pair.entry.api("DELETE", f"/v1/services/{old['id']}").status == 204
    return module_pair.entry.create_service(module_pair.exit, "--name", "db-replication")


def columns(output: str) -> list[str]:
    """The words of the first line of a table."""
    return output.splitlines()[0].split()


def typed(agent: Agent, answer: str, *args: str) -> tuple[int, str]:
    """Runs a command on a terminal, answers its question, and returns its code and what the terminal showed."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        agent.host.command("arctic", *args),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**agent.cli_environment, "TERM": "dumb"},
    )
    os.close(theirs)
    shown, asked = bytearray(), threading.Event()

    def read() -> None:
        while True:
            try:
                data = os.read(ours, 4096)
            except OSError:
                data = b""
            if not data:
                asked.set()
                return
            shown.extend(data)
            if shown.rstrip().endswith((b"]", b":", b"?")):
                asked.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert asked.wait(10), bytes(shown)
    os.write(ours, f"{answer}\n".encode())
    code = child.wait(10)
    reader.join(10)
    os.close(ours)
    return code, shown.decode()


# Bootstrap and health


def test_bootstrap_keeps_the_credentials_to_its_user(module_pair: Pair) -> None:
    for agent in (module_pair.entry, module_pair.exit):
        assert stat.S_IMODE(agent.config.stat().st_mode) == 0o600
        config = yaml.safe_load(agent.config.read_text())
        cluster = config["clusters"][config["current_cluster"]]
        assert cluster["client_id"].startswith("cli_") and cluster["client_secret"].startswith("sec_")
        assert [peer["peer_id"] for peer in cluster["peers"]] == [agent.id]
    secret = module_pair.entry.credentials[1]
    for path in module_pair.entry.data_dir.iterdir():
        assert secret.encode() not in path.read_bytes(), f"{path} holds the secret itself"
    assert secret not in module_pair.entry.log


def test_a_second_bootstrap_is_refused(module_pair: Pair, entry: Agent) -> None:
    before = entry.config.read_bytes()
    command = ("bootstrap", "--url", "http://127.0.0.1:8080", "--license-file", str(module_pair.license))
    result = entry.cli(*command, code=6)
    assert "already" in result.stderr and result.stdout == ""
    assert entry.config.read_bytes() == before


def test_health(entry: Agent) -> None:
    assert "ok" in entry.cli("health").stdout
    assert entry.cli_json("health")["status"] == "ok"
    ready = entry.cli_json("health", "--readyz")
    assert ready["status"] == "ok" and ready["checks"]


# Peers


def test_peers(module_pair: Pair, entry: Agent) -> None:
    listed = entry.cli_json("peers", "list")
    assert {peer["name"] for peer in listed} == {"entry", "exit"}
    assert [peer["id"] for peer in entry.cli_json("peers", "list", "--local")] == [entry.id]
    assert [peer["id"] for peer in entry.cli_json("peers", "list", "--remote")] == [module_pair.exit.id]
    table = entry.cli("peers", "list").stdout
    assert columns(table)[:2] == ["ID", "NAME"]
    assert entry.id in table and module_pair.exit.id in table and "connected" in table
    shown = entry.cli_json("peers", "get", module_pair.exit.id)
    assert shown["state"] == "connected" and shown["is_local"] is False
    wait_for(
        lambda: entry.cli_json("peers", "get", "exit")["rtt_ms"] is not None, 10, "a measured round trip"
    )
    # By name, by the beginning of the id, and with the singular.
    for words in (("peers", "get", "exit"), ("peers", "get", shown["id"][:-3]), ("peer", "get", "exit")):
        assert entry.cli_json(*words)["id"] == module_pair.exit.id
    assert "exit" in entry.cli("peers", "get", "exit").stdout
    # Both ends know of the handshake.
    assert {peer["id"] for peer in module_pair.exit.cli_json("peers", "list")} == {
        peer["id"] for peer in listed
    }


def test_adding_a_peer_again_changes_nothing(module_pair: Pair, entry: Agent) -> None:
    before = [peer["id"] for peer in entry.cli_json("peers", "list")]
    entry.cli("peers", "add", "10.9.0.2:8080")
    assert [peer["id"] for peer in entry.cli_json("peers", "list")] == before


def test_a_peer_that_cannot_be_added(entry: Agent) -> None:
    result = entry.cli("peers", "add", "10.9.0.2:8099", code=6)
    assert "10.9.0.2:8099" in result.stderr
    entry.cli("peers", "add", "nonsense", code=6)
    entry.cli("peers", "get", "peer_01ARZ3NDEKTSV4RRFFQ69G5FAV", code=5)


# Services


def test_services_create_and_list(module_pair: Pair, entry: Agent, service: str) -> None:
    created = entry.cli("services", "create", "--target-peer", module_pair.exit.id)
    assert SERVICE_ID.search(created.stdout)
    table = entry.cli("services", "list").stdout
    assert columns(table) == ["ID", "NAME", "SOURCE", "TARGET", "TRANSPORT", "FLAGS"]
    (row,) = [line for line in table.splitlines() if service in line]
    assert row.split() == [service, "db-replication", "entry", "exit", "tcp", "-"]
    assert all(word in table.splitlines()[-1] for word in ("I", "interface", "transparent", "qos"))
    listed = entry.cli_json("services", "list")
    assert isinstance(listed, list) and {one["name"] for one in listed} >= {"db-replication"}
    assert len(listed) == 2
    # The script of the handbook, which deletes all services that target a peer.
    by_target = entry.cli_json("services", "list", "--target-peer", module_pair.exit.id)
    assert {one["id"] for one in by_target} == {one["id"] for one in listed}
    assert entry.cli_json("services", "list", "--target-peer", entry.id) == []
    loop = (
        f"for id in $(arctic services list --target-peer {module_pair.exit.id} --json | jq -r '.[].id'); do"
    )
    script = f'{loop} arctic services delete "$id" --yes; done'
    subprocess.run(
        entry.host.command("sh", "-ec", script), env=entry.cli_environment, check=True, capture_output=True
    )
    assert entry.cli_json("services", "list") == []
    assert entry.cli("services", "list").returncode == 0


def test_services_create_with_the_flags_of_the_handbook(
    module_pair: Pair, entry: Agent, service: str
) -> None:
    exit_id = module_pair.exit.id
    full = entry.cli_json(
        "services",
        "create",
        "--target-peer",
        exit_id,
        "--transport",
        "tcp",
        "--requires-interface",
        "--desired-ipv4",
        "192.168.100.10/24",
        "--bandwidth-limit",
        "1000",
    )
    assert full["requires_interface"] is True and full["bandwidth_limit_mbps"] == 1000
    assert full["desired_interface_ipv4"] == "192.168.100.10/24" and full["state"] == "pending"
    transparent = entry.cli_json(
        "services", "create", "--target-peer", exit_id, "--fully-transparent", "--requires-interface"
    )
    assert transparent["fully_transparent"] is True
    kcp = entry.cli_json("services", "create", "--target-peer", exit_id, "--transport", "kcp")
    assert kcp["transport_type"] == "kcp"
    sourced = entry.cli_json("services", "create", "--source-peer", entry.id, "--target-peer", exit_id)
    assert sourced["source_peer_id"] == entry.id
    flags = {
        line.split()[0]: line.split()[5]
        for line in entry.cli("services", "list").stdout.splitlines()
        if "svc_" in line
    }
    assert set(flags[full["id"]]) - {","} == {"I", "Q"}
    assert set(flags[transparent["id"]]) - {","} == {"I", "T"}
    assert flags[service] == "-"
    assert len(entry.cli_json("services", "list", "--requires-interface")) == 2


def test_services_get_and_update(entry: Agent, service: str) -> None:
    shown = entry.cli_json("services", "get", service)
    assert shown["id"] == service and shown["routes"] == [] and shown["state"] == "active"
    text = entry.cli("services", "get", service).stdout
    assert service in text and "bandwidth_limit_mbps" in text
    assert yaml.safe_load(entry.cli("services", "get", service, "-o", "yaml").stdout) == shown
    assert entry.cli_json("services", "get", "db-replication")["id"] == service
    entry.cli("services", "update", service, "--bandwidth-limit", "500")
    assert entry.cli_json("services", "get", service)["bandwidth_limit_mbps"] == 500
    entry.cli("services", "update", service, "--bandwidth-limit", "0")
    assert entry.cli_json("services", "get", service)["state"] == "active"


def test_services_that_cannot_be(module_pair: Pair, entry: Agent, service: str) -> None:
    before = entry.cli_json("services", "list")
    unknown = entry.cli("services", "create", "--target-peer", "peer_01ARZ3NDEKTSV4RRFFQ69G5FAV", code=5)
    assert "peer_01ARZ3NDEKTSV4RRFFQ69G5FAV" in unknown.stderr and unknown.stdout == ""
    entry.cli("services", "create", code=2)
    entry.cli("services", "create", "--target-peer", module_pair.exit.id, "--transport", "udp", code=6)
    entry.cli("services", "create", "--target-peer", module_pair.exit.id, "--fully-transparent", code=6)
    entry.cli("services", "create", "--target-peer", module_pair.exit.id, "--name", "db-replication", code=6)
    entry.cli("services", "get", UNKNOWN_SERVICE, code=5)
    entry.cli("services", "delete", UNKNOWN_SERVICE, "--yes", code=5)
    assert entry.cli_json("services", "list") == before


# Routes


def test_routes(entry: Agent, service: str) -> None:
    added = entry.cli(
        "routes",
        "add",
        "--service",
        service,
        "--source-cidr",
        "10.0.0.0/8",
        "--dest-cidr",
        "192.168.100.0/24",
        "--priority",
        "100",
    )
    first = entry.cli_json("routes", "list", "--service", service)[0]["id"]
    assert re.search(rf"\b{first}\b", added.stdout) and re.search(r"\b1\b", added.stdout)
    again = entry.cli_json(
        "routes", "add", "--service", service, "--dest-cidr", "192.168.200.0/24", "--priority", "100"
    )
    assert again["count"] == 1
    (second,) = again["route_ids"]
    table = entry.cli("routes", "list", "--service", service).stdout
    assert "192.168.100.0/24" in table and "192.168.200.0/24" in table and columns(table)[0] == "ID"
    assert [route["id"] for route in entry.cli_json("routes", "list", "--service", service)] == [
        first,
        second,
    ]

    entry.cli("routes", "update", "--service", service, "--route", str(first), "--priority", "50")
    cidrs = ("--source-cidr", "10.1.0.0/16", "--dest-cidr", "192.168.201.0/24")
    entry.cli("routes", "update", "--service", service, "--route", str(first), *cidrs)
    (changed,) = [
        route for route in entry.cli_json("routes", "list", "--service", service) if route["id"] == first
    ]
    counters = changed.pop("counters")
    assert counters["flows_total"] == 0, counters
    assert changed == {
        "id": first,
        "source_cidr": "10.1.0.0/16",
        "dest_cidr": "192.168.201.0/24",
        "priority": 50,
    }
    assert "192.168.201.0" in entry.ruleset()
    entry.cli("routes", "delete", "--service", service, "--route", str(first), "--yes")
    assert [route["id"] for route in entry.cli_json("routes", "list", "--service", service)] == [second]


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (("--dest-cidr", "10.1.2.3/8", "--priority", "100"), 6, "10.0.0.0/8"),
        (("--dest-cidr", "10.0.0.0", "--priority", "100"), 6, "10.0.0.0"),
        (("--dest-cidr", "10.0.0.0/8", "--priority", "0"), 6, "priority"),
        (("--dest-cidr", "10.0.0.0/8"), 2, "--priority"),
        (("--priority", "100"), None, "cidr"),
        (("--dest-cidr", "10.0.0.0/8", "--priority", "many"), None, "many"),
        (("--dest-cidr", "10.0.0.0/8", "--priority", "1", "--weight", "1"), 2, "--weight"),
    ],
)
def test_routes_that_cannot_be(
    entry: Agent, service: str, options: tuple[str, ...], code: int | None, text: str
) -> None:
    result = entry.cli("routes", "add", "--service", service, *options, code=code)
    assert result.returncode in (2, 6) and result.stdout == ""
    assert text in result.stderr and result.stderr.startswith("arctic:")
    assert entry.cli_json("routes", "list", "--service", service) == []


def test_a_route_that_does_not_exist(entry: Agent, service: str) -> None:
    entry.cli("routes", "delete", "--service", service, "--route", "77", "--yes", code=5)
    entry.cli("routes", "update", "--service", service, "--route", "77", "--priority", "1", code=5)
    entry.cli("routes", "list", "--service", UNKNOWN_SERVICE, code=5)


# Formats


def test_every_command_has_its_data_as_json_and_yaml(module_pair: Pair, entry: Agent, service: str) -> None:
    route = str(entry.add_route(service, dest="10.3.0.0/16"))
    reading = (
        ("peers", "list"),
        ("peers", "get", "exit"),
        ("services", "list"),
        ("services", "get", service),
        ("routes", "list", "--service", service),
        ("credentials", "list"),
        ("cluster", "identity"),
        ("cluster", "status"),
        ("license", "status"),
        ("health",),
        ("health", "--readyz"),
        ("version",),
        ("config", "view"),
        ("config", "path"),
        ("config", "clusters"),
    )
    changing = (
        ("peers", "add", "10.9.0.2:8080"),
        ("peers", "update", "entry", "--description", "here"),
        ("credentials", "create", "--scopes", "peers.read"),
        ("cluster", "sync"),
        ("routes", "explain", "--source", "10.1.0.5", "--dest", "10.3.0.5"),
        ("services", "create", "--target-peer", "exit"),
        ("services", "update", service, "--name", "other"),
        ("routes", "add", "--service", service, "--dest-cidr", "10.4.0.0/16", "--priority", "1"),
        ("routes", "update", "--service", service, "--route", route, "--priority", "2"),
    )
    moving = ("timestamp", "rtt_ms", "last_seen_at", "peers", "totals", "converged", "registry_hash")
    for command in (*reading, *changing):
        as_json = json.loads(entry.cli(*command, "-o", "json").stdout)
        as_yaml = yaml.safe_load(entry.cli(*command, "-o", "yaml").stdout)
        expected = list if command[1:2] in (("list",), ("clusters",)) else dict
        assert isinstance(as_json, expected) and isinstance(as_yaml, expected)
        if command in reading and expected is dict:
            assert {k: v for k, v in as_json.items() if k not in moving} == {
                k: v for k, v in as_yaml.items() if k not in moving
            }


# Questions


def test_deleting_asks_on_a_terminal(entry: Agent, service: str) -> None:
    code, shown = typed(entry, "n", "services", "delete", service)
    assert code != 0 and service in shown
    assert entry.cli_json("services", "get", service)
    code, shown = typed(entry, "y", "services", "delete", service)
    assert code == 0, shown
    entry.cli("services", "get", service, code=5)


def test_deleting_is_refused_without_a_terminal(entry: Agent, service: str) -> None:
    route = entry.add_route(service, dest="10.3.0.0/16")
    for command in (
        ("services", "delete", service),
        ("routes", "delete", "--service", service, "--route", str(route)),
    ):
        result = entry.cli(*command, code=2)
        assert "--yes" in result.stderr
    assert len(entry.cli_json("services", "get", service)["routes"]) == 1
    assert entry.cli("services", "delete", service, "--yes").returncode == 0


# Reaching an agent


def test_exit_codes_for_access(module_pair: Pair, entry: Agent, tmp_path: Path) -> None:
    config = yaml.safe_load(entry.config.read_text())
    for cluster in config["clusters"].values():
        cluster["client_secret"] = "sec_" + "A" * 43
    wrong = tmp_path / "config.yaml"
    wrong.touch(0o600)
    wrong.write_text(yaml.safe_dump(config))
    result = entry.cli("--config", str(wrong), "services", "list", code=3)
    assert result.stderr.startswith("arctic:") and "sec_" not in result.stderr
    entry.cli("--url", "http://127.0.0.1:9", "services", "list", code=4)
    assert "127.0.0.1:9" in entry.cli("--url", "http://127.0.0.1:9", "health", code=4).stderr


def test_one_peer_that_is_down_is_passed_over(entry: Agent, tmp_path: Path) -> None:
    """Endpoints are tried in order, and the one that worked is remembered."""
    config = yaml.safe_load(entry.config.read_text())
    for cluster in config["clusters"].values():
        cluster["peers"][0]["endpoints"].insert(0, "http://127.0.0.1:9")
    two = tmp_path / "config.yaml"
    two.touch(0o600)
    two.write_text(yaml.safe_dump(config))
    assert json.loads(entry.cli("--config", str(two), "peers", "list", "--json").stdout)
    assert json.loads(entry.cli("--config", str(two), "peers", "list", "--json").stdout)


def test_secrets_over_plain_http_draw_a_warning(module_pair: Pair) -> None:
    """The exit's API, reached over the network with the entry's credentials."""
    result = module_pair.entry.cli("--url", "http://10.9.0.2:8080", "services", "list", "--json", code=None)
    assert (
        "http" in result.stderr and "plain" in result.stderr.lower() or "unencrypted" in result.stderr.lower()
    )


def test_version(entry: Agent) -> None:
    assert re.fullmatch(r"arctic \d+\.\d+\.\d+\n", entry.cli("--version").stdout)
    assert re.search(r"\d+\.\d+\.\d+", entry.cli("version").stdout)
