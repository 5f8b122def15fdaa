"""What dies and comes back: either agent by kill -9, the agent by a clean stop, the WAN."""

import concurrent.futures
import contextlib
import json
import signal
import socket
import time
from pathlib import Path

import pytest
from agents import Agent, Pair, running_pair
from arctic_lab import Connection, End, Lab, http_get, wait_for
from flows import all_carried, all_direct, carried, carries, says, serving

MEGABYTE = 1 << 20
TABLE_MODES = ("owner", "plain")


@pytest.fixture
def web(lab: Lab) -> None:
    lab.server.serve("http", 80)
    lab.server.serve("echo", 7)


class Kernel:
    """What a host has of rules, routes of Arctic's table, links and sysctls that Arctic touches."""

    def __init__(self, agent: Agent) -> None:
        def listed(*args: str) -> list[str]:
            return agent.host.run("ip", *args, check=False).stdout.splitlines()

        self.tables = agent.host.run("nft", "list", "tables").stdout.splitlines()
        self.rules = [*listed("-4", "rule"), *listed("-6", "rule")]
        self.routes = [
            line for family in ("-4", "-6") for line in listed(family, "route", "show", "table", "42010")
        ]
        self.links = [link["ifname"] for link in json.loads("".join(listed("-json", "link")))]
        self.sysctls = agent.host.run(
            "sysctl",
            "net.ipv4.tcp_slow_start_after_idle",
            "net.ipv4.tcp_min_rtt_wlen",
            "net.ipv4.tcp_rmem",
            "net.ipv4.tcp_wmem",
            "net.ipv4.ip_forward",
        ).stdout

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Kernel) and vars(self) == vars(other)

    def __repr__(self) -> str:
        return repr(vars(self))


def test_a_clean_stop_leaves_nothing(lab: Lab, build: Path, web: None) -> None:
    pair = Pair(lab, build)
    before = [Kernel(agent) for agent in (pair.entry, pair.exit)]
    pair.start()
    pair.carry()
    assert all_carried(lab)
    active = Kernel(pair.entry)
    assert active.tables != before[0].tables and len(active.rules) == len(before[0].rules) + 6
    pair.end()
    assert [Kernel(agent) for agent in (pair.entry, pair.exit)] == before
    assert all_direct(lab)


def test_a_hang_up_is_a_clean_stop(lab: Lab, pair: Pair, web: None) -> None:
    """The terminal that the agent was started from goes away."""
    pair.carry()
    process, pair.entry.process = pair.entry.process, None
    assert process
    process.signal(signal.SIGHUP)
    assert process.wait() == 0
    assert "arctic" not in lab.entry.run("nft", "list", "tables").stdout
    assert all_direct(lab)


def test_a_clean_stop_ends_flows_at_once(lab: Lab, pair: Pair, web: None) -> None:
    pair.carry()
    with Connection(lab.client, lab.server.ipv4, 7) as connection:
        assert says(connection)
        pair.entry.stop()
        assert connection.receive_to_end()[1] is End.RESET


@pytest.mark.parametrize("table_mode", TABLE_MODES)
def test_kill_9_of_the_entry(lab: Lab, build: Path, web: None, table_mode: str) -> None:
    """New flows go directly at once; after a restart all is as it was, with nothing there twice."""
    with running_pair(lab, build, TABLE_MODE=table_mode) as pair:
        service = pair.carry()
        assert all_carried(lab)
        state = (pair.entry.get("/v1/services"), pair.entry.id, len(pair.entry.get("/v1/peers")["peers"]))
        kernel = Kernel(pair.entry)
        with Connection(lab.client, lab.server.ipv4, 80) as transfer:
            transfer.send(b"GET /bytes/1000000000000 HTTP/1.1\r\n\r\n")
            transfer.receive_exactly(MEGABYTE)
            pair.entry.kill()
            killed_at = time.monotonic()
            assert all_direct(lab)
            assert time.monotonic() - killed_at < 1, "direct, and without a time-out on the way"
            assert transfer.receive_to_end()[1] is End.RESET
        pair.entry.start()
        wait_for(lambda: all_carried(lab), 10, "flows carried again")
        assert Kernel(pair.entry) == kernel
        pair.wait_until_carried(service)
        assert without_changes(pair.entry.get("/v1/services")) == without_changes(state[0])
        assert (pair.entry.id, len(pair.entry.get("/v1/peers")["peers"])) == state[1:]
        http_get(lab.client, lab.server.ipv4, 80, MEGABYTE)


def without_changes(services: dict[str, list[dict[str, object]]]) -> list[dict[str, object]]:
    """Services as they were asked for, without what is observed."""
    observed = ("state", "state_reason")
    return [{key: value for key, value in one.items() if key not in observed} for one in services["services"]]


@pytest.mark.parametrize("table_mode", TABLE_MODES)
def test_kill_9_again_and_again(lab: Lab, build: Path, web: None, table_mode: str) -> None:
    with running_pair(lab, build, TABLE_MODE=table_mode) as pair:
        pair.carry()
        kernel = Kernel(pair.entry)
        for _ in range(3):
            pair.entry.kill()
            assert all_direct(lab)
            pair.entry.start()
            wait_for(lambda: all_carried(lab), 10, "flows carried again")
        assert Kernel(pair.entry) == kernel


def test_kill_9_of_the_exit(lab: Lab, pair: Pair, web: None) -> None:
    """A transfer under way is reset, and once the exit is back new flows work without anybody's help."""
    pair.carry()
    with Connection(lab.client, lab.server.ipv4, 80) as transfer:
        transfer.send(b"GET /bytes/1000000000000 HTTP/1.1\r\n\r\n")
        transfer.receive_exactly(MEGABYTE)
        pair.exit.kill()
        killed_at = time.monotonic()
        assert transfer.receive_to_end()[1] is End.RESET
        assert time.monotonic() - killed_at < 2
    pair.exit.start()

    wait_for(lambda: carries(lab, lab.client), 15, "new flows through the restarted exit")
    assert pair.exit.api("GET", "/v1/services").json()["services"], "the exit remembers the service"


def test_acknowledged_changes_survive_kill_9(lab: Lab, pair: Pair) -> None:
    """What a 2xx has promised is on disk, however early the kill comes."""
    for round_number in range(5):
        answer = pair.entry.api(
            "POST",
            "/v1/services",
            {"target_peer_id": pair.exit.id, "transport_type": "tcp", "name": f"kept-{round_number}"},
        )
        pair.entry.kill()
        assert answer.status == 201
        pair.entry.start()
        service = answer.json()["id"]
        routes = [{"dest_cidr": f"10.{round_number}.{n}.0/24", "priority": 100} for n in range(20)]
        added = pair.entry.api("POST", f"/v1/services/{service}/routes", {"routes": routes})
        pair.entry.kill()
        assert added.status in (200, 201) and added.json()["count"] == 20
        pair.entry.start()
        kept = pair.entry.service(service)
        assert [route["id"] for route in kept["routes"]] == added.json()["route_ids"]
        assert (
            pair.entry.api("DELETE", f"/v1/services/{service}/routes/{kept['routes'][0]['id']}").status == 204
        )
        pair.entry.kill()
        pair.entry.start()
        assert pair.entry.service(service)["route_count"] == 19
    assert len(pair.entry.get("/v1/services")["services"]) == 5


def test_a_short_partition_is_only_a_pause(lab: Lab, pair: Pair, web: None) -> None:
    lab.wan.set(delay_ms=10, rate_mbit=100)
    pair.carry()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        transfer = pool.submit(http_get, lab.client, lab.server.ipv4, 80, 20 * MEGABYTE, timeout=30)
        wait_for(lambda: lab.wan.stats()["entry"].bytes_in > 5 * MEGABYTE, 10, "a transfer under way")
        lab.wan.down()
        pause_until = time.monotonic() + 2
        wait_for(lambda: time.monotonic() > pause_until, 5)
        assert not transfer.done()
        lab.wan.up()
        transfer.result()


@pytest.mark.slow
def test_a_long_partition_ends_flows_and_heals(lab: Lab, pair: Pair, web: None) -> None:
    """Flows of either direction are reset within a minute instead of hanging, and after the healing new ones work."""
    pair.carry()

    def send_until_reset(connection: Connection) -> None:
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            while True:
                connection.send(bytes(MEGABYTE))

    def take_all(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while connection.recv(MEGABYTE):
                pass

    with (
        concurrent.futures.ThreadPoolExecutor(1) as pool,
        serving(lab.server, 9, take_all),
        Connection(lab.client, lab.server.ipv4, 9, timeout=70) as upload,
        Connection(lab.client, lab.server.ipv4, 80, timeout=70) as download,
    ):
        download.send(b"GET /bytes/1000000000000 HTTP/1.1\r\n\r\n")
        download.receive_exactly(MEGABYTE)
        uploaded = pool.submit(send_until_reset, upload)
        wait_for(lambda: lab.wan.stats()["exit"].bytes_in > 5 * MEGABYTE, 10, "an upload under way")
        lab.wan.down()
        assert download.receive_to_end()[1] is End.RESET
        uploaded.result()
    lab.wan.up()

    wait_for(lambda: carries(lab, lab.client), 30, "new flows after the partition")


def test_a_second_agent_on_the_same_data_is_refused(lab: Lab, pair: Pair) -> None:
    pair.carry()
    second = Agent(lab.entry, pair.build, lab.directory / "second", **pair.entry.settings)
    process = second.launch()
    assert process.wait() == 1
    assert str(pair.entry.data_dir) in process.log()
    assert pair.entry.get("/v1/services")["services"][0]["state"] == "active"
