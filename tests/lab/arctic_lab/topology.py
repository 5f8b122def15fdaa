"""Building networks: named hosts, LANs and emulated links, all of which end with the topology."""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from .interrupts import uninterrupted
from .link import Link
from .namespace import Namespace
from .ownership import RUN_DIRECTORY, claim_name, end_in_order, open_labs, remove_lab


@dataclass(frozen=True)
class Port:
    """Where a host meets a LAN or link: the interface it gets there, and its addresses with prefix length."""

    host: Namespace
    interface: str
    addresses: tuple[str, ...] = ()

    def settle(self) -> None:
        self.host.add_addresses(self.interface, *self.addresses)


@dataclass(frozen=True)
class Cable:
    """Between two switches."""

    first: Namespace
    second: Namespace
    interface: str = "cable"

    def cut(self) -> None:
        self.first.ip(f"link set {self.interface} down")

    def mend(self) -> None:
        self.first.ip(f"link set {self.interface} up")


def _veth(first: Namespace, interface: str, second: Namespace, peer: str) -> None:
    first.ip(f"link add name {interface} type veth peer name {peer} netns {second.netns}")


def _frames_only(namespace: Namespace, interface: str) -> None:
    """What is sent here has the size and the checksums it would have on a wire."""
    features = ("tso", "gso", "gro", "tx", "sg")
    namespace.run("ethtool", "-K", interface, *(word for feature in features for word in (feature, "off")))


class Topology:
    """
    A network. close() removes everything it made; so do the with-statement, the end of the interpreter, SIGTERM, SIGHUP.
    """

    def __init__(self, congestion: str = "cubic") -> None:
        self.hosts: dict[str, Namespace] = {}
        self.links: dict[str, Link] = {}
        self._congestion = congestion
        self._owner = os.getpid()
        self._stack = ExitStack()
        end_in_order()
        with uninterrupted():
            self.name = claim_name()
            self.directory = RUN_DIRECTORY / self.name
            self._stack.callback(remove_lab, self.name)
            open_labs.append(self)
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self) -> None:
        """Makes what a topology of this kind has from the first; a plain one is empty."""

    def host(self, name: str, forwarding: bool = False) -> Namespace:
        """Adds a host; a forwarding one is a router."""
        # As a whole: what `ip netns add` has begun would otherwise be ended after the lab was cleaned up.
        with uninterrupted():
            namespace = Namespace(self.name, name, self.directory, self._congestion)
            self._stack.callback(namespace.close)
            self.hosts[name] = namespace
        if forwarding:
            namespace.forward()
        return namespace

    def lan(self, name: str, *ports: Port) -> None:
        """Connects hosts without delay: two by a cable, more by a switch that is a host of its own called `name`."""
        if len(ports) == 2:
            first, second = ports
            _veth(first.host, first.interface, second.host, second.interface)
        else:
            self._switch(name, ports)
        for port in ports:
            port.settle()

    def _switch(self, name: str, ports: tuple[Port, ...]) -> None:
        switch = self.host(name)
        switch.sysctl("net/ipv6/conf/default/disable_ipv6", 1)
        switch.ip("link add name switch type bridge", "link set switch up")
        for number, port in enumerate(ports):
            socket = f"port{number}"
            _veth(switch, socket, port.host, port.interface)
            switch.ip(f"link set {socket} master switch up")

    def cable(self, first: str, second: str) -> Cable:
        """Connects two LANs that are switches."""
        ends = self.hosts[first], self.hosts[second]
        cable = Cable(*ends)
        _veth(ends[0], cable.interface, ends[1], cable.interface)
        for end in ends:
            end.ip(f"link set {cable.interface} master switch up")
        return cable

    def link(self, name: str, first: Port, second: Port) -> Link:
        """Connects two hosts by an emulated link, at first one without delay, limits and loss."""
        middle = self.host(name)
        # The emulator's side is a wire: it has no address and says nothing of its own.
        middle.sysctl("net/ipv6/conf/default/disable_ipv6", 1)
        for port in (first, second):
            _veth(port.host, port.interface, middle, port.host.name)
            for namespace, interface in ((port.host, port.interface), (middle, port.host.name)):
                _frames_only(namespace, interface)
            middle.ip(f"link set {port.host.name} up")
        for port in (first, second):
            port.settle()
        self._introduce(first, second)
        self._introduce(second, first)
        link = Link(middle, self.directory, first.host.name, second.host.name)
        self._stack.callback(link.close)
        self.links[name] = link
        return link

    def _introduce(self, port: Port, peer: Port) -> None:
        # A WAN path is no LAN: a lost ARP request would add seconds that no real one has, and take draws from the seed.
        mac = peer.host.mac(peer.interface)
        port.host.ip(
            *(
                f"neigh replace {address.partition('/')[0]} lladdr {mac} dev {port.interface} nud permanent"
                for address in peer.addresses
            )
        )

    def logs(self) -> dict[str, str]:
        """What every program of every host has written so far."""
        processes = (process for host in self.hosts.values() for process in host.processes)
        return {process.name: process.log() for process in processes}

    def close(self) -> None:
        """Ends all programs and removes all namespaces; may be called again."""
        if os.getpid() != self._owner or self not in open_labs:
            return
        with uninterrupted():
            open_labs.remove(self)
            self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
