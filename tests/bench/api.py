#!/usr/bin/python3
"""How many reads a second the API serves, and what clients that dribble their requests cost the others.

    tests/bench/api.py [--services 100] [--seconds 5] [--core 0] [--build DIR]

Raises the lab with two agents, gives the entry its services, pins its agent to one core and wrk to the others, and asks for the
list and for one service, in the clear and over TLS. Prints a Markdown table: requests a second as wrk counts them, and as many as
the agent would serve in a second of processor time, which does not depend on what else the machine does. Then the median time of one
request after the other, alone and beside connections that send a byte of their headers now and then.
Nothing is asserted here: it is a measurement. Build with --buildtype=release.
"""

import argparse
import os
import re
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "lab"), str(TESTS / "system")]

from agents import API_PORT, Agent, Pair, running_pair  # noqa: E402
from arctic_lab import Lab, build_directory  # noqa: E402
from arctic_lab.link import BUILD_VARIABLE  # noqa: E402

TLS_PORT = 8443
CONNECTIONS = 16
DRIBBLING = 50
DRIBBLE_SECONDS = 0.05
ASKED = 2000


def fill(pair: Pair, count: int) -> str:
    """Services with a route each; the id of one."""
    service = ""
    for number in range(count):
        body = {"target_peer_id": pair.exit.id, "transport_type": "tcp", "name": f"bench-{number}"}
        service = str(pair.entry.api("POST", "/v1/services", body).json()["id"])
        route = {"routes": [{"dest_cidr": f"100.64.{number % 256}.0/24", "priority": 100 + number}]}
        answer = pair.entry.api("POST", f"/v1/services/{service}/routes", route)
        assert answer.status == 201, answer
    return service


def pid_of(agent: Agent) -> int:
    assert agent.process
    return agent.process.pid


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(agent: Agent, url: str, seconds: int, core: int) -> tuple[float, float]:
    """Requests a second, and requests a second of the agent's processor time."""
    others = ",".join(str(cpu) for cpu in range(os.cpu_count() or 1) if cpu != core) or "0"
    before = processor_seconds(pid_of(agent))
    told = agent.host.run(
        *("taskset", "-c", others, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"),
        *("-H", f"Authorization: Bearer {agent.token()}", url),
        timeout=seconds + 30,
    ).stdout
    used = processor_seconds(pid_of(agent)) - before
    found = re.search(r"(\d+) requests in ([\d.]+)(m?s)", told)
    assert found and "Non-2xx" not in told, told
    requests, lasted = int(found[1]), float(found[2]) * (0.001 if found[3] == "ms" else 1)
    return requests / lasted, requests / used


def median_ms(agent: Agent, path: str) -> float:
    times = []
    headers = {"Authorization": f"Bearer {agent.token()}"}
    with agent.connected() as connection:
        for _ in range(ASKED):
            started_at = time.monotonic()
            connection.request("GET", path, headers=headers)
            assert connection.getresponse().read()
            times.append(time.monotonic() - started_at)
    return statistics.median(times) * 1000


@contextmanager
def dribbling(agent: Agent) -> Iterator[None]:
    """Clients that never come to the end of their headers; those that are cut come back."""
    end = threading.Event()
    all_there = threading.Event()

    def dribble() -> None:
        sockets = [None] * DRIBBLING
        while not end.wait(DRIBBLE_SECONDS):
            for number, client in enumerate(sockets):
                try:
                    if client is None:
                        sockets[number] = client = agent.host.socket()
                        client.connect(("127.0.0.1", API_PORT))
                        client.sendall(b"GET /v1/services HTTP/1.1\r\nX: ")
                    client.sendall(b"a")
                except OSError:
                    sockets[number] = None
            if all(sockets):
                all_there.set()
        for client in sockets:
            if client:
                client.close()

    thread = threading.Thread(target=dribble)
    thread.start()
    assert all_there.wait(30), "the dribbling connections were not all made"
    yield
    end.set()
    thread.join()


def run(pair: Pair, services: int, seconds: int, core: int) -> None:
    entry = pair.entry
    service = fill(pair, services)
    os.sched_setaffinity(pid_of(entry), {core})
    print("| GET | requests/s | for each second of processor time |\n|---|---|---|")
    for scheme, port in (("http", API_PORT), ("https", TLS_PORT)):
        for path, name in (("/v1/services", f"{services} services"), (f"/v1/services/{service}", "one service")):
            rate, by_processor = measure(entry, f"{scheme}://127.0.0.1:{port}{path}", seconds, core)
            print(f"| {scheme}, {name} | {rate:.0f} | {by_processor:.0f} |", flush=True)
    path = f"/v1/services/{service}"
    print(f"\n| one request after the other | median ms |\n|---|---|\n| alone | {median_ms(entry, path):.3f} |")
    with dribbling(entry):
        print(f"| beside {DRIBBLING} connections that dribble | {median_ms(entry, path):.3f} |")
    print(f"| alone again | {median_ms(entry, path):.3f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--services", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--core", type=int, default=0, help="of the agent")
    parser.add_argument("--build", type=Path, help="build directory")
    arguments = parser.parse_args()
    if arguments.build:
        os.environ[BUILD_VARIABLE] = str(arguments.build.resolve())
    terms = ("--max-nodes", "10", "--max-services", str(arguments.services + 1), "--days", "365")
    with Lab() as lab, running_pair(lab, build_directory(), *terms) as pair:
        run(pair, arguments.services, arguments.seconds, arguments.core)


if __name__ == "__main__":
    main()
