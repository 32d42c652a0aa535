"""How to do a run again: the command, and what was done to it as a scenario file.

Reads the run folder only. May import coordinator.scenario and the run folder.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from coordinator import scenario
from coordinator.runfolder import RunFolder, RunInfo

ASKED, DONE = "scenario.toml", "done.toml"  # given to `planaria run`; put together from what was done
NAMED_CELLS = 16  # on chips; of more, the command says how many


def repeat(info: RunInfo, path: Path) -> str:
    """The command that runs the same again."""
    words = ["planaria", "run", str(path / "rule"), "--grid", f"{info.height}x{info.width}", "--engine", info.engine]
    words += ["--substrate", info.substrate, "--interval", f"{info.interval_s:g}", "--seed", str(info.rng_seed)]
    words += ["--torus"] if info.torus else []
    words += ["--angle", f"{info.degrees:g}"] if info.degrees else []
    for kind, cells in info.chips.items():
        named = [f"cell:{cell // info.width},{cell % info.width}" for cell in cells]
        for which in named if len(cells) <= NAMED_CELLS else [str(len(cells))]:  # a number: drawn by the seed
            words += ["--chips", f"{kind}={which}"]
    words += ["--record"] if info.record else []
    folder = RunFolder(path)
    name = ASKED if (path / ASKED).exists() else DONE if done(folder) else ""
    words += ["--scenario", str(path / name)] if name else []
    return shlex.join([*words, *_length(folder)])


def done(folder: RunFolder) -> str:
    """What was done in a run as a scenario file; empty if nothing was."""
    return scenario.dump(scenario.acted(folder.events()))


def keep_done(folder: RunFolder) -> str:
    """The scenario of a run, whoever wrote it; what was done by hand is written down beside the report."""
    given = folder.path / ASKED
    if given.exists():
        return given.read_text(encoding="utf-8")
    text = done(folder)
    if text:
        (folder.path / DONE).write_text(text, encoding="utf-8")
    return text


def _length(folder: RunFolder) -> list[str]:
    ends = [event["t"] for event in folder.events() if event.get("event") == "stopped"]
    return ["--for", f"{ends[-1]:.0f}"] if ends and isinstance(ends[-1], int | float) and ends[-1] >= 1 else []
