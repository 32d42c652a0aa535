"""What the collection looks like: the table of all judged rules, and one picture of every shipped rule.

Reads docs/training-logs/collection and firmware_sim/rules; trains nothing. Used by tools/collection.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from firmware_sim.cuts import CUTS

BEGIN, END = "<!-- collection -->", "<!-- end of collection -->"


def write_table(logs: Path) -> None:
    """Put the table of everything judged between its marks in the README beside the logs."""
    page = logs.parent / "README.md"
    text = page.read_text()
    if BEGIN not in text:
        return
    before, rest = text.split(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{table(logs)}{END}{rest.split(END)[1]}")


def table(logs: Path) -> str:
    """Markdown: a line for each judged training."""
    lines = [
        "| rule | seed | steps | CPU s | empty grid | 48 T | 100 T | twin | worst cut, 200 T | 2,000 steps | good |",
        "|" + "---|" * 11,
    ]
    for path in sorted(logs.glob("*.judged.json")):
        lines.append(_line(json.loads(path.read_text())))
    return "\n".join(lines) + "\n"


def _line(kept: dict[str, Any]) -> str:
    row, spent = kept["int8"], kept["spent"] or {}
    cuts = {name: row[f"cut_{name}_200T"] for name in CUTS if f"cut_{name}_200T" in row}
    worst = max(cuts, key=lambda name: cuts[name]) if cuts else ""
    healed = f"{cuts[worst]:.2f} ({worst})" if cuts else ""
    twin = kept["float_twin_48T" if kept["regime"] == "growing" else "float_twin_100T"]
    return (
        f"| {kept['rule']} | {kept['rng_seed']} | {kept['steps']:,} | {spent.get('cpu_s', '')} | {kept['blank']:.2f} | "
        f"{row['async_48T']:.2f} | {row['async_100T']:.2f} | {twin:.2f} | {healed} | {kept['fate_2000_steps']} | "
        f"{'yes' if kept['good'] else 'no'} |"
    )


def contact_sheet(out: Path) -> None:
    raise NotImplementedError
