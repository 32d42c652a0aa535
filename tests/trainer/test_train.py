"""A training is a function of its settings: repeated, interrupted or killed, it ends with the same bits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from firmware_sim.errors import BadInput
from firmware_sim.rule import Rule
from trainer import checkpoint
from trainer.episode import LOSS_SCALE, Episode, Gradients, Outcome
from trainer.fast import choose
from trainer.learner import NAMES, Learner
from trainer.settings import Settings
from trainer.targets import resolve
from trainer.train import PATIENCE, train, training_step

TINY = Settings(size=6, steps=24, pad=2, batch=4, damaged=2, pool=8, episode_min=6, episode_max=10, warm=4, hidden=16,
                score_every=1000, checkpoint_every=4)  # fmt: skip
SCRIPT = """
import sys
from pathlib import Path
from tests.trainer.test_train import TINY, learn
learn(TINY, Path(sys.argv[1]))
"""


def learn(settings: Settings, folder: Path, stop_at: int | None = None) -> Learner:
    learner = Learner(settings, resolve("dot", settings.size).pixels)
    if (folder / checkpoint.NAME).exists():
        checkpoint.load(folder / checkpoint.NAME, learner)
    train(learner, choose(1, lambda line: None), folder, lambda now: None, lambda: learner.step == stop_at)
    return learner


def weights(learner: Learner) -> bytes:
    return b"".join(learner.parameters[name].numpy().tobytes() for name in NAMES)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Learner:
    return learn(TINY, tmp_path_factory.mktemp("whole"))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(whole: Learner, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    (tmp_path / "other").mkdir()
    assert weights(learn(TINY, tmp_path / "again")) == weights(whole)
    other = Settings(**(TINY.to_dict() | {"rng_seed": 2}))
    assert weights(learn(other, tmp_path / "other")) != weights(whole)


def test_stopped_between_checkpoints_it_goes_on_to_the_same_bits(whole: Learner, tmp_path: Path) -> None:
    assert learn(TINY, tmp_path, stop_at=11).step == 11
    resumed = learn(TINY, tmp_path)
    assert weights(resumed) == weights(whole) and resumed.log() == whole.log()
    np.testing.assert_array_equal(resumed.pool.states, whole.pool.states)


FAULTY = Settings(**(TINY.to_dict() | {"steps": 12, "late": 4, "loss": 0.7, "dead": 0.1, "forget": 0.5}))


def test_a_training_with_faults_repeats_and_resumes_to_the_same_bits_too(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    once = learn(FAULTY, tmp_path / "whole")
    learn(FAULTY, tmp_path / "parts", stop_at=7)
    assert weights(learn(FAULTY, tmp_path / "parts")) == weights(once)
    assert not once.pool.exists[:, 2:-2, 2:-2].all(), "some cells of some samples are dead for ever"
    assert np.isfinite(once.best_score)


def test_a_training_in_stages_resumes_to_the_same_bits_wherever_it_is_stopped(tmp_path: Path) -> None:
    staged = Settings(**(TINY.to_dict() | {"grow": 6, "stay": 5}))
    (tmp_path / "whole").mkdir()
    once = learn(staged, tmp_path / "whole")
    for place in (5, 6, 11):
        (parts := tmp_path / str(place)).mkdir()
        learn(staged, parts, stop_at=place)
        assert weights(learn(staged, parts)) == weights(once)


def test_a_training_may_begin_with_the_weights_of_another(whole: Learner) -> None:
    rule = whole.best_rule()
    learner = Learner(TINY, whole.picture, rule)
    np.testing.assert_array_equal(learner.float_rule().w1, rule.w1)
    learner.parameters["w1"].zero_()
    assert (rule.w1 != 0).any(), "the rule it came from is not touched"


@pytest.mark.system
def test_killed_at_any_moment_it_goes_on_to_the_same_bits(whole: Learner, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    child = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path)], cwd=root)
    while not (tmp_path / checkpoint.NAME).exists() and child.poll() is None:
        time.sleep(0.002)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert (tmp_path / checkpoint.NAME).exists()
    assert weights(learn(TINY, tmp_path)) == weights(whole)


@pytest.mark.parametrize("regime", ["growing", "persistent", "regenerating"])
def test_every_regime_learns_a_dot(regime: str, tmp_path: Path) -> None:
    settings = Settings(regime=regime, size=6, steps=150, pad=2, pool=16, episode_min=20, episode_max=30, warm=20)
    learner = learn(settings, tmp_path)
    blank = np.log10((learner.picture**2).sum() * LOSS_SCALE)
    assert learner.history[-1][1] < blank - 0.5
    assert (tmp_path / "losses.csv").read_text().startswith("step,loss_log10,learning_rate,score\n50,")


def test_growing_never_writes_into_the_pool(tmp_path: Path) -> None:
    settings = Settings(**(TINY.to_dict() | {"regime": "growing", "steps": 6}))
    pool = learn(settings, tmp_path).pool
    assert (pool.states == pool.states[0]).all()


def test_a_plain_float_rule_has_no_limits(tmp_path: Path) -> None:
    learner = learn(Settings(**(TINY.to_dict() | {"quantise": False, "steps": 4})), tmp_path)
    assert learner.rule().limits.limit == "identity" and learner.rule().limits.hidden_max is None


class Killer:
    """A kernel under which everything dies."""

    name = "killer"

    def run(self, rule: Rule, episode: Episode, backward: bool = True) -> Outcome:
        return Outcome(np.zeros_like(episode.states), np.ones(len(episode.states), np.float32), None)


def test_a_training_that_has_died_out_begins_anew_from_seeds() -> None:
    learner = Learner(TINY, resolve("dot").pixels)
    for _ in range(3):
        training_step(learner, choose(1, lambda line: None))
    learner.bad_steps = PATIENCE - 1
    training_step(learner, Killer())
    assert learner.restarts == 1 and learner.since == learner.step == 3
    assert (learner.pool.states == learner.pool.states[0]).all()


class Spoiler:
    """A kernel whose pictures are alive and far from any target, or not numbers at all."""

    name = "spoiler"

    def __init__(self, loss: float) -> None:
        self._loss = loss

    def run(self, rule: Rule, episode: Episode, backward: bool = True) -> Outcome:
        zeros = Gradients(*(np.zeros_like(getattr(rule, name)) for name in NAMES))
        return Outcome(np.ones_like(episode.states), np.full(len(episode.states), self._loss, np.float32), zeros)


def test_a_training_that_has_run_away_begins_anew_but_not_for_one_bad_step() -> None:
    learner = Learner(TINY, resolve("dot").pixels)
    for _ in range(PATIENCE - 1):
        training_step(learner, Spoiler(1e3))
    assert learner.restarts == 0 and learner.step == PATIENCE - 1
    training_step(learner, choose(1, lambda line: None))
    assert learner.bad_steps == 0, "a good step ends the count"
    for _ in range(PATIENCE):
        training_step(learner, Spoiler(1e3))
    assert learner.restarts == 1 and (learner.parameters["w2"] == 0).all()


def test_a_collapse_in_a_later_stage_costs_that_stage_only(tmp_path: Path) -> None:
    settings = Settings(**(TINY.to_dict() | {"steps": 9, "grow": 4}))
    learner, kernel = Learner(settings, resolve("dot").pixels), choose(1, lambda line: None)
    for _ in range(4):
        training_step(learner, kernel)
    grown = weights(learner)
    for _ in range(2):
        training_step(learner, kernel)
    assert weights(learner) != grown
    checkpoint.save(tmp_path, learner)
    resumed = Learner(settings, resolve("dot").pixels)
    checkpoint.load(tmp_path / checkpoint.NAME, resumed)
    for each in (learner, resumed):
        training_step(each, Spoiler(float("nan")))
        assert each.restarts == 1 and each.step == each.since == 6 and weights(each) == grown


def test_a_loss_that_is_no_number_begins_anew_at_once() -> None:
    learner = Learner(TINY, resolve("dot").pixels)
    training_step(learner, Spoiler(float("nan")))
    assert learner.restarts == 1 and learner.step == 0


def test_early_checkpoints_need_not_be_scored(tmp_path: Path) -> None:
    settings = Settings(**(TINY.to_dict() | {"steps": 20, "score_from": 0.5, "score_every": 5}))
    assert [step for step, _ in learn(settings, tmp_path).scores] == [10, 15, 20]


def test_a_checkpoint_of_another_target_version_or_setting_or_a_damaged_one_is_refused(
    whole: Learner, tmp_path: Path
) -> None:
    path = tmp_path / checkpoint.NAME
    checkpoint.save(tmp_path, whole)
    other_target = Learner(TINY, resolve("dot").pixels[:, ::-1].copy())
    with pytest.raises(BadInput, match="another target"):
        checkpoint.load(path, other_target)
    with pytest.raises(BadInput, match="steps 24 there, 25 asked for"):
        checkpoint.load(path, Learner(Settings(**(TINY.to_dict() | {"steps": 25})), resolve("dot").pixels))
    good = path.read_bytes()
    for bad in (good[: len(good) // 2], b"", b"nonsense" * 100):
        path.write_bytes(bad)
        with pytest.raises(BadInput, match="not a checkpoint"):
            checkpoint.load(path, Learner(TINY, resolve("dot").pixels))


def test_a_checkpoint_of_another_version_is_refused(
    whole: Learner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "VERSION", 99)
    checkpoint.save(tmp_path, whole)
    monkeypatch.undo()
    with pytest.raises(BadInput, match="version 99"):
        checkpoint.load(tmp_path / checkpoint.NAME, Learner(TINY, resolve("dot").pixels))


FILLED = """
import resource, sys
from pathlib import Path
from firmware_sim.errors import RunFailed
from tests.trainer.test_train import TINY, learn
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))  # the kernel refuses what a full disk would
try:
    learn(TINY, Path(sys.argv[1]))
except RunFailed as error:
    print(error)
"""


@pytest.mark.system
def test_a_disk_that_fills_leaves_the_last_checkpoint_and_log_intact_and_room_lets_it_go_on(
    whole: Learner, tmp_path: Path
) -> None:
    learn(TINY, tmp_path, stop_at=11)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    root = Path(__file__).parents[2]
    said = subprocess.run([sys.executable, "-c", FILLED, str(tmp_path)], cwd=root, capture_output=True, text=True)
    assert said.stdout.count("\n") == 1 and "the last one is intact" in said.stdout, said.stderr
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert weights(learn(TINY, tmp_path)) == weights(whole)


def test_settings_out_of_range_are_named() -> None:
    with pytest.raises(BadInput, match="regime"):
        Settings(regime="shrinking")
    with pytest.raises(BadInput, match="hidden is 7"):
        Settings(hidden=7)
    with pytest.raises(BadInput, match="loss is 2"):
        Settings(loss=2.0)
