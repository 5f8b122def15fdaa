"""Completion in real shells: bash, zsh and fish, each with the script that `arctic completion` prints."""

import os
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest
import yaml
from cli_alone import Cli, FakeAgent, cli, config, fake

__all__ = ["cli", "config", "fake"]  # fixtures

SHELLS = ("bash", "zsh", "fish")
SERVICES = [
    {"id": "svc_01ARZ3NDEKTSV4RRFFQ69G5FA1", "name": "db-replication"},
    {"id": "svc_01ARZ3NDEKTSV4RRFFQ69G5FA2", "name": "web"},
    {"id": "svc_01BRZ3NDEKTSV4RRFFQ69G5FA3", "name": "two words"},
]
ROUTES = [
    {"id": 1, "source_cidr": "10.0.0.0/8", "dest_cidr": None, "priority": 100},
    {"id": 12, "source_cidr": None, "dest_cidr": "10.2.0.0/24", "priority": 100},
]

BASH = """
source "$SCRIPT"
COMP_LINE=$LINE COMP_POINT=${#LINE}
# As readline parts it: COMP_WORDBREAKS stand alone.
words=$(sed -E 's/([=:])/ \\1 /g' <<<"$LINE")
read -ra COMP_WORDS <<<"$words"
[[ $LINE == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_arctic arctic
printf '%s\\n' "${COMPREPLY[@]}"
"""


class Shells:
    """Asks a shell what a line may go on with."""

    def __init__(self, build: Path, directory: Path, config: Path) -> None:
        self.program = build / "cli" / "arctic"
        self.directory = directory
        self.cache = directory / "cache"
        kept = {name: os.environ[name] for name in os.environ if name.endswith("SAN_OPTIONS")}
        self.environment = {
            **kept,
            "PATH": f"{self.program.parent}:{os.environ['PATH']}",
            "HOME": str(directory),
            "XDG_CACHE_HOME": str(self.cache),
            "ARCTIC_CONFIG": str(config),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
        }

    def script(self, shell: str) -> Path:
        path = self.directory / f"completion.{shell}"
        text = subprocess.run([self.program, "completion", shell], capture_output=True, check=True).stdout
        path.write_bytes(text)
        return path

    def offers(self, shell: str, line: str) -> set[str]:
        """The words that the shell offers at the end of a line."""
        return {"bash": self._bash, "zsh": self._zsh, "fish": self._fish}[shell](line)

    def _bash(self, line: str) -> set[str]:
        environment = {**self.environment, "SCRIPT": str(self.script("bash")), "LINE": line}
        shown = self._run(["bash", "--norc", "-c", BASH], environment)
        return {word for word in shown.splitlines() if word}

    def _fish(self, line: str) -> set[str]:
        command = f"source {self.script('fish')}; complete -C '{line}'"
        shown = self._run(["fish", "--no-config", "-c", command], self.environment)
        return {word.partition("\t")[0] for word in shown.splitlines()}

    def _zsh(self, line: str) -> set[str]:
        """In a terminal, since zsh completes nowhere else; every word on a line of its own."""
        self.script("zsh").rename(self.directory / "_arctic")
        setup = (
            f"fpath=({self.directory} $fpath); autoload -Uz compinit; compinit -u -d {self.directory}/dump; "
            "zstyle ':completion:*' list-prompt ''; LISTMAX=1000; "
            # What would be inserted, in the place of the list for a person.
            'compadd() { local -a out; if [[ $1 == -l ]]; then builtin compadd -O out -a values; '
            'print -rl -- "offer:"${^out} >> $OFFERS; fi; builtin compadd "$@" }'
        )
        offers = self.directory / "offers"
        offers.write_text("")
        environment = {**self.environment, "OFFERS": str(offers), "PS1": "ready> "}
        shell = pexpect.spawn("zsh", ["-f", "-i"], env=environment, dimensions=(50, 200), timeout=20)
        try:
            shell.expect_exact("ready> ")
            shell.sendline(f"{setup}; PS1='go''> '")
            shell.expect_exact("go> ")
            shell.send(f"{line}\t")
            shell.send("\x15print do''ne\r")
            shell.expect_exact("done")
        finally:
            shell.close(force=True)
        return {word.removeprefix("offer:") for word in offers.read_text().splitlines()} - {""}

    def _run(self, command: list[str], environment: dict[str, str]) -> str:
        result = subprocess.run(
            command, env=environment, cwd=self.directory, capture_output=True, text=True, timeout=30, check=False
        )
        assert result.stderr == "", result
        return result.stdout

    def program_offers(self, *words: str) -> list[str]:
        shown = self._run([str(self.program), "__complete", *words], self.environment)
        return [line.partition("\t")[0] for line in shown.splitlines()]


@pytest.fixture
def shells(build: Path, tmp_path: Path, config: Path) -> Shells:
    return Shells(build, tmp_path, config)


@pytest.fixture
def known(fake: FakeAgent, config: Path) -> FakeAgent:
    """A cluster in the configuration file, and an agent with services and routes."""
    fake.answers = {
        "/v1/services": {"services": SERVICES},
        f"/v1/services/{SERVICES[0]['id']}/routes": {"routes": ROUTES},
        "/v1/peers": {"peers": [{"id": "peer_1", "name": "paris"}, {"id": "peer_2", "name": "paris"}]},
        "/v1/credentials": {"credentials": [{"client_id": "cli_1", "name": "monitoring"}]},
    }
    save(config, fake.url)
    return fake


def save(config: Path, url: str, **preferences: Any) -> None:
    peers = [{"peer_id": "peer_1", "name": "paris", "endpoints": [url]}]
    cluster = {"cluster_id": "clu_1", "client_id": "cli_1", "client_secret": "sec_1", "peers": peers, "name": "home"}
    config.parent.mkdir(exist_ok=True)
    config.touch(0o600)
    content = {"current_cluster": "clu_1", "clusters": {"clu_1": cluster}, "preferences": preferences}
    config.write_text(yaml.safe_dump(content))


IDS = {service["id"] for service in SERVICES}


@pytest.mark.parametrize("shell", SHELLS)
def test_shells_offer_commands_flags_and_what_the_agent_has(shells: Shells, known: FakeAgent, shell: str) -> None:
    assert {"list", "get", "create", "update", "delete"} == shells.offers(shell, "arctic services ")
    assert shells.offers(shell, "arctic serv") == {"services"}
    assert shells.offers(shell, "arctic service ge") == {"get"}
    assert shells.offers(shell, "arctic services create --tra") == {"--transport"}
    assert shells.offers(shell, "arctic services create --transport ") == {"tcp", "kcp", "auto"}
    offered = shells.offers(shell, "arctic services get ")
    assert offered - {"two words", "two\\ words"} == IDS | {"db-replication", "web"} and len(offered) == 6
    assert shells.offers(shell, "arctic services get svc_01A") == {s["id"] for s in SERVICES[:2]}
    assert shells.offers(shell, "arctic routes delete --service db-replication --route ") == {"1", "12"}
    assert shells.offers(shell, "arctic nonsense ") == set()


@pytest.mark.parametrize("shell", SHELLS)
def test_values_behind_an_equals_sign(shells: Shells, known: FakeAgent, shell: str) -> None:
    # bash parts words at the sign: what it inserts is what stands behind.
    prefix = "" if shell == "bash" else "--output="
    assert shells.offers(shell, "arctic peers list --output=") == {f"{prefix}{f}" for f in ("table", "json", "yaml")}
    assert shells.offers(shell, "arctic peers list --output=j") == {f"{prefix}json"}
    port = known.url.rpartition(":")[2]
    assert shells.offers(shell, f"arctic --url {known.url[:-2]}") == {port if shell == "bash" else known.url}


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_files_are_offered_by_the_shell(shells: Shells, shell: str, tmp_path: Path) -> None:
    (tmp_path / "my-license.json").touch()
    assert shells.offers(shell, "arctic license update --license-file my-") == {"my-license.json"}


def test_values_of_every_kind(shells: Shells, known: FakeAgent) -> None:
    offers = shells.program_offers
    # A name that two have stands for neither.
    assert offers("peers", "get", "") == ["peer_1", "peer_2"]
    assert offers("credentials", "revoke", "") == ["monitoring", "cli_1"]
    assert offers("config", "use-cluster", "") == ["clu_1", "home", "paris"]
    assert offers("config", "use-peer", "") == ["paris", "peer_1"]
    assert offers("config", "set", "co") == ["color"]
    assert offers("config", "set", "color", "") == ["auto", "never"]
    assert offers("--cluster", "") == ["clu_1", "home", "paris"]
    assert offers("credentials", "create", "--scopes", "services.read,peers.r") == ["services.read,peers.read"]
    assert offers("services", "create", "--requires-interface=") == [
        "--requires-interface=true",
        "--requires-interface=false",
    ]
    assert offers("-ojson", "services", "get", "we") == ["web"]
    assert offers("services", "get", "-o", "y") == ["yaml"]
    assert offers("help", "serv") == ["services"] and "get" in offers("help", "services", "")
    assert offers("bootstrap", "--license-file", "") == [":files"]
    assert "--target-peer" in offers("services", "create", "")
    assert "--target-peer" not in offers("services", "create", "--target-peer", "x", "--")
    assert offers("services", "get", "web", "--", "") == []
    for words in (["nonsense", ""], ["services", "nonsense", ""], ["--nonsense", ""], [], ["services", "get", "-Z", ""]):
        assert offers(*words) == []


def test_answers_are_kept_for_a_moment(shells: Shells, known: FakeAgent, config: Path, cli: Cli) -> None:
    save(config, known.url, cache_ttl=60)
    assert shells.program_offers("services", "get", "w") == ["web"]
    asked = len(known.requests)
    assert shells.program_offers("services", "get", "d") == ["db-replication"]
    assert len(known.requests) == asked, "asked again"
    (kept,) = (shells.cache / "arctic").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600 and stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert "sec_" not in kept.read_text()

    # What changes something drops it.
    known.answers["/v1/services/svc_01ARZ3NDEKTSV4RRFFQ69G5FA2"] = SERVICES[1]
    changed = [shells.program, "services", "update", SERVICES[1]["id"], "--name", "web2"]
    subprocess.run(changed, env=shells.environment, check=True, capture_output=True)
    assert list((shells.cache / "arctic").iterdir()) == []

    save(config, known.url, cache_ttl=0)
    for _ in range(2):
        asked = len(known.requests)
        assert shells.program_offers("services", "get", "w") == ["web"]
        assert len(known.requests) > asked
    assert list((shells.cache / "arctic").iterdir()) == []


@pytest.mark.timing
def test_an_agent_that_is_away_holds_nobody_up(shells: Shells, known: FakeAgent, config: Path) -> None:
    # A documentation address (RFC 5737): nothing answers there.
    save(config, "http://192.0.2.1:8080")
    for _ in range(2):
        begun = time.monotonic()
        assert shells.program_offers("services", "get", "") == []
        assert time.monotonic() - begun < 1.5
    assert shells.program_offers("services", "g") == ["get"]


def test_what_was_known_stays_while_the_agent_is_away(shells: Shells, known: FakeAgent, config: Path) -> None:
    save(config, known.url, cache_ttl=1)
    assert shells.program_offers("services", "get", "w") == ["web"]
    (kept,) = (shells.cache / "arctic").iterdir()
    kept.write_text(kept.read_text().replace('"until":', '"until":1,"was":'))
    known.answers["/v1/services"] = {"no": "list"}
    assert shells.program_offers("services", "get", "w") == ["web"]


@pytest.mark.parametrize("spoil", [lambda config: config.write_text("a: ["), lambda config: config.unlink()])
def test_errors_are_silent(shells: Shells, known: FakeAgent, config: Path, spoil: Callable[[Path], Any]) -> None:
    spoil(config)
    assert shells.program_offers("services", "get", "") == []
    assert shells.program_offers("services", "li") == ["list"]


def test_names_that_a_shell_could_misread_are_left_out(shells: Shells, known: FakeAgent) -> None:
    known.answers["/v1/services"] = {
        "services": [
            {"id": "svc_1", "name": "a\nb"},
            {"id": "svc_2", "name": "\033[2J"},
            {"id": "svc_3", "name": "\u009b2J"},
            {"id": "svc_4", "name": "a\u202eb"},
            {"id": ":files", "name": ""},
        ]
    }
    assert shells.program_offers("services", "get", "") == ["svc_1", "svc_2", "svc_3", "svc_4"]
    known.answers["/v1/peers"] = {"peers": [{"id": "peer_1", "name": "$(touch owned)`touch owned`"}]}
    assert shells.offers("bash", "arctic peers get '$") == {r"\$\(touch\ owned\)\`touch\ owned\`"}
    assert not (shells.directory / "owned").exists()
