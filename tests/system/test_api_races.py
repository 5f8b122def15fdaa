"""Requests that meet what another one has taken away before they were answered: each is told so."""

import concurrent.futures
import http.client
import json
import signal
from contextlib import ExitStack

from access import create_client, login
from agents import Answer, Pair
from arctic_lab import wait_for


def answer_of(connection: http.client.HTTPConnection) -> Answer:
    response = connection.getresponse()
    return Answer(response.status, dict(response.headers), response.read())


def test_a_service_that_is_deleted_while_it_is_changed(pair: Pair) -> None:
    """The change waits for the kernel, and the deletion does not wait for the change."""
    agent = pair.entry
    headers = {"Authorization": f"Bearer {agent.token()}", "Content-Type": "application/json"}
    routes = json.dumps({"routes": [{"dest_cidr": "10.77.0.0/24", "priority": 1}]})
    gone = 0
    for change in [("PUT", "", '{"name": "changed"}'), ("POST", "/routes", routes)] * 10:
        method, end, body = change
        path = f"/v1/services/{agent.create_service(pair.exit)}"
        with ExitStack() as open_connections:
            changing, deleting = (open_connections.enter_context(agent.connected()) for _ in range(2))
            changing.request(method, path + end, body, headers)
            deleting.request("DELETE", path, None, headers)
            deleted, changed = answer_of(deleting), answer_of(changing)
        assert deleted.status == 204
        if changed.status >= 300:
            assert changed.error[:2] == (404, "NOT_FOUND"), changed
            # Of two connections the later one may be served first; then there was nothing to change.
            assert "deleted" in changed.text or "does not exist" in changed.text, changed
            gone += "deleted" in changed.text
    assert gone > 0, "no deletion came between: nothing was tried"


def test_an_agent_that_leaves_while_it_adds_a_peer(pair: Pair) -> None:
    agent = pair.entry
    token = login(agent, create_client(agent, "peers.write"))
    nobody = f"{pair.lab.entry.address(4, 'wan').rpartition('.')[0]}.77:8080"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        adding = pool.submit(agent.api, "POST", "/v1/peers", {"address": nobody}, token)
        wait_for(lambda: nobody in agent.host.run("ss", "-tn").stdout, 10, "the attempt to connect")
        assert agent.api("DELETE", "/v1/peers/self").status == 204
        assert adding.result().error == (503, "NOT_BOOTSTRAPPED", None)


def test_a_peer_that_is_added_to_an_agent_that_leaves(pair: Pair) -> None:
    """The request comes when the agent has said farewell and its kernel state is being taken back, and its look-up outlasts that."""
    agent, other = pair.entry, pair.exit
    recovery = {"X-Arctic-Recovery": (agent.run_dir / "recovery.token").read_text().strip()}
    body = json.dumps({"address": f"{other.host.address(4, 'wan')}:8080"}).encode()
    headers = {**recovery, "Content-Type": "application/json"}
    assert agent.process and other.process
    with agent.connected() as before, agent.connected() as leaving, agent.connected() as after:
        # All are read in one turn, in whatever order; the other agent answers when this one has no identity any more.
        other.process.signal(signal.SIGSTOP)
        agent.process.signal(signal.SIGSTOP)
        before.request("POST", "/v1/peers", body, headers)
        leaving.request("DELETE", "/v1/peers/self", None, recovery)
        after.request("POST", "/v1/peers", body, headers)
        agent.process.signal(signal.SIGCONT)
        assert answer_of(leaving).status == 204
        other.process.signal(signal.SIGCONT)
        for adding in (before, after):
            assert answer_of(adding).error == (503, "NOT_BOOTSTRAPPED", None)
    agent.forget()
    agent.bootstrap(pair.license)
    assert agent.api("GET", "/v1/cluster/identity", token=None).status == 200
