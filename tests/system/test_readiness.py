"""What /readyz tells of a host whose settings keep Arctic from being useful."""

from agents import Pair
from arctic_lab import Lab, wait_for


def hints(pair: Pair) -> list[str]:
    answer = pair.entry.request("GET", "/readyz")
    assert answer.status == 200, answer.body
    return answer.json()["checks"]["kernel"].get("hints", [])


def test_a_host_that_does_not_forward_is_told_so(lab: Lab, pair: Pair) -> None:
    assert hints(pair) == []
    lab.entry.sysctl("net/ipv4/ip_forward", 0)
    wait_for(lambda: any("net.ipv4.ip_forward" in hint for hint in hints(pair)), 5, "a hint at ip_forward")
    lab.entry.sysctl("net/ipv4/ip_forward", 1)
    wait_for(lambda: hints(pair) == [], 5, "the hint to go")
