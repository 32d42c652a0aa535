"""`--resume`: which run a coordinator goes on with, and that it takes no other."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from coordinator import locate
from coordinator.cli.main import invoke
from coordinator.runfolder import RunFolder, RunInfo, RunState, boot_id

LIVES = RunState(boot_id=boot_id(), zero_ns=5)
INFO = RunInfo(
    run="00c0ffee",
    rule="dot",
    rule_sha256="ab" * 32,
    substrate="processes",
    engine="chip",
    height=6,
    width=7,
    torus=False,
    degrees=0.0,
    interval_s=0.5,
    rng_seed=3,
    command=["planaria", "run", "dot"],
    started="2026-01-01T00:00:00+0000",
    runtime="",
    versions={},
    hosts=2,
    joined=True,
)


def left(runs: Path, state: RunState = LIVES, **changes: object) -> Path:
    """A run folder as a coordinator that was killed leaves it."""
    source = runs.parent / "source"
    source.mkdir(exist_ok=True)
    (source / "rule.json").write_text("{}")
    folder = RunFolder.create(None, msgspec.structs.replace(INFO, **changes), source, runs)
    folder.write_state(state, durably=False)
    return folder.path


def found(runs: Path, grid: tuple[int, int] | None = None) -> Path | None:
    folder = locate.orphan("dot", grid, runs)
    return None if folder is None else folder.path


def test_the_newest_run_that_was_never_stopped_is_gone_on_with(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert found(runs) is None
    old = left(runs)
    assert found(runs) == old
    new = left(runs, started="2026-01-01T00:00:01+0000")
    assert found(runs) == new
    assert found(runs, (6, 7)) == new


@pytest.mark.parametrize(
    ("state", "changes"),
    [
        (msgspec.structs.replace(LIVES, stopped=True), {}),
        (msgspec.structs.replace(LIVES, zero_ns=-1), {}),
        (msgspec.structs.replace(LIVES, boot_id="another boot"), {}),
        (LIVES, {"joined": False}),
        (LIVES, {"rule": "lizard"}),
    ],
    ids=["stopped", "never seeded", "before a restart", "on this machine", "of another rule"],
)
def test_a_run_that_cannot_be_gone_on_with_is_none(tmp_path: Path, state: RunState, changes: dict[str, object]) -> None:
    left(tmp_path / "runs", state, **changes)
    assert found(tmp_path / "runs") is None


def test_a_run_on_another_grid_is_not_what_was_asked_for(tmp_path: Path) -> None:
    left(tmp_path / "runs")
    assert found(tmp_path / "runs", (7, 6)) is None


def test_resuming_needs_hosts_that_live_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", "dot", "--resume"]) == 2
    assert "--resume goes on with a run whose hosts live elsewhere" in capsys.readouterr().err
