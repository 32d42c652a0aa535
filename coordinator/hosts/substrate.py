"""The substrate of several hosts: one process a cell, commanded through each host's agents, seen through the mosaic.

Never on the data path. A lost host is no end: its cells are started where there is room, or when it returns. May import
the rest of `coordinator.hosts`, the camera's Sight, and cellnode.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cellnode.messages import (
    Command,
    Freeze,
    LinkFault,
    Placement,
    Poke,
    Power,
    SetFaults,
    SetInterval,
    SetPause,
)
from cellnode.runtime import Runtime
from coordinator.camera import Sight, bound
from coordinator.clientmessages import Answer, Ask
from coordinator.cost import COST_WINDOW_S, cost_us
from coordinator.host import Epochs
from coordinator.hosts import muster
from coordinator.hosts.crew import Crew, Means
from coordinator.hosts.orders import Orders
from coordinator.hosts.posts import faults_of
from coordinator.hosts.roster import Tenure
from coordinator.substrate import NO_NETWORK, Cells, HostNetwork, OnProgress
from firmware_sim.errors import BadInput, RunFailed

FRESH_S = 0.05  # a look younger than this is not repeated


class HostsSubstrate:
    """`listen()`, then `launch()` a new swarm or `adopt()` one that runs."""

    def __init__(
        self,
        runtime: Runtime,
        placement: Placement,
        epochs: Epochs,
        keep: Callable[[list[Tenure]], None],
        means: Means,
        on_line: Callable[[str], None],
    ) -> None:
        self.hosts = means.hosts
        self._crew = Crew(runtime, placement, epochs, keep, means, on_line)
        self._wanted, self._local = self._crew.wanted, means.local
        self.name = "processes" if self._crew.patches is None else "patches"
        self._orders: Orders | None = None
        self._frozen: dict[int, int] = {}  # cell -> its life when it was stopped

    def listen(self, on_ask: Callable[[Ask], Answer]) -> bool:
        """Take the coordinator's place for this run; False when another coordinator lives on this machine."""
        return self._crew.listen(on_ask)

    @property
    def endpoint(self) -> str:
        """Where hosts join, with its port."""
        return self._crew.endpoint

    def launch(self, on_progress: OnProgress) -> None:
        muster.launch(self._crew, on_progress, self._try_look)

    def adopt(self, tenures: Sequence[Tenure]) -> None:
        """Take over a swarm that runs."""
        muster.adopt(self._crew, tenures)

    def remember(self, off: list[int], faults: list[LinkFault], paused: bool) -> None:
        """What is wanted of the swarm that was adopted; its hosts are told whatever they have missed."""
        self._wanted.off, self._wanted.faults, self._wanted.paused = set(off), list(faults), paused

    # ---- the Substrate interface

    def lost(self) -> bool:
        return False

    def recover(self, on_progress: OnProgress) -> None:
        """The steward does so by itself."""

    def held_off(self) -> list[int]:
        return sorted(self._wanted.off)

    def look(self, *, ages: bool = False) -> Sight:
        return self._look(ages=ages, fresh_s=FRESH_S)

    def _look(self, *, ages: bool = False, fresh_s: float = 0.0) -> Sight:
        link, steward, lookout = self._crew.here
        return lookout.look(link, steward, ages_ns=self._wanted.interval_ns if ages else 0, fresh_s=fresh_s)

    def _try_look(self) -> Sight | None:
        try:
            return self.look()
        except RunFailed:
            return None

    def now_ns(self) -> int:
        return time.monotonic_ns()

    def advance(self, until_ns: int) -> None:
        self._crew.ended.wait(max(0.0, (until_ns - time.monotonic_ns()) / 1e9))

    def cpu_us_per_update(self) -> float | None:
        before = self._look()
        self._crew.ended.wait(min(self._wanted.interval_ns / 1e9, COST_WINDOW_S))
        return cost_us(before, self._look())

    def power(self, cells: Cells, on: bool) -> list[int]:
        numbers = set(cells.tolist())
        self._wanted.off = self._wanted.off - numbers if on else self._wanted.off | numbers
        return self._to_cells(cells, lambda number, mine: Power(number, mine, on))

    def freeze(self, cells: Cells, frozen: bool) -> list[int]:
        missing = self._to_cells(cells, lambda number, mine: Freeze(number, mine, frozen))
        lives = self._look().lives
        for cell in set(cells.tolist()) - set(missing):
            if frozen:
                self._frozen[cell] = int(lives[cell])
            else:
                self._frozen.pop(cell, None)
        return missing

    def stopped(self, cells: Cells) -> int:
        """By what their agents have acknowledged, as long as they live that life."""
        sight = self._look()
        return sum(bool(sight.on[cell]) and self._frozen.get(cell) == int(sight.lives[cell]) for cell in cells.tolist())

    def kill_agent(self) -> int:
        """A host of this machine dies, and its cells with it; it comes back by itself."""
        if self._local is None:
            raise BadInput("fault agent_kill: the hosts of this run are no processes of this machine; kill one there")
        for name in self._local.names:
            if self._local.alive(name):
                self._crew.steward.asked.add(name)
                return int(self._local.kill(name))
        return 0

    def network(self) -> HostNetwork:
        network = None if self._local is None else self._local.network()
        if network is None:
            raise BadInput(NO_NETWORK)
        return network

    def poke(self, kind: str, cells: Cells, state: bytes) -> list[int]:
        return self._to_cells(cells, lambda number, mine: Poke(number, kind, mine, state))

    def fit(self, cells: Cells, port: str | None) -> list[int]:
        raise BadInput("a board at a serial port becomes a cell of a run on one host only: start it without --hosts")

    def boards(self) -> dict[int, str]:
        return {}

    def set_faults(self, faults: list[LinkFault]) -> list[int]:
        self._wanted.faults = list(faults)
        return self._orders_here.to_all(lambda number, post: SetFaults(number, faults_of(faults, post.tenure.cells)))

    def set_interval(self, interval_ns: int) -> list[int]:
        self._wanted.interval_ns = interval_ns
        return self._orders_here.to_all(lambda number, _post: SetInterval(number, interval_ns))

    def set_paused(self, paused: bool) -> list[int]:
        self._wanted.paused = paused
        return self._orders_here.to_all(lambda number, _post: SetPause(number, paused))

    def _to_cells(self, cells: Cells, make: Callable[[int, list[int]], Command]) -> list[int]:
        lookout = self._crew.here[2]
        try:
            return self._orders_here.to_cells(cells, make)
        finally:
            lookout.expect_news()

    @property
    def _orders_here(self) -> Orders:
        link, steward, _ = self._crew.here
        if self._orders is None:
            self._orders = Orders(link, steward)
        return self._orders

    def processes(self) -> int:
        """Each agent forks one for each cell, or patch, and counts it when its endpoint is bound."""
        return bound(self._look(fresh_s=FRESH_S), self._crew.patches)

    def gone(self, before: Sight, cells: Cells) -> int:
        """By their agents, who have reaped them: this machine's kernel knows nothing of other hosts' processes."""
        now = self._look()
        return int((~now.on[cells] | (now.lives[cells] != before.lives[cells])).sum())

    def troubles(self) -> list[str]:
        return self._crew.troubles()

    # ---- the end

    def stop(self) -> None:
        """End all agents; hosts of this machine leave, others wait for another run."""
        self._crew.stop()

    def leave(self) -> None:
        self._crew.leave()

    def keep_log(self, folder: Path) -> None:
        """What the hosts of this machine, and their agents, wrote."""
        home = self._crew.runtime.path
        logs = [*home.glob("*.log"), *home.glob("*/*/agent.log")]
        for log in logs:
            name = "-".join(log.relative_to(home).parts)
            with contextlib.suppress(OSError):
                shutil.copy2(log, folder / name)
