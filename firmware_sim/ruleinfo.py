"""`rule.json` of a rule folder: what stands in it, field by field. Reads and checks no file. Imports: msgspec, genome,
limits.
"""

from __future__ import annotations

import msgspec

from firmware_sim.genome import Genome
from firmware_sim.limits import CHANNELS

FORMAT = 1
REGIMES = ("growing", "persistent", "regenerating", "unknown")

Scalar = str | int | float | bool | None


class TargetInfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The picture in `target.png`, unpadded; `premultiplied`: its RGB holds alpha already, as the loss reads it."""

    height: int
    width: int
    premultiplied: bool = True
    source: str = ""


class Quantisation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The header of `genome.bin`, for the reader's eye."""

    hidden: int
    k: int
    shift: int
    m: int
    s: int
    alive: int
    half1: bool
    half2: bool
    b1_shift: int


class RuleInfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`rule.json`.  `limits` holds the four values of limits.py, `files` the sha256 of every other file.

    `losses` are those its training ended with.  `scores`, where somebody judged it at length, are medians over draws in
    int8 asynchrony (trainer/judge.py), and `fate` is what becomes of it in 2,000 synchronous steps.
    """

    format: int = FORMAT
    name: str
    regime: str = "unknown"
    channels: int = CHANNELS
    hidden: int | None = None
    limits: dict[str, str | float | None]
    target: TargetInfo | None = None
    losses: dict[str, float | None] = {}
    scores: dict[str, float | None] = {}
    fate: str = ""
    quantisation: Quantisation | None = None
    files: dict[str, str]
    versions: dict[str, str] = {}
    origin: str = ""
    credit: str = ""
    trained: dict[str, Scalar] = {}


def quantisation_of(genome: Genome) -> Quantisation:
    return Quantisation(**{field: getattr(genome, field) for field in Quantisation.__struct_fields__})
