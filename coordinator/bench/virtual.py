"""How fast virtual time passes: the batch twin beside the world of single cells. May import cellnode."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from cellnode.panel import Counter
from cellnode.topology import seed_cell, tag
from cellnode.virtual import VirtualSwarm
from coordinator.bench.registry import Options, Row
from firmware_sim import folder
from firmware_sim.engines import make_engine

INTERVALS = 40  # T; long enough for growth, short enough for the slow world


def measure(options: Options) -> Iterator[Row]:
    """One row an engine: updates per second of both worlds, their ratio, and times real time at the options' T."""
    height, width = options.grid
    rule = folder.load(options.rule)
    for name in ("numpy", "chip"):
        rates = {}
        for oracle in (False, True):
            engine = make_engine(name, rule)
            swarm = VirtualSwarm(height, width, False, engine, tag("bench", rule.sha256), 1, oracle=oracle)
            seed = np.zeros(16, engine.dtype)
            seed[3:] = 32 if engine.family == "int8" else 1
            swarm.run_until(4)
            swarm.poke("seed", [seed_cell(height, width)], seed.tobytes())
            before, begun = int(swarm.counters()[:, Counter.UPDATES].sum()), time.process_time()
            swarm.run_until(4 + INTERVALS)
            seconds = time.process_time() - begun
            rates[oracle] = (int(swarm.counters()[:, Counter.UPDATES].sum()) - before) / seconds
            if not oracle:
                faster = INTERVALS * options.interval_s / seconds
        yield {
            "engine": name,
            "updates_per_s": round(rates[False]),
            "updates_per_s_single_cells": round(rates[True]),
            "ratio": round(rates[False] / rates[True], 1),
            "times_real_time": round(faster, 1),
            "interval_s": options.interval_s,
        }
