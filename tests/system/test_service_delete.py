"""What a deleted service leaves: nothing, in the kernel, in its connections, or in what later ones meet."""

import contextlib
import queue
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from agents import Pair, running_pair
from arctic_lab import Connection, Lab, Namespace, wait_for
from flows import VERSIONS, carried, says, serving
from kernel_setup import ours

PORT = 4711
MODES = ("owner", "plain")


class Server:
    """Echoes, and keeps for each connection whom it came from and how it ended: "reset", or "end" in order."""

    def __init__(self) -> None:
        self.seen: queue.Queue[str] = queue.Queue()
        self.ends: queue.Queue[str] = queue.Queue()

    def handle(self, connection: socket.socket) -> None:
        self.seen.put(str(connection.getpeername()[0]).removeprefix("::ffff:"))
        try:
            while data := connection.recv(4096):
                connection.sendall(data)
            self.ends.put("end")
        except ConnectionResetError:
            self.ends.put("reset")


@pytest.fixture
def server(lab: Lab) -> Iterator[Server]:
    made = Server()
    with serving(lab.server, PORT, made.handle):
        yield made


def open_all(lab: Lab, server: Server) -> dict[tuple[str, int], Connection]:
    """A connection of each origin and family; all are carried."""
    opened = {}
    for host in (lab.client, lab.entry):
        for version in VERSIONS:
            connection = Connection(host, lab.server.address(version), PORT, timeout=5)
            assert says(connection)
            assert server.seen.get(timeout=5) == lab.exit.address(version, "lan")
            opened[host.name, version] = connection
    return opened


def host_of(lab: Lab, name: str) -> Namespace:
    return lab.client if name == lab.client.name else lab.entry


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_left(lab: Lab, build: Path, server: Server, mode: str) -> None:
    """Flows are reset at both ends; the table is as before; and who takes up a connection's ports again is not captured."""
    with running_pair(lab, build, TABLE_MODE=mode) as pair:
        wait_for(lambda: pair.entry.request("GET", "/readyz").status == 200, 10, "an agent that is ready")
        before = {agent.name: ours(agent.host) for agent in (pair.entry, pair.exit)}
        service = pair.carry()
        opened = open_all(lab, server)
        ports = {name: connection.socket.getsockname()[1] for name, connection in opened.items()}
        assert ours(lab.entry) != before["entry"]

        pair.entry.cli("services", "delete", service, "--yes")
        # The command has returned: the kernel follows, and so does the agent's own data plane.
        assert {agent.name: ours(agent.host) for agent in (pair.entry, pair.exit)} == before
        assert service.removeprefix("svc_") not in lab.entry.run("nft", "list", "ruleset").stdout
        for connection in opened.values():
            with pytest.raises(ConnectionResetError):
                connection.receive()
        assert [server.ends.get(timeout=5) for _ in opened] == ["reset"] * len(opened)
        for (name, version), port in ports.items():
            opened[name, version].socket.close()
            host = host_of(lab, name)
            with Connection(host, lab.server.address(version), PORT, source_port=port, timeout=5) as again:
                assert says(again)
                seen = server.seen.get(timeout=5)
                assert seen == host.address(version, "lan" if host is lab.client else "wan")
        nothing_is_told(pair, service)


def nothing_is_told(pair: Pair, service: str) -> None:
    for agent in (pair.entry, pair.exit):
        wait_for(lambda agent=agent: agent.api("GET", f"/v1/services/{service}").status == 404, 5, "no service")
        wait_for(lambda agent=agent: service not in agent.request("GET", "/metrics").text, 5, "no series")
    flows = pair.entry.get("/v1/cluster/status")["totals"]["flows"]
    assert flows == 0


def test_what_belongs_to_others_stays(lab: Lab, pair: Pair, server: Server) -> None:
    """Flows, elements and counters of the services beside it; also those of the same prefix lengths."""
    doomed = pair.carry("198.51.100.0/24", "2001:db8::/64")
    kept = pair.entry.create_service(pair.exit)
    for destination in ("10.2.0.0/24", "fd02::/64"):
        pair.entry.add_route(kept, dest=destination)
    pair.wait_until_carried(kept)
    opened = open_all(lab, server)
    counted = pair.entry.captured(kept)
    pair.entry.cli("services", "delete", doomed, "--yes")
    assert doomed.removeprefix("svc_") not in pair.entry.ruleset()
    assert all(says(connection) for connection in opened.values())
    assert pair.entry.captured(kept) == counted == len(opened)
    with contextlib.ExitStack() as stack:
        for connection in opened.values():
            stack.enter_context(connection)


def test_a_service_that_is_deleted_at_its_exit_too(lab: Lab, pair: Pair, server: Server) -> None:
    """Through the other agent, by a client that keeps sending, and while connections come in."""
    service = pair.carry()
    opened = open_all(lab, server)
    assert pair.exit.api("DELETE", f"/v1/services/{service}").status == 204
    for connection in opened.values():
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            for _ in range(1000):
                connection.send(b"x" * 4096)
                connection.receive()
        connection.socket.close()
    for host in (lab.client, lab.entry):
        for version in VERSIONS:
            with Connection(host, lab.server.address(version), PORT, timeout=5) as direct:
                assert says(direct)
    assert not pair.entry.ruleset().count("svc_")


def test_an_agent_after_kill_9_knows_nothing_of_a_deleted_service(lab: Lab, pair: Pair, server: Server) -> None:
    lab.server.serve("http", 80)
    service = pair.carry()
    pair.entry.cli("services", "delete", service, "--yes")
    pair.entry.kill()
    pair.entry.start()
    wait_for(lambda: pair.entry.request("GET", "/readyz").status == 200, 10, "an agent that is ready")
    assert "svc_" not in pair.entry.ruleset()
    assert not carried(lab, lab.client) and not carried(lab, lab.entry)
