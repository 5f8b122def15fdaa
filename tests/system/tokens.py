"""Access tokens that an agent would not issue: made from one it did, signed with whatever key."""

import base64
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def _sign(key: Path, message: bytes) -> bytes:
    with tempfile.NamedTemporaryFile() as file:
        file.write(message)
        file.flush()
        command = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(key), "-in", file.name]
        return subprocess.run(command, check=True, capture_output=True).stdout


def forge(token: str, key: Path | None, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """`token` with some of its header and claims changed, signed by `key` (None: not signed)."""
    first, second, _ = token.split(".")
    parts = [{**_decode(first), **(header or {})}, {**_decode(second), **claims}]
    text = ".".join(_encode(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return f"{text}.{_encode(_sign(key, text.encode())) if key else ''}"
