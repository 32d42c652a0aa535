"""A recorded run without processes: real cells, black boxes and a keeper, under time that only the tests let pass."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cellnode import draws, panel
from cellnode.blackbox import RecordedPage
from cellnode.cell import Cell
from cellnode.keeper import Keeper
from cellnode.messages import Placement
from cellnode.payload import rule_payload
from cellnode.runtime import Runtime
from cellnode.topology import neighbours
from coordinator.hands import seed_state
from coordinator.recording import seals
from coordinator.runfolder import RunFolder, RunInfo, RunState
from firmware_sim import folder as rules
from firmware_sim.engines import Engine, make_engine

T = 500_000_000
ZERO = 1_000 * T  # the seed is planted then
TAG, SEED = 77, 5


class Recorded:
    """`side` x `side` cells of rule dot; `engine_of` says what a cell computes by, if not by the right engine."""

    def __init__(
        self,
        where: Path,
        side: int = 5,
        engine: str = "chip",
        engine_of: Callable[[int, Engine], Engine] = lambda _cell, engine: engine,
        size_max: int = 1 << 30,
    ) -> None:
        rule = rules.load("dot")
        self.side, self.engine = side, make_engine(engine, rule)
        self._engine_of = engine_of
        self.folder = RunFolder.create(where / "run", _info(rule.sha256, side, engine), rule.path)
        self.folder.write_state(RunState(zero_ns=ZERO, interval_ns=T))
        self._runtime = Runtime(where / "host")
        self._runtime.create()
        self._table = neighbours(side, side).tolist()
        self.placement = Placement(
            run="recorded",
            epoch=1,
            height=side,
            width=side,
            torus=False,
            cells=list(range(side * side)),
            rule=rule_payload(rule, engine),
            tag=TAG,
            rng_seed=SEED,
            interval_ns=T,
            record=str(self.folder.recording),
        )
        panel.create(self._runtime.panel, side * side, 1, 16 * self.engine.dtype.itemsize)
        self.keeper = Keeper(self.placement, self._runtime, np.arange(side * side), size_max)
        self.keeping = True  # the agent looks at the rings
        self.now_ns = ZERO
        self.cells: dict[int, tuple[Cell, RecordedPage]] = {}
        self.said: list[tuple[int, int, bytes]] = []  # (time, cell, state)
        self._lives = [0] * side * side
        for cell in range(side * side):
            self.revive(cell)

    def revive(self, number: int) -> None:
        """A new process, empty."""
        self._lives[number] += 1
        life, values = self._lives[number], 16 * self.engine.dtype.itemsize
        page = RecordedPage(self._runtime.panel, number, number, 1, life, self._runtime.rings, values)
        clock, engine = draws.clock(SEED, number, 1, life), self._engine_of(number, self.engine)
        cell = Cell(number, self._table[number], TAG, 1, life, T, engine, clock, self.now_ns, page.counters)
        self.cells[number] = cell, page

    def kill(self, number: int) -> None:
        """SIGKILL, reaped."""
        del self.cells[number]
        self.keeper.died(number, self._lives[number], self.now_ns)

    def seed(self, number: int, *, declared: bool = True) -> None:
        self._given("seed", number, declared, lambda cell: cell.seed(seed_state(self.engine), self.now_ns))

    def erase(self, number: int, *, declared: bool = True) -> None:
        self._given("erase", number, declared, lambda cell: cell.erase(self.now_ns))

    def run(self, intervals: float) -> None:
        """Let this many T pass."""
        until_ns = self.now_ns + round(intervals * T)
        while True:
            due = [(cell.next_wake_ns, number) for number, (cell, _) in self.cells.items() if cell.next_wake_ns]
            if not due or min(due)[0] > until_ns:
                break
            self.now_ns, number = heapq.nsmallest(1, due)[0]
            self._wake(number)
            if self.keeping:
                self.keeper.tick(self.now_ns)
        self.now_ns = until_ns

    def stop(self) -> RunFolder:
        self.keeper.close(self.now_ns)
        self.folder.event("recorded", self.t, seals=seals(self.folder))
        return self.folder

    @property
    def t(self) -> float:
        return (self.now_ns - ZERO) / T

    def _wake(self, number: int) -> None:
        cell, page = self.cells[number]
        frame = cell.wake(self.now_ns)
        if frame is None:
            return
        page.show_state(cell, self.now_ns, self.now_ns)
        self.said.append((self.now_ns, number, cell.state_bytes))
        for neighbour in self._table[number]:
            if neighbour in self.cells:
                self.cells[neighbour][0].receive(frame, self.now_ns)

    def _given(self, what: str, number: int, declared: bool, give: Callable[[Cell], None]) -> None:
        give(self.cells[number][0])
        if declared:
            self.folder.event(what, self.t, ns=self.now_ns, began_ns=self.now_ns, cells=[number])


def _info(sha256: str, side: int, engine: str) -> RunInfo:
    return RunInfo(
        run="recorded",
        rule="dot",
        rule_sha256=sha256,
        substrate="processes",
        engine=engine,
        height=side,
        width=side,
        torus=False,
        degrees=0.0,
        interval_s=T / 1e9,
        rng_seed=SEED,
        command=["planaria", "run"],
        started="2026-01-01T00:00:00+0000",
        runtime="",
        versions={},
        record=True,
    )
