"""What becomes of traffic while the target peer does not answer: services that step aside, and services that block."""

import time

from agents import Pair
from arctic_lab import Connection, Lab, Namespace, wait_for
from flows import VERSIONS, all_direct, carried

PORT = 7


def outcome(host: Namespace, address: str) -> str:
    """What a new connection to the echo server ends in."""
    try:
        with Connection(host, address, PORT, timeout=5) as connection:
            connection.send(b"x")
            return "echo" if connection.receive() else "closed"
    except ConnectionRefusedError:
        return "refused"
    except ConnectionResetError:
        return "reset"
    except TimeoutError:
        return "nothing"


def degraded(pair: Pair, service: str) -> bool:
    return pair.entry.service(service)["state"] == "degraded"


def test_block_refuses_and_step_aside_lets_by(lab: Lab, pair: Pair) -> None:
    """Both are degraded and say what happens; the choice can be changed meanwhile, and all is carried again afterwards."""
    lab.server.serve("http", 80)
    lab.server.serve("echo", PORT)
    service = pair.carry()
    path = f"/v1/services/{service}"
    assert pair.entry.api("PUT", path, {"when_unreachable": "block"}).status == 200
    assert all(carried(lab, lab.client, version) for version in VERSIONS)

    pair.exit.stop()
    wait_for(lambda: degraded(pair, service), 15, "a degraded service")
    assert "refused" in pair.entry.service(service)["state_reason"]
    for host in (lab.client, lab.entry):
        for version in VERSIONS:
            started_at = time.monotonic()
            assert outcome(host, lab.server.address(version)) == "refused", (host, version)
            assert time.monotonic() - started_at < 1, "at once, without a time-out on the way"

    assert pair.entry.api("PUT", path, {"when_unreachable": "step_aside"}).status == 200
    assert "next best way" in pair.entry.service(service)["state_reason"]
    for host in (lab.client, lab.entry):
        for version in VERSIONS:
            assert outcome(host, lab.server.address(version)) == "echo", (host, version)
            assert not carried(lab, host, version)

    assert pair.entry.api("PUT", path, {"when_unreachable": "block"}).status == 200
    assert outcome(lab.client, lab.server.ipv4) == "refused"
    pair.exit.start()
    pair.wait_until_carried(service)
    assert all(carried(lab, lab.client, version) for version in VERSIONS)


def test_a_blocking_service_hides_no_better_one(lab: Lab, pair: Pair) -> None:
    """Traffic of a service without trouble is not touched by another's block."""
    lab.server.serve("http", 80)
    blocked = pair.entry.create_service(pair.exit, "--name", "blocked")
    pair.entry.add_route(blocked, dest=f"{lab.server.ipv4}/32")
    assert pair.entry.api("PUT", f"/v1/services/{blocked}", {"when_unreachable": "block"}).status == 200
    pair.wait_until_carried(blocked)
    pair.exit.stop()
    wait_for(lambda: degraded(pair, blocked), 15, "a degraded service")
    assert outcome(lab.client, lab.server.ipv4) == "refused"
    # Another address of the network, that no route names.
    assert not carried(lab, lab.client, 6)
    pair.exit.start()
    pair.wait_until_carried(blocked)


def test_a_dead_agent_does_not_block(lab: Lab, pair: Pair) -> None:
    """A block lasts as long as the agent lives."""
    lab.server.serve("http", 80)
    service = pair.carry()
    assert pair.entry.api("PUT", f"/v1/services/{service}", {"when_unreachable": "block"}).status == 200
    pair.exit.stop()
    wait_for(lambda: degraded(pair, service), 15, "a degraded service")
    pair.entry.kill()
    assert all_direct(lab)
    pair.entry.start()
    wait_for(lambda: degraded(pair, service), 15, "a degraded service after the restart")
    pair.exit.start()
    pair.wait_until_carried(service)
    assert carried(lab, lab.client)
