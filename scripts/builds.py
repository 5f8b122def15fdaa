"""The build directories that scripts make: below the repository, or below $ARCTIC_BUILD_ROOT."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
BUILD_ROOT = Path(os.environ.get("ARCTIC_BUILD_ROOT") or REPOSITORY).resolve()
CORES = len(os.sched_getaffinity(0))
SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}


@dataclass(frozen=True)
class Build:
    """A build directory and how it is set up."""

    name: str
    compiler: str
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    """For what was built, when it runs."""

    @property
    def directory(self) -> Path:
        return BUILD_ROOT / self.name

    @property
    def setup(self) -> list[str]:
        return ["meson", "setup", str(self.directory), str(REPOSITORY), *self.options]

    def phases(self, *targets: str) -> Iterator[tuple[str, list[str]]]:
        """What there is to run to build all or `targets`: name and command, with CC=`compiler`. The caller stops at the first
        that fails. A directory that was set up otherwise, or not to the end, is set up anew.
        """
        note = self.directory / "arctic-setup.json"
        wanted = json.dumps([self.compiler, *self.setup])
        whole = (self.directory / "build.ninja").is_file()
        if not whole or not note.is_file() or note.read_text() != wanted:
            for name in ("meson-private", "meson-info", "build.ninja", note.name):
                path = self.directory / name
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            yield "setup", self.setup
            note.write_text(wanted)
        yield "compile", ["ninja", "--quiet", "-j", str(CORES), "-C", str(self.directory), *targets]


# Instrumented code draws warnings about paths that do not exist (gcc's manual, -fsanitize), so they are no errors here.
SANITIZERS = ("-Dwerror=false", "-Db_sanitize=address,undefined", "-Db_lundef=false", "-Doptimization=1")
GCC = Build("build", "gcc")
CLANG = Build("build-clang", "clang")
# As README has users build it: the optimiser sees more, and warns of more.
RELEASE = Build("build-release", "gcc", ("--buildtype=release", "-Dtests=false"))
SANITIZED = Build("build-sanitize", "gcc", SANITIZERS, SANITIZER_ENVIRONMENT)
FUZZ = Build(
    "build-fuzz",
    "clang",
    (*SANITIZERS, "-Dfuzz=true", "-Dc_args=-fsanitize=fuzzer-no-link"),
    SANITIZER_ENVIRONMENT,
)
