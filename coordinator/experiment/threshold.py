"""Where a fault begins to be too much: the value at which the share of swarms that recover falls to a given one.

All that is believed is a table: how likely each (crossing, steepness) of a logistic curve is after what was seen. The
next swarms are tried where they tell most, on both sides of the likeliest crossing, until its interval is narrow
enough. Knows nothing of swarms: it is given a question. May import numpy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

BATCH = 8
FIRST = 5  # values over the whole range, ends included, before anything is believed
CROSSINGS = 401  # of the table; a cell is a quarter of a hundredth of the range
SLOPES = np.geomspace(4.0, 400.0, 24)  # per range: from a curve that fills it to a step
Ask = Callable[[float, int], int]  # (value, how many) -> how many of them were good


@dataclass(slots=True)
class Seen:
    """All trials so far."""

    values: list[float] = field(default_factory=list)
    good: list[int] = field(default_factory=list)
    of: list[int] = field(default_factory=list)

    @property
    def runs(self) -> int:
        return sum(self.of)


@dataclass(frozen=True, slots=True)
class Threshold:
    """`value` None: the share does not cross the asked one inside the range (`why` says so)."""

    value: float | None
    interval: tuple[float, float]
    runs: int
    seen: Seen
    why: str = ""


def search(
    ask: Ask,
    low: float,
    high: float,
    *,
    share: float = 0.5,
    precision: float = 0.02,
    most: int = 400,
    confidence: float = 0.95,
    batch: int = BATCH,
) -> Threshold:
    """The value between `low` and `high` at which the share of good ones crosses `share`; its interval is at most
    +-`precision` wide (in the unit of the values) unless `most` runs were spent before."""
    seen = Seen()

    def look(value: float) -> int:
        good = ask(value, batch)
        seen.values.append(value)
        seen.good.append(good)
        seen.of.append(batch)
        return good

    ends = [look(low) / batch, look(high) / batch]
    if (ends[0] >= share) == (ends[1] >= share):
        side = "at or above" if ends[0] >= share else "below"
        why = f"the share is {side} {share:g} at {low:g} and at {high:g}"
        return Threshold(None, (low, high), seen.runs, seen, why)
    table = _Table(share, falls=ends[0] > ends[1])
    for value, good in zip(seen.values, seen.good, strict=True):
        table.learn((value - low) / (high - low), good, batch)

    def learn(x: float) -> None:
        table.learn(x, look(low + x * (high - low)), batch)

    for x in np.linspace(0, 1, FIRST)[1:-1]:
        learn(float(x))
    while True:
        x, (left, right), spread = table.crossing(confidence)
        width = high - low
        if (right - left) * width <= 2 * precision or seen.runs + batch > most:
            return Threshold(low + x * width, (low + left * width, low + right * width), seen.runs, seen)
        towards = 1 if len(seen.values) % 2 else -1
        learn(float(np.clip(x + towards * spread, 0, 1)))


class _Table:
    """What is believed of (crossing, slope), as weights; slopes are log-uniform before anything was seen."""

    def __init__(self, share: float, *, falls: bool) -> None:
        self._x = np.linspace(0, 1, CROSSINGS)
        self._offset, self._sign = math.log(share / (1 - share)), 1.0 if falls else -1.0
        self._log = np.zeros((CROSSINGS, SLOPES.size))

    def learn(self, x: float, good: int, of: int) -> None:
        logit = self._offset - self._sign * SLOPES[None, :] * (x - self._x[:, None])
        # -log(1 + e^-z) and -log(1 + e^z) are the logarithms of the share and of the rest
        self._log -= good * np.logaddexp(0, -logit) + (of - good) * np.logaddexp(0, logit)

    def crossing(self, confidence: float) -> tuple[float, tuple[float, float], float]:
        """Median, interval, and how far from it trials tell most (where the curve turns, a third of its width)."""
        weights = np.exp(self._log - self._log.max())
        by_x: NDArray[np.float64] = np.cumsum(weights.sum(axis=1))
        by_x /= by_x[-1]
        tail = (1 - confidence) / 2
        left, middle, right = (float(np.interp(q, by_x, self._x)) for q in (tail, 0.5, 1 - tail))
        slope = math.exp(float((weights.sum(axis=0) * np.log(SLOPES)).sum() / weights.sum()))
        return middle, (left, right), min(max(1.2 / slope, (right - left) / 4), 0.25)
