"""What traitors do to a rule, by the fault itself: `python -m trainer.adversary.judge RULE MODE... [--draws N]`.

Each draw grows a swarm in virtual time, int8, lets a share of its cells turn, and reads the loss over the honest cells
after them. MODE is a mode of the fault `byzantine`, or a rule folder or name: mode adversary. Needs no torch. Imports
numpy, cellnode, firmware_sim and the battle.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cellnode.cellfault import MODES
from cellnode.messages import LinkFault
from cellnode.payload import rule_payload
from cellnode.topology import seed_cell, tag
from cellnode.virtual import VirtualSwarm
from firmware_sim import folder
from firmware_sim.errors import BadInput
from firmware_sim.folder import RuleFolder
from firmware_sim.loss import loss_log10
from firmware_sim.native import native_engine
from trainer.adversary import battle

SHARE, TURN_T, AFTER_T = 0.05, 100.0, (25.0, 50.0, 100.0)
LAG = 10  # of mode stale, the fault's own default


def fault_of(mode: str, cells: list[int], rng_seed: int) -> LinkFault:
    """The fault that a word asks for."""
    if mode in MODES:
        return LinkFault(1, "lie", cells, rng_seed=rng_seed, mode=mode, lag=LAG)
    return LinkFault(1, "lie", cells, rng_seed=rng_seed, mode="adversary", rule=rule_payload(folder.load(mode), "chip"))


def draw(
    victim: RuleFolder,
    mode: str,
    rng_seed: int,
    *,
    share: float = SHARE,
    turn_at: float = TURN_T,
    after: Sequence[float] = AFTER_T,
) -> tuple[list[float], NDArray[np.int8], list[int]]:
    """Losses over the honest cells at these times after some turned, the last states, and who the traitors are."""
    genome, target = victim.genome(), victim.target()
    if genome is None or target is None:
        raise BadInput(f"{victim.name}: no {'genome' if genome is None else 'target'}, expected an int8 rule folder")
    side = max(target.shape[0], 8)
    engine = native_engine(genome, say=lambda line: None)
    swarm = VirtualSwarm(side, side, False, engine, tag("adversary", victim.sha256), rng_seed, say=lambda line: None)
    swarm.poke("seed", [seed_cell(side, side)], battle.seed_state())
    swarm.run_until(turn_at)
    cells = battle.traitors(side, share, np.random.default_rng([rng_seed, 1]))
    swarm.set_faults([fault_of(mode, cells, rng_seed)])
    away = np.zeros(side * side, np.bool_)
    away[cells] = True
    losses = []
    for t in sorted(after):
        swarm.run_until(turn_at + t)
        losses.append(loss_log10(swarm.states(), target, None, away.reshape(side, side)))
    return losses, swarm.states(), cells


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m trainer.adversary.judge", description=__doc__)
    parser.add_argument("rule")
    parser.add_argument("modes", nargs="+", metavar="MODE")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=SHARE)
    given = parser.parse_args(argv)
    victim = folder.load(given.rule)
    found: dict[str, list[list[float]]] = {mode: [] for mode in given.modes}
    for number in range(given.draws):
        for mode in given.modes:
            losses, _, _ = draw(victim, mode, given.seed + number, share=given.share)
            found[mode].append(losses)
            print(
                f"draw {number + 1}, {mode}: {', '.join(f'{loss:.2f}' for loss in losses)}", file=sys.stderr, flush=True
            )
    rows = [
        {
            "mode": mode, "share": given.share, "T_after": list(AFTER_T),
            "median": [round(float(x), 2) for x in np.median(lines, axis=0)],
            "losses": [[round(x, 2) for x in line] for line in lines],
        }
        for mode, lines in found.items()
    ]  # fmt: skip
    print(json.dumps({"rule": victim.name, "turned_at_T": TURN_T, "draws": given.draws, "rows": rows}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
