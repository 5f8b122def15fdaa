"""The lab: network namespaces joined by LANs and emulated WAN links, with servers, clients and measurements.

    with Lab() as lab:
        lab.wan.set(delay_ms=50, rate_mbit=100, loss_percent=0.5, seed=3)
        lab.server.serve("http", 80)
        print(receiver_goodput(lab.client, lab.server.ipv4, 80, seconds=10).mbit)
"""

from .client import Connection, End, Transfer, http_get, http_upload
from .content import Content, ContentCheck
from .interrupts import uninterrupted
from .lab import Lab
from .link import Link, LinkControl, LinkStats, attach, build_directory
from .measure import Goodput, link_capacity, receiver_goodput, timed_get
from .namespace import CommandFailed, Namespace
from .ownership import labs, open_labs, reap
from .processes import Process
from .topology import Port, Topology
from .waiting import wait_for

__all__ = [
    "CommandFailed",
    "Connection",
    "Content",
    "ContentCheck",
    "End",
    "Goodput",
    "Lab",
    "Link",
    "LinkControl",
    "LinkStats",
    "Namespace",
    "Port",
    "Process",
    "Topology",
    "Transfer",
    "attach",
    "build_directory",
    "http_get",
    "http_upload",
    "labs",
    "link_capacity",
    "open_labs",
    "reap",
    "receiver_goodput",
    "timed_get",
    "uninterrupted",
    "wait_for",
]
