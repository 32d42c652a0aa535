"""The article's published models beside a plain simulation of the same asynchrony, 48x48, 100 T.

The models are the user's own download: `--models` names a folder with `ex*_*.json`, and, to compare with a target, a
`NAME.png` for each motif or the article's ten in one strip `targets_10x40.png`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from coordinator import Swarm
from coordinator.bench.registry import Options, Row
from firmware_sim import published, rule
from firmware_sim.asynchronous import Swarm as PlainSwarm
from firmware_sim.engines import make_engine
from firmware_sim.errors import BadInput
from firmware_sim.limits import ALIVE_THRESHOLD
from firmware_sim.loss import loss_log10_shift1

GRID = (48, 48)
AT_T = 100


def measure(options: Options) -> Iterator[Row]:
    """One row a model: best loss over one-pixel shifts of simulation, float and int8 swarm, medians over seeds."""
    for path in models_in(options.models, "published"):
        with tempfile.TemporaryDirectory() as home:
            target = target_of(path.parent, path.stem.split("_", 1)[1])
            folder = published.import_model(path, Path(home) / "rule", target, premultiplied=True)
            picture = folder.target()
            row: Row = {"model": path.stem, "regime": folder.info.regime}
            plain = make_engine("numpy", folder)
            for name, engine in (("simulation", None), ("float", "numpy"), ("int8", "chip")):
                losses = []
                for seed in options.seeds:
                    if engine is None:
                        rng = np.random.default_rng(seed)
                        plainly = PlainSwarm(rule.seed(*GRID)[None], plain.update, ALIVE_THRESHOLD, 1.0)
                        plainly.run(AT_T, rng)
                        states = plainly.states()[0]
                    else:
                        states = _swarm(folder.path, engine, "virtual", seed, Path(home), options)
                    losses.append(_fate(states, picture))
                row[name] = round(median(losses), 2)
            if options.processes:
                for name, engine in (("float_processes", "numpy"), ("int8_processes", "chip")):
                    states = _swarm(folder.path, engine, "processes", options.seeds[0], Path(home), options)
                    row[name] = round(_fate(states, picture), 2)
            row["float_to_simulation"] = round(row["float"] - row["simulation"], 2)
            row["int8_to_simulation"] = round(row["int8"] - row["simulation"], 2)
        yield row


def models_in(folder: Path | None, benchmark: str) -> list[Path]:
    """The published models of a folder; BadInput if there are none."""
    if folder is None:
        raise BadInput(f"bench {benchmark} needs --models DIR, a folder with the article's ex*_*.json files")
    models = sorted(folder.glob("ex*_*.json"))
    if not models:
        raise BadInput(f"{folder}: no ex*_*.json there; download webgl_models8 from the article's repository")
    return models


def _fate(states: NDArray[np.float32], picture: NDArray[np.float32] | None) -> float:
    """Loss against the target; without one, log10 of the mean square of what shows (what becomes of it)."""
    if picture is not None:
        return loss_log10_shift1(states, picture)
    return float(np.log10((states[..., :4].astype(np.float64) ** 2).sum() / (72 * 72 * 4) + 1e-12))


def _swarm(
    rule_path: Path, engine: str, substrate: str, seed: int, home: Path, options: Options
) -> NDArray[np.float32]:
    with Swarm.start(
        rule_path,
        GRID,
        engine=engine,
        substrate=substrate,
        interval_s=options.interval_s,
        seed=seed,
        out=home / f"{engine}-{substrate}-{seed}",
        on_line=options.say,
    ) as swarm:
        swarm.wait_until(AT_T)
        return swarm.look().states


def target_of(models: Path, motif: str) -> Path | None:
    """A picture of the motif: a file of its own, or the strip that holds it."""
    own, strip = models / f"{motif}.png", models / "targets_10x40.png"
    if own.is_file():
        return own
    return strip if motif in published.STRIP and strip.is_file() else None
