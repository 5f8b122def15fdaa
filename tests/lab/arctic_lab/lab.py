"""The ready topology: client LAN - entry - WAN - exit - server LAN. tests/lab/README.md draws it."""

from .topology import Port, Topology


class Lab(Topology):
    """Hosts client, entry, exit and server, and the link wan, which lab.wan.set() gives its delay, rate and loss."""

    def __init__(self, congestion: str = "cubic") -> None:
        super().__init__(congestion)
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self) -> None:
        self.client = self.host("client")
        self.entry = self.host("entry", forwarding=True)
        self.exit = self.host("exit", forwarding=True)
        self.server = self.host("server")

        self.lan(
            "client-lan",
            Port(self.client, "lan", ("10.1.0.2/24", "fd01::2/64")),
            Port(self.entry, "lan", ("10.1.0.1/24", "fd01::1/64")),
        )
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
        for host, destination, via in (
            (self.client, "default", ("10.1.0.1", "fd01::1")),
            (self.server, "default", ("10.2.0.1", "fd02::1")),
        ):
            for address in via:
                host.add_route(destination, address)
        self.entry.add_route("10.2.0.0/24", "10.9.0.2")
        self.entry.add_route("fd02::/64", "fd09::2")
        self.exit.add_route("10.1.0.0/24", "10.9.0.1")
        self.exit.add_route("fd01::/64", "fd09::1")
