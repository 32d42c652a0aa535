"""Clock faults: the victims' oscillators run slow or fast, shake, or jump. Proof: the cells' own count.

Drift and jitter are held by whoever runs the cells, like faults of links, so a reborn cell keeps its bad oscillator
(cellnode/clockfault.py); a jump happens once (cellnode/harm.py).
"""

from __future__ import annotations

from typing import Any, ClassVar

from cellnode import clockfault
from cellnode.panel import Counter
from coordinator.faults.base import Parameter
from coordinator.faults.hardware import Hardware
from coordinator.faults.links import Held
from firmware_sim.errors import BadInput


class ClockDrift(Held):
    """Proof: wake intervals that came out longer or shorter than drawn."""

    kind = "clock_drift"
    help = "the cells' clocks run slow (drift=0.1: intervals 10 % longer) or fast, each by its own draw if spread"
    parameters: ClassVar[dict[str, Parameter]] = {
        "drift": Parameter("share by which intervals are longer, or shorter if negative", -0.9, 7.0, 0.0),
        "spread": Parameter("each cell's drift is a uniform draw from drift +- spread", 0.0, 3.95, 0.0),
    }
    counter = Counter.FAULT_CLOCK

    @classmethod
    def _words(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "drift", "rate": given["drift"], "spread": given["spread"]}

    @classmethod
    def check_together(cls, parameters: dict[str, float]) -> None:
        drift, spread = parameters["drift"], parameters["spread"]
        if not (drift - spread >= clockfault.FASTEST and drift + spread <= clockfault.SLOWEST):
            low, high = clockfault.FASTEST, clockfault.SLOWEST
            raise BadInput(f"fault {cls.kind}: drift {drift:g} +- {spread:g} leaves the range of {low:g} to {high:g}")
        if not drift and not spread:
            raise BadInput(f"fault {cls.kind}: neither drift nor spread is given, e.g. drift=0.1")


class ClockJitter(Held):
    """Proof: wake intervals shaken."""

    kind = "clock_jitter"
    help = "the cells' clocks shake: each wake interval is longer or shorter by a uniform draw"
    parameters: ClassVar[dict[str, Parameter]] = {
        "jitter": Parameter("largest share by which an interval changes", 0.0, 1.0)
    }
    counter = Counter.FAULT_CLOCK

    @classmethod
    def _words(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "jitter", "rate": given["jitter"]}


class ClockJump(Hardware):
    """Silences age by as much; a wake that was jumped over comes at once, and counts as late."""

    kind = "clock_jump"
    help = "the cells' clocks jump ahead (by=3) or back (by=-3), once"
    parameters: ClassVar[dict[str, Parameter]] = {"by": Parameter("how far, in T", -1000.0, 1000.0)}
    engines = None
    instant = True


CLOCKS = (ClockDrift, ClockJitter, ClockJump)
