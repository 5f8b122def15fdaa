"""What all servers share: a thread for each connection, IPv4 and IPv6 on one socket, "ready" on stdout."""

import socket
import socketserver


class DualStackServer(socketserver.ThreadingTCPServer):
    """Listens on every address of both families."""

    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that resets is part of many tests, not an error of the server."""
        print(f"{client_address} broke off", flush=True)


def serve(port: int, handler: type[socketserver.BaseRequestHandler]) -> None:
    """Serves until the process is ended."""
    with DualStackServer(("::", port), handler) as server:
        print("ready", flush=True)
        server.serve_forever()


def peer_address(address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """An IPv4 peer of a dual-stack socket as IPv4."""
    return address[0].removeprefix("::ffff:")
