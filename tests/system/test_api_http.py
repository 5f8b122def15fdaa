"""The API as an HTTP server: methods, connections that are kept, bodies in all their forms, and requests that mislead."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agents import API_PORT, Agent
from arctic_lab import Lab

HEAD_END = b"\r\n\r\n"
BODY_MAX = 1 << 20
# Is answered by "'license' is required" as soon as its body has been read as JSON.
PUBLIC_POST = "/v1/bootstrap"


class Wire:
    """One connection to the API on which bytes are sent as they are."""

    def __init__(self, agent: Agent) -> None:
        self.socket = agent.host.socket(socket.AF_INET)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", API_PORT))
        self.rest = b""

    def close(self) -> None:
        self.socket.close()

    def send(self, request: str, *headers: str, body: bytes = b"") -> None:
        head = [f"{request} HTTP/1.1", "Host: agent", *headers, "", ""]
        self.socket.sendall("\r\n".join(head).encode() + body)

    def head(self) -> tuple[int, dict[str, str]]:
        while HEAD_END not in self.rest:
            data = self.socket.recv(65536)
            assert data, f"closed after {self.rest!r}"
            self.rest += data
        head, _, self.rest = self.rest.partition(HEAD_END)
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        return int(first.split()[1]), headers

    def answer(self) -> tuple[int, dict[str, str], Any]:
        """Status, headers and JSON."""
        status, headers = self.head()
        length = int(headers["Content-Length"])
        while len(self.rest) < length:
            data = self.socket.recv(65536)
            assert data
            self.rest += data
        body, self.rest = self.rest[:length], self.rest[length:]
        return status, headers, json.loads(body)

    def ended(self) -> bool:
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


@pytest.fixture(scope="module")
def agent(build: Path) -> Iterator[Agent]:
    """An agent that is not bootstrapped."""
    with Lab() as lab:
        made = Agent(lab.entry, build, lab.directory / "agent")
        made.start()
        yield made
        made.stop()


@pytest.fixture
def wire(agent: Agent) -> Iterator[Wire]:
    made = Wire(agent)
    yield made
    made.close()


def is_the_answer_to_post(answer: tuple[int, dict[str, str], Any]) -> bool:
    return (answer[0], answer[2].get("field")) == (400, "license")


# Methods


def test_head_is_a_get_without_its_body(wire: Wire) -> None:
    wire.send("HEAD /livez")
    status, headers = wire.head()
    assert status == 200 and int(headers["Content-Length"]) > 0
    wire.send("GET /livez")
    assert wire.answer()[2]["status"] == "ok", "no byte of a body came in between"


@pytest.mark.parametrize(
    ("request_line", "allowed"),
    [
        ("OPTIONS /livez", "GET, HEAD"),
        ("TRACE /livez", "GET, HEAD"),
        ("get /livez", "GET, HEAD"),
        (f"GET {PUBLIC_POST}", "POST"),
        ("DELETE /v1/services", "GET, HEAD, POST"),
        ("POST /v1/services/svc_x/routes/1", "PUT, DELETE"),
    ],
)
def test_a_method_that_is_not_served(wire: Wire, request_line: str, allowed: str) -> None:
    wire.send(request_line)
    status, headers, body = wire.answer()
    assert (status, body["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert sorted(headers["Allow"].split(", ")) == sorted(allowed.split(", "))


def test_targets_that_are_no_path(wire: Wire) -> None:
    for request_line in ("OPTIONS *", "CONNECT agent:80", "GET /%00", "GET /%zz", f"GET /{'a' * 5000}"):
        wire.send(request_line)
        status, _, body = wire.answer()
        assert (status, body["code"]) == (400, "INVALID_REQUEST"), request_line


# Connections


def test_requests_that_come_together_are_answered_in_order(wire: Wire) -> None:
    post = f"POST {PUBLIC_POST}"
    wire.send("GET /livez")
    wire.send(post, "Content-Length: 2", body=b"{}")
    wire.send("GET /nowhere")
    wire.send("GET /livez")
    assert wire.answer()[0] == 200
    assert is_the_answer_to_post(wire.answer())
    assert wire.answer()[0] == 404
    assert wire.answer()[0] == 200


def test_a_client_that_asks_for_the_end_gets_it(wire: Wire) -> None:
    wire.send("GET /livez", "Connection: close")
    assert wire.answer()[0] == 200
    assert wire.ended()


# Bodies


def test_a_client_that_waits_for_leave_to_send(wire: Wire) -> None:
    wire.send(f"POST {PUBLIC_POST}", "Expect: 100-continue", "Content-Length: 2")
    assert wire.head()[0] == 100
    wire.socket.sendall(b"{}")
    assert is_the_answer_to_post(wire.answer())


def test_a_client_that_need_not_send(wire: Wire) -> None:
    """What is refused anyway is refused before the body."""
    wire.send("POST /v1/services", "Expect: 100-continue", "Content-Length: 1000")
    assert wire.answer()[2]["code"] == "NOT_BOOTSTRAPPED"


def test_a_body_in_chunks(wire: Wire) -> None:
    wire.send(f"POST {PUBLIC_POST}", "Transfer-Encoding: Chunked")
    for part in (b"1\r\n{\r\n", b"1;x=y\r\n}\r\n", b"0\r\n", b"\r\n"):
        wire.socket.sendall(part)
    assert is_the_answer_to_post(wire.answer())


def test_a_body_byte_by_byte(wire: Wire) -> None:
    body = b'{"name": "slow"}'
    wire.send(f"POST {PUBLIC_POST}", f"Content-Length: {len(body)}")
    for byte in body:
        wire.socket.sendall(bytes([byte]))
    assert is_the_answer_to_post(wire.answer())


@pytest.mark.parametrize(("size", "status"), [(BODY_MAX, 400), (BODY_MAX + 1, 413)])
def test_the_largest_body(wire: Wire, size: int, status: int) -> None:
    wire.send(f"POST {PUBLIC_POST}", f"Content-Length: {size}", body=b"{" + b" " * (size - 2) + b"}")
    answer = wire.answer()
    assert answer[0] == status
    assert answer[2].get("code") == ("MISSING_FIELD" if status == 400 else "BODY_TOO_LARGE")


@pytest.mark.parametrize(
    ("content_type", "good"),
    [
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("application/jsonx", False),
        ("", False),
    ],
)
def test_types_of_a_body(wire: Wire, content_type: str, good: bool) -> None:
    wire.send(f"POST {PUBLIC_POST}", f"Content-Type: {content_type}", "Content-Length: 2", body=b"{}")
    status, _, body = wire.answer()
    assert (status, body["field"]) == (400, "license" if good else "Content-Type")


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": 1e999}',
        b'{"name": 123456789012345678901234567890}',
        b'{"name": -0.0e-99999}',
        b'{"license": {"max_nodes": 9223372036854775808}}',
        b'{"license": {}, "license": {}}',
        b'{"name": "\\ud800"}',
        b'{"name": "\\u0000"}',
        b'{"na\\u0000me": "x"}',
        b'{"name": "\xc0\x80"}',
        b'\xef\xbb\xbf{"name": "x"}',
        b'{"name": "x",}',
        b"{'name': 'x'}",
        b'{"license": ' + b"[" * 3000 + b"]" * 3000 + b"}",
        b'{"license": ' + b'{"a":' * 3000 + b"1" + b"}" * 3000 + b"}",
        b"\0",
        b"{}\0",
        b"NaN",
    ],
)
def test_json_that_is_none_or_misleads(agent: Agent, body: bytes) -> None:
    answer = agent.api("POST", PUBLIC_POST, body, token=None)
    assert answer.status in (400, 422), answer
    assert answer.json()["code"] in ("INVALID_REQUEST", "LICENSE_INVALID", "MISSING_FIELD"), answer
    assert agent.request("GET", "/livez").status == 200
    assert agent.api("GET", "/v1/cluster/identity", token=None).status == 503


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 2", "Content-Length: 44"),
        ("Content-Length: 2", "Content-Length: 2"),
        ("Content-Length: 2", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 2"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: identity",),
    ],
)
def test_a_body_whose_end_is_not_clear(wire: Wire, headers: tuple[str, ...]) -> None:
    """Refused, and what follows is never taken for another request (RFC 9112 section 11.2)."""
    wire.send(f"POST {PUBLIC_POST}", *headers, body=b"2\r\n{}\r\n0\r\n\r\n")
    status, _, body = wire.answer()
    assert (status, body["code"]) == (400, "INVALID_REQUEST")
    assert "Content-Length" in body["error"]
    assert wire.ended()


@pytest.mark.parametrize("length", ["-2", "2x", "", "0x2", "99999999999999999999999"])
def test_a_length_that_is_no_number(wire: Wire, length: str) -> None:
    wire.send(f"POST {PUBLIC_POST}", f"Content-Length: {length}", body=b"{}")
    assert wire.head()[0] in (400, 413)
