"""docs/clusters.md, taken at its word: the days that need more than one command, on two agents that stand for its agent-a and agent-c."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from agents import API_PORT, Agent, Pair
from arctic_lab import wait_for

PAGE = Path(__file__).resolve().parents[2] / "docs" / "clusters.md"


def block(*words: str) -> str:
    """The one indented block of the page that has all the words in it."""
    found = re.findall(r"(?<=\n\n)(?:    .*\n)+", PAGE.read_text())
    (text,) = [one for one in found if all(word in one for word in words)]
    return re.sub(r"^    ", "", text, flags=re.MULTILINE)


def in_lab(text: str, pair: Pair) -> str:
    there = pair.exit.host.address(4, "wan")
    written = {
        "agent-a": "entry",
        "agent-c": "exit",
        "https://10.0.3.10:8443": f"https://{there}:8443",
        "10.0.3.10:8080": f"{there}:{API_PORT}",
        "license.json": str(pair.license),
        "/var/lib/arctic": str(pair.exit.data_dir),
    }
    for words, real in written.items():
        text = text.replace(words, real)
    return text


def run(agent: Agent, script: str) -> None:
    """As somebody who is logged in on the agent's host types it, with the usual umask."""
    result = subprocess.run(
        agent.host.command("bash", "-euo", "pipefail", "-c", f"umask 022\n{script}"),
        cwd=agent.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env=agent.cli_environment,
        check=False,
    )
    assert result.returncode == 0, f"{script}\n{result.stdout}{result.stderr}"


def identity(agent: Agent) -> dict[str, str]:
    """What an agent tells everybody; the credentials of its own home are those of an earlier life."""
    told: dict[str, str] = agent.api("GET", "/v1/cluster/identity", token=None).json()
    return told


def converged(agent: Agent) -> bool:
    return bool(agent.get("/v1/cluster/status")["converged"])


def test_an_agent_that_is_lost_is_replaced(pair: Pair) -> None:
    entry, former = pair.entry, pair.exit.id
    service = entry.create_service(pair.exit)
    pair.exit.kill()
    shutil.rmtree(pair.exit.data_dir)
    pair.exit.forget()
    pair.exit.start()
    run(entry, in_lab(block("peers delete agent-c", "arctic bootstrap"), pair))
    assert [peer["id"] for peer in entry.cli_json("peers", "list", "--remote")] == [pair.exit.id] != [former]
    assert entry.service(service)["state"] == "error", "services towards the old one are to be made anew"
    entry.cli("services", "delete", service, "--yes")
    anew = entry.create_service(pair.exit)
    wait_for(lambda: entry.service(anew)["state"] == "active", 10, "a service towards the new one")
    wait_for(lambda: converged(entry), 10, "one cluster again")


def test_a_backup_is_made_and_comes_back(pair: Pair) -> None:
    if not shutil.which("sqlite3"):
        pytest.skip("needs the program sqlite3")
    fingerprint = identity(pair.exit)["api_fingerprint"]
    peer = pair.exit.id
    run(pair.exit, in_lab(block("sqlite3"), pair))
    backup = pair.exit.home / "backup"
    assert {path.name: path.stat().st_mode & 0o777 for path in backup.iterdir()} == dict.fromkeys(
        ("arctic.db", "peer.key", "api.pem"), 0o600
    )
    pair.exit.kill()
    shutil.rmtree(pair.exit.data_dir)
    run(pair.exit, in_lab(block("cp -p backup/*"), pair).replace("systemctl start arctic", ""))
    pair.exit.start()
    wait_for(lambda: converged(pair.entry), 15, "the agent is back")
    told = identity(pair.exit)
    assert (told["peer_id"], told["api_fingerprint"]) == (peer, fingerprint)
    assert (pair.exit.data_dir / "arctic.db").stat().st_mode & 0o777 == 0o600


def test_an_agent_goes_over_to_another_cluster(pair: Pair) -> None:
    before = identity(pair.entry)["cluster_id"]
    run(pair.entry, in_lab(block("agent-c peers remove-self"), pair))
    pair.exit.forget()
    assert pair.entry.cli_json("--cluster", "entry", "peers", "list", "--remote") == []
    assert identity(pair.exit)["cluster_id"] != before
    pair.entry.cli("--cluster", "entry", "peers", "add", f"{pair.exit.host.address(4, 'wan')}:{API_PORT}")
    assert identity(pair.exit)["cluster_id"] == before
