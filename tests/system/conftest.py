"""What every system test needs: the lab package, a fresh lab, and the logs of its programs where a test failed."""

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))

from agents import Pair, running_pair  # noqa: E402
from arctic_lab import Lab, build_directory, open_labs, reap  # noqa: E402
from kernel_setup import network, start, sysctl  # noqa: E402, F401


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: left out by scripts/test --quick")
    # Ignored from birth in a background job, and so by what is started here: Ctrl-C is part of what is tested.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "timing: measures time or memory, which mean nothing under sanitizers")
    config.addinivalue_line("markers", "waits: of timing, waits for long and works little: runs beside another one")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with many tests begin first: side by side, one that begins late is waited for by all others."""
    tests_of = Counter(item.path for item in items)
    items.sort(key=lambda item: -tests_of[item.path])


def pytest_sessionstart() -> None:
    if os.geteuid():
        pytest.exit("system tests make network namespaces: run them as root", returncode=1)
    reap()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    if report.failed:
        for lab in open_labs:
            report.sections.extend((f"log of {name}", text) for name, text in lab.logs().items() if text)


@pytest.fixture(scope="session")
def build() -> Path:
    """The build directory: $ARCTIC_BUILD, else build/ in the repository."""
    return build_directory()


@pytest.fixture
def lab() -> Iterator[Lab]:
    """client - entry - WAN - exit - server, with a link that is perfect until lab.wan.set()."""
    with Lab() as network:
        yield network


@pytest.fixture
def pair(lab: Lab, build: Path) -> Iterator[Pair]:
    """A live agent on entry and exit, each a peer of the other; no service yet. Both must end well."""
    with running_pair(lab, build) as agents:
        yield agents


@pytest.fixture
def lan(lab: Lab, build: Path) -> Iterator[Pair]:
    """A pair whose entry has services' interfaces on the client's LAN, and an http server behind the exit."""
    lab.server.serve("http", 80)
    with running_pair(lab, build, PARENT_INTERFACE="lan") as agents:
        yield agents


@pytest.fixture(scope="module")
def module_lab() -> Iterator[Lab]:
    """A lab that all tests of a file share. It outlives the failure of what is built on it, so that logs are shown."""
    with Lab() as network:
        yield network


@pytest.fixture(scope="module")
def module_pair(module_lab: Lab, build: Path) -> Iterator[Pair]:
    """A pair that all tests of a file share, where none of them harms it."""
    with running_pair(module_lab, build) as agents:
        yield agents
