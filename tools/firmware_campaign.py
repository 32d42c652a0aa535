"""The long comparison of all chips, kept in docs/firmware/results.md: equality, a swarm of ARM code, budgets.

`python -m tools.firmware_campaign` (about ten minutes on one core); the short form of each line is a test.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import numpy as np

from cellnode.virtual import VirtualSwarm
from firmware_sim import chip, folder
from firmware_sim.boards.budget import budget, table
from firmware_sim.boards.build import build
from firmware_sim.boards.catalog import MAIN_BOARDS, board
from firmware_sim.boards.check import compute, samples
from firmware_sim.boards.qemu import QEMU, qemu_trial
from firmware_sim.boards.trial import States
from firmware_sim.engines import make_engine
from firmware_sim.errors import BadInput
from firmware_sim.genome import Genome
from tools import firmware_noise

OUT = Path(__file__).parents[1] / "docs" / "firmware" / "results.md"
UPDATES = {"native": 1_000_000, "cortex-m0": 100_000, "rv32imc": 100_000, "rv32ec": 25_000, "atmega328p": 2_000}
RANDOM_GENOMES = 4  # besides the built-in rules; each takes an equal share of the updates
SWARM_SIDE, SWARM_INTERVALS = 40, 24.0
QEMU_UPDATES = 500
SEED = np.array([0, 0, 0, *[32] * 13], np.int8)


def random_genome(rng_seed: int) -> Genome:
    """Any bytes, half of the time only extremes."""
    rng = np.random.default_rng(rng_seed)
    low_high = np.array([-128, 127]) if rng_seed % 2 else np.arange(-128, 128)
    for m in (0xFFFF, 511, 255, 100, 1):
        try:
            return Genome(
                w1=rng.choice(low_high, (48, 64)).astype(np.int8),
                b1=(rng.integers(-32768, 32768, 64) << 4).astype(np.int32),
                w2=rng.choice(low_high, (64, 16)).astype(np.int8),
                b2=rng.integers(-32768, 32768, 16).astype(np.int16),
                shift=int(rng.integers(6, 14)),
                m=m,
                s=int(rng.integers(12, 23)),
                half1=bool(rng_seed & 2),
                half2=bool(rng_seed & 2),
                b1_shift=4,
            )
        except BadInput:
            continue
    raise AssertionError("M = 1 always fits")


def genomes() -> list[Genome]:
    built_in = [folder.load(name).genome() for name in folder.builtin_names()]
    return [g for g in built_in if g is not None] + [random_genome(seed) for seed in range(RANDOM_GENOMES)]


def compared(name: str, genome: Genome, cells: States) -> int:
    """How many of the new states differ from chip.py."""
    found = make_engine("native", genome).update(cells) if name == "native" else None
    if found is None:
        found = compute(build(genome, board(name), check_fit=False), cells)
    return int((found != chip.update(genome, cells)).any(axis=1).sum())


def main() -> int:
    lines = ["# Firmware: measured", "", "Made by `python -m tools.firmware_campaign`.", "", "## Equal to the bit", ""]
    lines += ["| machine code | genomes | updates | different | seconds |", "|---|---|---|---|---|"]
    wrong = 0
    chosen = genomes()
    for name, updates in UPDATES.items():
        began, different, done = time.monotonic(), 0, 0
        for number, genome in enumerate(chosen):
            cells = samples(number, -(-updates // len(chosen)))
            different += compared(name, genome, cells)
            done += len(cells)
        wrong += different
        lines.append(f"| {name} | {len(chosen)} | {done:,} | {different} | {time.monotonic() - began:.0f} |")
        print(lines[-1], flush=True)
    if shutil.which(QEMU):
        story = qemu_trial(build(chosen[0], board("cortex-m0")), samples(9, QEMU_UPDATES), timeout_s=300)
        wrong += story.wrong
        lines.append(f"| cortex-m0, whole image in QEMU | 1 | {len(story.said):,} | {story.wrong} | |")
        print(lines[-1], flush=True)
    lines += swarm()
    rules = [(name, folder.load(name).genome()) for name in folder.builtin_names()]
    budgets = [
        budget(g, board(b), name) for name, g in rules if g is not None for b in (*MAIN_BOARDS, "atmega328p-fast")
    ]
    lines += ["", "## Budgets", "", "```", table(budgets), "```", ""]
    lines += ["## What the checksum is worth", "", "`python -m tools.firmware_noise`", "", *firmware_noise.table(), ""]
    OUT.write_text("\n".join(lines))
    return int(wrong > 0)


def swarm() -> list[str]:
    """A whole swarm as Cortex-M0 code and as native code, from the same seed in virtual time."""
    genome = folder.load("lizard").genome()
    assert genome is not None
    grids, seconds = [], []
    for name in ("unicorn", "native"):
        began = time.monotonic()
        virtual = VirtualSwarm(SWARM_SIDE, SWARM_SIDE, False, make_engine(name, genome), 1, 5, 1_000_000_000)
        virtual.poke("seed", [SWARM_SIDE // 2 * SWARM_SIDE + SWARM_SIDE // 2], SEED.tobytes())
        virtual.run_until(SWARM_INTERVALS)
        grids.append(virtual.states())
        seconds.append(time.monotonic() - began)
    same = np.array_equal(grids[0], grids[1])
    living = int((grids[0][..., 3] > 3).sum())
    return [
        "",
        f"A {SWARM_SIDE}x{SWARM_SIDE} swarm for {SWARM_INTERVALS:g} T in virtual time, every cell as Cortex-M0 code: "
        f"{'byte-identical to' if same else 'DIFFERENT FROM'} native code ({living} living cells; "
        f"{seconds[0]:.0f} s against {seconds[1]:.0f} s).",
    ]


if __name__ == "__main__":
    sys.exit(main())
