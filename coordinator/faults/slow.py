"""Slow: the cells compute too rarely, as on a machine that is too weak or shared. A drift of the clock, by a factor.

What they announce (`next_within`) is what they believe, so neighbours may forget a slow cell between two of its words.
"""

from __future__ import annotations

from typing import Any, ClassVar

from cellnode.clockfault import SLOWEST
from cellnode.panel import Counter
from coordinator.faults.base import Parameter
from coordinator.faults.links import Held


class Slow(Held):
    """Proof: wake intervals that came out longer."""

    kind = "slow"
    help = "the cells wake `factor` times more rarely than they should"
    parameters: ClassVar[dict[str, Parameter]] = {
        "factor": Parameter("how much longer each wake interval is", 1.0, 1.0 + SLOWEST, 4.0)
    }
    counter = Counter.FAULT_CLOCK

    @classmethod
    def _words(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "drift", "rate": given["factor"] - 1.0}
