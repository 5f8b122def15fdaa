"""What others do to the kernel state of a live agent: it is noticed, logged as a warning and repaired within the time of the manual."""

import concurrent.futures
import time
from pathlib import Path

import pytest
from agents import Agent, Pair, issue_license, running_pair
from arctic_lab import Lab, http_get, wait_for
from flows import carried, carries_all
from foreign import Foreign
from kernel_setup import ours

# What is repaired, and how it is said and counted, within the time of the manual.
REPAIRED_SECONDS = 2.0

HARMS = {
    "flush ruleset": ("table", "nft flush ruleset"),
    "table deleted and another tool's made": (
        "table",
        "nft delete table inet arctic",
        "nft add table inet firewall",
    ),
    "table put to sleep": ("table", "nft add table inet arctic { flags dormant; }"),
    "rule deleted": ("rule", "ip -4 rule del pref 610"),
    "rule of IPv6 deleted": ("rule", "ip -6 rule del pref 609"),
    "routes flushed": ("route", "ip -4 route flush table 61000"),
    "route of IPv6 deleted": ("route", "ip -6 route del local default table 61000"),
    "anchor deleted": ("anchor", "ip link del arctic0"),
    "anchor down": ("anchor", "ip link set arctic0 down"),
    "setting": ("setting", "sysctl -qw net.ipv4.tcp_slow_start_after_idle=1"),
}


def repaired(lab: Lab, pair: Pair) -> bool:
    """Whether flows of both origins and families are captured."""
    return pair.entry.request("GET", "/readyz").status == 200 and carries_all(lab)


def harm(pair: Pair, commands: tuple[str, ...]) -> None:
    for command in commands:
        pair.entry.host.run(*command.split())


def repairs(agent: Agent) -> dict[str, int]:
    """What arctic_kernel_repairs_total says, without what was never repaired."""
    lines = agent.request("GET", "/metrics").text.splitlines()
    samples = (line.split() for line in lines if line.startswith("arctic_kernel_repairs_total{"))
    return {name.split('"')[1]: int(value) for name, value in samples if value != "0"}


def warnings(agent: Agent) -> int:
    return agent.log.count("someone changed what the agent needs")


def quiet(agent: Agent, seconds: float = 2.5) -> None:
    """Nothing is made anew, or said, without a cause."""
    before = agent.log
    until = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > until, seconds + 3)
    assert agent.log == before


@pytest.mark.slow
@pytest.mark.timing
def test_what_others_change_is_repaired(lab: Lab, build: Path) -> None:
    """In plain mode, where others can change the table; each harm is said and counted once, and nothing of others is touched."""
    lab.server.serve("http", 80)
    with running_pair(lab, build, TABLE_MODE="plain") as pair:
        service = pair.carry()
        assert repaired(lab, pair)
        foreign = Foreign(lab.entry)
        whole = ours(lab.entry)
        counted: dict[str, int] = {}
        took: dict[str, float] = {}
        for what, (kind, *commands) in HARMS.items():
            foreign.make()
            before = foreign.snapshot()
            said = warnings(pair.entry)
            harm(pair, tuple(commands))
            began = time.monotonic()
            wait_for(lambda: ours(lab.entry) == whole, REPAIRED_SECONDS, f"repair: {what}")
            took[what] = time.monotonic() - began
            counted[kind] = counted.get(kind, 0) + 1
            wait_for(lambda: repairs(pair.entry) == counted, 1, f"a count: {what}")
            assert warnings(pair.entry) == said + 1, what
            after = foreign.snapshot()
            if "nft" in commands[0]:  # such a harm is one to others' tables too
                after["nft"] = before["nft"]
            assert after == before, what
            assert repaired(lab, pair), what
            assert pair.entry.service(service)["state"] == "active", what
            http_get(lab.client, lab.server.ipv4, 80, 300_000)
        # Others' things are left alone.
        assert "table inet firewall" in pair.entry.host.run("nft", "list", "tables").stdout
        quiet(pair.entry)
        assert repairs(pair.entry) == counted
        # Looks in turn are two seconds apart, and find settings; for the rest nobody has to wait for them.
        told = [seconds for what, seconds in took.items() if what != "setting"]
        assert sum(told) / len(told) < 0.7, took


def test_what_others_change_beside_an_owned_table(lab: Lab, build: Path) -> None:
    lab.server.serve("http", 80)
    with running_pair(lab, build, TABLE_MODE="owner") as pair:
        pair.carry()
        foreign = Foreign(lab.entry)
        foreign.make()
        whole, before = ours(lab.entry), foreign.snapshot()
        for kind, *commands in HARMS.values():
            if kind == "table":
                continue
            harm(pair, tuple(commands))
            wait_for(lambda: ours(lab.entry) == whole, REPAIRED_SECONDS, f"repair: {commands}")
        assert foreign.snapshot() == before
        assert repaired(lab, pair)
        quiet(pair.entry)


@pytest.mark.timing
def test_own_changes_and_those_of_others_elsewhere_are_no_drift(lab: Lab, build: Path) -> None:
    """A host on which much is going on: thousands of routes, foreign tables, links; and the agent's own commits."""
    with running_pair(lab, build, TABLE_MODE="plain") as pair:
        service = pair.carry()
        routes = [f"route add 203.0.{n >> 6 & 127}.{n % 64 * 4}/30 via 10.9.0.2" for n in range(4000)]
        rules = "; ".join(f"add rule inet other c tcp dport {n} accept" for n in range(1, 200))
        assert pair.entry.process
        spent = cpu_seconds(pair.entry.process.pid)
        for turn in range(3):
            lab.entry.ip(*routes)
            lab.entry.run("nft", f"add table inet other; add chain inet other c; {rules}")
            lab.entry.ip("link add dummy7 type veth peer name dummy6", "link set dummy7 up", "address add 192.0.2.1/24 dev dummy7")
            pair.entry.add_route(service, dest=f"198.51.100.{turn}/32")
            lab.entry.run("nft", "delete table inet other")
            lab.entry.ip("link del dummy7", *(line.replace("add", "del", 1) for line in routes))
        assert cpu_seconds(pair.entry.process.pid) - spent < 1.0
        assert repairs(pair.entry) == {} and warnings(pair.entry) == 0
        quiet(pair.entry)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_an_interface_of_a_service_is_repaired_at_once(lab: Lab, build: Path) -> None:
    """Link and addresses, and counted; other links may come and go."""
    with running_pair(lab, build, PARENT_INTERFACE="lan") as pair:
        addresses = ("10.1.0.10/24", "fd01::10/64")
        service = pair.entry.create_service(
            pair.exit, "--requires-interface", "--desired-ipv4", addresses[0], "--desired-ipv6", addresses[1]
        )
        wait_for(lambda: pair.entry.service(service)["state"] == "active", 10, "an active service")
        name = str(pair.entry.service(service)["interface_name"])

        def whole() -> bool:
            shown = lab.entry.run("ip", "-details", "address", "show", "dev", name, check=False).stdout
            return f"alias {service}" in shown and all(address in shown for address in addresses)

        assert whole()
        for command in (
            f"link del {name}",
            f"address del {addresses[0]} dev {name}",
            f"address del {addresses[1]} dev {name}",
            f"link set {name} alias mine",
        ):
            # An IPv6 address is in use when the kernel has found no other host that has it.
            wait_for(lambda: pair.entry.service(service)["actual_interface_ipv6"] == addresses[1], 10, "IPv6")
            lab.entry.ip(command)
            wait_for(whole, REPAIRED_SECONDS, f"repair: {command}")
        wait_for(lambda: repairs(pair.entry) == {"interface": 2, "address": 2}, 2, "counts")
        lab.entry.ip("link add dummy7 type veth peer name dummy6", "link set dummy7 up", "link del dummy7")
        quiet(pair.entry)


# Each leaves the numbers of elements as they were.
EXCHANGES = {
    "an element of a route map": (
        "delete element inet arctic d4_24 {{ 10.2.0.0 : goto {service} }}",
        "add element inet arctic d4_24 {{ 10.3.0.0 : goto {service} }}",
    ),
    "an element of another map's family": (
        "delete element inet arctic d6_64 {{ fd02:: : goto {service} }}",
        "add element inet arctic d6_64 {{ fd03:: : goto {service} }}",
    ),
}


def test_what_looks_do_not_see_is_found_by_a_sync(lab: Lab, build: Path) -> None:
    with running_pair(lab, build, TABLE_MODE="plain") as pair:
        service = pair.carry()
        whole = ours(lab.entry)
        sync = pair.entry.cli("cluster", "sync")
        assert "Repaired" not in sync.stdout + sync.stderr
        assert pair.entry.api("POST", "/v1/cluster/sync").json()["kernel"] == {"ok": True, "repaired": []}
        for what, commands in EXCHANGES.items():
            lab.entry.run("nft", "; ".join(commands).format(service=service))
            assert ours(lab.entry) != whole
            sync = pair.entry.cli("cluster", "sync")
            assert "Repaired what others had changed of the agent's kernel state: table." in sync.stderr, what
            assert ours(lab.entry) == whole, what
        assert pair.entry.api("POST", "/v1/cluster/sync").json()["kernel"] == {"ok": True, "repaired": []}
        assert repairs(pair.entry) == {"table": len(EXCHANGES)}
        pair.entry.add_route(service, dest="198.51.100.0/24")
        pair.entry.add_route(service, source="10.1.0.0/24", dest="198.51.100.0/25")
        assert pair.entry.api("POST", "/v1/cluster/sync").json()["kernel"] == {"ok": True, "repaired": []}


@pytest.mark.slow
@pytest.mark.timing
def test_a_program_that_keeps_changing_the_same_thing(lab: Lab, build: Path) -> None:
    """It is named, and repairs become seldom; what is repaired otherwise is not kept waiting by it."""
    with running_pair(lab, build, TABLE_MODE="plain") as pair:
        pair.carry()
        whole = ours(lab.entry)
        began = time.monotonic()
        while time.monotonic() - began < 6:
            lab.entry.run("nft", "delete", "table", "inet", "arctic", check=False)
            until = time.monotonic() + 0.15
            wait_for(lambda until=until: time.monotonic() > until, 1)
        # 5 at once, then after 1, 2 and 4 s at the earliest.
        assert 5 <= repairs(pair.entry)["table"] <= 7
        hints = pair.entry.request("GET", "/readyz").json()["checks"]["kernel"]["hints"]
        (hint,) = [text for text in hints if "something keeps changing" in text]
        assert "nft table inet arctic" in hint and "nft monitor" in hint
        assert pair.entry.log.count("something keeps changing") <= 3
        lab.entry.run("ip", "rule", "del", "pref", "610")
        wait_for(lambda: "610:" in lab.entry.run("ip", "rule").stdout, REPAIRED_SECONDS, "another repair")
        wait_for(lambda: ours(lab.entry) == whole, 10, "the last repair of the table")


def test_an_owned_table_is_not_flushed(lab: Lab, build: Path) -> None:
    """As a restart of the nftables service or of firewalld does it: flows do not notice."""
    lab.server.serve("http", 80)
    with running_pair(lab, build, TABLE_MODE="owner") as pair:
        service = pair.carry()
        before = pair.entry.log
        pair.entry.host.run("nft", "flush", "ruleset", check=False)
        assert carried(lab, lab.client) and carried(lab, lab.entry)
        assert pair.entry.captured(service) == 2
        assert pair.entry.log == before


def test_a_table_that_someone_has_left_there(lab: Lab, build: Path) -> None:
    """It is not touched; the agent names the command, and goes on by itself once the table is gone."""
    agent = Agent(lab.entry, build, lab.directory / "agents" / "entry")
    lab.entry.run("nft", "add table inet arctic; add chain inet arctic mine")
    agent.start()
    agent.bootstrap(issue_license(build, agent, lab.directory / "license.json"))
    reason = agent.request("GET", "/readyz").json()["checks"]["kernel"]["reason"]
    assert "nft delete table inet arctic" in reason
    assert "chain mine" in agent.ruleset()
    lab.entry.run("nft", "delete", "table", "inet", "arctic")
    wait_for(lambda: agent.request("GET", "/readyz").status == 200, 40, "an agent that is ready")
    agent.stop()
    lab.entry.run("nft", "add table inet arctic; add chain inet arctic mine")
    process = agent.launch()
    agent.process = None
    assert process.wait(15) == 1
    assert "nft delete table inet arctic" in process.log().splitlines()[-1]
    assert "chain mine" in agent.ruleset()


def test_another_table_takes_the_place_while_the_agent_runs(lab: Lab, build: Path) -> None:
    lab.server.serve("http", 80)
    with running_pair(lab, build, TABLE_MODE="plain") as pair:
        service = pair.carry()
        pair.entry.host.run(
            "nft", "delete table inet arctic; add table inet arctic; add chain inet arctic mine"
        )
        wait_for(lambda: pair.entry.service(service)["state"] == "error", 2, "a service that says so")
        assert "nft delete table inet arctic" in pair.entry.service(service)["state_reason"]
        ready = pair.entry.request("GET", "/readyz")
        assert ready.status == 503 and "nft" in ready.json()["checks"]["kernel"]["reason"]
        assert "chain mine" in pair.entry.ruleset()
        assert not carried(lab, lab.client)
        # It is tried more and more seldom, but at once when the other table goes.
        wait_for(lambda: pair.entry.log.count("will try again") > 2, 10, "three tries")
        pair.entry.host.run("nft", "delete", "table", "inet", "arctic")
        wait_for(lambda: "chain route4" in pair.entry.ruleset(), REPAIRED_SECONDS, "the agent's own table")
        assert repaired(lab, pair)


def test_many_routes_at_once_under_flows(lab: Lab, pair: Pair) -> None:
    """20,000 routes in one request: flows that run go on, new ones are carried all the time, and all routes are there."""
    lab.server.serve("http", 80)
    lab.wan.set(delay_ms=5, rate_mbit=100)
    service = pair.carry("10.2.0.0/24")
    many = pair.entry.create_service(pair.exit)
    routes = [{"dest_cidr": f"10.{99 + n // 250}.{n % 250}.0/24", "priority": 7} for n in range(20_000)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        transfer = pool.submit(http_get, lab.client, lab.server.ipv4, 80, 30_000_000, timeout=60)
        adding = pool.submit(pair.entry.api, "POST", f"/v1/services/{many}/routes", {"routes": routes})
        while not adding.done():
            assert carried(lab, lab.client)
        assert adding.result().status == 201 and adding.result().json()["count"] == len(routes)
        assert carried(lab, lab.client)
        transfer.result()
    assert "10.178.249.0" in pair.entry.ruleset()
    assert pair.entry.service(service)["state"] == pair.entry.service(many)["state"] == "active"
