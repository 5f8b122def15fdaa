"""What tests of the data plane do with flows: who the server sees, small servers of the test's own, watching the WAN."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from arctic_lab import Connection, End, Lab, Namespace, wait_for

VERSIONS = (4, 6)


def peer_seen(host: Namespace, address: str, port: int = 80, *, timeout: float = 10.0) -> str:
    """The client's address as the http server at `address` sees it."""
    connection = http.client.HTTPConnection(address, port, timeout=timeout)
    try:
        with host.entered():
            connection.connect()
        connection.request("GET", "/peer")
        return str(json.loads(connection.getresponse().read())["address"])
    finally:
        connection.close()


def carried(lab: Lab, host: Namespace, version: int = 4) -> bool:
    """Whether a new flow from the host to the server goes through the tunnel: the server sees the exit then."""
    seen = peer_seen(host, lab.server.address(version))
    assert seen in (lab.exit.address(version, "lan"), *host_addresses(host)), seen
    return seen == lab.exit.address(version, "lan")


def all_carried(lab: Lab) -> bool:
    """Whether new flows of both origins and families go through the tunnel."""
    return all(carried(lab, host, version) for host in (lab.client, lab.entry) for version in VERSIONS)


def all_direct(lab: Lab) -> bool:
    """Whether new flows of both origins and families reach the server without the tunnel."""
    return not any(carried(lab, host, version) for host in (lab.client, lab.entry) for version in VERSIONS)


def carries(lab: Lab, host: Namespace, version: int = 4) -> bool:
    """As carried(), where a flow may fail as well: while an agent is away, or its table is being made."""
    try:
        return carried(lab, host, version)
    except OSError:
        return False


def carries_all(lab: Lab) -> bool:
    """As all_carried(), where flows may fail as well."""
    return all(carries(lab, host, version) for host in (lab.client, lab.entry) for version in VERSIONS)


def host_addresses(host: Namespace) -> list[str]:
    return [address.partition("/")[0] for addresses in host.addresses.values() for address in addresses]


@contextmanager
def serving(
    host: Namespace, port: int, handle: Callable[[socket.socket], None], *, backlog: int = 64
) -> Iterator[None]:
    """A server in the test itself, for what the lab's servers do not do: `handle` in a thread for each connection."""
    listener = host.socket(socket.AF_INET6)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("::", port))
    listener.listen(backlog)

    def serve(connection: socket.socket) -> None:
        with connection:
            handle(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # closed: the test is over
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def says(connection: Connection, text: bytes = b"are you there?") -> bool:
    """Whether an echo comes back."""
    connection.send(text)
    return connection.receive_exactly(len(text)) == text


def received(
    host: Namespace, address: str, port: int, *, send: bytes = b"", timeout: float = 12.0
) -> tuple[bytes, End]:
    """All that a new connection brings, and how it ends. A reset may come before connect() has returned."""
    try:
        with Connection(host, address, port, timeout=timeout) as connection:
            connection.send(send)
            return connection.receive_to_end()
    except (ConnectionResetError, BrokenPipeError):
        return b"", End.RESET


class Capture:
    """What passes an interface, as tcpdump writes it to a file."""

    def __init__(self, host: Namespace, interface: str, directory: Path) -> None:
        self.path = directory / f"{host.name}-{interface}.pcap"
        self._host = host
        self._process = host.start("tcpdump", "-i", interface, "-U", "-s", "0", "-w", str(self.path))
        self._process.wait_for_output("listening on")

    def stop(self) -> bytes:
        """Ends it and returns the raw file."""
        self._process.stop()
        return self.path.read_bytes()

    def packets(self, expression: str) -> list[str]:
        """One line for each packet that a pcap filter selects."""
        output = self._host.run("tcpdump", "-nr", str(self.path), expression).stdout
        return output.splitlines()


def quiet(lab: Lab, seconds: float = 0.3) -> None:
    """Waits until the WAN has carried less than a segment for a while: nothing moves any more."""
    last, since = -1, time.monotonic()

    def still() -> bool:
        nonlocal last, since
        moved = sum(stats.bytes_in for stats in lab.wan.stats().values())
        if moved - last > 20_000:
            last, since = moved, time.monotonic()
        return time.monotonic() - since > seconds

    wait_for(still, 30, "a quiet WAN")
