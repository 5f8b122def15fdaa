"""What a hostile member gets out of live agents, which is nothing, and changes, which is its own."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from access import ask_for_token, create_client
from agents import Agent
from arctic_lab import wait_for
from control_peer import ControlPeer, control_peer
from hostile import (
    HASH,
    HOUR,
    Record,
    Scene,
    cluster,
    frame,
    get_record,
    new_id,
    now,
    scene,
    shared,
    without,
    write_key,
)

__all__ = ["cluster", "scene", "shared"]  # fixtures

# What a member sends, made from a scene, and what the log says of it.
Lie = Callable[[Scene], Record]
LIES: dict[str, tuple[Lie, str]] = {
    "another's record, signed by the member": (
        lambda s: s.member.sign({**s.service, "version": now()}),
        "signature",
    ),
    "another's record, as its own": (
        lambda s: s.member.sign({**s.service, "version": now(), "owner": s.member.id}),
        "another source peer",
    ),
    "another's tombstone": (
        lambda s: s.member.sign({**s.credential, "version": now(), "deleted": True, "body": {}}),
        "signature",
    ),
    "another's departure": (
        lambda s: s.member.sign(
            {
                "kind": "peer",
                "id": s.witness.id,
                "owner": s.witness.id,
                "version": now(),
                "deleted": True,
                "updated_at": now(),
                "body": {"public_key": s.member.public_key},
            }
        ),
        "signature",
    ),
    "the agent's own record": (
        lambda s: s.member.sign({**s.service, "id": new_id("svc"), "owner": s.victim.id}),
        "signature",
    ),
    "the agent's own departure": (
        lambda s: s.member.sign(
            {**s.service, "kind": "peer", "id": s.victim.id, "owner": s.victim.id, "deleted": True, "body": {}}
        ),
        "none of this host's own",
    ),
    "a service in the place of a credential": (
        lambda s: s.member.sign({**s.own(s.service), "kind": "credential"}),
        "svc_",
    ),
    "a record that was changed on its way": (lambda s: {**s.own(s.credential), "version": now() + 5}, "signature"),
    "a date an hour ahead": (lambda s: s.own(s.credential, updated_at=now() + HOUR), "dated in the future"),
    "version 0": (lambda s: s.own(s.credential, version=0), "version"),
    "a version that is a text": (lambda s: s.own(s.credential, version="1"), "version"),
    "a body that is a list": (lambda s: {**s.own(s.credential), "body": []}, "body"),
    "a member too many": (lambda s: {**s.own(s.credential), "comment": "x"}, "comment"),
    "no signature": (lambda s: without(s.own(s.credential), "signature"), "signature"),
    "a name that is too long": (lambda s: s.own(s.service, body={"name": "x" * 300}), "name"),
    "a scope that is none": (lambda s: s.own(s.credential, body={"scope": "root"}), "root"),
    "a transport that is none": (lambda s: s.own(s.service, body={"transport_type": "pigeon"}), "pigeon"),
    "another's service in the body": (
        lambda s: s.member.sign(
            {**s.own(s.service), "body": {**s.service["body"], "source_peer_id": s.member.id}}
        ),
        "another id",
    ),
    "a network with host bits": (
        lambda s: s.own(s.service, body={"routes": [{"id": 1, "dest_cidr": "10.1.2.3/8", "priority": 1}]}),
        "10.1.2.3/8",
    ),
    "a body full of nothing": (lambda s: s.own(s.credential, body={"padding": "x" * 100_000}), "16384 are the limit"),
    "a tombstone full of nothing": (
        lambda s: s.own(s.credential, deleted=True, body={"padding": "x" * 100_000}),
        "16384 are the limit",
    ),
    "a revocation of itself": (lambda s: revocation(s.member, s.member.id, s.member.public_key), "revoke itself"),
    "a revocation that is taken back": (
        lambda s: s.member.sign({**revocation(s.member, s.witness.id, HASH), "deleted": True, "body": {}}),
        "is not taken back by anyone",
    ),
}


def revocation(member: ControlPeer, peer_id: str, public_key: str, id: str = "") -> Record:
    id = id or new_id("rev")
    body = {"id": id, "peer_id": peer_id, "public_key": public_key, "created_at": 1}
    head = {"kind": "revocation", "id": id, "owner": member.id, "version": now(), "deleted": False, "updated_at": now()}
    return member.sign({**head, "body": body})


@pytest.mark.slow
def test_the_log_says_what_was_refused(scene: Scene) -> None:
    messages = {name: ({"type": "records", "records": [lie(scene)]}, told) for name, (lie, told) in LIES.items()}
    for name, (message, told) in {**messages, **MESSAGES}.items():

        def said(message: Record = message, told: str = told) -> bool:
            """Once a second it is logged, so that the member says it again."""
            scene.member.send(message)
            assert scene.member.is_alive()
            return any(told in line for line in scene.refused())

        wait_for(said, 5, f"a refusal of {name} in the log")


def test_records_that_lie_change_nothing(scene: Scene) -> None:
    before = scene.hash()
    for name, (lie, _) in LIES.items():
        scene.tell(lie(scene))
        assert scene.member.is_alive() and scene.hash() == before, name
    # One bad record takes no good one along.
    good = scene.own(scene.credential)
    scene.tell({}, 7, LIES["no signature"][0](scene), good, scene.member.sign({**scene.service, "version": now()}))
    wait_for(lambda: scene.hash() != before, 5, "the good one")
    wait_for(lambda: scene.cluster.agree(0, 1), 5, "the good one at the witness")
    credentials = scene.witness.get("/v1/credentials")["credentials"]
    assert good["id"] in [item["client_id"] for item in credentials]
    assert not any(line["level"] == "error" for line in map(json.loads, scene.victim.log.splitlines()))


def test_the_log_is_not_filled(scene: Scene) -> None:
    """A thousand lies within seconds are a line in each, which says how many there were."""
    lie = LIES["another's record, signed by the member"][0](scene)
    started_at = time.monotonic()
    before = len(scene.refused())
    for _ in range(1000):
        scene.tell(lie)
    assert scene.member.is_alive()
    assert len(scene.refused()) - before <= time.monotonic() - started_at + 2


def test_old_and_reordered_records_change_nothing(scene: Scene) -> None:
    first = scene.own(scene.credential)
    before = scene.hash()
    older, newer, gone = (
        scene.member.sign({**first, "version": first["version"] + number, "deleted": deleted, "body": body})
        for number, deleted, body in ((-2, False, first["body"]), (-1, False, first["body"]), (0, True, {}))
    )
    scene.tell(newer)
    assert scene.member.is_alive()
    held = scene.hash()
    assert held != before
    for _ in range(3):
        scene.tell(older, newer, older)
    assert scene.member.is_alive() and scene.hash() == held
    scene.tell(gone)
    assert scene.member.is_alive() and scene.hash() != held
    held = scene.hash()
    scene.tell(older, newer)
    assert scene.member.is_alive() and scene.hash() == held
    # A tombstone of what nobody has seen, and then what it buries.
    never, buried = (
        scene.member.sign({**record, "id": id, "body": body})
        for id in [new_id("cli")]
        for record, body in ((gone, {}), (newer, {**newer["body"], "client_id": id}))
    )
    scene.tell(never)
    assert scene.member.is_alive() and scene.hash() != held
    held = scene.hash()
    scene.tell(buried)
    assert scene.member.is_alive() and scene.hash() == held
    # The last version that there is is the member's own affair.
    last = scene.own(scene.credential, version=2**63 - 1)
    scene.tell(last)
    assert scene.member.is_alive() and scene.hash() != held
    held = scene.hash()
    scene.tell(scene.member.sign({**last, "version": 2**63 - 2, "deleted": True, "body": {}}))
    assert scene.member.is_alive() and scene.hash() == held
    wait_for(lambda: scene.cluster.agree(0, 1), 5, "equal hashes")


def digests_told(agent: Agent) -> int:
    """Two in each round."""
    (line,) = (
        line
        for line in agent.api("GET", "/metrics", token=None).text.splitlines()
        if line.startswith('arctic_gossip_messages_total{type="digest",direction="sent"}')
    )
    return int(line.split()[-1])


def test_an_id_that_is_taken_is_not_taken_away(scene: Scene) -> None:
    """Who has seen an id may sign something of its own under it, which takes the place of nothing."""
    path = f"/v1/services/{scene.service['id']}"
    name = scene.witness.get(path)["name"]
    body = {**scene.service["body"], "name": name, "source_peer_id": scene.member.id}
    before = scene.hash()
    stolen = scene.member.sign({**scene.service, "owner": scene.member.id, "version": now(), "body": body})
    scene.tell(stolen)
    assert scene.member.is_alive() and scene.hash() != before
    wait_for(lambda: scene.cluster.agree(0, 1), 5, "equal hashes")
    # Of two services with one name the younger yields, in the round after it has been heard of: not the one that was there.
    told = digests_told(scene.witness)
    wait_for(lambda: digests_told(scene.witness) >= told + 4, 10, "two rounds")
    for agent in (scene.victim, scene.witness):
        assert agent.get(path)["source_peer_id"] == scene.witness.id
        assert agent.get(path)["name"] == name
    assert scene.victim.api("PUT", path, {"name": "still-mine"}).status == 200
    assert scene.witness.get(path)["name"] == scene.victim.get(path)["name"] == "still-mine"
    scene.tell(scene.member.sign({**stolen, "version": now() + 1, "deleted": True, "body": {}}))
    assert scene.member.is_alive()
    assert scene.victim.get(path)["name"] == "still-mine"
    wait_for(lambda: scene.cluster.agree(0, 1), 5, "equal hashes")


def test_records_of_a_peer_that_nobody_has_met(scene: Scene, build: Path) -> None:
    """Hearsay: they wait for the record of their owner, and its clients are let in nowhere."""
    agent = scene.victim
    with control_peer(
        scene.cluster.guests["mallory"], build, scene.cluster.license, agent.host.ipv4, "--stranger"
    ) as other:
        client = scene.own(scene.credential)
        secret = create_client(agent, "admin")
        known = get_record(scene.member, "credential", secret["client_id"])["body"]["secret_hash"]
        client = other.sign({**client, "owner": other.id, "body": {**client["body"], "secret_hash": known}})
        before = scene.hash()
        scene.tell(client)
        assert scene.member.is_alive() and scene.hash() == before
        scene.tell(other.hello["peer"])
        assert scene.member.is_alive() and scene.hash() != before
        before = scene.hash()
        scene.tell(client)
        assert scene.member.is_alive() and scene.hash() != before
        stolen = {"client_id": client["id"], "client_secret": secret["client_secret"]}
        assert ask_for_token(agent, stolen).status == 401
        assert agent.get(f"/v1/peers/{other.id}")["state"] == "discovered"
        assert agent.api("DELETE", f"/v1/peers/{other.id}").status == 204
        assert agent.api("DELETE", f"/v1/credentials/{secret['client_id']}").status == 204


def test_a_member_evades_no_revocation(scene: Scene, build: Path) -> None:
    """Neither by another key in its record, nor behind a second id, nor by what it has revoked."""
    victim, member = scene.victim, scene.member
    own = get_record(member, "peer", member.id)
    before = scene.hash()
    for changes in ({"body": {**own["body"], "public_key": HASH}}, {"deleted": True, "body": {"public_key": HASH}}):
        moved = member.sign({**own, "version": now(), **changes})
        wait_for(lambda: scene.tell(moved) or any("another key" in line for line in scene.refused()), 5, "a refusal")
    assert scene.hash() == before
    # A revocation of a key that nobody has.
    of_nobody = revocation(member, new_id("peer"), HASH)
    scene.tell(of_nobody)
    assert member.is_alive() and scene.hash() != before
    before = scene.hash()
    scene.tell(member.sign({**of_nobody, "version": now() + 1, "deleted": True, "body": {}}))
    assert member.is_alive() and scene.hash() == before
    # With another key it is another one.
    scene.tell(revocation(member, scene.witness.id, "B" + HASH[1:], of_nobody["id"]))
    assert member.is_alive() and scene.hash() != before
    assert get_record(member, "revocation", of_nobody["id"])["owner"] == member.id

    alias = "peer_00000000000000000000000000"[:-6] + member.id[-6:]
    assert alias < member.id
    scene.tell(member.sign({**own, "id": alias, "owner": alias, "body": {**own["body"], "id": alias, "name": "alias"}}))
    wait_for(lambda: victim.api("GET", f"/v1/peers/{alias}").status == 200, 5, "the second id")
    mine = scene.own(scene.service)
    scene.tell(mine)
    wait_for(lambda: victim.api("GET", f"/v1/services/{mine['id']}").status == 200, 5, "its service")
    assert victim.api("DELETE", f"/v1/peers/{alias}").status == 204
    member.hear_to_end()
    for agent in (victim, scene.witness):
        wait_for(lambda agent=agent: agent.api("GET", f"/v1/services/{mine['id']}").status == 404, 5, "it is gone")
        listed = {peer["id"] for peer in agent.get("/v1/peers")["peers"]}
        assert not listed & {alias, member.id}


# Messages as a whole: what is sent, and what the log says of it.
OFFER = ["service", new_id("svc"), HASH, now(), False, HASH, 1000]
MESSAGES: dict[str, tuple[Record, str]] = {
    "a digest that is a number": ({"type": "digest", "root": 7}, "must be a text"),
    "a node that is none": ({"type": "nodes", "nodes": {"xyz": HASH}}, "no node of a tree"),
    "nodes that are a list": ({"type": "nodes", "nodes": []}, "nodes must be"),
    "too many nodes": ({"type": "nodes", "nodes": {f"{number:03x}": HASH for number in range(300)}}, "at most 256"),
    "5,000 summaries": ({"type": "items", "items": [OFFER] * 5000}, "at most 4096"),
    "a summary without a hash": ({"type": "items", "items": [OFFER[:5]]}, "summary of a record"),
    "a summary of another kind": ({"type": "items", "items": [["peer", *OFFER[1:]]]}, "summary of a record"),
    "a size that is none": ({"type": "items", "items": [[*OFFER[:6], 2**40]]}, "summary of a record"),
    "5,000 wishes": ({"type": "want", "items": [OFFER[:2]] * 5000}, "at most 4096"),
    "a wish for nothing": ({"type": "want", "items": [{}]}, "[kind, id]"),
    "records that are none": ({"type": "records", "records": {}}, "must be a list"),
    "600 records": ({"type": "records", "records": [{}] * 600}, "at most 512"),
}


def test_messages_that_make_no_sense(scene: Scene) -> None:
    before = scene.hash()
    for name, (message, _) in MESSAGES.items():
        scene.member.send(message)
        assert scene.member.is_alive() and scene.hash() == before, name
    for ignored in ({"type": 7}, {}, {"type": "unheard of"}, {"type": "pong", "registry_hash": 7}, {"type": "states"}):
        scene.member.send(ignored)
    assert scene.member.is_alive() and scene.hash() == before


BROKEN: dict[str, tuple[bytes, str]] = {
    "text that is cut": (frame(b'{"type":"digest","root":'), "not valid JSON"),
    "text that is a list": (frame(b"[]"), "must be one object"),
    "text that is no UTF-8": (frame(b'{"type":"\xff"}'), "not valid JSON"),
    "two members of one name": (frame(b'{"type":"want","type":"digest"}'), "not valid JSON"),
    "a version of 2^63": (frame(b'{"type":"records","version":9223372036854775808}'), "not valid JSON"),
    "deep nesting": (frame(b'{"type":' + b"[" * 5000 + b"]" * 5000 + b"}"), "not valid JSON"),
    "a length over 32 MiB": (frame(b"", 32 * 1024 * 1024 + 1), "over the limit"),
    "a length of 4 GiB": (frame(b"", 2**32 - 1), "over the limit"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_link_that_breaks_the_protocol_ends(scene: Scene, name: str) -> None:
    data, told = BROKEN[name]
    before = scene.hash()
    scene.member.send_bytes(data)
    scene.member.hear_to_end()
    assert scene.hash() == before
    # At the level of debugging each is logged; as a warning one a second is.
    lines = [json.loads(line) for line in scene.victim.log.splitlines()]
    assert [line for line in lines if line.get("peer_id") == scene.member.id and told in line.get("error", "")]


def test_offers_that_lie(scene: Scene) -> None:
    """What is offered and never given changes nothing, and keeps nobody from getting the true one."""
    before = scene.hash()
    item = [*OFFER[:3], now(), False, HASH, 32 * 1024 * 1024]
    of_witness = ["service", scene.service["id"], HASH, 2**62, False, HASH, 32 * 1024 * 1024]
    scene.member.send({"type": "items", "items": [item, of_witness]})
    wanted = scene.member.receive_type("want")["items"]
    # Not of both at once: that would be more than is asked of one peer at a time.
    assert wanted in ([item[:2]], [of_witness[:2]])
    scene.member.send({"type": "items", "items": [[*OFFER[:1], new_id("svc"), *item[2:]] for _ in range(4000)]})
    scene.member.send({"type": "items", "paths": [""] * 256, "items": []})
    scene.member.send({"type": "nodes", "nodes": {f"{number:x}": HASH for number in range(16)}})
    assert scene.member.is_alive() and scene.hash() == before
    service = scene.witness.create_service(scene.victim)
    wait_for(lambda: scene.victim.api("GET", f"/v1/services/{service}").status == 200, 5, "a true service")
    path = f"/v1/services/{scene.service['id']}"
    name = service[-8:]
    assert scene.witness.api("PUT", path, {"name": name}).status == 200
    wait_for(lambda: scene.victim.get(path)["name"] == name, 5, "the true version")
    assert scene.witness.api("DELETE", f"/v1/services/{service}").status == 204


def test_too_many_routes(scene: Scene) -> None:
    before = scene.hash()
    routes = [{"id": number + 1, "dest_cidr": "10.0.0.0/8", "priority": 1} for number in range(200_001)]
    scene.tell(scene.own(scene.service, body={"routes": routes, "next_route_id": 200_002}))
    assert scene.member.is_alive()
    assert scene.hash() == before
    assert any("200000" in line or "200,000" in line for line in scene.refused())


def test_wishes_for_everything_again_and_again(scene: Scene) -> None:
    """The agent goes on to serve, and what it holds ready for the member is bounded."""
    for _ in range(20):
        scene.member.send({"type": "want", "items": [["service", scene.service["id"]]] * 4096})
        scene.member.send({"type": "digest", "root": HASH})
    started_at = time.monotonic()
    assert scene.victim.request("GET", "/livez").status == 200
    assert time.monotonic() - started_at < 5
    scene.hash()
    assert scene.member.is_alive()


@pytest.mark.timing
def test_memory_is_bounded(scene: Scene) -> None:
    """A member that asks for all and reads nothing."""
    routes = [{"id": number + 1, "dest_cidr": "10.0.0.0/8", "priority": 1} for number in range(200)]
    large = scene.own(scene.service, body={"routes": routes, "next_route_id": 201})
    scene.tell(large)
    assert scene.member.is_alive()
    before = scene.victim.resident_bytes
    for _ in range(8):
        scene.member.send({"type": "want", "items": [["service", large["id"]]] * 4096})
    scene.member.pause()
    wait_for(lambda: scene.victim.request("GET", "/livez").status == 200, 10, "an agent that serves")
    assert scene.victim.resident_bytes - before < 200 * 1024 * 1024


def test_a_link_that_ends_takes_no_answers_of_others_along(scene: Scene, build: Path) -> None:
    """A member's new link ends its former one while another member waits for an answer."""
    key = scene.cluster.directory / "twice.key"
    id = new_id("peer")
    write_key(key)
    options = ("--key", str(key), "--id", id)
    place = (scene.cluster.guests["mallory"], build, scene.cluster.license, scene.victim.host.ipv4)
    with control_peer(*place, *options) as former:
        # Nobody listens there: three tries with half a second in between.
        body = json.dumps({"address": "127.0.0.1:1"})
        scene.member.ask(1, "POST", "/v1/peers", scene.victim.token(), body=body)
        with control_peer(*place, *options) as newest:
            former.hear_to_end()
            answer = scene.member.receive_type("response")
            assert json.loads(answer["body"])["code"] == "PEER_UNREACHABLE"
            assert newest.is_alive()
    assert scene.victim.api("DELETE", f"/v1/peers/{id}").status == 204
