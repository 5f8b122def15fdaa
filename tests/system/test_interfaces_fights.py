"""A program that keeps changing a service's interface, as one that takes itself for the manager of all links: it is named, not fought."""

import time
from collections.abc import Callable

import pytest
from agents import Agent, Pair
from arctic_lab import Lab, wait_for
from kernel_setup import FAMILIES
from service_interfaces import BOTH, wait_until_active, with_interface
from test_kernel_agent import repairs

FIGHT_SECONDS = 6.0
ADDRESSES = {4: "10.1.0.10/24", 6: "fd01::10/64"}


def fight(lab: Lab, command: str, said: Callable[[], bool]) -> bool:
    """Seven times a second; whether `said` was true meanwhile."""
    until = time.monotonic() + FIGHT_SECONDS
    seen = False
    while time.monotonic() < until:
        lab.entry.run("ip", *command.split(), check=False)
        pause = time.monotonic() + 0.15
        wait_for(lambda pause=pause: time.monotonic() > pause, 1)
        seen = seen or said()
    return seen


def hints(agent: Agent) -> list[str]:
    check = agent.request("GET", "/readyz").json()["checks"]["kernel"]
    return [text for text in check.get("hints", []) if "something keeps changing" in text]


@pytest.mark.slow
@pytest.mark.timing
@pytest.mark.parametrize("version", FAMILIES)
def test_an_address_that_somebody_keeps_deleting(lab: Lab, lan: Pair, version: int) -> None:
    service = with_interface(lan.entry, lan.exit, *BOTH)
    name = wait_until_active(lan.entry, service)["interface_name"]

    def told() -> bool:
        shown = lan.entry.service(service)
        missing = shown[f"actual_interface_ipv{version}"] is None and shown["state"] == "degraded"
        return missing and "ip monitor address" in shown["state_reason"]

    assert fight(lab, f"address del {ADDRESSES[version]} dev {name}", told)
    # 5 at once, then after 1, 2 and 4 s at the earliest.
    assert 4 <= repairs(lan.entry)["address"] <= 8
    (hint,) = hints(lan.entry)
    assert "the address of a service" in hint and "ip monitor address" in hint
    assert lan.entry.log.count("something keeps changing what") <= 3
    wait_until_active(lan.entry, service, 15)
    assert lan.entry.service(service)[f"actual_interface_ipv{version}"] == ADDRESSES[version]
    assert lan.entry.log.count("is not as it should be") <= 4


@pytest.mark.slow
@pytest.mark.timing
def test_a_link_that_somebody_keeps_changing(lab: Lab, lan: Pair) -> None:
    service = with_interface(lan.entry, lan.exit, *BOTH)
    name = wait_until_active(lan.entry, service)["interface_name"]

    def told() -> bool:
        return "ip monitor link" in (lan.entry.service(service)["state_reason"] or "")

    assert fight(lab, f"link set {name} alias mine", told)
    assert 4 <= repairs(lan.entry)["interface"] <= 8
    (hint,) = hints(lan.entry)
    assert "the interface of a service" in hint and "ip monitor link" in hint
    wait_for(lambda: f"alias {service}" in lab.entry.run("ip", "link", "show", name).stdout, 15, "the alias again")
    wait_until_active(lan.entry, service)
    assert lan.entry.log.count("something keeps changing what") <= 3
