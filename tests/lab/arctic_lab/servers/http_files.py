"""An HTTP/1.1 server of content that is made, not stored.

    GET  /bytes/<n>?seed=<s>   n bytes of Content(s)
    GET  /peer                 {"address": A, "port": P}: whom the server sees
    POST or PUT, any path      {"bytes": N, "sha256": HEX} of the body
"""

import hashlib
import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from ..content import Content
from .base import peer_address

READ_BYTES = 1 << 18
BYTES_PATH = re.compile(r"/bytes/(\d+)")


class HttpFiles(BaseHTTPRequestHandler):
    """One connection, kept for many requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _begin(self, status: int, kind: str, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _json(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self._begin(status, "application/json", len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/peer":
            self._json(200, {"address": peer_address(self.client_address), "port": self.client_address[1]})
        elif match := BYTES_PATH.fullmatch(url.path):
            self._send_content(int(match[1]), int(parse_qs(url.query).get("seed", ["0"])[0]))
        else:
            self._json(404, {"error": "no such path"})

    do_HEAD = do_GET

    def _send_content(self, size: int, seed: int) -> None:
        self._begin(200, "application/octet-stream", size)
        if self.command == "HEAD":
            return
        for chunk in Content(seed).chunks(size):
            self.connection.sendall(chunk)

    def do_POST(self) -> None:
        digest, count = hashlib.sha256(), 0
        for data in self._body():
            digest.update(data)
            count += len(data)
        self._json(200, {"bytes": count, "sha256": digest.hexdigest()})

    do_PUT = do_POST

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            yield from self._exactly(int(self.headers.get("Content-Length", "0")))
            return
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield from self._exactly(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size:
            data = self.rfile.read(min(size, READ_BYTES))
            if not data:
                raise ConnectionError(f"body ends {size} bytes early")
            size -= len(data)
            yield data
