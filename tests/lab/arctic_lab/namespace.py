"""One host of a lab: a network namespace with its interfaces, programs and sockets."""

import ctypes
import ipaddress
import itertools
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from .interrupts import uninterrupted
from .ownership import NETNS_DIRECTORY, RESOLVER_DIRECTORY, remove_namespace
from .processes import Process
from .waiting import wait_for

CLONE_NEWNET = 0x40000000
PACKAGE_PARENT = Path(__file__).resolve().parent.parent
TCP_LISTEN = "0A"

_libc = ctypes.CDLL(None, use_errno=True)


class CommandFailed(RuntimeError):
    """A command of Namespace.run() gave an exit code other than 0."""


def _setns(fd: int) -> None:
    if _libc.setns(fd, CLONE_NEWNET):
        error = ctypes.get_errno()
        raise OSError(error, f"setns: {os.strerror(error)}")


def completed(
    args: list[str], check: bool, timeout: float, stdin: str | None
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end; CommandFailed carries its output."""
    result = subprocess.run(
        args,
        input=stdin or "",
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        # As in processes.py; and a program that is cut off by Ctrl-C would be reported as one that failed.
        start_new_session=True,
    )
    if check and result.returncode:
        raise CommandFailed(
            f"{' '.join(args)} gave {result.returncode}\n{stdin or ''}{result.stdout}{result.stderr}"
        )
    return result


def allow_congestion_control(name: str) -> None:
    """Lets hosts other than the machine itself use a congestion control, which the kernel keeps in one list for all."""
    allowed = Path("/proc/sys/net/ipv4/tcp_allowed_congestion_control")
    names = allowed.read_text().split()
    if name not in names:
        allowed.write_text(" ".join([*names, name]))


class Namespace:
    """A host. `name` is its role in the topology, `netns` its name to ip-netns(8)."""

    def __init__(self, lab: str, name: str, directory: Path, congestion: str = "cubic") -> None:
        self.name = name
        self.netns = f"{lab}-{name}"
        self.processes: list[Process] = []
        self.addresses: dict[str, list[str]] = {}
        self._directory = directory
        self._numbers = itertools.count(1)
        completed(["ip", "netns", "add", self.netns], True, 10, None)
        self._settle(congestion)

    def _settle(self, congestion: str) -> None:
        # The first rule that a host ever gets splits its local and main tables; the kernel looks for local addresses in neither of
        # them for some microseconds then (fib4_rule_configure() in net/ipv4/fib_rules.c), and connections fail at random.
        self.ip("link set lo up", "rule add priority 1 table main", "rule del priority 1")
        for family in ("ipv4", "ipv6"):
            for scope in ("all", "default"):
                # Not left to the machine: distributions differ, and new namespaces may inherit.
                self.sysctl(f"net/{family}/conf/{scope}/forwarding", 0)
        for scope in ("all", "default"):
            self.sysctl(f"net/ipv4/conf/{scope}/rp_filter", 0)
            self.sysctl(f"net/ipv6/conf/{scope}/accept_dad", 0)
            self.sysctl(f"net/ipv6/conf/{scope}/accept_ra", 0)
        # Else a connection starts with what the one before learned about the path, and runs are not alike.
        self.sysctl("net/ipv4/tcp_no_metrics_save", 1)
        allow_congestion_control(congestion)
        self.sysctl("net/ipv4/tcp_congestion_control", congestion)

    def __repr__(self) -> str:
        return f"<Namespace {self.netns}>"

    # Configuration

    def ip(self, *commands: str) -> None:
        """Runs commands of ip(8) in one go, such as "link set lo up"."""
        completed(
            ["ip", "-n", self.netns, "-batch", "-"], True, 10, "".join(f"{line}\n" for line in commands)
        )

    def sysctl(self, path: str, value: int | str) -> None:
        """Writes /proc/sys/<path> of this namespace."""
        with self.entered():
            Path("/proc/sys", path).write_text(str(value))

    def forward(self) -> None:
        """Makes the host a router."""
        self.sysctl("net/ipv4/ip_forward", 1)
        self.sysctl("net/ipv6/conf/all/forwarding", 1)

    def add_addresses(self, interface: str, *addresses: str) -> None:
        """Adds addresses with their prefix length, usable at once, and puts the interface up."""
        self.ip(
            f"link set {interface} up",
            *(f"addr add {address} dev {interface} nodad" for address in addresses),
        )
        self.addresses.setdefault(interface, []).extend(addresses)

    def address(self, version: int = 4, interface: str | None = None) -> str:
        """The first address of an IP version, on one interface or on any, without its prefix length."""
        for name, addresses in self.addresses.items():
            for address in addresses:
                parsed = ipaddress.ip_interface(address)
                if interface in (None, name) and parsed.version == version:
                    return str(parsed.ip)
        raise LookupError(f"{self.name} has no IPv{version} address on {interface or 'any interface'}")

    def mac(self, interface: str) -> str:
        """The link layer address of an interface."""
        links = json.loads(
            completed(["ip", "-json", "-n", self.netns, "link", "show", interface], True, 10, None).stdout
        )
        return str(links[0]["address"])

    @property
    def ipv4(self) -> str:
        return self.address(4)

    @property
    def ipv6(self) -> str:
        return self.address(6)

    def add_route(self, destination: str, via: str) -> None:
        """Adds a route; `destination` is a prefix or "default"."""
        self.add_routes((destination, via))

    def add_routes(self, *routes: tuple[str, str]) -> None:
        """Adds routes, each a destination and the router to it."""
        self.ip(*(f"route add {destination} via {via}" for destination, via in routes))

    def use_resolvers(self, *servers: str) -> None:
        """Gives programs started from now on an /etc/resolv.conf of their own."""
        directory = RESOLVER_DIRECTORY / self.netns
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "resolv.conf").write_text("".join(f"nameserver {server}\n" for server in servers))

    # Programs

    def command(self, *args: str) -> list[str]:
        """The command line that runs `args` in here."""
        return ["ip", "netns", "exec", self.netns, *args]

    def run(
        self, *args: str, check: bool = True, timeout: float = 30.0, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program to its end; CommandFailed unless it gives 0 or `check` is off."""
        return completed(self.command(*args), check, timeout, stdin)

    def start(self, *args: str, name: str | None = None, env: Mapping[str, str] | None = None) -> Process:
        """Starts a program that close() ends."""
        name = name or Path(args[0]).name
        log_path = self._directory / f"{self.name}-{next(self._numbers)}-{name}.log"
        with uninterrupted():
            process = Process(f"{self.name}/{name}", self.command(*args), log_path, env)
            self.processes.append(process)
        return process

    def serve(self, kind: str, port: int, *options: str) -> Process:
        """Starts a server of arctic_lab.servers and returns when it listens."""
        process = self.start(
            sys.executable,
            "-m",
            "arctic_lab.servers",
            kind,
            str(port),
            *options,
            name=f"{kind}-{port}",
            env={"PYTHONPATH": str(PACKAGE_PARENT), "PYTHONUNBUFFERED": "1"},
        )
        process.wait_for_output("ready\n")
        return process

    # Sockets

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread is in this namespace inside the with-statement; sockets made there stay in it."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            target = os.open(NETNS_DIRECTORY / self.netns, os.O_RDONLY | os.O_CLOEXEC)
            try:
                _setns(target)
            finally:
                os.close(target)
            try:
                yield
            finally:
                _setns(home)
        finally:
            os.close(home)

    def socket(self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """A socket of this process that belongs to this host."""
        with self.entered():
            return socket.socket(family, kind)

    def listens(self, port: int) -> bool:
        """Whether a TCP socket listens on the port, on any address."""
        with self.entered():
            tables = [Path("/proc/thread-self/net", name).read_text() for name in ("tcp", "tcp6")]
        rows = (row.split() for table in tables for row in table.splitlines()[1:])
        return any(row[3] == TCP_LISTEN and int(row[1].rpartition(":")[2], 16) == port for row in rows)

    def wait_for_port(self, port: int, timeout: float = 10.0) -> None:
        """Waits until a TCP socket listens on the port."""
        wait_for(lambda: self.listens(port), timeout, f"{self.name} listening on port {port}")

    def close(self) -> None:
        """Ends every program in here and removes the namespace."""
        for process in reversed(self.processes):
            if process.returncode is None:
                process.stop()
        remove_namespace(self.netns)
