"""The command line without a live agent: run in a folder of its own, against a stand-in that answers what it is told to."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

import pytest


class Cli(Protocol):
    def __call__(self, *args: str, code: int | None = 0, stdin: str = "") -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "settings" / "config.yaml"


@pytest.fixture
def cli(build: Path, config: Path, tmp_path: Path) -> Cli:
    """Runs `arctic ARGS` in an empty folder with a configuration file of its own."""

    def run(*args: str, code: int | None = 0, stdin: str = "") -> subprocess.CompletedProcess[str]:
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
        assert code is None or result.returncode == code, (args, result)
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
        self.refused_clients: set[str] = set()  # get no token
        self.unwell = False  # as /readyz says

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
        status, answer = 200, answers.get(path)
        if path not in answers:
            status, answer = 404, {"error": "no such thing", "code": "NOT_FOUND"}
        if path == "/readyz" and self.server.unwell:
            status, answer = 503, {"status": "not ready"}
        if path == "/v1/oauth/token" and any(f"client_id={client}&" in body for client in self.server.refused_clients):
            status, answer = 401, {"error": "no such client", "code": "UNAUTHORIZED"}
        told = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_POST = do_DELETE = do_PUT = answer

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        self.server.requests.append(("no HTTP", self.requestline, message))
        super().send_error(code, message, explain)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[FakeAgent]:
    with FakeAgent() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def fake() -> Iterator[FakeAgent]:
    with serving() as server:
        yield server


@pytest.fixture
def license_file(cli: Cli, tmp_path: Path) -> Path:
    cli("license", "keygen", "--out", "root.pem")
    cli(*ISSUE, "--out", "license.json")
    return tmp_path / "license.json"


ISSUE = ("license", "issue", "--root-key", "root.pem", "--max-nodes", "10", "--max-services", "20", "--days", "30")
