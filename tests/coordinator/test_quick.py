"""A swarm that nobody writes down lives to the same bytes as one that is filmed, and leaves nothing behind."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from coordinator import Swarm
from coordinator.actions import Inject, Kill, Revive
from coordinator.quick import QuickSwarm, curve
from coordinator.scenario import Step
from firmware_sim.errors import BadInput

STEPS = (
    Step(12.0, Kill(select="40%")),
    Step(14.0, Revive(select="dead")),
    Step(15.0, Inject(fault="link_loss", select="all", duration=7.0, parameters={"rate": 0.4})),
)


def test_it_lives_to_the_same_bytes_as_a_swarm_that_is_written_down(tmp_path: Path) -> None:
    quick = list(curve(QuickSwarm("dot", (8, 9), seed=5), at=(10, 13, 20, 30), steps=STEPS))
    digests, losses = [], []
    with Swarm.start("dot", (8, 9), substrate="virtual", seed=5, out=tmp_path / "run") as swarm:
        swarm.wait_until(10)
        for t in (10, 13, 20, 30):
            for step in STEPS:
                if swarm.t < step.t <= t:
                    swarm.wait_until(step.t)
                    swarm.perform(step.action)
            swarm.wait_until(t)
            digests.append(hashlib.sha256(swarm.look().states.tobytes()).hexdigest())
            losses.append(swarm.loss())
    assert [moment.digest for moment in quick] == digests
    assert [moment.loss_log10 for moment in quick] == losses
    assert [moment.t for moment in quick] == pytest.approx([10, 13, 20, 30])
    assert [moment.alive for moment in quick] == [72, 43, 72, 72]
    assert quick[0].living > 20


def test_it_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    swarm = QuickSwarm("dot", (8, 8), seed=2)
    swarm.wait_until(5)
    swarm.kill("50%")
    assert swarm.look().alive == 32
    assert not list(tmp_path.iterdir())


def test_another_seed_is_another_life_and_the_same_seed_the_same() -> None:
    ends = [next(curve(QuickSwarm("dot", (8, 8), seed=seed), at=[9])).digest for seed in (1, 1, 2)]
    assert ends[0] == ends[1] != ends[2]


def test_bad_input_is_one_line() -> None:
    with pytest.raises(BadInput, match="expected"):
        QuickSwarm("dot", (0, 8))
    with pytest.raises(BadInput):
        QuickSwarm("dot", (8, 8)).kill("nobody knows")
