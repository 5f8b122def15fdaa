"""Files of settings as editors, scripts and accidents make them: what is taken, and what is said of the rest."""

import os
import subprocess
from pathlib import Path

import pytest

# The last thing that is looked at: what it says of this shows that all before was taken.
PROBE = b"LOG_LEVEL=loud\n"
PROBED = "log level 'loud' is not known"


def told(build: Path, path: Path | str, **environment: str) -> str:
    """What an agent says that does not start for its settings."""
    result = subprocess.run(
        [build / "agent" / "arctic-agent", "--env-file", path],
        capture_output=True,
        timeout=10,
        check=False,
        env={**os.environ, **environment},
    )
    assert result.returncode == 2, result
    assert result.stderr.count(b"\n") == 1 and result.stderr.startswith(b"arctic-agent: "), result.stderr
    return result.stderr.decode("ascii")


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + PROBE,
        b"# from Windows\r\n\r\nWORKERS=2\r\n" + PROBE,
        b"; spaces\n \t\n  WORKERS = 2\t\n LOG_LEVEL = loud ",
        b"LOG_LEVEL=\"loud\"",
        b"LOG_LEVEL='loud'  \n",
        b"API_TLS_CERT=\nAPI_TLS_KEY=\"\"\n" + PROBE,
        b"WORKERS=010\nAPI_PORT=08080\nMARK_MASK=0xFFF00000\nAPI_TLS_PORT=off\n" + PROBE,
        b"LOG_LEVEL=info\n" + PROBE,
        b"#" * 60000 + b"\n" + PROBE,
    ],
)
def test_what_is_meant_is_taken(build: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "agent.env"
    path.write_bytes(content)
    assert PROBED in told(build, path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"WORKERS=2 # two\n", ":1: WORKERS must be a number from 1 to 64, not '2 # two'"),
        (b"WORKERS=\n", ":1: WORKERS must be a number from 1 to 64, not ''"),
        (b"WORKERS=-1\n", ":1: WORKERS must be a number from 1 to 64, not '-1'"),
        (b"WORKERS=99999999999999999999\n", ":1: WORKERS must be a number from 1 to 64"),
        (b"API_TLS_PORT=-1\n", ":1: API_TLS_PORT must be a number from 0 to 65534, or off, not '-1'"),
        (b"\nexport WORKERS=2\n", ":2: unknown setting 'export WORKERS'"),
        (b"WORKERS: 2\n", ":1: expected NAME=value, not 'WORKERS: 2'"),
        (b"=2\n", ":1: expected NAME=value, not '=2'"),
        (b"workers=2\n", ":1: unknown setting 'workers'"),
        (b'DATA_DIR="/srv/arctic\n', ":1: the value of DATA_DIR begins with a quote and does not end with one"),
        (b"DATA_DIR='\n", ":1: the value of DATA_DIR begins with a quote"),
        (b"DATA_DIR=/srv/\\\narctic\n", ":1: a setting is one line, take the '\\' off its end"),
        (b"DATA_DIR=" + b"x" * 256, ":1: DATA_DIR is longer than 255 bytes"),
        ("WORKERS=2\n".encode("utf-16"), ":1: there is a zero byte"),
        (b"WORKERS=2\nWORKERS=2\0\n", ":2: there is a zero byte"),
        (b"\x1b[2J\xff=2\n", ":1: unknown setting '?[2J?'"),
        (b"x" * 60000, ":1: expected NAME=value, not '" + "x" * 64 + "'\n"),
        (b"#" * 65537, " is larger than 64 KiB"),
    ],
)
def test_what_is_not_is_told_with_its_line(build: Path, tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "agent.env"
    path.write_bytes(content)
    assert f"{path}{sentence}" in told(build, path)


def test_a_file_without_end_is_not_read_to_its_end(build: Path, tmp_path: Path) -> None:
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(1 << 30)
    for path in (huge, Path("/dev/zero")):
        assert f"{path} is larger than 64 KiB" in told(build, path)


def test_what_is_no_file(build: Path, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    for path, reason in (
        (tmp_path, f"cannot read {tmp_path}: Is a directory"),
        (tmp_path / "loop", f"cannot open {tmp_path}/loop: Too many levels of symbolic links"),
        (tmp_path / "file" / "agent.env", f"cannot open {tmp_path}/file/agent.env: Not a directory"),
        (tmp_path / "missing", f"cannot open {tmp_path}/missing: No such file or directory"),
    ):
        assert reason in told(build, path)


def test_the_environment_is_named_as_the_origin(build: Path) -> None:
    assert "environment: WORKERS must be a number from 1 to 64, not '1e1'" in told(build, os.devnull, WORKERS="1e1")
