"""control-peer as seen from a test: a member that says over its control link whatever the test wants."""

import base64
import json
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from arctic_lab import Namespace

TUNNEL_PORT = 61000
PATIENCE = 10.0
BYTES_AT_ONCE = 3000


class ControlPeer:
    """A member with an identity of its own: its peer id and key; and a stranger's hello, which is good for its connection alone."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._messages: queue.Queue[dict[str, Any]] = queue.Queue()
        self._replies: queue.Queue[dict[str, Any]] = queue.Queue()
        self.heard: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        ready = self._replies.get(timeout=PATIENCE)
        self.id = str(ready["peer_id"])
        self.public_key = str(ready["public_key"])
        self.hello: dict[str, Any] = ready.get("hello", {})

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            message = json.loads(line)
            if "local" in message:
                self._replies.put(message)
                continue
            self.heard.append(line)
            self._messages.put(message)

    def send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def send_bytes(self, data: bytes) -> None:
        """Sends what need not be a message."""
        for start in range(0, len(data), BYTES_AT_ONCE):
            piece = base64.urlsafe_b64encode(data[start : start + BYTES_AT_ONCE]).rstrip(b"=").decode()
            self.send({"local": "bytes", "base64": piece})

    def sign(self, record: dict[str, Any]) -> dict[str, Any]:
        """The record with a signature by the member's key, whatever it says and whoever it says it is of."""
        self.send({"local": "sign", "record": {name: record[name] for name in record if name != "signature"}})
        return dict(self._replies.get(timeout=PATIENCE)["record"])

    def hear_to_end(self, timeout: float = PATIENCE) -> list[dict[str, Any]]:
        """All messages that come until the agent drops the link."""
        messages = []
        while "closed" not in (message := self.receive(timeout)):
            messages.append(message)
        return messages

    def receive(self, timeout: float = PATIENCE) -> dict[str, Any]:
        """The next message; queue.Empty when none comes."""
        return self._messages.get(timeout=timeout)

    def receive_type(self, wanted: str, timeout: float = PATIENCE) -> dict[str, Any]:
        """The next message of a type; others are passed over."""
        while True:
            message = self.receive(timeout)
            if message.get("type") == wanted:
                return message
            assert "closed" not in message, message

    def ask(self, number: int, method: str, target: str, token: str | None = None, **members: Any) -> None:
        """Sends a request."""
        if token:
            members["authorization"] = f"Bearer {token}"
        self.send({"type": "request", "id": number, "method": method, "target": target, **members})

    def answer(self, number: int, status: int = 200, body: str | None = "{}", **members: Any) -> None:
        """Sends a response."""
        if body is not None:
            members = {"content_type": "application/json", "body": body, **members}
        self.send({"type": "response", "id": number, "status": status, **members})

    def is_alive(self) -> bool:
        """Whether the link still is: a ping is answered."""
        self.send({"type": "ping"})
        return self.receive_type("pong") is not None

    def pause(self) -> None:
        """Reads nothing any more that the agent sends."""
        self._process.send_signal(signal.SIGSTOP)

    def end(self) -> None:
        """Drops the link."""
        self._process.kill()
        self._process.wait()


@contextmanager
def control_peer(
    host: Namespace, build: Path, license_file: Path, address: str, *options: str
) -> Iterator[ControlPeer]:
    """A member on `host` with a link to the agent at `address`."""
    program = build / "tests" / "system" / "control-peer"
    process = subprocess.Popen(
        host.command(str(program), *options, str(license_file), f"{address}:{TUNNEL_PORT}"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield ControlPeer(process)
    finally:
        process.kill()
        process.wait()
