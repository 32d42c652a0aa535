"""All that changes while a rule is learned: weights, optimiser, pool, generator, step, the best rule so far.

`Learner` is exactly what a checkpoint holds, no more and no less, which is why a resumed training ends with the
same bits.  It knows no file, no clock and no screen.  Imports torch, numpy, firmware_sim and its neighbours in
trainer.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import torch

from firmware_sim.limits import HIDDEN_RANGE, Limits
from firmware_sim.loss import FLOOR
from firmware_sim.rule import Rule
from trainer import descent
from trainer.episode import Floats, Gradients
from trainer.pool import Canvas, Pool
from trainer.quantise import as_on_chip
from trainer.settings import Settings
from trainer.stages import Stage, stage

NAMES = ("w1", "b1", "w2", "b2")


class Learner:
    def __init__(self, settings: Settings, target: Floats, start: Rule | None = None) -> None:
        self.settings = settings
        self._start = start
        self.canvas = Canvas(settings.size, settings.pad, settings.channels)
        self.picture = target
        self.target = self.canvas.place(target)
        self.limits = Limits(limit="round", hidden_max=HIDDEN_RANGE) if settings.quantise else Limits()
        self.step = 0
        self.restarts = 0
        self.bad_steps = 0
        self.recent: list[float] = []  # losses since the last row of the log
        self.history: list[tuple[int, float, float]] = []  # step, log10 of the mean loss, learning rate
        self.scores: list[tuple[int, float]] = []
        self.best: dict[str, Floats] | None = None
        self.best_score = math.inf
        self.snapshots: dict[int, dict[str, Floats]] = {}  # the rule as it was after these steps, for the report
        self.learnt: dict[str, torch.Tensor] | None = None  # by the stages before this one
        self.rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([settings.rng_seed, 0])))
        self.begin()

    def begin(self) -> None:
        """Fresh weights (or those to start from), optimiser and pool from the generator as it stands; also the way back
        after a collapse, which costs no more than the stage it happened in."""
        c, h = self.settings.channels, self.settings.hidden
        bound = 1 / math.sqrt(3 * c)  # torch's own initialisation of the first layer; the last layer starts at zero
        values = {
            "w1": self.rng.uniform(-bound, bound, (3 * c, h)),
            "b1": self.rng.uniform(-bound, bound, h),
            "w2": np.zeros((h, c)),
            "b2": np.zeros(c),
        }
        if self._start is not None:
            values = {name: getattr(self._start, name) for name in NAMES}
        fresh = {k: torch.from_numpy(v.astype(np.float32)) for k, v in values.items()}
        self.parameters = {k: v.clone() for k, v in (self.learnt or fresh).items()}
        self._forget()

    @property
    def stage(self) -> Stage:
        return stage(self.settings, self.step)

    def begin_stage(self) -> None:
        """Go on with what was learnt so far: the optimiser forgets, and the pool is all seeds, for what became of those
        of a rule that was not asked to stay teaches nothing."""
        self.learnt = {k: v.clone() for k, v in self.parameters.items()}
        self._forget()

    def _forget(self) -> None:
        self.adam = torch.optim.Adam(list(self.parameters.values()), lr=self.settings.rate)
        step = self.limits.state_step if self.settings.quantise else None
        self.pool = Pool(self.canvas, self.settings.pool, step, self.rng)
        self.since = self.step  # warm-up counts from here

    def float_rule(self) -> Rule:
        w1, b1, w2, b2 = (self.parameters[k].numpy() for k in NAMES)
        return Rule(w1, b1, w2, b2, self.limits)

    def rule(self) -> Rule:
        """The rule of the forward pass: as the chip will hold it, or the plain float one."""
        return as_on_chip(self.float_rule()) if self.settings.quantise else self.float_rule()

    def learning_rate(self) -> float:
        now = self.stage
        return descent.cosine(self.step - now.begin, now.end - now.begin, now.rate, self.settings.rate_last)

    def learn(self, gradients: Gradients) -> None:
        descent.adam_step(self.adam, self.parameters, gradients, self.learning_rate())

    def note(self) -> None:
        """One row of the log from the losses since the last."""
        self.history.append((self.step, math.log10(sum(self.recent) / len(self.recent) + FLOOR), self.learning_rate()))
        self.recent = []

    def log(self) -> str:
        """The training as CSV; `score` is the total of score.py where this step was scored."""
        return descent.csv("loss_log10", self.history, self.scores)

    def best_rule(self) -> Rule:
        """The rule of the checkpoint that scored best; as it stands if none was scored yet."""
        return self.rule() if self.best is None else self.rule_of(self.best)

    def rule_of(self, weights: dict[str, Floats]) -> Rule:
        return Rule(**weights, limits=self.limits)

    def remember(self) -> None:
        """Keep the rule of this step for the report."""
        self.snapshots[self.step] = _weights(self.rule())

    def state(self) -> dict[str, Any]:
        """Tensors and plain values only, so that a checkpoint can be read without running anybody's code."""
        return {
            "parameters": dict(self.parameters),
            "learnt": self.learnt,
            "adam": self.adam.state_dict(),
            "pool_states": torch.from_numpy(self.pool.states),
            "pool_exists": torch.from_numpy(self.pool.exists),
            "pool_places": torch.from_numpy(self.pool.places),
            "rng": json.dumps(self.rng.bit_generator.state),
            "step": self.step,
            "since": self.since,
            "restarts": self.restarts,
            "bad_steps": self.bad_steps,
            "recent": self.recent,
            "history": self.history,
            "scores": self.scores,
            "best": None if self.best is None else {k: torch.from_numpy(v.copy()) for k, v in self.best.items()},
            "best_score": self.best_score,
            "snapshots": {n: {k: torch.from_numpy(v.copy()) for k, v in w.items()} for n, w in self.snapshots.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        for name, parameter in self.parameters.items():
            parameter.copy_(state["parameters"][name])
        self.learnt = state["learnt"]
        self.adam.load_state_dict(state["adam"])
        self.pool.states = state["pool_states"].numpy()
        self.pool.exists = state["pool_exists"].numpy()
        self.pool.places = state["pool_places"].numpy()
        self.rng.bit_generator.state = json.loads(state["rng"])
        self.step, self.since = state["step"], state["since"]
        self.restarts, self.bad_steps = state["restarts"], state["bad_steps"]
        self.recent = list(state["recent"])
        self.history = [tuple(row) for row in state["history"]]
        self.scores = [tuple(row) for row in state["scores"]]
        self.best = None if state["best"] is None else {k: v.numpy() for k, v in state["best"].items()}
        self.best_score = state["best_score"]
        self.snapshots = {n: {k: v.numpy() for k, v in w.items()} for n, w in state["snapshots"].items()}


def _weights(rule: Rule) -> dict[str, Floats]:
    return {name: np.array(getattr(rule, name)) for name in NAMES}
