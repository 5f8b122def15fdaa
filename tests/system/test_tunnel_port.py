"""A firewall that lets the links which are there pass and new tunnel connections not: the control link alone would show nothing."""

import threading
from contextlib import ExitStack, suppress

from agents import TUNNEL_PORT, Pair
from arctic_lab import Connection, Lab, wait_for
from flows import says

ECHO = 7
FLOWS = 20  # more than there are tunnel connections kept ready
GUARD = "add table inet guard; add chain inet guard input { type filter hook input priority 0; }"
RULE = f"add rule inet guard input tcp dport {TUNNEL_PORT} tcp flags & (syn|ack) == syn reject with tcp reset"


def open_flows(lab: Lab) -> int:
    """Opens many flows at once; how many of them work."""
    working: list[bool] = []
    with ExitStack() as stack:
        flows = [stack.enter_context(Connection(lab.client, lab.server.ipv4, ECHO, timeout=20)) for _ in range(FLOWS)]

        def use(flow: Connection) -> None:
            with suppress(OSError):
                working.append(says(flow))

        threads = [threading.Thread(target=use, args=(flow,), daemon=True) for flow in flows]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    return sum(working)


def test_new_tunnel_connections_that_fail_are_told(lab: Lab, pair: Pair) -> None:
    lab.server.serve("echo", ECHO)
    service = pair.carry()
    lab.exit.run("nft", f"{GUARD}; {RULE}")
    assert 0 < open_flows(lab) < FLOWS, "those that are ready carry flows, for others there are none"

    def told() -> bool:
        shown = pair.entry.service(service)
        return shown["state"] == "degraded" and "is its tunnel port open" in (shown["state_reason"] or "")

    wait_for(told, 10, "a service that says why")
    assert "tunnel port" in pair.entry.cli("services", "list").stderr
    lab.exit.run("nft", "delete table inet guard")
    wait_for(lambda: open_flows(lab) == FLOWS, 30, "flows that all work")
    wait_for(lambda: pair.entry.service(service)["state"] == "active", 5, "an active service")
