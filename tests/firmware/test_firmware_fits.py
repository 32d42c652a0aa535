"""What fits.py tells without a compiler is what the compiler makes."""

from __future__ import annotations

import numpy as np
import pytest
from needs import boards

from firmware_sim.boards.build import build
from firmware_sim.boards.catalog import board
from firmware_sim.fits import CODE_BYTES
from firmware_sim.genome import Genome
from firmware_sim.limits import Limits
from firmware_sim.rule import Rule


@pytest.mark.parametrize("hidden", [16, 144])
@pytest.mark.parametrize("name", boards("atmega328p", "cortex-m0", "rv32imc", "rv32ec"))
def test_the_code_beside_a_genome_does_not_depend_on_it(name: str, hidden: int) -> None:
    rng = np.random.default_rng(hidden)
    w1, w2 = rng.normal(0, 0.05, (48, hidden)), rng.normal(0, 0.02, (hidden, 16))
    rule = Rule(
        w1.astype(np.float32), w1[0].astype(np.float32), w2.astype(np.float32), w2[0].astype(np.float32),
        Limits("round", hidden_max=2.4),
    )  # fmt: skip
    genome = Genome.quantise(rule)
    assert len(build(genome, board(name), check_fit=False).flash) == CODE_BYTES[name] + len(genome.to_bytes())
