"""How large a swarm in virtual time may be: memory and speed by the number of cells, a picture on each 40x40 of them.

May import cellnode.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from cellnode.panel import Counter
from cellnode.topology import tag
from cellnode.virtual import VirtualSwarm
from coordinator.bench.registry import Options, Row
from firmware_sim import folder
from firmware_sim.engines import make_engine

SIDES = (40, 80, 160, 256)
TILE = 40
BORN, GROWN, END = 4.0, 64.0, 84.0  # in T


def measure(options: Options) -> Iterator[Row]:
    """One row a grid: memory of the swarm, and its speed over 20 T when all pictures have grown."""
    rule = folder.load(options.rule)
    engine = make_engine("chip", rule)
    for side in SIDES:
        swarm = VirtualSwarm(side, side, False, engine, tag("bench", rule.sha256), 1)
        swarm.run_until(BORN)
        swarm.poke("seed", _middles(side), np.array([0] * 3 + [32] * 13, np.int8).tobytes())
        swarm.run_until(GROWN)
        done, begun = int(swarm.counters()[:, Counter.UPDATES].sum()), time.process_time()
        swarm.run_until(END)
        seconds = time.process_time() - begun
        yield {
            "grid": f"{side}x{side}",
            "cells": side * side,
            "pictures": len(_middles(side)),
            "world": swarm.world,
            "mib": round((swarm.nbytes or 0) / 2**20, 1),
            "updates_per_s": round((int(swarm.counters()[:, Counter.UPDATES].sum()) - done) / seconds),
            "ms_per_T": round(1000 * seconds / (END - GROWN), 2),
            "times_real_time": round((END - GROWN) * options.interval_s / seconds, 1),
            "interval_s": options.interval_s,
        }


def _middles(side: int) -> list[int]:
    """The middle cell of each whole tile."""
    places = range(TILE // 2, side - TILE // 2 + 1, TILE)
    return [row * side + column for row in places for column in places]
