"""Weights as the chip will hold them, for the forward pass of training: what is learned is what the exported bytes
mean.

The bytes are `Genome.quantise`, the meaning is `Genome.dequantise`; no arithmetic of their own lives here.  The
gradient passes straight through to the float weights.  A rule no chip holds (another channel count) keeps its float
weights; its states are still limited.  Imports firmware_sim only.
"""

from __future__ import annotations

from firmware_sim.genome import HIDDEN_MAX, HIDDEN_MIN, Genome
from firmware_sim.limits import CHANNELS, HIDDEN_RANGE
from firmware_sim.rule import Rule


def fits_a_chip(rule: Rule) -> bool:
    return rule.channels == CHANNELS and HIDDEN_MIN <= rule.hidden <= HIDDEN_MAX


def as_on_chip(rule: Rule) -> Rule:
    """The float twin of the genome of `rule`; BadInput when a bias or a weight outgrew what the genome can hold."""
    if not fits_a_chip(rule):
        return rule
    return Genome.quantise(rule).dequantise(rule.limits.hidden_max or HIDDEN_RANGE)
