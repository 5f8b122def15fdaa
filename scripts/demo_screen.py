"""What the demo prints: headings, commands as an operator types them, their output."""

import os
import shlex
import sys
import textwrap

COLOURS = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def styled(code: str, text: str) -> str:
    return f"\033[{code}m{text}\033[0m" if COLOURS else text


def heading(text: str) -> None:
    print(f"\n{styled('1', text)}", flush=True)


def indented(text: str) -> None:
    if text.strip():
        print(textwrap.indent(text.rstrip(), "    "), flush=True)


def shown(where: str, words: list[str]) -> None:
    print(f"{styled('36', f'root@{where}')}# {styled('32', shlex.join(words))}", flush=True)


def report(text: str) -> None:
    """How the demo ended; the terminal may be gone by then."""
    try:
        print(f"\nscripts/demo: {text}", file=sys.stderr, flush=True)
    except OSError:
        pass
