"""Live agents in a lab: arctic-agent on a host, the CLI and the API beside it, and the pair that most tests start from."""

import http.client
import json
import os
import subprocess
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from arctic_lab import Lab, Namespace, Process, wait_for

API_PORT = 8080
TUNNEL_PORT = 61000
NO_BODY = object()
OWN_TOKEN = "the agent's own"


@dataclass(frozen=True)
class Answer:
    """What the API said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def error(self) -> tuple[int, str, str | None]:
        """Status, code and field of a refusal."""
        told = self.json()
        assert isinstance(told.get("error"), str) and told["error"], told
        return self.status, told["code"], told.get("field")


class CliFailed(AssertionError):
    """A command that was to succeed did not."""


class Agent:
    """arctic-agent on a host of the lab, with directories of its own. Settings are those of its environment."""

    def __init__(self, host: Namespace, build: Path, directory: Path, **settings: str) -> None:
        self.host = host
        self.name = host.name
        self.data_dir = directory / "data"
        self.run_dir = directory / "run"
        self.home = directory / "home"
        self.home.mkdir(parents=True)
        self.config = self.home / "config.yaml"
        self.settings = {"DATA_DIR": str(self.data_dir), "RUN_DIR": str(self.run_dir), **settings}
        self.process: Process | None = None
        self._program = build / "agent" / "arctic-agent"
        self._cli = build / "cli" / "arctic"
        self._tokens: dict[str, str] = {}
        self._id = ""

    # The daemon

    def launch(self) -> Process:
        """Starts it and returns at once."""
        # Not the settings of the machine the tests run on.
        arguments = (str(self._program), "--env-file", os.devnull)
        self.process = self.host.start(*arguments, name="arctic-agent", env=self.settings)
        return self.process

    def start(self, timeout: float = 15.0) -> None:
        """Returns when the API answers."""
        self.launch()
        self.wait_until_answers(timeout)

    def wait_until_answers(self, timeout: float = 15.0) -> None:
        """Waits for the API of an agent that was launched."""
        process = self.process
        assert process

        def answers() -> bool:
            if process.returncode is not None:
                raise RuntimeError(f"{self.name}'s agent ended with {process.returncode}:\n{process.log()}")
            try:
                return self.request("GET", "/livez").status == 200
            except OSError:
                return False

        wait_for(answers, timeout, f"/livez of {self.name}")

    def stop(self) -> None:
        """A clean stop; AssertionError unless the agent was alive and ends with 0 (no crash, no leak)."""
        process, self.process = self.process, None
        assert process, f"{self.name}'s agent does not run"
        assert process.returncode is None, f"{self.name}'s agent had ended with {process.returncode}"
        code = process.stop(20)
        assert code == 0, f"{self.name}'s agent ended with {code}:\n{process.log()}"

    def kill(self) -> None:
        """kill -9."""
        process, self.process = self.process, None
        assert process and process.returncode is None, f"{self.name}'s agent does not run"
        process.kill()

    def end(self) -> None:
        """Stops it if a test has not."""
        if self.process:
            self.stop()

    @property
    def log(self) -> str:
        assert self.process
        return self.process.log()

    @property
    def resident_bytes(self) -> int:
        """Memory in use by the daemon."""
        assert self.process
        fields = Path(f"/proc/{self.process.pid}/status").read_text().split("VmRSS:")[1].split()
        return int(fields[0]) * 1024

    # The command line

    @property
    def cli_environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in os.environ if name.endswith("SAN_OPTIONS")}
        path = f"{self._cli.parent}:{os.environ['PATH']}"
        return {
            **kept,
            "PATH": path,
            "HOME": str(self.home),
            "ARCTIC_CONFIG": str(self.config),
            "LANG": "C.UTF-8",
        }

    def cli(
        self, *args: str, code: int | None = 0, stdin: str | None = None, timeout: float = 30.0
    ) -> subprocess.CompletedProcess[str]:
        """Runs `arctic ARGS` on the host; CliFailed unless it exits with `code` (None: with any)."""
        result = subprocess.run(
            self.host.command("arctic", *args),
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            timeout=timeout,
            env=self.cli_environment,
            check=False,
        )
        if code is not None and result.returncode != code:
            raise CliFailed(
                f"arctic {' '.join(args)} exited with {result.returncode}, not {code}\n{result.stdout}{result.stderr}"
            )
        return result

    def cli_json(self, *args: str) -> Any:
        """The JSON that `arctic ARGS --json` prints."""
        return json.loads(self.cli(*args, "--json").stdout)

    # The API

    @contextmanager
    def connected(self, timeout: float = 20.0) -> Iterator[http.client.HTTPConnection]:
        """A connection to the API from the host itself."""
        connection = http.client.HTTPConnection("127.0.0.1", API_PORT, timeout=timeout)
        try:
            with self.host.entered():
                connection.connect()
            yield connection
        finally:
            connection.close()

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One raw request."""
        with self.connected() as connection:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read())

    def api(self, method: str, path: str, body: Any = NO_BODY, token: str | None = OWN_TOKEN) -> Answer:
        """One request with a token (None: without). Bytes go as they are, anything else as JSON."""
        headers = {}
        if token is not None:
            headers["Authorization"] = f"Bearer {self.token() if token == OWN_TOKEN else token}"
        data = None
        if body is not NO_BODY:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        return self.request(method, path, data, headers)

    def get(self, path: str) -> Any:
        """The JSON of a GET that must succeed."""
        answer = self.api("GET", path)
        assert answer.status == 200, (path, answer)
        return answer.json()

    @property
    def credentials(self) -> tuple[str, str]:
        """Client id and secret, from the config file that `arctic bootstrap` wrote."""
        config = yaml.safe_load(self.config.read_text())
        cluster = config["clusters"][config["current_cluster"]]
        return cluster["client_id"], cluster["client_secret"]

    def token(self, scope: str = "") -> str:
        """An access token, with all scopes or the given ones."""
        if scope not in self._tokens:
            client_id, client_secret = self.credentials
            form = {
                "grant_type": "client_credentials",
                "client_id": client_id,
                "client_secret": client_secret,
            }
            if scope:
                form["scope"] = scope
            answer = self.request(
                "POST",
                "/v1/oauth/token",
                urllib.parse.urlencode(form).encode(),
                {"Content-Type": "application/x-www-form-urlencoded"},
            )
            assert answer.status == 200, answer
            self._tokens[scope] = answer.json()["access_token"]
        return self._tokens[scope]

    def log_out(self) -> None:
        """Forgets its tokens: the next request gets a new one."""
        self._tokens.clear()

    # What tests do often

    @property
    def id(self) -> str:
        """The peer id, once bootstrapped."""
        if not self._id:
            self._id = self.api("GET", "/v1/cluster/identity", token=None).json()["peer_id"]
        return self._id

    def forget(self) -> None:
        """Drops what the test knows of an identity that the agent has lost."""
        self._id = ""
        self._tokens.clear()

    def bootstrap(self, license_file: Path) -> None:
        url = f"http://127.0.0.1:{API_PORT}"
        self.cli("bootstrap", "--url", url, "--license-file", str(license_file), "--name", self.name)

    def add_peer(self, other: "Agent", address: str | None = None) -> None:
        self.cli("peers", "add", f"{address or other.host.address(4, 'wan')}:{API_PORT}")

    def create_service(self, target: "Agent", *options: str) -> str:
        """Creates a service with the CLI and returns its id."""
        created = self.cli_json("services", "create", "--target-peer", target.id, *options)
        return str(created["id"])

    def add_route(
        self, service: str, *, source: str | None = None, dest: str | None = None, priority: int = 100
    ) -> int:
        """Adds a route with the CLI and returns its id."""
        options = ["--service", service, "--priority", str(priority)]
        if source:
            options += ["--source-cidr", source]
        if dest:
            options += ["--dest-cidr", dest]
        (route,) = self.cli_json("routes", "add", *options)["route_ids"]
        return int(route)

    def service(self, service: str) -> Any:
        return self.get(f"/v1/services/{service}")

    def ruleset(self) -> str:
        """nft list table inet arctic; empty where there is none."""
        result = self.host.run("nft", "list", "table", "inet", "arctic", check=False)
        return result.stdout if result.returncode == 0 else ""

    def captured(self, service: str) -> int:
        """How many packets the service's counter in the kernel has: one for each flow that was captured."""
        listed = json.loads(self.host.run("nft", "-j", "list", "counters", "table", "inet", "arctic").stdout)
        ulid = service.removeprefix("svc_")
        return sum(
            item["counter"]["packets"]
            for item in listed["nftables"]
            if "counter" in item and ulid in item["counter"]["name"]
        )


def issue_license(build: Path, cli: Agent, path: Path, *options: str) -> Path:
    """A licence signed by the build's throw-away trust root."""
    root = build / "lib" / "crypto" / "trust-root.key"
    terms = options or ("--max-nodes", "10", "--max-services", "100", "--days", "365")
    cli.cli("license", "issue", "--root-key", str(root), *terms, "--out", str(path))
    return path


@contextmanager
def bootstrapped_agent(lab: Lab, build: Path, **settings: str) -> Iterator[Agent]:
    """An agent on the entry that has its identity and knows no peer; stopped cleanly afterwards."""
    agent = Agent(lab.entry, build, lab.directory / "agents" / "entry", **settings)
    agent.start()
    agent.bootstrap(issue_license(build, agent, lab.directory / "license.json"))
    yield agent
    agent.end()


class Pair:
    """An agent on the entry and one on the exit of a lab, bootstrapped and peers of each other."""

    def __init__(self, lab: Lab, build: Path, **settings: str) -> None:
        self.lab = lab
        self.build = build
        directory = lab.directory / "agents"
        self.entry = Agent(lab.entry, build, directory / "entry", **settings)
        self.exit = Agent(lab.exit, build, directory / "exit", **settings)
        self.license = directory / "license.json"

    def start(self, *terms: str) -> None:
        """`terms`: options of `arctic license issue`, else a licence for more than tests need."""
        for agent in (self.entry, self.exit):
            agent.start()
        issue_license(self.build, self.entry, self.license, *terms)
        for agent in (self.entry, self.exit):
            agent.bootstrap(self.license)
        self.entry.add_peer(self.exit)

    def end(self) -> None:
        """A clean stop of what still runs; AssertionError when one did not end well."""
        try:
            self.entry.end()
        finally:
            self.exit.end()

    def carry(self, *destinations: str) -> str:
        """A tcp service from entry to exit with a route to each destination, by default both server LANs."""
        service = self.entry.create_service(self.exit)
        for destination in destinations or ("10.2.0.0/24", "fd02::/64"):
            self.entry.add_route(service, dest=destination)
        self.wait_until_carried(service)
        return service

    def wait_until_carried(self, service: str) -> None:
        """Waits until the service is active and the exit knows it."""

        def known() -> bool:
            if self.entry.service(service)["state"] != "active":
                return False
            there = self.exit.api("GET", f"/v1/services/{service}")
            here = self.entry.service(service)["routes"]
            return there.status == 200 and uncounted(there.json()["routes"]) == uncounted(here)

        # An exit that was away has to answer for 5 s.
        wait_for(known, 15, f"service {service} active and known at the exit")


def uncounted(routes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Routes as they were asked for, without what each agent has counted."""
    return [{name: value for name, value in route.items() if name != "counters"} for route in routes]


@contextmanager
def running_pair(lab: Lab, build: Path, *terms: str, **settings: str) -> Iterator[Pair]:
    """A Pair that is started, with a licence of these terms, and afterwards stopped cleanly."""
    pair = Pair(lab, build, **settings)
    pair.start(*terms)
    yield pair
    pair.end()
