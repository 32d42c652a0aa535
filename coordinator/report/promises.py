"""What must hold and what must come back, as a table of a report. Pure text; may import nothing of the coordinator."""

from __future__ import annotations

from html import escape
from typing import Any

VERDICTS = {"pass": "held", "fail": "broken", "unknown": "unknown"}


def section(measure: dict[str, Any]) -> str:
    """Safety and liveness as measured at the end; empty for a run that was not measured so."""
    rows = [_safety(promise) for promise in measure.get("safety") or ()]
    liveness = measure.get("liveness")
    if isinstance(liveness, dict):
        verdict = str(liveness.get("verdict"))
        says = f"liveness: after the last harm the picture is back within {liveness.get('within_T'):g} T, and stays"
        rows.append(_row(says, verdict, escape(str(liveness.get("why", "")))))
    if not rows:
        return ""
    head = "".join(f"<th>{name}</th>" for name in ("what must hold", "", "seen"))
    return f"<h2>Safety and liveness</h2><div class='scroll'><table><tr>{head}</tr>{''.join(rows)}</table></div>"


def _safety(promise: dict[str, Any]) -> str:
    lines = [escape(str(line)) for line in promise.get("broken", ())]
    seen = "<br>".join(lines) or f"{promise.get('checks', 0):,} checks"
    return _row(f"safety: {promise.get('says')}", "pass" if promise.get("holds") else "fail", seen)


def _row(says: str, verdict: str, seen: str) -> str:
    word = VERDICTS.get(verdict, verdict)
    return f"<tr><td>{escape(says)}</td><td class='{escape(verdict)}'>{escape(word)}</td><td>{seen}</td></tr>"
