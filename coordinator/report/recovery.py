"""How often the picture of a run was lost, and how long it took to come back.

A run that lost it three times or more gets a survival curve (Kaplan and Meier), if scipy is there. May import the
experiments' statistics and charts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from coordinator.curve import Row
from coordinator.experiment import charts
from coordinator.picture import GROWN_GAIN, HEALED_GAIN
from coordinator.report.story import Blow
from firmware_sim.errors import BadInput

CURVE_FROM = 3  # times lost


@dataclass(frozen=True, slots=True)
class Loss:
    """The picture was gone from `begin` to `end`, in T; `end` None: it had not come back."""

    begin: float
    end: float | None
    seen_until: float

    @property
    def length(self) -> float:
        return (self.seen_until if self.end is None else self.end) - self.begin


def losses(rows: Sequence[Row]) -> list[Loss]:
    """Each time the picture was gone, once it had grown. Squares of dead cells count as empty."""
    found: list[Loss] = []
    grown, begin, last = False, None, 0.0
    for row in rows:
        t, gain = row.get("t"), row.get("gain_log10")
        if t is None or gain is None:
            continue
        last = t
        grown = grown or gain >= GROWN_GAIN
        if grown and gain < HEALED_GAIN and begin is None:
            begin = t
        elif begin is not None and gain >= HEALED_GAIN:
            found.append(Loss(begin, t, t))
            begin = None
    return found if begin is None else [*found, Loss(begin, None, last)]


def section(rows: Sequence[Row], blows: Sequence[Blow]) -> str:
    """A table, and the curve where there is something to draw; empty if the picture was never lost."""
    found = losses(rows)
    if not found:
        return ""
    times = [blow.t for blow in blows]
    lines = []
    for loss in found:
        place = bisect_right(times, loss.begin + 1e-9) - 1
        after = blows[place].text if place >= 0 else "nothing that was done"
        back = "not while watched" if loss.end is None else f"{loss.end:.1f} T"
        took = f"more than {loss.length:.1f} T" if loss.end is None else f"{loss.length:.1f} T"
        cells = "".join(f"<td class='n'>{text}</td>" for text in (f"{loss.begin:.1f} T", back, took))
        lines.append(f"<tr>{cells}<td>{escape(after)}</td></tr>")
    head = "".join(f"<th>{name}</th>" for name in ("lost at", "back at", "it took", "after"))
    table = f"<div class='scroll'><table><tr>{head}</tr>{''.join(lines)}</table></div>"
    return f"<h2>Lost and back</h2>{table}{_curve(found)}"


def _curve(found: Sequence[Loss]) -> str:
    if len(found) < CURVE_FROM:
        return ""
    try:
        from coordinator.experiment.statistics import survival
    except BadInput:
        return ""  # without scipy the table has to do
    curve = survival([loss.length for loss in found], [loss.end is not None for loss in found])
    points = [(0.0, 1.0), *zip(curve.times, curve.shares, strict=True)]
    label = f"{curve.events} came back, {curve.censored} not while watched"
    drawn = charts.lines(
        [charts.Series(label, points, steps=True)],
        "T since it was lost",
        "share not yet back (Kaplan-Meier)",
        (0.0, 1.0),
    )
    return f"<style>{charts.STYLE}</style><div class='charts'>{drawn}</div>"
