"""What requests that must be refused are sent to, and a look at whether they have left a trace."""

from typing import Any

import pytest
from agents import Pair

Refusal = tuple[int, str, str | None]
UNKNOWN_PEER = "peer_01ARZ3NDEKTSV4RRFFQ69G5FAV"
UNKNOWN_SERVICE = "svc_01ARZ3NDEKTSV4RRFFQ69G5FAV"
GOOD_ROUTE = {"dest_cidr": "10.8.0.0/16", "priority": 100}


class Target:
    """A pair with one service and one route, and a look at all that a request could change."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.entry = pair.entry
        self.service = pair.entry.create_service(pair.exit, "--name", "existing")
        self.route = pair.entry.add_route(self.service, dest="10.2.0.0/24")
        pair.wait_until_carried(self.service)
        self.path = f"/v1/services/{self.service}"

    def state(self) -> tuple[Any, ...]:
        return (
            self.entry.get("/v1/services"),
            self.entry.service(self.service),
            sorted(peer["id"] for peer in self.entry.get("/v1/peers")["peers"]),
            self.entry.ruleset().replace("packets", ""),
        )

    def new_service(self, **members: Any) -> dict[str, Any]:
        """A good body, but for the members given; None leaves one out."""
        body = {"target_peer_id": self.pair.exit.id, "transport_type": "tcp", **members}
        return {name: value for name, value in body.items() if value is not None}


@pytest.fixture(scope="module")
def target(module_pair: Pair) -> Target:
    return Target(module_pair)


def refused(target: Target, expected: Refusal, method: str, path: str, *body: Any, **options: Any) -> str:
    """Sends a request that must be refused without a trace; returns the sentence for people."""
    before = target.state()
    answer = target.entry.api(method, path, *body, **options)
    assert answer.error == expected
    assert set(answer.json()) <= {"error", "code", "field"}
    assert answer.headers["Content-Type"].startswith("application/json")
    assert target.state() == before
    return str(answer.json()["error"])
