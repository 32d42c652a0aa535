"""What was lost, and how long recovery took: wounds of a run, from its events and the rows of loss.csv.

A wound opens with the first harm and closes when the picture is as good as it was before: its loss within a quarter of
what it was, or, where it had not been grown by then, good enough to count as healed. Harm while a wound is open
belongs to it, and the time counts from the last. Knows no file and no clock. May import the actions and the picture's
thresholds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from coordinator.actions import DISTURBING
from coordinator.picture import HEALED_GAIN

NEAR_LOG10 = 0.1  # of the loss before: a quarter more error
NEAR_LIVING = 0.98  # without a target: so much of the living cells of before
WOUNDS_KEPT = 200


@dataclass(slots=True)
class Wound:
    """Times in T. `healed` None: not yet."""

    began: float
    last_harm: float
    harms: dict[str, int] = field(default_factory=dict)  # what was done -> to how many cells, all strokes together
    loss_before: float | None = None
    gain_before: float | None = None
    loss_worst: float | None = None
    living_before: int | None = None
    living_least: int | None = None
    alive_least: int | None = None
    healed: float | None = None

    def told(self, interval_s: float) -> dict[str, Any]:
        """For the page, with the recovery's length in T and seconds."""
        took = None if self.healed is None else round(self.healed - self.last_harm, 2)
        return {
            **{name: getattr(self, name) for name in self.__slots__},
            "took": took,
            "took_s": None if took is None else round(took * interval_s, 2),
        }


class Recovery:
    """Feed it rows and events in the order of their time."""

    def __init__(self) -> None:
        self.wounds: list[Wound] = []
        self._row: Mapping[str, float | None] = {}

    def event(self, event: Mapping[str, Any]) -> None:
        """One line of events.jsonl."""
        name, cells, t = event.get("event"), event.get("cells"), event.get("t")
        if name not in DISTURBING or not cells or not isinstance(t, int | float):
            return
        wound = self.wounds[-1] if self.wounds and self.wounds[-1].healed is None else None
        if wound is None:
            row = self._row
            living = row.get("living")
            wound = Wound(
                t,
                t,
                loss_before=row.get("loss_log10"),
                gain_before=row.get("gain_log10"),
                living_before=None if living is None else int(living),
            )
            self.wounds = [*self.wounds[-WOUNDS_KEPT + 1 :], wound]
        wound.last_harm = t
        what = str((event.get("proof") or {}).get("kind") or name)
        wound.harms[what] = wound.harms.get(what, 0) + len(cells)

    def row(self, row: Mapping[str, float | None]) -> None:
        """One row of loss.csv: t, loss_log10, gain_log10, alive, living."""
        self._row = row
        wound = self.wounds[-1] if self.wounds else None
        t = row.get("t")
        if wound is None or wound.healed is not None or t is None or t <= wound.last_harm:
            return
        loss, living, alive = row.get("loss_log10"), row.get("living"), row.get("alive")
        if loss is not None:
            wound.loss_worst = loss if wound.loss_worst is None else max(wound.loss_worst, loss)
        if living is not None:
            wound.living_least = int(living if wound.living_least is None else min(wound.living_least, living))
        if alive is not None:
            wound.alive_least = int(alive if wound.alive_least is None else min(wound.alive_least, alive))
        if _as_before(wound, row):
            wound.healed = t


def _as_before(wound: Wound, row: Mapping[str, float | None]) -> bool:
    loss, gain, living = row.get("loss_log10"), row.get("gain_log10"), row.get("living")
    if loss is not None and gain is not None:
        if wound.loss_before is None or (wound.gain_before or 0.0) < HEALED_GAIN:
            return gain >= HEALED_GAIN
        return loss <= wound.loss_before + NEAR_LOG10
    return living is not None and bool(wound.living_before) and living >= NEAR_LIVING * (wound.living_before or 0)


def of(rows: Iterable[Mapping[str, float | None]], events: Iterable[Mapping[str, Any]]) -> Recovery:
    """All wounds of a run that is written down."""
    found = Recovery()
    timed: list[tuple[float, int, Mapping[str, Any]]] = [(float(row["t"] or 0), 0, row) for row in rows]
    timed += [(float(event["t"]), 1, event) for event in events if isinstance(event.get("t"), int | float)]
    for _t, kind, each in sorted(timed, key=lambda one: one[:2]):
        (found.event if kind else found.row)(each)
    return found
