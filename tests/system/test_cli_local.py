"""The command line without an agent: help, usage, exit codes, keys and licences."""

import json
import re
import socket
import stat
from pathlib import Path

import pytest
import yaml
from cli_alone import ISSUE, Cli, FakeAgent, cli, config, dead_url, fake, license_file

__all__ = ["cli", "config", "dead_url", "fake", "license_file"]  # fixtures


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
        (("--cluster", "", "services", "list"), "--cluster is empty"),
        (("--url=", "services", "list"), "--url is empty"),
        (("-o", "", "version"), "--output is empty"),
        (("--url", "10.0.0.1:8080", "health"), "http://10.0.0.1:8080"),
        (("--url", "http://a/b", "health"), "http://a/b"),
        (("health",), "--url"),
        (("bootstrap", "--license-file", "x"), "--url"),
        (("license", "issue", "--root-key", "x"), "--out"),
        (("license", "update"), "--license-file"),
        (("peers", "update", "x"), "--name"),
        (("credentials", "create", "--name", "x"), "--scopes"),
        (("routes", "explain", "--source", "10.0.0.1"), "--dest"),
        (("config", "set", "colour", "never"), "color"),
        (("config", "set", "color", "pink"), "pink"),
        (("config", "set", "color"), "value"),
        (("config", "use-peer", "x"), "--cluster"),
        (("completion", "tcsh"), "tcsh"),
        (("--recovery-token-file=", "services", "list"), "--recovery-token-file is empty"),
    ],
)
def test_wrong_usage_is_2_and_says_what_to_do(cli: Cli, args: tuple[str, ...], message: str) -> None:
    result = cli(*args, code=2)
    lines = result.stderr.splitlines()
    assert result.stdout == "" and len(lines) == 2
    assert lines[0].startswith("arctic: ") and message in lines[0]
    assert lines[1].startswith("Run 'arctic ") and "--help" in lines[1]


@pytest.mark.parametrize(
    "args",
    [
        ("services", "delete", "svc_1"),
        ("routes", "delete", "--service", "a", "--route", "1"),
        ("peers", "delete", "agent-b"),
        ("peers", "remove-self"),
        ("credentials", "revoke", "monitoring"),
        ("cluster", "init", "--force"),
    ],
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
    assert "root.pem" in cli("license", "keygen", "--out", "root.pem", code=6).stderr
    assert "license.json" in cli(*ISSUE, "--out", "license.json", code=6).stderr
    assert before == [(tmp_path / name).read_bytes() for name in ("root.pem", "license.json")]


def test_licences_that_cannot_be(cli: Cli, license_file: Path, tmp_path: Path) -> None:
    assert "--days" in cli(*ISSUE[:-1], "0", "--out", "x.json", code=2).stderr
    assert "customer" in cli(*ISSUE, "--customer", "me", "--out", "x.json", code=6).stderr
    (tmp_path / "root.pem").write_text("no key")
    cli(*ISSUE, "--out", "x.json", code=1)
    cli("license", "issue", "--root-key", "missing.pem", *ISSUE[4:], "--out", "x.json", code=1)
    assert not (tmp_path / "x.json").exists()
