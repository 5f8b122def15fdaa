"""Who may do what is settled when a request is carried out: by its headers, which say it once, and again when its body has come."""

import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from access import create_client, login
from agents import API_PORT, Agent, Answer, bootstrapped_agent
from arctic_lab import Lab

UNKNOWN_PEER = "peer_01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture
def agent(lab: Lab, build: Path) -> Iterator[Agent]:
    with bootstrapped_agent(lab, build) as agent:
        yield agent


class Slow:
    """A request whose body comes later than its headers, of which the agent has taken note."""

    def __init__(self, agent: Agent, request: str, token: str, body: Any = None) -> None:
        self._body = json.dumps(body).encode() if body is not None else b""
        self._socket = agent.host.socket(socket.AF_INET)
        self._socket.settimeout(20)
        self._socket.connect(("127.0.0.1", API_PORT))
        lines = [
            f"{request} HTTP/1.1",
            "Host: agent",
            f"Authorization: Bearer {token}",
            "Content-Type: application/json",
            "Transfer-Encoding: chunked",
            "Expect: 100-continue",
            "Connection: close",
        ]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        # The leave to send says that the headers have been judged.
        assert self._socket.recv(1000).startswith(b"HTTP/1.1 100 ")

    def finish(self) -> Answer:
        chunk = b"%x\r\n%s\r\n" % (len(self._body), self._body) if self._body else b""
        self._socket.sendall(chunk + b"0\r\n\r\n")
        told = b""
        while data := self._socket.recv(65536):
            told += data
        self._socket.close()
        head, _, body = told.partition(b"\r\n\r\n")
        assert head, "no answer"
        return Answer(int(head.split()[1]), {}, body)


def test_a_client_that_is_revoked_before_its_body_has_come(agent: Agent) -> None:
    client = create_client(agent, "credentials.write")
    token = login(agent, client)
    kept = create_client(agent, "peers.read")
    late = [
        Slow(agent, "POST /v1/credentials", token, {"scopes": ["credentials.write"], "name": "late"}),
        Slow(agent, f"DELETE /v1/credentials/{kept['client_id']}", token),
    ]
    assert agent.api("DELETE", f"/v1/credentials/{client['client_id']}").status == 204
    for request in late:
        assert request.finish().error == (401, "UNAUTHORIZED", None)
    known = agent.get("/v1/credentials")["credentials"]
    assert kept["client_id"] in {item["client_id"] for item in known}
    assert "late" not in {item["name"] for item in known}


def test_an_agent_that_leaves_before_a_body_has_come(lab: Lab, agent: Agent) -> None:
    license = json.loads((lab.directory / "license.json").read_text())
    bodies: Mapping[str, Any] = {
        "PUT /v1/license": {"license": license},
        "POST /v1/credentials": {"scopes": ["peers.read"]},
        "POST /v1/services": {"target_peer_id": UNKNOWN_PEER, "transport_type": "tcp"},
        "POST /v1/cluster/credentials/rotate": {},
        "POST /v1/cluster/sync": {},
        "POST /v1/cluster/init": {"force": True},
    }
    late = [Slow(agent, request, agent.token(), body) for request, body in bodies.items()]
    assert agent.api("DELETE", "/v1/peers/self").status == 204
    for request in late:
        assert request.finish().error == (503, "NOT_BOOTSTRAPPED", None)
    assert agent.request("GET", "/livez").status == 200


@pytest.mark.parametrize("header", ["Authorization", "X-Arctic-Peer", "X-Arctic-Recovery"])
def test_a_header_that_decides_comes_once(agent: Agent, header: str) -> None:
    """Else a proxy that checks the one lets the other pass."""
    value = {
        "Authorization": f"Bearer {agent.token()}",
        "X-Arctic-Peer": agent.id,
        "X-Arctic-Recovery": (agent.run_dir / "recovery.token").read_text(),
    }[header]
    with agent.connected() as connection:
        for second in (value, "another"):
            connection.putrequest("GET", "/v1/cluster/identity")
            connection.putheader(header, value)
            connection.putheader(header.lower(), second)
            connection.endheaders()
            response = connection.getresponse()
            answer = Answer(response.status, {}, response.read())
            assert answer.error == (400, "INVALID_REQUEST", header)
            assert value not in answer.text
