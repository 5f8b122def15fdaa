"""The command line without an agent: help, usage, exit codes, keys and licences, and its configuration file."""

import json
import os
import re
import socket
import stat
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

import pytest
import yaml


class Cli(Protocol):
    def __call__(self, *args: str, code: int = 0, stdin: str = "") -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "settings" / "config.yaml"


@pytest.fixture
def cli(build: Path, config: Path, tmp_path: Path) -> Cli:
    """Runs `arctic ARGS` in an empty folder with a configuration file of its own."""

    def run(*args: str, code: int = 0, stdin: str = "") -> subprocess.CompletedProcess[str]:
        kept = {name: os.environ[name] for name in os.environ if name.endswith("SAN_OPTIONS")}
        result = subprocess.run(
            [build / "cli" / "arctic", *args],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=30,
            cwd=tmp_path,
            env={**kept, "HOME": str(tmp_path), "ARCTIC_CONFIG": str(config), "LANG": "C.UTF-8"},
            check=False,
        )
        assert result.returncode == code, (args, result)
        return result

    return run


@pytest.fixture
def dead_url() -> Iterator[str]:
    """An URL whose port is taken but not listened on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


class FakeAgent(ThreadingHTTPServer):
    """Answers a bootstrap and a token request, and lists no peers: enough to see what the command does with it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FakeHandler)
        self.requests: list[tuple[str, str, Any]] = []
        self.answers: dict[str, Any] = {}  # besides the usual ones, or in their place

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class FakeHandler(BaseHTTPRequestHandler):
    server: FakeAgent

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.server.requests.append((self.command, self.path, body))
        answers: dict[str, Any] = {
            "/v1/bootstrap": {
                "peer_id": "peer_01ARZ3NDEKTSV4RRFFQ69G5FAV",
                "cluster_id": "clu_01ARZ3NDEKTSV4RRFFQ69G5FAV",
                "client_id": "cli_01ARZ3NDEKTSV4RRFFQ69G5FAV",
                "client_secret": "sec_very-secret",
                "name": "agent-a",
            },
            "/v1/oauth/token": {"access_token": "t", "token_type": "Bearer", "expires_in": 3600},
            "/v1/peers": {"peers": []},
            "/v1/services": {"services": [{"id": "svc_1", "name": "twin"}, {"id": "svc_2", "name": "twin"}]},
            **self.server.answers,
        }
        path = self.path.partition("?")[0]
        known = path in answers
        told = json.dumps(answers[path] if known else {"error": "no such thing", "code": "NOT_FOUND"}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_POST = do_DELETE = do_PUT = answer

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def fake() -> Iterator[FakeAgent]:
    with FakeAgent() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def license_file(cli: Cli, tmp_path: Path) -> Path:
    cli("license", "keygen", "--out", "root.pem")
    cli(*ISSUE, "--out", "license.json")
    return tmp_path / "license.json"


ISSUE = ("license", "issue", "--root-key", "root.pem", "--max-nodes", "10", "--max-services", "20", "--days", "30")


# Help and usage


def test_every_command_explains_itself(cli: Cli) -> None:
    overview = cli("--help").stdout
    commands = re.findall(r"^  ([a-z-]+(?: [a-z-]+)?)(?: [A-Z]+)? {2,}\S", overview, re.MULTILINE)
    assert {"bootstrap", "services create", "routes add", "license issue", "health"} <= set(commands)
    for command in commands:
        text = cli(*command.split(), "--help").stdout
        assert text.startswith(f"Usage: arctic {command}") and f"arctic {command}" in text.partition("Example")[2]
        assert cli("help", *command.split()).stdout == text
    assert "services create" in cli("services", "--help").stdout


def test_commands_of_the_handbook_are_in_the_help(cli: Cli) -> None:
    create = cli("services", "create", "--help").stdout
    for flag in (
        "--target-peer",
        "--source-peer",
        "--transport",
        "--requires-interface",
        "--desired-ipv4",
        "--desired-ipv6",
        "--bandwidth-limit",
        "--fully-transparent",
        "--name",
    ):
        assert flag in create


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "no command given"),
        (("servces", "list"), "did you mean 'services'?"),
        (("services", "lsit"), "did you mean 'services list'?"),
        (("service",), "'services' needs a command after it"),
        (("services", "create"), "--target-peer"),
        (("services", "create", "--taget-peer", "x"), "did you mean --target-peer?"),
        (("services", "list", "--weight", "1"), "--weight"),
        (("services", "get"), "SERVICE"),
        (("services", "update", "svc_1"), "what to change"),
        (("services", "update", "svc_1", "--bandwidth-limit", "many"), "many"),
        (("routes", "add", "--service", "a", "--dest-cidr", "10.0.0.0/8"), "--priority"),
        (("routes", "add", "--service", "a", "--priority", "1"), "--dest-cidr"),
        (("routes", "list"), "--service"),
        (("routes", "delete", "--service", "a", "--route", "x", "--yes"), "x"),
        (("peers", "list", "--local", "--remote"), "exclude"),
        (("-o", "xml", "version"), "xml"),
        (("--timeout", "soon", "version"), "soon"),
        (("--timeout", "0", "version"), "0"),
        (("--url", "10.0.0.1:8080", "health"), "http://10.0.0.1:8080"),
        (("--url", "http://a/b", "health"), "http://a/b"),
        (("health",), "--url"),
        (("bootstrap", "--license-file", "x"), "--url"),
        (("license", "issue", "--root-key", "x"), "--out"),
    ],
)
def test_wrong_usage_is_2_and_says_what_to_do(cli: Cli, args: tuple[str, ...], message: str) -> None:
    result = cli(*args, code=2)
    lines = result.stderr.splitlines()
    assert result.stdout == "" and len(lines) == 2
    assert lines[0].startswith("arctic: ") and message in lines[0]
    assert lines[1].startswith("Run 'arctic ") and "--help" in lines[1]


@pytest.mark.parametrize(
    "args", [("services", "delete", "svc_1"), ("routes", "delete", "--service", "a", "--route", "1")]
)
def test_destruction_needs_a_terminal_or_yes(cli: Cli, fake: FakeAgent, args: tuple[str, ...]) -> None:
    result = cli("--url", fake.url, *args, code=2, stdin="y\n")
    assert "--yes" in result.stderr
    assert fake.requests == []


def test_version(cli: Cli) -> None:
    version = cli("--version").stdout
    assert re.fullmatch(r"arctic \d+\.\d+\.\d+\n", version) and cli("version").stdout == version
    assert json.loads(cli("version", "-j").stdout) == yaml.safe_load(cli("version", "-o", "yaml").stdout)


# No agent


def test_nothing_listens(cli: Cli, dead_url: str, license_file: Path) -> None:
    for command in (("health",), ("services", "list"), ("bootstrap", "--license-file", str(license_file))):
        result = cli("--url", dead_url, *command, code=4)
        assert result.stdout == "" and dead_url in result.stderr and result.stderr.startswith("arctic: ")


def test_an_agent_that_never_answers(cli: Cli) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert "time" in cli("--url", url, "--timeout", "200ms", "health", code=4).stderr.lower()


def test_something_that_is_no_agent(cli: Cli, fake: FakeAgent) -> None:
    assert "no such thing" in cli("--url", fake.url, "health", code=1).stdout
    assert "no such thing" in cli("--url", fake.url, "routes", "list", "--service", "svc_1", code=5).stderr


def test_ambiguous_names(cli: Cli, fake: FakeAgent) -> None:
    for text in ("twin", "svc_"):
        error = cli("--url", fake.url, "services", "get", text, code=2).stderr
        assert "svc_1" in error and "svc_2" in error
    assert "'other'" in cli("--url", fake.url, "services", "get", "other", code=5).stderr


# Licences


def test_keygen_and_issue(cli: Cli, tmp_path: Path) -> None:
    public = cli("license", "keygen", "--out", "root.pem").stdout.strip()
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", public)
    assert stat.S_IMODE((tmp_path / "root.pem").stat().st_mode) == 0o600
    told = yaml.safe_load(cli(*ISSUE, "--out", "license.json", "-o", "yaml").stdout)
    license = json.loads((tmp_path / "license.json").read_text())
    assert stat.S_IMODE((tmp_path / "license.json").stat().st_mode) == 0o600
    assert (license["max_nodes"], license["max_services"]) == (10, 20)
    assert told.items() <= license.items() and told["customer_id"].startswith("cust_")
    # One customer's next licence, with the key from stdin.
    again = ("license", "issue", "--root-key", "-", *ISSUE[4:], "--customer", told["customer_id"], "--out", "-")
    next_one = json.loads(cli(*again, stdin=(tmp_path / "root.pem").read_text()).stdout)
    assert next_one["customer_id"] == told["customer_id"] and next_one["license_id"] != told["license_id"]


def test_keygen_without_a_file(cli: Cli) -> None:
    pair = json.loads(cli("license", "keygen", "--json").stdout)
    assert pair["private_key"].startswith("-----BEGIN PRIVATE KEY-----") and len(pair["public_key"]) == 43
    assert cli("license", "keygen", "-q").stdout.startswith("-----BEGIN PRIVATE KEY-----")


def test_a_bad_root_key_is_named(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_text("no key")
    assert "root.pem" in cli(*ISSUE, "--out", "license.json", code=1).stderr
    assert not (tmp_path / "license.json").exists()


def test_nothing_is_overwritten(cli: Cli, license_file: Path, tmp_path: Path) -> None:
    before = [(tmp_path / name).read_bytes() for name in ("root.pem", "license.json")]
    assert "root.pem" in cli("license", "keygen", "--out", "root.pem", code=1).stderr
    assert "license.json" in cli(*ISSUE, "--out", "license.json", code=1).stderr
    assert before == [(tmp_path / name).read_bytes() for name in ("root.pem", "license.json")]


def test_licences_that_cannot_be(cli: Cli, license_file: Path, tmp_path: Path) -> None:
    assert "--days" in cli(*ISSUE[:-1], "0", "--out", "x.json", code=2).stderr
    assert "customer" in cli(*ISSUE, "--customer", "me", "--out", "x.json", code=6).stderr
    (tmp_path / "root.pem").write_text("no key")
    cli(*ISSUE, "--out", "x.json", code=1)
    cli("license", "issue", "--root-key", "missing.pem", *ISSUE[4:], "--out", "x.json", code=1)
    assert not (tmp_path / "x.json").exists()


# The configuration file


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
    """The agent tells its secret once."""
    command = ("bootstrap", "--url", fake.url, "--license-file", str(license_file))
    result = cli("--config", "/proc/arctic/config.yaml", *command, code=1)
    assert json.loads(result.stdout)["client_secret"] == "sec_very-secret" and "/proc/arctic" in result.stderr


def test_a_file_that_cannot_be_read_stops_before_the_agent_is_asked(
    cli: Cli, fake: FakeAgent, license_file: Path, config: Path
) -> None:
    config.parent.write_text("a file where the folder should be")
    cli("bootstrap", "--url", fake.url, "--license-file", str(license_file), code=1)
    assert fake.requests == []


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
            ]
        },
    }
    told = cli("--url", fake.url, "services", "list").stderr
    assert told == "Service cut-off is degraded: the target peer does not answer\n"
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
    result = cli("version", code=1)
    assert str(config) in result.stderr
    assert config.read_text() == text


def test_preferences(cli: Cli, config: Path) -> None:
    config.parent.mkdir()
    config.touch(0o600)
    config.write_text("preferences: {output_format: json, timeout: 5}\n")
    assert json.loads(cli("version").stdout)
    assert cli("version", "-o", "table").stdout.startswith("arctic ")
