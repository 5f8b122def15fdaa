"""GET /metrics: what is counted, and who may read it."""

from pathlib import Path

from agents import API_PORT, Agent, Pair
from arctic_lab import Lab, http_get, wait_for
from metrics import scrape, value


def test_flows_and_bytes_are_counted_on_both_sides(lab: Lab, pair: Pair) -> None:
    lab.server.serve("http", 80)
    service = pair.carry()
    pair.entry.api("PUT", f"/v1/services/{service}", {"name": 'quo"te \\ back'})
    wait_for(lambda: pair.exit.service(service)["name"] == 'quo"te \\ back', 5, "the exit knows the name")
    for _ in range(3):
        http_get(lab.client, lab.server.address(4), 80, 100_000)

    def counted(agent: Agent, role: str) -> bool:
        told = scrape(agent)
        return (
            value(told, "arctic_service_flows_opened_total", service_id=service, role=role) == 3
            and value(told, "arctic_service_flows_open", service_id=service) == 0
            and value(told, "arctic_service_bytes_total", service_id=service, direction="down") > 300_000
        )

    wait_for(lambda: counted(pair.entry, "entry") and counted(pair.exit, "exit"), 5, "all is counted")
    here, there = scrape(pair.entry), scrape(pair.exit)
    for told in (here, there):
        (name,) = {dict(labels)["service"] for labels in told["arctic_service_flows_open"].samples}
        assert name == 'quo"te \\ back'
    assert value(here, "arctic_service_captured_connections_total", service_id=service) == 3
    assert there["arctic_service_captured_connections_total"].samples == {}
    up = [value(told, "arctic_service_bytes_total", direction="up") for told in (here, there)]
    assert up[0] == up[1] > 0
    assert value(here, "arctic_services", state="active") == 1
    assert value(here, "arctic_service_active", service_id=service) == 1
    assert value(here, "arctic_service_routes", service_id=service) == 2

    # A server that does not listen.
    with_failures = value(here, "arctic_service_flows_failed_total", service_id=service)
    assert with_failures == 0
    refused = lab.client.run(
        "curl", "-s", "--max-time", "5", f"http://{lab.server.address(4)}:81/", check=False
    )
    assert refused.returncode != 0
    wait_for(
        lambda: value(scrape(pair.entry), "arctic_service_flows_failed_total", service_id=service) > 0,
        5,
        "the failure is counted",
    )


def test_peers_licence_api_and_process(pair: Pair) -> None:
    told = scrape(pair.entry)
    assert value(told, "arctic_build_info") == 1
    assert value(told, "arctic_bootstrapped") == 1
    assert value(told, "arctic_kernel_ready") == 1
    assert value(told, "arctic_peer_connected", peer_id=pair.exit.id, peer=pair.exit.name) == 1
    assert value(told, "arctic_peer_reachable", peer_id=pair.exit.id, peer=pair.exit.name) == 1
    wait_for(
        lambda: value(scrape(pair.entry), "arctic_peer_converged", peer_id=pair.exit.id) == 1, 10, "both agree"
    )
    wait_for(lambda: scrape(pair.entry)["arctic_peer_rtt_seconds"].samples, 5, "a first ping")
    assert 0 < value(scrape(pair.entry), "arctic_peer_rtt_seconds", peer_id=pair.exit.id) < 1
    assert value(told, "arctic_license_state", state="valid") == 1
    assert value(told, "arctic_license_state", state="grace") == 0
    assert value(told, "arctic_license_days_left") in (364, 365)
    assert value(told, "arctic_license_nodes_max") == 10
    assert value(told, "arctic_registry_records", kind="peer") == 2
    before = value(told, "arctic_api_requests_total", code="4xx")
    assert pair.entry.api("GET", "/v1/none").status == 404
    assert value(scrape(pair.entry), "arctic_api_requests_total", code="4xx") == before + 1
    resident = value(told, "process_resident_memory_bytes")
    assert 0.5 < resident / pair.entry.resident_bytes < 2
    # Between nothing at all and the start of everything; a turn that is long enough to count is one that shows.
    longest = value(told, "arctic_control_loop_longest_turn_seconds")
    assert 0 < longest < 10
    assert (value(told, "arctic_control_loop_slow_turns_total") > 0) == (longest > 0.05)
    assert value(told, "process_open_fds") > 10 and value(told, "process_cpu_seconds_total") > 0
    pair.exit.kill()
    wait_for(
        lambda: value(scrape(pair.entry), "arctic_peer_connected", peer_id=pair.exit.id) == 0, 10, "it is gone"
    )
    pair.exit.start()


def test_gossip_is_counted(pair: Pair) -> None:
    def messages(agent: Agent, kind: str, direction: str) -> float:
        return value(scrape(agent), "arctic_gossip_messages_total", type=kind, direction=direction)

    def records(agent: Agent, result: str) -> float:
        return value(scrape(agent), "arctic_gossip_records_total", result=result)

    sent, received = messages(pair.entry, "records", "sent"), messages(pair.exit, "records", "received")
    taken = records(pair.exit, "taken")
    pair.carry()
    assert messages(pair.entry, "records", "sent") > sent
    assert messages(pair.exit, "records", "received") > received
    assert records(pair.exit, "taken") > taken
    assert records(pair.entry, "refused") == records(pair.exit, "refused") == 0
    digests = messages(pair.exit, "digest", "sent")
    wait_for(lambda: messages(pair.exit, "digest", "sent") > digests, 5, "another round")


def test_public_from_the_host_itself_only(lab: Lab, pair: Pair) -> None:
    url = f"http://{lab.entry.address(4, 'lan')}:{API_PORT}/metrics"

    def status(*options: str) -> str:
        return lab.client.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *options, url).stdout

    assert status() == "401"
    assert status("-H", f"Authorization: Bearer {pair.entry.token('peers.read')}") == "403"
    assert status("-H", f"Authorization: Bearer {pair.entry.token()}") == "200"


def test_before_a_bootstrap(lab: Lab, build: Path) -> None:
    agent = Agent(lab.entry, build, lab.directory / "agents" / "alone")
    agent.start()
    told = scrape(agent)
    assert value(told, "arctic_bootstrapped") == 0
    assert "arctic_license_state" not in told
    agent.end()
