"""One entry and two exits to one network, each over a WAN of its own, and a way between them that uses no agent."""

import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from agents import Agent, issue_license
from arctic_lab import Namespace, Port, Topology
from arctic_lab.lab import add_client_side
from flows import peer_seen

PORT = 80
DESTINATIONS = ("10.2.0.0/24", "fd02::/64")


class TwoExits(Topology):
    """
                     +-- wan1 10.8.0.0/24 fd08::/64 -- first  --+
        client -- entry                                        +-- server
        10.1.0.0/24  +-- wan2 10.9.0.0/24 fd09::/64 -- second --+   10.2.0.0/24 fd02::/64

    The entry's direct way to the server is by way of the second exit.
    """

    def _build(self) -> None:
        self.client, self.entry = add_client_side(self)
        self.first = self.host("first", forwarding=True)
        self.second = self.host("second", forwarding=True)
        self.server = self.host("server")
        self.wan1 = self.link(
            "wan1",
            Port(self.entry, "wan1", ("10.8.0.1/24", "fd08::1/64")),
            Port(self.first, "wan", ("10.8.0.2/24", "fd08::2/64")),
        )
        self.wan2 = self.link(
            "wan2",
            Port(self.entry, "wan2", ("10.9.0.1/24", "fd09::1/64")),
            Port(self.second, "wan", ("10.9.0.2/24", "fd09::2/64")),
        )
        self.lan(
            "servers",
            Port(self.first, "lan", ("10.2.0.1/24", "fd02::1/64")),
            Port(self.second, "lan", ("10.2.0.3/24", "fd02::3/64")),
            Port(self.server, "lan", ("10.2.0.2/24", "fd02::2/64")),
        )
        self.second.add_routes(("10.1.0.0/24", "10.9.0.1"), ("fd01::/64", "fd09::1"))
        self.entry.add_routes(("10.2.0.0/24", "10.9.0.2"), ("fd02::/64", "fd09::2"))
        self.server.add_routes(*((near, "10.2.0.3") for near in ("10.1.0.0/24", "10.9.0.0/24")))
        self.server.add_routes(*((near, "fd02::3") for near in ("fd01::/64", "fd09::/64")))


class Exits:
    """Agents on the entry and on both exits, which all know each other, and what a new flow goes through."""

    def __init__(self, network: TwoExits, build: Path) -> None:
        self.network = network
        directory = network.directory / "agents"
        self.entry = Agent(network.entry, build, directory / "entry")
        self.first = Agent(network.first, build, directory / "first")
        self.second = Agent(network.second, build, directory / "second")
        self.license = directory / "license.json"
        self.services: dict[str, str] = {}
        self._build = build

    @property
    def agents(self) -> tuple[Agent, Agent, Agent]:
        return self.entry, self.first, self.second

    def start(self) -> None:
        for agent in self.agents:
            agent.start()
        issue_license(self._build, self.entry, self.license)
        for agent in self.agents:
            agent.bootstrap(self.license)
        self.entry.add_peer(self.first)
        self.entry.add_peer(self.second)

    def end(self) -> None:
        for agent in self.agents:
            agent.end()

    def service(self, target: Agent, priority: int, *options: str, dests: tuple[str, ...] = DESTINATIONS) -> str:
        """A service of the entry with a route to each destination."""
        service = self.entry.create_service(target, *options)
        for dest in dests:
            self.entry.add_route(service, dest=dest, priority=priority)
        return service

    def way(self, host: Namespace | None = None, version: int = 4, timeout: float = 5.0) -> str:
        """What takes a new flow to the server: `first`, `second`, `direct`, or `reset` where it fails."""
        host = host or self.network.client
        try:
            seen = peer_seen(host, self.network.server.address(version), PORT, timeout=timeout)
        except (ConnectionError, ValueError, EOFError):
            return "reset"
        except TimeoutError:
            return "nothing"
        except OSError:
            return "unreachable"
        for name in ("first", "second"):
            if seen == getattr(self.network, name).address(version, "lan"):
                return name
        return "direct"


@contextmanager
def running_exits(build: Path) -> Iterator[Exits]:
    with TwoExits() as network:
        exits = Exits(network, build)
        exits.start()
        network.server.serve("http", PORT)
        yield exits
        exits.end()


ETH_P_ALL = 3
OUTGOING = 4  # PACKET_OUTGOING: what the interface sends, which has come in on the other one


def destination(frame: bytes) -> str:
    """The address that a frame's packet goes to, "" for other frames."""
    kind = int.from_bytes(frame[12:14], "big")
    if kind == 0x0800:
        return str(ipaddress.IPv4Address(frame[30:34]))
    return str(ipaddress.IPv6Address(frame[38:54])) if kind == 0x86DD else ""


@contextmanager
def in_clear(network: TwoExits) -> Iterator[list[bytes]]:
    """Fills with each frame that leaves the entry for the server on its direct way, as it passes the WAN."""
    seen: list[bytes] = []
    servers = {network.server.ipv4, network.server.ipv6}
    wan = network.hosts["wan2"]
    with wan.entered():
        sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    ended = threading.Event()

    def sniff() -> None:
        while not ended.is_set():
            with suppress(TimeoutError):
                frame, address = sniffer.recvfrom(2048)
                if address[2] != OUTGOING and destination(frame) in servers:
                    seen.append(frame)

    with closing(sniffer):
        with wan.entered():
            sniffer.bind(("entry", ETH_P_ALL))
        sniffer.settimeout(0.1)
        thread = threading.Thread(target=sniff, daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            ended.set()
            thread.join()
