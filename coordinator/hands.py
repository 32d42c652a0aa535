"""What a swarm's owner does to cells: each action of the vocabulary, its draws, its effect, and the proof that it hit.

Implements the faults' Target. Writes no file and keeps no time. May import the coordinator's selector and substrate.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from cellnode.draws import Purpose, draw64, draw64_array
from cellnode.messages import LinkFault
from cellnode.topology import neighbours
from coordinator import selector
from coordinator.actions import Bridge, Chosen, Erase, Freeze, Kill, Plant, Revive, Thaw, Unbridge, Unmap
from coordinator.faults.base import Grid
from coordinator.observer import Observer
from coordinator.selectorterms import Field
from coordinator.substrate import REAL, Cells, HostNetwork, Substrate
from firmware_sim.engines import Engine
from firmware_sim.errors import BadInput
from firmware_sim.limits import ALPHA, STATE_STEP

LAST_WORDS_S = 0.5
SPARING = 128  # the place of this draw beside those of a selector's terms


class Hands:
    """`engine` decides the bytes of a seed cell."""

    def __init__(
        self,
        substrate: Substrate,
        observer: Observer,
        height: int,
        width: int,
        torus: bool,
        engine: Engine,
        rng_seed: int,
        engine_names: Callable[[], Sequence[str]] | None = None,
        part: Callable[[str], NDArray[np.bool_]] | None = None,
        degrees: float = 0.0,
    ) -> None:
        self._part = part
        self.family, self.degrees = engine.family, degrees  # of what a fault brings to cells
        self._substrate, self._observer = substrate, observer
        self._height, self._width, self._torus = height, width, torus
        self._seed_state, self._rng_seed = seed_state(engine), rng_seed
        self._engine_names = engine_names or (lambda: [engine.name] * (height * width))
        self._links: dict[int, LinkFault] = {}

    def choose(self, select: str, seed: int | None, number: int) -> tuple[Cells, int]:
        """Cells of a selector and the seed used: the given one, or one drawn for the run's `number`-th action."""
        chosen = selector.parse(select)
        used = seed if seed is not None else draw64(self._rng_seed, number, Purpose.FAULT, 0) >> 33
        field = Field(self._height, self._width, self._torus, self._substrate.look().on, self._part)
        return chosen.cells(field, used), used

    def choose_links(self, select: str, seed: int | None, number: int) -> tuple[Cells, list[int], int]:
        """Cells whose incoming edges a selector means, masks of edges for each of them (none: all), the seed used."""
        used = seed if seed is not None else draw64(self._rng_seed, number, Purpose.FAULT, 0) >> 33
        field = Field(self._height, self._width, self._torus, self._substrate.look().on, self._part)
        cells, slots = selector.parse_links(select).edges(field, self.grid.table, used)
        return cells, slots, used

    @property
    def grid(self) -> Grid:
        """The shape, for faults that find their own edges."""
        return Grid(self._height, self._width, neighbours(self._height, self._width, self._torus))

    def spare(self, cells: Cells, keep: int, rng_seed: int) -> Cells:
        """Of these cells as many as leave at least `keep` living ones alone; who is spared is drawn."""
        on = self._substrate.look().on
        at_most = max(0, int(on.sum()) - keep)
        living = cells[on[cells]]
        if living.size <= at_most:
            return cells
        draws = draw64_array(rng_seed, living.astype(np.uint64), Purpose.SELECT, SPARING)
        spared = living[np.lexsort((living, draws))[at_most:]]
        return cells[~np.isin(cells, spared)]

    def able(self, fault: str, engines: frozenset[str] | None, cells: Cells) -> Cells:
        """Those of these cells that run on one of `engines`. BadInput if none does."""
        if engines is None:
            return cells
        names = self._engine_names()
        found = cells[[names[cell] in engines for cell in cells.tolist()]]
        if cells.size and not found.size:
            raise BadInput(f"fault {fault}: none of these {cells.size} cells runs on {' or '.join(sorted(engines))}")
        return found

    def act(self, action: Chosen, cells: Cells) -> tuple[Cells, list[int], dict[str, int]]:
        """Do it to these cells; returns those it concerned, those that did not acknowledge, and the proof."""
        before = self._substrate.look()
        running = cells[before.on[cells]]
        if isinstance(action, Kill):
            missing = self._substrate.power(cells, False)
            return running, missing, {"dead_process_ids": self._substrate.gone(before, running)}
        if isinstance(action, Revive):
            dead = cells[~before.on[cells]]
            missing = self._substrate.power(cells, True)
            return dead, missing, {"alive": self._substrate.look().alive}
        if isinstance(action, Bridge | Unbridge):
            return self._bridge(action, cells)
        if isinstance(action, Freeze | Thaw):
            return running, self._substrate.freeze(running, isinstance(action, Freeze)), {}
        if isinstance(action, Plant) and not running.size:
            raise BadInput(f"seed {action.select}: no running cell is chosen ({cells.size} cells, none of them alive)")
        if isinstance(action, Erase | Plant | Unmap):
            kind = {Erase: "erase", Plant: "seed", Unmap: "unmap"}[type(action)]
            return running, self.poke(kind, running, self._seed_state if kind == "seed" else b""), {}
        raise BadInput(f"{type(action).__name__} is no action on chosen cells")

    def _bridge(self, action: Bridge | Unbridge, cells: Cells) -> tuple[Cells, list[int], dict[str, int]]:
        boards = self._substrate.boards()
        if isinstance(action, Unbridge):
            given = np.asarray([cell for cell in cells.tolist() if cell in boards], np.int64)
            return given, [cell for one in given for cell in self._substrate.fit(one[None], None)], {}
        if cells.size != 1:
            raise BadInput(f"bridge {action.select}: a board is one cell, this selector chooses {cells.size}")
        for cell, port in boards.items():
            if port == action.port and cell != cells[0]:
                raise BadInput(f"bridge {action.select}: the board at {port} is cell {cell} already")
        return cells, self._substrate.fit(cells, action.port), {}

    # ---- the Target of faults

    def power(self, cells: Cells, on: bool) -> list[int]:
        return self._substrate.power(cells, on) if cells.size else []

    def poke(self, kind: str, cells: Cells, state: bytes = b"") -> list[int]:
        running = cells[self._substrate.look().on[cells]]
        return self._substrate.poke(kind, running, state) if running.size else []

    def freeze(self, cells: Cells, frozen: bool) -> list[int]:
        running = cells[self._substrate.look().on[cells]]
        return self._substrate.freeze(running, frozen) if running.size else []

    def stopped(self, cells: Cells) -> int:
        return self._substrate.stopped(cells)

    def kill_agent(self) -> int:
        return self._substrate.kill_agent()

    def network(self) -> HostNetwork:
        return self._substrate.network()

    def die(self) -> None:
        """In a moment: what was asked is written down and answered first."""
        if self._substrate.name not in REAL:
            raise BadInput("fault coordinator_kill: in virtual time the run is its coordinator; use real processes")
        threading.Timer(LAST_WORDS_S, os.kill, (os.getpid(), signal.SIGKILL)).start()

    def add_link_fault(self, fault: LinkFault) -> list[int]:
        self._links[fault.id] = fault
        return self._substrate.set_faults(list(self._links.values()))

    def remove_link_fault(self, fault_id: int) -> list[int]:
        self._links.pop(fault_id, None)
        return self._substrate.set_faults(list(self._links.values()))

    def adopt_link_faults(self, faults: list[LinkFault]) -> None:
        """What the agent already holds."""
        self._links = {fault.id: fault for fault in faults}

    def totals(self) -> NDArray[np.uint64]:
        return self._observer.totals()

    def lives(self) -> NDArray[np.uint64]:
        sight = self._substrate.look()
        return np.where(sight.on, sight.lives, np.uint64(0))


def seed_state(engine: Engine) -> bytes:
    """A seed cell as the notebook has it: colours 0, alpha and hidden channels 1, in the engine's values."""
    state = np.zeros(engine.channels, np.float32)
    state[ALPHA:] = 1.0 / STATE_STEP if engine.family == "int8" else 1.0
    return bytes(state.astype(engine.dtype).tobytes())
