"""Energy, as if every cell were a chip: what the page needs to reckon it, for the chip that somebody chooses there.

The page gets counts (computed updates, bytes on the chip's line) and what one of each costs; so one frame serves
viewers of every chip. May import numpy, the panel's counters, the copy of a run's rule and firmware_sim's estimate.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.panel import Counter
from coordinator import opening
from coordinator.runfolder import RunFolder
from firmware_sim.boards.catalog import MAIN_BOARDS
from firmware_sim.energy import HEARD_BYTES, SAID_BYTES, WAKE_BYTES, estimate
from firmware_sim.errors import PlanariaError

Counts = NDArray[Any]  # of one counter each, all of one type
NEEDED = [Counter.UPDATES, Counter.SKIPPED, Counter.SAID, Counter.HEARD]


def chips_of(folder: RunFolder) -> list[dict[str, Any]]:
    """What an update of the run's rule and a byte on the line cost on each chip; none where no rule can be read."""
    try:
        rule = opening.copy_of_rule(folder)
        found = [estimate(rule.genome() or rule.rule(), name) for name in MAIN_BOARDS]
    except (PlanariaError, IndexError):
        return []
    return [
        {
            "board": each.board,
            "chip": each.chip,
            "uj_update": each.microjoules_per_update,
            "uj_byte": each.microjoules_per_byte,
            "source": each.source,
        }
        for each in found
    ]


def counted(wakes: Counts, skipped: Counts, said: Counts, heard: Counts) -> tuple[Counts, Counts]:
    """Computed updates, and bytes on the line, of the counters NEEDED."""
    computed: Counts = wakes - np.minimum(skipped, wakes)
    return computed, WAKE_BYTES * wakes + SAID_BYTES * said + HEARD_BYTES * heard
