"""The documents, taken at their word: their commands run as they are printed, and what they name exists."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from agents import Agent, Pair
from arctic_lab import Lab

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md")), REPOSITORY / "tests/lab/README.md"]
BLOCK = re.compile(r"(?:^\n|\A)((?:    .*\n|\n(?=    ))+)", re.MULTILINE)
INLINE = re.compile(r"`(arctic [^`]+)`")
# The hosts of the documents, and those of the lab that stand for them.
ADDRESSES = {"10.0.1.10": "10.9.0.1", "10.0.2.10": "10.9.0.2"}


def blocks(document: Path) -> list[str]:
    """The indented blocks of a document, without their indentation."""
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in BLOCK.findall(document.read_text())]


def block(document: Path, word: str) -> str:
    """The one block that has the word in it."""
    (found,) = [text for text in blocks(document) if word in text]
    return found


def in_lab(text: str, build: Path) -> str:
    for written, real in ADDRESSES.items():
        text = text.replace(written, real)
    return text.replace(" build/", f" {build}/")


def shell(agent: Agent, script: str, **environment: str) -> str:
    """Runs a script on the agent's host as somebody who follows the documents does; what it printed on both outputs."""
    result = subprocess.run(
        agent.host.command("bash", "-euo", "pipefail", "-c", script),
        cwd=agent.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        env={**agent.cli_environment, **environment},
        check=False,
    )
    assert result.returncode == 0, f"{script}\n{result.stdout}"
    return result.stdout


# What README says to do


@pytest.fixture(scope="module")
def told(module_lab: Lab, build: Path) -> Iterator[tuple[Pair, str]]:
    """Two agents that were set up by README's commands, and what these printed."""
    pair = Pair(module_lab, build)
    for agent in (pair.entry, pair.exit):
        agent.start()
    readme = REPOSITORY / "README.md"
    shown = "".join(
        shell(pair.entry, in_lab(block(readme, words), build))
        for words in ("arctic license issue", "arctic peers add", "nft list table inet arctic")
    )
    yield pair, shown
    pair.end()


def test_the_first_steps_work_as_they_are_written(told: tuple[Pair, str]) -> None:
    pair, shown = told
    (service,) = pair.entry.cli_json("services", "list")
    assert (service["name"], service["state"]) == ("db-replication", "active")
    (route,) = pair.entry.cli_json("routes", "list", "--service", "db-replication")
    assert (route["source_cidr"], route["dest_cidr"]) == ("10.0.0.0/8", "192.168.100.0/24")
    # The last command shows what the kernel does: the network of the route is in it.
    assert "192.168.100.0" in shown.partition("table inet arctic")[2]
    assert {peer["name"] for peer in pair.entry.cli_json("peers", "list")} == {"agent-a", "agent-b"}


def test_the_requests_of_the_api_work_as_they_are_written(told: tuple[Pair, str], build: Path) -> None:
    pair, _ = told
    script = in_lab(block(REPOSITORY / "docs" / "api.md", "TARGET=$(api"), build)
    shown = shell(pair.entry, f'{script}\necho "made $SERVICE"')
    assert re.search(r"^made svc_[0-9A-Z]{26}$", shown, re.MULTILINE), shown
    assert '"route_ids":[1]' in shown.replace(" ", "") and '"priority":50' in shown.replace(" ", "")
    assert '"error"' not in shown
    assert [service["name"] for service in pair.entry.cli_json("services", "list")] == ["db-replication"]


@pytest.mark.slow
def test_the_lab_by_hand_works_as_it_is_written(build: Path, tmp_path: Path) -> None:
    """With a smaller download, since the direct one takes its time."""
    readme = REPOSITORY / "tests/lab/README.md"
    (start,) = re.findall(r"python3 -m (arctic_lab shell .*)", block(readme, "export ARCTIC_BUILD"))
    script = block(readme, "arctic peers add").replace("$PWD/build/", f"{build}/").replace(" build/", f" {build}/")
    assert "bytes/20000000?" in script
    (tmp_path / "script").write_text(f"set -e\n{script.replace('bytes/20000000?', 'bytes/200000?')}\nrm -rf $W\n")
    result = subprocess.run(
        [sys.executable, "-m", *shlex.split(start), "--", "bash", str(tmp_path / "script")],
        cwd=REPOSITORY,
        env={**os.environ, "ARCTIC_BUILD": str(build), "PYTHONPATH": str(REPOSITORY / "tests" / "lab")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, (result.stdout, result.stderr)
    seconds = re.findall(r"^([\d.]+) s$", result.stdout, re.MULTILINE)
    assert len(seconds) == 2
    assert re.search(r"counter svc_\w+ \{\s+packets 1 bytes", result.stdout), "the second download was not captured"


# What they mention


def commands() -> Iterator[tuple[str, str]]:
    """Every command of ours that a document prints or mentions, with the document's name."""
    for document in DOCUMENTS:
        printed = [line for text in blocks(document) for line in text.splitlines()]
        of_ours = [re.sub(r"^(?:entry|sudo) ", "", line) for line in printed]
        lines = [line for line in of_ours if line.startswith("arctic ")]
        for line in [*lines, *INLINE.findall(document.read_text())]:
            for command in re.split(r"[;|&]", line):
                words = shlex.split(command, comments=True)
                if words[:1] == ["arctic"]:
                    yield document.name, shlex.join(words[1:])


@pytest.mark.parametrize(("document", "command"), sorted(set(commands())))
def test_commands_that_are_named_exist(build: Path, document: str, command: str) -> None:
    """Their names and flags: with --help at the end they are read, and not run."""
    subprocess.run(
        [build / "cli" / "arctic", *shlex.split(command.replace("...", "")), "--help"],
        capture_output=True,
        timeout=30,
        check=True,
    )


def test_files_that_are_named_exist(build: Path) -> None:
    for document in DOCUMENTS:
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
            if "://" not in link:
                assert (document.parent / link).exists(), f"{document}: {link}"
        for path in re.findall(r"`((?:lib|tests|docs|scripts|include|packaging)/[\w./-]+)`", document.read_text()):
            assert (REPOSITORY / path).exists() or (build / path).exists(), f"{document}: {path}"


def test_settings_that_are_named_exist(build: Path) -> None:
    """The table of settings of the handbook against the program that reads them."""
    shown = subprocess.run([build / "agent" / "arctic-agent", "--help"], capture_output=True, text=True, check=True)
    flags = {name.replace("-", "_").upper() for name in re.findall(r"^ +--([a-z-]+)", shown.stdout, re.MULTILINE)}
    table = (REPOSITORY / "docs" / "operations.md").read_text().partition("## Settings")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([A-Z_, ]+) \|", table, re.MULTILINE)
    named = {name for row in rows for name in row.split(", ")}
    assert named == flags - {"HELP", "VERSION", "ENV_FILE"}
