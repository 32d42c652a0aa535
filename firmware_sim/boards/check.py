"""Is a board's machine code equal to chip.py, to the bit?  Golden, random and extreme inputs, function by function,
then a few wakes of the whole image through its line.

It judges, it does not measure.  Imports: numpy, avr, build, catalog, image, machine, trial, chip, genome.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_sim import chip
from firmware_sim.boards.avr import Avr
from firmware_sim.boards.image import Image
from firmware_sim.boards.machine import Machine
from firmware_sim.boards.trial import States, trial
from firmware_sim.genome import Genome
from firmware_sim.limits import ALPHA

WAKES = 5


@dataclass(frozen=True, slots=True)
class Check:
    """`updates` computed by the functions alone, `wakes` by the whole image; `wrong` of both together."""

    board: str
    updates: int
    wakes: int
    wrong: int
    genome_crc: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def check(image: Image, genome: Genome, updates: int, *, golden: States | None = None, rng_seed: int = 1) -> Check:
    """Compare at least `updates` updates of the image with chip.py for this genome (not the image's own)."""
    cells = samples(rng_seed, updates)
    if golden is not None:
        cells = np.concatenate([golden, cells])
    wrong = int((compute(image, cells) != chip.update(genome, cells)).any(axis=1).sum())
    story = trial(image, cells[-WAKES:])
    assert story.hello is not None
    return Check(image.board.name, len(cells), len(story.said), wrong + story.wrong, story.hello.genome_crc)


def compute(image: Image, cells: States) -> States:
    """[n, 3, 3, 16] -> [n, 16] by the image's begin, hear and step."""
    if image.board.family != "avr":
        return Machine(image).update(cells)
    with Avr(image) as avr:
        new: NDArray[np.int8] = np.stack([avr.update(cell)[0] for cell in cells])
    return new


def samples(rng_seed: int, count: int) -> States:
    """Faint, ordinary, wild and extreme neighbourhoods (-128 too), and some with a single living alpha."""
    rng = np.random.default_rng(rng_seed)
    shape = (-(-count // 5), 3, 3, 16)
    lonely = rng.integers(-5, 4, shape)
    lonely[:, :, :, ALPHA] = np.where(rng.random(shape[:3]) < 0.1, rng.integers(2, 6, shape[:3]), -1)
    extreme = rng.choice(np.array([-128, -127, 127]), shape)
    parts = [rng.integers(-5, 6, shape), rng.integers(-40, 41, shape), rng.integers(-128, 128, shape), extreme, lonely]
    cells: States = np.concatenate(parts).astype(np.int8)
    return cells[rng.permutation(len(cells))]
