"""Kernel settings that are changed: they go back to what they were, also when the agent that changed them was killed."""

import json
from pathlib import Path

import pytest
from agents import Agent, issue_license
from arctic_lab import Lab, Namespace, wait_for
from kernel_probe import Network, Probe
from kernel_setup import SETTINGS, StartProbe


def settings(host: Namespace) -> dict[str, str]:
    return {path: " ".join(host.run("cat", f"/proc/sys/{path}").stdout.split()) for path in SETTINGS}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kernel-settings.json"


def test_a_clean_stop_after_a_kill_brings_back_what_was_before(
    network: Network, start: StartProbe, path: Path
) -> None:
    for _ in range(2):  # killed twice in a row
        killed = start(settings_path=str(path))
        killed.apply()
        assert settings(network.entry) != SETTINGS
        killed.kill()
        assert path.stat().st_mode & 0o777 == 0o600
    again = start(settings_path=str(path))
    again.apply()
    again.stop()
    assert settings(network.entry) == SETTINGS
    assert list(path.parent.glob(f"{path.name}*")) == []


def test_a_stop_before_the_first_apply_brings_them_back_too(
    network: Network, start: StartProbe, path: Path
) -> None:
    killed = start(settings_path=str(path))
    killed.apply()
    killed.kill()
    start(settings_path=str(path)).stop()
    assert settings(network.entry) == SETTINGS


def test_what_others_set_after_the_kill_is_kept(network: Network, start: StartProbe, path: Path) -> None:
    killed = start(settings_path=str(path))
    killed.apply()
    killed.kill()
    network.entry.sysctl("net/ipv4/tcp_rmem", "4096 100000 200000")
    start(settings_path=str(path)).stop()
    assert settings(network.entry) == {**SETTINGS, "net/ipv4/tcp_rmem": "4096 100000 200000"}


DAMAGE = {
    "no JSON": b"{",
    "empty": b"",
    "no settings": b"{}",
    "too long": b" " * 5000,
    "no value": json.dumps(
        {"boot_id": "BOOT", "settings": {"net.ipv4.tcp_rmem": {"before": "1\n2", "ours": "3"}}}
    ).encode(),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_file_that_can_not_be_used_is_named_and_replaced(
    network: Network, start: StartProbe, path: Path, what: str
) -> None:
    boot = Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
    path.write_bytes(DAMAGE[what].replace(b"BOOT", boot))
    path.chmod(0o600)
    probe = start(settings_path=str(path))
    assert str(path) in probe.log() and "will not be put back" in probe.log()
    probe.apply()
    probe.stop()
    assert settings(network.entry) == SETTINGS and not path.exists()


def test_a_file_of_before_the_last_boot_says_nothing(network: Network, start: StartProbe, path: Path) -> None:
    killed = start(settings_path=str(path))
    killed.apply()
    killed.kill()
    ours = settings(network.entry)
    old = json.loads(path.read_text())
    path.write_text(json.dumps({**old, "boot_id": "11111111-2222-3333-4444-555555555555"}))
    start(settings_path=str(path)).stop()
    assert settings(network.entry) == ours


def test_a_file_that_can_not_be_written_keeps_nobody_from_work(
    network: Network, start: StartProbe, tmp_path: Path
) -> None:
    probe: Probe = start(settings_path=str(tmp_path / "missing" / "kernel-settings.json"))
    probe.apply()
    assert probe.tell("status")["ready"]
    assert "should the agent be killed" in probe.log()
    probe.stop()
    assert settings(network.entry) == SETTINGS


def test_an_agent_that_was_killed(lab: Lab, build: Path) -> None:
    """With the file in its run directory, from the first change until the clean stop."""
    agent = Agent(lab.entry, build, lab.directory / "agent")
    for name, value in SETTINGS.items():
        lab.entry.sysctl(name, value)
    agent.start()
    agent.bootstrap(issue_license(build, agent, lab.directory / "license.json"))
    kept = agent.run_dir / "kernel-settings.json"
    wait_for(lambda: agent.request("GET", "/readyz").status == 200, 10, "an agent that is ready")
    assert settings(lab.entry) != SETTINGS and kept.exists()
    agent.kill()
    agent.start()
    wait_for(lambda: agent.request("GET", "/readyz").status == 200, 10, "an agent that is ready again")
    agent.stop()
    assert settings(lab.entry) == SETTINGS
    assert not kept.exists()
