"""One agent is enough to reach: requests for what another peer owns are carried to it, with its answer as the answer."""

import concurrent.futures
import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agents import NO_BODY, OWN_TOKEN, Agent, Answer, Pair, running_pair
from arctic_lab import Lab, wait_for
from tunnel_peer import TunnelPeer, make_key

HEADER = "X-Arctic-Peer"
UNKNOWN_PEER = "peer_01ARZ3NDEKTSV4RRFFQ69G5FAV"


def ask(
    agent: Agent,
    method: str,
    path: str,
    body: Any = NO_BODY,
    *,
    peer: str | None = None,
    token: str | None = OWN_TOKEN,
) -> Answer:
    """One request, to be answered by `peer`."""
    headers = {}
    if token is not None:
        headers["Authorization"] = f"Bearer {agent.token() if token == OWN_TOKEN else token}"
    if peer is not None:
        headers[HEADER] = peer
    data = None
    if body is not NO_BODY:
        data = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    return agent.request(method, path, data, headers)


def wait_for_links(pair: Pair) -> None:
    """Until each knows the other's client and holds a link to it."""

    def met() -> bool:
        here = ask(pair.entry, "GET", "/v1/services", peer=pair.exit.id)
        there = ask(pair.exit, "GET", "/v1/services", peer=pair.entry.id)
        return here.status == 200 and there.status == 200

    wait_for(met, 10, "requests carried both ways")


@pytest.fixture(scope="module")
def linked(module_pair: Pair) -> Pair:
    wait_for_links(module_pair)
    return module_pair


@pytest.fixture
def linked_pair(lab: Lab, build: Path) -> Iterator[Pair]:
    """One of its own, for tests that harm it."""
    with running_pair(lab, build) as pair:
        wait_for_links(pair)
        yield pair


def make_remote_service(pair: Pair, **members: Any) -> Any:
    """A service of the exit, made at the entry."""
    body = {
        "source_peer_id": pair.exit.id,
        "target_peer_id": pair.entry.id,
        "transport_type": "tcp",
        **members,
    }
    answer = pair.entry.api("POST", "/v1/services", body)
    assert answer.status == 201, answer
    return answer.json()


# What another peer owns


def test_a_service_of_another_peer_from_its_first_to_its_last_day(linked: Pair) -> None:
    """Made, read, changed, given routes and deleted at its owner, through the other agent and with its token only."""
    entry, exit_ = linked.entry, linked.exit
    made = make_remote_service(linked, name="far")
    path = f"/v1/services/{made['id']}"
    assert made["source_peer_id"] == exit_.id
    assert exit_.get(path)["name"] == "far"

    changed = entry.api("PUT", path, {"name": "farther", "when_unreachable": "block"})
    assert changed.status == 200, changed
    assert changed.json()["name"] == exit_.get(path)["name"] == "farther"

    routes = [{"dest_cidr": "10.77.0.0/24", "priority": 10}, {"dest_cidr": "10.78.0.0/24", "priority": 20}]
    added = entry.api("POST", f"{path}/routes", {"routes": routes})
    assert added.status == 201, added
    first, second = added.json()["route_ids"]
    assert entry.get(f"{path}/routes") == exit_.get(f"{path}/routes")
    assert entry.api("PUT", f"{path}/routes/{first}", {"priority": 5}).json()["priority"] == 5
    assert entry.api("DELETE", f"{path}/routes/{second}").status == 204
    (left,) = exit_.get(f"{path}/routes")["routes"]
    assert (left["id"], left["priority"]) == (first, 5)

    # Lists tell the states of others too.
    def listed_states() -> set[str]:
        return {service["state"] for service in entry.get("/v1/services")["services"] if service["id"] == made["id"]}

    wait_for(lambda: listed_states() == {"active"}, 5, "the state in the other agent's list")

    # The owner's live state, not what the records say.
    wait_for(lambda: exit_.get(path)["state"] == "active", 5, "the service active at its owner")
    assert entry.get(path)["state"] == "active"

    gone = entry.api("DELETE", path)
    assert (gone.status, gone.body) == (204, b"")
    assert exit_.api("GET", path).status == 404


def test_the_owner_has_the_last_word(linked: Pair) -> None:
    """Its refusals come back with their status, code and field."""
    made = make_remote_service(linked)
    path = f"/v1/services/{made['id']}"
    bad_route = {"routes": [{"dest_cidr": "10.1.2.3/8", "priority": 1}]}
    for method, target, body in [
        ("POST", f"{path}/routes", bad_route),
        ("PUT", path, {"bandwidth_limit_mbps": -1}),
        ("PUT", path, {"unknown": 1}),
        ("DELETE", f"{path}/routes/99", NO_BODY),
        ("GET", f"{path}/routes?junk=1", NO_BODY),
    ]:
        carried = ask(linked.entry, method, target, body)
        direct = ask(linked.exit, method, target, body)
        assert (carried.status, carried.body) == (direct.status, direct.body), (method, target)
        assert carried.status >= 400 or method == "GET"
    assert linked.entry.api("DELETE", path).status == 204


def test_the_service_limit_of_the_owner(linked: Pair) -> None:
    """A target that its owner does not accept: itself."""
    body = {"source_peer_id": linked.exit.id, "target_peer_id": linked.exit.id, "transport_type": "tcp"}
    answer = linked.entry.api("POST", "/v1/services", body)
    assert answer.error == (400, "INVALID_REQUEST", "target_peer_id")
    assert linked.exit.get("/v1/services")["services"] == []


def test_a_source_peer_that_does_not_exist(linked: Pair) -> None:
    body = {"source_peer_id": UNKNOWN_PEER, "target_peer_id": linked.exit.id, "transport_type": "tcp"}
    answer = linked.entry.api("POST", "/v1/services", body)
    assert answer.error == (404, "NOT_FOUND", "source_peer_id")


# The header


def test_a_peer_is_addressed_for_every_method(linked: Pair) -> None:
    entry, exit_ = linked.entry, linked.exit
    identity = ask(entry, "GET", "/v1/cluster/identity", peer=exit_.id, token=None)
    assert identity.json()["peer_id"] == exit_.id
    assert ask(entry, "GET", "/livez", peer=exit_.id, token=None).status == 200
    made = ask(entry, "POST", "/v1/services", {"target_peer_id": entry.id, "transport_type": "tcp"}, peer=exit_.id)
    assert made.status == 201, made
    assert made.json()["source_peer_id"] == exit_.id
    path = f"/v1/services/{made.json()['id']}"
    assert ask(entry, "PUT", path, {"name": "by-header"}, peer=exit_.id).json()["name"] == "by-header"
    head = ask(entry, "HEAD", path, peer=exit_.id)
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["Content-Length"]) > 100
    listed = ask(entry, "GET", f"/v1/services?source_peer_id={exit_.id}", peer=exit_.id).json()["services"]
    assert [service["id"] for service in listed] == [made.json()["id"]]
    assert ask(entry, "DELETE", path, peer=exit_.id).status == 204
    (local,) = ask(entry, "GET", "/v1/peers?is_local=true", peer=exit_.id).json()["peers"]
    assert local["id"] == exit_.id


def test_the_own_id_means_no_other(linked: Pair) -> None:
    answer = ask(linked.entry, "GET", "/v1/cluster/identity", peer=linked.entry.id)
    assert answer.json()["peer_id"] == linked.entry.id
    made = make_remote_service(linked)
    path = f"/v1/services/{made['id']}"
    assert ask(linked.entry, "DELETE", path, peer=linked.entry.id).status == 204


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        (UNKNOWN_PEER, (404, "NOT_FOUND", HEADER)),
        ("exit", (400, "INVALID_REQUEST", HEADER)),
        ("svc_01ARZ3NDEKTSV4RRFFQ69G5FAV", (400, "INVALID_REQUEST", HEADER)),
        ("", (400, "INVALID_REQUEST", HEADER)),
    ],
)
def test_a_header_that_names_no_peer(linked: Pair, peer: str, expected: tuple[int, str, str]) -> None:
    assert ask(linked.entry, "GET", "/v1/services", peer=peer).error == expected


def test_what_is_never_carried(linked: Pair) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded", HEADER: linked.exit.id}
    answer = linked.entry.request("POST", "/v1/oauth/token", b"grant_type=client_credentials", form)
    assert answer.error == (400, "INVALID_REQUEST", HEADER)
    answer = ask(linked.entry, "POST", "/v1/bootstrap", {"license": {}}, peer=linked.exit.id, token=None)
    assert answer.error == (400, "INVALID_REQUEST", HEADER)


def test_one_hop_only(linked: Pair) -> None:
    """The exit is asked, through the entry, to change what the entry owns: it does not ask the entry back."""
    service = linked.entry.create_service(linked.exit)
    path = f"/v1/services/{service}"
    wait_for(lambda: linked.exit.api("GET", path).status == 200, 5, "the service known at the exit")
    answer = ask(linked.entry, "PUT", path, {"name": "round-trip"}, peer=linked.exit.id)
    assert answer.error[:2] == (422, "PEER_UNREACHABLE")
    assert linked.entry.id in answer.json()["error"]
    assert linked.entry.service(service)["name"] != "round-trip"
    assert linked.entry.api("DELETE", path).status == 204


# Authority


def test_no_scope_no_passage(linked: Pair) -> None:
    made = make_remote_service(linked)
    path = f"/v1/services/{made['id']}"
    reader = linked.entry.token("services.read")
    assert ask(linked.entry, "GET", path, token=reader).status == 200
    assert ask(linked.entry, "DELETE", path, token=reader).error == (403, "FORBIDDEN", None)
    assert ask(linked.entry, "DELETE", path, token=None).error == (401, "UNAUTHORIZED", None)
    assert ask(linked.entry, "GET", "/v1/peers", peer=linked.exit.id, token=reader).error[:2] == (403, "FORBIDDEN")
    assert linked.exit.api("GET", path).status == 200
    assert linked.entry.api("DELETE", path).status == 204


def gets_token(agent: Agent, client: Any) -> bool:
    form = f"grant_type=client_credentials&client_id={client['client_id']}&client_secret={client['client_secret']}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return agent.request("POST", "/v1/oauth/token", form.encode(), headers).status == 200


def make_client(agent: Agent, scope: str) -> tuple[str, str]:
    """A client of this agent with one scope: its id and a token."""
    made = agent.api("POST", "/v1/credentials", {"name": "passing", "scopes": [scope]})
    assert made.status == 201, made
    client = made.json()
    form = f"grant_type=client_credentials&client_id={client['client_id']}&client_secret={client['client_secret']}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = agent.request("POST", "/v1/oauth/token", form.encode(), headers)
    assert answer.status == 200, answer
    return client["client_id"], answer.json()["access_token"]


def test_a_revoked_client_is_refused_at_both(linked: Pair) -> None:
    """Revoked through the peer that did not make it; its tokens end there too, without a restart."""
    client_id, token = make_client(linked.exit, "services.read")
    for agent in (linked.entry, linked.exit):
        wait_for(lambda agent=agent: ask(agent, "GET", "/v1/services", token=token).status == 200, 5, "client known")
    assert linked.entry.api("DELETE", f"/v1/credentials/{client_id}").status == 204
    for agent in (linked.entry, linked.exit):
        wait_for(
            lambda agent=agent: ask(agent, "GET", "/v1/services", token=token).status == 401, 5, "client refused"
        )
    carried = ask(linked.entry, "GET", "/v1/services", peer=linked.exit.id, token=token)
    assert carried.error == (401, "UNAUTHORIZED", None)


def test_the_credential_of_the_cluster_is_rotated_through_either(linked: Pair) -> None:
    """It belongs to one of the two."""
    for agent in (linked.entry, linked.exit):
        answer = agent.api("POST", "/v1/cluster/credentials/rotate")
        assert answer.status == 200, answer
        rotated = answer.json()
        for place in (linked.entry, linked.exit):
            wait_for(lambda place=place: gets_token(place, rotated), 5, f"the new secret at {place.name}")


# What a client has changed through one agent it finds there, though the owner is far away and packets get lost on the way


@pytest.fixture
def far_pair(linked_pair: Pair) -> Pair:
    """Links of one direction lose what those of the other do not, so that their messages overtake each other."""
    linked_pair.lab.wan.set(delay_ms=25, loss_percent=4, seed=11)
    return linked_pair


def listed(agent: Agent, service: str) -> list[str]:
    """The names under which an agent lists a service: one, or none."""
    return [item["name"] for item in agent.get("/v1/services")["services"] if item["id"] == service]


def far_service(pair: Pair, name: str) -> dict[str, Any]:
    return {"source_peer_id": pair.exit.id, "target_peer_id": pair.entry.id, "transport_type": "tcp", "name": name}


@pytest.mark.slow
def test_own_changes_of_services(far_pair: Pair) -> None:
    """Two hundred changes of services that the exit owns, made through the entry and looked for there."""
    entry = far_pair.entry
    for number in range(50):
        made = entry.api("POST", "/v1/services", far_service(far_pair, f"far-{number}"))
        assert made.status == 201, made
        service = made.json()["id"]
        path = f"/v1/services/{service}"
        assert listed(entry, service) == [f"far-{number}"]
        assert entry.api("PUT", path, {"name": f"farther-{number}"}).status == 200
        assert listed(entry, service) == [f"farther-{number}"]
        routes = {"routes": [{"dest_cidr": f"10.77.{number}.0/24", "priority": 1}]}
        assert entry.api("POST", f"{path}/routes", routes).status == 201
        (shown,) = [item for item in entry.get("/v1/services")["services"] if item["id"] == service]
        assert shown["route_count"] == 1
        assert entry.api("DELETE", path).status == 204
        assert listed(entry, service) == []
        assert entry.api("GET", path).status == 404


def test_own_changes_of_credentials(far_pair: Pair) -> None:
    """Made at the exit, used at the entry; after their end the entry knows of that too."""
    entry, exit_ = far_pair.entry, far_pair.exit
    for _ in range(30):
        made = ask(entry, "POST", "/v1/credentials", {"scopes": ["services.read"]}, peer=exit_.id)
        assert made.status == 201, made
        client = made.json()
        assert gets_token(entry, client)
        assert entry.api("DELETE", f"/v1/credentials/{client['client_id']}").status == 204
        assert not gets_token(entry, client)


def test_an_own_rotation(far_pair: Pair) -> None:
    """Rotated through the agent that does not own it."""
    shared = far_pair.entry.get("/v1/cluster/credentials")["peer_id"]
    asked = far_pair.exit if shared == far_pair.entry.id else far_pair.entry
    for _ in range(3):
        rotated = asked.api("POST", "/v1/cluster/credentials/rotate")
        assert rotated.status == 200, rotated
        assert gets_token(asked, rotated.json())


def test_own_changes_of_a_peer(far_pair: Pair) -> None:
    entry, exit_ = far_pair.entry, far_pair.exit
    path = f"/v1/peers/{exit_.id}"
    for number in range(20):
        assert entry.api("PUT", path, {"description": f"turn {number}"}).status == 200
        (shown,) = entry.get("/v1/peers?is_local=false")["peers"]
        assert shown["description"] == f"turn {number}"


# An owner that is away


def test_an_owner_that_is_away(linked_pair: Pair) -> None:
    """Nothing can be changed, all can be read, and what is read says where it comes from."""
    entry, exit_ = linked_pair.entry, linked_pair.exit
    made = make_remote_service(linked_pair, name="far")
    path = f"/v1/services/{made['id']}"
    assert entry.api("POST", f"{path}/routes", {"routes": [{"dest_cidr": "10.77.0.0/24", "priority": 1}]}).status == 201

    def listed() -> list[str]:
        return [service["state"] for service in entry.get("/v1/services")["services"]]

    wait_for(lambda: listed() == ["active"], 5, "record and state at the entry")
    exit_.kill()

    def refused() -> bool:
        return entry.api("PUT", path, {"name": "other"}).error[:2] == (422, "PEER_UNREACHABLE")

    wait_for(refused, 20, "the loss of the link")
    answer = entry.api("DELETE", path)
    assert answer.error[:2] == (422, "PEER_UNREACHABLE")
    assert "exit" in answer.json()["error"]
    body = {"source_peer_id": exit_.id, "target_peer_id": entry.id, "transport_type": "tcp"}
    assert entry.api("POST", "/v1/services", body).error[:2] == (422, "PEER_UNREACHABLE")
    read = entry.get(path)
    assert read["name"] == "far" and read["routes"], read
    assert read["state"] == "pending", read
    assert "does not answer, and last said that it is active" in read["state_reason"], read
    assert listed() == ["pending"]
    assert read["counters"] is None and exit_.id in read["counters_reason"], read
    assert entry.get(f"{path}/routes")["routes"] == [{**route, "counters": None} for route in read["routes"]]
    assert len(entry.get("/v1/services")["services"]) == 1
    exit_.start()
    wait_for(lambda: entry.api("DELETE", path).status == 204, 20, "the owner back")
    assert exit_.get("/v1/services")["services"] == []


@pytest.mark.slow
def test_an_owner_that_dies_with_the_request(linked_pair: Pair) -> None:
    """It stops before it answers: the client hears so as soon as the link is gone, and what it may find later."""
    entry, exit_ = linked_pair.entry, linked_pair.exit
    body = {"source_peer_id": exit_.id, "target_peer_id": entry.id, "transport_type": "tcp"}
    entry.token()
    assert exit_.process
    exit_.process.signal(signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        changing = pool.submit(entry.api, "POST", "/v1/services", body)
        reading = pool.submit(ask, entry, "GET", "/v1/services", peer=exit_.id)
        change, read = changing.result(40), reading.result(40)
    exit_.process.signal(signal.SIGCONT)
    assert change.error[:2] == read.error[:2] == (422, "PEER_UNREACHABLE")
    assert "may have been carried out" in change.json()["error"]
    assert "may have been carried out" not in read.json()["error"]


@pytest.mark.slow
def test_strangers_that_leave_take_no_request_along(linked_pair: Pair) -> None:
    """The exit is busy for a client of the entry when it gives up a connection, of some stranger, on which nothing was said."""
    entry, exit_, lab = linked_pair.entry, linked_pair.exit, linked_pair.lab
    key = make_key(lab.directory / "stranger.key")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with TunnelPeer(lab.client, lab.exit.ipv4, key, lab.directory, "arctic-control/1") as stranger:
            stranger.socket.settimeout(15)
            # Nobody is there: the exit tries for longer than it listens to the stranger.
            added = pool.submit(ask, entry, "POST", "/v1/peers", {"address": "10.9.0.77:8080"}, peer=exit_.id)
            assert stranger.receive() == b"", "given up"
            assert not added.done()
        answer = added.result(30)
    assert answer.error[1] == "PEER_UNREACHABLE"
    assert "10.9.0.77" in answer.json()["error"], "the exit's own words"


def test_a_client_that_goes_away(linked_pair: Pair) -> None:
    """Nobody is left to answer; the agents go on, and end without a leak where that is looked for."""
    entry, exit_ = linked_pair.entry, linked_pair.exit
    entry.token()
    headers = {"Authorization": f"Bearer {entry.token()}", HEADER: exit_.id}
    assert exit_.process
    exit_.process.signal(signal.SIGSTOP)
    for _ in range(20):
        with entry.connected() as connection:
            connection.request("GET", "/v1/services", headers=headers)
    exit_.process.signal(signal.SIGCONT)
    wait_for(lambda: ask(entry, "GET", "/v1/services", peer=exit_.id).status == 200, 20, "requests carried again")


# The end of a membership


def test_a_peer_leaves_when_it_is_told_through_another(linked_pair: Pair) -> None:
    """The answer comes, though the link that it comes over ends with it."""
    entry, exit_ = linked_pair.entry, linked_pair.exit
    assert ask(entry, "DELETE", "/v1/peers/self", peer=exit_.id).status == 204
    gone = exit_.id
    wait_for(lambda: ask(exit_, "GET", "/v1/peers", token=entry.token()).status == 503, 5, "the exit without identity")
    refused = ask(entry, "GET", "/v1/services", peer=gone)
    assert refused.error == (422, "PEER_UNREACHABLE", HEADER)
    assert "has left the cluster" in refused.json()["error"]
    assert entry.get("/v1/services")["services"] == []


def test_a_peer_revokes_the_one_that_carries_the_request(linked_pair: Pair) -> None:
    """The link goes in the middle of its request. Both live on, and the client knows that it may have happened."""
    entry, exit_ = linked_pair.entry, linked_pair.exit
    answer = ask(entry, "DELETE", f"/v1/peers/{entry.id}", peer=exit_.id)
    assert answer.status == 204 or "may have been carried out" in answer.json()["error"], answer
    assert exit_.get(f"/v1/peers/{entry.id}")["state"] == "revoked"
    refused = ask(exit_, "GET", "/v1/services", peer=entry.id)
    assert refused.error == (422, "PEER_UNREACHABLE", HEADER)
    assert "has been revoked" in refused.json()["error"]
    assert ask(exit_, "GET", "/v1/services", token=entry.token()).error[:2] == (401, "UNAUTHORIZED")


# Load


def test_a_body_of_the_largest_size(linked: Pair) -> None:
    made = make_remote_service(linked)
    path = f"/v1/services/{made['id']}"
    routes = [{"dest_cidr": f"10.{i >> 8}.{i & 255}.0/24", "priority": 1} for i in range(12000)]
    body = json.dumps({"routes": routes}).encode()
    body += b" " * (1024 * 1024 - len(body))
    answer = linked.entry.api("POST", f"{path}/routes", body)
    assert answer.status == 201, answer
    assert answer.json()["count"] == len(routes)
    assert linked.entry.api("POST", f"{path}/routes", body + b" ").error[:2] == (413, "BODY_TOO_LARGE")
    assert len(linked.entry.get(f"{path}/routes")["routes"]) == len(routes)
    assert linked.entry.api("DELETE", path).status == 204


@pytest.mark.slow
def test_a_long_answer_over_a_slow_path(linked_pair: Pair) -> None:
    """It takes longer than the answer to a ping may: the link is busy, not dead."""
    entry, exit_ = linked_pair.entry, linked_pair.exit
    made = make_remote_service(linked_pair)
    path = f"/v1/services/{made['id']}/routes"
    routes = [{"dest_cidr": f"11.{i >> 8}.{i & 255}.0/24", "priority": 1} for i in range(12000)]
    assert entry.api("POST", path, {"routes": routes}).status == 201
    linked_pair.lab.wan.set(delay_ms=20, rate_mbit=2)
    with entry.connected(timeout=60) as connection:
        headers = {"Authorization": f"Bearer {entry.token()}", HEADER: exit_.id}
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
    assert response.status == 200, answer
    assert len(answer["routes"]) == 12000
    assert "unreachable" not in entry.log


def test_fifty_at_once(linked: Pair) -> None:
    """Each client makes a service at the owner and deletes it, on one connection."""
    headers = {"Authorization": f"Bearer {linked.entry.token()}", "Content-Type": "application/json"}
    body = {"source_peer_id": linked.exit.id, "target_peer_id": linked.entry.id, "transport_type": "tcp"}
    everybody = threading.Barrier(50)

    def make_and_delete(number: int) -> tuple[int, str, int]:
        with linked.entry.connected(timeout=60) as connection:
            everybody.wait(30)
            named = json.dumps({**body, "name": f"many-{number}"})
            connection.request("POST", "/v1/services", named, headers)
            response = connection.getresponse()
            made = json.loads(response.read())
            everybody.wait(60)
            connection.request("DELETE", f"/v1/services/{made['id']}", headers=headers)
            deleted = connection.getresponse()
            deleted.read()
            return response.status, made["name"], deleted.status

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        done = list(pool.map(make_and_delete, range(50)))
    assert done == [(201, f"many-{number}", 204) for number in range(50)]
    assert linked.exit.get("/v1/services")["services"] == []


def test_requests_that_name_nobody_leave_room_for_clients(linked_pair: Pair) -> None:
    """Whatever stands in their Authorization: for what is public nobody has looked at it."""
    entry, exit_ = linked_pair.entry, linked_pair.exit
    entry.token()
    assert exit_.process
    exit_.process.signal(signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        crowd = [pool.submit(ask, entry, "GET", "/livez", peer=exit_.id, token="of nobody") for _ in range(99)]
        try:
            wait_for(lambda: sum(item.done() for item in crowd) == 83, 10, "refusals of all but 16")
            one = pool.submit(ask, entry, "GET", "/v1/services", peer=exit_.id)
        finally:
            exit_.process.signal(signal.SIGCONT)
        assert one.result().status == 200
        answers = [item.result() for item in crowd]
    assert {answer.status for answer in answers} == {200, 422}
    assert sum(answer.status == 200 for answer in answers) == 16
