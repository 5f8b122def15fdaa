"""arctic compose against live agents: from nothing to traffic, round trips, drift, what stays and what goes."""

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
import yaml
from agents import API_PORT, Agent, Pair
from arctic_lab import Lab, wait_for
from composing import Composition, address_of, bare_pair, route
from flows import carried


@pytest.fixture
def bare(lab: Lab, build: Path) -> Iterator[Composition]:
    with bare_pair(lab, build) as agents:
        yield Composition(agents)


@pytest.fixture
def composition(module_pair: Pair) -> Composition:
    """A file for the pair of this module, whose services are those of no earlier test."""
    for old in module_pair.entry.get("/v1/services")["services"]:
        assert module_pair.entry.api("DELETE", f"/v1/services/{old['id']}").status == 204
    return Composition(module_pair)


def service_named(pair: Pair, name: str) -> dict:
    (found,) = [item for item in pair.entry.get("/v1/services")["services"] if item["name"] == name]
    return dict(pair.entry.service(found["id"]))


def actions(plan: dict) -> list[tuple[str, str, str]]:
    return [(step["action"], step["kind"], step["name"]) for step in plan["steps"]]


def test_two_bare_agents_become_a_cluster_that_carries_traffic(lab: Lab, bare: Composition) -> None:
    entry = bare.pair.entry
    bare.add_service("web", route("10.2.0.0/24"), route("fd02::/64"))
    planned = bare.plan()
    assert actions(planned) == [
        ("bootstrap", "peer", "entry"),
        ("bootstrap", "peer", "exit"),
        ("add", "peer", "exit"),
        ("create", "service", "web"),
    ]
    assert not entry.config.exists(), "a plan changes nothing"
    bare.apply()
    (service,) = entry.get("/v1/services")["services"]
    wait_for(lambda: entry.service(service["id"])["state"] == "active", 5, "an active service")
    lab.server.serve("http", 80)
    wait_for(lambda: carried(lab, lab.client), 5, "traffic that the exit opens")
    assert entry.captured(service["id"]) > 0
    again = bare.apply()
    assert "nothing to do" in again.stdout
    # One cluster with one set of credentials for both, the current one, kept as secrets are.
    config = yaml.safe_load(entry.config.read_text())
    (key,) = config["clusters"]
    assert config["current_cluster"] == key
    assert {peer["name"] for peer in config["clusters"][key]["peers"]} == {"entry", "exit"}
    assert stat.S_IMODE(entry.config.stat().st_mode) == 0o600
    assert [peer["state"] for peer in entry.cli_json("peers", "list", "--remote")] == ["connected"]
    bare.assert_applied()


def test_a_service_between_two_that_meet_by_hearsay(lab: Lab, build: Path, bare: Composition) -> None:
    """The asked agent adds them both; they hear of each other from it."""
    third = Agent(lab.server, build, lab.directory / "agents" / "third")
    third.start()
    bare.document["peers"].append({"name": "third", "address": f"{lab.server.ipv4}:{API_PORT}"})
    bare.add_service("between", route("10.2.0.0/24"), source_peer="exit", target_peer="third")
    bare.apply()
    bare.assert_applied()
    assert service_named(bare.pair, "between")["state"] == "active"
    third.end()


def test_a_peer_that_is_renamed_is_known_by_its_new_name(bare: Composition) -> None:
    bare.apply()
    bare.document["peers"][1]["name"] = "branch"
    bare.apply()
    assert {peer["name"] for peer in bare.pair.entry.cli_json("--cluster", "branch", "peers", "list")} == {"entry", "branch"}


def test_a_bare_peer_comes_to_a_cluster_that_is_there(bare: Composition) -> None:
    pair = bare.pair
    pair.entry.bootstrap(pair.license)
    bare.add_service("web", route("10.2.0.0/24"))
    assert actions(bare.plan())[:2] == [("bootstrap", "peer", "exit"), ("add", "peer", "exit")]
    applied = bare.apply()
    assert "the licence and the new credentials go unencrypted to http://10.9.0.2:8080\n" in applied.stderr
    bare.assert_applied()


def test_a_service_from_a_peer_that_has_just_been_added(lab: Lab, bare: Composition) -> None:
    """Its records come over a link that it has yet to make; its answers over the one that it was added by."""
    bare.pair.entry.bootstrap(bare.pair.license)
    lab.wan.set(delay_ms=100)
    bare.add_service("back", route("10.1.0.0/24"), source_peer="exit", target_peer="entry")
    bare.apply()
    bare.assert_applied()


def test_a_peer_that_has_just_been_added_to_many_records(lab: Lab, bare: Composition) -> None:
    """It is asked for a service before it has heard of the client that asks: that takes more turns the more there is to tell."""
    entry = bare.pair.entry
    entry.bootstrap(bare.pair.license)
    for i in range(40):
        made = entry.api("POST", "/v1/credentials", {"scopes": ["urn:tillered:arctic:peers.read"], "name": f"many-{i}"})
        assert made.status == 201, made
    lab.wan.set(delay_ms=100)
    bare.add_service("back", route("10.1.0.0/24"), source_peer="exit", target_peer="entry")
    bare.apply()
    bare.assert_applied()


def test_a_run_that_ended_before_a_peer_was_added_goes_on_in_its_cluster(bare: Composition) -> None:
    """Also where the file has another address for the cluster's agent than the configuration."""
    entry, exit_ = bare.pair.entry, bare.pair.exit
    entry.bootstrap(bare.pair.license)
    before = yaml.safe_load(entry.config.read_text())["current_cluster"]
    bare.add_service("web", route("10.2.0.0/24"))
    exit_.host.run("nft", "add table ip cut; add chain ip cut in { type filter hook input priority 0; }")
    exit_.host.run("nft", "add rule ip cut in tcp dport 61000 reject with tcp reset")
    stopped = bare.apply(code=6)
    assert "done      bootstrap peer exit\n  failed    add peer exit\n" in stopped.stderr
    exit_.host.run("nft", "delete table ip cut")
    assert yaml.safe_load(entry.config.read_text())["current_cluster"] == before
    assert actions(bare.plan()) == [("add", "peer", "exit"), ("create", "service", "web")]
    bare.apply()
    assert list(yaml.safe_load(entry.config.read_text())["clusters"]) == [before]
    bare.assert_applied()


def test_a_peer_that_was_revoked_is_not_planned(bare: Composition) -> None:
    entry, exit_ = bare.pair.entry, bare.pair.exit
    bare.add_service("web", route("10.2.0.0/24"))
    bare.apply()
    revoked = exit_.id
    entry.cli("peers", "delete", "exit", "--yes")
    refused = bare.run("diff", code=3)
    assert f"peer 'exit' ({address_of(exit_)}) is {revoked}, which was revoked" in refused.stderr
    assert refused.stdout == ""


def test_agents_that_lost_their_data_begin_anew(bare: Composition) -> None:
    pair = bare.pair
    bare.add_service("web", route("10.2.0.0/24"))
    bare.apply()
    for agent in (pair.entry, pair.exit):
        agent.stop()
        shutil.rmtree(agent.data_dir)
        agent.forget()
        agent.start()
    bare.apply()
    bare.assert_applied()


def test_without_a_licence_it_says_what_is_missing_and_does_nothing(bare: Composition) -> None:
    del bare.document["license"]
    refused = bare.apply(code=6)
    assert "license: FILE" in refused.stderr
    bare.document["license"] = "lost.json"
    refused = bare.apply(code=1)
    assert f"the licence that {bare.path} names" in refused.stderr and "lost.json" in refused.stderr
    assert bare.pair.entry.api("GET", "/v1/cluster/identity", token=None).status == 503


def test_an_agent_that_is_away_is_named(bare: Composition) -> None:
    bare.pair.exit.stop()
    refused = bare.apply("--timeout", "5s", code=4)
    assert "'exit'" in refused.stderr and "10.9.0.2:8080" in refused.stderr


def test_all_settings_are_carried_out_and_change(composition: Composition) -> None:
    service = composition.add_service(
        "all",
        route("10.2.0.0/24", 100, source_cidr="10.1.0.0/24"),
        transport_type="kcp",
        when_unreachable="block",
        interface={"enabled": True, "ipv4": "192.168.100.10/24", "ipv6": "fd00::10/64"},
        qos={"bandwidth_limit_mbps": 1000, "rtt_ms": 100, "memory_limit_kb": 4096},
    )
    composition.apply()
    live = service_named(composition.pair, "all")
    assert live["transport_type"] == "kcp" and live["when_unreachable"] == "block"
    assert live["desired_interface_ipv4"] == "192.168.100.10/24" and live["desired_interface_ipv6"] == "fd00::10/64"
    assert live["qos"] == service["qos"]
    composition.assert_applied()

    service.update(
        transport_type="tcp", fully_transparent=True, interface={"enabled": True}, qos={"rtt_ms": 50}
    )
    del service["when_unreachable"]
    (step,) = composition.plan()["steps"]
    assert {change["field"]: (change["old"], change["new"]) for change in step["changes"]} == {
        "transport_type": ("kcp", "tcp"),
        "fully_transparent": (False, True),
        "interface.ipv4": ("192.168.100.10/24", None),
        "interface.ipv6": ("fd00::10/64", None),
        "when_unreachable": ("block", "step_aside"),
        "qos.bandwidth_limit_mbps": (1000, 0),
        "qos.rtt_ms": (100, 50),
        "qos.memory_limit_kb": (4096, 0),
    }
    composition.apply()
    assert service_named(composition.pair, "all")["id"] == live["id"]
    composition.assert_applied()

    service.update(fully_transparent=False, interface={"enabled": False, "ipv4": "192.168.100.10/24"})
    composition.apply()
    live = service_named(composition.pair, "all")
    assert not live["requires_interface"] and live["desired_interface_ipv4"] is None
    composition.assert_applied()


def test_routes_are_a_set_and_a_new_priority_keeps_the_id(composition: Composition) -> None:
    service = composition.add_service("web", route("10.2.0.0/24"), route("10.3.0.0/16"), route("10.4.0.0/16"))
    composition.apply()
    before = {item["dest_cidr"]: item for item in service_named(composition.pair, "web")["routes"]}
    service["routes"] = [route("10.5.0.0/16"), route("10.3.0.0/16", 7), route("10.2.0.0/24")]
    (step,) = composition.plan()["steps"]
    assert [item["dest_cidr"] for item in step["routes"]["add"]] == ["10.5.0.0/16"]
    (changed,) = step["routes"]["update"]
    assert (changed["id"], changed["old_priority"], changed["priority"]) == (before["10.3.0.0/16"]["id"], 100, 7)
    (gone,) = step["routes"]["delete"]
    assert gone["id"] == before["10.4.0.0/16"]["id"]
    composition.apply()
    after = {item["dest_cidr"]: item for item in service_named(composition.pair, "web")["routes"]}
    assert after["10.2.0.0/24"] == before["10.2.0.0/24"]
    assert after["10.3.0.0/16"] == {**before["10.3.0.0/16"], "priority": 7}
    assert set(after) == {"10.2.0.0/24", "10.3.0.0/16", "10.5.0.0/16"}


def test_what_an_operator_changed_by_hand_is_taken_back(composition: Composition) -> None:
    composition.add_service("web", route("10.2.0.0/24"))
    composition.apply()
    entry = composition.pair.entry
    entry.cli("services", "update", "web", "--bandwidth-limit", "5")
    entry.add_route("web", dest="10.7.0.0/16")
    shown = composition.run("diff").stdout
    assert "~ service web" in shown
    assert "qos.bandwidth_limit_mbps: 5 -> 0" in shown
    assert "- route any -> 10.7.0.0/16, priority 100" in shown
    composition.apply()
    composition.assert_applied()


def test_services_that_the_file_does_not_have_stay_without_prune(composition: Composition) -> None:
    entry = composition.pair.entry
    entry.create_service(composition.pair.exit, "--name", "by-hand")
    composition.add_service("web", route("10.2.0.0/24"))
    kept = composition.apply()
    assert "by-hand" in kept.stdout and "--prune" in kept.stdout
    assert {item["name"] for item in entry.get("/v1/services")["services"]} == {"by-hand", "web"}
    assert actions(composition.plan("--prune")) == [("delete", "service", "by-hand")]
    assert composition.plan()["kept"] == ["by-hand"]
    composition.apply("--prune")
    assert {item["name"] for item in entry.get("/v1/services")["services"]} == {"web"}


def test_other_peers_make_it_another_service(composition: Composition) -> None:
    service = composition.add_service("web", route("10.2.0.0/24"))
    composition.apply()
    old = service_named(composition.pair, "web")["id"]
    service["source_peer"], service["target_peer"] = service["target_peer"], service["source_peer"]
    (step,) = composition.plan()["steps"]
    assert step["action"] == "replace"
    assert {"field": "source_peer", "old": "entry", "new": "exit"} in step["changes"]
    composition.apply()
    live = service_named(composition.pair, "web")
    assert live["id"] != old and live["source_peer_id"] == composition.pair.exit.id
    composition.assert_applied()


def test_diff_and_dry_run_show_the_same_and_change_nothing(composition: Composition) -> None:
    composition.add_service("web", route("10.2.0.0/24"), route("fd02::/64", 20), qos={"rtt_ms": 7})
    before = composition.pair.entry.get("/v1/services")
    shown = composition.run("diff").stdout
    assert composition.run("apply", "--dry-run").stdout == shown
    assert shown.startswith("+ service web: entry -> exit, tcp\n    qos.rtt_ms: 7\n    + route any -> 10.2.0.0/24")
    assert "Plan: 1 to create." in shown
    assert composition.run("diff", "--exit-code", code=7).stdout == shown
    assert composition.pair.entry.get("/v1/services") == before
    # Without a terminal nothing is changed unasked.
    refused = composition.run("apply", code=2)
    assert "--yes" in refused.stderr
    assert composition.pair.entry.get("/v1/services") == before
    composition.apply()
    assert composition.run("diff", "--exit-code").stdout.startswith("The cluster is as ")


@pytest.mark.parametrize("redirection", [">/dev/full", ">&-"])
def test_a_plan_that_cannot_be_shown_is_not_carried_out(composition: Composition, redirection: str) -> None:
    entry = composition.pair.entry
    composition.add_service("web", route("10.2.0.0/24"))
    composition.write()
    result = subprocess.run(
        entry.host.command("sh", "-c", f'arctic compose apply --yes "$0" {redirection}', str(composition.path)),
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
        env=entry.cli_environment,
        check=False,
    )
    assert result.returncode == 1 and result.stderr.startswith("arctic: cannot write the output: "), result
    assert entry.get("/v1/services")["services"] == []


def test_export_is_valid_laid_out_and_plans_nothing(composition: Composition) -> None:
    pair, entry = composition.pair, composition.pair.entry
    entry.create_service(pair.exit, "--name", "yes")
    entry.add_route("yes", source="10.1.0.0/24", dest="10.2.0.0/24", priority=2147483647)
    entry.add_route("yes", dest="::/0", priority=1)
    entry.add_route("yes", dest="::/0", priority=1)
    entry.create_service(pair.exit, "--name", "01: \"quoted\" #1", "--requires-interface", "--desired-ipv4", "10.5.0.1/16")
    entry.cli("services", "update", "01: \"quoted\" #1", "--bandwidth-limit", "1000")
    entry.create_service(pair.exit, "--name", "takes nothing")
    exported = entry.cli("compose", "export").stdout
    path = composition.path.parent / "exported.yaml"
    path.write_text(exported)
    assert entry.cli("compose", "fmt", "--file", str(path)).stdout == exported
    entry.cli("compose", "fmt", "--check", "--file", str(path))
    entry.cli("compose", "validate", "--file", str(path))
    assert entry.cli_json("compose", "diff", "--file", str(path))["steps"] == []
    assert "nothing to do" in entry.cli("compose", "apply", str(path)).stdout
    document = yaml.safe_load(exported)
    assert [peer["name"] for peer in document["peers"]] == ["entry", "exit"]
    assert [service["name"] for service in document["services"]] == ["01: \"quoted\" #1", "yes"]
    assert "'takes nothing'" in exported, "what cannot be said is not passed over in silence"


def test_a_change_that_is_refused_stops_the_run_and_says_how_far_it_came(composition: Composition) -> None:
    entry = composition.pair.entry
    used = len(entry.get("/v1/services")["services"])
    for number in range(100 - used + 1):
        composition.add_service(f"many-{number:03}", route(f"10.{number}.0.0/16"))
    refused = composition.apply(code=6)
    assert "service" in refused.stderr and "licence allows" in refused.stderr
    assert "100 of 101 steps are done" in refused.stderr
    assert "failed    create service" in refused.stderr
    assert entry.api("GET", "/livez").status == 200
    composition.document["services"].pop()
    composition.apply("--prune")
    composition.assert_applied()


def test_the_plan_as_json_is_what_apply_prints_too(composition: Composition) -> None:
    composition.add_service("web", route("10.2.0.0/24"))
    planned = composition.plan()
    applied = json.loads(composition.apply("--json").stdout)
    assert applied == planned
    assert planned["summary"]["create"] == 1


def test_a_file_about_another_cluster_is_not_applied_to_the_current_one(composition: Composition) -> None:
    composition.add_service("web", route("10.2.0.0/24"))
    for peer, port in zip(composition.document["peers"], (1, 2), strict=True):
        peer.update(name=f"other-{port}", address=f"127.0.0.1:{port}")
    composition.document["services"][0].update(source_peer="other-1", target_peer="other-2")
    refused = composition.apply(code=4)
    assert "other-1" in refused.stderr
    assert composition.pair.entry.get("/v1/services")["services"] == []


def test_two_peers_of_a_file_are_not_the_same_agent(composition: Composition) -> None:
    exit_ = composition.pair.exit
    composition.document["peers"][1]["address"] = f"exit.example:{API_PORT}"
    for address in (address_of(exit_), f"[{exit_.host.address(6, 'wan')}]:{API_PORT}"):
        composition.document["peers"][2:] = [{"name": "twin", "address": address}]
        refused = composition.run("diff", code=6)
        assert refused.stdout == ""
        assert f"the peers 'exit' and 'twin' of the document are one agent, {exit_.id}" in refused.stderr


def test_a_file_about_another_cluster_does_not_make_it_the_current_one(bare: Composition) -> None:
    entry, url = bare.pair.entry, f"http://{address_of(bare.pair.entry)}"
    entry.cli("bootstrap", "--url", url, "--license-file", str(bare.pair.license), "--name", "entry")
    saved = yaml.safe_load(entry.config.read_text())
    saved["clusters"]["clu_other"] = {"cluster_id": "clu_other", "peers": []}
    saved["current_cluster"] = "clu_other"
    entry.config.write_text(yaml.safe_dump(saved))
    bare.add_service("web", route("10.2.0.0/24"))
    assert actions(bare.plan())[1] == ("add", "peer", "exit")
    bare.apply()
    assert yaml.safe_load(entry.config.read_text())["current_cluster"] == "clu_other"
    bare.assert_applied()


def test_a_cluster_that_is_known_by_https_is_found_by_its_hosts(bare: Composition) -> None:
    entry, exit_ = bare.pair.entry, bare.pair.exit
    entry.bootstrap(bare.pair.license)
    url = f"https://{exit_.host.address(4, 'wan')}:8443"
    entry.cli("bootstrap", "--url", url, "--license-file", str(bare.pair.license), "--name", "exit")
    entry.cli("config", "use-cluster", "entry")
    # Named like the peer of the current cluster, which the file is not about.
    bare.document["peers"] = [{"name": "entry", "address": address_of(exit_)}]
    assert [(step["name"], step["id"]) for step in bare.plan()["steps"]] == [("entry", exit_.id)]


# The program and its files


def test_arctic_compose_is_a_program_of_its_own(composition: Composition) -> None:
    entry = composition.pair.entry
    composition.write()

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        command = entry.host.command("arctic-compose", *args)
        return subprocess.run(command, env=entry.cli_environment, capture_output=True, text=True, check=False)

    assert run("validate", "-f", str(composition.path)).returncode == 0
    assert run("--json", "diff", "-f", str(composition.path)).stdout == entry.cli(
        "--json", "compose", "diff", "-f", str(composition.path)
    ).stdout
    assert "Usage: arctic compose diff" in run("diff", "--help").stdout
    assert run("help", "diff").stdout == run("diff", "--help").stdout
    assert run("nonsense").returncode == 2


def test_without_arctic_compose_it_is_said_where_it_belongs(composition: Composition, build: Path, tmp_path: Path) -> None:
    alone = tmp_path / "arctic"
    shutil.copy(build / "cli" / "arctic", alone)
    environment = {**composition.pair.entry.cli_environment, "PATH": str(tmp_path), "LD_LIBRARY_PATH": str(build / "lib")}
    result = subprocess.run([alone, "compose", "init"], env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("arctic: arctic-compose is not installed")


def test_init_and_fmt_write_files_with_care(composition: Composition) -> None:
    entry, path = composition.pair.entry, composition.path
    path.unlink(missing_ok=True)
    entry.cli("compose", "init", str(path))
    entry.cli("compose", "validate", str(path))
    both = entry.cli("compose", "apply", str(path), "-f", "other.yaml", code=2)
    assert "two files are named" in both.stderr and "other.yaml" in both.stderr
    entry.cli("compose", "fmt", "--check", "-f", str(path))
    assert "exists already" in entry.cli("compose", "init", "-f", str(path), code=6).stderr

    path.write_text("version:   v1 # why\npeers: \n- {name: a,address: 'h:1'}\n")
    path.chmod(0o640)
    link = path.with_name("link.yaml")
    link.symlink_to(path)
    before = path.read_text()
    assert entry.cli("compose", "fmt", "-f", str(path)).stdout == "version: v1  # why\n\npeers:\n  - {name: a, address: 'h:1'}\n"
    assert f"fmt --write {path}'" in entry.cli("compose", "fmt", "--check", "-f", str(path), code=1).stderr
    assert path.read_text() == before
    entry.cli("compose", "fmt", "--write", "-f", str(link))
    assert link.is_symlink() and path.read_text() == "version: v1  # why\n\npeers:\n  - {name: a, address: 'h:1'}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    entry.cli("compose", "fmt", "--check", "-f", str(path))
    link.unlink()


def test_what_is_no_regular_file_is_written_to(composition: Composition, tmp_path: Path) -> None:
    """Root would put a file in the place of /dev/null otherwise."""
    entry, pipe = composition.pair.entry, tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout
        try:
            entry.cli("compose", "export", str(pipe), "--force")
            assert pipe.is_fifo()
            assert reader.stdout.read() == entry.cli("compose", "export").stdout
        finally:
            reader.kill()


def test_faults_have_places_and_stdin_will_do(composition: Composition) -> None:
    entry = composition.pair.entry
    text = "version: v1\npeers:\n  - {name: a, address: \"h:1\"}\n  - {name: b, address: h}\nservice: []\n"
    refused = entry.cli("compose", "validate", "-f", "-", stdin=text, code=6)
    assert refused.stderr.splitlines()[:2] == [
        "stdin:4:24: 'h' is no address such as 192.0.2.1:8080, [2001:db8::1]:8080 or host.example:8080",
        "stdin:5:1: unknown key 'service', expected one of version, license, peers, services",
    ]
    told = json.loads(entry.cli("compose", "validate", "--json", "-f", "-", stdin=text, code=6).stdout)
    assert [(fault["file"], fault["line"], fault["column"]) for fault in told] == [("stdin", 4, 24), ("stdin", 5, 1)]
    assert "stdin has 2 faults" in entry.cli("compose", "apply", "--yes", "-f", "-", stdin=text, code=6).stderr
    assert "there is no cluster.yaml here" in entry.cli("compose", "diff", code=2).stderr


def test_apply_asks_on_a_terminal_and_shows_each_step(composition: Composition) -> None:
    entry = composition.pair.entry
    composition.add_service("web", route("10.2.0.0/24"))
    composition.write()
    command = entry.host.command("arctic", "compose", "apply", "-f", str(composition.path))
    for answer, code in (("n", 1), ("y", 0)):
        child = pexpect.spawn(command[0], command[1:], env={**entry.cli_environment, "TERM": "dumb"}, encoding="utf-8", timeout=20)
        child.expect_exact("+ service web: entry -> exit, tcp")
        child.expect_exact("Carry this out? [y/N] ")
        child.sendline(answer)
        if code == 0:
            child.expect_exact("service web created")
            child.expect_exact("Done: 1 step.")
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == code
    composition.assert_applied()
