"""A whole swarm in virtual time, from one seed: the substrate `virtual`.

Nothing here takes real time or happens by chance: the same seed gives the same bytes, on every machine with an int8
engine. Three worlds compute it: C (int8 rules; the fastest), arrays, and `Cell` objects (the truth to compare with).
What the C world does not know, a fault or a family, is left to arrays; never to a guess. May import numpy,
firmware_sim and the rest of the state machine; no sockets, no clock.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cellnode import handover, harm, nativefaults
from cellnode.draws import MEAN_MAX_NS
from cellnode.heard import Heard
from cellnode.linkfault import check
from cellnode.messages import LinkFault, RulePayload
from cellnode.nativeworld import NativeWorld
from cellnode.oracle import CellWorld, Said
from cellnode.patchworld import PatchWorld
from cellnode.recordedpatch import Tell
from cellnode.topology import neighbours
from firmware_sim.engines import Engine, genome_of
from firmware_sim.errors import BadInput
from firmware_sim.native_build import NativeUnavailable

World = Literal["fastest", "native", "arrays", "cells"]
AnyWorld = NativeWorld | PatchWorld | CellWorld
POKES = ("erase", "seed", "unmap", "harm")  # `unmap` means the panel page, which nobody has here


class VirtualSwarm:
    """`height` x `width` cells, all switched on at time 0, every cell empty; pokes and power apply at `now_ns`.

    `log` is called for every frame said; arrays run wakes that cannot influence each other out of order, so sort its
    records by (time, cell, sequence). Counters rise over all lives of a cell. `others`: cells that another engine of
    the same values computes. `world` says what computes: "native" and "arrays" are for comparing, "fastest" takes the
    first of them that can; `oracle=True` is "cells". `say` takes one line when that turns out to be slower than usual.
    `rule`: what chips are made of that a hardware fault is to harm. `tell` gets every update as rows of a recording;
    then arrays compute, whatever else could.
    """

    def __init__(
        self,
        height: int,
        width: int,
        torus: bool,
        engine: Engine,
        tag: int,
        rng_seed: int,
        interval_ns: int = 1_000_000_000,
        oracle: bool = False,
        epoch: int = 1,
        log: Callable[[Said], None] | None = None,
        others: Sequence[tuple[Sequence[int], Engine]] = (),
        world: World = "fastest",
        say: Callable[[str], None] | None = None,
        rule: RulePayload | None = None,
        tell: Tell | None = None,
    ) -> None:
        self._rule = rule
        if not 1 <= interval_ns <= MEAN_MAX_NS:
            raise BadInput(f"wake interval is {interval_ns} ns, expected 1..{MEAN_MAX_NS}")
        self.height, self.width, self.torus = height, width, torus
        for cells, other in others:
            if (other.dtype, other.channels) != (engine.dtype, engine.channels):
                raise BadInput(f"cells on {other.name} cannot live among cells on {engine.name} ({engine.family})")
            self._known(cells)
        self.engine, self.interval_ns, self.now_ns, self._tag = engine, interval_ns, 0, tag
        self._say = say or _to_stderr
        table = neighbours(height, width, torus)
        wanted = _world_for(world, oracle, engine) if tell is None else "arrays"
        if wanted == "cells":
            self._world: AnyWorld = CellWorld(table, engine, tag, rng_seed, interval_ns, epoch, log, others)
            return
        if wanted == "native":
            try:
                self._world = NativeWorld(table, engine, rng_seed, interval_ns, epoch, log, others)
                return
            except NativeUnavailable as reason:
                if world == "native":
                    raise BadInput(f"virtual time in C: {reason}") from reason
                self._say(f"virtual time: {reason}; arrays compute the same bytes, slower")
        self._world = PatchWorld(table, engine, rng_seed, interval_ns, epoch, log, others, tag, tell)

    @property
    def world(self) -> World:
        """What computes now."""
        if isinstance(self._world, NativeWorld):
            return "native"
        return "cells" if isinstance(self._world, CellWorld) else "arrays"

    @property
    def nbytes(self) -> int | None:
        """Memory of the world in C, None for others."""
        return self._world.nbytes if isinstance(self._world, NativeWorld) else None

    @property
    def now_intervals(self) -> float:
        """Virtual time in T."""
        return self.now_ns / self.interval_ns

    @property
    def on(self) -> NDArray[np.bool_]:
        """[cells]: who has power."""
        return self._world.on

    def run_until(self, intervals: float) -> None:
        """Let virtual time pass until `intervals` (in T, from 0); nothing happens if that lies in the past."""
        until_ns = round(intervals * self.interval_ns)
        if until_ns > self.now_ns:
            self._world.run(until_ns)
            self.now_ns = until_ns

    def power(self, cells: Iterable[int], on: bool) -> None:
        """Crash cells (`on=False`; left so they are dead for ever) or revive them, empty, in a new life."""
        self._world.power(self._known(cells), on, self.now_ns)

    @property
    def frozen(self) -> NDArray[np.bool_]:
        """[cells]: who stands still."""
        return self._world.frozen

    def freeze(self, cells: Iterable[int], frozen: bool) -> None:
        """Stop the clocks of cells, or let them go on: they hear what has come meanwhile, and a wake that was missed
        comes at once, and late. Cells that are off are left out; losing power ends it."""
        self._world.freeze(self._known(cells), frozen, self.now_ns)

    def poke(self, kind: str, cells: Iterable[int], state: bytes = b"") -> None:
        """ "erase": RAM lost; "seed": set to `state`, the bytes of C values in the engine's dtype; "harm": a hardware
        fault, `state` is a `harm.Harm` in msgpack. Cells that are off are left out."""
        wanted = self._known(cells)
        if kind == "erase":
            self._world.erase(wanted, self.now_ns)
        elif kind == "seed":
            self._world.seed(wanted, self._legal(state), self.now_ns)
        elif kind == "harm":
            self._harm(wanted, state)
        elif kind not in POKES:
            raise BadInput(f"poke {kind!r} is unknown, expected one of {', '.join(POKES)}")

    def set_faults(self, faults: Sequence[LinkFault]) -> None:
        """The whole wanted list of link faults; what is not in it is healed. Frames held back still come."""
        for fault in faults:
            self._known(check(fault).cells)
        if isinstance(self._world, NativeWorld) and not nativefaults.knows(faults):
            self._say("virtual time: arrays compute these faults, slower")
            self.to_arrays()
        self._world.set_faults(faults, self.now_ns)

    def to_arrays(self) -> None:
        """From now on arrays compute what C computed; for what C does not know. No byte changes."""
        if isinstance(self._world, NativeWorld):
            self._world = handover.to_arrays(self._world, self._tag, self.now_ns)

    def states(self) -> NDArray[Any]:
        """[height, width, C] in the engine's dtype; a cell without power is zeros."""
        return self._world.states().reshape(self.height, self.width, -1)

    def counters(self) -> NDArray[np.uint64]:
        """[cells, panel.COUNTERS], indexed by `panel.Counter`."""
        return self._world.counters()

    def heard(self) -> Heard:
        """What lies in all mailboxes now."""
        return self._world.heard()

    def _harm(self, cells: list[int], order: bytes) -> None:
        if self._rule is None:
            raise BadInput("harm: this swarm was not told its rule, so no chip can be harmed")
        try:
            decoded = harm.decode(order)
        except ValueError as error:
            raise BadInput(f"harm: {error}") from error
        self._world.harm(decoded, cells, self._rule, self.now_ns)

    def _legal(self, state: bytes) -> bytes:
        size = self.engine.channels * self.engine.dtype.itemsize
        if len(state) != size:
            raise BadInput(f"seed state is {len(state)} bytes, expected {size}")
        values = np.frombuffer(state, self.engine.dtype)
        if (values == -128).any() if self.engine.dtype == np.int8 else not np.isfinite(values).all():
            raise BadInput("seed state holds a value that no frame could carry (NaN, infinite, or -128 in int8)")
        return state

    def _known(self, cells: Iterable[int]) -> list[int]:
        wanted = [int(cell) for cell in cells]
        for cell in wanted:
            if not 0 <= cell < self.height * self.width:
                raise BadInput(f"cell {cell} lies outside the {self.height}x{self.width} grid")
        return wanted


def _world_for(world: World, oracle: bool, engine: Engine) -> World:
    """What shall compute: C where a rule's integer core is all that most cells need."""
    if world == "fastest":
        world = "native" if genome_of(engine) is not None else "arrays"
    return "cells" if oracle else world


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr)
