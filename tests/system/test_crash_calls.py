"""
An agent that dies at each single call that changes what is on disk, in each kind of change. The change is begun anew with the next call
as the last one until it comes through; after each death the agent starts, what was acknowledged is there, what was not is there as a
whole or not at all, and the cluster agrees.
"""

import http.client
import json
import signal
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from agents import API_PORT, NO_BODY, Agent, issue_license
from arctic_lab import Port, Topology, wait_for
from crashing import AFTER_SYNC, BEFORE_ANY, BEFORE_SYNC, Crashes, Death, MortalAgent, until_it_lives

TERMS = ("--max-nodes", "1000", "--max-services", "1000", "--days", "365")
AT_SYNCS = [pytest.param(AFTER_SYNC, id="after-a-sync"), pytest.param(BEFORE_SYNC, id="before-a-sync", marks=pytest.mark.slow)]
at_syncs = pytest.mark.parametrize("crashes", AT_SYNCS)
at_all_calls = pytest.mark.parametrize(
    "crashes", [*AT_SYNCS, pytest.param(BEFORE_ANY, id="before-any-change-on-disk", marks=pytest.mark.slow)]
)


class Trio:
    """Three agents on a LAN: one that dies, one that is its peer, and a third that comes and goes."""

    def __init__(self, topology: Topology, build: Path) -> None:
        ports = [Port(topology.host(f"a{number}"), "lan", (f"10.5.0.{number}/24",)) for number in (1, 2, 3)]
        topology.lan("switch", *ports)
        self._directory = topology.directory / "agents"
        self._build = build
        self._number = 0
        self.first, self.second, self.third = (self.new(port.host) for port in ports)
        self.license = topology.directory / "license.json"
        issue_license(build, self.first, self.license, *TERMS)
        self.customer = str(json.loads(self.license.read_text())["customer_id"])

    def new(self, host: Any) -> MortalAgent:
        """An agent without a past."""
        self._number += 1
        return MortalAgent(host, self._build, self._directory / str(self._number))

    def later_license(self) -> Any:
        path = self.license.with_name("later.json")
        path.unlink(missing_ok=True)
        issue_license(self._build, self.first, path, "--customer", self.customer, *TERMS)
        return json.loads(path.read_text())

    def join(self, *agents: MortalAgent) -> None:
        """Starts and bootstraps what does not run, and makes all of them peers of the first one."""
        for agent in agents:
            if not agent.process:
                agent.start()
                agent.bootstrap(self.license)
        for agent in agents[1:]:
            agents[0].add_peer(agent, agent.host.ipv4)
        self.agree(*agents)

    def agree(self, *agents: MortalAgent) -> None:
        """Waits until these agents hold the same records and reach each other."""

        def agreed() -> bool:
            told = [agent.get("/v1/cluster/status") for agent in agents]
            reached = all(self._reaches(status, agents) for status in told)
            return reached and len({status["registry_hash"] for status in told}) == 1

        wait_for(agreed, 20, f"agreement of {', '.join(agent.name for agent in agents)}")

    @staticmethod
    def _reaches(status: Any, agents: tuple[MortalAgent, ...]) -> bool:
        reached = {peer["id"] for peer in status["peers"] if peer["reachable"]}
        return {agent.id for agent in agents} <= reached | {status["peer_id"]}

    def replace_third(self) -> None:
        """A new agent in the place of the third."""
        if self.third.process:
            self.third.stop()
        self.third = self.new(self.third.host)

    def stop(self) -> None:
        """Ends those that run."""
        for agent in (self.first, self.second, self.third):
            agent.end()


@contextmanager
def trio(build: Path) -> Iterator[Trio]:
    with Topology() as topology:
        agents = Trio(topology, build)
        yield agents
        agents.stop()


@pytest.fixture
def apart(build: Path) -> Iterator[Trio]:
    """None of them runs."""
    with trio(build) as agents:
        yield agents


@pytest.fixture
def pair(build: Path) -> Iterator[Trio]:
    """First and second are a cluster."""
    with trio(build) as agents:
        agents.join(agents.first, agents.second)
        yield agents


@at_all_calls
def test_first_start(apart: Trio, crashes: Crashes) -> None:
    """Dead in its first start: the second one begins anew."""

    def attempt(number: int) -> Death:
        agent = apart.first = apart.new(apart.first.host)
        with agent.dying(crashes, number) as death:
            agent.start_dying()
        assert agent.api("GET", "/v1/cluster/identity", token=None).error[1] == "NOT_BOOTSTRAPPED"
        agent.bootstrap(apart.license)
        agent.stop()
        return death

    assert until_it_lives(attempt) >= 3


@at_all_calls
def test_bootstrap(apart: Trio, crashes: Crashes) -> None:
    """An identity as a whole, whose administrator may have to use the recovery token, or none, and room for one."""
    license = json.loads(apart.license.read_text())

    def attempt(number: int) -> Death:
        agent = apart.first = apart.new(apart.first.host)
        agent.start()
        body = {"license": license, "name": "new", "description": "fresh"}
        with agent.dying(crashes, number) as death:
            answer = agent.ask("POST", "/v1/bootstrap", body, None)
        identity = agent.api("GET", "/v1/cluster/identity", token=None)
        if answer:
            assert identity.json()["peer_id"] == answer.json()["peer_id"]
            made = (answer.json()["client_id"], answer.json()["client_secret"])
        elif identity.status == 200:
            made = recover(agent)
        else:
            assert identity.error[1] == "NOT_BOOTSTRAPPED"
            told = agent.api("POST", "/v1/bootstrap", body, None).json()
            made = (told["client_id"], told["client_secret"])
        token = take_token(agent, *made)
        (peer,) = agent.api("GET", "/v1/peers", token=token).json()["peers"]
        assert (peer["name"], peer["description"]) == ("new", "fresh")
        assert agent.api("GET", "/v1/license", token=token).json()["license_id"] == license["license_id"]
        assert [item["name"] for item in agent.api("GET", "/v1/credentials", token=token).json()["credentials"]].count("bootstrap") == 1
        agent.stop()
        return death

    assert until_it_lives(attempt) >= 3


def recover(agent: Agent) -> tuple[str, str]:
    """A credential made with the recovery token."""
    file = agent.home / "recovered.json"
    token = agent.run_dir / "recovery.token"
    agent.cli("credentials", "create", "--url", "http://127.0.0.1:8080", "--scopes", "admin", "--out", str(file),
              "--recovery-token-file", str(token))
    told = json.loads(file.read_text())
    return told["client_id"], told["client_secret"]


def take_token(agent: Agent, client_id: str, client_secret: str) -> str:
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = agent.request("POST", "/v1/oauth/token", urllib.parse.urlencode(form).encode(), headers)
    assert answer.status == 200, answer
    return str(answer.json()["access_token"])


@at_all_calls
def test_later_starts(pair: Trio, crashes: Crashes) -> None:
    """A start with records, peers and a log of the database to read: all is there after it, and the peer is met again."""
    agent = pair.first
    service = agent.create_service(pair.second)
    agent.add_route(service, dest="10.9.0.0/24")

    def attempt(number: int) -> Death:
        agent.kill()
        with agent.dying(crashes, number) as death:
            agent.start_dying()
        assert [route["dest_cidr"] for route in agent.service(service)["routes"]] == ["10.9.0.0/24"]
        pair.agree(agent, pair.second)
        return death

    until_it_lives(attempt)


@at_all_calls
def test_clean_stop(pair: Trio, crashes: Crashes) -> None:
    """The end of a clean stop is a change on disk, too."""
    agent = pair.first

    def attempt(number: int) -> Death:
        name = agent.cli_json("services", "create", "--target-peer", pair.second.id)["name"]
        with agent.dying(crashes, number) as death:
            process = agent.process
            assert process
            code = process.stop(20)
            assert code == (-signal.SIGKILL if agent.killed else 0)
        if not death.came:
            agent.process = None
            agent.start()
        assert name in [item["name"] for item in agent.get("/v1/services")["services"]]
        pair.agree(agent, pair.second)
        return death

    assert until_it_lives(attempt) >= 1


@at_all_calls
@pytest.mark.parametrize("mortal", ["first", "second"])
def test_adding_a_peer(apart: Trio, crashes: Crashes, mortal: str) -> None:
    """Who adds dies, or who is added: both are peers of each other, or become it by the same request."""

    def attempt(number: int) -> Death:
        apart.stop()
        first = apart.first = apart.new(apart.first.host)
        second = apart.second = apart.new(apart.second.host)
        # The second is bootstrapped before the first, whose cluster id therefore gives way.
        for agent in (second, first):
            agent.start()
            agent.bootstrap(apart.license)
        body = {"address": f"{second.host.ipv4}:{API_PORT}"}
        with getattr(apart, mortal).dying(crashes, number) as death:
            answer = first.ask("POST", "/v1/peers", body)
        if not answer:
            assert first.api("POST", "/v1/peers", body).status == 201
        apart.agree(first, second)
        one_cluster = lambda: len({agent.get("/v1/cluster/identity")["cluster_id"] for agent in (first, second)}) == 1  # noqa: E731
        wait_for(one_cluster, 10, "one cluster id")
        return death

    assert until_it_lives(attempt) >= 1


@dataclass
class Change:
    """A request, and whether an agent holds what it asks for; `done` is false before it."""

    method: str
    path: str
    body: Any
    done: Callable[[Agent], bool]
    acknowledged: Callable[[Any], None] = lambda _: None


def services(agent: Agent) -> dict[str, Any]:
    return {item["id"]: item for item in agent.get("/v1/services")["services"]}


def clients(agent: Agent) -> dict[str, Any]:
    return {item["client_id"]: item for item in agent.get("/v1/credentials")["credentials"]}


def made_service(trio: Trio, name: str) -> str:
    service = trio.first.create_service(trio.second, "--name", name)
    trio.agree(trio.first, trio.second)
    return service


def create_service(trio: Trio, name: str) -> Change:
    body = {"name": name, "source_peer_id": trio.first.id, "target_peer_id": trio.second.id, "transport_type": "tcp"}
    return Change("POST", "/v1/services", body, lambda agent: name in [item["name"] for item in services(agent).values()])


def update_service(trio: Trio, name: str) -> Change:
    """Name and limit, of which there must not be one alone."""
    service = made_service(trio, f"{name}-before")

    def done(agent: Agent) -> bool:
        told = services(agent)[service]
        state = (told["name"], told["bandwidth_limit_mbps"])
        assert state in ((f"{name}-before", 0), (name, 7)), state
        return bool(state[1])

    return Change("PUT", f"/v1/services/{service}", {"name": name, "bandwidth_limit_mbps": 7}, done)


def add_routes(trio: Trio, name: str) -> Change:
    """Three at once, and never one or two."""
    service = made_service(trio, name)
    routes = [{"dest_cidr": f"10.9.{number}.0/24", "priority": 5} for number in range(3)]

    def done(agent: Agent) -> bool:
        told = agent.service(service)["routes"]
        assert len(told) in (0, 3), told
        return bool(told)

    return Change("POST", f"/v1/services/{service}/routes", {"routes": routes}, done)


def delete_route(trio: Trio, name: str) -> Change:
    service = made_service(trio, name)
    route = trio.first.add_route(service, dest="10.9.0.0/24")
    trio.agree(trio.first, trio.second)
    path = f"/v1/services/{service}/routes/{route}"
    return Change("DELETE", path, NO_BODY, lambda agent: not agent.service(service)["routes"])


def delete_service(trio: Trio, name: str) -> Change:
    service = made_service(trio, name)
    return Change("DELETE", f"/v1/services/{service}", NO_BODY, lambda agent: service not in services(agent))


def describe_peer(trio: Trio, name: str) -> Change:
    path = f"/v1/peers/{trio.first.id}"
    return Change("PUT", path, {"name": name, "description": name}, lambda agent: peer_is(agent, path, name))


def peer_is(agent: Agent, path: str, name: str) -> bool:
    told = agent.get(path)
    assert (told["name"] == name) == (told["description"] == name), told
    return bool(told["name"] == name)


def delete_credential(trio: Trio, name: str) -> Change:
    body = {"name": name, "scopes": ["services.read"]}
    client = trio.first.api("POST", "/v1/credentials", body).json()["client_id"]
    trio.agree(trio.first, trio.second)
    return Change("DELETE", f"/v1/credentials/{client}", NO_BODY, lambda agent: client not in clients(agent))


def rotate(trio: Trio, _: str) -> Change:
    """Acknowledged or not, the secret before it works on."""
    path = "/v1/cluster/credentials"
    former = trio.first.get(path)["rotated_at"]
    both = (trio.first, trio.second)

    def done(agent: Agent) -> bool:
        take_token(agent, *trio.first.credentials)
        return bool(agent.get(path)["rotated_at"] != former)

    def acknowledged(told: Any) -> None:
        for agent in both:
            take_token(agent, told["client_id"], told["client_secret"])

    return Change("POST", f"{path}/rotate", {}, done, acknowledged)


CARRIED = [create_service, update_service, add_routes, delete_route, delete_service, describe_peer, delete_credential, rotate]


def create_credential(trio: Trio, name: str) -> Change:
    def acknowledged(told: Any) -> None:
        for agent in (trio.first, trio.second):
            take_token(agent, told["client_id"], told["client_secret"])

    body = {"name": name, "scopes": ["services.read"]}
    known = lambda agent: name in [item["name"] for item in clients(agent).values()]  # noqa: E731
    return Change("POST", "/v1/credentials", body, known, acknowledged)


ALL = [*CARRIED, create_credential]


def attempt_change(trio: Trio, asked: MortalAgent, crashes: Crashes, change: Change, number: int) -> Death:
    """The first agent, whose the thing is, dies; who was asked may live and say so."""
    both = (trio.first, trio.second)
    assert not any(change.done(agent) for agent in both)
    with trio.first.dying(crashes, number) as death:
        answer = asked.ask(change.method, change.path, change.body)
    done = change.done(trio.first)
    assert done or not answer, f"{change.method} {change.path} was acknowledged and is not there"
    trio.agree(*both)
    assert [change.done(agent) for agent in both] == [done, done]
    if answer and answer.body:
        change.acknowledged(answer.json())
    return death


def die_in_changes(trio: Trio, asked: MortalAgent, crashes: Crashes, makers: list[Callable[[Trio, str], Change]]) -> None:
    for make in makers:
        print(make.__name__, end=": ")

        def attempt(number: int, make: Callable[[Trio, str], Change] = make) -> Death:
            name = f"{make.__name__.replace('_', '-')}-{number}"
            return attempt_change(trio, asked, crashes, make(trio, name), number)

        # Most writes are pages of one transaction and what the peers' links leave behind: every third of them will do.
        assert until_it_lives(attempt, 3 if crashes is BEFORE_ANY else 1) >= 1


@at_all_calls
def test_changes(pair: Trio, crashes: Crashes) -> None:
    die_in_changes(pair, pair.first, crashes, ALL)


@at_syncs
def test_changes_that_are_carried(pair: Trio, crashes: Crashes) -> None:
    """The owner dies; who was asked for it says that it does not know, or has the owner's word."""
    die_in_changes(pair, pair.second, crashes, CARRIED)


@at_syncs
def test_a_first_name(apart: Trio, crashes: Crashes) -> None:
    """A name that was not taken leaves room for the one that another agent's operator suggests; one that was taken does not."""

    def attempt(number: int) -> Death:
        apart.stop()
        first = apart.first = apart.new(apart.first.host)
        second = apart.second = apart.new(apart.second.host)
        for agent in (first, second):
            agent.start()
        first.bootstrap(apart.license)
        url = f"http://127.0.0.1:{API_PORT}"
        second.cli("bootstrap", "--url", url, "--license-file", str(apart.license))
        path = f"/v1/peers/{second.id}"
        with second.dying(crashes, number) as death:
            answer = second.ask("PUT", path, {"name": "own"})
        taken = second.get(path)["name"] == "own"
        assert taken or not answer
        body = {"address": f"{second.host.ipv4}:{API_PORT}", "name": "suggested"}
        assert first.api("POST", "/v1/peers", body).status == 201
        apart.agree(first, second)
        assert second.get(path)["name"] == ("own" if taken else "suggested")
        return death

    assert until_it_lives(attempt) >= 1


def holds(agent: Agent, change: Change) -> bool:
    try:
        return change.done(agent)
    except (OSError, http.client.HTTPException):
        return False


@at_syncs
def test_changes_that_are_received(pair: Trio, crashes: Crashes) -> None:
    """The peer dies that is told of a change: it holds it in the end."""
    first, second = pair.first, pair.second
    for make in ALL:
        print(make.__name__, end=": ")

        def attempt(number: int, make: Callable[[Trio, str], Change] = make) -> Death:
            change = make(pair, f"received-{make.__name__.replace('_', '-')}-{number}")
            with second.dying(crashes, number) as death:
                assert first.ask(change.method, change.path, change.body)
                wait_for(lambda: second.killed or holds(second, change), 10, "word of the change, or a death")
            pair.agree(first, second)
            assert change.done(first) and change.done(second)
            return death

        assert until_it_lives(attempt) >= 1


@pytest.mark.slow
@at_all_calls
def test_moving_the_log_into_the_database(pair: Trio, crashes: Crashes) -> None:
    """Changes of a large record until SQLite moves its write-ahead log into the database, once it has 1000 pages."""
    agent = pair.first
    service = agent.create_service(pair.second)
    routes = [{"dest_cidr": f"10.{number // 250}.{number % 250}.0/24", "priority": 9} for number in range(8000)]
    assert agent.api("POST", f"/v1/services/{service}/routes", {"routes": routes}).status == 201
    path = f"/v1/services/{service}"

    def attempt(number: int) -> Death:
        pair.agree(agent, pair.second)
        names = [f"name-{number}-{turn}" for turn in range(10)]
        held = agent.get(path)["name"]
        with agent.dying(crashes, number) as death:
            acknowledged = [name for name in names if agent.ask("PUT", path, {"name": name})]
        told = agent.service(service)
        last = [held, *acknowledged][-1]
        assert told["name"] in (last, *names[len(acknowledged) :][:1])
        assert told["route_count"] == len(told["routes"]) == len(routes)
        return death

    assert until_it_lives(attempt, 1 if crashes is not BEFORE_ANY else 293) >= 10


@at_all_calls
def test_new_license(pair: Trio, crashes: Crashes) -> None:
    agent = pair.first

    def attempt(number: int) -> Death:
        license = pair.later_license()
        former = agent.get("/v1/license")["license_id"]
        with agent.dying(crashes, number) as death:
            answer = agent.ask("PUT", "/v1/license", {"license": license})
        held = agent.get("/v1/license")["license_id"]
        assert held == license["license_id"] or (held == former and not answer)
        pair.agree(pair.first, pair.second)
        return death

    assert until_it_lives(attempt) >= 1


@pytest.mark.slow
@at_syncs
def test_new_cluster_id(pair: Trio, crashes: Crashes) -> None:
    """The new id or the former one; the records are good under either."""
    agent = pair.first
    service = agent.create_service(pair.second)
    pair.agree(agent, pair.second)

    def attempt(number: int) -> Death:
        # With its peer it would come back to the older one of the two ids.
        pair.second.stop()
        former = agent.get("/v1/cluster/identity")["cluster_id"]
        with agent.dying(crashes, number) as death:
            answer = agent.ask("POST", "/v1/cluster/init", {"force": True})
        held = agent.get("/v1/cluster/identity")["cluster_id"]
        assert held == answer.json()["cluster_id"] if answer else True
        assert death.came or held != former
        pair.second.start()
        pair.agree(agent, pair.second)
        assert service in services(agent) and service in services(pair.second)
        return death

    assert until_it_lives(attempt) >= 3


@at_syncs
def test_revocation(pair: Trio, crashes: Crashes) -> None:
    """The third agent is a member as before, or is one no more at either of the others, and what it owned is gone there."""
    both = (pair.first, pair.second)

    def attempt(number: int) -> Death:
        third = pair.third
        if not third.process:
            pair.join(pair.first, third)
            third.create_service(pair.first, "--name", "of-the-third")
            third.api("POST", "/v1/credentials", {"name": "of-the-third", "scopes": ["services.read"]})
        pair.agree(*both, third)
        with pair.first.dying(crashes, number) as death:
            answer = pair.first.ask("DELETE", f"/v1/peers/{third.id}")
        revoked = pair.first.get(f"/v1/peers/{third.id}")["state"] == "revoked"
        assert revoked or not answer
        if not revoked:
            pair.agree(*both, third)
            return death
        pair.agree(*both)
        for agent in both:
            assert agent.get(f"/v1/peers/{third.id}")["state"] == "revoked"
            assert "of-the-third" not in [item["name"] for item in services(agent).values()]
            assert "of-the-third" not in [item["name"] for item in clients(agent).values()]
        pair.replace_third()
        return death

    assert until_it_lives(attempt) >= 2


def is_bootstrapped(agent: Agent) -> bool:
    return agent.api("GET", "/v1/cluster/identity", token=None).status == 200


def knows(agent: Agent, member: str) -> bool:
    """Whether it has a peer, or a service of it."""
    listed = [peer["id"] for peer in agent.get("/v1/peers")["peers"]]
    return member in [*listed, *(item["source_peer_id"] for item in services(agent).values())]


def attempt_departure(pair: Trio, crashes: Crashes, number: int) -> Death:
    """The third agent dies while it leaves: it is a member as before, or one no more, and the others know."""
    both = (pair.first, pair.second)
    third = pair.third
    if not third.process:
        pair.join(pair.first, third)
        third.create_service(pair.first, "--name", "of-the-third")
    pair.agree(*both, third)
    member = third.id
    with third.dying(crashes, number) as death:
        answer = third.ask("DELETE", "/v1/peers/self")
    if is_bootstrapped(third) and "is taken up" not in third.log:
        assert not answer
        pair.agree(*both, third)
        return death
    wait_for(lambda: not is_bootstrapped(third), 10, "an agent that has left")
    wait_for(lambda: not any(knows(agent, member) for agent in both), 5, "the others' knowing it")
    pair.agree(*both)
    pair.replace_third()
    return death


def test_departure_that_nobody_has_heard_of(pair: Trio) -> None:
    """On disk, and not told to any peer: they are told after the next start, and then the agent is as before its bootstrap."""
    death = attempt_departure(pair, AFTER_SYNC, 1)
    assert death.came
    pair.third.start()
    pair.third.bootstrap(pair.license)


@pytest.mark.slow
def test_departure(pair: Trio) -> None:
    assert until_it_lives(lambda number: attempt_departure(pair, AFTER_SYNC, number)) >= 2
