"""Liveness: after the last harm has ended the picture must be back within so many T, and stay. Changes nothing.

    growing      the seed was planted; the picture must be there in time
    harmed       some fault is on, planned, or a cell is without power: nothing is asked yet
    healing      the last harm is over; the clock runs
    back         the picture is there; losing it again with nothing done to it is healing again, the clock running on

May import nothing of the coordinator but the gains that count as grown and healed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from coordinator.picture import GROWN_GAIN, HEALED_GAIN

WITHIN_T = 100.0  # by default; the built-in rules heal every tried wound in less


@dataclass(frozen=True, slots=True)
class Promised:
    """How it stands. `healed_t`: when the last harm ended (0: the seed was planted); None: it is still on."""

    within_T: float  # noqa: N815 - as it is printed
    healed_t: float | None
    back_after_T: float | None  # noqa: N815 - T from then until the picture was there for good; None: it is not
    verdict: str  # pass | fail | unknown
    why: str

    def to_dict(self) -> dict[str, Any]:
        """As it is printed by --json."""
        return asdict(self)


class Liveness:
    """Feed it every look at which the gain is known, in order of time."""

    def __init__(self, within: float = WITHIN_T) -> None:
        self._within = within
        self._healed_t = 0.0
        self._back_t: float | None = None
        self._t = 0.0
        self._harm: tuple[str, ...] = ()
        self._struck = False

    @property
    def wanted(self) -> float:
        """The gain from which on the picture counts as there."""
        return HEALED_GAIN if self._struck else GROWN_GAIN

    def struck(self, t: float) -> None:
        """Something harmed, just now."""
        self._struck, self._healed_t, self._back_t = True, t, None
        self._t = max(self._t, t)

    def take(self, t: float, gain: float, harm: tuple[str, ...]) -> None:
        """The gain at `t`, over the cells that are not dead; `harm`: what is still done to the swarm, in words."""
        self._t, self._harm = t, harm
        if harm:
            self.struck(t)
        elif gain < self.wanted:
            self._back_t = None
        elif self._back_t is None:
            self._back_t = t

    def promised(self) -> Promised:
        """As of the last look."""
        k = self._within
        if self._harm:
            return Promised(k, None, None, "unknown", f"not healed: {', '.join(self._harm)}")
        what = f"the last harm ended at {self._healed_t:.1f} T" if self._struck else "the seed was planted"
        if self._back_t is not None:
            took = round(self._back_t - self._healed_t, 3)
            verdict = "pass" if took <= k else "fail"
            return Promised(k, self._healed_t, took, verdict, f"there {took:.1f} T after {what}; {k:g} T were allowed")
        passed = self._t - self._healed_t
        if passed < k:
            why = f"only {passed:.1f} of {k:g} T have passed since {what}, and the picture is not there"
            return Promised(k, self._healed_t, None, "unknown", why)
        return Promised(k, self._healed_t, None, "fail", f"not there {passed:.1f} T after {what}; {k:g} T were allowed")
