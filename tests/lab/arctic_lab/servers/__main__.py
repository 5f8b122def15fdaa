"""python3 -m arctic_lab.servers KIND PORT: see --help."""

import argparse
import socketserver

from .base import serve
from .http_files import HttpFiles
from .streams import Banner, Echo, HalfClose, ResetAfterReceiving, ResetAfterSending, Silent

KINDS: dict[str, type[socketserver.BaseRequestHandler]] = {
    "http": HttpFiles,
    "echo": Echo,
    "banner": Banner,
    "half-close": HalfClose,
    "reset-after-sending": ResetAfterSending,
    "reset-after-receiving": ResetAfterReceiving,
    "silent": Silent,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="arctic_lab.servers", description='A server for tests; prints "ready".'
    )
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("port", type=int)
    parser.add_argument("--bytes", type=int, default=0, help="when the reset-after servers reset")
    options = parser.parse_args()
    ResetAfterSending.limit = ResetAfterReceiving.limit = options.bytes
    serve(options.port, KINDS[options.kind])


main()
