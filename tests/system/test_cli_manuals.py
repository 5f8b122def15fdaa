"""The manual pages: there is one for each first word, mandoc has nothing to say, and they tell what --help does."""

import re
import subprocess
from pathlib import Path

import pytest
from cli_alone import Cli, cli, config

__all__ = ["cli", "config"]  # fixtures


@pytest.fixture(scope="module")
def pages(build: Path) -> dict[str, Path]:
    return {page.name.removesuffix(".1"): page for page in (build / "cli").glob("arctic*.1")}


def shown(page: Path) -> str:
    """As `man` shows it, without bold and underlined letters, on one line."""
    text = subprocess.run(["mandoc", "-Tutf8", "-O", "width=200", page], capture_output=True, text=True, check=True).stdout
    return re.sub(r"\s+", " ", re.sub(r".\x08", "", text))


def commands_of(cli: Cli) -> list[str]:
    return re.findall(r"^  ([a-z-]+(?: [a-z-]+)?)(?: [A-Z ]+)? {2,}\S", cli("--help").stdout, re.MULTILINE)


def test_every_command_is_in_the_manual(cli: Cli, pages: dict[str, Path]) -> None:
    commands = commands_of(cli)
    assert len(commands) > 35
    whole = shown(pages["arctic"])
    for command in commands:
        page = shown(pages[f"arctic-{command.split()[0]}"])
        assert f"arctic {command}" in page and f"arctic {command}" in whole
        text = cli(*command.split(), "--help").stdout
        for flag in re.findall(r"^ .*?(--[a-z0-9-]+)", text.partition("Flags:")[2].partition("Examples:")[0], re.MULTILINE):
            assert flag in page, (command, flag)
        for example in text.partition("Examples:\n")[2].partition("\n\n")[0].splitlines():
            assert re.sub(r"\s+", " ", example.strip()) in page, (command, example)
    assert set(pages) == {"arctic"} | {f"arctic-{command.split()[0]}" for command in commands}
    for flag in ("--url", "--recovery-token-file", "--timeout"):
        assert flag in whole


def test_mandoc_has_nothing_to_say(pages: dict[str, Path]) -> None:
    for page in pages.values():
        linted = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page], capture_output=True, text=True, check=False)
        assert (linted.returncode, linted.stdout) == (0, ""), linted


def test_pages_refer_to_pages(pages: dict[str, Path]) -> None:
    for page in pages.values():
        for name in re.findall(r"^\.BR (arctic\S*) \(1\)", page.read_text(), re.MULTILINE):
            assert name.replace("\\", "") in pages, (page, name)


def test_the_agent_has_a_page_with_its_settings(build: Path) -> None:
    page = build / "agent" / "arctic-agent.8"
    linted = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page], capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout) == (0, ""), linted
    helped = subprocess.run([build / "agent" / "arctic-agent", "--help"], capture_output=True, text=True, check=True).stdout
    settings = re.findall(r"^  (--\S+) {2,}([A-Z_]+) +(.*)$", helped, re.MULTILINE)
    assert len(settings) > 15
    for flag, name, text in settings:
        assert f"{name}, {flag} VALUE {text}" in shown(page), (flag, name)
