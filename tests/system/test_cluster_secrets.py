"""Secrets stay where they are."""

import base64
import json
import os
import sqlite3
from pathlib import Path

from access import create_client
from agents import Agent
from arctic_lab import wait_for
from hostile import HASH, Scene, cluster, get_record, scene, shared

__all__ = ["cluster", "scene", "shared"]  # fixtures


def key_text(path: Path) -> str:
    return "".join(line for line in path.read_text().split("-----")[2].split())


def test_secrets_stay_where_they_are(scene: Scene) -> None:
    """Not in a database, not in logs at their most talkative, not told to members, not on a command line."""
    cluster, victim, witness = scene.cluster, scene.victim, scene.witness
    made = create_client(victim, "admin")
    rotated = victim.api("POST", "/v1/cluster/credentials/rotate").json()
    wanted = {"source_peer_id": victim.id, "target_peer_id": witness.id, "transport_type": "tcp"}
    carried = witness.api("POST", "/v1/services", wanted).json()
    recovery = (victim.run_dir / "recovery.token").read_text().strip()
    with_recovery = {"X-Arctic-Recovery": recovery, "Content-Type": "application/json"}
    minted = victim.request("POST", "/v1/credentials", b'{"scopes":["services.read"]}', with_recovery)
    assert minted.status == 201
    wait_for(lambda: cluster.agree(0, 1), 5, "equal hashes")
    scene.member.send({"type": "digest", "root": HASH})
    for kind, id in (("credential", made["client_id"]), ("credential", rotated["client_id"]), ("peer", victim.id)):
        get_record(scene.member, kind, id)
    secrets = {
        "client secrets": made["client_secret"],
        "the rotated secret": rotated["client_secret"],
        "the minted secret": minted.json()["client_secret"],
        "the bootstrap's secret": victim.credentials[1],
        "the witness's secret": witness.credentials[1],
        "a token": victim.token(),
        "the witness's token": witness.token(),
        "the recovery token": recovery,
        "the key": key_text(victim.data_dir / "peer.key"),
        "the seed": base64.b64decode(key_text(victim.data_dir / "peer.key"))[-32:].hex(),
    }
    admission = json.loads(cluster.license.read_text())["admission_secret"]
    processes = [agent.process.pid for agent in cluster.agents if agent.process]
    places = {
        "what a member hears": "".join(scene.member.heard),
        "the log": "".join(agent.log for agent in cluster.agents),
        "command lines": "".join(Path(f"/proc/{pid}/cmdline").read_text() for pid in processes),
        "environments": "".join(Path(f"/proc/{pid}/environ").read_text() for pid in processes),
        "the records": "".join(records_of(agent) for agent in cluster.agents),
    }
    databases = "".join(
        path.read_bytes().decode("latin-1") for agent in cluster.agents for path in agent.data_dir.glob("arctic.db*")
    )
    assert made["client_id"] in places["what a member hears"] and made["client_id"] in databases
    for place, text in places.items():
        assert admission not in text, place
        assert not [name for name, secret in secrets.items() if secret in text], place
    assert not [name for name, secret in secrets.items() if secret in databases]
    # The agent's own copy of the licence is in its database, which nobody else reads.
    for agent in cluster.agents:
        for path in agent.data_dir.iterdir():
            assert not os.stat(path).st_mode & 0o077, path
    assert victim.api("DELETE", f"/v1/services/{carried['id']}").status == 204


def records_of(agent: Agent) -> str:
    with sqlite3.connect(f"file:{agent.data_dir}/arctic.db?mode=ro", uri=True) as database:
        return "".join(str(row) for row in database.execute("SELECT * FROM record"))
