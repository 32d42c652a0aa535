"""How fast virtual time passes: the three worlds side by side, while a picture grows, when it is there, and under
faults of links, of what cells say and of the chips that compute them. May import cellnode."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from cellnode.harm import Harm, encode
from cellnode.messages import LinkFault
from cellnode.panel import Counter
from cellnode.payload import rule_payload
from cellnode.topology import seed_cell, tag
from cellnode.virtual import VirtualSwarm, World
from coordinator.bench.registry import Options, Row
from firmware_sim import folder
from firmware_sim.engines import Engine, make_engine
from firmware_sim.folder import RuleFolder

BORN = 4.0  # T before the seed: all have greeted each other
GROWN = 104.0
REST = (GROWN, GROWN + 40.0)
PHASES = {
    "growing": (BORN, 44.0),
    "at rest": REST,
    "at rest, 30 % lost": REST,
    "at rest, 16 liars": REST,
    "at rest, 1 % of the genomes flipped": REST,
    "at rest, 0.01 % of the sums upset": REST,
}
WORLDS: dict[str, tuple[World, ...]] = {"numpy": ("arrays", "cells"), "chip": ("native", "arrays", "cells")}
DRAWS: dict[World, int] = {"native": 20}  # swarms timed together; one where that takes seconds


def measure(options: Options) -> Iterator[Row]:
    """One row an engine, phase and world; the first world of a phase is the one that `--substrate virtual` takes."""
    rule = folder.load(options.rule)
    for name, worlds in WORLDS.items():
        engine = make_engine(name, rule)
        for phase in PHASES if name == "chip" else ("growing",):
            rates: dict[World, tuple[float, float]] = {}
            for world in worlds if phase == "growing" else worlds[:2]:
                rates[world] = _rates(rule, engine, options.grid, world, phase)
            for world, (updates_per_s, intervals_per_s) in rates.items():
                yield {
                    "engine": name,
                    "phase": phase,
                    "world": world,
                    "updates_per_s": round(updates_per_s),
                    "ratio_to_arrays": round(updates_per_s / rates["arrays"][0], 2),
                    "times_real_time": round(intervals_per_s * options.interval_s, 1),
                    "interval_s": options.interval_s,
                }


def _rates(rule: RuleFolder, engine: Engine, grid: tuple[int, int], world: World, phase: str) -> tuple[float, float]:
    """(updates, T) a second of processor time, over all draws of a world."""
    height, width = grid
    begin, end = PHASES[phase]
    draws = DRAWS.get(world, 1)
    updates, seconds = 0, 0.0
    seed = np.zeros(16, engine.dtype)
    seed[3:] = 32 if engine.family == "int8" else 1
    for rng_seed in range(1, draws + 1):
        name, chip = tag("bench", rule.sha256), rule_payload(rule, engine.name)
        swarm = VirtualSwarm(height, width, False, engine, name, rng_seed, world=world, rule=chip)
        swarm.run_until(BORN)
        swarm.poke("seed", [seed_cell(height, width)], seed.tobytes())
        swarm.run_until(begin)
        _strike(swarm, phase)
        before, begun = int(swarm.counters()[:, Counter.UPDATES].sum()), time.process_time()
        swarm.run_until(end)
        seconds += time.process_time() - begun
        updates += int(swarm.counters()[:, Counter.UPDATES].sum()) - before
    return updates / seconds, draws * (end - begin) / seconds


def _strike(swarm: VirtualSwarm, phase: str) -> None:
    """Let the fault begin that a phase is named after."""
    everybody = range(swarm.height * swarm.width)
    middle = seed_cell(swarm.height, swarm.width)
    if "lost" in phase:
        swarm.set_faults([LinkFault(1, "loss", list(everybody), 0.3)])
    elif "liars" in phase:
        near = sorted(everybody, key=lambda cell: abs(cell - middle))[:16]
        swarm.set_faults([LinkFault(1, "lie", near, mode="random")])
    elif "genomes" in phase:
        swarm.poke("harm", everybody[::100], encode(Harm(1, "genome_flip", {"count": 1}, 1)))
    elif "sums" in phase:
        swarm.poke("harm", everybody, encode(Harm(1, "accumulator_flip", {"rate": 0.0001, "count": 1}, 1)))
