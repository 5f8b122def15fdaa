"""The ready topology: client LAN - entry - WAN - exit - server LAN. tests/lab/README.md draws it."""

from .namespace import Namespace
from .topology import Port, Topology


def add_client_side(topology: Topology) -> tuple[Namespace, Namespace]:
    """Adds a client and the entry, its router; their LAN is 10.1.0.0/24 and fd01::/64."""
    client = topology.host("client")
    entry = topology.host("entry", forwarding=True)
    topology.lan(
        "client-lan",
        Port(client, "lan", ("10.1.0.2/24", "fd01::2/64")),
        Port(entry, "lan", ("10.1.0.1/24", "fd01::1/64")),
    )
    client.add_routes(("default", "10.1.0.1"), ("default", "fd01::1"))
    return client, entry


class Lab(Topology):
    """Hosts client, entry, exit and server, and the link wan, which lab.wan.set() gives its delay, rate and loss."""

    def _build(self) -> None:
        self.client, self.entry = add_client_side(self)
        self.exit = self.host("exit", forwarding=True)
        self.server = self.host("server")
        self.wan = self.link(
            "wan",
            Port(self.entry, "wan", ("10.9.0.1/24", "fd09::1/64")),
            Port(self.exit, "wan", ("10.9.0.2/24", "fd09::2/64")),
        )
        self.lan(
            "server-lan",
            Port(self.exit, "lan", ("10.2.0.1/24", "fd02::1/64")),
            Port(self.server, "lan", ("10.2.0.2/24", "fd02::2/64")),
        )
        self.server.add_routes(("default", "10.2.0.1"), ("default", "fd02::1"))
        self.entry.add_routes(("10.2.0.0/24", "10.9.0.2"), ("fd02::/64", "fd09::2"))
        self.exit.add_routes(("10.1.0.0/24", "10.9.0.1"), ("fd01::/64", "fd09::1"))
