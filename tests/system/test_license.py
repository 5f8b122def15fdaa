"""The licence over its whole life: five states by a clock that tests set, replacement, limits, and a stored one that was changed."""

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, Answer, Pair, issue_license
from arctic_lab import Connection, End, Lab, wait_for
from clock import DAY, Clock
from flows import carried, says

TERMS = ("--max-nodes", "10", "--max-services", "100", "--days", "365")
# Where a state begins, in days from the end of the licence, and the one before it.
BOUNDARIES = [
    (-30, "valid", "warning", "warn"),
    (0, "warning", "grace", "warn"),
    (14, "grace", "read_only", "error"),
    (28, "read_only", "suspended", "error"),
]


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


class Licensed:
    """An agent and its clock."""

    def __init__(self, agent: Agent, clock: Clock, build: Path) -> None:
        self.agent = agent
        self.clock = clock
        self._build = build
        self.path = agent.home / "license.json"

    @property
    def status(self) -> Any:
        return self.agent.get("/v1/license")

    def move(self, days: float, late: float = 0.0) -> None:
        """Puts the clock so many days after the end of the licence, and a few seconds."""
        end = seconds(json.loads(self.path.read_text())["expires_at"])
        self.clock.set(end + days * DAY + late - datetime.now().timestamp())
        # Tokens live for an hour, by the agent's clock.
        self.agent.log_out()

    def issue(self, name: str, *terms: str, days_ago: float = 0, root: Path | None = None) -> dict[str, Any]:
        """A licence of the same customer as the first, as if issued some days ago."""
        path = self.agent.home / f"{name}.json"
        customer = json.loads(self.path.read_text())["customer_id"]
        root = root or self._build / "lib" / "crypto" / "trust-root.key"
        if "--customer" not in terms:
            terms = (*terms, "--customer", customer)
        command = ["arctic", "license", "issue", "--root-key", str(root), "--out", str(path), *terms]
        then = Clock(self.agent.home / f"{name}.clock")
        then.set(-days_ago * DAY)
        environment = {**self.agent.cli_environment, **(then.settings if days_ago else {})}
        subprocess.run(command, check=True, env=environment, capture_output=True)
        return dict(json.loads(path.read_text()))

    def put(self, license: Any, **options: Any) -> Answer:
        return self.agent.api("PUT", "/v1/license", {"license": license}, **options)

    def events(self) -> list[dict[str, Any]]:
        lines = (json.loads(line) for line in self.agent.log.splitlines() if line.startswith("{"))
        return [line for line in lines if line["subsystem"] == "license"]

    def wait_for_state(self, state: str) -> None:
        wait_for(lambda: self.events()[-1]["state"] == state, 3, f"the state {state}")


@pytest.fixture
def licensed(lab: Lab, build: Path) -> Iterator[Licensed]:
    clock = Clock(lab.directory / "clock")
    agent = Agent(lab.entry, build, lab.directory / "agents" / "entry", **clock.settings)
    agent.start()
    subject = Licensed(agent, clock, build)
    agent.bootstrap(issue_license(build, agent, subject.path, *TERMS))
    yield subject
    agent.end()


def test_the_status_of_a_new_licence(licensed: Licensed) -> None:
    license = json.loads(licensed.path.read_text())
    status = licensed.status
    assert status["state"] == "valid" and status["days_left"] == 364
    for member in ("customer_id", "license_id", "max_nodes", "max_services", "features"):
        assert status[member] == license[member]
    assert seconds(status["expires_at"]) == seconds(license["expires_at"])
    assert seconds(status["read_only_at"]) == seconds(license["expires_at"]) + 14 * DAY
    assert seconds(status["suspended_at"]) == seconds(license["expires_at"]) + 28 * DAY
    assert status["usage"] == {"nodes": 1, "services": 0}
    assert "admission_secret" not in status
    reader = licensed.agent.token("services.read")
    assert licensed.agent.api("GET", "/v1/license", token=reader).error == (403, "FORBIDDEN", None)


def test_states_follow_the_clock(licensed: Licensed) -> None:
    """Over each boundary while the clock ticks; each state is logged, shown, and outlives a restart."""
    agent = licensed.agent
    for days, before, state, level in BOUNDARIES:
        licensed.move(days, -1.5)
        licensed.wait_for_state(before)
        licensed.move(days, -1.0)
        assert licensed.status["state"] == before
        licensed.wait_for_state(state)
        event = licensed.events()[-1]
        assert event["level"] == level and event["former_state"] == before
        assert event["days_left"] == {-30: 29, 0: -1, 14: -15, 28: -29}[days]
        assert "arctic license update --license-file FILE" in event["message"]
        check = agent.api("GET", "/readyz", token=None).json()["checks"]["license"]
        assert check["state"] == state and check["ok"] == (state != "suspended")
        status = licensed.status
        assert status["state"] == state
        since = status["state_since"]
        assert abs(seconds(since) - seconds(status["expires_at"]) - days * DAY) < 0.001
        agent.stop()
        agent.start()
        assert licensed.status["state_since"] == since
        event = licensed.events()[0]
        assert (event["state"], event["former_state"], event["level"]) == (state, state, level)


def test_a_state_that_changed_while_the_agent_was_off(licensed: Licensed) -> None:
    licensed.agent.stop()
    licensed.move(20)
    licensed.agent.start()
    event = licensed.events()[0]
    assert (event["former_state"], event["state"]) == ("valid", "read_only")
    status = licensed.status
    assert seconds(status["state_since"]) == seconds(status["read_only_at"])
    # And a clock that is put right.
    licensed.clock.set(0)
    licensed.agent.log_out()
    licensed.wait_for_state("valid")
    assert licensed.agent.api("POST", "/v1/credentials", {"scopes": ["admin"]}).status == 201


def test_what_each_state_refuses(licensed: Licensed) -> None:
    agent = licensed.agent
    client = {"scopes": ["peers.read"]}
    public = ("/livez", "/v1/cluster/identity")
    for days in (-31, -1, 13):
        licensed.move(days)
        assert agent.api("POST", "/v1/credentials", client).status == 201
        assert agent.api("GET", "/readyz", token=None).json()["checks"]["license"]["ok"]
    requests: list[tuple[Any, ...]] = [
        ("POST", "/v1/credentials", client),
        ("POST", "/v1/services", {"target_peer_id": "x", "transport_type": "tcp"}),
        ("POST", "/v1/peers", {"address": "10.9.0.2:8080"}),
        ("DELETE", f"/v1/credentials/{agent.credentials[0]}"),
        ("POST", "/v1/cluster/credentials/rotate"),
    ]
    licensed.move(15)
    for method, path, *body in requests:
        answer = agent.api(method, path, *body)
        assert answer.error == (403, "LICENSE_READ_ONLY", None), (method, path)
        assert "arctic license update --license-file FILE" in answer.json()["error"]
    for path in ("/v1/services", "/v1/credentials", "/v1/license"):
        assert agent.api("GET", path).status == 200
    # These are no changes, for all that they are POSTs.
    assert agent.api("POST", "/v1/routes/explain", {"source": "10.1.0.2", "dest": "10.2.0.2"}).status == 200
    assert agent.api("POST", "/v1/cluster/sync").status == 200
    licensed.move(29)
    for method, path, *body in (*requests, ("GET", "/v1/services"), ("GET", "/v1/credentials")):
        answer = agent.api(method, path, *body)
        assert answer.error == (403, "LICENSE_SUSPENDED", None), (method, path)
        assert "arctic license update --license-file FILE" in answer.json()["error"]
    for path in public:
        assert agent.api("GET", path, token=None).status == 200
    assert agent.api("GET", "/v1/license").status == 200
    ready = agent.api("GET", "/readyz", token=None)
    assert ready.status == 503
    refused = agent.api("GET", "/v1/services").json()["error"]
    assert ready.json()["checks"]["license"]["reason"] == refused and "lic_" in refused
    # Who may do nothing else is still told apart from who may not do that either.
    assert agent.api("GET", "/v1/services", token="x").error[1] == "UNAUTHORIZED"


def test_replacing_a_licence(licensed: Licensed) -> None:
    agent = licensed.agent
    present = licensed.status
    later = licensed.issue("later", "--max-nodes", "3", "--max-services", "7", "--days", "400")
    answer = licensed.put(later)
    assert answer.status == 200
    assert answer.json()["license_id"] == later["license_id"] != present["license_id"]
    assert answer.json()["max_services"] == 7
    assert agent.api("GET", "/v1/cluster/identity", token=None).json()["license_id"] == later["license_id"]
    assert licensed.put(later).json() == answer.json()
    agent.stop()
    agent.start()
    assert licensed.status == answer.json()
    agent.kill()
    agent.start()
    assert licensed.status == answer.json()


def test_licences_that_do_not_replace_the_present_one(lab: Lab, licensed: Licensed) -> None:
    agent = licensed.agent
    good = licensed.issue("good", *TERMS)
    root = lab.directory / "foreign.key"
    agent.cli("license", "keygen", "--out", str(root))
    other = "cust_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    shown = {name: value for name, value in good.items() if name != "admission_secret"}
    refusals: dict[str, tuple[Any, tuple[int, str, str | None]]] = {
        "another customer": (
            licensed.issue("other", *TERMS, "--customer", other),
            (422, "LICENSE_MISMATCH", "license"),
        ),
        "changed": ({**good, "max_nodes": 1000}, (422, "LICENSE_INVALID", "signature")),
        "another root": (licensed.issue("foreign", *TERMS, root=root), (422, "LICENSE_INVALID", "signature")),
        "without its secret": (shown, (422, "LICENSE_INVALID", "admission_secret")),
        "expired": (
            licensed.issue("expired", *TERMS[:4], "--days", "30", days_ago=31),
            (422, "LICENSE_EXPIRED", "license"),
        ),
        "older": (licensed.issue("older", *TERMS, days_ago=1), (422, "LICENSE_INVALID", "license")),
        "empty": ({}, (422, "LICENSE_INVALID", "customer_id")),
        "no object": ("x", (400, "INVALID_REQUEST", "license")),
        "null": (None, (400, "INVALID_REQUEST", "license")),
    }
    before = licensed.status
    for what, (license, expected) in refusals.items():
        answer = licensed.put(license)
        assert answer.error == expected, (what, answer.body)
        assert good["admission_secret"] not in answer.body.decode()
    refused = agent.cli("license", "update", "--license-file", str(agent.home / "expired.json"), code=6).stderr
    assert "expired at" in refused and "arctic license update" not in refused
    assert agent.api("PUT", "/v1/license", good).error[:2] == (400, "INVALID_REQUEST")
    assert agent.api("PUT", "/v1/license", {}).error == (400, "MISSING_FIELD", "license")
    reader = agent.token("services.write")
    assert licensed.put(good, token=reader).error == (403, "FORBIDDEN", None)
    assert licensed.put(good, token=None).error[1] == "UNAUTHORIZED"
    assert licensed.status == before
    assert good["admission_secret"] not in agent.log


def through_the_tunnel(lab: Lab) -> bool | None:
    """None for a flow that was captured just before its service stopped, and is reset for that."""
    try:
        return carried(lab, lab.client)
    except ConnectionResetError:
        return None


def test_a_full_life_with_traffic(lab: Lab, build: Path) -> None:
    """Read-only carries on; suspended gives the traffic back and ends the flows; a new licence takes it up again."""
    lab.server.serve("http", 80)
    lab.server.serve("echo", 7)
    clock = Clock(lab.directory / "clock")
    pair = Pair(lab, build)
    pair.entry = Agent(lab.entry, build, lab.directory / "agents" / "timed", **clock.settings)
    pair.start(*TERMS)
    entry = Licensed(pair.entry, clock, build)
    entry.path = pair.license
    service = pair.carry()
    ulid = service.removeprefix("svc_")
    with Connection(lab.client, lab.server.ipv4, 7) as flow:
        entry.move(15)
        entry.wait_for_state("read_only")
        assert says(flow) and carried(lab, lab.client)
        entry.move(29)
        entry.wait_for_state("suspended")
        assert flow.receive_to_end()[1] == End.RESET
    wait_for(lambda: ulid not in pair.entry.ruleset(), 3, "a ruleset without the service")
    assert not carried(lab, lab.client)

    entry.clock.set(0)
    pair.entry.log_out()
    entry.wait_for_state("valid")
    wait_for(lambda: through_the_tunnel(lab) is True, 3, "a service that works again")
    entry.move(29)
    entry.wait_for_state("suspended")
    wait_for(lambda: through_the_tunnel(lab) is False, 3, "a service that is stopped again")
    answer = entry.put(entry.issue("later", *TERMS[:4], "--days", "500"))
    assert answer.status == 200 and answer.json()["state"] == "valid"
    # In effect when it is answered.
    assert carried(lab, lab.client)
    assert pair.entry.service(service)["state"] == "active"
    pair.end()


def test_a_suspended_exit_serves_nothing(lab: Lab, build: Path) -> None:
    lab.server.serve("echo", 7)
    clock = Clock(lab.directory / "clock")
    pair = Pair(lab, build)
    pair.exit = Agent(lab.exit, build, lab.directory / "agents" / "timed", **clock.settings)
    pair.start(*TERMS)
    pair.carry()
    exit = Licensed(pair.exit, clock, build)
    exit.path = pair.license
    with Connection(lab.client, lab.server.ipv4, 7) as flow:
        assert says(flow)
        exit.move(29)
        assert flow.receive_to_end()[1] == End.RESET
    pair.end()


def test_limits(lab: Lab, build: Path) -> None:
    """At the limit a change is refused; a larger licence makes room at once; under a smaller one the newest do not work."""
    pair = Pair(lab, build)
    pair.start("--max-nodes", "2", "--max-services", "2", "--days", "365")
    clock = Clock(lab.directory / "clock")
    entry = Licensed(pair.entry, clock, build)
    entry.path = pair.license
    first, second = (pair.entry.create_service(pair.exit) for _ in range(2))
    body = {"target_peer_id": pair.exit.id, "transport_type": "tcp"}
    answer = pair.entry.api("POST", "/v1/services", body)
    assert answer.error == (422, "SERVICE_LIMIT_EXCEEDED", None)
    assert "arctic license update --license-file FILE" in answer.json()["error"]
    assert entry.status["usage"] == {"nodes": 2, "services": 2}

    third_agent = Agent(lab.client, build, lab.directory / "agents" / "third")
    third_agent.start()
    third_agent.bootstrap(pair.license)
    answer = pair.entry.api("POST", "/v1/peers", {"address": f"{lab.client.ipv4}:8080"})
    assert answer.error[:2] == (422, "NODE_LIMIT_EXCEEDED")

    def replace(name: str, *terms: str) -> None:
        assert entry.put(entry.issue(name, *terms, "--days", "365")).status == 200

    replace("larger", "--max-nodes", "3", "--max-services", "3")
    assert pair.entry.api("POST", "/v1/peers", {"address": f"{lab.client.ipv4}:8080"}).status == 201
    third = pair.entry.create_service(third_agent)

    def states(*services: str) -> list[str]:
        return [pair.entry.service(service)["state"] for service in services]

    assert states(first, second, third) == ["active"] * 3
    replace("fewer-nodes", "--max-nodes", "2", "--max-services", "3")
    assert states(first, second, third) == ["active", "active", "error"]
    assert "NODE_LIMIT_EXCEEDED" in pair.entry.service(third)["state_reason"]
    replace("fewer-services", "--max-nodes", "3", "--max-services", "1")
    assert states(first, second, third) == ["active", "error", "error"]
    assert "SERVICE_LIMIT_EXCEEDED" in pair.entry.service(second)["state_reason"]
    assert pair.entry.api("DELETE", f"/v1/services/{first}").status == 204
    assert states(second, third) == ["active", "error"]
    third_agent.end()
    pair.end()


def test_a_stored_licence_that_was_changed(licensed: Licensed) -> None:
    """Such an agent does not start, and says what to do."""
    agent = licensed.agent
    agent.stop()
    with closing(sqlite3.connect(agent.data_dir / "arctic.db")) as database, database:
        (text,) = database.execute("SELECT value FROM note WHERE space = 'agent' AND key = 'license'").fetchone()
        changed = json.dumps({**json.loads(text), "expires_at": "2099-01-01T00:00:00Z"})
        query = "UPDATE note SET value = ? WHERE space = 'agent' AND key = 'license'"
        assert database.execute(query, (changed,)).rowcount == 1
    process = agent.launch()
    agent.process = None
    assert process.wait(10) == 1
    for words in ("arctic.db", "signature", "restore a backup", "bootstrap anew"):
        assert words in process.log()
    with closing(sqlite3.connect(agent.data_dir / "arctic.db")) as database, database:
        database.execute(query, (text,))
    agent.start()
    assert licensed.status["state"] == "valid"
