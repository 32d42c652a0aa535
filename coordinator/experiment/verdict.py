"""From rows to a verdict: pass when the whole interval is on the good side of the bound, fail when it is on the bad
side, unknown in between, or when something asked for was not proven to have happened.

May import the statistics.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coordinator.experiment.outcome import Fate
from coordinator.experiment.replicate import Row
from coordinator.experiment.spec import Hypothesis, Point
from coordinator.experiment.statistics import Interval, Survival, median_interval, survival, wilson

PASS, FAIL, UNKNOWN = "pass", "fail", "unknown"


@dataclass(frozen=True, slots=True)
class Judged:
    """One point of an experiment."""

    point: Point
    verdict: str
    estimate: float | None  # of the hypothesis' measure
    interval: Interval
    replicates: int  # with a row of numbers
    failed: int
    unproven: int  # replicates in which some fault hit nothing
    fates: dict[str, int]
    recovered: int
    recovered_interval: Interval
    loss: float | None  # median
    availability: float | None  # mean
    repair_t: float | None  # mean time to repair, T
    curve: Survival

    def to_dict(self) -> dict[str, Any]:
        """For --json and result.json."""
        return {
            "point": self.point.number,
            **{f"${name}": value for name, value in self.point.values.items()},
            "verdict": self.verdict,
            "estimate": self.estimate,
            "confidence_interval": [_finite(bound) for bound in self.interval],
            "replicates": self.replicates,
            "failed": self.failed,
            "unproven": self.unproven,
            "fates": self.fates,
            "recovered": self.recovered,
            "recovered_interval": list(self.recovered_interval),
            "loss_log10": self.loss,
            "availability": self.availability,
            "repair_T": self.repair_t,
            "recovery_T_median": self.curve.median,
            "censored": self.curve.censored,
        }


def judge(point: Point, rows: Sequence[Row]) -> Judged:
    """All rows of one point."""
    hypothesis = point.document.hypothesis
    good = [row for row in rows if "error" not in row]
    recovered = sum(row["recovered"] for row in good)
    curve = survival(
        [row["recovery_T"] if row["recovered"] else row["watched_T"] for row in good],
        [row["recovered"] for row in good],
    )
    estimate, interval = _estimate(hypothesis, good, recovered)
    unproven = sum(bool(row["unproven"]) for row in good)
    repairs = [row["repair_T"] for row in good if row["repair_T"] is not None]
    losses = [row["loss_others_log10"] for row in good if row["loss_others_log10"] is not None]
    fates = Counter(row["fate"] for row in good)
    return Judged(
        point=point,
        verdict=UNKNOWN if unproven or not good else _side(hypothesis, interval),
        estimate=estimate,
        interval=interval,
        replicates=len(good),
        failed=len(rows) - len(good),
        unproven=unproven,
        fates={str(fate): fates[str(fate)] for fate in Fate if fates[str(fate)]},
        recovered=recovered,
        recovered_interval=wilson(recovered, len(good), hypothesis.confidence),
        loss=round(statistics.median(losses), 4) if losses else None,
        availability=round(statistics.fmean(row["availability"] for row in good), 4) if good else None,
        repair_t=round(statistics.fmean(repairs), 2) if repairs else None,
        curve=curve,
    )


def overall(judged: Sequence[Judged]) -> str:
    """A hypothesis holds if it holds everywhere; one point that fails fails it."""
    verdicts = {found.verdict for found in judged}
    return FAIL if FAIL in verdicts else PASS if verdicts == {PASS} else UNKNOWN


def narrow(judged: Judged, width: float) -> bool:
    """Whether the interval is as narrow as was asked."""
    return judged.interval[1] - judged.interval[0] <= width


def _estimate(hypothesis: Hypothesis, rows: Sequence[Row], recovered: int) -> tuple[float | None, Interval]:
    confidence = hypothesis.confidence
    if hypothesis.measure == "recovered":
        share = round(recovered / len(rows), 4) if rows else None
        return share, wilson(recovered, len(rows), confidence)
    if hypothesis.measure == "recovery_time":  # not seen means longer than was watched
        values = [row["recovery_T"] if row["recovered"] else float("inf") for row in rows]
        return _median_of_times(values, confidence)
    key = {"loss": "loss_others_log10", "availability": "availability"}[hypothesis.measure]
    values = [row[key] for row in rows if row[key] is not None]
    return (round(statistics.median(values), 4) if values else None), median_interval(values, confidence)


def _median_of_times(values: list[float], confidence: float) -> tuple[float | None, Interval]:
    """Order statistics need no finite values: the ranks of the interval are those of a coin's."""
    if not values:
        return None, (-float("inf"), float("inf"))
    low, high = wilson(len(values) // 2, len(values), confidence)
    ordered = sorted(values)
    last = len(ordered) - 1
    middle = statistics.median_high(ordered)
    bounds = ordered[min(last, int(low * len(ordered)))], ordered[min(last, int(high * len(ordered)))]
    return (None if middle == float("inf") else middle), bounds


def _side(hypothesis: Hypothesis, interval: Interval) -> str:
    low, high = interval
    if hypothesis.at_least is not None:
        return PASS if low >= hypothesis.at_least else FAIL if high < hypothesis.at_least else UNKNOWN
    bound = hypothesis.at_most
    assert bound is not None
    return PASS if high <= bound else FAIL if low > bound else UNKNOWN


def _finite(value: float) -> float | None:
    return value if abs(value) != float("inf") else None
