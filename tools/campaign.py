"""The long runs: `make campaign`, or `make campaign CAMPAIGN="swarm heal"` for some of them.

Runs `planaria bench` for each name, keeps its JSON in docs/results/NAME.json and writes docs/results/README.md anew
from all that is kept there; each name is independent, so an interrupted campaign is repeated from the name it broke at.
`evaluate` evaluates built-in rules (tools/evaluations.py), `experiments` are the standard ones on the lizards
(tools/standard_experiments.py), `collection` trains (tools/collection.py), `fuzz` tries examples (tools/fuzz.py);
what stands after `--` is theirs, too.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tools import ten_thousand

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"
CAMPAIGNS = {
    "update": [],
    "virtual": [],
    "scale": [],
    "swarm": [],
    "heal": ["--engine", "chip"],
    "angles": [],
    "outage": ["--engine", "chip"],
    "hosts": ["--engine", "chip", "--rule", "lizard-hardened"],  # root
    "soak": ["--rule", "lizard-hardened", "--interval", "2", "--engine", "chip", "--window", "1800"],  # root
    "faults": [],
    "large": ["--engine", "chip"],
    "patches": ["--engine", "chip"],
    "patchlaw": ["--engine", "chip", "--seeds", "30"],
    "page": ["--engine", "chip", "--window", "20"],
    "train": [],
    "attacks": ["--long", "--interval", "0.05"],  # about half an hour
    "reports": [],
    "curve": ["--rule", "lizard"],
    "record": ["--engine", "chip", "--engine", "numpy", "--window", "100"],
    "evaluate": [],
    "experiments": [],  # an hour of CPU, resumable
    "collection": [],  # hours, resumable
    "containers": [],  # root
    "fuzz": [],  # property tests with examples they have not seen
}
OTHER_TOOLS = {
    "evaluate": "tools.evaluations",
    "experiments": "tools.standard_experiments",
    "collection": "tools.collection",
    "containers": "tools.containers",
    "fuzz": "tools.fuzz",
}
# run by name only: they need the user's own download, `make campaign CAMPAIGN="published -- --models DIR --processes"`
ASKED_FOR = {"published": ["--models", "DIR", "--processes"], "article": ["--models", "DIR"]}


def main(arguments: list[str]) -> int:
    """Run the named campaigns (default: all), or anything `planaria bench` knows, with its own options after `--`."""
    names, _, extra = (" ".join(arguments) or " ".join(CAMPAIGNS)).partition(" -- ")
    RESULTS.mkdir(parents=True, exist_ok=True)
    failed = 0
    for name in names.split():
        if name in OTHER_TOOLS:
            command = [sys.executable, "-m", OTHER_TOOLS[name], *extra.split()]
            failed |= subprocess.run(command, cwd=ROOT, check=False).returncode
            continue
        command = [
            str(Path(sys.executable).with_name("planaria")),
            "bench",
            name,
            *CAMPAIGNS.get(name, []),
            *extra.split(),
        ]
        print("campaign:", " ".join(command[1:]), flush=True)
        failed |= subprocess.run([*command, "--out", str(RESULTS / f"{name}.json")], cwd=ROOT, check=False).returncode
    (RESULTS / "README.md").write_text(page())
    ten_thousand.PAGE.write_text(ten_thousand.page())  # it is made from these
    return failed


def page() -> str:
    """The page of all kept results, as Markdown."""
    parts = ["# Results\n\nMade by `make campaign`; each table says the command that repeats it.\n"]
    for path in sorted(RESULTS.glob("*.json")):
        found = json.loads(path.read_text())
        where = found["machine"]
        for name, rows in found["results"].items():
            options = " ".join((CAMPAIGNS | ASKED_FOR).get(name, []))
            command = found.get("commands", {}).get(name, f"planaria bench {name} {options}".strip())
            parts.append(f"## {name}\n\n`{command}`")
            parts.append(
                f"{where['processor']}, {where['cores']} cores, {where['memory_gib']} GiB, Python {where['python']}, "
                f"{where['measured']}\n"
            )
            parts.append(table(rows))
    return "\n".join(parts)


def table(rows: list[dict[str, Any]]) -> str:
    """Rows of one benchmark as a Markdown table."""
    if not rows:
        return "(no rows)\n"
    keys = list(dict.fromkeys(key for row in rows for key in row))
    lines = ["| " + " | ".join(key.replace("_", " ") for key in keys) + " |", "|" + "---|" * len(keys)]
    lines += ["| " + " | ".join(cell(row[key]) if key in row else "" for key in keys) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def cell(value: object) -> str:
    """One value, short."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {cell(part)}" for key, part in value.items())
    return str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
