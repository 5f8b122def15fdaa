"""Requests about routes that must be refused, and leave no trace."""

from typing import Any

import pytest
from api_target import GOOD_ROUTE, Refusal, Target, refused, target

__all__ = ["target"]  # fixtures

BAD_ROUTES: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "host bits": ({"dest_cidr": "10.1.2.3/8"}, ("INVALID_CIDR", "dest_cidr")),
    "host bits of the source": ({"source_cidr": "10.1.2.3/8"}, ("INVALID_CIDR", "source_cidr")),
    "host bits of IPv6": ({"dest_cidr": "fd00::1/64"}, ("INVALID_CIDR", "dest_cidr")),
    "no slash": ({"dest_cidr": "10.0.0.0"}, ("INVALID_CIDR", "dest_cidr")),
    "length too great": ({"dest_cidr": "10.0.0.0/33"}, ("INVALID_CIDR", "dest_cidr")),
    "negative length": ({"dest_cidr": "10.0.0.0/-1"}, ("INVALID_CIDR", "dest_cidr")),
    "no length": ({"dest_cidr": "10.0.0.0/"}, ("INVALID_CIDR", "dest_cidr")),
    "a name": ({"dest_cidr": "example.org/8"}, ("INVALID_CIDR", "dest_cidr")),
    "a space": ({"dest_cidr": " 10.0.0.0/8"}, ("INVALID_CIDR", "dest_cidr")),
    "empty": ({"dest_cidr": ""}, ("INVALID_CIDR", "dest_cidr")),
    "a number": ({"dest_cidr": 10}, ("INVALID_REQUEST", "dest_cidr")),
    "priority 0": ({"priority": 0}, ("INVALID_PRIORITY", "priority")),
    "priority below 0": ({"priority": -5}, ("INVALID_PRIORITY", "priority")),
    "priority too great": ({"priority": 2147483648}, ("INVALID_PRIORITY", "priority")),
    "priority a text": ({"priority": "100"}, ("INVALID_REQUEST", "priority")),
    "priority a fraction": ({"priority": 1.5}, ("INVALID_REQUEST", "priority")),
    "priority true": ({"priority": True}, ("INVALID_REQUEST", "priority")),
    "no priority": ({"priority": None}, ("MISSING_FIELD", "priority")),
    "no CIDR": ({"dest_cidr": None}, ("MISSING_FIELD", "dest_cidr")),
    "unknown member": ({"weight": 1}, ("INVALID_REQUEST", "weight")),
    "an id": ({"id": 7}, ("INVALID_REQUEST", "id")),
}


@pytest.mark.parametrize("case", BAD_ROUTES)
def test_a_bad_route(target: Target, case: str) -> None:
    """Alone, and as the last of several of which none may be added then."""
    members, (code, field) = BAD_ROUTES[case]
    bad = {name: value for name, value in {**GOOD_ROUTE, **members}.items() if value is not None}
    for routes in ([bad], [GOOD_ROUTE, GOOD_ROUTE, bad]):
        message = refused(target, (400, code, field), "POST", f"{target.path}/routes", {"routes": routes})
        if len(routes) > 1:
            assert "routes[2]" in message


def test_both_families_in_one_route(target: Target) -> None:
    routes = [{"source_cidr": "fd00::/8", "dest_cidr": "10.0.0.0/8", "priority": 1}]
    answer = target.entry.api("POST", f"{target.path}/routes", {"routes": routes})
    assert answer.error[:2] == (400, "INVALID_CIDR")


def test_host_bits_name_the_network(target: Target) -> None:
    routes = {"routes": [{"dest_cidr": "10.1.2.3/8", "priority": 1}]}
    message = refused(target, (400, "INVALID_CIDR", "dest_cidr"), "POST", f"{target.path}/routes", routes)
    assert "10.1.2.3/8" in message and "10.0.0.0/8" in message


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "MISSING_FIELD"),
        ({"routes": []}, "INVALID_REQUEST"),
        ({"routes": {}}, "INVALID_REQUEST"),
        ({"routes": ["10.0.0.0/8"]}, "INVALID_REQUEST"),
        ({"routes": [GOOD_ROUTE], "force": True}, "INVALID_REQUEST"),
        ([GOOD_ROUTE], "INVALID_REQUEST"),
    ],
)
def test_a_bad_body_of_routes(target: Target, body: Any, code: str) -> None:
    before = target.state()
    assert target.entry.api("POST", f"{target.path}/routes", body).error[:2] == (400, code)
    assert target.state() == before


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"dest_cidr": "10.1.2.3/8"}, (400, "INVALID_CIDR", "dest_cidr")),
        ({"priority": 0}, (400, "INVALID_PRIORITY", "priority")),
        ({"priority": None}, (400, "INVALID_REQUEST", "priority")),
        ({"dest_cidr": None}, (400, "MISSING_FIELD", "dest_cidr")),
        ({"weight": 5}, (400, "INVALID_REQUEST", "weight")),
        ({"dest_cidr": "10.4.0.0/16", "priority": 0}, (400, "INVALID_PRIORITY", "priority")),
    ],
)
def test_a_bad_change_of_a_route(target: Target, body: Any, expected: Refusal) -> None:
    refused(target, expected, "PUT", f"{target.path}/routes/{target.route}", body)
