"""Members that carry requests, or answer them, as no agent would: bounded, refused, and of no harm to others."""

import concurrent.futures
import itertools
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, Answer, Pair, running_pair
from arctic_lab import Lab, wait_for
from control_peer import ControlPeer, control_peer

HEADER = "X-Arctic-Peer"


@pytest.fixture
def target(lab: Lab, build: Path) -> Iterator[Pair]:
    with running_pair(lab, build) as pair:
        yield pair


@pytest.fixture
def member(target: Pair, build: Path) -> Iterator[ControlPeer]:
    """On the exit's host, with a link to the entry."""
    with control_peer(target.lab.exit, build, target.license, target.lab.entry.address(4, "wan")) as peer:
        yield peer


def ask(agent: Agent, peer: ControlPeer, path: str = "/v1/services", method: str = "GET") -> Answer:
    headers = {"Authorization": f"Bearer {agent.token()}", HEADER: peer.id}
    with agent.connected(timeout=60) as connection:
        connection.request(method, path, None, headers)
        response = connection.getresponse()
        return Answer(response.status, dict(response.headers), response.read())


# Requests of a member


def test_requests_that_do_not_parse(target: Pair, member: ControlPeer) -> None:
    """One with a number is answered, one without is dropped, and the next good one is served."""
    for broken in (
        {"id": 1},
        {"id": 2, "method": "GET", "target": "/livez\r\nX: y"},
        {"id": 3, "method": "GET", "target": "/" + "a" * 5000},
        {"id": 4, "method": 7, "target": "/livez"},
        {"id": 5, "method": "GET", "target": "/livez", "body": {}},
    ):
        member.send({"type": "request", **broken})
        answer = member.receive_type("response")
        assert (answer["id"], answer["status"]) == (broken["id"], 400), answer
    for broken in ({}, {"id": 0}, {"id": -1}, {"id": "x"}, {"id": 2**60}):
        member.send({"type": "request", "method": "GET", "target": "/livez", **broken})
    member.send({"type": "response", "id": 77, "status": 200})
    member.send({"type": "response"})
    member.send({"type": "no such thing", "id": 1})
    member.ask(6, "GET", "/livez")
    answer = member.receive_type("response")
    assert (answer["id"], answer["status"]) == (6, 200), answer
    assert "carried request dropped" in target.entry.log


def test_a_revoked_member_is_cut_off(target: Pair, member: ControlPeer) -> None:
    """Its link ends at once, with what it could have asked over it."""
    reader = target.entry.token("services.read")
    member.ask(1, "GET", "/v1/services", reader)
    assert member.receive_type("response")["status"] == 200
    assert target.entry.api("DELETE", f"/v1/peers/{member.id}").status == 204
    while "closed" not in (message := member.receive()):
        assert message.get("type") != "response", message


def test_a_member_is_not_an_administrator(target: Pair, member: ControlPeer) -> None:
    """The link gives no authority: each request needs a client's token with the scope."""
    reader = target.entry.token("services.read")
    service = target.entry.create_service(target.exit)
    path = f"/v1/services/{service}"
    for number, (method, token, status) in enumerate(
        [("DELETE", None, 401), ("DELETE", "a.b.c", 401), ("DELETE", reader, 403), ("GET", reader, 200)], 1
    ):
        member.ask(number, method, path, token)
        assert member.receive_type("response")["status"] == status
    assert target.entry.api("GET", path).status == 200


def test_what_is_never_carried_is_not_taken(target: Pair, member: ControlPeer) -> None:
    """Bootstrap and tokens: not even from a peer that sends them all the same."""
    member.ask(1, "POST", "/v1/bootstrap", body="{}")
    assert "INVALID_REQUEST" in member.receive_type("response")["body"]
    client_id, secret = target.entry.credentials
    form = f"grant_type=client_credentials&client_id={client_id}&client_secret={secret}"
    member.ask(2, "POST", "/v1/oauth/token", body=form)
    answer = member.receive_type("response")
    assert (answer["status"], "not taken" in answer["body"]) == (400, True), answer


def test_a_body_over_the_limit(member: ControlPeer, target: Pair) -> None:
    member.ask(1, "POST", "/v1/services", target.entry.token(), body=" " * (1024 * 1024 + 1))
    answer = member.receive_type("response")
    assert (answer["status"], "BODY_TOO_LARGE" in answer["body"]) == (413, True)
    assert member.is_alive()


def test_a_flood(target: Pair, member: ControlPeer) -> None:
    """Every request has its answer, and others get theirs meanwhile."""
    count = 2000
    for number in range(1, count + 1):
        member.ask(number, "GET", "/v1/cluster/identity")
    assert target.entry.api("GET", "/v1/services").status == 200
    answers = [member.receive_type("response") for _ in range(count)]
    assert {answer["id"] for answer in answers} == set(range(1, count + 1))
    assert {answer["status"] for answer in answers} <= {200, 422}


def test_requests_that_take_long(target: Pair, member: ControlPeer) -> None:
    """64 are under way at a time, others are refused; a number in use is not taken again; an end of the link ends the wait."""
    token = target.entry.token()
    body = '{"address": "192.0.2.1:8080"}'
    target.lab.exit.ip("route add blackhole 192.0.2.0/24")
    target.lab.entry.add_route("192.0.2.0/24", via=target.lab.exit.address(4, "wan"))
    for number in range(1, 71):
        member.ask(number, "POST", "/v1/peers", token, body=body)
    refused = [member.receive_type("response") for _ in range(6)]
    assert [answer["id"] for answer in refused] == list(range(65, 71))
    assert all("try again" in answer["body"] for answer in refused)
    member.ask(1, "GET", "/livez")
    assert member.is_alive()
    assert "its number is in use" in target.entry.log
    member.end()
    assert target.entry.api("GET", "/v1/services").status == 200


def test_states_of_what_it_does_not_own(target: Pair, member: ControlPeer) -> None:
    """A member tells of its own services only, and nothing that is no state."""
    service = target.exit.create_service(target.entry)
    listed = "/v1/services"
    wait_for(lambda: target.entry.get(listed)["services"] != [], 5, "the service at the entry")
    for services in ({service: {"state": "error", "state_reason": "a lie"}}, {"x": {}}, {service: 1}, [], "x"):
        member.send({"type": "states", "services": services})
    assert member.is_alive()
    (told,) = target.entry.get(listed)["services"]
    assert told["state"] != "error" and "a lie" not in told["state_reason"]


# Answers of a member


def carried(target: Pair, member: ControlPeer, **arguments: Any) -> tuple[Any, dict[str, Any]]:
    """A request of a client of the entry that has come to the member: what will be its answer, and the message."""
    pool = concurrent.futures.ThreadPoolExecutor(1)
    task = pool.submit(ask, target.entry, member, **arguments)
    pool.shutdown(wait=False)
    return task, member.receive_type("request")


def test_what_is_told_to_the_owner(target: Pair, member: ControlPeer) -> None:
    task, request = carried(target, member, path="/v1/services?source_peer_id=x%20y")
    assert request["target"] == "/v1/services?source_peer_id=x%20y"
    assert request["authorization"] == f"Bearer {target.entry.token()}"
    assert set(request) == {"type", "id", "method", "target", "authorization"}
    member.answer(request["id"], 418, '{"a":1}')
    answer = task.result(10)
    assert (answer.status, answer.body) == (418, b'{"a":1}')
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "broken",
    [
        {"status": 99},
        {"status": 1000},
        {"status": None},
        {"content_type": "text/plain\r\nSet-Cookie: a=b"},
        {"content_type": "x" * 200},
        {"body": {}},
    ],
)
def test_answers_that_make_no_sense(target: Pair, member: ControlPeer, broken: dict[str, Any]) -> None:
    task, request = carried(target, member)
    member.send({"type": "response", "id": request["id"], "status": 200, **broken})
    answer = task.result(10)
    assert answer.error[:2] == (422, "PEER_UNREACHABLE")
    assert "control-peer" in answer.json()["error"]


def test_answers_to_other_questions(target: Pair, member: ControlPeer) -> None:
    """Too early, too late, twice, or to somebody else's."""
    task, request = carried(target, member)
    for number in (request["id"] - 1, request["id"] + 1, 2**53):
        member.answer(number, 500)
    member.answer(request["id"], 200, '{"right":1}')
    member.answer(request["id"], 500)
    assert task.result(10).body == b'{"right":1}'
    with control_peer(
        target.lab.exit, target.build, target.license, target.lab.entry.address(4, "wan")
    ) as other:
        task, request = carried(target, member)
        other.answer(request["id"], 500)
        assert other.is_alive()
        member.answer(request["id"], 200, '{"right":2}')
        assert task.result(10).body == b'{"right":2}'


def test_a_link_that_ends_before_the_answer(target: Pair, member: ControlPeer) -> None:
    task, _ = carried(target, member, method="DELETE", path="/v1/services/svc_01ARZ3NDEKTSV4RRFFQ69G5FAV")
    member.end()
    answer = task.result(5)
    assert answer.error[:2] == (422, "PEER_UNREACHABLE")
    assert "may have been carried out" in answer.json()["error"]


@pytest.mark.slow
def test_no_answer_at_all(target: Pair, member: ControlPeer) -> None:
    """The member lives on and pings, and says nothing to the question."""
    task, _ = carried(target, member)

    def over() -> bool:
        assert member.is_alive()
        return bool(task.done())

    wait_for(over, 40, "the deadline")
    answer = task.result()
    assert answer.error[:2] == (422, "PEER_UNREACHABLE")
    assert "25 s" in answer.json()["error"]


def test_strangers_have_a_share(target: Pair, member: ControlPeer) -> None:
    """Whoever has no token takes few of the places, so that those who have one find room."""
    headers = {HEADER: member.id}
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        tasks = [pool.submit(target.entry.request, "GET", "/livez", None, headers) for _ in range(40)]
        requests = [member.receive_type("request") for _ in range(16)]
        # All of them, before an answer makes room for one that comes late.
        for refused in itertools.islice(concurrent.futures.as_completed(tasks, 10), 24):
            assert refused.result().error[:2] == (422, "PEER_UNREACHABLE")
        mine, request = carried(target, member)
        member.answer(request["id"], 200, "{}")
        assert mine.result(10).status == 200
        for request in requests:
            member.answer(request["id"], 200, "{}")
        assert sum(task.result(10).status == 200 for task in tasks) == 16
    with pytest.raises(queue.Empty):
        member.receive_type("request", 0.2)


def test_a_large_answer(target: Pair, member: ControlPeer) -> None:
    """Tens of megabytes come through as they are."""
    body = '{"x":"' + "y" * (20 * 1024 * 1024) + '"}'
    task, request = carried(target, member)
    member.answer(request["id"], 200, body)
    answer = task.result(20)
    assert answer.status == 200
    assert answer.body == body.encode()
