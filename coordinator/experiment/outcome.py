"""What became of one swarm: the class of its fate, when it recovered, how much of the time the picture was there.

Reads curves over T, computes no cell. May import numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

GROWN_SHARE = 1.5  # living cells over those of a grown picture: beyond, it has overrun its bounds
Curve = NDArray[np.float64]


class Fate(StrEnum):
    """As in hardware fault injection, plus what only a tissue can do."""

    MASKED = "masked"  # the picture was never lost
    HEALED = "self-healed"  # lost, and there again to the end
    DEGRADED = "degraded"  # something lives, but it is not the picture
    SPREAD = "spread"  # more cells live than the picture has: it runs away
    DEAD = "dead"  # nothing lives


@dataclass(frozen=True, slots=True)
class Story:
    """One swarm over time, from the first blow on. Times in T since the seed."""

    t: Curve
    gain: Curve  # log10, over the cells that are not dead
    living: Curve
    good: float  # the gain from which on the picture counts as there
    expected: int  # living cells of a grown picture


@dataclass(frozen=True, slots=True)
class Outcome:
    """Times and shares count from the first blow."""

    fate: Fate
    recovery_t: float | None  # T until the picture was there for good; 0: never lost; None: not while watched
    watched_t: float
    availability: float  # share of the time with the picture there
    repair_t: float | None  # mean length of the times without it that ended
    failures: int  # how often it was lost

    @property
    def recovered(self) -> bool:
        return self.recovery_t is not None

    def to_dict(self) -> dict[str, Any]:
        return {
            "fate": str(self.fate),
            "recovered": self.recovered,
            "recovery_T": self.recovery_t,
            "watched_T": self.watched_t,
            "availability": round(self.availability, 4),
            "repair_T": self.repair_t,
            "failures": self.failures,
        }


def judge(story: Story) -> Outcome:
    """Classify one story; its first sample is the moment of the first blow."""
    there = story.gain >= story.good
    begin, end = float(story.t[0]), float(story.t[-1])
    lost = np.flatnonzero(~there)
    if not lost.size:
        recovery: float | None = 0.0
    elif lost[-1] == there.size - 1:
        recovery = None
    else:
        recovery = round(float(story.t[lost[-1] + 1]) - begin, 3)
    lengths = _gaps(there, story.t)
    spans = np.diff(story.t)
    held = float(spans[there[:-1]].sum() / spans.sum()) if spans.sum() > 0 else float(there[-1])
    repaired = [length for length, ended in lengths if ended]
    return Outcome(
        fate=_fate(story, recovery),
        recovery_t=recovery,
        watched_t=round(end - begin, 3),
        availability=held,
        repair_t=round(float(np.mean(repaired)), 3) if repaired else None,
        failures=len(lengths),
    )


def _fate(story: Story, recovery: float | None) -> Fate:
    if recovery is not None:
        return Fate.MASKED if recovery == 0.0 else Fate.HEALED
    if story.living[-1] == 0:
        return Fate.DEAD
    return Fate.SPREAD if story.living[-1] > GROWN_SHARE * story.expected else Fate.DEGRADED


def _gaps(there: NDArray[np.bool_], t: Curve) -> list[tuple[float, bool]]:
    """(length in T, whether it ended) of each time without the picture."""
    gaps: list[tuple[float, bool]] = []
    begun: float | None = None
    for good, moment in zip(there, t, strict=True):
        if not good and begun is None:
            begun = float(moment)
        elif good and begun is not None:
            gaps.append((float(moment) - begun, True))
            begun = None
    if begun is not None:
        gaps.append((float(t[-1]) - begun, False))
    return gaps
