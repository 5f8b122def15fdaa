"""dhcp-probe as seen from a test, the LAN it runs in, and dnsmasq on that LAN."""

import socket
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

from arctic_lab import Namespace, Port, Process, Topology, wait_for
from probe import ProgramProbe

SERVICE = "svc_01JD2Q4Y7M8N9P0QRSTVWXYZ12"
# RFC 4361: type, IAID, DUID-UUID, and the 128 bits of the id above.
IDENTIFIER = "ff:00:00:00:01:00:04:01:93:45:72:78:f4:45:53:60:5f:19:d6:f9:df:7c:22"
INTERFACE = "mac0"


class Lan(Topology):
    """
    client --- switch --- server
                  |
                other

    The client has a MACVLAN interface over its `lan`, as a service has one. It forwards and filters reverse paths as strictly as hosts do.
    """

    def _build(self) -> None:
        self.client = self.host("client", forwarding=True)
        self.server = self.host("server")
        self.other = self.host("other")
        self.lan(
            "switch",
            Port(self.client, "lan", ("10.1.0.3/16",)),
            Port(self.server, "lan", ("10.1.0.1/16",)),
            Port(self.other, "lan", ("10.1.0.2/16",)),
        )
        for scope in ("all", "default"):
            self.client.sysctl(f"net/ipv4/conf/{scope}/rp_filter", 1)
        # Announcements of addresses that are new to it make entries there.
        self.other.sysctl("net/ipv4/conf/lan/arp_accept", 1)
        self.client.ip(f"link add name {INTERFACE} link lan type macvlan mode bridge")
        self.client.sysctl(f"net/ipv4/conf/{INTERFACE}/arp_ignore", 1)
        self.client.sysctl(f"net/ipv4/conf/{INTERFACE}/arp_announce", 2)
        self.client.ip(f"link set {INTERFACE} up")

    def move_server_away(self) -> None:
        """The server is on a network of its own from now on, with `other` as router between both."""
        self.other.forward()
        self.server.ip("link set lan down")
        self.lan(
            "far", Port(self.other, "far", ("10.8.0.2/24",)), Port(self.server, "far", ("10.8.0.1/24",))
        )
        self.server.add_route("10.1.0.0/16", "10.8.0.2")

    def mac(self) -> str:
        return self.client.mac(INTERFACE)

    def put(self, address: str) -> None:
        """What the owner of the interface does with a lease."""
        self.client.ip(f"addr replace {address}/32 dev {INTERFACE}")


class Dnsmasq:
    """A DHCP server, by default authoritative for its network."""

    def __init__(
        self, host: Namespace, directory: Path, first: str, last: str, *options: str, interface: str = "lan", authoritative: bool = True
    ) -> None:
        self._interface = interface
        self.leases = directory / f"{host.name}.leases"
        self._process: Process = host.start(
            "dnsmasq",
            "--no-daemon",
            "--conf-file=/dev/null",
            "--port=0",
            "--user=root",
            "--pid-file",
            f"--interface={interface}",
            "--bind-interfaces",
            "--no-ping",
            "--log-dhcp",
            *(["--dhcp-authoritative"] if authoritative else []),
            f"--dhcp-leasefile={self.leases}",
            f"--dhcp-range={first},{last},255.255.255.0,2m",
            *options,
        )
        self._process.wait_for_output(f"DHCP, sockets bound exclusively to interface {interface}")

    def log(self) -> str:
        return self._process.log()

    def count(self, kind: str) -> int:
        """How many messages of a kind it has seen or sent."""
        return self.log().count(f" {kind}({self._interface})")

    def stop(self) -> None:
        self._process.stop()


class DhcpProbe(ProgramProbe):
    """A dhcp-probe that runs on a host."""

    def __init__(self, host: Namespace, log: Path, *prefix: str, **options: Any) -> None:
        settings = {"interface": INTERFACE, "service": SERVICE, "hostname": "web", "check_unit": 50, **options}
        super().__init__("dhcp-probe", host, log, *prefix, settings=settings)

    def status(self) -> dict[str, Any]:
        return self.tell("status")

    def leap(self, seconds: float = 0) -> None:
        """Puts the client's clock forward; without a number to what it waits for."""
        milliseconds = int(seconds * 1000) if seconds else max(self.status()["due"], 0)
        self.tell("leap", ms=milliseconds)

    def wait_for(self, state: str, reason: str = "", timeout: float = 10.0) -> dict[str, Any]:
        """Waits for a state, and for a reason that has a text in it."""

        def arrived() -> dict[str, Any] | None:
            status = self.status()
            return status if status["state"] == state and reason in status["reason"] else None

        try:
            return wait_for(arrived, timeout, f"state {state} {reason!r}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it is {self.status()}") from error

    def bound(self) -> dict[str, Any]:
        """Waits for a lease and returns it."""
        lease: dict[str, Any] = self.wait_for("bound")["lease"]
        return lease


class ArpSocket:
    """Sends and sees ARP frames on a host's `lan`."""

    def __init__(self, host: Namespace) -> None:
        with host.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
            self._socket.bind(("lan", 0x0806))
        self._mac = bytes.fromhex(host.mac("lan").replace(":", ""))

    def claim(self, address: str) -> None:
        """Announces an address as this host's."""
        number = socket.inet_aton(address)
        frame = b"\xff" * 6 + self._mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1)
        self._socket.send(frame + self._mac + number + bytes(6) + number)

    def announced(self, address: str, mac: str, timeout: float = 5.0) -> bool:
        """Waits until a host with this MAC announces the address."""
        number = socket.inet_aton(address)
        sender = bytes.fromhex(mac.replace(":", ""))
        self._socket.settimeout(timeout)
        with suppress(TimeoutError):
            while True:
                frame = self._socket.recv(2048)
                if frame[22:28] == sender and frame[28:32] == number and frame[38:42] == number:
                    return True
        return False

    def close(self) -> None:
        self._socket.close()
