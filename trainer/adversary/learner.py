"""All that changes while an adversary is learned: weights, optimiser, pool, generator, step, the best so far.

Exactly what a checkpoint holds, so that a resumed training ends with the same bits. Knows no file, clock or screen.
Imports torch, numpy, firmware_sim and trainer.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import torch

from firmware_sim.errors import BadInput
from firmware_sim.folder import RuleFolder
from firmware_sim.limits import STATE_STEP
from firmware_sim.loss import FLOOR
from firmware_sim.native import native_engine
from firmware_sim.rule import Rule
from trainer import descent
from trainer.adversary import battle
from trainer.adversary.settings import AdversarySettings
from trainer.episode import Floats, Gradients
from trainer.learner import NAMES
from trainer.pool import Canvas
from trainer.quantise import as_on_chip


class Traitor:
    """BadInput for a victim that no chip holds or that grows no picture."""

    def __init__(self, settings: AdversarySettings, victim: RuleFolder) -> None:
        genome, picture = victim.genome(), victim.target()
        if genome is None or picture is None:
            missing = "genome" if genome is None else "target"
            raise BadInput(f"--adversary {victim.name}: it has no {missing}, expected an int8 rule with a picture")
        self.settings, self.folder = settings, victim
        self.genome, self.victim = genome, genome.dequantise()
        self.engine = native_engine(genome, say=lambda line: None)
        self.side = max(picture.shape[0], 8)
        pad = (self.side - picture.shape[0]) // 2
        self.target = Canvas(picture.shape[0], pad, self.victim.channels).place(picture)
        self.rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([settings.rng_seed, 3])))
        # A traitor begins as an honest cell and learns to leave the path; from nothing it would begin as a dead one.
        self.parameters = {name: torch.from_numpy(np.array(getattr(self.victim, name))) for name in NAMES}
        self.adam = torch.optim.Adam(list(self.parameters.values()), lr=settings.rate)
        self.states = np.zeros((settings.pool, self.side, self.side, self.victim.channels), np.int8)
        self.traitors = np.zeros(self.states.shape[:3], np.bool_)
        self.ages = np.full(settings.pool, settings.lives)  # all are to be made anew when they are first drawn
        self.step = 0
        self.recent: list[float] = []
        self.history: list[tuple[int, float, float]] = []
        self.scores: list[tuple[int, float]] = []
        self.best: dict[str, Floats] | None = None
        self.best_score = -math.inf

    def rule(self) -> Rule:
        """The adversary as the chip will hold it."""
        w1, b1, w2, b2 = (self.parameters[k].numpy() for k in NAMES)
        return as_on_chip(Rule(w1, b1, w2, b2, self.victim.limits))

    def best_rule(self) -> Rule:
        return self.rule() if self.best is None else Rule(**self.best, limits=self.victim.limits)

    def renew(self, entry: int) -> None:
        """A swarm whose traitors are about to turn takes this place of the pool."""
        s, rng = self.settings, self.rng
        age = rng.uniform(0, 30) if rng.random() < s.young else rng.uniform(30, s.age_max)
        self.states[entry] = battle.grown(self.engine, self.side, float(age), int(rng.integers(1 << 30)))
        self.traitors[entry] = False
        cells = battle.traitors(self.side, float(rng.uniform(s.share_min, s.share_max)), rng)
        self.traitors[entry].reshape(-1)[cells] = True
        self.ages[entry] = 0

    def read(self, entries: Any) -> Floats:
        states: Floats = self.states[entries].astype(np.float32) * np.float32(STATE_STEP)
        return states

    def write(self, entries: Any, states: Floats) -> None:
        self.states[entries] = np.rint(states / np.float32(STATE_STEP)).astype(np.int8)
        self.ages[entries] += 1

    def learning_rate(self) -> float:
        s = self.settings
        return descent.cosine(self.step, s.steps, s.rate, s.rate_last)

    def learn(self, gradients: Gradients) -> None:
        descent.adam_step(self.adam, self.parameters, gradients, self.learning_rate())

    def note(self) -> None:
        mean = math.log10(sum(self.recent) / len(self.recent) + FLOOR)
        self.history.append((self.step, mean, self.learning_rate()))
        self.recent = []

    def log(self) -> str:
        """The training as CSV: mean loss over the honest cells, and what a scored adversary did in a swarm."""
        return descent.csv("honest_loss_log10", self.history, self.scores)

    def state(self) -> dict[str, Any]:
        """Tensors and plain values only."""
        return {
            "parameters": dict(self.parameters),
            "adam": self.adam.state_dict(),
            "states": torch.from_numpy(self.states),
            "traitors": torch.from_numpy(self.traitors),
            "ages": torch.from_numpy(self.ages),
            "rng": json.dumps(self.rng.bit_generator.state),
            "step": self.step,
            "recent": self.recent,
            "history": self.history,
            "scores": self.scores,
            "best": None if self.best is None else {k: torch.from_numpy(v.copy()) for k, v in self.best.items()},
            "best_score": self.best_score,
        }

    def restore(self, state: dict[str, Any]) -> None:
        for name, parameter in self.parameters.items():
            parameter.copy_(state["parameters"][name])
        self.adam.load_state_dict(state["adam"])
        self.states, self.traitors = state["states"].numpy(), state["traitors"].numpy()
        self.ages = state["ages"].numpy()
        self.rng.bit_generator.state = json.loads(state["rng"])
        self.step, self.recent = state["step"], list(state["recent"])
        self.history = [tuple(row) for row in state["history"]]
        self.scores = [tuple(row) for row in state["scores"]]
        self.best = None if state["best"] is None else {k: v.numpy() for k, v in state["best"].items()}
        self.best_score = state["best_score"]
