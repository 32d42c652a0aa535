"""A grid cut into realms that hear each other at the instant of speaking, and the same grid as single cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cellnode import draws
from cellnode.messages import LinkFault
from cellnode.oracle import CellWorld
from cellnode.patchlayout import grid, layout
from cellnode.realm import Realm
from cellnode.topology import neighbours
from firmware_sim.engines import Engine

SEED = 7


class Cut:
    """All realms of a grid; events happen in the order (time, cell), as if the grid were whole."""

    def __init__(
        self, height: int, width: int, torus: bool, patch: tuple[int, int], engine: Engine, tag: int, interval_ns: int
    ) -> None:
        cut = grid(height, width, torus, patch)
        self.realms = [
            Realm(layout(cut, number), engine, tag, 1, SEED, interval_ns, 0) for number in range(cut.patches)
        ]
        self.frames: list[bytes] = []
        self.lives = np.zeros(height * width, np.int64)
        self._next = np.ones(height * width, np.int64)
        self.power(range(height * width), True, 0)

    def power(self, cells: range | list[int], on: bool, now_ns: int) -> None:
        for cell in cells:
            if (self.lives[cell] > 0) != on:
                self.lives[cell] = self._next[cell] if on else 0
                self._next[cell] += on
        for realm in self.realms:
            realm.now_ns = now_ns
            realm.power(self.lives[realm.layout.cells])
        for realm in self.realms:
            around = realm.layout.around
            realm.meet(self._next[around] - 1, self.lives[around] > 0)

    def each(self, do: str, *arguments: object, now_ns: int) -> None:
        for realm in self.realms:
            realm.now_ns = now_ns
            getattr(realm, do)(*arguments)

    def poke(self, do: str, cells: list[int], *arguments: object, now_ns: int) -> None:
        for realm in self.realms:
            realm.now_ns = now_ns
            mine = np.flatnonzero(np.isin(realm.layout.cells, cells)).tolist()
            getattr(realm, do)(mine, *arguments)

    def freeze(self, cells: list[int], now_ns: int) -> None:
        for realm in self.realms:
            realm.now_ns = now_ns
            realm.freeze(np.isin(realm.layout.cells, cells))

    def run(self, until_ns: int) -> None:
        while True:
            at_ns, _, realm = min(((*_next(realm), realm) for realm in self.realms), key=lambda it: it[:2])
            if at_ns > until_ns:
                return
            for other in self.realms:
                other.now_ns = at_ns  # nothing is due there before
            for index, data in realm.run(at_ns):
                self.frames.append(data)
                for peer in realm.layout.peers:
                    if index in realm.layout.speaks[peer]:
                        self.realms[peer].hear([data])

    def gather(self, of: str) -> NDArray[np.generic]:
        """`states` or `counters` of all cells."""
        parts = [getattr(realm, of)() for realm in self.realms]
        order = np.argsort(np.concatenate([realm.layout.cells for realm in self.realms]))
        found: NDArray[np.generic] = np.concatenate(parts)[order]
        return found


def _next(realm: Realm) -> tuple[int, int]:
    side, n = realm.side, realm.count
    wakes_ns = np.maximum(side.next_wake_ns, side.not_before_ns)[:n]
    late_ns = side.world.links.due_ns if hasattr(side.world, "links") else side.world.cells["due_ns"]
    events_ns = np.minimum(wakes_ns, late_ns[:n])
    index = int(events_ns.argmin())
    return int(events_ns[index]), int(realm.layout.cells[index])


class Whole:
    """The same cells one by one, whose first words come as those of processes do."""

    def __init__(self, height: int, width: int, torus: bool, engine: Engine, tag: int, interval_ns: int) -> None:
        table = neighbours(height, width, torus)
        self.frames: list[tuple[int, int]] = []
        self.world = CellWorld(table, engine, tag, SEED, interval_ns, 1, lambda said: self.frames.append(said[:2]))
        self._interval_ns = interval_ns
        self._speak_soon(range(len(table)), 0)

    def power(self, cells: list[int], on: bool, now_ns: int) -> None:
        self.world.power(cells, on, now_ns)
        if on:
            self._speak_soon(cells, now_ns)

    def _speak_soon(self, cells: range | list[int], now_ns: int) -> None:
        for index in cells:
            cell = self.world._cells[index]
            assert cell is not None and cell.next_wake_ns is not None
            who = draws.wake_entity(index, 1, cell.life)
            share = draws.share(draws.draw64(SEED, who, draws.Purpose.BIRTH, 0), self._interval_ns)
            cell.next_wake_ns = min(cell.next_wake_ns, now_ns + share)
            self.world._schedule(index)


def faults_of(cells: int) -> list[LinkFault]:
    """Loss on every edge, delay on some, and a clock that trembles."""
    return [
        LinkFault(1, "loss", list(range(cells)), 0.3, rng_seed=11),
        LinkFault(2, "delay", list(range(0, cells, 3)), delay_intervals=2.0, rng_seed=12),
        LinkFault(3, "jitter", list(range(0, cells, 2)), 0.5, rng_seed=13),
    ]
