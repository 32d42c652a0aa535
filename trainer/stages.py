"""The stages of a training: first to grow, then to stay, then to heal, each with its own episodes and its own fall of
the learning rate.

A rule that can draw and stay learns to heal in half the time of one that learns all three at once (measured on the
built-in pictures, docs/training-logs). A training without stages is one stage. Imports the settings only.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainer.settings import QUICK_GROWING, Settings

STAY_RATE, HEAL_RATE = 1 / 4, 1 / 2  # of the first: a rule that can draw forgets how at the rate that taught it


@dataclass(frozen=True, slots=True)
class Stage:
    """Steps `begin` to `end` (not included) under `regime`; learning rate at the beginning, episodes in steps."""

    regime: str
    begin: int
    end: int
    rate: float
    episode_min: int
    episode_max: int
    fire_min: float
    aside: int = 0

    def share(self, step: int) -> float:
        """How much of it is over."""
        return (step - self.begin) / (self.end - self.begin)


def stage(settings: Settings, step: int) -> Stage:
    """The one that this step belongs to."""
    s, usual = settings, (settings.episode_min, settings.episode_max, settings.fire_min)
    stays, heals = s.grow, s.grow + s.stay
    if step < stays:
        long = (int(QUICK_GROWING["episode_min"]), int(QUICK_GROWING["episode_max"]), QUICK_GROWING["fire_min"])
        return Stage("growing", 0, stays, s.rate, *long)
    if step < heals:
        return Stage("persistent", stays, heals, s.rate * STAY_RATE, *usual)
    return Stage(s.regime, heals, s.steps, s.rate * HEAL_RATE if heals else s.rate, *usual, s.aside)
