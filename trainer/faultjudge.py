"""Five lines of trouble in virtual time: `python -m trainer.judge --faults RULE` prints what a rule is worth in each.

The swarm is the real one (cellnode.virtual: clocks, mailboxes, link faults, lives) with the chip's arithmetic, grown
from one seed; nothing of how a rule is trained enters. A cell that is dead for ever has no power from the start.
Every draw is a job of its own, shared out over the cores; which core computes it changes nothing. It needs no torch.
Imports numpy, cellnode, firmware_sim and the list of lines.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from cellnode.messages import LinkFault
from cellnode.topology import seed_cell, tag
from cellnode.virtual import VirtualSwarm
from cellnode.workers import spread
from firmware_sim.engines import Engine
from firmware_sim.errors import BadInput
from firmware_sim.folder import RuleFolder
from firmware_sim.loss import loss_log10
from firmware_sim.native import native_engine
from firmware_sim.rule import Floats, seed
from trainer.hardscore import CRASH_T, END_T, LINES, Line

Say = Callable[[str], None]

GRIDS = (40, 72)
LINK_STREAM, CELL_STREAM = 1, 2


@dataclass(frozen=True, slots=True)
class Job:
    """One draw."""

    line: Line
    side: int
    rng_seed: int

    def __str__(self) -> str:
        return f"{self.side}x{self.side}, {self.line.name}, seed {self.rng_seed}"


@dataclass(frozen=True, slots=True)
class Judged:
    """The losses of one line on one grid, one per draw."""

    line: Line
    side: int
    losses: tuple[float, ...]

    @property
    def median(self) -> float:
        return float(np.median(self.losses))

    @property
    def met(self) -> bool:
        return self.median <= self.line.limit


def judge(
    found: RuleFolder,
    draws: int,
    rng_seed: int,
    grids: tuple[int, ...] = GRIDS,
    cores: int = 1,
    say: Say = lambda _line: None,
) -> list[Judged]:
    """All lines on all grids; `say` hears of each draw as it ends. BadInput for a rule without a genome or a target."""
    genome, target = found.genome(), found.target()
    if genome is None or target is None:
        raise BadInput(f"{found.name} has no {'genome' if genome is None else 'target'}: expected an int8 rule folder")
    native_engine(genome)  # compiled, or its absence told, once and not by every worker
    jobs = [Job(line, side, rng_seed + i) for side in grids for line in LINES for i in range(draws)]
    jobs.sort(key=lambda job: (job.line.delay, job.side), reverse=True)  # the longest first
    losses: dict[Job, float] = {}
    begun = time.monotonic()

    def done(place: int, loss: float) -> None:
        losses[jobs[place]] = loss
        say(f"[{len(losses)}/{len(jobs)}, {time.monotonic() - begun:.0f} s] {jobs[place]}: {loss:.2f}")

    spread(partial(worker, found), jobs, cores, done)
    return [
        Judged(line, side, tuple(losses[Job(line, side, rng_seed + i)] for i in range(draws)))
        for side in grids
        for line in LINES
    ]


def worker(found: RuleFolder) -> Callable[[Job], float]:
    """What a process keeps between its draws."""
    genome, target = found.genome(), found.target()
    assert genome is not None and target is not None
    engine, sha256 = native_engine(genome), found.sha256
    return lambda job: one(engine, sha256, target, job.line, job.side, job.rng_seed)


def one(engine: Engine, sha256: str, target: Floats, line: Line, side: int, rng_seed: int) -> float:
    """Grow one swarm under one line's trouble for END_T intervals; the log10 loss over the cells that have power."""
    swarm = VirtualSwarm(side, side, False, engine, tag("faults", sha256), rng_seed)
    rng = np.random.default_rng([rng_seed, CELL_STREAM])
    cells, middle = list(range(side * side)), seed_cell(side, side)
    dead = [cell for cell in np.flatnonzero(rng.random(side * side) < line.dead).tolist() if cell != middle]
    swarm.power(dead, False)
    swarm.set_faults(_link_faults(line, cells, rng_seed))
    swarm.poke("seed", [middle], np.rint(seed(1, 1)[0, 0] * 32).astype(np.int8).tobytes())
    if line.crash:
        swarm.run_until(CRASH_T)
        crashed = np.flatnonzero(rng.random(side * side) < line.crash).tolist()
        swarm.power(crashed, False)
        swarm.power(crashed, True)
    swarm.run_until(END_T)
    return loss_log10(swarm.states(), target, None, ~swarm.on.reshape(side, side))


def table(judged: list[Judged]) -> list[dict[str, object]]:
    """Plain values for JSON."""
    return [
        {
            "grid": j.side, "line": j.line.name, "limit": j.line.limit, "median": round(j.median, 2), "met": j.met,
            "losses": [round(loss, 2) for loss in j.losses],
        }
        for j in judged
    ]  # fmt: skip


def _link_faults(line: Line, cells: list[int], rng_seed: int) -> list[LinkFault]:
    faults = []
    if line.loss:
        faults.append(LinkFault(1, "loss", cells, rate=line.loss, rng_seed=rng_seed + LINK_STREAM))
    if line.delay:
        faults.append(LinkFault(2, "delay", cells, delay_intervals=float(line.delay), rng_seed=rng_seed + LINK_STREAM))
    return faults
