"""`planaria evaluate` of the built-in rules named here, kept in brief as docs/results/evaluate-RULE.json.

`python -m tools.evaluations` for all of them (minutes each), or the names of some; `make campaign` runs it. With a
file of rows as `planaria evaluate RULE --json` printed it, `RULE=FILE`, nothing is computed anew.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from coordinator.bench.machine import machine
from coordinator.evaluate import summary
from coordinator.evaluate.rows import Row

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"
RULES: dict[str, tuple[str, ...]] = {
    "lizard": (),
    "lizard-24": ("--family", "int8"),
    "lizard-hardened": ("--family", "int8"),
    "dot": ("--family", "int8"),
    "worm": ("--family", "int8"),
}
SEED = 1


def main(arguments: list[str]) -> int:
    """Evaluate the named rules, or all."""
    failed = 0
    for argument in arguments or RULES:
        rule, _, kept = argument.partition("=")
        words = ["evaluate", rule, "--seed", str(SEED), *RULES.get(rule, ())]
        print("campaign:", "planaria", *words, flush=True)
        if kept:
            text = Path(kept).read_text()
        else:
            command = [str(Path(sys.executable).with_name("planaria")), *words, "--json"]
            done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
            failed |= done.returncode
            if done.returncode:
                continue
            text = done.stdout
        name = f"evaluate {rule}"
        found = {
            "machine": machine(),
            "commands": {name: " ".join(["planaria", *words])},
            "results": {name: brief(json.loads(text))},
        }
        (RESULTS / f"evaluate-{rule}.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return failed


def brief(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The table in brief of rows as `planaria evaluate --json` prints them."""
    read = [Row(**{**row, "range": tuple(row["range"])}) for row in rows]
    ways = summary.ways(read)
    return [
        {"log10 loss": name, "at": when, **{str(way): by.get(way, "") for way in ways}}
        for name, when, by in summary.brief(read)
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
