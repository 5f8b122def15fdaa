"""A lab by hand: python3 -m arctic_lab shell, list, set, down, up, stats, reap. tests/lab/README.md shows examples."""

import argparse
import dataclasses
import json
import os
import signal
import subprocess
import sys

from .lab import Lab
from .link import LinkControl, attach
from .ownership import RUN_DIRECTORY, labs, namespaces_of, reap

SETTINGS = {
    "delay-ms": "one way",
    "rate-mbit": "whole Ethernet frames; 0 is unlimited",
    "queue-bytes": "droptail limit; 0 is one BDP: rate x 2 x delay",
    "loss-percent": "mean share of frames lost",
    "burst-frames": "mean length of a run of losses; 0 draws each frame for itself",
    "reorder-percent": "share of frames that come late",
    "reorder-ms": "how late",
    "duplicate-percent": "share of frames that come twice",
    "corrupt-percent": "share of frames with a flipped bit",
    "seed": "same seed, same chances",
}


def _add_settings(parser: argparse.ArgumentParser) -> None:
    for name, text in SETTINGS.items():
        parser.add_argument(
            f"--{name}", type=int if name in ("seed", "queue-bytes") else float, metavar="N", help=text
        )


def _apply(link: LinkControl, options: argparse.Namespace, towards: str | None = None) -> None:
    link.set(
        towards=towards,
        **{key: getattr(options, key) for key in (name.replace("-", "_") for name in SETTINGS)},
    )


def _shell(options: argparse.Namespace) -> int:
    with Lab(options.congestion) as lab:
        _apply(lab.wan, options)
        variables = {f"{host.name.upper()}": host.netns for host in lab.hosts.values()}
        print(f"lab {lab.name}: sockets and logs in {lab.directory}")
        for name, netns in variables.items():
            print(f"  ${name:<8} {netns}")
        print("run in a host:    ip netns exec $CLIENT ping 10.2.0.2")
        print(
            "change the link:  python3 -m arctic_lab set $LAB --loss-percent 1 [--towards exit]", flush=True
        )
        command = options.command or [os.environ.get("SHELL", "/bin/bash")]
        return subprocess.run(
            command, env={**os.environ, **variables, "LAB": lab.name}, check=False
        ).returncode


def _list(_options: argparse.Namespace) -> int:
    for lab, alive in labs().items():
        print(lab, "in use" if alive else "owner is dead", *namespaces_of(lab))
    return 0


def _reap(_options: argparse.Namespace) -> int:
    for lab in reap():
        print(lab)
    return 0


def _on_link(options: argparse.Namespace) -> int:
    link = attach(RUN_DIRECTORY / options.lab, options.link)
    if options.action == "set":
        _apply(link, options, options.towards)
    elif options.action == "stats":
        print(json.dumps({end: dataclasses.asdict(stats) for end, stats in link.stats().items()}, indent=2))
    elif options.action == "down":
        link.down(options.towards)
    else:
        link.up(options.towards)
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="arctic_lab", description="Networks in namespaces, with emulated WAN links."
    )
    actions = parser.add_subparsers(dest="action", required=True)

    shell = actions.add_parser(
        "shell", help="raise client - entry - WAN - exit - server and run a shell or COMMAND"
    )
    _add_settings(shell)
    shell.add_argument(
        "--congestion", default="cubic", help="congestion control of all hosts (default: cubic)"
    )
    shell.add_argument("command", nargs="*", metavar="COMMAND", help="after --")
    shell.set_defaults(act=_shell)

    actions.add_parser("list", help="all labs and their namespaces").set_defaults(act=_list)
    actions.add_parser("reap", help="remove the labs of dead owners").set_defaults(act=_reap)

    for name, text in (
        ("set", "change a link"),
        ("down", "partition"),
        ("up", "heal"),
        ("stats", "read counters"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("lab", help="as arctic_lab list names it")
        action.add_argument("--link", default="wan")
        action.add_argument("--towards", metavar="HOST", help="only the direction to this end of the link")
        if name == "set":
            _add_settings(action)
        action.set_defaults(act=_on_link)
    return parser.parse_args()


def main() -> int:
    options = _parse()
    try:
        code: int = options.act(options)
    except (OSError, ValueError) as error:
        print(f"arctic_lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return code


sys.exit(main())
