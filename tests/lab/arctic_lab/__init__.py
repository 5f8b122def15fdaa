"""The lab: network namespaces joined by LANs and emulated WAN links, with servers, clients and measurements.

    with Lab() as lab:
        lab.wan.set(delay_ms=50, rate_mbit=100, loss_percent=0.5, seed=3)
        lab.server.serve("http", 80)
        print(receiver_goodput(lab.client, lab.server.ipv4, 80, seconds=10).mbit)
"""

from .lab import Lab
from .link import Link, LinkControl, LinkStats, attach, build_directory
from .namespace import CommandFailed, Namespace
from .ownership import labs, reap
from .processes import Process
from .topology import Port, Topology
from .waiting import wait_for

__all__ = [
    "CommandFailed",
    "Lab",
    "Link",
    "LinkControl",
    "LinkStats",
    "Namespace",
    "Port",
    "Process",
    "Topology",
    "attach",
    "build_directory",
    "labs",
    "reap",
    "wait_for",
]
