"""Waiting for events: the only place of the lab that sleeps, and never longer than one look at the predicate is worth."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

LOOK_SECONDS = 0.005


def wait_for(predicate: Callable[[], Value | None], timeout: float = 10.0, what: str = "an event") -> Value:
    """Looks until `predicate` gives something true and returns it; TimeoutError names `what`."""
    deadline = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{what}: not within {timeout:g} s")
        time.sleep(LOOK_SECONDS)
