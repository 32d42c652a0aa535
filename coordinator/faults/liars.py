"""Faults of what cells compute and say: a stuck channel, and cells that lie (Byzantine ones).

Held by whoever runs the cells, like faults of links, so that a reborn cell is as bad (cellnode/cellfault.py).
"""

from __future__ import annotations

from typing import Any, ClassVar

from cellnode.cellfault import LAG_MAX, LEVEL_MAX, MODES
from cellnode.panel import Counter
from coordinator.faults.base import Parameter
from coordinator.faults.links import Held
from firmware_sim.limits import CHANNELS, STATE_STEP

TOP = LEVEL_MAX * STATE_STEP


class StuckChannel(Held):
    """Proof: updates whose result it has changed."""

    kind = "stuck_channel"
    help = "one of the 16 values of the cells' states cannot change"
    parameters: ClassVar[dict[str, Parameter]] = {
        "channel": Parameter("which; 0 to 2 are the colours, 3 is alpha", 0, CHANNELS - 1, 3),
        "level": Parameter("what it is stuck at (1 is full)", -TOP, TOP, 0.0),
    }
    counter = Counter.STUCK

    @classmethod
    def _words(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "stuck", "channel": int(given["channel"]), "level": given["level"]}


class Byzantine(Held):
    """Proof: frames said that were not the state (gradient: updates turned round)."""

    kind = "byzantine"
    help = "the cells lie to their neighbours, or compute the opposite of what the rule asks for"
    parameters: ClassVar[dict[str, Parameter]] = {
        "mode": Parameter("in which way", choices=MODES),
        "lag": Parameter("stale: how many frames ago", 1, LAG_MAX, 10),
    }
    counter = Counter.LIES

    @classmethod
    def _words(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "lie", "mode": given["mode"], "lag": int(given["lag"])}
