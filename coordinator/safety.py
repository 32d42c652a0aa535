"""Safety: what must hold at every moment of every run, whatever is done to it. Changes nothing.

    incarnation   no cell accepts an older incarnation of a neighbour than it has met
    forgetting    a neighbour silent for longer than any time to live is forgotten at the next wake
    zeros         a cell without power holds nothing, and a sleeping one zeros
    range         states stay in range
    counters      counters add up

Each look is one check of every cell; what needs two looks (a page is read while it is written) takes two. What happens
between two looks is not seen here: of recorded runs `planaria verify` computes every update. May import the camera's
Sight and invariants.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.frame import NEXT_WITHIN_MAX
from cellnode.heard import Heard, no_words
from cellnode.mailbox import SILENCE_FACTOR, SILENCE_MAX
from cellnode.panel import Counter
from coordinator import invariants
from coordinator.camera import Sight

SILENT_T = float(max(SILENCE_MAX, SILENCE_FACTOR * NEXT_WITHIN_MAX))  # no slot lives longer in silence
HEARD_EVERY_T = 0.9  # mailboxes are compared about once a T, however often somebody looks: it is the dearest check
PROMISES = {
    "incarnation": "no cell accepts an older incarnation of a neighbour than it has met",
    "forgetting": f"a neighbour silent for {SILENT_T:g} T is forgotten",
    "zeros": "a cell without power holds nothing, a sleeping one zeros",
    "range": "states stay in range",
    "counters": "counters add up",
}

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Promise:
    """One thing that must hold. `checks`: cells or links looked at; `broken`: a line each time it did not hold."""

    name: str
    says: str
    holds: bool
    checks: int
    broken: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As it is printed by --json."""
        return asdict(self)


class Safety:
    """Feed it every look, in order of time."""

    def __init__(self, cells: int, family: str) -> None:
        self._family = family
        self._checks = dict.fromkeys(PROMISES, 0)
        self._seen: dict[str, dict[str, str]] = {name: {} for name in PROMISES}  # what -> its first line
        self._next_heard_t = -np.inf
        self._lives = np.zeros(cells, np.uint64)
        self._last = no_words(cells)
        self._met = np.zeros((cells, 8), np.int64)
        self._since = np.full((cells, 8), np.inf)  # T from which on this word is known to lie there, inf: just seen
        self._overdue_from = np.full((cells, 8), -1, np.int64)  # what its owner had said when it became overdue
        self._missed = np.zeros(cells, np.uint64)
        self._harmed = np.zeros(cells, np.uint64)
        self._untimed = np.zeros((cells, 8), np.bool_)  # a word older or younger than it looks
        self._suspect = np.zeros(cells, np.bool_)

    def take(self, sight: Sight, t: float) -> None:
        """One look, begun no earlier than `t` T."""
        for name, cells, what in invariants.shown(sight, self._family):
            self._note(name, cells, what, t)
        suspect: Mask = _undead(sight)
        twice: Mask = suspect & self._suspect
        self._note("zeros", twice, "a cell without power, or asleep, holds a state", t)
        self._suspect = suspect
        self._checks["range"] += int(sight.on.sum())
        self._checks["zeros"] += len(sight.on)
        if sight.heard is not None and t >= self._next_heard_t:
            self._next_heard_t = t + HEARD_EVERY_T
            self._heard(sight, sight.heard, t)
            self._lives = sight.lives.copy()

    def add_up(self, totals: NDArray[np.uint64], t: float) -> None:
        """Counters summed over lives."""
        self._checks["counters"] += len(totals)
        for name, cells, what in invariants.counted(totals):
            self._note(name, cells, what, t)

    def promises(self) -> list[Promise]:
        """How each of them stands."""
        return [
            Promise(name, says, not self._seen[name], self._checks[name], tuple(self._seen[name].values()))
            for name, says in PROMISES.items()
        ]

    def broken(self) -> list[str]:
        """A line for each time one did not hold."""
        return [line for promise in self.promises() for line in promise.broken]

    def _heard(self, sight: Sight, heard: Heard, t: float) -> None:
        same_life = (sight.lives == self._lives)[:, None]
        full = heard.sequences > 0
        met = np.where(same_life, self._met, 0)
        self._checks["incarnation"] += int(full.sum())
        older: Mask = full & (heard.incarnations < met)
        self._note("incarnation", np.asarray(older.any(axis=1), np.bool_), "accepted an older incarnation", t)
        self._met = np.where(full, np.maximum(met, heard.incarnations), met)
        same = same_life & full & (heard.sequences == self._last.sequences)
        same &= heard.incarnations == self._last.incarnations
        missed, harmed = sight.counters[:, Counter.MISSED_WAKES], sight.counters[:, Counter.HARMED]
        # A clock that jumped back makes the words it has heard younger than new; who woke late begins their ages anew.
        self._untimed = same & (self._untimed | (harmed != self._harmed)[:, None])
        listening = same & (missed == self._missed)[:, None] & ~self._untimed
        since = np.where(listening, np.where(np.isinf(self._since), t, self._since), np.inf)
        overdue = listening & (t - since > SILENT_T)
        known = overdue & (self._overdue_from >= 0)
        # Two wakes, not one: counters are shown after the state, and tell whether the first of them was late.
        late = known & (heard.said[:, None] >= self._overdue_from + 2)
        self._checks["forgetting"] += int(full.sum())
        self._note("forgetting", late.any(axis=1), f"a neighbour silent for more than {SILENT_T:g} T is still heard", t)
        self._overdue_from = np.where(known, self._overdue_from, np.where(overdue, heard.said[:, None], -1))
        self._since, self._last, self._missed, self._harmed = since, heard, missed.copy(), harmed.copy()

    def _note(self, name: str, cells: Mask, what: str, t: float) -> None:
        if cells.any():
            self._seen[name].setdefault(what, f"{what}: {invariants.named(cells)} (at {t:.1f} T)")


def _undead(sight: Sight) -> Mask:
    """Cells that hold something and should not."""
    anything: Mask = np.asarray((sight.states.reshape(len(sight.on), -1) != 0).any(axis=1), np.bool_)
    awake: Mask = sight.on & (sight.counters[:, Counter.SLEEPING] != 1)
    found: Mask = anything & ~awake
    return found if sight.leftover is None else found | sight.leftover
