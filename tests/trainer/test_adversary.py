"""An adversary: its gradient, its training, what it does to a swarm, and the folder that comes of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from firmware_sim import folder
from firmware_sim.errors import BadInput
from firmware_sim.rule import Rule, neighbourhoods, seed, update
from trainer import checkpoint
from trainer.adversary import battle, episode, judge
from trainer.adversary import train as training
from trainer.adversary.learner import Traitor
from trainer.adversary.settings import AdversarySettings
from trainer.cli import train

DOT = folder.load("dot")


def learner(**settings: object) -> Traitor:
    chosen = {"steps": 4, "batch": 2, "pool": 4, "episode_min": 6, "episode_max": 9, "lives": 2,
              "score_every": 1000, "checkpoint_every": 2} | settings  # fmt: skip
    return Traitor(AdversarySettings(victim=DOT.sha256, **chosen), DOT)  # type: ignore[arg-type]


def betrayal(traitors: bool, steps: int = 5) -> episode.Betrayal:
    it = learner()
    rng = np.random.default_rng(4)
    states = np.stack([battle.grown(it.engine, it.side, 20, n) for n in (1, 2)]).astype(np.float32) / 32
    false = (rng.random(states.shape[:3]) < 0.2) & traitors
    return episode.Betrayal(states, false, rng.random((steps, *states.shape[:3])) < 0.4, it.target)


def test_among_honest_cells_alone_a_step_is_the_rule_s_own_update() -> None:
    rule = learner().victim
    given = betrayal(False, steps=1)
    found = episode.run(rule, rule, given, backward=False).states
    for grid, fire, new in zip(given.states, given.fire[0], found, strict=True):
        expected = grid.copy()
        expected[fire] = update(rule, neighbourhoods(grid)[fire])
        assert np.allclose(new, expected, atol=1 / 31), "rounding may fall the other way in another order of sums"
        assert (np.abs(new - expected) > 1e-6).mean() < 0.01


def test_a_traitor_of_the_victim_s_own_rule_is_no_traitor() -> None:
    rule = learner().victim
    given = betrayal(True)
    honest = episode.Betrayal(given.states, np.zeros_like(given.traitors), given.fire, given.target)
    assert np.allclose(
        episode.run(rule, rule, given, False).states, episode.run(rule, rule, honest, False).states, atol=1 / 31
    )


def test_the_gradient_is_the_slope_of_the_harm() -> None:
    it = learner()
    plain = Rule(it.victim.w1, it.victim.b1, it.victim.w2, it.victim.b2)  # without limits: nothing is rounded
    given = betrayal(True)
    found = episode.run(plain, plain, given)
    assert found.gradients is not None
    rng = np.random.default_rng(2)
    way = {name: rng.normal(size=getattr(plain, name).shape).astype(np.float32) for name in ("w1", "b1", "w2", "b2")}
    slope = sum(float((getattr(found.gradients, name) * step).sum()) for name, step in way.items())

    def harm(by: float) -> float:
        moved = Rule(**{name: getattr(plain, name) + np.float32(by) * step for name, step in way.items()})
        return float(-np.log(episode.run(plain, moved, given, backward=False).losses.astype(np.float64)).mean())

    size = 1e-4
    assert (harm(size) - harm(-size)) / (2 * size) == pytest.approx(slope, rel=0.05, abs=0.02)


def test_a_resumed_training_ends_with_the_same_bits(tmp_path: Path) -> None:
    whole = learner()
    assert training.train(whole, tmp_path, lambda _: None, lambda: False)
    cut = learner()
    stops = iter([False, True])
    (tmp_path / "cut").mkdir()
    assert not training.train(cut, tmp_path / "cut", lambda _: None, lambda: next(stops))
    after = learner()
    checkpoint.load(tmp_path / "cut" / checkpoint.NAME, after)
    assert after.step == 2 and training.train(after, tmp_path / "cut", lambda _: None, lambda: False)
    for name, values in whole.parameters.items():
        assert (after.parameters[name] == values).all()
    assert after.log() == whole.log() and whole.log().count("\n") == 2


def test_a_few_steps_uphill_do_harm() -> None:
    it = learner(steps=12, batch=4, pool=4, lives=50, rate=5e-3)
    losses = [training.training_step(it) for _ in range(12)]
    assert np.mean(losses[-3:]) > 2 * losses[0]


def test_the_share_of_traitors_is_kept_and_the_seed_cell_is_none() -> None:
    for draw in range(20):
        cells = battle.traitors(20, 0.05, np.random.default_rng(draw))
        assert len(set(cells)) == 20 and 210 not in cells


def test_by_the_fault_itself_and_by_turncoats_a_swarm_comes_to_the_same_harm() -> None:
    genome = folder.load("lizard").genome()
    assert genome is not None
    (by_fault,), states, cells = judge.draw(DOT, "lizard", 3, share=0.1, turn_at=20, after=[20])
    quick = battle.harm(DOT, genome, side=8, share=0.1, turn_at=20, until=20, rng_seed=3)
    assert len(cells) == 6 and states.shape == (8, 8, 16)
    assert by_fault == pytest.approx(quick, abs=0.3), "other draws of the clocks, the same traitors"
    honest = battle.harm(DOT, DOT.genome(), side=8, share=0.1, turn_at=20, until=20, rng_seed=3)
    assert honest < by_fault - 1 and honest < -2


def test_the_shipped_adversary_is_found_by_name_and_is_no_rule_to_grow() -> None:
    found = folder.load("lizard-adversary")
    assert found.info.trained["victim"] == folder.load("lizard").sha256 and found.genome() is not None
    assert "lizard-adversary" not in folder.builtin_names() and "lizard-adversary" in folder.adversary_names()
    assert found.info.losses["honest_cells_under_it"] >= found.info.losses["under_random"] + 0.5  # type: ignore[operator]


def test_the_command_writes_a_rule_folder_that_a_fault_takes(tmp_path: Path) -> None:
    out = tmp_path / "bad"
    words = ["--adversary", "dot", "--steps", "2", "--threads", "1", "--out", str(out), "--json"]
    result = CliRunner().invoke(train, words)
    assert result.exit_code == 0, result.exception
    told = json.loads(result.stdout)
    assert set(told) == {"loss_log10", "random_log10", "honest_log10", "seconds", "steps", "seed", "out"}
    assert told["honest_log10"] < told["random_log10"] and told["steps"] == 2
    made = folder.load(out)
    assert made.name == "dot-adversary" and made.info.losses["under_random"] == told["random_log10"]
    assert (tmp_path / "bad.training" / "losses.csv").read_text().startswith("step,honest_loss_log10")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["dot", "--adversary", "dot"], "drop target; it takes"),
        (["--adversary", "dot", "--harden", "--quick"], "drop --harden and --quick"),
        (["--adversary", "nowhere"], "no such rule"),
        ([], "give a picture"),
    ],
)
def test_what_makes_no_sense_is_one_line(words: list[str], message: str) -> None:
    error = CliRunner().invoke(train, words).exception
    assert isinstance(error, BadInput) and message in str(error)


def test_a_rule_without_a_genome_has_no_adversary(tmp_path: Path) -> None:
    folder.save(tmp_path / "float", name="float", rule=DOT.rule(), target=DOT.target())
    with pytest.raises(BadInput, match="it has no genome"):
        Traitor(AdversarySettings(victim="x"), folder.load(tmp_path / "float"))


def test_a_seed_grows_in_an_episode_without_traitors() -> None:
    it = learner()
    states = np.repeat(seed(it.side, it.side)[None], 2, axis=0)
    fire = np.random.default_rng(1).random((60, *states.shape[:3])) < 0.4
    quiet = episode.Betrayal(states, np.zeros(states.shape[:3], np.bool_), fire, it.target)
    assert (episode.run(it.victim, it.victim, quiet, backward=False).losses < 1e-3).all()
