"""An agent under bad circumstances: damaged state, full disks, strangers, stops in the middle of things, many routes."""

import json
import os
import resource
import sqlite3
import struct
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from agents import API_PORT, TUNNEL_PORT, Agent, Pair, issue_license, running_pair
from arctic_lab import Lab, wait_for
from tunnel_peer import TunnelPeer, make_key

CONTROL_PROTOCOL = "arctic-control/1"
STRANGERS_PER_ADDRESS = 16


def cpu_seconds(agent: Agent) -> float:
    assert agent.process
    fields = Path(f"/proc/{agent.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_seconds_within(agent: Agent, seconds: float) -> float:
    before, until = cpu_seconds(agent), time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > until, 2 * seconds)
    return cpu_seconds(agent) - before


# Damaged state


def change_database(statement: str) -> Callable[[Agent], None]:
    def change(agent: Agent) -> None:
        with closing(sqlite3.connect(agent.data_dir / "arctic.db")) as database, database:
            assert database.execute(statement).rowcount > 0

    return change


def lose_key(agent: Agent) -> None:
    (agent.data_dir / "peer.key").unlink()


def swap_key(agent: Agent) -> None:
    other = agent.data_dir.parent / "other.key"
    (agent.data_dir / "peer.key").write_bytes(other.read_bytes())


def spoil_key(agent: Agent) -> None:
    (agent.data_dir / "peer.key").write_text("no key")


def spoil_database(agent: Agent) -> None:
    (agent.data_dir / "arctic.db").write_bytes(b"no database" * 1000)


DAMAGE = {
    "lost key": (lose_key, "peer.key"),
    "another key": (swap_key, "peer.key"),
    "spoilt key": (spoil_key, "peer.key"),
    "spoilt database": (spoil_database, "arctic.db"),
    "changed licence": (
        change_database("UPDATE note SET value = replace(value, '\"max_nodes\":10', '\"max_nodes\":99')"),
        "licence",
    ),
    "lost licence": (change_database("DELETE FROM note WHERE key = 'license'"), "licence"),
    "lost id": (change_database("DELETE FROM note WHERE key = 'peer_id'"), "arctic.db"),
    "changed record": (
        change_database("UPDATE record SET body = replace(body, 'entry', 'other') WHERE kind = 'peer'"),
        "arctic.db",
    ),
    "lost record": (change_database("DELETE FROM record WHERE kind = 'peer'"), "arctic.db"),
}


@pytest.fixture(scope="module")
def stopped(build: Path) -> Iterator[Agent]:
    """A bootstrapped agent that does not run; its data directory is made good again after each test."""
    with Lab() as lab:
        agent, other = (Agent(host, build, lab.directory / host.name) for host in (lab.entry, lab.exit))
        file = issue_license(build, agent, lab.directory / "license.json")
        for one in (agent, other):
            one.start()
            one.bootstrap(file)
            one.stop()
        (other.data_dir / "peer.key").rename(agent.data_dir.parent / "other.key")
        subprocess.run(["cp", "-a", agent.data_dir, f"{agent.data_dir}.good"], check=True)
        yield agent


@pytest.mark.parametrize("what", DAMAGE)
def test_damaged_state_is_refused(stopped: Agent, what: str) -> None:
    """With a sentence that names it, an exit code, and nothing left on the host."""
    damage, named = DAMAGE[what]
    subprocess.run(["rm", "-rf", stopped.data_dir], check=True)
    subprocess.run(["cp", "-a", f"{stopped.data_dir}.good", stopped.data_dir], check=True)
    damage(stopped)
    process = stopped.launch()
    stopped.process = None
    wait_for(lambda: process.returncode is not None, 15, "the end of the agent")
    assert process.returncode == 1, process.log()
    sentence = process.log().splitlines()[-1]
    assert sentence.startswith("arctic-agent: ") and named in sentence
    assert not stopped.ruleset()
    assert "arctic0" not in stopped.host.run("ip", "link").stdout


# Licences that run out


# Bootstrap that fails halfway


@pytest.fixture
def fresh(lab: Lab, build: Path) -> Iterator[Agent]:
    agent = Agent(lab.entry, build, lab.directory / "fresh")
    yield agent
    agent.end()


@contextmanager
def small_disk(path: Path) -> Iterator[None]:
    path.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def test_a_bootstrap_on_a_full_disk_can_be_repeated(lab: Lab, build: Path, fresh: Agent) -> None:
    file = issue_license(build, fresh, lab.directory / "license.json")
    body = {"license": json.loads(file.read_text()), "name": "entry"}
    with small_disk(fresh.data_dir):
        fresh.start()
        filler = fresh.data_dir / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as out:
            while out.write(bytes(1024)):
                pass
        for _ in range(2):
            answer = fresh.api("POST", "/v1/bootstrap", body, token=None)
            assert answer.status == 500, answer
            assert fresh.api("GET", "/v1/cluster/identity", token=None).status == 503
        filler.unlink()
        fresh.bootstrap(file)
        peer_id = fresh.id
        fresh.stop()
        fresh.start()
        assert fresh.api("GET", "/v1/cluster/identity", token=None).json()["peer_id"] == peer_id
        assert fresh.get("/v1/peers")["peers"][0]["name"] == "entry"
        fresh.stop()


def test_a_tunnel_port_that_is_taken(lab: Lab, build: Path, fresh: Agent) -> None:
    """The bootstrap holds, /readyz says what is wrong, and a start does so again until the port is free."""
    other = lab.entry.serve("echo", TUNNEL_PORT)
    fresh.start()
    fresh.bootstrap(issue_license(build, fresh, lab.directory / "license.json"))
    ready = fresh.api("GET", "/readyz", token=None)
    assert ready.status == 503
    assert str(TUNNEL_PORT) in ready.json()["checks"]["listeners"]["reason"]
    assert fresh.api("POST", "/v1/peers", {"address": "10.9.0.2:8080"}).status == 422
    fresh.stop()
    process = fresh.launch()
    fresh.process = None
    wait_for(lambda: process.returncode is not None, 15, "the end of the agent")
    assert process.returncode == 1 and str(TUNNEL_PORT) in process.log()
    other.stop()
    fresh.start()
    wait_for(lambda: fresh.api("GET", "/readyz", token=None).status == 200, 5, "an agent that is ready")


def test_a_stop_before_the_bootstrap(fresh: Agent) -> None:
    fresh.start()
    fresh.stop()


# Additions of peers


def add_in_background(agent: Agent, address: str) -> threading.Thread:
    def add() -> None:
        with suppress(OSError):
            agent.api("POST", "/v1/peers", {"address": address})

    agent.token()
    thread = threading.Thread(target=add)
    thread.start()
    return thread


def entry_and_exit(lab: Lab, build: Path) -> tuple[Agent, Agent]:
    """Bootstrapped agents that do not know each other."""
    agents = tuple(Agent(host, build, lab.directory / host.name) for host in (lab.entry, lab.exit))
    for agent in agents:
        agent.start()
    file = issue_license(build, agents[0], lab.directory / "license.json")
    for agent in agents:
        agent.bootstrap(file)
    return agents[0], agents[1]


def connections(agent: Agent, port: int) -> int:
    """TCP connections to the port of another host, in any state."""
    listed = agent.host.run("ss", "-Htan", f"dport = :{port}").stdout.splitlines()
    return sum(not line.startswith("TIME-WAIT") for line in listed)


@pytest.mark.parametrize("stage", ["looking up", "shaking hands", "just before the end"])
def test_a_stop_during_an_addition(lab: Lab, build: Path, stage: str) -> None:
    entry, far = entry_and_exit(lab, build)
    address = f"{far.host.address(4, 'wan')}:{API_PORT}"
    lab.wan.set(delay_ms=400)
    thread = add_in_background(entry, address)
    if stage == "looking up":
        wait_for(lambda: connections(entry, API_PORT) > 0, 5, "a request for the identity")
    else:
        wait_for(lambda: connections(entry, TUNNEL_PORT) > 0, 10, "a connection to the tunnel")
    if stage == "just before the end":
        wait_for(lambda: len(far.get("/v1/peers")["peers"]) == 2, 10, "the handshake at the other side")
    started_at = time.monotonic()
    entry.stop()
    assert time.monotonic() - started_at < 4
    thread.join()
    far.stop()


def test_hosts_that_do_not_answer_hold_nobody_up(lab: Lab, pair: Pair) -> None:
    """Additions to black holes take the time-outs that they take; services are made meanwhile."""
    lab.entry.add_route("192.0.2.0/24", via=lab.exit.address(4, "wan"))
    lab.exit.ip("route add blackhole 192.0.2.0/24")
    threads = [add_in_background(pair.entry, f"192.0.2.{n}:8080") for n in range(1, 9)]
    wait_for(lambda: connections(pair.entry, 8080) > 0, 5, "a look-up under way")
    started_at = time.monotonic()
    pair.carry("10.2.0.0/24")
    assert time.monotonic() - started_at < 3
    pair.entry.stop()
    for thread in threads:
        thread.join()


def test_additions_leave_room_for_others(lab: Lab, pair: Pair) -> None:
    """Also those whose clients have given up: as many as this host's own clients may have connections."""
    lab.entry.add_route("192.0.2.0/24", via=lab.exit.address(4, "wan"))
    lab.exit.ip("route add blackhole 192.0.2.0/24")
    head = f"POST /v1/peers HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {pair.entry.token()}\r\n"
    clients = []
    for number in range(1, 65):
        body = json.dumps({"address": f"192.0.2.{number}:8080"})
        client = lab.entry.socket()
        client.settimeout(10)
        client.connect(("127.0.0.1", API_PORT))
        client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        clients.append(client)
    told = clients[-1].recv(4096)
    assert told.startswith(b"HTTP/1.1 422 ") and b"try again soon" in told
    for client in clients:
        client.close()
    assert pair.entry.get("/v1/peers?is_local=true")
    pair.carry("10.2.0.0/24")


def test_a_lack_of_descriptors_leaves_capture_in_place(pair: Pair) -> None:
    """Flows take two each: where they have taken all, a look at the kernel must not end them."""
    pair.carry("10.2.0.0/24")
    entry = pair.entry
    assert entry.process
    anchor = entry.host.run("ip", "-o", "link", "show", "arctic0").stdout
    former = resource.prlimit(entry.process.pid, resource.RLIMIT_NOFILE)
    with entry.connected() as connection:
        connection.request("GET", "/livez")
        assert connection.getresponse().read()
        resource.prlimit(entry.process.pid, resource.RLIMIT_NOFILE, (3, former[1]))
        connection.request("POST", "/v1/cluster/sync", headers={"Authorization": f"Bearer {entry.token()}"})
        told = json.loads(connection.getresponse().read())
        resource.prlimit(entry.process.pid, resource.RLIMIT_NOFILE, former)
    assert "registry_hash" in told, told
    assert entry.host.run("ip", "-o", "link", "show", "arctic0").stdout == anchor
    assert "someone changed" not in entry.log


# Strangers at the tunnel's port


@contextmanager
def strangers(lab: Lab, count: int) -> Iterator[list[TunnelPeer]]:
    key = make_key(lab.directory / "stranger.key")
    address = lab.entry.address(4, "lan")
    made = [TunnelPeer(lab.client, address, key, lab.directory, CONTROL_PROTOCOL) for _ in range(count)]
    try:
        yield made
    finally:
        for one in made:
            one.close()


def has_ended(peer: TunnelPeer) -> bool:
    peer.socket.settimeout(0.01)
    try:
        return peer.socket.recv(1000) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


@pytest.mark.slow
def test_silent_strangers_get_few_places(lab: Lab, pair: Pair) -> None:
    with strangers(lab, 2 * STRANGERS_PER_ADDRESS) as silent:

        def ended() -> int:
            return sum(has_ended(one) for one in silent)

        wait_for(lambda: ended() >= STRANGERS_PER_ADDRESS, 5, "an end for those over the limit")
        assert ended() == STRANGERS_PER_ADDRESS
        pair.exit.stop()
        pair.exit.start()
        pair.carry("10.2.0.0/24")
        wait_for(lambda: ended() == len(silent), 15, "an end for all of them")


@pytest.mark.parametrize(
    "first",
    [
        struct.pack("!I", 0xFFFFFFFF),
        struct.pack("!I", 64 * 1024 + 1),
        struct.pack("!I", 4) + b"none",
        struct.pack("!I", 2) + b"{}",
        struct.pack("!I", 16) + b'{"type":"hello"}',
        struct.pack("!I", 18) + b'{"type":"records"}',
    ],
)
def test_a_stranger_who_sends_nonsense(lab: Lab, pair: Pair, first: bytes) -> None:
    with strangers(lab, 1) as (peer,):
        peer.socket.sendall(first)
        peer.socket.settimeout(5)
        with suppress(OSError):
            while peer.socket.recv(1000):
                pass
        assert has_ended(peer)
    assert pair.entry.request("GET", "/livez").status == 200


# Secrets


def test_no_secret_is_logged(lab: Lab, build: Path) -> None:
    with running_pair(lab, build, LOG_LEVEL="debug") as pair:
        pair.carry("10.2.0.0/24")
        client_id, client_secret = pair.entry.credentials
        mistaken = urllib.parse.urlencode(
            {"grant_type": "client_credentials", "client_id": client_secret, "client_secret": client_id}
        )
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert pair.entry.request("POST", "/v1/oauth/token", mistaken.encode(), form).status == 401
        admission = json.loads(pair.license.read_text())["admission_secret"]
        for agent in (pair.entry, pair.exit):
            for secret in (client_secret, admission, pair.entry.token(), "PRIVATE KEY"):
                assert secret not in agent.log
            for file in agent.data_dir.iterdir():
                assert file.stat().st_mode & 0o077 == 0, file


# Large configurations


def many_routes(count: int) -> list[dict[str, object]]:
    addresses = (f"100.{n // 65536}.{n // 256 % 256}.{n % 256}" for n in range(count))
    return [{"dest_cidr": f"{address}/32", "priority": 100} for address in addresses]


def add_routes(agent: Agent, service: str, routes: list[dict[str, object]]) -> None:
    for first in range(0, len(routes), 5000):
        answer = agent.api("POST", f"/v1/services/{service}/routes", {"routes": routes[first : first + 5000]})
        assert answer.status == 201, answer


@pytest.mark.slow
@pytest.mark.timing
@pytest.mark.waits
def test_a_slow_path_carries_a_large_record(lab: Lab, pair: Pair) -> None:
    """
    It takes longer than a ping may; the link holds, and the exit learns all routes. Also where somebody asks the exit for the
    service again and again, whose owner answers with all routes, over the same path each time.
    """
    service = pair.entry.create_service(pair.exit)
    lab.wan.set(delay_ms=50, rate_mbit=1)
    add_routes(pair.entry, service, many_routes(10000))
    for _ in range(6):
        pair.exit.api("GET", f"/v1/services/{service}")

    def known() -> bool:
        listed = pair.exit.get("/v1/services")["services"]
        return any(one["id"] == service and one["route_count"] == 10000 for one in listed)

    wait_for(known, 90, "the routes at the exit")
    assert "unreachable" not in pair.entry.log


@pytest.mark.slow
@pytest.mark.timing
@pytest.mark.waits
def test_an_agent_at_rest_rests(lab: Lab, pair: Pair) -> None:
    """However many routes it has: it looks at the kernel and copies nothing."""
    service = pair.entry.create_service(pair.exit)
    add_routes(pair.entry, service, many_routes(20000))
    pair.wait_until_carried(service)
    for agent in (pair.entry, pair.exit):
        assert cpu_seconds_within(agent, 6) < 0.2
