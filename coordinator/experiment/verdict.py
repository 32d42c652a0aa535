"""From rows to a verdict: pass when the whole interval is on the good side of the bound, fail when it is on the bad
side, unknown in between, or when something asked for was not proven to have happened. An invariant that was broken
fails whatever else was seen.

May import the statistics.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coordinator.experiment.checks import SUBSTRATES
from coordinator.experiment.document import SHARES, Hypothesis
from coordinator.experiment.outcome import Fate
from coordinator.experiment.replicate import Row
from coordinator.experiment.spec import Point
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
    broken: int  # replicates in which something was that must never be
    fates: dict[str, int]
    recovered: int
    recovered_interval: Interval
    loss: float | None  # median
    availability: float | None  # mean
    repair_t: float | None  # mean time to repair, T
    curve: Survival
    substrates: dict[str, tuple[int, int]]  # of what: how many recovered, of how many
    messages: float | None  # median, of a life
    energy_mj: float | None

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
            "broken": self.broken,
            "fates": self.fates,
            "recovered": self.recovered,
            "recovered_interval": list(self.recovered_interval),
            "loss_log10": self.loss,
            "availability": self.availability,
            "repair_T": self.repair_t,
            "recovery_T_median": self.curve.median,
            "censored": self.curve.censored,
            "messages": self.messages,
            "energy_mJ": self.energy_mj,
            "substrates": {name: {"recovered": good, "of": of} for name, (good, of) in self.substrates.items()},
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
    estimate, interval = _estimate(hypothesis, good)
    unproven, broken = (sum(bool(row[key]) for row in good) for key in ("unproven", "broken"))
    repairs = [row["repair_T"] for row in good if row["repair_T"] is not None]
    fates = Counter(row["fate"] for row in good)
    lived_on = {name: [row["recovered"] for row in good if row["substrate"] == name] for name in SUBSTRATES}
    return Judged(
        point=point,
        verdict=FAIL if broken else UNKNOWN if unproven or not good else _side(hypothesis, interval),
        estimate=estimate,
        interval=interval,
        replicates=len(good),
        failed=len(rows) - len(good),
        unproven=unproven,
        broken=broken,
        fates={str(fate): fates[str(fate)] for fate in Fate if fates[str(fate)]},
        recovered=recovered,
        recovered_interval=wilson(recovered, len(good), hypothesis.confidence),
        loss=_median(good, "loss_others_log10"),
        availability=round(statistics.fmean(row["availability"] for row in good), 4) if good else None,
        repair_t=round(statistics.fmean(repairs), 2) if repairs else None,
        curve=curve,
        substrates={name: (sum(found), len(found)) for name, found in lived_on.items() if found},
        messages=_median(good, "messages"),
        energy_mj=_median(good, "energy_mJ"),
    )


def overall(judged: Sequence[Judged]) -> str:
    """A hypothesis holds if it holds everywhere; one point that fails fails it."""
    verdicts = {found.verdict for found in judged}
    return FAIL if FAIL in verdicts else PASS if verdicts == {PASS} else UNKNOWN


def narrow(judged: Judged, width: float) -> bool:
    """Whether the interval is as narrow as was asked."""
    return judged.interval[1] - judged.interval[0] <= width


COLUMNS = {
    "loss": "loss_others_log10",
    "availability": "availability",
    "extent": "extent",
    "messages": "messages",
    "energy": "energy_mJ",
}


def _estimate(hypothesis: Hypothesis, rows: Sequence[Row]) -> tuple[float | None, Interval]:
    measure, confidence = hypothesis.measure, hypothesis.confidence
    if measure in SHARES:
        having = sum(row["recovered"] if measure == "recovered" else row["fate"] == measure for row in rows)
        return (round(having / len(rows), 4) if rows else None), wilson(having, len(rows), confidence)
    if measure == "recovery_time":  # not seen means longer than was watched
        return _median_of_times([row["recovery_T"] if row["recovered"] else math.inf for row in rows], confidence)
    if measure == "repair_time":
        return _median_of_times([_repair(row) for row in rows], confidence)
    values = [row[COLUMNS[measure]] for row in rows if row[COLUMNS[measure]] is not None]
    return _median(rows, COLUMNS[measure]), median_interval(values, confidence)


def _repair(row: Row) -> float:
    """Nothing to repair took no time; what was never repaired takes longer than was watched."""
    if not row["failures"]:
        return 0.0
    return math.inf if row["repair_T"] is None else float(row["repair_T"])


def _median(rows: Sequence[Row], column: str) -> float | None:
    values = [row[column] for row in rows if row[column] is not None]
    return round(statistics.median(values), 4) if values else None


def _median_of_times(values: list[float], confidence: float) -> tuple[float | None, Interval]:
    """Order statistics need no finite values: the ranks of the interval are those of a coin's."""
    if not values:
        return None, (-math.inf, math.inf)
    low, high = wilson(len(values) // 2, len(values), confidence)
    ordered = sorted(values)
    last = len(ordered) - 1
    middle = statistics.median_high(ordered)
    bounds = ordered[min(last, int(low * len(ordered)))], ordered[min(last, int(high * len(ordered)))]
    return (None if middle == math.inf else middle), bounds


def _side(hypothesis: Hypothesis, interval: Interval) -> str:
    low, high = interval
    if hypothesis.at_least is not None:
        return PASS if low >= hypothesis.at_least else FAIL if high < hypothesis.at_least else UNKNOWN
    bound = hypothesis.at_most
    assert bound is not None
    return PASS if high <= bound else FAIL if low > bound else UNKNOWN


def _finite(value: float) -> float | None:
    return value if abs(value) != math.inf else None
