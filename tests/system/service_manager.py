"""The other end of sd_notify(3): what an agent tells whoever has started it."""

import socket

from arctic_lab import Namespace


class Manager:
    """Listens on a host of the lab, at a path or, with an @ in front, at an abstract address."""

    def __init__(self, host: Namespace, address: str) -> None:
        self.socket = host.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1))
        self.socket.settimeout(10)

    def message(self) -> list[str]:
        """The next one, as its lines."""
        return self.socket.recv(4096).decode().splitlines()

    def close(self) -> None:
        self.socket.close()
