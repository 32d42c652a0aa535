"""Faults of what cells compute and say: a stuck channel, and cells that lie (Byzantine ones).

Held by whoever runs the cells, like faults of links, so that a reborn cell is as bad (cellnode/cellfault.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import msgspec

from cellnode.cellfault import LAG_MAX, LEVEL_MAX, MODES
from cellnode.messages import LinkFault, RulePayload
from cellnode.panel import Counter
from cellnode.payload import rule_payload
from coordinator.faults.base import Parameter, Record
from coordinator.faults.links import Held
from firmware_sim import folder
from firmware_sim.errors import BadInput
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
    """Proof: frames said that were not the state (gradient and adversary: updates that are not the rule's)."""

    kind = "byzantine"
    help = "the cells lie to their neighbours, or compute something else than the rule asks for"
    parameters: ClassVar[dict[str, Parameter]] = {
        "mode": Parameter("in which way", choices=MODES),
        "lag": Parameter("stale: how many frames ago", 1, LAG_MAX, 10),
        "rule": Parameter("adversary: what its cells compute by", word="a rule folder or the name of a rule"),
    }
    counter = Counter.LIES

    @classmethod
    def check_together(cls, parameters: dict[str, Any]) -> None:
        if parameters["mode"] == "adversary" and "rule" not in parameters:
            raise BadInput("fault byzantine: mode is adversary, which needs rule=FOLDER, what its cells compute by")
        if parameters["mode"] != "adversary" and "rule" in parameters:
            raise BadInput(f"fault byzantine: rule belongs to mode=adversary, this is mode={parameters['mode']}")

    @classmethod
    def checked_word(cls, name: str, word: str) -> str:
        """Whole, for whoever carries it out may stand in another folder than who asks."""
        found = folder.load(word)
        if found.info.channels != CHANNELS:
            raise BadInput(f"fault byzantine: rule {word} has {found.info.channels} channels, cells have {CHANNELS}")
        return str(Path(word).resolve()) if Path(word).exists() else word

    @classmethod
    def rule_of(cls, parameters: dict[str, Any], family: str, degrees: float) -> RulePayload | None:
        if parameters["mode"] != "adversary":
            return None
        return rule_payload(folder.load(parameters["rule"]), "chip" if family == "int8" else "numpy", degrees)

    @classmethod
    def wire(cls, record: Record) -> LinkFault:
        return msgspec.structs.replace(super().wire(record), rule=record.rule)

    @classmethod
    def _words(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "lie", "mode": given["mode"], "lag": int(given["lag"])}
