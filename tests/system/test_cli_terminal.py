"""What surrounds the command: a terminal with somebody at it, closed or full outputs, names that are not ASCII."""

import fcntl
import os
import pty
import signal
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from arctic_lab import wait_for
from cli_alone import Cli, FakeAgent, cli, config, fake

__all__ = ["cli", "config", "fake"]  # fixtures

SERVICE = {"id": "svc_1", "name": "web", "routes": []}


class Terminal:
    """A command on a terminal of its own, which is its controlling one, so that Ctrl-C is a signal."""

    def __init__(self, program: Path, config: Path, *args: str, **environment: str) -> None:
        self._ours, theirs = pty.openpty()

        def adopt() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        kept = {name: os.environ[name] for name in os.environ if name.endswith("SAN_OPTIONS")}
        self.child = subprocess.Popen(
            [program, *args],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            preexec_fn=adopt,
            env={**kept, "ARCTIC_CONFIG": str(config), "TERM": "xterm", **environment},
        )
        os.close(theirs)
        os.set_blocking(self._ours, False)
        self._shown = b""

    @property
    def shown(self) -> str:
        """All that has been written so far."""
        try:
            self._shown += os.read(self._ours, 65536)
        except OSError:  # nothing new, or the other end is closed
            pass
        return self._shown.decode()

    def wait_for(self, text: str) -> None:
        wait_for(lambda: text in self.shown, 10, f"{text!r} on the terminal")

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def end(self) -> int:
        code = self.child.wait(10)
        while self.shown != self.shown:
            pass
        return code

    def close(self) -> None:
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        os.close(self._ours)


@contextmanager
def terminal(build: Path, config: Path, *args: str, **environment: str) -> Iterator[Terminal]:
    shown = Terminal(build / "cli" / "arctic", config, *args, **environment)
    try:
        yield shown
    finally:
        shown.close()


def deletions(fake: FakeAgent) -> list[str]:
    return [path for method, path, _ in fake.requests if method == "DELETE"]


# Questions


@pytest.mark.parametrize(
    ("typed", "code"),
    [("\n", 1), ("n\n", 1), ("yesterday\n", 1), ("\x04", 1), ("\x03", -signal.SIGINT), ("y\n", 0), ("YES\n", 0)],
    ids=["enter", "n", "yesterday", "Ctrl-D", "Ctrl-C", "y", "YES"],
)
def test_only_a_yes_deletes(build: Path, config: Path, fake: FakeAgent, typed: str, code: int) -> None:
    fake.answers = {"/v1/services": {"services": [SERVICE]}, "/v1/services/svc_1": SERVICE}
    with terminal(build, config, "--url", fake.url, "services", "delete", "web") as shown:
        shown.wait_for("Delete service web (svc_1) with its 0 routes? [y/N] ")
        assert deletions(fake) == []
        shown.type(typed)
        assert shown.end() == code, shown.shown
        if code == 1:
            # On a line of its own, also where the answer brought no end of line.
            assert shown.shown.splitlines()[-1].endswith(" nothing was done")
            assert "[y/N]" not in shown.shown.splitlines()[-1]
    assert deletions(fake) == (["/v1/services/svc_1"] if code == 0 else [])


ANSWERS = {
    "/v1/services": {"services": [SERVICE]},
    "/v1/services/svc_1": SERVICE,
    "/v1/services/svc_1/routes/7": {},
    "/v1/peers": {"peers": [{"id": "peer_1", "name": "paris", "is_local": False}]},
    "/v1/peers/peer_1": {},
    "/v1/peers/self": {},
    "/v1/credentials": {"credentials": [{"client_id": "cli_1", "name": "monitoring"}]},
    "/v1/credentials/cli_1": {},
    "/v1/cluster/init": {"cluster_id": "clu_2"},
}


@pytest.mark.parametrize(
    ("command", "question", "request_"),
    [
        (("routes", "delete", "--service", "web", "--route", "7"), "Delete route 7 of service web?", "/v1/services/svc_1/routes/7"),
        (("peers", "delete", "paris"), "Revoke peer paris (peer_1)?", "/v1/peers/peer_1"),
        (("peers", "remove-self"), "Take paris (peer_1), which answers at http://127.0.0.1:", "/v1/peers/self"),
        (("credentials", "revoke", "monitoring"), "Revoke credential cli_1?", "/v1/credentials/cli_1"),
        (("cluster", "init", "--force"), "a new cluster id?", "/v1/cluster/init"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_what_destroys_asks_what_it_names(
    build: Path, config: Path, fake: FakeAgent, command: tuple[str, ...], question: str, request_: str
) -> None:
    fake.answers = ANSWERS
    for answer, code in (("n\n", 1), ("y\n", 0)):
        fake.requests.clear()
        with terminal(build, config, "--url", fake.url, *command) as shown:
            shown.wait_for(question)
            shown.wait_for("[y/N] ")
            assert request_ not in [path for _, path, _ in fake.requests]
            shown.type(answer)
            assert shown.end() == code, shown.shown
        changed = [path for method, path, _ in fake.requests if method != "GET"]
        assert changed == ([] if code else [request_])


def test_colours_are_for_terminals_that_want_them(build: Path, config: Path) -> None:
    command = ("services", "list")  # nobody to ask: an error
    for args, environment, colours in (
        (command, {}, True),
        (command, {"NO_COLOR": "1"}, False),
        (command, {"NO_COLOR": ""}, True),
        (command, {"TERM": "dumb"}, False),
        (("--no-color", *command), {}, False),
        (("config", "set", "color", "never"), {}, False),
        (command, {}, False),
    ):
        with terminal(build, config, *args, **environment) as shown:
            assert shown.end() == (0 if args[0] == "config" else 2)
            assert ("\033[" in shown.shown) == colours, (args, environment, shown.shown)


# Outputs


@pytest.mark.parametrize("args", [("--help",), ("--version",), ("version",), ("version", "-j"), ("config", "view")])
def test_an_output_that_is_full_or_closed_is_a_failure(cli: Cli, build: Path, config: Path, args: tuple[str, ...]) -> None:
    cli("version")
    program = build / "cli" / "arctic"
    environment = {**os.environ, "ARCTIC_CONFIG": str(config)}
    for redirection, reason in ((">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")):
        result = subprocess.run(
            ["sh", "-c", f'"$0" "$@" {redirection}', program, *args],
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            env=environment,
            check=False,
        )
        assert (result.returncode, result.stderr) == (1, f"arctic: cannot write the output: {reason}\n")


def test_closed_descriptors_are_not_written_over(cli: Cli, build: Path, config: Path, fake: FakeAgent) -> None:
    """A file that is opened gets the lowest free number, and what is printed must not land in it."""
    config.parent.mkdir()
    config.touch(0o600)
    config.write_text("clusters: {clu_1: {name: paris}}\n")
    before = config.read_bytes()
    for closed, code in (("1>&-", 1), ("2>&-", 0), ("0<&- 1>&- 2>&-", 1)):
        result = subprocess.run(
            ["sh", "-c", f'"$0" --url "$1" services list {closed}', build / "cli" / "arctic", fake.url],
            capture_output=True,
            timeout=30,
            env={**os.environ, "ARCTIC_CONFIG": str(config)},
            check=False,
        )
        assert result.returncode == code and config.read_bytes() == before
    # The connection to the agent is open while the table is printed.
    assert {(method, path) for method, path, _ in fake.requests} == {("GET", "/v1/services"), ("GET", "/v1/peers")}


def test_a_reader_that_leaves_early_is_no_news(build: Path, config: Path, fake: FakeAgent) -> None:
    services = [{"id": f"svc_{i}", "name": "x" * 60, "source_peer_id": "", "target_peer_id": ""} for i in range(5000)]
    fake.answers = {"/v1/services": {"services": services}}
    child = subprocess.Popen(
        [build / "cli" / "arctic", "--url", fake.url, "services", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "ARCTIC_CONFIG": str(config)},
        restore_signals=True,
    )
    assert child.stdout and child.stderr
    child.stdout.readline()
    child.stdout.close()
    assert child.stderr.read() == b"" and child.wait(10) == -signal.SIGPIPE
    child.stderr.close()


# Names


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "no_SUCH.locale"])
def test_names_are_shown_as_they_are(build: Path, config: Path, fake: FakeAgent, locale: str) -> None:
    names = ["Büro-Zürich", "東京", "plain"]
    services = [{"id": f"svc_{name}", "name": name, "transport_type": "tcp"} for name in names]
    fake.answers = {"/v1/services": {"services": services}}
    shown = subprocess.run(
        [build / "cli" / "arctic", "--url", fake.url, "services", "list"],
        capture_output=True,
        timeout=30,
        env={**os.environ, "ARCTIC_CONFIG": str(config), "LC_ALL": locale, "COLUMNS": "20"},
        check=True,
    ).stdout.decode()
    rows = shown.splitlines()[1:4]
    assert [row.split()[1] for row in rows] == names
    # Every column begins at the same place on the screen, where the letters of 東京 take two each; nothing is cut.
    places = [row.index("tcp") + sum(letter in "東京" for letter in row[: row.index("tcp")]) for row in rows]
    assert len(set(places)) == 1


# U+009B begins an escape sequence as ESC [ does, U+202E turns the writing around.
STEERING = "a\x1b[31mb\x1b]0;c\x07d\u009b31me\u202ef"
HARMLESS = "a?[31mb?]0;c?d??31me???f"


@pytest.mark.parametrize(
    "command",
    [
        ("services", "delete", "svc_1"),
        ("peers", "delete", "peer_1"),
        ("peers", "remove-self"),
        ("services", "update", "svc_1", "--bandwidth-limit", "5"),
        ("services", "get", STEERING + "?"),
        ("cluster", "sync"),
        ("peers", "list"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_no_name_steers_the_terminal(build: Path, config: Path, fake: FakeAgent, command: tuple[str, ...]) -> None:
    service = {**SERVICE, "name": STEERING, "state": "error", "state_reason": STEERING}
    peer = {"id": "peer_1", "name": STEERING, "is_local": command[1] == "remove-self", "reached": False}
    fake.answers = {
        "/v1/services": {"services": [service]},
        "/v1/services/svc_1": service,
        "/v1/peers": {"peers": [peer]},
        "/v1/peers/peer_1": {},
        "/v1/cluster/sync": {"peers": [peer], "kernel": {"ok": False, "reason": STEERING}},
    }
    with terminal(build, config, "--url", fake.url, "--no-color", *command) as shown:
        shown.type("n\n")
        shown.end()
    assert HARMLESS in shown.shown
    assert not set("\x1b\x07\u009b\u202e") & set(shown.shown), shown.shown
