"""What strangers get out of live agents, which is nothing: not who is there, and not what a licence says."""

import json
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
from agents import API_PORT, issue_license
from arctic_lab import Connection, Namespace
from clusters import TERMS, Cluster
from control_peer import control_peer
from hostile import CONTROL, HASH, Record, cluster, new_id, shared, without, write_key
from tunnel_peer import TunnelPeer, make_key

__all__ = ["cluster", "shared"]  # fixtures


@pytest.fixture(scope="module")
def mallory(cluster: Cluster) -> Namespace:
    return cluster.guests["mallory"]


@pytest.fixture(scope="module")
def private(cluster: Cluster, shared: tuple[str, str]) -> list[str]:
    """What none but members may see: other peers, names, and what makes the licence one."""
    victim, witness, third = cluster.agents
    license = json.loads(cluster.license.read_text())
    own = victim.get(f"/v1/peers/{victim.id}")
    return [
        *shared,
        witness.id,
        third.id,
        witness.host.ipv4,
        third.host.ipv4,
        f'"{witness.name}"',
        f'"{own["name"]}"',
        license["customer_id"],
        license["admission_secret"],
        license["signature"],
        victim.credentials[0],
    ]


def check_refusal(messages: list[Record], private: list[str], told: str) -> Record:
    """There is one message, which refuses, and says nothing else."""
    (refusal,) = messages
    assert refusal["type"] == "refused" and told in refusal["error"], refusal
    assert set(refusal) <= {"type", "code", "error", "revocation"}
    text = json.dumps({name: refusal[name] for name in ("code", "error")})
    assert not [word for word in private if word in text], refusal
    return refusal


def stranger(cluster: Cluster, build: Path, *options: str, license: Path | None = None) -> Any:
    place = cluster.guests["mallory"], build, license or cluster.license, cluster.agents[0].host.ipv4
    return control_peer(*place, "--stranger", *options)


def test_another_customer(cluster: Cluster, build: Path, private: list[str]) -> None:
    license = issue_license(build, cluster.agents[0], cluster.directory / "other.json", *TERMS)
    with stranger(cluster, build, license=license) as other:
        other.send(other.hello)
        check_refusal(other.hear_to_end(), private, "another customer")


def test_a_licence_without_its_file(cluster: Cluster, build: Path, private: list[str]) -> None:
    """Who has seen a licence has not got it."""
    with stranger(cluster, build) as other:
        other.send({**other.hello, "admission": other.hello["signature"]})
        check_refusal(other.hear_to_end(), private, "whose file it does not hold")


@pytest.mark.parametrize("member", ["license", "signature", "admission", "challenge", "peer", "version"])
def test_a_hello_that_lacks_something(cluster: Cluster, build: Path, private: list[str], member: str) -> None:
    with stranger(cluster, build) as other:
        other.send(without(other.hello, member))
        check_refusal(other.hear_to_end(), private, "")


def test_an_id_with_another_key(cluster: Cluster, build: Path, private: list[str]) -> None:
    witness = cluster.agents[1].id
    with stranger(cluster, build, "--id", witness) as other:
        other.send(other.hello)
        check_refusal(other.hear_to_end(), [word for word in private if word != witness], "another key")


def test_a_hello_of_another_connection(cluster: Cluster, build: Path, private: list[str]) -> None:
    """The same key, the same host, a moment later."""
    key = write_key(cluster.directory / "replay.key")
    options = ("--key", str(key), "--id", new_id("peer"))
    with stranger(cluster, build, *options) as former, stranger(cluster, build, *options) as other:
        other.send(former.hello)
        check_refusal(other.hear_to_end(), private, "does not hold for this connection")


@pytest.mark.parametrize("type", ["digest", "want", "ping", "request", "welcome", "refused", ""])
def test_no_hello(cluster: Cluster, build: Path, private: list[str], type: str) -> None:
    rest = {"items": [["peer", cluster.agents[0].id]], "root": HASH, "id": 1, "method": "GET", "target": "/v1/peers"}
    with stranger(cluster, build) as other:
        other.send({"type": type, **rest})
        check_refusal(other.hear_to_end(), private, "no hello")


def test_a_revoked_peer(cluster: Cluster, build: Path, private: list[str]) -> None:
    """It is told by whom and that it was, with the record that proves it, and nothing of others."""
    key = write_key(cluster.directory / "revoked.key")
    id = new_id("peer")
    victim = cluster.agents[0]
    with control_peer(
        cluster.guests["mallory"], build, cluster.license, victim.host.ipv4, "--key", str(key), "--id", id
    ) as member:
        assert victim.api("DELETE", f"/v1/peers/{id}").status == 204
        member.hear_to_end()
    with stranger(cluster, build, "--key", str(key), "--id", id) as other:
        other.send(other.hello)
        revocation = check_refusal(other.hear_to_end(), private, "has been revoked")["revocation"]
        assert (revocation["kind"], revocation["owner"]) == ("revocation", victim.id)
        assert (revocation["body"]["peer_id"], revocation["body"]["public_key"]) == (id, other.public_key)
        assert set(revocation["body"]) == {"id", "peer_id", "public_key", "created_at"}


@pytest.mark.parametrize("protocol", [CONTROL, "arctic-flow/1"])
@pytest.mark.parametrize("key", ["", "stranger"])
def test_bytes_at_the_tunnel_port(cluster: Cluster, private: list[str], protocol: str, key: str) -> None:
    """Also in its certificate the agent shows its key and no more."""
    victim = cluster.agents[0]
    path = make_key(cluster.directory / "stranger.key") if key else None
    received = b""
    try:
        with TunnelPeer(cluster.guests["mallory"], victim.host.ipv4, path, cluster.directory, protocol) as other:
            assert isinstance(other.socket, ssl.SSLSocket)
            received += other.socket.getpeercert(binary_form=True) or b""
            other.send(b"\xff" * 100)
            received += other.receive_to_end()[0]
    except (OSError, EOFError):
        pass
    assert not [word for word in private if word.strip('"').encode() in received]
    assert victim.name.encode() not in received


def test_handshakes_that_fail_fill_no_log(cluster: Cluster, build: Path) -> None:
    victim = cluster.agents[0]
    started_at = time.monotonic()
    before = victim.log.count('"refused a handshake"')
    attempts = lines = 0
    while attempts < 40 or lines == 0:
        with stranger(cluster, build) as other:
            other.send({"type": "digest"})
            other.hear_to_end()
        attempts += 1
        lines = victim.log.count('"refused a handshake"') - before
    assert lines <= time.monotonic() - started_at + 1 and lines < attempts / 2


def test_the_api_without_a_token(cluster: Cluster, private: list[str], mallory: Namespace) -> None:
    victim = cluster.agents[0]
    public = set()
    for path, methods in victim.get("/v1/openapi.json")["paths"].items():
        for method in methods:
            target = path.replace("{id}", victim.id).replace("{client_id}", victim.credentials[0])
            with Connection(mallory, victim.host.ipv4, API_PORT, timeout=5) as connection:
                lines = (f"{method.upper()} {target} HTTP/1.1", "Host: x", "Content-Length: 0", "Connection: close")
                connection.send("".join(f"{line}\r\n" for line in (*lines, "")).encode())
                answer = connection.receive_to_end()[0].decode()
            assert not [word for word in private if word in answer], (method, path)
            if answer.split()[1].startswith("2"):
                public.add(path)
    assert public == {
        "/livez",
        "/readyz",
        "/v1/cluster/identity",
        "/v1/openapi.json",
        "/.well-known/openid-configuration",
        "/.well-known/jwks.json",
    }
