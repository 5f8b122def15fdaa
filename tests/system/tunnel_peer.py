"""A peer that speaks the tunnel protocol by itself (docs/tunnel-protocol.md), to ask an exit for what no agent would ask."""

import ipaddress
import ssl
import struct
import subprocess
from pathlib import Path

from arctic_lab import Connection, Namespace

OPEN, OPENED, REFUSED, DATA, FIN, RESET = range(1, 7)
BULK_LIMIT = 16380
TUNNEL_PORT = 61000
FLOW_PROTOCOL = "arctic-flow/1"
NOT_PERMITTED = 6


def make_key(path: Path) -> Path:
    """An Ed25519 key that no peer knows."""
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(path)], check=True, capture_output=True
    )
    return path


def _certificate(key: Path, directory: Path) -> Path:
    path = directory / f"{key.parent.name}-{key.stem}.crt"
    command = ["openssl", "req", "-x509", "-key", str(key), "-subj", "/CN=peer", "-days", "2", "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


class TunnelPeer(Connection):
    """A connection to the tunnel port of an exit, with the identity of a key file (None: without a certificate)."""

    def __init__(
        self, host: Namespace, address: str, key: Path | None, directory: Path, protocol: str = FLOW_PROTOCOL
    ) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols([protocol])
        if key:
            context.load_cert_chain(_certificate(key, directory), key)
        super().__init__(host, address, TUNNEL_PORT, timeout=5)
        self.socket = context.wrap_socket(self.socket)

    def send_frame(self, kind: int, payload: bytes, flags: int = 0) -> None:
        self.send(struct.pack("!BBH", kind, flags, len(payload)) + payload)

    def open(self, service: str, destination: str, port: int, client: str, flow: int = 1) -> None:
        """Asks for a flow to destination:port, as if from `client`."""
        target, source = (ipaddress.ip_address(text) for text in (destination, client))
        ulid = service.removeprefix("svc_").encode()
        fixed = struct.pack("!IBBHH", flow, target.version, 0, port, 40000) + ulid
        self.send_frame(OPEN, fixed + target.packed + source.packed)

    def receive_frame(self) -> tuple[int, bytes]:
        """The next frame that belongs to a flow; EOFError or OSError when the exit ends the connection."""
        while True:
            kind, _, length = struct.unpack("!BBH", self.receive_exactly(4))
            payload = self.receive_exactly(length)
            if kind <= RESET:
                return kind, payload

    def answer(self) -> str:
        """What the exit says to an OPEN: "opened", "not permitted", "refused <reason>" or "closed"."""
        try:
            kind, payload = self.receive_frame()
        except (EOFError, OSError):
            return "closed"
        if kind == REFUSED:
            return "not permitted" if payload[4] == NOT_PERMITTED else f"refused {payload[4]}"
        return "opened" if kind == OPENED else f"frame {kind}"

    def is_cut_off_at(self, data: bytes) -> bool:
        """Whether the exit ends the connection at these bytes, which may be before the last of them is sent."""
        try:
            self.send(data)
        except OSError:
            return True
        return self.answer() == "closed"
