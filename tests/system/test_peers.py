"""How peers are added: by which address, in which order, and what must be refused without a trace on either side."""

import concurrent.futures
import http.client
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from agents import API_PORT, TUNNEL_PORT, Agent, Answer, Pair, issue_license
from arctic_lab import Lab, Namespace, wait_for
from flows import serving

NETNS_FILES = Path("/etc/netns")


class Hosts:
    """Agents on entry and exit that are bootstrapped and do not know each other."""

    def __init__(self, lab: Lab, build: Path) -> None:
        self.lab = lab
        self.build = build
        self.directory = lab.directory / "agents"
        self.entry = Agent(lab.entry, build, self.directory / "entry")
        self.exit = Agent(lab.exit, build, self.directory / "exit")
        self.address = f"{lab.exit.address(4, 'wan')}:{API_PORT}"

    def start(self, entry_nodes: int = 10, exit_nodes: int = 10) -> None:
        """With a licence of their own each, of one customer."""
        usual = ("--max-services", "100", "--days", "365")
        first, second = self.directory / "entry.json", self.directory / "exit.json"
        for agent in (self.entry, self.exit):
            agent.start()
        issue_license(self.build, self.entry, first, *usual, "--max-nodes", str(entry_nodes))
        customer = ("--customer", json.loads(first.read_text())["customer_id"])
        issue_license(self.build, self.entry, second, *usual, "--max-nodes", str(exit_nodes), *customer)
        self.entry.bootstrap(first)
        self.exit.bootstrap(second)

    def add(self, address: str | None = None, **members: Any) -> Answer:
        return self.entry.api("POST", "/v1/peers", {"address": address or self.address, **members})

    def end(self) -> None:
        self.entry.end()
        self.exit.end()


@pytest.fixture
def hosts(lab: Lab, build: Path) -> Iterator[Hosts]:
    made = Hosts(lab, build)
    yield made
    made.end()


def peers(agent: Agent) -> dict[str, str]:
    """State by id, without the agent itself."""
    listed = agent.get("/v1/peers?is_local=false")["peers"]
    return {peer["id"]: peer["state"] for peer in listed}


def nothing_known(hosts: Hosts) -> bool:
    return not peers(hosts.entry) and not peers(hosts.exit)


def both_connected(hosts: Hosts) -> bool:
    return peers(hosts.entry) == {hosts.exit.id: "connected"} and peers(hosts.exit) == {
        hosts.entry.id: "connected"
    }


# Host names


def name_host(host: Namespace, name: str, *addresses: str) -> None:
    """An /etc/hosts for programs that start in there from now on; nothing else is asked for names."""
    directory = NETNS_FILES / host.netns
    directory.mkdir(parents=True, exist_ok=True)
    lines = ["127.0.0.1 localhost", *(f"{address} {name}" for address in addresses)]
    (directory / "hosts").write_text("".join(f"{line}\n" for line in lines))
    (directory / "nsswitch.conf").write_text("hosts: files\n")


def test_a_peer_by_its_name(lab: Lab, hosts: Hosts) -> None:
    name_host(lab.entry, "far.example", lab.exit.address(4, "wan"))
    hosts.start()
    answer = hosts.add("far.example:8080")
    assert answer.status == 201, answer
    assert answer.json()["address"] == "far.example:8080"
    wait_for(lambda: both_connected(hosts), 10, "both links")


def test_a_name_with_an_address_that_is_dead(lab: Lab, hosts: Hosts) -> None:
    """IPv6 comes first and nobody has that address; IPv4 answers."""
    dead = lab.exit.address(6, "wan").rpartition(":")[0] + ":dead"
    name_host(lab.entry, "far.example", dead, lab.exit.address(4, "wan"))
    hosts.start()
    answer = hosts.add("far.example:8080")
    assert answer.status == 201, answer
    wait_for(lambda: both_connected(hosts), 10, "both links")


def test_a_name_that_does_not_resolve(lab: Lab, hosts: Hosts) -> None:
    name_host(lab.entry, "other.example", lab.exit.address(4, "wan"))
    hosts.start()
    answer = hosts.add("far.example:8080")
    assert answer.error[:2] == (422, "PEER_UNREACHABLE")
    assert "far.example" in answer.json()["error"]
    assert nothing_known(hosts)


# Limits of the licence


@pytest.mark.parametrize("side", ["entry", "exit"])
def test_the_limit_of_nodes(hosts: Hosts, side: str) -> None:
    """Of the side that adds, and of the side that is added."""
    hosts.start(**{f"{side}_nodes": 1})
    answer = hosts.add()
    assert answer.error[:2] == (422, "NODE_LIMIT_EXCEEDED")
    assert "1 node" in answer.json()["error"]
    assert nothing_known(hosts)
    result = hosts.entry.cli("peers", "add", hosts.address, code=6)
    assert "1 node" in result.stderr


def test_the_limit_of_services(lab: Lab, build: Path) -> None:
    pair = Pair(lab, build)
    pair.start("--max-nodes", "2", "--max-services", "2", "--days", "30")
    first = pair.entry.create_service(pair.exit)
    # A service of another peer counts too.
    pair.exit.create_service(pair.entry)
    body = {"target_peer_id": pair.exit.id, "transport_type": "tcp"}
    wait_for(lambda: len(pair.entry.get("/v1/services")["services"]) == 2, 5, "the exit's service")
    answer = pair.entry.api("POST", "/v1/services", body)
    assert answer.error[:2] == (422, "SERVICE_LIMIT_EXCEEDED")
    assert "2 services" in answer.json()["error"]
    assert len(pair.entry.get("/v1/services")["services"]) == 2
    assert pair.entry.api("PUT", f"/v1/services/{first}", {"name": "renamed"}).status == 200
    assert pair.entry.api("DELETE", f"/v1/services/{first}").status == 204
    assert pair.entry.api("POST", "/v1/services", body).status == 201
    pair.end()


# Who is added


def test_both_add_each_other_at_once(lab: Lab, hosts: Hosts) -> None:
    lab.wan.set(delay_ms=30)
    hosts.start()
    back = f"{lab.entry.address(4, 'wan')}:{API_PORT}"
    hosts.exit.token()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        other = pool.submit(hosts.exit.api, "POST", "/v1/peers", {"address": back})
        assert hosts.add().status == 201
        assert other.result().status == 201
    wait_for(lambda: both_connected(hosts), 10, "both links")
    clusters = {agent.get("/v1/cluster/identity")["cluster_id"] for agent in (hosts.entry, hosts.exit)}
    assert len(clusters) == 1


def test_the_same_peer_again(hosts: Hosts) -> None:
    """It is no error, and nothing is there twice."""
    hosts.start()
    first, second = hosts.add(), hosts.add()
    assert (first.status, second.status) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    wait_for(lambda: both_connected(hosts), 10, "both links")


def test_a_copy_of_the_agent(lab: Lab, hosts: Hosts) -> None:
    """The same identity on two hosts, such as a cloned machine."""
    hosts.entry.start()
    file = issue_license(hosts.build, hosts.entry, hosts.directory / "license.json")
    hosts.entry.bootstrap(file)
    hosts.entry.stop()
    subprocess.run(["cp", "-a", hosts.entry.data_dir, hosts.exit.data_dir], check=True)
    hosts.entry.start()
    hosts.exit.start()
    answer = hosts.add()
    assert answer.error == (400, "INVALID_REQUEST", "address")
    assert "copy" in answer.json()["error"]
    assert not peers(hosts.entry)


@contextmanager
def impostor(host: Namespace, identity: dict[str, Any], port: int) -> Iterator[None]:
    """Answers every request on the port as an agent of that identity does."""
    body = json.dumps(identity).encode()

    def answer(connection: Any) -> None:
        connection.recv(4096)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)

    with serving(host, port, answer):
        yield


def test_a_peer_that_claims_another_identity(lab: Lab, hosts: Hosts) -> None:
    """It shows the id and key of an agent that it is not; the tunnel proves another key."""
    hosts.start()
    third = Agent(lab.server, hosts.build, hosts.directory / "third")
    third.start()
    third.bootstrap(hosts.directory / "entry.json")
    claimed = {**third.get("/v1/cluster/identity"), "tunnel_port": TUNNEL_PORT}
    with impostor(lab.exit, claimed, 8099):
        answer = hosts.add(f"{lab.exit.address(4, 'wan')}:8099")
    assert answer.error[:2] == (422, "HANDSHAKE_FAILED")
    assert nothing_known(hosts)
    assert not peers(third)
    third.stop()


def test_what_an_agent_says_about_itself_does_not_count(lab: Lab, hosts: Hosts) -> None:
    """Who shows the id of a known peer is taken for whom the handshake has proved, and the known peer stays."""
    hosts.start()
    assert hosts.add().status == 201
    wait_for(lambda: both_connected(hosts), 10, "both links")
    third = Agent(lab.server, hosts.build, hosts.directory / "third")
    third.start()
    third.bootstrap(hosts.directory / "entry.json")
    key = hosts.entry.get(f"/v1/peers/{hosts.exit.id}")["public_key"]
    claimed = {**third.get("/v1/cluster/identity"), "peer_id": hosts.exit.id}
    with impostor(lab.server, claimed, 8099):
        answer = hosts.add(f"{lab.server.ipv4}:8099")
    assert answer.json()["id"] == third.id, answer
    known = hosts.entry.get(f"/v1/peers/{hosts.exit.id}")
    assert (known["public_key"], known["state"]) == (key, "connected")
    third.stop()


def test_a_peer_whose_state_was_wiped(lab: Lab, hosts: Hosts) -> None:
    """It comes back as another peer; the one it was stays known, unreachable, and takes no one's place."""
    hosts.start()
    assert hosts.add().status == 201
    wait_for(lambda: both_connected(hosts), 10, "both links")
    former = hosts.exit.id
    hosts.exit.stop()
    subprocess.run(["rm", "-rf", hosts.exit.data_dir], check=True)
    reborn = Agent(lab.exit, hosts.build, hosts.directory / "reborn")
    reborn.start()
    reborn.bootstrap(hosts.directory / "exit.json")
    answer = hosts.add()
    assert answer.status == 201, answer
    assert answer.json()["id"] == reborn.id != former

    def settled() -> bool:
        known = {former: "unreachable", reborn.id: "connected"}
        # What the other tells of the former one is an address where nobody is it.
        told = {former: "discovered", hosts.entry.id: "connected"}
        return peers(hosts.entry) == known and peers(reborn) == told

    wait_for(settled, 15, "the new peer connected and the former one unreachable")
    reborn.stop()


def test_a_refused_connection_is_said_once(lab: Lab, hosts: Hosts) -> None:
    hosts.start()
    sentence = hosts.add(f"{lab.exit.address(4, 'wan')}:8099").json()["error"]
    assert sentence.lower().count("refused") == 1, sentence
    assert sentence.count("8099") == 1, sentence


# Stops


def test_a_stop_waits_for_no_name(lab: Lab, hosts: Hosts) -> None:
    """A resolver that does not answer holds up nobody but the request that asked."""
    lab.entry.use_resolvers("192.0.2.53")
    lab.entry.add_route("192.0.2.0/24", via=lab.exit.address(4, "wan"))
    lab.exit.ip("route add blackhole 192.0.2.0/24")
    hosts.start()
    hosts.entry.token()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        addition = pool.submit(hosts.add, "far.example:8080")

        def asking() -> bool:
            return "192.0.2.53" in lab.entry.run("ss", "-Huan").stdout

        wait_for(asking, 5, "a question to the resolver")
        started_at = time.monotonic()
        hosts.entry.stop()
        assert time.monotonic() - started_at < 3
        assert isinstance(addition.exception(), OSError | http.client.HTTPException)
