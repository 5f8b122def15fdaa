"""What wears a data plane down: descriptors that run out, thousands of flows, configuration that changes under them, ends that vanish."""

import concurrent.futures
import errno
import os
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from agents import Agent, Pair
from arctic_lab import Connection, End, Lab, wait_for
from flows import carried, says, serving

FLOWS = 200


@pytest.fixture
def service(pair: Pair) -> str:
    pair.lab.server.serve("echo", 7)
    return pair.carry()


def pid_of(agent: Agent) -> int:
    assert agent.process
    return agent.process.pid


def descriptors(agent: Agent) -> int:
    return len(os.listdir(f"/proc/{pid_of(agent)}/fd"))


def sockets_to(agent: Agent, destination: str) -> int:
    """How many connections its host has to a destination, in whatever state before the end."""
    states = ("established", "syn-sent", "close-wait", "fin-wait-1", "fin-wait-2")
    arguments = [word for state in states for word in ("state", state)]
    return len(agent.host.run("ss", "-Htn", *arguments, "dst", destination).stdout.splitlines())


@contextmanager
def few_descriptors(agent: Agent, spare: int) -> Iterator[None]:
    """Leaves the agent `spare` descriptors more than it has."""
    before = resource.prlimit(pid_of(agent), resource.RLIMIT_NOFILE)
    used = max(int(name) for name in os.listdir(f"/proc/{pid_of(agent)}/fd")) + 1
    resource.prlimit(pid_of(agent), resource.RLIMIT_NOFILE, (used + spare, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid_of(agent), resource.RLIMIT_NOFILE, before)


def speaks(lab: Lab) -> bool:
    try:
        with Connection(lab.client, lab.server.ipv4, 7, timeout=5) as connection:
            return says(connection)
    except (OSError, EOFError):
        return False


@contextmanager
def many(lab: Lab, port: int = 7, count: int = FLOWS) -> Iterator[list[Connection]]:
    """Flows that are open and have said something."""
    connections: list[Connection] = []
    try:
        for _ in range(count):
            connections.append(Connection(lab.client, lab.server.ipv4, port, timeout=15))
        for connection in connections:
            connection.send(b"hello")
        for connection in connections:
            assert connection.receive_exactly(5) == b"hello"
        yield connections
    finally:
        for connection in connections:
            connection.close()


def test_the_first_flows_after_the_set_up(lab: Lab, pair: Pair) -> None:
    """Right after the answer to a change, when the exit may not have heard of it: carried, not reset."""
    lab.server.serve("http", 80)
    lab.wan.set(delay_ms=100)  # the record and the flow set out at the same time
    service = pair.entry.create_service(pair.exit)
    for destination in (f"{lab.server.ipv4}/32", f"{lab.server.ipv6}/128"):
        pair.entry.add_route(service, dest=destination)
        assert carried(lab, lab.client, 6 if ":" in destination else 4)
    pair.entry.cli("services", "delete", service, "--yes")
    again = pair.entry.create_service(pair.exit)
    pair.entry.add_route(again, dest="10.2.0.0/24")
    assert carried(lab, lab.client)


@pytest.mark.parametrize("end", ["entry", "exit"])
def test_descriptors_run_out(lab: Lab, pair: Pair, service: str, end: str) -> None:
    """Some flows cannot be; the agent lives on, says why, and takes new ones as soon as there is room."""
    agent: Agent = getattr(pair, end)
    assert speaks(lab)
    with few_descriptors(agent, 20):
        connections = [lab.client.socket() for _ in range(100)]
        for connection in connections:
            connection.setblocking(False)
            assert connection.connect_ex((lab.server.ipv4, 7)) in (0, errno.EINPROGRESS)
        wait_for(lambda: "Too many open files" in agent.log or "too many open files" in agent.log, 15, "its word of it")
        for connection in connections:
            connection.close()
    wait_for(lambda: speaks(lab), 15, "flows again")


def test_a_service_is_deleted_under_its_flows(lab: Lab, pair: Pair, service: str) -> None:
    """All are reset, at both ends, and nothing of them is left."""
    with many(lab) as connections:
        pair.entry.cli("services", "delete", service, "--yes")
        for connection in connections:
            assert connection.receive_to_end() == (b"", End.RESET)
    wait_for(lambda: sockets_to(pair.exit, f"{lab.server.ipv4}:7") == 0, 10, "the end of the exit's connections")


def test_routes_change_under_flows(lab: Lab, pair: Pair, service: str) -> None:
    """Open flows live on, with no byte lost, while routes of their service come and go."""
    stop = threading.Event()
    rounds: list[int] = []

    def talk(connection: Connection) -> None:
        count = 0
        while not stop.is_set():
            assert says(connection, b"%08d" % count)
            count += 1
        rounds.append(count)

    with many(lab, count=20) as connections, concurrent.futures.ThreadPoolExecutor(20) as pool:
        talks = [pool.submit(talk, connection) for connection in connections]
        try:
            for number in range(10):
                route = pair.entry.add_route(service, dest=f"10.77.{number}.0/24")
                pair.entry.cli("routes", "delete", "--service", service, "--route", str(route), "--yes")
        finally:
            stop.set()
        for future in talks:
            future.result()
    assert len(rounds) == 20 and min(rounds) > 0


def test_the_exit_dies_in_each_phase_of_a_flow(lab: Lab, pair: Pair, service: str) -> None:
    """While it connects, with data under way, half-closed, and with a client that does not read: a reset, not a wait for ever."""
    silent = lab.server.socket()
    silent.bind((lab.server.ipv4, 9))
    silent.listen(0)
    fillers = [lab.exit.socket() for _ in range(4)]

    def pour(connection: socket.socket) -> None:
        with suppress(OSError):
            connection.sendall(bytes(64 << 20))

    with serving(lab.server, 10, pour):
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex((lab.server.ipv4, 9))
            with (
                Connection(lab.client, lab.server.ipv4, 9) as connecting,
                Connection(lab.client, lab.server.ipv4, 7) as talking,
                Connection(lab.client, lab.server.ipv4, 7) as half,
                Connection(lab.client, lab.server.ipv4, 10) as stalled,
            ):
                assert says(talking)
                assert says(half)
                stalled.receive_exactly(1)
                wait_for(lambda: sockets_to(pair.exit, f"{lab.server.ipv4}:9") > len(fillers), 5, "a SYN of the exit")
                pair.exit.kill()
                for connection in (connecting, talking, half):
                    assert connection.receive_to_end() == (b"", End.RESET)
                assert stalled.receive_to_end()[1] is End.RESET
        finally:
            for filler in (*fillers, silent):
                filler.close()
    pair.exit.start()
    wait_for(lambda: speaks(lab), 20, "flows again")


@pytest.mark.slow
@pytest.mark.timing
def test_thousands_of_flows_leave_nothing(lab: Lab, pair: Pair, service: str) -> None:
    """Descriptors and memory are the same after 5000 short flows, of which every tenth is empty and every tenth is reset."""

    def short(number: int) -> None:
        with Connection(lab.client, lab.server.ipv4, 7, timeout=20) as connection:
            if number % 10 == 0:
                connection.finish()
                assert connection.receive_to_end() == (b"", End.FIN)
            elif number % 10 == 1:
                connection.reset()
            else:
                assert says(connection)

    def run(count: int) -> None:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(short, range(count)))

    run(1000)
    agents = (pair.entry, pair.exit)
    before = [(descriptors(agent), agent.resident_bytes) for agent in agents]
    run(5000)

    def given_back() -> bool:
        return all(descriptors(agent) <= files + 16 for agent, (files, _) in zip(agents, before, strict=True))

    wait_for(given_back, 20, "the agents' descriptors back")
    for agent, (_, memory) in zip(agents, before, strict=True):
        assert agent.resident_bytes < memory + (4 << 20)
