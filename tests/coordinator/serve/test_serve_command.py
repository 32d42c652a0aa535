"""`planaria serve` and `run --serve`: what cannot be served is said in one line before anything is started."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from coordinator.cli.main import invoke


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLANARIA_RUNTIME_DIR", str(tmp_path / "rt"))
    return tmp_path


def test_a_run_in_virtual_time_is_served_too_and_ends_when_it_was_asked_to(
    elsewhere: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    line = (
        "run dot --substrate virtual --grid 6x6 --interval 0.02 --for 5 --seed 1 --listen 127.0.0.1:0 --no-view --json"
    )
    assert invoke(shlex.split(line)) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["intervals"] == 5
    assert "page: http://127.0.0.1:" in err
    assert "at 50 T a second" in err


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("serve nothere", "no such run"),
        ("serve --listen example.org:80", "numeric"),
        ("serve --listen 127.0.0.1:99999", "no port"),
        ("run dot --substrate virtual --listen 127.0.0.1:x", "no port"),
        ("run dot --listen 127.0.0.1:x", "no port"),
    ],
)
def test_what_cannot_be_served_is_one_line_and_exit_code_2(
    line: str, word: str, elsewhere: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert invoke(shlex.split(line)) == 2
    out, err = capfd.readouterr()
    (said,) = [each for each in err.splitlines() if each.startswith("planaria:")]
    assert word in said
    assert out == ""
    assert not (elsewhere / "runs").exists(), "nothing was begun"
