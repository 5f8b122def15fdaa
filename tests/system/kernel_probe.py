"""kernel-probe as seen from a test, the network it runs in, and connections that tell who took them."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arctic_lab import Namespace, Port, Topology, wait_for
from probe import ProgramProbe

AUTO, OWNER, PLAIN = 0, 1, 2
PORT = 7000
DIRECT = "direct"

# Any address of these belongs to the host, beside its interfaces' own.
CLIENT_NETS = ("10.11.0.0/16", "fd11::/32")
GUEST_NETS = ("10.12.0.0/16", "fd12::/32")
SERVER_NETS = ("10.13.0.0/16", "fd13::/32")
ENTRY_NETS = ("10.14.0.0/16", "fd14::/32")

_sequence = iter(range(1, 1 << 20))


def service_id(number: int | None = None) -> str:
    """The id of a service: the lower the number, the lower the id."""
    return f"svc_01{(number if number is not None else next(_sequence)):024d}"


@dataclass
class Service:
    """One service of an apply command; routes are (source or None, destination or None, priority)."""

    routes: list[tuple[str | None, str | None, int]] = field(default_factory=list)
    id: str = field(default_factory=service_id)
    interface: str = ""
    withdrawn: bool = False
    block: bool = False

    def json(self) -> dict[str, Any]:
        routes = [[number, *route] for number, route in enumerate(self.routes, 1)]
        return {**vars(self), "routes": routes}


class Probe(ProgramProbe):
    """A kernel-probe that runs on a host."""

    def __init__(self, host: Namespace, log: Path, **options: Any) -> None:
        super().__init__("kernel-probe", host, log, settings=options)

    def apply(self, *services: Service, match: bool = True) -> dict[str, Any]:
        return self.tell("apply", services=[service.json() for service in services], match=match)

    def match(self, source: str, destination: str, interface: str = "") -> str:
        answer = self.tell("match", source=source, destination=destination, interface=interface)
        return answer["service"] or DIRECT

    def wrong(self) -> dict[str, str]:
        """The checks of the status that are not well."""
        return {name: text for name, text in self.tell("status")["checks"].items() if text}


class DirectServer:
    """Greets every connection to a host as `direct` and echoes it. `ends` are the connections that it has open."""

    def __init__(self, host: Namespace, port: int = PORT) -> None:
        self._listeners = []
        for family, any_address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            listener = host.socket(family)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((any_address, port))
            listener.listen(128)
            self._listeners.append(listener)
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.sendall(json.dumps({"service": DIRECT}).encode() + b"\n")
            while data := connection.recv(4096):
                connection.sendall(data)

    def close(self) -> None:
        for listener in self._listeners:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()


class Connection:
    """A connection from a host, and the greeting of whoever took it."""

    def __init__(
        self, host: Namespace, destination: str, port: int = PORT, source: str | None = None, timeout: float = 3.0
    ) -> None:
        family = socket.AF_INET6 if ":" in destination else socket.AF_INET
        self.socket = host.socket(family)
        try:
            self.socket.settimeout(timeout)
            with host.entered():  # names of interfaces are looked up
                address = socket.getaddrinfo(destination, port, type=socket.SOCK_STREAM)[0][4]
                if source:
                    self.socket.bind(socket.getaddrinfo(source, 0, type=socket.SOCK_STREAM)[0][4])
            self.socket.connect(address)
            self.local = self.socket.getsockname()
            self._lines = self.socket.makefile("rb")
            line = self._lines.readline()
            assert line, f"{destination}: closed without a greeting"
            self.greeting: dict[str, str] = json.loads(line)
        except BaseException:
            self.socket.close()
            raise

    @property
    def taker(self) -> str:
        return self.greeting["service"]

    def alive(self) -> bool:
        self.socket.sendall(b"hello\n")
        return self._lines.readline() == b"hello\n"

    def close(self) -> None:
        self._lines.close()
        self.socket.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def taker(host: Namespace, destination: str, **options: Any) -> str:
    """Who takes a new connection: a service, or DIRECT."""
    with Connection(host, destination, **options) as connection:
        return connection.taker


class Network(Topology):
    """
                                10.1.0.0/24                          10.2.0.0/24
        client 10.11.0.0/16 ---- lan  entry                 wan ---- server 10.13.0.0/16
        guest  10.12.0.0/16 ---- own0 10.14.0.0/16   (own0: the interface of a service)
                                10.4.0.0/24
    """

    def _build(self) -> None:
        self.client = self.host("client")
        self.guest = self.host("guest")
        self.entry = self.host("entry", forwarding=True)
        self.server = self.host("server")
        self._join(self.client, "lan", 1, "lan", CLIENT_NETS)
        self._join(self.guest, "own", 4, "own0", GUEST_NETS)
        self._join(self.server, "wan", 2, "wan", SERVER_NETS)
        self._own(self.entry, ENTRY_NETS)

    def _join(self, host: Namespace, interface: str, number: int, at_entry: str, nets: tuple[str, str]) -> None:
        self.lan(
            host.name,
            Port(host, interface, (f"10.{number}.0.2/24", f"fd{number:02}::2/64")),
            Port(self.entry, at_entry, (f"10.{number}.0.1/24", f"fd{number:02}::1/64")),
        )
        for net, near, far in zip(nets, (f"10.{number}.0.2", f"fd{number:02}::2"), (f"10.{number}.0.1", f"fd{number:02}::1")):
            self.entry.add_route(net, near)
            host.add_route("default", far)
        self._own(host, nets)

    @staticmethod
    def _own(host: Namespace, nets: tuple[str, str]) -> None:
        host.ip(*(f"route add local {net} dev lo" for net in nets))
        host.sysctl("net/ipv6/ip_nonlocal_bind", 1)


@contextmanager
def direct_server(host: Namespace, port: int = PORT) -> Iterator[DirectServer]:
    server = DirectServer(host, port)
    wait_for(lambda: host.listens(port), what=f"{host.name} listening")
    try:
        yield server
    finally:
        server.close()
