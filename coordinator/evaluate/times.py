"""When the experiments look, in the article's steps; in asynchrony one T stands for two of them. Plain values."""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.evaluate.subject import ASYNC, SYNC, Way

STEPS_PER_T = 2


@dataclass(frozen=True, slots=True)
class Times:
    """All in steps. `shown` moments only give a picture; the figures of the article's models are at 96, 200, 1000."""

    shown: tuple[int, ...] = (16, 32, 64)
    grown: tuple[int, ...] = (96, 200, 400, 1000)
    cut: int = 200
    healed_shown: int = 20  # after the cut
    healed: tuple[int, ...] = (100, 200, 400)
    turned_sync: int = 500  # the article's
    turned_async: int = 200  # when a picture is grown
    seeds: int = 200
    worm: int = 400  # to grow, and then for each piece
    film: int = 400
    film_every: int = 8

    def turned(self, way: Way) -> int:
        return self.turned_sync if way.step == SYNC else self.turned_async


def lasting(way: Way, steps: float) -> float:
    """So many steps in the unit of the way."""
    return steps / STEPS_PER_T if way.step == ASYNC else steps
