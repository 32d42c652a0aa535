"""Weights as the chip will hold them, for training: what the forward pass sees is what the exported bytes mean.

The gradient passes straight through to the float weights.  Placeholder arithmetic lives nowhere else: the bytes are
`Genome.quantise`, the meaning is `Genome.dequantise`.  Imports numpy and firmware_sim.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from firmware_sim.limits import HIDDEN_RANGE, HIDDEN_STEPS
from firmware_sim.rule import Rule

MAX_SHIFT = 10


def as_on_chip(rule: Rule) -> Rule:
    hidden_step = HIDDEN_RANGE / HIDDEN_STEPS
    largest = max(float(np.abs(rule.w1).max()), 1e-6)
    shift = int(np.clip(np.floor(np.log2(127.49 * 256 * hidden_step / largest)), 1, MAX_SHIFT))
    unit1 = 256 * hidden_step / 2**shift
    w1 = np.clip(np.rint(rule.w1 / unit1), -127, 127) * unit1
    b1 = np.rint(rule.b1 / (unit1 / 256)) * (unit1 / 256)
    # unit2 = M / 2**S / (32 * hidden_step), M in 256..511
    want = max(float(np.abs(rule.w2).max()), 1e-4) / 127 * 32 * hidden_step
    s = int(np.clip(np.floor(np.log2(511 / want)), 1, 22))
    unit2 = max(1, np.ceil(want * 2**s)) / 2**s / (32 * hidden_step)
    w2 = np.clip(np.rint(rule.w2 / unit2), -127, 127) * unit2
    b2 = np.rint(rule.b2 / (hidden_step * unit2)) * (hidden_step * unit2)
    limits = replace(rule.limits, limit="round", hidden_max=HIDDEN_RANGE)
    return Rule(w1.astype(np.float32), b1.astype(np.float32), w2.astype(np.float32), b2.astype(np.float32), limits)
