"""Puts what was judged at length into the rules that ship: `python -m tools.rule_scores`.

Reads docs/training-logs/NAME.judged.json and collection/NAME-*.judged.json and writes `scores` and `fate` into
firmware_sim/rules/NAME/rule.json; nothing that is hashed changes. Refuses a judgement of other weights.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from firmware_sim import folder

LOGS = Path(__file__).parents[1] / "docs" / "training-logs"


def main() -> int:
    for name in folder.builtin_names():
        judged = _judged(name)
        if judged is None:
            print(f"{name}: not judged")
            continue
        rule = folder.load(name)
        if judged["sha256"] != rule.sha256:
            print(f"{name}: the judgement is of other weights ({judged['sha256'][:12]}, not {rule.sha256[:12]})")
            return 1
        path = rule.path / folder.INFO
        path.write_text(with_scores(path.read_text(), judged))
        assert folder.load(name).sha256 == rule.sha256
    return 0


def with_scores(info: str, judged: dict[str, Any]) -> str:
    """rule.json with the medians of the int8 row, right after the losses."""
    kept = {key: value for key, value in json.loads(info).items() if key not in ("scores", "fate")}
    after: dict[str, Any] = {"scores": {k: v for k, v in judged["int8"].items() if isinstance(v, int | float)}}
    if judged.get("fate_2000_steps"):
        after["fate"] = judged["fate_2000_steps"]
    found: dict[str, Any] = {}
    for key, value in kept.items():
        found[key] = value
        if key == "losses":
            found |= after
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _judged(name: str) -> dict[str, Any] | None:
    for path in (LOGS / f"{name}.judged.json", *sorted((LOGS / "collection").glob(f"{name}-*seed*.judged.json"))):
        if path.exists():
            found: dict[str, Any] = json.loads(path.read_text())
            if path.parent == LOGS or found["sha256"] == folder.load(name).sha256:
                return found
    return None


if __name__ == "__main__":
    sys.exit(main())
