"""The substrate of virtual time: `cellnode.virtual.VirtualSwarm` behind the same interface as real processes.

A run lives in this process only and takes as long as its arithmetic; it can be lived again, to compare. May import
cellnode.virtual, numpy, and the coordinator's rerun and interface.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellnode.book import CHUNK_ROWS, Book
from cellnode.messages import LinkFault, Placement, RulePayload
from cellnode.panel import Counter, Phase
from cellnode.rows import ends
from cellnode.virtual import VirtualSwarm, World
from coordinator.camera import Sight
from coordinator.rerun import By, Check, Rerun
from coordinator.substrate import NO_NETWORK, Cells, HostNetwork, OnProgress, Progress
from firmware_sim.engines import Engine
from firmware_sim.errors import BadInput
from firmware_sim.limits import STATE_STEP

LATE = ("delay", "reorder", "duplicate", "rate", "hold")  # faults with which a state used may not be the newest


@dataclass(frozen=True, slots=True)
class Glance:
    """The states alone, without what the cells counted: most of a look's cost is in that."""

    on: NDArray[np.bool_]
    states: NDArray[np.float32]

    @property
    def alive(self) -> int:
        """How many cells have power."""
        return int(self.on.sum())


class VirtualSubstrate:
    """All cells have power from the start; there is nothing to launch and nothing to leave behind."""

    name = "virtual"
    hosts = 1

    def __init__(
        self,
        height: int,
        width: int,
        torus: bool,
        engine: Engine,
        tag: int,
        rng_seed: int,
        interval_ns: int,
        others: Sequence[tuple[Sequence[int], Engine]] = (),
        say: Callable[[str], None] | None = None,
        rule: RulePayload | None = None,
        record: Placement | None = None,
    ) -> None:
        self._book = None if record is None else Book(record)
        self._written_ns = 0  # what had happened by then is in the book's chunks

        def make(world: World) -> VirtualSwarm:
            swarm = (height, width, torus, engine, tag, rng_seed, interval_ns)
            tell = self._book.take if self._book is not None and world == "fastest" else None  # the first life only
            return VirtualSwarm(*swarm, others=others, world=world, say=say, rule=rule, tell=tell)

        self._rerun = Rerun(make)
        self._swarm = self._rerun.swarm
        self._scale = np.float32(STATE_STEP if engine.family == "int8" else 1.0)
        self._lives = np.ones(height * width, np.uint64)
        self._born_with = self._swarm.counters() * np.uint64(0)  # counters at birth: a page would start at zero
        self._cpu_ns = 0
        self._delayed = False

    def launch(self, on_progress: OnProgress) -> None:
        cells = self._lives.size
        on_progress(Progress("running", cells, cells, cells, cells))

    def look(self, *, ages: bool = False) -> Sight:
        on = self._swarm.on.copy()
        counters = np.where(on[:, None], self._swarm.counters() - self._born_with, np.uint64(0))
        if on.any():  # what the arithmetic cost, booked on the first cell so that sums are right
            counters[int(on.argmax()), Counter.CPU_NS] = self._cpu_ns
        known = np.array([np.nan if self._delayed else 0.0])  # without delays every state used is the newest
        return Sight(
            at_ns=time.monotonic_ns(),
            on=on,
            pids=np.zeros(on.size, np.uint32),
            phases=np.where(on, np.uint32(Phase.LINKED), np.uint32(Phase.OFF)),
            lives=np.where(on, self._lives, np.uint64(0)),
            counters=counters,
            states=self._swarm.states().astype(np.float32) * self._scale,
            ages_intervals=known if ages else np.zeros(0),
            heard=self._swarm.heard() if ages else None,
        )

    def glance(self) -> Glance:
        return Glance(self._swarm.on.copy(), self._swarm.states().astype(np.float32) * self._scale)

    def now_ns(self) -> int:
        return self._swarm.now_ns

    def advance(self, until_ns: int) -> None:
        before = time.process_time_ns()
        self._rerun.run_until(until_ns)
        self._cpu_ns += time.process_time_ns() - before
        if self._book is not None and self._book.waiting >= CHUNK_ROWS:
            self._write(self._book)

    def power(self, cells: Cells, on: bool) -> list[int]:
        cells = cells[self._swarm.on[cells] != on]
        numbers = cells.tolist()
        self._rerun.do(lambda swarm: swarm.power(numbers, on))
        if self._book is not None and not on:
            self._book.take(ends(cells, self._lives[cells], self._swarm.now_ns, self._book.values))
        if on:
            self._lives[cells] += np.uint64(1)
            self._born_with[cells] = self._swarm.counters()[cells]
        return []

    def freeze(self, cells: Cells, frozen: bool) -> list[int]:
        numbers = cells.tolist()
        self._rerun.do(lambda swarm: swarm.freeze(numbers, frozen))
        return []

    def stopped(self, cells: Cells) -> int:
        return int(self._swarm.frozen[cells].sum())

    def kill_agent(self) -> int:
        raise BadInput("fault agent_kill: in virtual time there is no agent; use --substrate processes")

    def network(self) -> HostNetwork:
        raise BadInput(NO_NETWORK)

    def poke(self, kind: str, cells: Cells, state: bytes) -> list[int]:
        numbers = cells.tolist()
        self._rerun.do(lambda swarm: swarm.poke(kind, numbers, state))
        return []

    def fit(self, cells: Cells, port: str | None) -> list[int]:
        raise BadInput("a real board needs real time: use --substrate processes")

    def boards(self) -> dict[int, str]:
        return {}

    def set_faults(self, faults: list[LinkFault]) -> list[int]:
        self._delayed |= any(fault.kind in LATE for fault in faults)
        wanted = list(faults)
        self._rerun.do(lambda swarm: swarm.set_faults(wanted))
        return []

    def again(self, by: By) -> Check:
        """Live it all a second time and compare the bytes."""
        return self._rerun.again(by)

    def set_interval(self, interval_ns: int) -> list[int]:
        raise BadInput("virtual time has no interval to calibrate")

    def set_paused(self, paused: bool) -> list[int]:
        return []  # virtual time stands still unless somebody waits

    def cpu_us_per_update(self) -> float | None:
        return None

    def processes(self) -> int:
        return 0

    def gone(self, before: Sight, cells: Cells) -> int:
        return int((before.on[cells] & ~self._swarm.on[cells]).sum())

    def held_off(self) -> list[int]:
        return [int(cell) for cell in np.flatnonzero(~self._swarm.on)]

    def lost(self) -> bool:
        return False

    def recover(self, on_progress: OnProgress) -> None:
        return

    def troubles(self) -> list[str]:
        return []

    def keep_log(self, folder: Path) -> None:
        return

    def stop(self) -> None:
        if self._book is not None:
            self._write(self._book)
            self._book.end("stopped", self._swarm.now_ns)

    def leave(self) -> None:
        self.stop()

    def _write(self, book: Book) -> None:
        book.write(self._written_ns, self._swarm.now_ns)
        self._written_ns = self._swarm.now_ns
