"""The API over TLS: its certificate, what vouches for it, and that it serves as the API in the clear does."""

import base64
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from agents import API_PORT, Agent, Pair, issue_license
from arctic_lab import Lab, wait_for
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TLS_PORT = 8443
URL = f"https://127.0.0.1:{TLS_PORT}"


def curl(agent: Agent, *args: str, code: int = 0) -> str:
    result = agent.host.run("curl", "-sS", "--max-time", "20", *args, check=False)
    assert result.returncode == code, (args, result.returncode, result.stdout, result.stderr)
    return str(result.stdout)


def insecure(agent: Agent, path: str, *args: str) -> Any:
    """What a client gets that trusts anybody."""
    return json.loads(curl(agent, "-k", *args, URL + path))


def pin(fingerprint: str) -> str:
    """A fingerprint as curl takes it."""
    return "sha256//" + base64.b64encode(bytes.fromhex(fingerprint.removeprefix("sha256:"))).decode()


def logged_fingerprint(agent: Agent) -> str:
    (line,) = [line for line in map(json.loads, agent.log.splitlines()) if line["message"] == "listening"]
    assert line["tls_port"] == TLS_PORT
    return str(line["fingerprint"])


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def vouches(identity: dict[str, Any], fingerprint: str) -> bool:
    """Whether the identity key has signed a fingerprint, as docs/api.md says that it does."""
    signed = b"arctic-api-fingerprint-v1\0" + bytes.fromhex(fingerprint.removeprefix("sha256:"))
    key = Ed25519PublicKey.from_public_bytes(decoded(identity["public_key"]))
    try:
        key.verify(decoded(identity["api_fingerprint_signature"]), signed)
    except InvalidSignature:
        return False
    return True


@contextmanager
def running(agent: Agent) -> Iterator[Agent]:
    agent.start()
    yield agent
    agent.stop()


def fails_to_start(agent: Agent, code: int, *parts: str) -> None:
    process = agent.launch()
    agent.process = None
    wait_for(lambda: process.returncode is not None, 10, "the agent ends")
    assert process.returncode == code, process.log()
    for part in parts:
        assert part in process.log(), (part, process.log())


# The agent's own certificate


def test_a_new_agent_can_be_bootstrapped_over_tls(lab: Lab, build: Path) -> None:
    """The licence is a secret: it need not cross the network in the clear."""
    agent = Agent(lab.entry, build, lab.directory / "agent")
    with running(agent):
        license_file = issue_license(build, agent, lab.directory / "license.json")
        fingerprint = logged_fingerprint(agent)
        pinned = ("--pinnedpubkey", pin(fingerprint), "-k")
        body = lab.directory / "body.json"
        body.write_text(json.dumps({"license": json.loads(license_file.read_text()), "name": "a"}))
        assert "NOT_BOOTSTRAPPED" in curl(agent, *pinned, f"{URL}/v1/cluster/identity")
        made = json.loads(
            curl(agent, *pinned, "-H", "Content-Type: application/json", "-d", f"@{body}", f"{URL}/v1/bootstrap")
        )
        form = f"grant_type=client_credentials&client_id={made['client_id']}&client_secret={made['client_secret']}"
        token = json.loads(curl(agent, *pinned, "-d", form, f"{URL}/v1/oauth/token"))["access_token"]
        authorization = ("-H", f"Authorization: Bearer {token}")
        (peer,) = json.loads(curl(agent, *pinned, *authorization, f"{URL}/v1/peers"))["peers"]
        assert (peer["api_tls_port"], peer["api_fingerprint"]) == (TLS_PORT, fingerprint)

        identity = insecure(agent, "/v1/cluster/identity")
        assert identity["api_fingerprint"] == fingerprint
        assert vouches(identity, fingerprint)
        assert not vouches(identity, "sha256:" + "00" * 32), "another key"
        assert identity == agent.api("GET", "/v1/cluster/identity", token=None).json()


def test_the_key_stays_and_is_kept_secret(lab: Lab, build: Path) -> None:
    agent = Agent(lab.entry, build, lab.directory / "agent")
    with running(agent):
        fingerprint = logged_fingerprint(agent)
    path = agent.data_dir / "api.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    with running(agent):
        assert logged_fingerprint(agent) == fingerprint
        curl(agent, "-k", "--pinnedpubkey", pin(fingerprint), f"{URL}/livez")
        wrong = pin("00" * 32)
        curl(agent, "-k", "--pinnedpubkey", wrong, f"{URL}/livez", code=90)

    kept = path.read_text()
    path.write_text(kept.replace("BEGIN", "BEGUN"))
    fails_to_start(agent, 1, str(path), "restore it from a backup, or remove it")
    path.write_text(kept)
    path.chmod(0o640)
    fails_to_start(agent, 1, str(path), "chmod 600")
    path.unlink()
    with running(agent):
        assert logged_fingerprint(agent) != fingerprint


def test_only_tls_1_3_is_spoken(lab: Lab, build: Path) -> None:
    agent = Agent(lab.entry, build, lab.directory / "agent")
    with running(agent):
        curl(agent, "-k", "--tls-max", "1.2", f"{URL}/livez", code=35)
        curl(agent, "-k", "--tlsv1.3", f"{URL}/livez")
        curl(agent, f"http://127.0.0.1:{TLS_PORT}/livez", code=52)
        curl(agent, "-k", f"https://127.0.0.1:{API_PORT}/livez", code=35)
        assert insecure(agent, "/livez")["status"] == "ok", "and goes on after all that"


def test_it_can_be_turned_off(lab: Lab, build: Path) -> None:
    agent = Agent(lab.entry, build, lab.directory / "agent", API_TLS_PORT="off")
    with running(agent):
        assert not lab.entry.listens(TLS_PORT)
        agent.bootstrap(issue_license(build, agent, lab.directory / "license.json"))
        identity = agent.get("/v1/cluster/identity")
        assert identity["api_tls_port"] is None
        assert identity["api_fingerprint"] is None and identity["api_fingerprint_signature"] is None
        (peer,) = agent.get("/v1/peers")["peers"]
        assert peer["api_tls_port"] is None and peer["api_fingerprint"] is None


def test_a_port_that_is_taken(lab: Lab, build: Path) -> None:
    with lab.entry.socket(socket.AF_INET6) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("::", TLS_PORT))
        taken.listen()
        agent = Agent(lab.entry, build, lab.directory / "agent")
        fails_to_start(agent, 1, f"[::]:{TLS_PORT}", "choose another API_TLS_PORT")


# A certificate that is given


def openssl(*args: str | Path) -> None:
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)


class Authority:
    """A CA, and a certificate of it for agent.example."""

    def __init__(self, directory: Path, days: int = 200) -> None:
        self.directory = directory
        directory.mkdir()
        self.ca, ca_key = directory / "ca.pem", directory / "ca.key"
        self.cert, self.key, request = (directory / name for name in ("cert.pem", "cert.key", "cert.csr"))
        names = directory / "names"
        names.write_text("subjectAltName=DNS:agent.example")
        ec = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        openssl("req", "-x509", *ec, "-keyout", ca_key, "-out", self.ca, "-subj", "/CN=test CA", "-days", "2")
        openssl("req", *ec, "-keyout", self.key, "-out", request, "-subj", "/CN=agent.example")
        signing = ("-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial", "-extfile", names, "-days", str(days))
        openssl("x509", "-req", "-in", request, "-out", self.cert, *signing)
        self.key.chmod(0o600)

    @property
    def settings(self) -> dict[str, str]:
        return {"API_TLS_CERT": str(self.cert), "API_TLS_KEY": str(self.key)}


def test_a_certificate_of_a_ca(lab: Lab, build: Path) -> None:
    authority = Authority(lab.directory / "ca")
    agent = Agent(lab.entry, build, lab.directory / "agent", **authority.settings)
    with running(agent):
        resolved = ("--resolve", f"agent.example:{TLS_PORT}:127.0.0.1", "--cacert", str(authority.ca))
        told = curl(agent, *resolved, f"https://agent.example:{TLS_PORT}/livez")
        assert json.loads(told)["status"] == "ok"
        curl(agent, "--pinnedpubkey", pin(logged_fingerprint(agent)), "-k", f"{URL}/livez")
        assert not (agent.data_dir / "api.pem").exists(), "it makes no key that it does not need"


def test_a_certificate_that_ends_soon_is_named(lab: Lab, build: Path) -> None:
    for days, warned in ((13, True), (15, False)):
        authority = Authority(lab.directory / f"ca-{days}", days)
        agent = Agent(lab.entry, build, lab.directory / f"agent-{days}", **authority.settings)
        with running(agent):
            warnings = [line for line in map(json.loads, agent.log.splitlines()) if "ends soon" in line["message"]]
            assert [line["file"] for line in warnings] == [str(authority.cert)] * warned


def logged(agent: Agent, words: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, agent.log.splitlines()) if words in line["message"]]


def test_a_renewed_certificate_needs_no_restart(lab: Lab, build: Path) -> None:
    """New connections see it, those that are there go on, and the peers learn the new fingerprint."""
    authority, later, foreign = (Authority(lab.directory / name) for name in ("ca", "later", "foreign"))
    pair = Pair(lab, build)
    pair.entry = Agent(lab.entry, build, lab.directory / "given", **authority.settings)
    pair.start()
    former = logged_fingerprint(pair.entry)
    with closing(TlsWire(pair.entry)) as wire:
        assert wire.is_served()
        # The pair is not whole until both files are there.
        later.cert.replace(authority.cert)
        later.key.replace(authority.key)
        wait_for(lambda: logged(pair.entry, "renewed certificate"), 10, "the renewed certificate")
        (event,) = logged(pair.entry, "renewed certificate")
        renewed = str(event["fingerprint"])
        assert renewed != former
        assert wire.is_served()
    trusted = ("--resolve", f"agent.example:{TLS_PORT}:127.0.0.1", "--cacert", str(later.ca))
    curl(pair.entry, *trusted, "--pinnedpubkey", pin(renewed), f"https://agent.example:{TLS_PORT}/livez")
    identity = insecure(pair.entry, "/v1/cluster/identity")
    assert identity["api_fingerprint"] == renewed and vouches(identity, renewed)
    peer = f"/v1/peers/{pair.entry.id}"
    wait_for(lambda: pair.exit.get(peer)["api_fingerprint"] == renewed, 5, "the fingerprint at the peer")

    # One that cannot be used is named, and changes nothing.
    foreign.cert.replace(authority.cert)
    wait_for(lambda: logged(pair.entry, "cannot be used"), 10, "a complaint")
    (event,) = logged(pair.entry, "cannot be used")
    assert event["level"] == "error" and str(authority.key) in event["error"]
    curl(pair.entry, "--pinnedpubkey", pin(renewed), "-k", f"{URL}/livez")
    foreign.key.replace(authority.key)
    wait_for(lambda: len(logged(pair.entry, "renewed certificate")) == 2, 10, "the next certificate")
    pair.end()


def test_certificates_that_cannot_be_used(lab: Lab, build: Path) -> None:
    authority, other = Authority(lab.directory / "ca"), Authority(lab.directory / "other")
    directory = lab.directory / "agent"

    def refuses(code: int, cert: Path | str, key: Path | str, *parts: str) -> None:
        settings = {"API_TLS_CERT": str(cert), "API_TLS_KEY": str(key)}
        agent = Agent(lab.entry, build, directory / str(len(list(directory.glob("*")))), **settings)
        fails_to_start(agent, code, *parts)

    directory.mkdir()
    missing = lab.directory / "missing.pem"
    refuses(1, missing, authority.key, "API_TLS_CERT", f"{missing} does not exist")
    refuses(1, authority.cert, missing, "API_TLS_KEY", f"{missing} does not exist")
    refuses(1, authority.cert, other.key, str(other.key), "not that of the certificate")
    refuses(1, authority.key, authority.key, "no PEM certificate")
    refuses(2, authority.cert, "", "come together")
    authority.key.chmod(0o644)
    refuses(1, authority.cert, authority.key, str(authority.key), "chmod 600")


# As a server


class TlsWire:
    """A connection that is read at the test's own pace."""

    def __init__(self, agent: Agent) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        raw = agent.host.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        raw.settimeout(20)
        raw.connect(("127.0.0.1", TLS_PORT))
        self.socket = context.wrap_socket(raw)

    def close(self) -> None:
        self.socket.close()

    def ask(self, path: str, token: str) -> None:
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n".encode())

    def is_served(self) -> bool:
        self.ask("/livez", "none")
        length, body = self.head()
        while len(body) < length:
            body += self.socket.recv(512)
        return bool(json.loads(body)["status"] == "ok")

    def head(self) -> tuple[int, bytes]:
        """The length of the answer, and what of it has come with its head."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.socket.recv(512)
            assert more
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        (length,) = [
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        ]
        return length, rest


@pytest.fixture(scope="module")
def long_service(module_pair: Pair) -> str:
    """A service whose routes take an answer of more than a megabyte."""
    entry = module_pair.entry
    service = entry.create_service(module_pair.exit)
    routes = [{"dest_cidr": f"10.{i // 250}.{i % 250}.0/24", "priority": 100} for i in range(15000)]
    for start in range(0, len(routes), 5000):
        answer = entry.api("POST", f"/v1/services/{service}/routes", {"routes": routes[start : start + 5000]})
        assert answer.status == 201, answer
    return service


def test_slow_readers_and_many_requests_on_one_connection(module_pair: Pair, long_service: str) -> None:
    """Records that wait in the library's buffers wake no socket: nothing may depend on another event."""
    entry = module_pair.entry
    path = f"/v1/services/{long_service}/routes"
    slow, quick = TlsWire(entry), TlsWire(entry)
    slow.ask(path, entry.token())
    length, body = slow.head()
    assert length > 1 << 20
    for _ in range(200):
        quick.ask("/livez", "")
        short, rest = quick.head()
        while len(rest) < short:
            rest += quick.socket.recv(4096)
        if len(body) < length:
            body += slow.socket.recv(1000)
    while len(body) < length:
        body += slow.socket.recv(65536)
    assert len(json.loads(body)["routes"]) == 15000
    slow.ask("/livez", "")
    assert slow.head()[0] > 0, "the connection goes on"
    slow.close()
    quick.close()


def test_requests_that_come_together_in_one_record(module_pair: Pair) -> None:
    wire = TlsWire(module_pair.entry)
    wire.socket.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n" * 50)
    data = b""
    while data.count(b'"status":"ok"') < 50:
        more = wire.socket.recv(65536)
        assert more, data.count(b'"status":"ok"')
        data += more
    wire.close()


def test_the_largest_body(module_pair: Pair) -> None:
    entry = module_pair.entry
    for size, status in (((1 << 20), 400), ((1 << 20) + 1, 413)):
        body = b'{"junk":1' + b" " * (size - 10) + b"}"
        path = entry.home / "body"
        path.write_bytes(body)
        headers = ("-H", f"Authorization: Bearer {entry.token()}", "-H", "Content-Type: application/json")
        told = curl(
            entry, "-k", *headers, "-H", "Expect:", "--data-binary", f"@{path}", "-w", "%{http_code}", f"{URL}/v1/services"
        )
        assert told.endswith(str(status)), told


def test_clients_that_break_off(module_pair: Pair) -> None:
    """In the handshake, in a request, in an answer."""
    entry = module_pair.entry
    for cut in (b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"):
        raw = entry.host.socket()
        raw.connect(("127.0.0.1", TLS_PORT))
        raw.sendall(cut)
        raw.close()
    for request in (b"", b"GET /livez HT", b"GET /v1/services HTTP/1.1\r\nHost: a\r\n\r\n"):
        wire = TlsWire(entry)
        wire.socket.sendall(request)
        wire.socket.unwrap() if not request else wire.close()
    assert insecure(entry, "/livez")["status"] == "ok"


def test_a_peer_tells_its_fingerprint(module_pair: Pair) -> None:
    """Who trusts one agent learns from it how to reach the others safely."""
    there = module_pair.exit.get("/v1/cluster/identity")
    peer = module_pair.entry.get(f"/v1/peers/{module_pair.exit.id}")
    assert peer["api_fingerprint"] == there["api_fingerprint"]
    assert peer["api_tls_port"] == TLS_PORT


def test_a_route_for_everything_spares_the_peers_tls_port(module_pair: Pair) -> None:
    entry, exit_ = module_pair.entry, module_pair.exit
    service = entry.create_service(exit_)
    entry.add_route(service, dest="0.0.0.0/0")
    module_pair.wait_until_carried(service)
    before = entry.captured(service)
    address = exit_.host.address(4, "wan")
    fingerprint = pin(exit_.get("/v1/cluster/identity")["api_fingerprint"])
    told = curl(entry, "-k", "--pinnedpubkey", fingerprint, f"https://{address}:{TLS_PORT}/livez")
    assert json.loads(told)["status"] == "ok"
    assert entry.captured(service) == before
    assert entry.api("DELETE", f"/v1/services/{service}").status == 204


# The command line


def test_the_command_line_needs_to_trust(module_pair: Pair) -> None:
    entry = module_pair.entry
    refused = entry.cli("--url", URL, "peers", "list", code=3)
    assert "cannot trust the agent" in refused.stderr
    assert entry.get("/v1/cluster/identity")["api_fingerprint"] in refused.stderr


@pytest.mark.slow
@pytest.mark.timing
@pytest.mark.waits
def test_a_handshake_that_never_ends_is_cut(module_pair: Pair) -> None:
    started = time.monotonic()
    raw = module_pair.entry.host.socket()
    raw.settimeout(20)
    raw.connect(("127.0.0.1", TLS_PORT))
    raw.sendall(b"\x16\x03\x01\x02\x00\x01")
    assert raw.recv(1) == b""
    assert 8 < time.monotonic() - started < 15
    raw.close()
