"""The few statistics an experiment needs, as scipy computes them: intervals, survival curves, sample sizes.

Pure functions of numbers. May import numpy and scipy (the extra `experiment`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from firmware_sim.errors import BadInput

try:
    from scipy import stats
except ImportError as error:
    raise BadInput("experiments need scipy: pip install 'planaria[experiment]'") from error

BOOTSTRAP = 2000  # resamples; more moved the ends of our intervals by less than a hundredth
Interval = tuple[float, float]


def wilson(good: int, of: int, confidence: float) -> Interval:
    """Wilson's interval of a share; (0, 1) when nothing was seen."""
    if of == 0:
        return 0.0, 1.0
    found = stats.binomtest(good, of).proportion_ci(confidence, method="wilson")
    return float(found.low), float(found.high)


def median_interval(values: Sequence[float], confidence: float) -> Interval:
    """Of the median, by the bootstrap (percentiles, seeded: the same values give the same interval)."""
    if not values:
        return -math.inf, math.inf
    if len(set(values)) == 1:
        return float(values[0]), float(values[0])
    found = stats.bootstrap(
        (np.asarray(values, np.float64),),
        np.median,
        n_resamples=BOOTSTRAP,
        confidence_level=confidence,
        method="percentile",
        random_state=np.random.default_rng(1),
    ).confidence_interval
    return float(found.low), float(found.high)


def sample_size(margin: float, confidence: float = 0.95, population: float = math.inf, share: float = 0.5) -> int:
    """How many draws estimate a share to within `margin` (Leveugle et al., "Statistical fault injection: quantified
    error and confidence", DATE 2009, eq. 4): 385 for 5 % at 95 % and a population without end."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    if math.isinf(population):
        return math.ceil(z * z * share * (1 - share) / margin**2)
    return math.ceil(population / (1 + margin**2 * (population - 1) / (z * z * share * (1 - share))))


@dataclass(frozen=True, slots=True)
class Survival:
    """Kaplan and Meier's curve: the share that has not recovered by each time; `censored` never did while watched."""

    times: list[float]  # T, ascending
    shares: list[float]
    events: int
    censored: int

    @property
    def median(self) -> float | None:
        """T by which half had recovered; None if that was not seen."""
        return next((t for t, share in zip(self.times, self.shares, strict=True) if share <= 0.5), None)


def survival(times: Sequence[float], seen: Sequence[bool]) -> Survival:
    """`times` in T: of recovery where `seen`, else of the end of watching."""
    if not times:
        return Survival([], [], 0, 0)
    done = np.asarray(seen, np.bool_)
    moments = np.asarray(times, np.float64)
    if not done.any():
        return Survival([float(moments.max())], [1.0], 0, int(done.size))
    curve = stats.ecdf(stats.CensoredData.right_censored(moments, ~done)).sf
    return Survival(
        [float(t) for t in curve.quantiles],
        [float(p) for p in curve.probabilities],
        int(done.sum()),
        int((~done).sum()),
    )
