"""The end of a membership: peers that are revoked, and agents that leave."""

import concurrent.futures
import contextlib
import signal
import sqlite3
from pathlib import Path

import pytest
from agents import API_PORT, Agent, Pair, running_pair
from arctic_lab import Connection, End, Lab, wait_for
from control_peer import control_peer
from flows import carried

CALLERS = 4


def listed(agent: Agent) -> dict[str, str]:
    """State by id, without the agent itself."""
    return {peer["id"]: peer["state"] for peer in agent.get("/v1/peers?is_local=false")["peers"]}


def add(agent: Agent, other: Agent, version: int = 4) -> tuple[int, str, str | None]:
    address = other.host.address(version, "wan")
    return agent.api("POST", "/v1/peers", {"address": f"{address}:{API_PORT}"}).error


def test_a_revoked_peer_is_cut_off_at_once_and_for_good(lab: Lab, pair: Pair) -> None:
    entry, far = pair.entry, pair.exit
    lab.server.serve("http", 80)
    lab.server.serve("echo", 7)
    there = far.create_service(entry)
    service = pair.carry()
    wait_for(lambda: entry.api("GET", f"/v1/services/{there}").status == 200, 5, "the other's service is known")
    assert carried(lab, lab.client)
    with Connection(lab.client, lab.server.address(4), 7) as flow:
        flow.send(b"before")
        assert flow.receive_exactly(6) == b"before"

        assert entry.api("DELETE", f"/v1/peers/{far.id}").status == 204

        # Answered when capture has gone: nothing is left to wait for but the end of what flows.
        assert not carried(lab, lab.client)
        assert flow.receive_to_end() == (b"", End.RESET)
    assert listed(entry) == {}
    revoked = entry.get(f"/v1/peers/{far.id}")
    assert (revoked["state"], revoked["name"]) == ("revoked", far.name)
    assert entry.api("GET", f"/v1/services/{there}").status == 404
    orphan = entry.service(service)
    assert (orphan["state"], "has been revoked" in orphan["state_reason"]) == ("error", True), orphan

    # Neither way in, and both are told why.
    status, code, field = add(entry, far)
    assert (status, code, field) == (422, "HANDSHAKE_FAILED", "address")
    assert "revoked" in entry.api("POST", "/v1/peers", {"address": f"{far.host.address(4, 'wan')}:{API_PORT}"}).text
    wait_for(lambda: far.get(f"/v1/peers/{far.id}")["state"] == "revoked", 5, "the revoked one knows")
    status, code, _ = add(far, entry)
    assert (status, code) == (422, "HANDSHAKE_FAILED")
    assert far.service(there)["state"] == "error"
    assert "this agent has been revoked" in far.service(there)["state_reason"]
    status, code, field = entry.api(
        "POST", "/v1/services", {"target_peer_id": far.id, "transport_type": "tcp"}
    ).error
    assert (status, code, field) == (422, "PEER_UNREACHABLE", "target_peer_id")
    asked = entry.api("PUT", f"/v1/peers/{far.id}", {"name": "other"})
    assert asked.error == (422, "PEER_UNREACHABLE", None) and "has been revoked" in asked.text

    # Once more changes nothing, and a restart neither.
    assert entry.api("DELETE", f"/v1/peers/{far.id}").status == 204
    for agent in (entry, far):
        agent.stop()
        agent.start()
    assert listed(entry) == {}
    assert entry.get(f"/v1/peers/{far.id}")["state"] == "revoked"
    assert far.get(f"/v1/peers/{far.id}")["state"] == "revoked"
    assert add(entry, far)[1] == "HANDSHAKE_FAILED"
    assert not carried(lab, lab.client)


def test_whose_clients_alone_can_administer_is_not_revoked(pair: Pair) -> None:
    """Or nobody could any more, but for root on a host."""
    entry, far = pair.entry, pair.exit
    token = far.token()
    wait_for(lambda: entry.api("GET", "/v1/peers", token=token).status == 200, 5, "the other's client is known")
    assert entry.api("DELETE", f"/v1/credentials/{entry.credentials[0]}", token=token).status == 204
    path = f"/v1/peers/{far.id}"
    refused = entry.api("DELETE", path, token=token)
    assert refused.error == (422, "CANNOT_REVOKE_CURRENT", None) and far.id in refused.text
    assert entry.api("POST", "/v1/credentials", {"scopes": ["admin"]}, token=token).status == 201
    assert entry.api("DELETE", path, token=token).status == 204


def test_a_revocation_frees_its_place_in_the_licence(lab: Lab, build: Path) -> None:
    with running_pair(lab, build, "--max-nodes", "2", "--max-services", "10", "--days", "30") as pair:
        status = pair.entry.get("/v1/cluster/status")
        assert status["totals"]["peers"] == 2
        pair.entry.api("DELETE", f"/v1/peers/{pair.exit.id}")
        assert pair.entry.get("/v1/cluster/status")["totals"]["peers"] == 1
        # A new identity has the room of the old one.
        assert pair.exit.api("DELETE", "/v1/peers/self").status == 204
        pair.exit.forget()
        pair.exit.bootstrap(pair.license)
        pair.entry.add_peer(pair.exit)
        assert listed(pair.entry) == {pair.exit.id: "connected"}


def test_this_agent_is_not_revoked_but_leaves(pair: Pair) -> None:
    status, code, field = pair.entry.api("DELETE", f"/v1/peers/{pair.entry.id}").error
    assert (status, code, field) == (400, "INVALID_REQUEST", "id")
    assert pair.entry.api("DELETE", "/v1/peers/peer_01JD2Q4Y7M8N9P0QRSTVWXYZ12").status == 404
    assert pair.entry.api("DELETE", f"/v1/peers/{pair.exit.id}", token=pair.entry.token("peers.read")).status == 403


def test_an_agent_that_leaves_is_as_new(lab: Lab, pair: Pair) -> None:
    entry, far = pair.entry, pair.exit
    lab.server.serve("http", 80)
    there = far.create_service(entry)
    pair.carry()
    former = entry.id
    assert carried(lab, lab.client)

    assert entry.api("DELETE", "/v1/peers/self").status == 204

    assert not carried(lab, lab.client)
    assert entry.ruleset() == ""
    assert "arctic0" not in entry.host.run("ip", "link").stdout
    assert not (entry.data_dir / "peer.key").exists()
    leftover = b"".join(path.read_bytes() for path in entry.data_dir.glob("arctic.db*"))
    assert former.encode() not in leftover
    assert entry.api("GET", "/v1/cluster/identity", token=None).error[1] == "NOT_BOOTSTRAPPED"
    assert entry.api("GET", "/v1/peers").error[1] == "NOT_BOOTSTRAPPED"

    # The other has been told: it lists it no more, and what it had towards it says why it stopped.
    wait_for(lambda: listed(far) == {}, 5, "the other dropped it")
    wait_for(lambda: far.service(there)["state"] == "error", 5, "its service towards it stopped")
    assert "has left the cluster" in far.service(there)["state_reason"]
    assert far.get("/v1/services?source_peer_id=" + former)["services"] == []

    # And it begins again, without a restart: with another identity, and everything works.
    entry.forget()
    entry.bootstrap(pair.license)
    assert entry.id != former
    far.api("DELETE", f"/v1/services/{there}")
    entry.add_peer(far)
    pair.carry()
    assert carried(lab, lab.client)


def test_a_departure_is_finished_after_a_crash(pair: Pair) -> None:
    """As after a kill at the worst moment: the tombstone is on disk and nothing else was done."""
    entry = pair.entry
    former = entry.id
    entry.kill()
    with contextlib.closing(sqlite3.connect(entry.data_dir / "arctic.db")) as database, database:
        key = "json_object('public_key', json_extract(body, '$.public_key'))"
        database.execute(f"UPDATE record SET deleted = 1, body = {key} WHERE kind = 'peer' AND id = ?", (former,))
    entry.start()
    entry.forget()
    assert entry.api("GET", "/v1/cluster/identity", token=None).error[1] == "NOT_BOOTSTRAPPED"
    assert not (entry.data_dir / "peer.key").exists()
    entry.bootstrap(pair.license)
    assert entry.id != former


def test_members_that_dial_an_agent_that_leaves(pair: Pair) -> None:
    """They are connected when it has said farewell to all whom it knew, and say their hello when it has no identity any more."""
    entry = pair.entry
    service = entry.create_service(pair.exit)
    # So that the kernel has something to take back meanwhile.
    routes = [{"dest_cidr": f"10.{77 + i // 256}.{i % 256}.0/24", "priority": 1} for i in range(8192)]
    assert entry.api("POST", f"/v1/services/{service}/routes", {"routes": routes}).status == 201
    headers = {"Authorization": f"Bearer {entry.token()}"}
    assert entry.process
    place = (pair.exit.host, pair.build, pair.license, entry.host.address(4, "wan"), "--stranger")
    with contextlib.ExitStack() as stack, concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
        leaving = stack.enter_context(entry.connected())
        entry.process.signal(signal.SIGSTOP)
        waiting = ("ss", "-tnH", "state", "established", "sport", "=", ":61000")
        known = len(entry.host.run(*waiting).stdout.splitlines())
        dialling = [pool.submit(stack.enter_context, control_peer(*place)) for _ in range(CALLERS)]
        wait_for(lambda: len(entry.host.run(*waiting).stdout.splitlines()) >= known + CALLERS, 10, "the calls")
        leaving.request("DELETE", "/v1/peers/self", None, headers)
        entry.process.signal(signal.SIGCONT)
        assert leaving.getresponse().status == 204
        for dialled in dialling:
            member = dialled.result()
            # The link has ended, or ends now.
            with contextlib.suppress(BrokenPipeError):
                member.send(member.hello)
            assert "welcome" not in [message["type"] for message in member.hear_to_end()]
    entry.forget()
    entry.bootstrap(pair.license)
    entry.add_peer(pair.exit)


def test_a_departed_agent_from_a_backup_is_refused(lab: Lab, pair: Pair) -> None:
    entry, far = pair.entry, pair.exit
    entry.stop()
    backup = {path.name: path.read_bytes() for path in entry.data_dir.iterdir() if path.is_file()}
    entry.start()
    wait_for(lambda: listed(entry) == {far.id: "connected"}, 10, "connected again")
    wait_for(lambda: listed(far) == {entry.id: "connected"}, 10, "connected again")
    entry.api("DELETE", "/v1/peers/self")
    wait_for(lambda: listed(far) == {}, 5, "the other dropped it")
    entry.stop()
    for path in entry.data_dir.iterdir():
        path.unlink()
    for name, content in backup.items():
        (entry.data_dir / name).write_bytes(content)
        (entry.data_dir / name).chmod(0o600)
    entry.start()
    assert add(entry, far)[1] == "HANDSHAKE_FAILED"
    assert add(far, entry)[1] == "HANDSHAKE_FAILED"
    assert listed(far) == {}


@pytest.mark.parametrize("path", ["/v1/peers/self", "/v1/peers/{other}"])
def test_the_other_agent_was_away(lab: Lab, pair: Pair, path: str) -> None:
    """A peer that could not be told still finds its way barred, or the agent gone."""
    entry, far = pair.entry, pair.exit
    path, former = path.format(other=far.id), entry.id
    far.kill()
    assert entry.api("DELETE", path).status == 204
    far.start()
    wait_for(lambda: listed(far)[former] == "unreachable", 10, "unreachable for the other")
    if path == "/v1/peers/self":
        assert far.api("DELETE", f"/v1/peers/{former}").status == 204
        assert listed(far) == {}
    else:
        assert add(far, entry)[1] == "HANDSHAKE_FAILED"


def test_all_members_obey_a_revocation(lab: Lab, build: Path, pair: Pair) -> None:
    """A third agent, which knows both: told by the one, it drops the other."""
    third = Agent(lab.client, build, lab.directory / "agents" / "third")
    third.start()
    try:
        third.bootstrap(pair.license)
        third.cli("peers", "add", f"{lab.entry.address(4, 'lan')}:{API_PORT}")
        third.cli("peers", "add", f"{lab.exit.address(4, 'wan')}:{API_PORT}")
        wait_for(lambda: set(listed(third).values()) == {"connected"} and len(listed(third)) == 2, 10, "all met")
        wait_for(lambda: listed(pair.entry).get(third.id) == "connected", 10, "entry met the third")
        service = third.create_service(pair.exit)
        assert pair.entry.api("DELETE", f"/v1/peers/{pair.exit.id}").status == 204
        wait_for(lambda: listed(third) == {pair.entry.id: "connected"}, 5, "the third obeys")
        wait_for(lambda: third.service(service)["state"] == "error", 5, "its service stops")
        assert add(third, pair.exit)[1] == "HANDSHAKE_FAILED"
    finally:
        third.end()


def test_names_and_descriptions(pair: Pair) -> None:
    entry, far = pair.entry, pair.exit
    path = f"/v1/peers/{entry.id}"
    changed = entry.api("PUT", path, {"name": "haupt-standort", "description": "rack 7"})
    assert changed.status == 200
    assert (changed.json()["name"], changed.json()["description"]) == ("haupt-standort", "rack 7")
    wait_for(lambda: far.get(path)["name"] == "haupt-standort", 5, "the other knows the new name")
    assert entry.api("PUT", path, {"description": None}).json()["description"] is None
    for body, code, field in (
        ({"name": ""}, "INVALID_REQUEST", "name"),
        ({"name": None}, "INVALID_REQUEST", "name"),
        ({"name": "peer_x"}, "INVALID_REQUEST", "name"),
        ({"name": "a\nb"}, "INVALID_REQUEST", "name"),
        ({"name": "x" * 64}, "INVALID_REQUEST", "name"),
        ({"description": "x" * 256}, "INVALID_REQUEST", "description"),
        ({"state": "connected"}, "INVALID_REQUEST", "state"),
        ({"name": 7}, "INVALID_REQUEST", "name"),
    ):
        assert entry.api("PUT", path, body).error == (400, code, field), body
    assert entry.api("PUT", path, {"name": far.name}).error == (409, "ALREADY_EXISTS", "name")
    assert entry.get(path)["name"] == "haupt-standort"
    assert entry.api("PUT", path, {"name": "haupt-standort"}).status == 200, "its own name is nobody else's"
    entry.stop()
    entry.start()
    assert entry.get(path)["name"] == "haupt-standort"
    # A name that an operator gave is not taken back by a suggestion from elsewhere.
    far.cli("peers", "add", f"{entry.host.address(4, 'wan')}:{API_PORT}", "--name", "other")
    assert entry.get(path)["name"] == "haupt-standort"


def test_the_local_peer_says_where_it_is(pair: Pair) -> None:
    (own,) = pair.entry.get("/v1/peers?is_local=true")["peers"]
    addresses = [address.partition("/")[0] for family in pair.entry.host.addresses.values() for address in family]
    hosts = {endpoint.rpartition(":")[0].strip("[]") for endpoint in own["endpoints"]}
    assert hosts == set(addresses)
    assert own["address"].endswith(f":{API_PORT}")
    assert own["address"].rpartition(":")[0] in addresses
