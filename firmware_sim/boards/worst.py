"""The most an update can cost with a genome's scalars: measured on genomes that take the longest way through the code.

What a kernel's time depends on: how many hidden units are on (all of them, here), the shifts of biases, sums and output
(the genome's own), and, where a chip has no multiplier, the bits of the weights (all that there are). Flags and the
saturation of the output cost a few cycles either way, so several such genomes and states are tried.
Imports: numpy, avr, cycles, image, genome.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from firmware_sim.boards.avr import Avr
from firmware_sim.boards.cycles import cost
from firmware_sim.boards.image import Image
from firmware_sim.boards.trial import States
from firmware_sim.errors import BadInput
from firmware_sim.genome import Genome

HIDDEN = 100  # a hidden value that no shortcut catches
LARGEST_M = (43_000, 21_000, 1)  # the first that the loader lets pass saturates every output that can saturate
OUTPUTS = (32_767, -32_768, 0)


def longest_ways(genome: Genome, weight: int) -> Iterator[Genome]:
    """Genomes with these scalars whose hidden units are all on: outputs saturated above, below, and not at all."""
    bias = min(max((HIDDEN << genome.shift) >> genome.b1_shift, 1), 32_767) << genome.b1_shift
    for output in OUTPUTS:
        for m in LARGEST_M:
            try:
                yield replace(
                    genome,
                    w1=np.full_like(genome.w1, weight),
                    b1=np.full_like(genome.b1, bias),
                    w2=np.full_like(genome.w2, weight),
                    b2=np.full_like(genome.b2, output),
                    m=m,
                )
                break
            except BadInput:
                continue


def cycles_bound(image: Image) -> int:
    """Cycles (on 32-bit boards: of their model) that no update with the scalars of this image's genome exceeds."""
    genome, (start, _) = image.genome(), image.genome_span()
    worst = 0
    for weight in (0,) if image.board.family == "avr" else (-128, -127):
        for twin in longest_ways(genome, weight):
            worst = max(worst, _cycles(image.patched(start, twin.to_bytes())))
    return worst


def _cycles(image: Image) -> int:
    if image.board.family != "avr":
        return max(cost(image, sample).cycles for sample in _states())
    with Avr(image) as avr:
        return max(avr.update(sample)[1] for sample in _states())


def _states() -> list[States]:
    """Alive and alike everywhere, so that no Sobel sum disturbs the biases; the alphas rise from slot to slot."""
    calm = np.full((3, 3, 16), 50, np.int8)
    deep = np.full((3, 3, 16), -127, np.int8)
    for sample in (calm, deep):
        sample.reshape(9, 16)[:, 3] = np.arange(4, 13)
    return [calm, deep]
