"""An agent whose disk is full: requests fail and change nothing, in memory as on disk, and all goes on when there is room again."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from agents import API_PORT, NO_BODY, Agent, Pair, issue_license, uncounted
from arctic_lab import Lab, wait_for
from flows import carries


@contextmanager
def small_disk(path: Path) -> Iterator[None]:
    path.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


@contextmanager
def full(directory: Path) -> Iterator[None]:
    """No byte is left on the disk inside the with-statement."""
    filler = directory / "filler"
    for size in (4096, 1):
        with suppress(OSError), filler.open("ab", buffering=0) as out:
            while out.write(bytes(size)):
                pass
    yield
    filler.unlink()


class Small:
    """An agent on a small disk, and one beside it that it may add as a peer."""

    def __init__(self, lab: Lab, build: Path) -> None:
        self.entry = Agent(lab.entry, build, lab.directory / "entry")
        self.exit = Agent(lab.exit, build, lab.directory / "exit")
        self.address = {"address": f"{lab.exit.address(4, 'wan')}:{API_PORT}"}
        self.license = lab.directory / "license.json"
        self.build = build

    def start(self) -> None:
        for agent in (self.entry, self.exit):
            agent.start()
        issue_license(self.build, self.entry, self.license)
        for agent in (self.entry, self.exit):
            agent.bootstrap(self.license)

    def state(self) -> tuple[Any, ...]:
        services = [self.entry.service(one["id"]) for one in self.entry.get("/v1/services")["services"]]
        # Counters begin anew with the agent.
        passing = {"state": "", "state_reason": "", "counters": None}
        return (
            [{**service, **passing, "routes": uncounted(service["routes"])} for service in services],
            sorted(peer["id"] for peer in self.entry.get("/v1/peers")["peers"]),
            self.entry.get("/v1/cluster/identity"),
        )


@pytest.fixture
def small(lab: Lab, build: Path) -> Iterator[Small]:
    made = Small(lab, build)
    with small_disk(made.entry.data_dir):
        made.start()
        yield made
        made.entry.end()
    made.exit.end()


def fails(answer: Any) -> None:
    assert answer.error[:2] == (500, "INTERNAL"), answer


def test_changes_on_a_full_disk(small: Small) -> None:
    entry = small.entry
    assert entry.api("POST", "/v1/peers", small.address).status == 201
    service = entry.create_service(small.exit, "--name", "kept")
    route = entry.add_route(service, dest="10.2.0.0/24")
    path = f"/v1/services/{service}"
    wait_for(lambda: entry.service(service)["state"] == "active", 5, "an active service")
    before = small.state()
    ruleset = entry.ruleset()
    with full(entry.data_dir):
        body = {"target_peer_id": small.exit.id, "transport_type": "tcp"}
        fails(entry.api("POST", "/v1/services", body))
        fails(entry.api("PUT", path, {"name": "changed"}))
        fails(entry.api("POST", f"{path}/routes", {"routes": [{"dest_cidr": "10.8.0.0/16", "priority": 1}]}))
        fails(entry.api("PUT", f"{path}/routes/{route}", {"priority": 7}))
        fails(entry.api("DELETE", f"{path}/routes/{route}"))
        fails(entry.api("DELETE", path))
        assert "health --readyz" in entry.cli("services", "delete", service, "--yes", code=1).stderr
        assert "health --readyz" not in entry.cli("health", "--readyz", code=1).stderr
        assert "disk" in entry.log
        assert small.state() == before
        ready = entry.api("GET", "/readyz", token=None)
        assert ready.status == 503 and "disk" in ready.json()["checks"]["store"]["reason"]
    assert entry.ruleset() == ruleset
    entry.stop()
    entry.start()
    assert small.state() == before
    assert entry.api("PUT", path, {"name": "changed"}).status == 200
    assert entry.api("GET", "/readyz", token=None).status == 200


def test_access_on_a_full_disk(small: Small) -> None:
    """Neither credential nor licence changes where it cannot be stored; tokens and the recovery token work on."""
    entry = small.entry
    made = entry.api("POST", "/v1/credentials", {"scopes": ["peers.read"]}).json()
    customer = json.loads(small.license.read_text())["customer_id"]
    terms = ("--customer", customer, "--max-nodes", "3", "--max-services", "3", "--days", "9")
    later = json.loads(issue_license(small.build, entry, small.license.with_name("later.json"), *terms).read_text())
    requests: list[tuple[Any, ...]] = [
        ("POST", "/v1/credentials", {"scopes": ["peers.read"]}, 201),
        ("POST", "/v1/cluster/credentials/rotate", {}, 200),
        ("PUT", "/v1/license", {"license": later}, 200),
        ("DELETE", f"/v1/credentials/{made['client_id']}", NO_BODY, 204),
    ]

    def state() -> tuple[Any, ...]:
        return entry.get("/v1/credentials"), entry.get("/v1/license")

    before = state()
    with full(entry.data_dir):
        for method, path, body, _ in requests:
            assert entry.api(method, path, body).error[:2] == (500, "INTERNAL"), path
        entry.log_out()
        assert state() == before
    for method, path, body, status in requests:
        assert entry.api(method, path, body).status == status, path
    assert state() != before
    after = state()
    entry.kill()
    entry.start()
    assert state() == after


def test_a_peer_that_cannot_be_stored(small: Small) -> None:
    """Added by this agent, or coming by itself: it is a peer as a whole or not at all."""
    before = small.state()
    with full(small.entry.data_dir):
        fails(small.entry.api("POST", "/v1/peers", small.address))
        assert small.state() == before
    assert small.entry.api("POST", "/v1/peers", small.address).status == 201
    wait_for(lambda: len(small.exit.get("/v1/peers")["peers"]) == 2, 5, "the peer at the other side")


def test_a_database_that_is_none(lab: Lab, build: Path) -> None:
    agent = Agent(lab.entry, build, lab.directory / "agent")
    agent.data_dir.mkdir()
    (agent.data_dir / "arctic.db").write_text("no database, and long enough to be looked at" * 20)
    process = agent.launch()
    agent.process = None
    assert process.wait(10) == 1
    for words in (str(agent.data_dir / "arctic.db"), "restore a backup", "bootstrap anew"):
        assert words in process.log()


def test_a_record_that_could_not_be_stored_comes_again(lab: Lab, build: Path) -> None:
    """A service made while the exit's disk is full is served when there is room, without anybody's help; a restart of the link, too."""
    pair = Pair(lab, build)

    with small_disk(pair.exit.data_dir):
        pair.start()
        lab.server.serve("http", 80)
        with full(pair.exit.data_dir):
            service = pair.entry.create_service(pair.exit)
            pair.entry.add_route(service, dest="10.2.0.0/24")
            wait_for(lambda: "record dropped" in pair.exit.log, 5, "a record that is not stored")
            assert pair.exit.api("GET", f"/v1/services/{service}").status == 404
            pair.entry.stop()
            pair.entry.start()
            peer = f"/v1/peers/{pair.exit.id}"
            wait_for(lambda: pair.entry.get(peer)["state"] == "connected", 15, "a link although the disk is full")
        pair.wait_until_carried(service)
        wait_for(lambda: carries(lab, lab.client), 10, "a flow through the service")
        pair.end()
