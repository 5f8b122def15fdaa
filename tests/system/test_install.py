"""What `meson install` leaves behind: a library that other programs can use, the programs, and a unit for systemd."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from agents import Agent, Pair
from arctic_lab import Lab, Process

DOCUMENTS = Path(__file__).resolve().parents[2] / "docs"
PREFIX = "usr/local"


@pytest.fixture(scope="module")
def installed(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that stands for / after an installation."""
    root = tmp_path_factory.mktemp("root")
    run("meson", "install", "-C", str(build), "--no-rebuild", "--quiet", "--destdir", str(root))
    return root


def run(*command: str, **environment: str) -> str:
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
        check=False,
    )
    assert result.returncode == 0, (command, result.stdout, result.stderr)
    return result.stdout


def only(root: Path, pattern: str) -> Path:
    (found,) = root.glob(pattern)
    return found


def flags(root: Path) -> list[str]:
    """What pkg-config tells a program that uses the library."""
    folder = only(root, f"{PREFIX}/lib/**/pkgconfig/libarctic.pc").parent
    environment = {"PKG_CONFIG_PATH": str(folder), "PKG_CONFIG_SYSROOT_DIR": str(root)}
    return run("pkg-config", "--cflags", "--libs", "libarctic", **environment).split()


def sanitizers(root: Path) -> list[str]:
    """A program has to be built like the library where that one is instrumented."""
    library = only(root, f"{PREFIX}/lib/**/libarctic.so.0")
    symbols = run("nm", "-D", str(library))
    return ["-fsanitize=address,undefined"] if "__asan_init" in symbols else []


def test_the_library_is_there_for_other_programs(installed: Path) -> None:
    library = only(installed, f"{PREFIX}/lib/**/libarctic.so")
    assert os.readlink(library) == "libarctic.so.0"
    assert os.readlink(library.with_name("libarctic.so.0")) == "libarctic.so.0.1.0"
    assert "libarctic.so.0" in run("objdump", "-p", str(library)).partition("SONAME")[2].splitlines()[0]
    headers = {path.name for path in (DOCUMENTS.parent / "include" / "arctic").iterdir()}
    assert {path.name for path in (installed / PREFIX / "include" / "arctic").iterdir()} == headers
    assert not list(installed.glob("**/*.a")), "the library's parts are nobody else's"


def compiled(root: Path, folder: Path, name: str, source: str, compiler: str = "cc") -> str:
    """A program of the guide, built against the installation only."""
    (folder / name).write_text(source)
    program = folder / Path(name).stem
    strict = ["-Wall", "-Wextra", "-Werror", *sanitizers(root)]
    run(compiler, *strict, str(folder / name), "-o", str(program), *flags(root))
    return str(program)


def guide() -> str:
    return (DOCUMENTS / "library.md").read_text()


def program_of_the_guide(header: str) -> str:
    """The program that includes the header."""
    (source,) = [text for text in re.findall(r"```c\n(.*?)```", guide(), re.DOTALL) if f"<arctic/{header}>" in text]
    return str(source)


def search_path(root: Path) -> str:
    return f"LD_LIBRARY_PATH={only(root, f'{PREFIX}/lib/**/libarctic.so').parent}"


def test_the_guide_names_every_function(installed: Path) -> None:
    library = only(installed, f"{PREFIX}/lib/**/libarctic.so.0")
    exported = set(re.findall(r" T (arctic_\w+)", run("nm", "-D", "--defined-only", str(library))))
    prose = re.sub(r"```c\n.*?```", "", guide(), flags=re.DOTALL)
    assert set(re.findall(r"`(arctic_\w+)`", prose)) == exported


def test_a_cxx_program_uses_the_same_headers(installed: Path, tmp_path: Path) -> None:
    source = '#include <arctic/match.h>\nint main() { return !arctic_version(); }\n'
    program = compiled(installed, tmp_path, "version.cc", source, "c++")
    run("env", search_path(installed), program)


def test_the_agent_of_the_guide(lab: Lab, installed: Path, tmp_path: Path) -> None:
    """A whole agent inside another program: it answers, and ends in order at a signal."""
    program = compiled(installed, tmp_path, "embedded.c", program_of_the_guide("agent.h"))
    directory = str(tmp_path / "data")
    embedded = lab.entry.start("env", search_path(installed), program, directory, name="embedded")
    embedded.wait_for_output("http://127.0.0.1:")
    (url,) = re.findall(r"^http://127\.0\.0\.1:\d+$", embedded.log(), re.MULTILINE)
    assert '"ok"' in lab.entry.run("curl", "-sS", "--retry", "5", f"{url}/livez").stdout
    assert embedded.stop() == 0, embedded.log()


def test_the_program_of_the_guide(module_pair: Pair, installed: Path, tmp_path: Path) -> None:
    """docs/library.md as it is printed: compiled against what was installed, and run against an agent."""
    program = compiled(installed, tmp_path, "services.c", program_of_the_guide("match.h"))
    service = module_pair.entry.create_service(module_pair.exit, "--name", "from-the-guide")
    client_id, client_secret = module_pair.entry.credentials
    told = module_pair.entry.host.run(
        "env",
        search_path(installed),
        f"CLIENT_ID={client_id}",
        f"CLIENT_SECRET={client_secret}",
        program,
        "http://127.0.0.1:8080",
    ).stdout
    promised = re.findall(r"`(route \d: [a-z ]+)`", guide())
    assert told.splitlines()[: len(promised)] == promised and len(promised) == 2
    assert service in told and "from-the-guide" in told


# systemd


@pytest.fixture
def unit(installed: Path) -> dict[str, list[str]]:
    settings: dict[str, list[str]] = {}
    text = (installed / PREFIX / "lib/systemd/system/arctic.service").read_text()
    for name, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
        settings.setdefault(name, []).extend(value.split())
    return settings


def test_the_unit_is_in_order(installed: Path, unit: dict[str, list[str]], tmp_path: Path) -> None:
    assert unit["ExecStart"] == [f"/{PREFIX}/sbin/arctic-agent"]
    agent = installed / unit["ExecStart"][0].lstrip("/")
    assert os.access(agent, os.X_OK)
    for name in ("AmbientCapabilities", "CapabilityBoundingSet"):
        assert sorted(unit[name]) == ["CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW"], name
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here to check the rest")
    # What it starts is not in the real /, and what it says about that is no fault of the unit.
    shown = (installed / PREFIX / "lib/systemd/system/arctic.service").read_text()
    checked = tmp_path / "arctic.service"
    checked.write_text(re.sub(r"^ExecStart=.*$", "ExecStart=/bin/true", shown, flags=re.MULTILINE))
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(checked)], capture_output=True, text=True, check=False
    )
    # The tool looks for the user, which is made at an installation (arctic.sysusers).
    assert [line for line in result.stderr.splitlines() if "arctic.service" in line] == []


def test_the_unit_is_hardened(installed: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    unit = installed / PREFIX / "lib/systemd/system/arctic.service"
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=22", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr


def test_the_user_of_the_unit_is_made(installed: Path, unit: dict[str, list[str]], tmp_path: Path) -> None:
    assert unit["User"] == unit["Group"] == ["arctic"]
    if not shutil.which("systemd-sysusers"):
        pytest.skip("no systemd-sysusers here")
    (tmp_path / "etc").mkdir()
    wanted = installed / PREFIX / "lib/sysusers.d/arctic.conf"
    run("systemd-sysusers", f"--root={tmp_path}", str(wanted))
    assert "arctic:" in (tmp_path / "etc/passwd").read_text()
    assert "/nologin" in (tmp_path / "etc/passwd").read_text()
    assert "/etc/arctic" in (installed / PREFIX / "lib/tmpfiles.d/arctic.conf").read_text()


def test_the_agent_works_with_the_rights_of_the_unit(
    lab: Lab, build: Path, unit: dict[str, list[str]]
) -> None:
    """Capture, transparent sockets and the settings of the kernel need no capability beside those it names."""
    kept = ",".join("+" + name.removeprefix("CAP_").lower() for name in unit["CapabilityBoundingSet"])

    class Bounded(Agent):
        def launch(self) -> Process:
            limits = ("setpriv", f"--bounding-set=-all,{kept}", "--no-new-privs")
            program = (str(self._program), "--env-file", os.devnull)
            self.process = self.host.start(*limits, *program, name="arctic-agent", env=self.settings)
            return self.process

    pair = Pair(lab, build)
    pair.entry = Bounded(lab.entry, build, lab.directory / "bounded-entry")
    pair.exit = Bounded(lab.exit, build, lab.directory / "bounded-exit")
    pair.start()
    service = pair.carry("10.2.0.0/24")
    lab.server.serve("http", 80)
    lab.client.run("curl", "-sS", "-o", "/dev/null", "http://10.2.0.2/bytes/1000?seed=1")
    assert pair.entry.captured(service) == 1
    assert pair.entry.request("GET", "/readyz").status == 200
    pair.end()


def test_manual_pages_and_completion_are_where_others_look(installed: Path) -> None:
    share = installed / PREFIX / "share"
    assert {"arctic.1", "arctic-services.1"} <= {page.name for page in (share / "man/man1").iterdir()}
    assert (share / "man/man8/arctic-agent.8").exists()
    assert "_arctic" in (share / "bash-completion/completions/arctic").read_text()
    assert (share / "zsh/site-functions/_arctic").read_text().startswith("#compdef arctic")
    assert "complete -c arctic" in (share / "fish/vendor_completions.d/arctic.fish").read_text()
