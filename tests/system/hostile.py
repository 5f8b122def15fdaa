"""A member that lies and a stranger: a cluster that they meet, and what they say to it."""

import json
import random
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from access import create_client
from agents import Agent
from arctic_lab import wait_for
from clusters import Cluster, running_cluster
from control_peer import ControlPeer, control_peer
from tunnel_peer import make_key

Record = dict[str, Any]
HASH = "A" * 43
HOUR = 3_600_000
CONTROL = "arctic-control/1"


@pytest.fixture(scope="module")
def cluster(build: Path) -> Iterator[Cluster]:
    """Two agents that know each other, and hosts beside them for who is none; they log all there is to log."""
    with running_cluster(build, 2, 1, "mallory", LOG_LEVEL="debug") as agents:
        agents.add(0, 1)
        wait_for(lambda: agents.agree(0, 1), 5, "equal hashes")
        yield agents


@dataclass
class Scene:
    """A member that lies to `victim`, which has a friend called `witness`."""

    cluster: Cluster
    member: ControlPeer
    victim: Agent
    witness: Agent
    service: Record
    credential: Record

    def hash(self) -> str:
        return str(self.victim.get("/v1/cluster/status")["registry_hash"])

    def own(self, template: Record, **changes: Any) -> Record:
        """A new record of the member itself, signed, made from somebody else's."""
        id = new_id("svc" if template["kind"] == "service" else "cli")
        body = {**template["body"], "name": id[-8:], **changes.pop("body", {})}
        if template["kind"] == "service":
            body = {"id": id, **without(body, "id"), "source_peer_id": self.member.id}
        else:
            body = {"client_id": id, **without(body, "client_id", "bootstrap")}
        record = {"id": id, "owner": self.member.id, "version": now(), "updated_at": now(), "body": body}
        return self.member.sign({**template, **record, **changes})

    def tell(self, *records: Any) -> None:
        self.member.send({"type": "records", "records": list(records)})

    def refused(self) -> list[str]:
        """What the victim's log says of records and messages of the member."""
        lines = [json.loads(line) for line in self.victim.log.splitlines()]
        return [line["error"] for line in lines if line.get("peer_id") == self.member.id and line["level"] == "warn"]


def now() -> int:
    return int(time.time() * 1000)


def new_id(prefix: str) -> str:
    return f"{prefix}_0" + "".join(random.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=25))


def without(record: Record, *names: str) -> Record:
    return {name: value for name, value in record.items() if name not in names}


def frame(text: bytes, length: int | None = None) -> bytes:
    return (len(text) if length is None else length).to_bytes(4, "big") + text


def get_record(member: ControlPeer, kind: str, id: str) -> Record:
    """A record as the agent gives it to a member."""
    member.send({"type": "want", "items": [[kind, id]]})
    while True:
        for record in member.receive_type("records")["records"]:
            if record["id"] == id:
                return dict(record)


@pytest.fixture(scope="module")
def shared(cluster: Cluster) -> tuple[str, str]:
    """A service and a credential of the witness."""
    victim, witness, _ = cluster.agents
    service = witness.create_service(victim)
    client = create_client(witness, "admin")["client_id"]
    wait_for(lambda: cluster.agree(0, 1), 5, "equal hashes")
    return service, client


@pytest.fixture
def scene(cluster: Cluster, build: Path, shared: tuple[str, str]) -> Iterator[Scene]:
    victim, witness, _ = cluster.agents
    with control_peer(cluster.guests["mallory"], build, cluster.license, victim.host.ipv4) as member:
        service = get_record(member, "service", shared[0])
        credential = get_record(member, "credential", shared[1])
        wait_for(lambda: cluster.agree(0, 1), 5, "equal hashes")
        yield Scene(cluster, member, victim, witness, service, credential)
        member.end()
        assert victim.api("DELETE", f"/v1/peers/{member.id}").status == 204
        wait_for(lambda: cluster.agree(0, 1), 5, "equal hashes")


def write_key(path: Path) -> Path:
    """A key file as an agent writes it: the private key, and the public one once more."""
    make_key(path)
    public = subprocess.run(
        ["openssl", "pkey", "-in", str(path), "-pubout"], check=True, capture_output=True, text=True
    )
    path.write_text(path.read_text() + public.stdout)
    path.chmod(0o600)
    return path
