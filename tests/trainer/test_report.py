"""What a person sees of a training: the live folder and the report."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from trainer import report, rollout
from trainer.fast import choose
from trainer.learner import Learner
from trainer.live import EVERY_S, Live
from trainer.pictures import sheet
from trainer.settings import Settings
from trainer.targets import resolve
from trainer.train import train

TINY = Settings(size=6, steps=6, pad=2, batch=4, damaged=2, pool=8, episode_min=6, episode_max=10, warm=4, hidden=16,
                score_every=50, checkpoint_every=50)  # fmt: skip


@pytest.fixture(scope="module")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Learner:
    learner = Learner(Settings(**(TINY.to_dict() | {"steps": 101})), resolve("dot").pixels)
    train(learner, choose(1, lambda line: None), tmp_path_factory.mktemp("it"), lambda now: None, lambda: False)
    return learner


def test_the_report_is_one_file_with_every_section_and_asks_the_network_for_nothing(
    learner: Learner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "LONG_STEPS", (10, 20))
    path = tmp_path / "report.html"
    report.write(path, "dot <1>", learner, choose(1, lambda line: None), {"grown": -2.5, "cut_left": -2.25})
    page = path.read_text()
    for title in (
        "Loss",
        "samples of the pool",
        "Growth",
        "Damage and recovery",
        "Rotation",
        "Long-run",
        "int8 against",
    ):
        assert title in page
    assert "dot &lt;1&gt;" in page and "after training step 100: " in page and "-2.25" in page
    assert "square cut away: " in page and "<span>315°<br>" in page and "<span>20<br>" in page, (
        "each picture has its caption"
    )
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page) and "http" not in page


def test_the_rules_of_the_snapshot_steps_are_remembered_through_a_checkpoint(learner: Learner) -> None:
    assert list(learner.snapshots) == [100]
    again = Learner(learner.settings, learner.picture)
    again.restore(learner.state())
    np.testing.assert_array_equal(again.snapshots[100]["w1"], learner.snapshots[100]["w1"])


def test_live_shows_pool_and_batch_and_changes_no_bit(tmp_path: Path) -> None:
    plain, shown = (Learner(TINY, resolve("dot").pixels) for _ in range(2))
    moments = iter(range(0, 600, 1))
    live = Live(tmp_path / "live", "dot & co", clock=lambda: next(moments) * EVERY_S)
    for one, watch in ((plain, None), (shown, live)):
        train(one, choose(1, lambda line: None), tmp_path, lambda now: None, lambda: False, watch)
    np.testing.assert_array_equal(plain.parameters["w1"].numpy(), shown.parameters["w1"].numpy())
    assert sorted(path.name for path in live.folder.iterdir()) == ["batch.png", "index.html", "pool.png"]
    page = (live.folder / "index.html").read_text()
    assert "step 6" in page and "dot &amp; co" in page


def test_pictures_are_written_seldom(tmp_path: Path) -> None:
    live = Live(tmp_path / "live", "dot", clock=lambda: 1.0)
    learner = Learner(TINY, resolve("dot").pixels)
    states = learner.pool.read(np.arange(4))[0]
    live(1, -2.0, learner.pool, states, states)
    first = (live.folder / "index.html").read_text()
    live(2, -2.0, learner.pool, states, states)
    assert (live.folder / "index.html").read_text() == first


def test_a_sheet_shows_even_what_is_not_finite() -> None:
    assert sheet([np.full((4, 4, 16), np.nan, np.float32)] * 3, 2, 1).startswith(b"\x89PNG")


def test_a_rollout_of_the_shipped_dot_grows() -> None:
    from firmware_sim import folder
    from firmware_sim.loss import loss_log10
    from firmware_sim.rule import seed

    dot, kernel, rng = folder.load("dot"), choose(1, lambda line: None), np.random.default_rng(0)
    target = dot.target()
    assert target is not None
    for run, length in ((rollout.live, 60), (rollout.steps, 100)):
        assert loss_log10(run(kernel, dot.rule(), seed(8, 8)[None], length, rng)[0], target) < -4
