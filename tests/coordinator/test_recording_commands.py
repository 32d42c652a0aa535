"""`planaria verify` and `planaria replay` as a person or a script meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from recorded import Recorded

from coordinator.cli.main import invoke


@pytest.fixture
def run(tmp_path: Path) -> Recorded:
    found = Recorded(tmp_path)
    found.run(2)
    found.seed(12)
    found.run(12)
    return found


def test_a_true_recording_is_a_pass_with_code_0(run: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(run.stop().path)
    assert invoke(["verify", folder]) == 0
    assert f"pass: {len(run.said)} of {len(run.said)} updates computed again to the bit" in capsys.readouterr().out
    assert invoke(["verify", folder, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [found[name] for name in ("verdict", "updates", "recomputed", "gaps", "declared", "first_mismatch")] == [
        "pass",
        len(run.said),
        len(run.said),
        0,
        0,
        None,
    ]


def test_a_difference_is_told_in_one_line_with_code_1(run: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    run.erase(12, declared=False)
    run.run(5)
    folder = run.stop()
    assert invoke(["verify", str(folder.path)]) == 1
    out = capsys.readouterr().out
    assert "1 differences; the first: cell 12 (row 2, column 2), incarnation 1.1, sequence" in out
    assert "was given a state by no order in the log" in out


def test_a_damaged_file_is_named_with_code_1(run: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run.stop()
    (path,) = folder.recording.glob("*.rec")
    path.write_bytes(path.read_bytes().replace(b'"stopped"', b'"stopper"'))
    assert invoke(["verify", str(folder.path)]) == 1
    out = capsys.readouterr().out
    assert f"{path.name} at byte " in out and "does not match its seal" in out


def test_gaps_alone_are_unknown_with_code_3(run: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    run.keeping = False
    run.run(60)
    folder = str(run.stop().path)
    assert invoke(["verify", folder]) == 3
    assert "are not known: their records, or those of what they heard, are missing" in capsys.readouterr().out


def test_a_recording_that_goes_on_says_so(run: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["verify", str(run.folder.path)]) == 0
    assert "goes on: verified up to its last whole chunk" in capsys.readouterr().out


def test_a_film_is_written_and_told(run: Recorded, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = tmp_path / "film.gif"
    words = ["--from", "2", "--to", "8", "--speed", "5", "--out", str(film), "--json"]
    assert invoke(["replay", str(run.stop().path), *words]) == 0
    told = json.loads(capsys.readouterr().out)
    with Image.open(film) as picture:
        assert told["frames"] == 9 and picture.n_frames > 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "900"], "recorded was"),
        (["--speed", "0"], "speed is 0"),
        (["--out", "film.avi"], "cannot write .avi"),
        (["--browser", "--out", "film.gif"], "leave --out and --json out"),
        (["--listen", "example.org:80"], "numeric"),
    ],
)
def test_what_cannot_be_played_is_one_line_with_code_2(
    run: Recorded, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["replay", str(run.stop().path), *words]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


@pytest.mark.parametrize("command", ["verify", "replay"])
def test_a_run_without_a_recording_is_one_line_with_code_2(
    run: Recorded, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in run.stop().recording.iterdir():
        path.unlink()
    assert invoke([command, str(run.folder.path)]) == 2
    assert "was not recorded; start it with `planaria run RULE --record`" in capsys.readouterr().err
