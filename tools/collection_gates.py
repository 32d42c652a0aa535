"""What is good enough for the built-in collection: one rule by itself, and a motif over several training seeds.

Reads judgements as tools/collection.py keeps them; trains and judges nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from firmware_sim.cuts import CUTS

GROWN_GAIN, HEALED_GAIN = 1.4, 1.2  # any picture, log10 better than an empty grid
GROWN_LIZARD, HEALED_LIZARD = -3.0, -2.5  # the article's, in log10 loss
WIDE = "async_200T_wide"  # 200 T on a grid so large that no border helps the rule to stop
ROUNDS = (  # of training, by the number that a judgement keeps; most begin with the rule of the one before
    "", "-longer", "-healing", "-last", "-squares", "-both", "-again", "-staged", "-ladybug", "-ladybug-again"
)  # fmt: skip
LADYBUG, STAGED = ROUNDS.index("-ladybug"), ROUNDS.index("-staged")  # from another motif's weights; --quick, from none
HEALING = ("async_100T", *(f"cut_{name}_200T" for name in CUTS))

Kept = dict[str, Any]


def good(kept: Kept, motif: str) -> bool:
    """Whether a judged rule meets the gates of its regime."""
    row, blank = kept["int8"], kept["blank"]
    grown = GROWN_LIZARD if motif == "lizard" else blank - GROWN_GAIN
    healed = HEALED_LIZARD if motif == "lizard" else blank - HEALED_GAIN
    if kept["regime"] == "growing":  # beyond 48 T it promises nothing
        return bool(row["async_48T"] <= grown)
    if kept["regime"] == "persistent":
        return bool(max(row["async_100T"], row["async_400T"]) <= grown)
    return bool(row["async_100T"] <= grown and all(row[name] <= healed for name in HEALING[1:]))


def shipped(kept: Kept, motif: str) -> bool:
    """Whether it may come with the project: good, and, where it is to stay, no runaway where there is room to run."""
    return good(kept, motif) and (kept["regime"] == "growing" or kept["int8"][WIDE] <= kept["blank"] - HEALED_GAIN)


def over_seeds(judged: Sequence[Kept]) -> Kept:
    """One judgement of a regenerating motif from those of its seeds: the median of each loss."""
    row = {name: float(np.median([kept["int8"][name] for kept in judged])) for name in HEALING}
    return judged[0] | {"int8": row}
