"""An emulated WAN link: the emulator that carries it, and how to change and read it at run time."""

import json
import os
import socket
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from .namespace import Namespace

BUILD_VARIABLE = "ARCTIC_BUILD"
REPOSITORY = Path(__file__).resolve().parents[3]
DIRECTIONS = ("forward", "reverse")


def build_directory() -> Path:
    """Where the tree was built: $ARCTIC_BUILD, else build/ in the repository."""
    return Path(os.environ.get(BUILD_VARIABLE) or REPOSITORY / "build")


def emulator_program() -> Path:
    program = build_directory() / "tests" / "lab" / "lab-emulator"
    if not program.is_file():
        raise FileNotFoundError(
            f"{program}: build it first, or name the build directory in ${BUILD_VARIABLE}"
        )
    return program


@dataclass(frozen=True)
class LinkStats:
    """Counters of one direction of a link since its start or the last reset()."""

    frames_in: int
    bytes_in: int
    frames_out: int
    bytes_out: int
    dropped_loss: int
    dropped_queue: int
    dropped_down: int
    dropped_memory: int
    reordered: int
    duplicated: int
    corrupted: int
    queue_bytes: int
    queue_peak_bytes: int
    queue_limit_bytes: int
    missed: int
    unfit: int
    undelivered: int
    down: bool
    settings: dict[str, float]

    @property
    def faults(self) -> dict[str, int]:
        """What the emulator itself failed to carry: where this is not empty, measurements do not hold."""
        names = ("missed", "unfit", "undelivered", "dropped_memory")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


class LinkControl:
    """The control channel of an emulator (tests/lab/control.h); the ends of the link are named by their hosts."""

    def __init__(self, path: Path, first: str, second: str) -> None:
        self._path = path
        self._ends = {second: "forward", first: "reverse"}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(10)
        self._socket.connect(str(path))

    def close(self) -> None:
        self._socket.close()

    def _ask(self, request: str) -> dict[str, Any]:
        try:
            self._socket.send(request.encode())
            told = self._socket.recv(65536)
        except ConnectionError:
            told = b""
        if not told:
            raise ConnectionError(
                f"{self._path}: the emulator of this link has ended, it carries nothing now"
            )
        answer: dict[str, Any] = json.loads(told)
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer

    def _direction(self, towards: str | None) -> str:
        if towards is None:
            return "both"
        if towards not in self._ends:
            raise ValueError(f"towards={towards}: the ends of this link are {' and '.join(self._ends)}")
        return self._ends[towards]

    def set(
        self,
        *,
        towards: str | None = None,
        delay_ms: float | None = None,
        rate_mbit: float | None = None,
        queue_bytes: int | None = None,
        loss_percent: float | None = None,
        burst_frames: float | None = None,
        reorder_percent: float | None = None,
        reorder_ms: float | None = None,
        duplicate_percent: float | None = None,
        corrupt_percent: float | None = None,
        seed: int | None = None,
    ) -> None:
        """Changes what is given, in both directions or towards one end. delay_ms is one way; rate_mbit counts whole
        Ethernet frames, 0 is unlimited; queue_bytes 0 is one BDP of rate x 2 x delay; burst_frames is the mean length
        of a run of losses, 0 draws each frame for itself; seed starts all chances over."""
        given = {
            name: value
            for name, value in locals().items()
            if name not in ("self", "towards") and value is not None
        }
        words = (f"{name}={value:.17g}" for name, value in given.items())
        self._ask(f"set {self._direction(towards)} {' '.join(words)}")

    def down(self, towards: str | None = None) -> None:
        """Partitions: what is under way is lost too, so nothing arrives after this."""
        self._ask(f"down {self._direction(towards)}")

    def up(self, towards: str | None = None) -> None:
        """Heals."""
        self._ask(f"up {self._direction(towards)}")

    def stats(self) -> dict[str, LinkStats]:
        """The counters by the host that the direction leads to."""
        answer = self._ask("stats")
        names = [field.name for field in fields(LinkStats)]
        return {
            end: LinkStats(**{name: answer[direction][name] for name in names})
            for end, direction in self._ends.items()
        }

    def reset(self) -> None:
        """Sets all counters to zero."""
        self._ask("reset")


class Link(LinkControl):
    """A link with its emulator, which runs in a namespace of its own between `first` and `second`."""

    def __init__(self, namespace: Namespace, directory: Path, first: str, second: str) -> None:
        path = directory / f"{namespace.name}.control"
        (directory / f"{namespace.name}.ends").write_text(f"{first} {second}")
        self.namespace = namespace
        self.process = namespace.start(str(emulator_program()), str(path), first, second, name="emulator")
        self.process.wait_for_output("ready\n")
        super().__init__(path, first, second)


def attach(directory: Path, link: str) -> LinkControl:
    """A second control of a link that another process has made."""
    first, second = (directory / f"{link}.ends").read_text().split()
    return LinkControl(directory / f"{link}.control", first, second)
