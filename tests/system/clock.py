"""A real-time clock of its own for an agent: libfaketime before the real program, so that the product needs no back door for tests."""

import os
from pathlib import Path

DAY = 24 * 3600


class Clock:
    """The clock of the programs that run with `settings`. It ticks; its monotonic side is the machine's."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.set(0)

    @property
    def settings(self) -> dict[str, str]:
        """The environment of an agent that goes by this clock."""
        (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
        sanitizer = os.environ.get("ASAN_OPTIONS", "")
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            "ASAN_OPTIONS": f"{sanitizer}:verify_asan_link_order=0".lstrip(":"),
        }

    def set(self, ahead: float) -> None:
        """Puts the clock `ahead` seconds before the machine's."""
        # Replaced as a whole: programs may read it at any moment.
        new = self._path.with_suffix(".new")
        new.write_text(f"{ahead:+.3f}\n")
        new.replace(self._path)
