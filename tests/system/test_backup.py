"""An agent that comes back from a backup: its peers remember what it has done since."""

import shutil
from pathlib import Path

from access import ask_for_token, create_client, login
from agents import Agent, Pair, running_pair
from arctic_lab import Lab, wait_for
from clock import DAY, Clock

OUTDATED = "the database was not in use for so long"
DELETED_AGAIN = "a peer has told of an own record that was deleted"


def can_login(agent: Agent, client: dict[str, str]) -> bool:
    form = {name: client[name] for name in ("client_id", "client_secret")}
    return ask_for_token(agent, form).status == 200


def converged(*agents: Agent) -> bool:
    told = [agent.get("/v1/cluster/status") for agent in agents]
    return len({one["registry_hash"] for one in told}) == 1 and all(one["converged"] for one in told)


def test_what_was_done_since_a_backup_holds(pair: Pair) -> None:
    entry, exit_ = pair.entry, pair.exit
    changed, deleted = (entry.create_service(exit_) for _ in range(2))
    revoked = create_client(entry, "admin")
    entry.stop()
    backup = entry.home / "backup"
    shutil.copytree(entry.data_dir, backup)
    entry.start()

    made = create_client(entry, "peers.read")
    assert entry.api("DELETE", f"/v1/credentials/{revoked['client_id']}").status == 204
    assert entry.api("DELETE", f"/v1/services/{deleted}").status == 204
    for name in ("first", "second", "third"):
        assert entry.api("PUT", f"/v1/services/{changed}", {"name": name}).status == 200
    assert entry.api("PUT", f"/v1/peers/{entry.id}", {"name": "renamed"}).status == 200
    route = entry.add_route(changed, dest="10.2.0.0/24")
    wait_for(lambda: converged(entry, exit_), 10, "all known at both")

    entry.stop()
    shutil.rmtree(entry.data_dir)
    shutil.copytree(backup, entry.data_dir)
    entry.start()
    wait_for(lambda: converged(entry, exit_), 20, "all known at both again")
    assert not can_login(entry, revoked) and not can_login(exit_, revoked)
    assert can_login(entry, made)
    assert entry.api("GET", "/v1/peers", token=login(entry, made)).status == 200
    assert entry.api("GET", f"/v1/services/{deleted}").status == 404
    wait_for(lambda: entry.service(changed)["state"] == "active", 10, "the service")
    assert entry.service(changed)["name"] == "third"
    assert [one["id"] for one in entry.service(changed)["routes"]] == [route]
    assert "10.2.0.0" in entry.ruleset()
    assert entry.get(f"/v1/peers/{entry.id}")["name"] == "renamed"
    # What it does from now on is news to the others.
    assert entry.api("PUT", f"/v1/services/{changed}", {"name": "fourth"}).status == 200
    assert entry.api("DELETE", f"/v1/credentials/{made['client_id']}").status == 204
    wait_for(lambda: converged(entry, exit_), 10, "the last changes")
    assert not can_login(exit_, made)


def test_agents_that_agree_send_nothing_back(pair: Pair) -> None:
    pair.carry()
    pair.entry.stop()
    pair.entry.start()
    wait_for(lambda: converged(pair.entry, pair.exit), 10, "all known at both")
    for agent in (pair.entry, pair.exit):
        assert "told before" not in agent.log and "remembers" not in agent.log


def delete_after_parting(pair: Pair) -> dict[str, str]:
    """A client of the exit that the entry, stopped now, takes for living; the exit has deleted it."""
    client = create_client(pair.exit, "admin")
    wait_for(lambda: can_login(pair.entry, client), 10, "the client is known")
    pair.entry.stop()
    assert pair.exit.api("DELETE", f"/v1/credentials/{client['client_id']}").status == 204
    pair.exit.stop()
    return client


def pass_the_time(clock: Clock, *agents: Agent) -> None:
    """120 days, in each half of which these agents are in use for a moment, without the others."""
    for days in (60, 120):
        clock.set(days * DAY)
        for agent in agents:
            agent.start()
            agent.stop()


def test_a_backup_of_long_ago_brings_nothing_back(lab: Lab, build: Path) -> None:
    clock = Clock(lab.directory / "clock")
    with running_pair(lab, build, **clock.settings) as pair:
        service = pair.carry()
        client = delete_after_parting(pair)
        pass_the_time(clock, pair.exit)
        for agent in (pair.entry, pair.exit):
            agent.log_out()
            agent.start()
        wait_for(lambda: converged(pair.entry, pair.exit), 20, "all known at both")
        assert OUTDATED in pair.entry.log and OUTDATED not in pair.exit.log
        assert not can_login(pair.entry, client) and not can_login(pair.exit, client)
        pair.wait_until_carried(service)


def test_a_member_that_was_cut_off_for_long_brings_nothing_back(lab: Lab, build: Path) -> None:
    clock = Clock(lab.directory / "clock")
    with running_pair(lab, build, **clock.settings) as pair:
        client = delete_after_parting(pair)
        pass_the_time(clock, pair.exit)
        pass_the_time(clock, pair.entry)
        pair.entry.start()
        assert can_login(pair.entry, client)
        pair.exit.start()
        for agent in (pair.entry, pair.exit):
            agent.log_out()
        wait_for(lambda: not can_login(pair.entry, client), 20, "it is deleted at the entry, too")
        wait_for(lambda: converged(pair.entry, pair.exit), 20, "all known at both")
        assert not can_login(pair.exit, client)
        assert DELETED_AGAIN in pair.exit.log
        assert OUTDATED not in pair.entry.log and OUTDATED not in pair.exit.log
