"""The unit as it is shipped, on a host that systemd runs: started, watched, restarted, stopped and removed by systemd itself.

Machine (systemd_host.py) is the entry of a lab; what is installed there is used as README.md tells a new user.
"""

import json
import re
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, Pair, issue_license
from arctic_lab import Connection, End, Lab, Process, wait_for
from dhcp import Dnsmasq
from flows import VERSIONS, carried, says
from kernel_setup import kernel_state, ours
from service_interfaces import wait_until_active, with_interface
from systemd_host import Machine, missing
from transparency import BANNER, carry_transparently, sees_the_client, targets

pytestmark = pytest.mark.slow

UNIT = "arctic.service"
PREFIX = Path("/usr/local")
ENVIRONMENT = "/etc/arctic/agent.env"
DROP_IN = "/etc/systemd/system/arctic.service.d/test.conf"
STRICT = "/etc/systemd/system/arctic.service.d/strict.conf"
SETTINGS = "PARENT_INTERFACE=lan\n"


def strict(installed: Path) -> str:
    """A drop-in: calls that the unit refuses with an error, of which the agent might say nothing, end it here."""
    if b"__asan_init" in (installed / "usr/local/sbin/arctic-agent").read_bytes():
        # The search for leaks stops all threads by ptrace(2), which is one of them.
        return "[Service]\nEnvironment=ASAN_OPTIONS=detect_leaks=0\n"
    return "[Service]\nSystemCallErrorNumber=\n"


class UnitAgent(Agent):
    """The agent that arctic.service runs. Its directories are the machine's own."""

    def __init__(self, machine: Machine, build: Path, directory: Path) -> None:
        super().__init__(machine.host, build, directory)
        self.machine = machine
        self.data_dir, self.run_dir = Path("/var/lib/arctic"), Path("/run/arctic")

    def set_up(self, drop_in: str) -> None:
        """What README.md and docs/operations.md tell a new user to do once the files are there."""
        self.machine.run("systemd-sysusers", "arctic.conf")
        self.machine.run("systemd-tmpfiles", "--create", "arctic.conf")
        self.machine.write(ENVIRONMENT, SETTINGS)
        self.machine.write(STRICT, drop_in)
        self.machine.run("systemctl", "enable", "--now", "arctic")

    def launch(self) -> Process:
        raise NotImplementedError("systemd starts it")

    def start(self, timeout: float = 30.0) -> None:
        """Returns when systemd calls it started: its API answers then."""
        self.systemctl("start")
        assert self.request("GET", "/livez").status == 200

    def stop(self) -> None:
        self.systemctl("stop")
        assert self.show("Result", "ExecMainStatus", "ActiveState") == ["success", "0", "inactive"], self.log

    def end(self) -> None:
        if self.show("ActiveState") == ["active"]:
            self.stop()

    def systemctl(self, verb: str) -> None:
        self.machine.run("systemctl", verb, "arctic")

    def show(self, *names: str) -> list[str]:
        """Properties of the unit as they are in effect."""
        return [self.machine.show(UNIT, name) for name in names]

    @property
    def main_pid(self) -> str:
        """As the machine sees it."""
        return self.machine.show(UNIT, "MainPID")

    @property
    def log(self) -> str:
        return self.machine.journal("-u", UNIT)


class Site:
    """A pair whose entry is a UnitAgent, with a server behind the exit."""

    def __init__(self, lab: Lab, build: Path, installed: Path) -> None:
        self.lab = lab
        self.installed = installed
        self.before = kernel_state(lab.entry)
        self.machine = Machine(lab.entry, lab.directory, installed)
        self.pair = Pair(lab, build)
        self.entry = UnitAgent(self.machine, build, lab.directory / "unit")
        self.pair.entry = self.entry
        lab.server.serve("http", 80)

    def begin(self, build: Path) -> None:
        self.entry.set_up(strict(self.installed))
        self.pair.exit.start()
        issue_license(build, self.entry, self.pair.license)
        for agent in (self.entry, self.pair.exit):
            agent.bootstrap(self.pair.license)
        self.entry.add_peer(self.pair.exit)

    def all_carried(self) -> bool:
        try:
            return all(
                carried(self.lab, host, version)
                for host in (self.lab.client, self.lab.entry)
                for version in VERSIONS
            )
        except OSError:
            return False

    def end(self) -> None:
        try:
            self.pair.end()
        finally:
            self.machine.stop()


@pytest.fixture(scope="module")
def installed(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that stands for / after an installation."""
    if missing():
        pytest.skip(missing())
    root = tmp_path_factory.mktemp("installed")
    command = ("meson", "install", "-C", str(build), "--no-rebuild", "--quiet", "--destdir", str(root))
    subprocess.run(command, check=True, capture_output=True)
    return root


@pytest.fixture(scope="module")
def site(build: Path, module_lab: Lab, installed: Path) -> Iterator[Site]:
    made = Site(module_lab, build, installed)
    try:
        made.begin(build)
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def service(site: Site) -> str:
    return site.pair.carry()


@pytest.fixture(autouse=True)
def running(site: Site) -> None:
    """Each test begins with an agent that runs, with the settings it has in all of them."""
    site.machine.write(ENVIRONMENT, SETTINGS)
    if site.entry.show("ActiveState") != ["active"]:
        site.machine.run("systemctl", "reset-failed", "arctic", check=False)
        site.entry.start()


# What the unit says is in effect


def status(site: Site) -> dict[str, str]:
    lines = site.machine.run("cat", f"/proc/{site.entry.main_pid}/status").stdout.splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def unit_file(installed: Path) -> dict[str, str]:
    """The section [Service], without what stands there more than once."""
    text = (installed / "usr/local/lib/systemd/system" / UNIT).read_text()
    return dict(re.findall(r"^(\w+)=(.*)$", text.partition("[Service]")[2], re.MULTILINE))


def test_systemd_understands_each_line_of_the_unit(site: Site, installed: Path) -> None:
    lines = unit_file(installed)
    said = site.machine.journal("_PID=1")
    assert [line for line in said.splitlines() if f"{UNIT}:" in line and "Deactivated" not in line] == []
    switches = [name for name, value in lines.items() if value == "yes"]
    assert len(switches) > 12
    shown = {name: site.machine.show(UNIT, name) for name in switches}
    assert {name: value for name, value in shown.items() if value not in ("yes", "cgroup ipc net mnt pid user uts")} == {}
    for name in ("User", "Group", "DevicePolicy", "ProtectSystem", "ProtectProc", "UMask", "StateDirectoryMode"):
        assert site.machine.show(UNIT, name) == lines[name], name
    assert {"network-online.target", "sysinit.target"} <= set(site.machine.show(UNIT, "After").split())
    assert UNIT in site.machine.show("multi-user.target", "Wants").split()
    calls = site.machine.show(UNIT, "SystemCallFilter").split()
    assert "sendmsg" in calls and not {"mount", "ptrace", "init_module", "bpf", "io_uring_setup", "setuid"} & set(calls)
    assert site.machine.run("systemd-analyze", "verify", UNIT).stderr == ""
    site.machine.run("systemd-analyze", "security", "--no-pager", "--threshold=20", UNIT)


def test_the_agent_is_a_user_with_three_capabilities(site: Site) -> None:
    shown = status(site)
    user = site.machine.run("id", "-u", "arctic").stdout.strip()
    assert shown["Uid"].split() == [user] * 4 and user != "0"
    for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
        assert shown[name] == "0000000000003400", name
    assert (shown["NoNewPrivs"], shown["Seccomp"]) == ("1", "2")
    limits = site.machine.run("cat", f"/proc/{site.entry.main_pid}/limits").stdout
    # A machine that may not raise its own limit can not give more than that.
    most = str(min(1048576, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    assert re.findall(r"^Max open files +(\d+) +(\d+) ", limits, re.MULTILINE) == [(most, most)]
    owners = site.machine.run("stat", "-c", "%n %U %a", *map(str, (site.entry.data_dir, site.entry.run_dir))).stdout
    assert owners.split() == ["/var/lib/arctic", "arctic", "700", "/run/arctic", "arctic", "755"]


def test_the_agent_sees_a_read_only_system(site: Site) -> None:
    """What root can not do in the agent's view of the files, it can not either."""

    def there(script: str) -> str:
        view = ("nsenter", "--mount", "--target", site.entry.main_pid, "--", "sh", "-c", script)
        return site.machine.run(*view, check=False).stdout.strip()

    for path in ("/usr/x", "/etc/arctic/x", "/var/lib/x", "/home/x", "/root/x", "/sys/fs/cgroup/x"):
        assert there(f"touch {path} 2>/dev/null && echo written") == "", path
    for path in ("/var/lib/arctic/x", "/run/arctic/x", "/tmp/x"):
        assert there(f"touch {path} && rm {path} && echo written") == "written", path
    site.machine.run("touch", "/tmp/of-the-host")
    assert there("ls /tmp") == ""


# What it is for


def test_all_of_capture_works(site: Site, service: str) -> None:
    """Table, rules, routes, anchor and settings: made, repaired and taken back."""
    host = site.lab.entry
    wait_for(site.all_carried, 15, "flows that are carried")
    assert site.entry.service(service)["state"] == "active"
    ready = site.entry.request("GET", "/readyz").json()
    assert ready["status"] == "ok" and "hints" not in ready["checks"]["kernel"]
    whole = ours(host)
    for harm in (
        "ip rule del pref 610",
        "ip -6 route flush table 61000",
        "ip link del arctic0",
        "sysctl -qw net.ipv4.tcp_min_rtt_wlen=77",
    ):
        host.run(*harm.split())
        wait_for(lambda: ours(host) == whole, 2.5, f"repair: {harm}")
    assert site.all_carried()
    site.entry.stop()
    assert kernel_state(host) == site.before
    site.entry.start()
    wait_for(site.all_carried, 15, "flows that are carried again")


def test_interfaces_of_services(site: Site) -> None:
    """MACVLAN links with addresses by hand, and by DHCP, which takes packet sockets."""
    lab = site.lab
    by_hand = with_interface(
        site.entry, site.pair.exit, "--desired-ipv4", "10.1.0.10/24", "--desired-ipv6", "fd01::10/64"
    )
    by_dhcp = with_interface(site.entry, site.pair.exit)
    server = Dnsmasq(lab.client, lab.directory, "10.1.0.50", "10.1.0.59")
    try:
        wait_until_active(site.entry, by_hand)
        leased = wait_until_active(site.entry, by_dhcp, 30)
        gateway = leased["actual_interface_ipv4"].partition("/")[0]
        assert gateway.startswith("10.1.0.5")
        for via, version in (("10.1.0.10", 4), ("fd01::10", 6), (gateway, 4)):
            lab.client.ip(f"route replace default via {via}", "neigh flush all")
            wait_for(lambda version=version: carried(lab, lab.client, version), 10, f"a flow by way of {via}")
        site.entry.systemctl("restart")
        again = wait_until_active(site.entry, by_dhcp, 30)
        for name in ("interface_mac", "actual_interface_ipv4", "interface_name"):
            assert again[name] == leased[name], name
    finally:
        server.stop()
        for created in (by_hand, by_dhcp):
            site.entry.cli("services", "delete", created, "--yes")
        lab.client.ip("route replace default via 10.1.0.1", "route replace default via fd01::1", "neigh flush all")


def test_both_ends_of_a_transparent_service(lab: Lab, build: Path, installed: Path) -> None:
    """The exit's sockets that speak for clients, its listener and its rules, under the unit as well."""
    before = kernel_state(lab.exit)
    machines: list[Machine] = []
    pair = Pair(lab, build)
    ends: list[UnitAgent] = []
    for host in (lab.server, lab.exit):
        host.serve("banner", BANNER)
    try:
        for host in (lab.entry, lab.exit):
            machines.append(Machine(host, lab.directory, installed))
            ends.append(UnitAgent(machines[-1], build, lab.directory / f"unit-{host.name}"))
            ends[-1].set_up(strict(installed))
        pair.entry, pair.exit = ends
        issue_license(build, pair.entry, pair.license)
        for agent in ends:
            agent.bootstrap(pair.license)
        pair.entry.add_peer(pair.exit)
        carry_transparently(pair)
        for version in VERSIONS:
            for address in targets(lab, version).values():
                assert sees_the_client(lab.client, address), address
        pair.end()
        assert kernel_state(lab.exit) == before
    finally:
        for machine in machines:
            machine.stop()


# How it ends and begins


def restarts(site: Site) -> int:
    return int(site.machine.show(UNIT, "NRestarts"))


def test_one_that_is_killed_is_started_again(site: Site, service: str) -> None:
    before = restarts(site)
    site.machine.run("kill", "-9", site.entry.main_pid)
    wait_for(lambda: restarts(site) == before + 1, 10, "a restart")
    wait_for(site.all_carried, 20, "flows that are carried again")
    site.entry.stop()
    assert kernel_state(site.lab.entry) == site.before


def test_an_upgrade_in_place(site: Site, service: str) -> None:
    """New files beside a running agent change nothing. A restart ends what it carried, and the next flow is carried."""
    lab = site.lab
    lab.server.serve("echo", 7)
    wait_for(site.all_carried, 15, "flows that are carried")
    library = site.machine.run("sh", "-c", f"readlink -f {PREFIX}/lib/*/libarctic.so.0").stdout.strip()
    with Connection(lab.client, lab.server.ipv4, 7) as flow:
        assert says(flow)
        for file in (f"{PREFIX}/sbin/arctic-agent", library):
            site.machine.run("cp", "-p", file, f"{file}.new")
            site.machine.run("mv", f"{file}.new", file)
        assert says(flow)
        before = site.entry.main_pid
        site.entry.systemctl("restart")
        assert flow.receive_to_end() == (b"", End.RESET)
    assert site.entry.main_pid != before
    executable = site.machine.run("readlink", f"/proc/{site.entry.main_pid}/exe").stdout.strip()
    assert executable == f"{PREFIX}/sbin/arctic-agent"
    wait_for(site.all_carried, 15, "flows that are carried again")


def test_a_setting_that_makes_no_sense_is_told_once(site: Site) -> None:
    """Nobody but the operator puts it right, and systemctl and the journal say what it is."""
    site.entry.stop()
    site.machine.write(ENVIRONMENT, "WORKERS=many\n")
    started = site.machine.run("systemctl", "start", "arctic", check=False)
    assert started.returncode != 0 and "journalctl -xeu arctic.service" in started.stderr
    assert site.entry.show("ActiveState", "ExecMainStatus", "NRestarts") == ["failed", "2", "0"]
    told = f"{ENVIRONMENT}:1: WORKERS must be a number from 1 to 64, not 'many'"
    assert told in site.machine.run("systemctl", "status", "arctic", check=False).stdout
    assert told in site.machine.journal("-u", UNIT, "-p", "err")


def test_a_file_of_settings_that_the_agent_may_not_read(site: Site) -> None:
    """Written by an operator with umask 077, or as a link to a disk that is not mounted: an agent with the defaults would be another."""
    for make, sentence in (
        (f"chmod 600 {ENVIRONMENT}", "Permission denied (let the agent's user read it, and search the folders above it: chmod a+r"),
        (f"ln -sf /srv/missing {ENVIRONMENT}", "No such file or directory"),
    ):
        site.entry.stop()
        site.machine.run(*make.split())
        site.machine.run("systemctl", "start", "arctic", check=False)
        assert site.entry.show("ActiveState", "ExecMainStatus", "NRestarts") == ["failed", "2", "0"]
        assert f"cannot open {ENVIRONMENT}: {sentence}" in site.machine.journal("-u", UNIT, "-p", "err", "-n", "3")
        site.machine.run("rm", ENVIRONMENT)
        site.machine.write(ENVIRONMENT, SETTINGS)
        site.machine.run("systemctl", "reset-failed", "arctic")
        site.entry.start()


def test_another_data_directory(site: Site) -> None:
    """docs/operations.md: given to the user, named in the settings, and opened in the unit, of which the last is easily forgotten."""
    site.entry.stop()
    identity = site.machine.run("sha256sum", "/var/lib/arctic/peer.key").stdout.split()[0]
    site.machine.run("cp", "-a", "/var/lib/arctic", "/srv/arctic")
    site.machine.write(ENVIRONMENT, f"{SETTINGS}DATA_DIR=/srv/arctic\n")
    assert site.machine.run("systemctl", "start", "arctic", check=False).returncode != 0
    said = site.machine.journal("-u", UNIT, "-p", "err", "-n", "5")
    assert "/srv/arctic" in said and "Read-only file system" in said and "ReadWritePaths=" in said, said
    site.machine.run("systemctl", "stop", "arctic")
    site.machine.write(DROP_IN, "[Service]\nReadWritePaths=/srv/arctic\n")
    site.machine.run("systemctl", "daemon-reload")
    site.entry.start()
    assert site.machine.run("find", "/srv/arctic", "-name", "arctic.db-wal").stdout
    assert site.machine.run("sha256sum", "/srv/arctic/peer.key").stdout.split()[0] == identity
    assert site.entry.request("GET", "/readyz").json()["checks"]["kernel"] == {"ok": True}
    site.entry.stop()
    site.machine.run("rm", "-r", "/srv/arctic", DROP_IN)
    site.machine.run("systemctl", "daemon-reload")


def test_what_another_program_holds_is_tried_again(site: Site) -> None:
    site.entry.stop()
    other = site.lab.entry.start("python3", "-m", "http.server", "8080", name="port-8080")
    site.lab.entry.wait_for_port(8080)
    site.machine.run("systemctl", "start", "--no-block", "arctic")
    wait_for(lambda: restarts(site) > 0, 20, "another try")
    assert "8080" in site.entry.log.rpartition("arctic-agent: ")[2]
    other.stop()
    wait_for(lambda: site.entry.show("ActiveState") == ["active"], 20, "an agent that runs")


def test_an_agent_that_ran_as_root_before(site: Site, service: str) -> None:
    """Its directories become the user's, and the agent stays who it was."""
    identity = site.entry.id
    site.entry.stop()
    site.machine.run("chown", "-R", "root:root", "/var/lib/arctic", "/run/arctic")
    site.entry.start()
    site.entry.forget()
    assert site.entry.id == identity
    wait_for(site.all_carried, 20, "flows that are carried again")


# What systemd and the journal are told


def with_drop_in(site: Site, *lines: str) -> None:
    """Starts the agent anew with more in its section [Service]; without lines as it is shipped."""
    site.entry.stop()
    if lines:
        site.machine.write(DROP_IN, "\n".join(("[Service]", *lines, "")))
    else:
        site.machine.run("rm", DROP_IN)
    site.machine.run("systemctl", "daemon-reload")
    site.entry.start()


def test_a_start_has_ended_when_traffic_is_carried(site: Site, service: str) -> None:
    """What is ordered after the unit finds the kernel state made, and systemctl status has how it is in a sentence."""
    site.entry.systemctl("restart")
    assert site.entry.request("GET", "/readyz").json()["checks"]["kernel"] == {"ok": True}
    wait_for(
        lambda: site.entry.show("StatusText") == ["1 of 1 services active, 1 of 1 peers reachable"], 10, "the status"
    )
    site.pair.exit.stop()
    wait_for(
        lambda: site.entry.show("StatusText") == ["0 of 1 services active, 0 of 1 peers reachable"], 15, "a loss"
    )
    site.pair.exit.start()
    site.pair.wait_until_carried(service)


def test_an_agent_that_hangs_is_started_again(site: Site) -> None:
    """Its process is there, and its control loop does not turn."""
    assert site.entry.show("WatchdogUSec") == ["1min"]
    with_drop_in(site, "WatchdogSec=5")
    before, hanging = restarts(site), site.entry.main_pid
    first = site.entry.show("WatchdogTimestampMonotonic")
    wait_for(lambda: site.entry.show("WatchdogTimestampMonotonic") != first, 5, "a sign of life")
    site.machine.run("kill", "-STOP", hanging)
    wait_for(lambda: restarts(site) == before + 1, 20, "a restart")
    wait_for(lambda: site.entry.show("ActiveState") == ["active"], 20, "an agent that runs")
    assert site.entry.main_pid != hanging
    assert "Watchdog timeout" in site.machine.journal("-u", UNIT)
    with_drop_in(site)


def test_the_journal_knows_how_bad_it_is(site: Site) -> None:
    """By priority, as `journalctl -p` selects; the lines stay what they are elsewhere."""
    site.lab.entry.run("ip", "link", "del", "arctic0")
    kinds = {"info": "6", "warn": "4"}

    def lines() -> list[tuple[str, Any]]:
        entries = site.machine.run("journalctl", "-u", UNIT, "-o", "json", "_COMM=arctic-agent").stdout.splitlines()
        read = [json.loads(entry) for entry in entries]
        return [(entry["PRIORITY"], json.loads(entry["MESSAGE"])) for entry in read if entry["MESSAGE"][0] == "{"]

    wait_for(lambda: any(line["level"] == "warn" for _, line in lines()), 10, "the warning of a repair")
    told = lines()
    assert {line["level"] for _, line in told} >= set(kinds)
    assert [line for priority, line in told if priority != kinds.get(line["level"], "3")] == []


def test_as_root_after_all(site: Site, service: str) -> None:
    """docs/operations.md: two lines of an operator, and none when they are taken back."""
    # SQLite gives its files to the owner of the database where it is root, and bears a refusal.
    with_drop_in(site, "User=root", "Group=root", "SystemCallErrorNumber=EPERM")
    assert status(site)["Uid"].split() == ["0"] * 4
    wait_for(site.all_carried, 20, "flows that are carried by root")
    with_drop_in(site)
    wait_for(site.all_carried, 20, "flows that are carried by the user")


def test_it_is_removed_without_a_trace(site: Site, installed: Path) -> None:
    """As docs/operations.md says; the last test of this machine."""

    def files(*folders: str) -> list[str]:
        return site.machine.run("find", *folders, "-not", "-type", "d", check=False).stdout.split()

    site.machine.run("systemctl", "disable", "--now", "arctic")
    assert kernel_state(site.lab.entry) == site.before
    assert files("/run/arctic") == []
    site.machine.run("rm", *(f"/{path.relative_to(installed)}" for path in installed.glob("**/*") if not path.is_dir()))
    site.machine.run("rm", "-r", str(Path(STRICT).parent), "/etc/arctic", "/var/lib/arctic", "/run/arctic")
    site.machine.run("systemctl", "daemon-reload")
    site.machine.run("userdel", "arctic")
    assert site.machine.run("systemctl", "status", "arctic", check=False).returncode == 4
    assert site.machine.run("id", "arctic", check=False).returncode == 1
    kept = files("/usr/local", "/etc/systemd", "/etc/arctic", "/run/systemd", "/var/lib")
    assert [path for path in kept if "arctic" in path] == []
