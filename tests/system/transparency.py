"""Fully transparent services in the lab: making one, and whom a server sees."""

import itertools
import socket

from agents import Pair
from arctic_lab import Connection, Lab, Namespace

BANNER, ECHO, WEB, HALF_CLOSE = 25, 7, 80, 81
# Of the interfaces that such services need; nothing in these tests comes by them.
_numbers = itertools.count()
SETTINGS = {"PARENT_INTERFACE": "lan"}
Ends = tuple[str, int]


def carry_transparently(pair: Pair, *destinations: str) -> str:
    """A fully transparent service from entry to exit, as Pair.carry() makes plain ones."""
    interface = ("--requires-interface", "--desired-ipv4", f"10.1.0.{next(_numbers) % 200 + 50}/24")
    service = pair.entry.create_service(pair.exit, "--fully-transparent", *interface)
    for destination in destinations or ("10.2.0.0/24", "fd02::/64"):
        pair.entry.add_route(service, dest=destination)
    pair.wait_until_carried(service)
    return service


def targets(lab: Lab, version: int) -> dict[str, str]:
    """Where servers are: behind the exit, and on it."""
    return {"server": lab.server.address(version), "exit": lab.exit.address(version, "lan")}


def ends_seen(
    host: Namespace, address: str, *, port: int = BANNER, source_port: int | None = None, timeout: float = 8.0
) -> tuple[Ends, Ends]:
    """The client's address and port as a banner server sees them, and as they are."""
    with Connection(host, address, port, timeout=timeout, source_port=source_port) as connection:
        _, _, seen, seen_port = connection.receive_line().decode().split()
        own = connection.socket.getsockname()
        connection.finish()
        connection.receive_to_end()
        return (seen, int(seen_port)), (own[0], own[1])


def sees_the_client(host: Namespace, address: str, **options: int) -> bool:
    seen, own = ends_seen(host, address, **options)
    return seen == own


def connections(host: Namespace, *filters: str) -> list[str]:
    """Lines of ss(8) for TCP sockets of a host that are not closed."""
    return host.run("ss", "-Htan", *filters).stdout.splitlines()


def bound(host: Namespace, version: int, port: int) -> socket.socket:
    """A listening socket of the test's at a port of a host."""
    listener = host.socket(socket.AF_INET if version == 4 else socket.AF_INET6)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("", port))
    listener.listen(8)
    return listener
