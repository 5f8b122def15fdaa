"""The cluster's endpoints: a new id, synchronisation, status."""

from pathlib import Path
from typing import Any

from agents import Agent, Pair, issue_license, running_pair
from arctic_lab import Lab, wait_for


def test_status_says_who_is_there_and_whether_all_know_the_same(pair: Pair) -> None:
    entry, far = pair.entry, pair.exit
    service = pair.carry()

    def settled() -> bool:
        return all(agent.get("/v1/cluster/status")["converged"] for agent in (entry, far))

    wait_for(settled, 10, "both know the same")
    here, there = (agent.get("/v1/cluster/status") for agent in (entry, far))
    assert here["registry_hash"] == there["registry_hash"] == here["peers"][0]["registry_hash"]
    assert here["cluster_id"] == there["cluster_id"]
    (peer,) = here["peers"]
    assert (peer["id"], peer["name"], peer["reachable"]) == (far.id, far.name, True)
    assert 0 <= peer["rtt_ms"] < 1000 and peer["last_seen_at"]
    totals = here["totals"]
    assert (totals["peers"], totals["services"], totals["routes"]) == (2, 1, 2)
    assert totals["local_services"] == {"total": 1, "active": 1, "pending": 0, "degraded": 0, "error": 0}
    assert there["totals"]["local_services"]["total"] == 0

    entry.api("PUT", f"/v1/services/{service}", {"name": "renamed"})
    assert entry.get("/v1/cluster/status")["registry_hash"] != here["registry_hash"]
    wait_for(settled, 10, "both know the change")

    far.kill()
    wait_for(lambda: not entry.get("/v1/cluster/status")["peers"][0]["reachable"], 10, "seen as gone")
    lost = entry.get("/v1/cluster/status")
    assert not lost["converged"] and lost["peers"][0]["registry_hash"] is None
    far.start()


def test_status_says_who_differs_and_in_what(pair: Pair) -> None:
    """A large record takes its time over a slow path: meanwhile the two hold different things, and both say so."""
    entry, far = pair.entry, pair.exit

    def status(agent: Agent) -> tuple[Any, Any]:
        told = agent.get("/v1/cluster/status")
        return told, told["peers"][0]

    for agent in (entry, far):
        wait_for(lambda agent=agent: status(agent)[0]["converged"], 10, "both know the same")
    told, peer = status(entry)
    assert told["records"] == peer["records"] == {"peer": 2, "service": 0, "credential": 2, "revocation": 0}
    assert peer["version"] == told["version"] and peer["differs_since"] is None
    assert told["discovered"] == []

    pair.lab.wan.set(delay_ms=5, rate_mbit=1)
    service = entry.create_service(far)
    routes = [{"dest_cidr": f"10.{i >> 8}.{i & 255}.0/24", "priority": 1} for i in range(6000)]
    assert entry.api("POST", f"/v1/services/{service}/routes", {"routes": routes}).status == 201
    for agent in (entry, far):
        wait_for(lambda agent=agent: status(agent)[1]["differs_since"], 5, f"a difference seen by {agent.name}")
        told, peer = status(agent)
        assert not told["converged"] and not peer["converged"] and peer["reachable"]
        assert peer["differs_since"] <= told["timestamp"]
        assert status(agent)[1]["differs_since"] == peer["differs_since"], "it stays at the last time that both agreed"
    assert "Not converged: 1 of 1 peers reachable, 0 hold the same records; exit differs for " in (
        entry.cli("cluster", "status").stdout.splitlines()[0]
    )
    pair.lab.wan.set()
    for agent in (entry, far):
        wait_for(lambda agent=agent: status(agent)[0]["converged"], 20, "both know the same again")
        assert status(agent)[1]["differs_since"] is None
        assert status(agent)[1]["records"]["service"] == 1


def test_status_needs_admin(pair: Pair) -> None:
    token = pair.entry.token("services.read")
    for method, path in (("GET", "status"), ("POST", "sync"), ("POST", "init")):
        assert pair.entry.api(method, f"/v1/cluster/{path}", token=token).status == 403, path


def test_sync_tells_all_peers_and_mends_the_kernel(pair: Pair) -> None:
    entry, far = pair.entry, pair.exit
    service = pair.carry()
    wait_for(lambda: far.get("/v1/cluster/status")["peers"][0]["reachable"], 10, "linked both ways")
    done = entry.api("POST", "/v1/cluster/sync")
    assert done.status == 200
    (peer,) = done.json()["peers"]
    assert (peer["id"], peer["reached"], peer["converged"]) == (far.id, True, True)
    assert done.json()["kernel"] == {"ok": True, "repaired": []}
    assert service.removeprefix("svc_") in entry.ruleset()

    far.kill()
    wait_for(lambda: not entry.get("/v1/cluster/status")["peers"][0]["reachable"], 10, "seen as gone")
    (peer,) = entry.api("POST", "/v1/cluster/sync", {}).json()["peers"]
    assert (peer["reached"], peer["converged"], peer["state"]) == (False, False, "unreachable")
    far.start()


def test_sync_repairs_drift_before_it_answers(lab: Lab, build: Path) -> None:
    """In table mode plain others can take the table away."""
    with running_pair(lab, build, TABLE_MODE="plain") as pair:
        service = pair.carry()
        pair.entry.host.run("nft", "delete", "table", "inet", "arctic")
        assert pair.entry.api("POST", "/v1/cluster/sync").json()["kernel"]["ok"]
        assert service.removeprefix("svc_") in pair.entry.ruleset()


def test_init_mints_a_cluster_id_only_by_force(lab: Lab, build: Path) -> None:
    pair = Pair(lab, build)
    entry, far = pair.entry, pair.exit
    for agent in (entry, far):
        agent.start()
    issue_license(build, entry, pair.license)
    for agent in (entry, far):
        agent.bootstrap(pair.license)

    before = identity(entry)
    for body in ({}, {"force": False}):
        assert entry.api("POST", "/v1/cluster/init", body).error == (409, "ALREADY_EXISTS", "force")
    assert entry.api("POST", "/v1/cluster/init").error[1] == "ALREADY_EXISTS"
    assert entry.api("POST", "/v1/cluster/init", {"force": "yes"}).error == (400, "INVALID_REQUEST", "force")
    assert entry.api("POST", "/v1/cluster/init", {"forced": True}).error == (400, "INVALID_REQUEST", "forced")
    assert identity(entry) == before

    made = entry.api("POST", "/v1/cluster/init", {"force": True})
    assert made.status == 200
    after = made.json()
    assert after["cluster_id"] > before["cluster_id"]
    assert {**after, "cluster_id": ""} == {**before, "cluster_id": ""}
    entry.stop()
    entry.start()
    assert identity(entry) == after

    # Two halves that meet take the older id; the records that were signed anew are the ones that the other gets.
    entry.add_peer(far)
    assert identity(entry)["cluster_id"] == identity(far)["cluster_id"] < after["cluster_id"]
    service = entry.create_service(far)
    assert entry.api("POST", "/v1/cluster/init", {"force": True}).status == 200
    assert entry.service(service)["state"] == "active"
    wait_for(
        lambda: all(agent.get("/v1/cluster/status")["converged"] for agent in (entry, far)),
        10,
        "the peer has the new signatures",
    )
    pair.end()


def identity(agent: Agent) -> dict[str, Any]:
    answer: dict[str, Any] = agent.api("GET", "/v1/cluster/identity", token=None).json()
    return answer
