"""What a rule is worth, at length: `python -m trainer.judge RULE [--draws N]` prints the table kept in
docs/training-logs.

In asynchrony (draws.py) and in the synchronous reference, in float and in int8: growth and
stability from one seed, half of all cells restarted empty, the article's cuts, quarter turns. With --faults, the five
lines of faultjudge.py instead. RULE is a folder or a built-in name. It needs no torch and trains nothing. Imports
numpy, cellnode, firmware_sim, trainer.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace

import numpy as np

from cellnode.workers import cores
from firmware_sim import folder
from firmware_sim.cuts import CUTS, cut_masks
from firmware_sim.loss import loss_log10, loss_log10_shift1
from firmware_sim.rule import Floats, Rule, seed, step
from firmware_sim.targets import turned
from trainer import faultjudge
from trainer.draws import SMALLEST_GRID, Draws, losses, seeded

Row = dict[str, float | list[float]]


def growth(rule: Rule, target: Floats, draws: int, rng_seed: int, *, int8: bool) -> Row:
    """The beginning of one family's row, for a rule that promises no more."""
    return _grown(_seeded(rule, target, draws, np.random.default_rng(rng_seed), int8=int8), target)


def judge(rule: Rule, target: Floats, draws: int, rng_seed: int, *, int8: bool) -> Row:
    """One family's row: medians unless the name says worst."""
    rng = np.random.default_rng(rng_seed)
    grown = _seeded(rule, target, draws, rng, int8=int8)
    row = _grown(grown, target)
    later = grown.copy()
    later.run(300)
    row["async_400T"] = _median(losses(later, target))
    row["async_400T_worst"] = _worst(losses(later, target))

    shape = grown.states().shape[:3]
    half = rng.random(shape) < 0.5
    half[:, shape[1] // 2, shape[2] // 2] = True
    hurt = grown.copy()
    hurt.erase(half)
    hurt.run(100)
    row["half_lost_100T"] = _median(losses(hurt, target))
    row["half_lost_100T_worst"] = _worst(losses(hurt, target))
    for name, mask in zip(CUTS, cut_masks(shape[1], shape[2], len(target)), strict=True):
        hurt = grown.copy()
        hurt.erase(mask)
        for after in (100, 200):
            hurt.run(100)
            row[f"cut_{name}_{after}T"] = _median(losses(hurt, target))

    wide = _seeded(rule, target, draws, rng, int8=int8, around=16)
    wide.run(200)
    row["async_200T_wide"] = _median(losses(wide, target))
    for degrees in (90, 180, 270):
        spun = _seeded(rule.turned(degrees), target, draws, rng, int8=int8)
        spun.run(100)
        picture = turned(target, degrees)
        row[f"turned_{degrees}_100T"] = _median([loss_log10_shift1(grid, picture) for grid in spun.states()])
    return row


def synchronous(rule: Rule, target: Floats, draws: int, rng_seed: int) -> Row:
    """The article's step, every cell firing with probability 1/2, on the target with 16 px around it."""
    side, rng = len(target) + 32, np.random.default_rng(rng_seed)
    found: dict[int, list[float]] = {96: [], 200: []}
    for _ in range(draws):
        grid = seed(side, side, rule.channels)
        for at in range(1, 201):
            grid = step(rule, grid, rng.random((side, side)) < 0.5)
            if at in found:
                found[at].append(loss_log10(grid, target))
    return {f"sync_{at}": _median(values) for at, values in found.items()}


def _grown(draws: Draws, target: Floats) -> Row:
    row: Row = {}
    draws.run(48)
    row["async_48T"] = _median(losses(draws, target))
    draws.run(52)
    row["async_100T"] = _median(losses(draws, target))
    return row


def _seeded(
    rule: Rule, target: Floats, draws: int, rng: np.random.Generator, *, int8: bool, around: int = 0
) -> Draws:
    return seeded(rule, max(len(target), SMALLEST_GRID) + 2 * around, draws, rng, int8=int8)


def _median(values: object) -> float:
    return round(float(np.median(np.asarray(values))), 2)


def _worst(values: object) -> float:
    return round(float(np.max(np.asarray(values))), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rule")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--faults", action="store_true", help="the five lines of faultjudge.py instead")
    parser.add_argument("--cores", type=int, default=cores(), help="processes that share the draws of --faults")
    given = parser.parse_args()
    found = folder.load(given.rule)
    head = {"rule": found.name, "sha256": found.sha256, "draws": given.draws, "seed": given.seed}
    if given.faults:
        judged = faultjudge.judge(
            found, given.draws, given.seed, cores=given.cores, say=lambda line: print(line, file=sys.stderr, flush=True)
        )
        print(json.dumps({**head, "lines": faultjudge.table(judged)}, indent=1))
        return
    rule, target = found.rule(), found.target()
    if target is None:
        parser.error(f"{given.rule} has no target to judge it by")
    twin = replace(rule, limits=replace(rule.limits, limit="clamp"))  # the same weights without rounding
    table = {"float": synchronous(rule, target, given.draws, given.seed)}
    table["float"] |= judge(rule, target, given.draws, given.seed, int8=False)
    table["float_twin"] = judge(twin, target, given.draws, given.seed, int8=False)
    if found.genome() is not None:
        table["int8"] = judge(rule, target, given.draws, given.seed, int8=True)
    print(json.dumps({**head, **table}, indent=1))


if __name__ == "__main__":
    main()
