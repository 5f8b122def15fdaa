"""Clients that hold on to connections: each has a limit, and neither others nor the operator of the host are kept out."""

import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from agents import API_PORT, Agent
from arctic_lab import Lab, Namespace, wait_for

PER_ADDRESS = 64
ALL = 512
LOOPBACK = 64
UNFINISHED = b"POST /v1/oauth/token HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
REQUEST = b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


class Crowd:
    """Connections that say nothing."""

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []

    def join(self, host: Namespace, count: int, address: str, source: str | None = None) -> None:
        for _ in range(count):
            self.sockets.append(connect(host, address, source))

    def begin(self) -> None:
        """Each makes a request that never comes whole, of which the agent has taken note."""
        for one in self.sockets:
            one.sendall(UNFINISHED)
        for one in self.sockets:
            assert one.recv(4096).startswith(b"HTTP/1.1 100 ")

    def leave(self) -> None:
        for one in self.sockets:
            one.close()


def connect(host: Namespace, address: str, source: str | None = None) -> socket.socket:
    made = host.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    made.settimeout(10)
    if source:
        made.bind((source, 0))
    made.connect((address, API_PORT))
    return made


def is_served(host: Namespace, address: str, source: str | None = None) -> bool:
    with connect(host, address, source) as client:
        try:
            client.sendall(REQUEST)
            return b'"status":"ok"' in client.recv(4096)
        except (ConnectionResetError, BrokenPipeError):
            return False


@pytest.fixture(scope="module")
def agent(module_lab: Lab, build: Path) -> Iterator[Agent]:
    client = module_lab.client
    for number in range(20, 30):
        client.ip(f"address add 10.1.0.{number}/24 dev {lan(client)}")
        client.ip(f"address add fd01::5:{number}/64 dev {lan(client)} nodad")
    made = Agent(module_lab.entry, build, module_lab.directory / "agent")
    made.start()
    yield made
    made.stop()


def lan(host: Namespace) -> str:
    """The interface that has the host's IPv4 address."""
    for line in host.run("ip", "-o", "-4", "address").stdout.splitlines():
        fields = line.split()
        if fields[3].split("/")[0] == host.ipv4:
            return fields[1]
    raise AssertionError("no interface")


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    made = Crowd()
    yield made
    made.leave()


def test_one_address_has_a_limit_and_others_do_not_feel_it(agent: Agent, module_lab: Lab, crowd: Crowd) -> None:
    client, address = module_lab.client, agent.host.address(4, "lan")
    crowd.join(client, PER_ADDRESS, address, "10.1.0.20")
    assert not is_served(client, address, "10.1.0.20")
    assert is_served(client, address, "10.1.0.21")
    assert agent.request("GET", "/livez").status == 200


def test_an_ipv6_network_counts_as_one_client(agent: Agent, module_lab: Lab, crowd: Crowd) -> None:
    client, address = module_lab.client, agent.host.address(6, "lan")
    for number in range(20, 28):
        crowd.join(client, PER_ADDRESS // 8, address, f"fd01::5:{number}")
    assert not is_served(client, address, "fd01::5:28")
    assert is_served(client, agent.host.address(4, "lan"))


def test_a_full_house_makes_room(agent: Agent, module_lab: Lab, crowd: Crowd) -> None:
    """Connections that wait for their clients give way, the oldest first, to a client that has something to ask."""
    client, address = module_lab.client, agent.host.address(4, "lan")
    for number in range(20, 20 + ALL // PER_ADDRESS):
        crowd.join(client, PER_ADDRESS, address, f"10.1.0.{number}")
    assert is_served(client, address, "10.1.0.29")
    assert crowd.sockets[0].recv(1) == b""
    assert agent.request("GET", "/livez").status == 200


def test_this_hosts_own_clients_get_in(agent: Agent, module_lab: Lab, crowd: Crowd) -> None:
    crowd.join(agent.host, 2 * LOOPBACK, "127.0.0.1")
    assert agent.request("GET", "/livez").status == 200
    assert is_served(module_lab.client, agent.host.address(4, "lan"))


def test_requests_that_never_come_whole_keep_nobody_out(agent: Agent, module_lab: Lab, crowd: Crowd) -> None:
    client, address = module_lab.client, agent.host.address(4, "lan")
    for number in range(20, 20 + ALL // PER_ADDRESS):
        crowd.join(client, PER_ADDRESS, address, f"10.1.0.{number}")
    crowd.join(agent.host, LOOPBACK, "127.0.0.1")
    crowd.begin()
    assert is_served(client, address, "10.1.0.29")
    assert agent.request("GET", "/livez").status == 200


def test_a_request_under_way_outlasts_connections_without_one(agent: Agent, crowd: Crowd) -> None:
    crowd.join(agent.host, 1, "127.0.0.1")
    crowd.begin()
    (first,) = crowd.sockets
    crowd.join(agent.host, 2 * LOOPBACK, "127.0.0.1")
    first.sendall(b"scope=a&b")
    assert first.recv(4096).startswith(b"HTTP/1.1 400 ")


LARGE = b'{"license":"%s"}' % (b"x" * 1000000)
# Takes many times as much memory once it is parsed.
DENSE = b'{"license":{"a":[' + b"0," * 200000 + b"0]}}"


def send_all_but_the_end(crowd: Crowd, host: Namespace, body: bytes) -> None:
    """Each sends a request without its last byte; the agent has read it all."""
    head = b"POST /v1/bootstrap HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    for one in crowd.sockets:
        one.sendall(head + body[:-1])
    wait_for(lambda: not unread(host), 20, "all has been read")


def unread(host: Namespace) -> int:
    listed = host.run("ss", "-Htn", "state", "established", f"sport = :{API_PORT}").stdout
    return sum(int(line.split()[0]) for line in listed.splitlines())


def finish(crowd: Crowd) -> list[bytes]:
    """Sends the last byte of each, and reads all answers."""
    for one in crowd.sockets:
        one.sendall(b"}")
    return [one.recv(4096).split(b" ")[1] for one in crowd.sockets]


@pytest.mark.timing
def test_large_requests_that_end_together_do_not_add_up(agent: Agent, crowd: Crowd) -> None:
    crowd.join(agent.host, 50, "127.0.0.1")
    before = agent.resident_bytes
    send_all_but_the_end(crowd, agent.host, DENSE)
    assert finish(crowd) == [b"422"] * 50
    assert agent.resident_bytes - before < 100 << 20


def test_large_requests_of_anybody_share_memory(agent: Agent, module_lab: Lab, crowd: Crowd) -> None:
    for number in (20, 21):
        crowd.join(module_lab.client, 50, agent.host.address(4, "lan"), f"10.1.0.{number}")
    send_all_but_the_end(crowd, agent.host, LARGE)
    small = agent.request("POST", "/v1/bootstrap", b"{}")
    assert small.error == (400, "MISSING_FIELD", "license")
    answers = finish(crowd)
    assert set(answers) == {b"413", b"400"} and answers.count(b"400") >= 50
    # What they took is free again.
    assert agent.request("POST", "/v1/bootstrap", LARGE).status == 400


@contextmanager
def without_descriptors(agent: Agent) -> Iterator[None]:
    """Nothing can be opened or accepted meanwhile."""
    assert agent.process
    former = resource.prlimit(agent.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(agent.process.pid, resource.RLIMIT_NOFILE, (3, former[1]))
    try:
        yield
    finally:
        resource.prlimit(agent.process.pid, resource.RLIMIT_NOFILE, former)


@pytest.mark.parametrize("connections", [0, 1])
def test_a_lack_of_descriptors_passes(agent: Agent, crowd: Crowd, connections: int) -> None:
    told = agent.log.count("out of file descriptors")
    crowd.join(agent.host, connections, "127.0.0.1")
    for one in crowd.sockets:
        one.sendall(REQUEST.replace(b"close", b"keep-alive"))
        assert b'"status":"ok"' in one.recv(4096)
    with without_descriptors(agent):
        waiting = connect(agent.host, "127.0.0.1")
        wait_for(lambda: agent.log.count("out of file descriptors") > told, 10, "the log says why")
    with waiting:
        waiting.sendall(REQUEST)
        assert b'"status":"ok"' in waiting.recv(4096)
    assert agent.request("GET", "/livez").status == 200
