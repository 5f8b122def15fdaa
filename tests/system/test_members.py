"""What peers take from each other: clients and tokens of one work at the other, and only those of peers that have met."""

import urllib.parse
from pathlib import Path

from agents import Agent, Answer, Pair
from arctic_lab import Lab, wait_for


def ask_for_token(agent: Agent, client: tuple[str, str]) -> Answer:
    form = {"grant_type": "client_credentials", "client_id": client[0], "client_secret": client[1]}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return agent.request("POST", "/v1/oauth/token", urllib.parse.urlencode(form).encode(), headers)


def wait_until_known(agent: Agent, client: tuple[str, str]) -> None:
    wait_for(lambda: ask_for_token(agent, client).status == 200, 5, f"{client[0]} known at {agent.name}")


def test_clients_and_tokens_of_either_peer_work_at_both(module_pair: Pair) -> None:
    for here, there in ((module_pair.entry, module_pair.exit), (module_pair.exit, module_pair.entry)):
        wait_until_known(there, here.credentials)
        # Issued here, shown there; and issued there for a client that was made here.
        assert there.api("GET", "/v1/services", token=here.token()).status == 200
        issued = ask_for_token(there, here.credentials).json()["access_token"]
        assert there.api("GET", "/v1/services", token=issued).status == 200
        assert here.api("GET", "/v1/services", token=issued).status == 200


def test_a_scope_that_is_missing_is_missing_at_both(module_pair: Pair) -> None:
    wait_until_known(module_pair.exit, module_pair.entry.credentials)
    reader = module_pair.entry.token("services.read")
    assert module_pair.exit.api("GET", "/v1/services", token=reader).status == 200
    assert module_pair.exit.api("GET", "/v1/peers", token=reader).error == (403, "FORBIDDEN", None)


def test_a_stranger_of_the_same_customer(lab: Lab, build: Path) -> None:
    """An agent with the cluster's own licence that has met nobody: neither its client nor its tokens count."""
    pair = Pair(lab, build)
    pair.start()
    third = Agent(lab.server, build, lab.directory / "agents" / "third")
    third.start()
    third.bootstrap(pair.license)
    assert ask_for_token(pair.entry, third.credentials).error == (401, "UNAUTHORIZED", None)
    answer = pair.entry.api("GET", "/v1/services", token=third.token())
    assert answer.error == (401, "UNAUTHORIZED", None)
    third.stop()
    pair.end()


def test_only_hashes_travel(module_pair: Pair) -> None:
    """What the other peer has of a client does not hold its secret."""
    client_id, secret = module_pair.entry.credentials
    wait_until_known(module_pair.exit, (client_id, secret))
    stored = b"".join(path.read_bytes() for path in module_pair.exit.data_dir.glob("arctic.db*"))
    assert client_id.encode() in stored
    assert secret.encode() not in stored


def test_a_client_is_known_after_a_restart(lab: Lab, build: Path) -> None:
    """On disk, not only while the peer that made it is there."""
    pair = Pair(lab, build)
    pair.start()
    wait_until_known(pair.exit, pair.entry.credentials)
    pair.entry.stop()
    pair.exit.kill()
    pair.exit.start()
    assert ask_for_token(pair.exit, pair.entry.credentials).status == 200
    pair.exit.stop()
