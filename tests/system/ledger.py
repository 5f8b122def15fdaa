"""Changes at full speed at several agents, and a ledger of what was acknowledged: what it says is what the cluster must hold."""

import http.client
import json
import random
import select
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agents import API_PORT, Agent

SERVICES, CREDENTIALS = 4, 3
# What a carried request is refused with where its owner does not answer.
ABSENT = (422, "PEER_UNREACHABLE")
NOTHING_WAS_DONE = "nothing was done"
NO_ANSWER: tuple[int, Any] = (0, None)
NO_CONNECTION: tuple[int, Any] = (-1, None)
# A client's patience with an agent that does not run; it must not keep the machine busy meanwhile.
RETRY_SECONDS = 0.005


@dataclass(frozen=True)
class Service:
    """What a service is to a client; a route is its destination and priority."""

    name: str
    owner: str
    limit: int
    routes: frozenset[tuple[str, int]] = frozenset()


@dataclass
class Item:
    """One thing that is changed: the states that it may be in, None for absence. More than one only while a change is in doubt."""

    kind: str  # "services", "credentials" or "peers", as in the path
    owner: Agent
    states: list[Any]
    id: str = ""  # "" until it is known
    route_ids: dict[str, int] = field(default_factory=dict)
    secret: str = ""

    @property
    def path(self) -> str:
        return f"/v1/{self.kind}/{self.id}"

    @property
    def doubtful(self) -> bool:
        return len(self.states) > 1

    @property
    def state(self) -> Any:
        (state,) = self.states
        return state


@dataclass
class Count:
    """What a run was made of, which tells whether it has tested something."""

    acknowledged: int = 0
    refused: int = 0
    doubtful: int = 0
    done_in_doubt: int = 0


class Caller:
    """Connections of one thread to the agents, kept alive."""

    def __init__(self, agents: list[Agent]) -> None:
        self._connections: dict[str, http.client.HTTPConnection] = {}
        self._tokens = {agent.name: agent.token() for agent in agents}

    def _connection(self, agent: Agent) -> http.client.HTTPConnection:
        known = self._connections.get(agent.name)
        # Nothing is to be read between requests but the end of a connection whose agent was killed.
        if known and known.sock and select.select([known.sock], [], [], 0)[0]:
            self.hang_up(agent)
        if agent.name not in self._connections:
            connection = http.client.HTTPConnection("127.0.0.1", API_PORT, timeout=30)
            with agent.host.entered():
                connection.connect()
            self._connections[agent.name] = connection
        return self._connections[agent.name]

    def ask(
        self, agent: Agent, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and body; NO_ANSWER where the connection ends before it, NO_CONNECTION where nothing was asked."""
        sent = {"Authorization": f"Bearer {self._tokens[agent.name]}", "Content-Type": "application/json", **(headers or {})}
        try:
            connection = self._connection(agent)
        except OSError:
            return NO_CONNECTION
        try:
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            response = connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException):
            self.hang_up(agent)
            return NO_ANSWER
        return response.status, json.loads(data) if data else {}

    def get(self, agent: Agent, path: str) -> Any:
        """The body of a GET that must succeed."""
        status, body = self.ask(agent, "GET", path)
        assert status == 200, f"{agent.name} answers GET {path} with {status} {body}"
        return body

    def authenticates(self, agent: Agent, client_id: str, secret: str) -> bool:
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = agent.request("POST", "/v1/oauth/token", urllib.parse.urlencode(form).encode(), headers)
        return answer.status == 200

    def hang_up(self, agent: Agent) -> None:
        connection = self._connections.pop(agent.name, None)
        if connection:
            connection.close()


class Writer:
    """What one thread changes, at any of the agents: nobody else changes it, so that each change has one right result."""

    def __init__(self, agents: list[Agent], home: Agent, seed: str) -> None:
        self.name = f"of-{home.name}"
        self.agents = agents
        self.caller = Caller(agents)
        self.chance = random.Random(f"{seed}/{self.name}")
        self.count = Count()
        self.description = Item("peers", home, [""], home.id)
        self.services: list[Item] = []
        self.credentials: list[Item] = []
        self._number = 0

    @property
    def items(self) -> list[Item]:
        return [self.description, *self.services, *self.credentials]

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def step(self) -> None:
        """One change of some kind."""
        choices: list[Callable[[], None]] = []
        if len(self.services) < SERVICES:
            choices.append(self._create_service)
        if len(self.credentials) < CREDENTIALS:
            choices.append(self._create_credential)
        if not self.description.doubtful:
            choices.append(self._describe)
        for item in self.services:
            if not item.doubtful:
                choices += [lambda item=item, change=change: change(item) for change in self._changes_of(item)]
        for item in self.credentials:
            if not item.doubtful:
                choices.append(lambda item=item: self._delete(item))
        if choices:
            self.chance.choice(choices)()
        else:
            time.sleep(RETRY_SECONDS)
        self.forget_deleted()

    def _changes_of(self, item: Item) -> list[Callable[[Item], None]]:
        changes: list[Callable[[Item], None]] = [self._update_service, self._add_routes, self._delete]
        return [*changes, self._delete_route] if item.route_ids else changes

    def forget_deleted(self) -> None:
        for items in (self.services, self.credentials):
            items[:] = [item for item in items if item.states != [None]]

    # Changes

    def _change(self, item: Item, wanted: Any, method: str, path: str, body: Any = None) -> Any:
        """Asks any agent for a change; the ledger says afterwards what may hold. Returns the body of an acknowledgement, else None."""
        before = item.state
        asked = self.chance.choice(self.agents)
        headers = {"X-Arctic-Peer": item.owner.id} if not item.id else {}
        item.states = [before, wanted]
        status, answer = self.caller.ask(asked, method, path, body, headers)
        if status in (200, 201, 204):
            item.states = [wanted]
            self.count.acknowledged += 1
            return answer
        if status <= 0:
            self._take_silence(item, before, status)
            return None
        told = (status, answer["code"])
        # Another agent may not have heard yet of what the owner has acknowledged; the owner itself must know.
        unheard = told == (404, "NOT_FOUND") and asked is not item.owner
        assert unheard or told == ABSENT, f"{self.name} asked {asked.name} to {method} {path}: {status} {answer}"
        if unheard or NOTHING_WAS_DONE in answer["error"]:
            item.states = [before]
            self.count.refused += 1
        else:
            self.count.doubtful += 1
        return None

    def _take_silence(self, item: Item, before: Any, status: int) -> None:
        if status == NO_CONNECTION[0]:
            item.states = [before]
            self.count.refused += 1
            time.sleep(RETRY_SECONDS)
        else:
            self.count.doubtful += 1

    def _create_service(self) -> None:
        number = self._next_number()
        owner, target = self.chance.sample(self.agents, 2)
        made = Service(f"{self.name}-{number}", owner.id, number % 2)
        item = Item("services", owner, [None])
        self.services.append(item)
        body = {
            "name": made.name,
            "source_peer_id": owner.id,
            "target_peer_id": target.id,
            "transport_type": "tcp",
            "bandwidth_limit_mbps": made.limit,
        }
        answer = self._change(item, made, "POST", "/v1/services", body)
        if answer:
            item.id = answer["id"]

    def _update_service(self, item: Item) -> None:
        number = self._next_number()
        changed = replace(item.state, name=f"{self.name}-{number}", limit=number)
        self._change(item, changed, "PUT", item.path, {"name": changed.name, "bandwidth_limit_mbps": number})

    def _add_routes(self, item: Item) -> None:
        """Three at once, of which there must never be one or two."""
        number = self._next_number()
        added = [(f"10.{100 + place}.{number % 256}.0/24", number) for place in range(3)]
        wanted = replace(item.state, routes=item.state.routes | frozenset(added))
        body = {"routes": [{"dest_cidr": dest, "priority": priority} for dest, priority in added]}
        answer = self._change(item, wanted, "POST", f"{item.path}/routes", body)
        if answer:
            item.route_ids.update(zip((dest for dest, _ in added), answer["route_ids"], strict=True))

    def _delete_route(self, item: Item) -> None:
        dest = self.chance.choice(sorted(item.route_ids))
        left = frozenset(route for route in item.state.routes if route[0] != dest)
        number = item.route_ids.pop(dest)
        self._change(item, replace(item.state, routes=left), "DELETE", f"{item.path}/routes/{number}")

    def _create_credential(self) -> None:
        name = f"{self.name}-{self._next_number()}"
        item = Item("credentials", self.chance.choice(self.agents), [None])
        self.credentials.append(item)
        answer = self._change(item, name, "POST", "/v1/credentials", {"name": name, "scopes": ["services.read"]})
        if answer:
            item.id, item.secret = answer["client_id"], answer["client_secret"]

    def _describe(self) -> None:
        text = f"description {self._next_number()}"
        self._change(self.description, text, "PUT", self.description.path, {"description": text})

    def _delete(self, item: Item) -> None:
        self._change(item, None, "DELETE", item.path)


class View:
    """What one agent holds of what the writers change, as its API tells it."""

    def __init__(self, caller: Caller, agent: Agent, owner: Agent | None = None) -> None:
        """`owner`: only what that one owns."""
        self.agent = agent
        self.services: dict[str, Service] = {}
        self.route_ids: dict[str, dict[str, int]] = {}
        query = f"?source_peer_id={owner.id}" if owner else ""
        for listed in caller.get(agent, f"/v1/services{query}")["services"]:
            self._take_service(caller.get(agent, f"/v1/services/{listed['id']}"))
        self.credentials = {
            item["client_id"]: item["name"]
            for item in caller.get(agent, "/v1/credentials")["credentials"]
            if item["name"] != "bootstrap" and owner in (None, agent) and (not owner or item["peer_id"] == owner.id)
        }
        self.peers = {peer["id"]: peer["description"] or "" for peer in caller.get(agent, "/v1/peers")["peers"]}

    def _take_service(self, told: Any) -> None:
        routes = frozenset((route["dest_cidr"], route["priority"]) for route in told["routes"])
        assert told["route_count"] == len(routes), told
        self.services[told["id"]] = Service(told["name"], told["source_peer_id"], told["bandwidth_limit_mbps"], routes)
        self.route_ids[told["id"]] = {route["dest_cidr"]: route["id"] for route in told["routes"]}

    def find(self, item: Item) -> Any:
        """The state of an item; one whose id is not known is found by the name that it was to have."""
        held: dict[str, Any] = {"services": self.services, "credentials": self.credentials, "peers": self.peers}[item.kind]
        if item.id:
            return held.get(item.id)
        return next((state for key, state in held.items() if state in item.states and self._learn(item, key)), None)

    @staticmethod
    def _learn(item: Item, key: str) -> bool:
        item.id = key
        return True


def resolve(writers: list[Writer], view: View) -> None:
    """What was in doubt is, by now, one or the other as a whole."""
    for writer in writers:
        for item in writer.items:
            state = view.find(item)
            assert state in item.states, f"{view.agent.name} has {item.kind} {item.id} as {state}, not as one of {item.states}"
            writer.count.done_in_doubt += item.doubtful and state == item.states[1]
            item.states = [state]
            item.route_ids = dict(view.route_ids.get(item.id, {}))
        writer.forget_deleted()


def check(writers: list[Writer], view: View, owner: Agent | None = None) -> None:
    """The view is what the ledger says, no more and no less; with `owner` as far as that one owns it and nothing is in doubt."""
    items = [item for writer in writers for item in writer.items if owner in (None, item.owner)]
    for item in items:
        state = view.find(item)
        assert state in item.states, f"{view.agent.name} has {item.kind} {item.id} as {state}, not as one of {item.states}"
    known = {item.id for item in items}
    held = {*view.services, *view.credentials}
    doubtful = any(item.doubtful and not item.id for item in items)
    assert doubtful or held <= known, f"{view.agent.name} has what was deleted: {held - known}"
