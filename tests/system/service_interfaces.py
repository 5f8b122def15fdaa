"""What tests of services' MACVLAN interfaces share: services that have one, what they are told to be, and what the host shows of them."""

import json
import socket
import struct
from pathlib import Path
from typing import Any

from agents import Agent
from arctic_lab import Namespace, wait_for
from flows import VERSIONS

ADDRESS = {4: "10.1.0.10", 6: "fd01::10"}
BOTH = ("--desired-ipv4", "10.1.0.10/24", "--desired-ipv6", "fd01::10/64")


def links(host: Namespace) -> list[dict[str, Any]]:
    """All MACVLAN links of a host as ip(8) shows them."""
    shown = json.loads(host.run("ip", "-json", "-details", "address", "show").stdout)
    return [link for link in shown if link.get("linkinfo", {}).get("info_kind") == "macvlan"]


def link_of(host: Namespace, service: str) -> dict[str, Any] | None:
    return next((link for link in links(host) if link.get("ifalias") == service), None)


def global_addresses(link: dict[str, Any]) -> set[str]:
    return {
        f"{address['local']}/{address['prefixlen']}"
        for address in link["addr_info"]
        if address["scope"] == "global"
    }


def setting(host: Namespace, family: str, link: str, name: str) -> int:
    with host.entered():
        return int(Path(f"/proc/sys/net/{family}/conf/{link}/{name}").read_text())


def with_interface(agent: Agent, target: Agent, *options: str) -> str:
    return agent.create_service(target, "--requires-interface", *options)


def wait_until_active(agent: Agent, service: str, timeout: float = 10.0) -> dict[str, Any]:
    def active() -> bool:
        return bool(agent.service(service)["state"] == "active")

    try:
        wait_for(active, timeout, f"{service} active")
    except BaseException:
        print(agent.service(service))
        raise
    shown: dict[str, Any] = agent.service(service)
    return shown


def wait_for_reason(agent: Agent, service: str, text: str, timeout: float = 10.0) -> dict[str, Any]:
    shown: dict[str, Any] = {}

    def said() -> bool:
        nonlocal shown
        shown = agent.service(service)
        return text in (shown["state_reason"] or "")

    try:
        wait_for(said, timeout, f"state_reason with '{text}'")
    except BaseException:
        print(shown)
        raise
    return shown


def announce(host: Namespace, interface: str, address: str) -> None:
    """An ARP announcement (RFC 5227), as from a host that was given the address by hand."""
    mac = bytes.fromhex(host.mac(interface).replace(":", ""))
    sender = mac + socket.inet_aton(address)
    frame = b"\xff" * 6 + mac + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + sender + bytes(6) + sender[6:]
    with host.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((interface, 0))
        raw.send(frame)


def use_as_gateway(client: Namespace, *versions: int) -> None:
    for version in versions or VERSIONS:
        client.ip(f"route replace default via {ADDRESS[version]}", "neigh flush all")
