"""The patterns that can be started from the page: each built-in rule with its motif, its regime, and a line of what to
expect of it, put together from what was measured of it. Starts nothing. May import firmware_sim and the wish's grid.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from coordinator import render
from coordinator.frames import Frame
from coordinator.wish import default_grid
from firmware_sim import folder as rules
from firmware_sim.errors import BadInput
from firmware_sim.folder import RuleFolder
from firmware_sim.ruleinfo import REGIMES

TAUGHT = {
    "growing": "grows, and was taught no more",
    "persistent": "grows and stays; it was never taught to heal",
    "regenerating": "grows, stays, and heals",
    "unknown": "nobody has said what it was taught",
}
FATES = {
    "holds": "keeps its shape",
    "drifts": "slowly drifts into another shape",
    "dies": "dies in the end",
    "explodes": "overgrows the grid in the end",
}
AS_GOOD = 0.5  # log10: a wound that leaves no more error than this shows little
CUT, HALF, GROWN = "cut_", "half_lost_100T", ("async_100T", "async_48T")


def patterns() -> list[dict[str, Any]]:
    """One row a rule, by motif: its name, motif, regime, rows and columns, and what to expect."""
    rows = []
    for name in rules.builtin_names():
        rule = rules.load(name)
        height, width = default_grid(rule)
        row = {"name": name, "motif": motif(rule), "regime": rule.info.regime, "expect": expectation(rule)}
        rows.append({**row, "height": height, "width": width})
    return sorted(rows, key=lambda row: (row["motif"], REGIMES.index(row["regime"]), row["name"]))


def motif(rule: RuleFolder) -> str:
    """What it is a picture of."""
    source = rule.info.target.source if rule.info.target is not None else ""
    return source.removeprefix("built-in ") if source.startswith("built-in ") else rule.name


def expectation(rule: RuleFolder) -> str:
    """One line: what it was taught, how well it heals, what becomes of it."""
    regime, scores = rule.info.regime, {**rule.info.losses, **rule.info.scores}
    parts = [TAUGHT[regime]]
    grown = next((scores[name] for name in GROWN if scores.get(name) is not None), scores.get("grown"))
    if grown is not None and regime != "growing":
        half = scores.get(HALF)
        if half is not None and half <= grown + AS_GOOD:
            parts.append("comes back after half of its cells were lost")
        parts += _after_cuts(rule, grown)
    if rule.info.fate:
        parts.append(f"in 2,000 steps {FATES.get(rule.info.fate, rule.info.fate)}")
    return "; ".join(parts)


def _after_cuts(rule: RuleFolder, grown: float) -> list[str]:
    """Which of the five cuts it heals; the newest measurement of each counts."""
    found: dict[str, float] = {}
    for losses in (rule.info.losses, rule.info.scores):
        for name, loss in losses.items():
            if name.startswith(CUT) and loss is not None:
                found[name.removeprefix(CUT).partition("_")[0]] = loss
    bad = sorted((name for name, loss in found.items() if loss > grown + AS_GOOD), key=lambda name: -found[name])
    if not found:
        return []
    if not bad:
        return [f"heals each of {len(found)} cuts"]
    return [f"heals {len(found) - len(bad)} of {len(found)} cuts well, worst where the {bad[0]} part is lost"]


def picture(name: str) -> bytes:
    """Its target as LEDs show it, a PNG of one pixel a cell."""
    if name not in rules.builtin_names():
        raise BadInput(f"there is no pattern {name[:40]!r}: `planaria rules` lists those that there are")
    target = rules.load(name).target()
    if target is None:
        raise BadInput(f"the pattern {name} has no picture")
    return render.png(Frame(0.0, target, np.ones(target.shape[:2], np.bool_)).rgb(), 1)
