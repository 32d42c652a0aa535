"""Faults of hardware at one cell: what an order of the coordinator does to the chip that computes it, counted there.

The poke "harm" carries a `Harm`. Flips of the state's bits happen to the cell; all else to its engine, which is then
wrapped, so that what a fault does later (a bit held, a byte on the line damaged) is counted too. A reborn cell is a
whole chip again. Opens nothing. May import msgspec, numpy, firmware_sim, the draws, messages and the panel's counters.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from cellnode import bitflips, reflash
from cellnode.draws import Purpose, chain, draw64
from cellnode.mailbox import Tally
from cellnode.messages import RulePayload
from cellnode.panel import Counter
from cellnode.upset import FOR_EVER, AccumulatorFlips
from firmware_sim.engines import Engine, Family, genome_of, make_engine
from firmware_sim.errors import BadInput, RunFailed
from firmware_sim.genome import Genome


class Harm(msgspec.Struct, frozen=True):
    """One fault on some cells; each draws its own bits from (rng_seed, cell, id)."""

    id: int
    kind: str
    parameters: dict[str, float]
    rng_seed: int
    heal: bool = False


Spares = Callable[[Engine, RulePayload], Engine]


class Victim(Protocol):
    """What a harm needs of a cell: a `Cell`, or one cell of a `Patch`."""

    @property
    def cell(self) -> int: ...

    @property
    def counters(self) -> Tally: ...

    @property
    def interval_ns(self) -> int: ...

    @property
    def state_bytes(self) -> bytes: ...

    @property
    def engine(self) -> Engine: ...

    def corrupt(self, values: bytes, now_ns: int) -> None: ...

    def refit(self, engine: Engine, now_ns: int) -> None: ...

    def jump(self, ns: int, now_ns: int) -> None: ...


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Harm)


def encode(harm: Harm) -> bytes:
    """As the poke carries it."""
    return _encoder.encode(harm)


def decode(data: bytes) -> Harm:
    """Raises ValueError for anything else."""
    return _decoder.decode(data)


def _seed(harm: Harm, cell: int) -> int:
    return draw64(harm.rng_seed, cell, Purpose.FAULT, harm.id)


def spare_chip(engine: Engine, rule: RulePayload) -> Engine:
    """In virtual time many cells share an engine; one that is to be harmed gets a chip that nobody else computes on. An
    integer core of a genome keeps nothing from one update to the next: one serves all."""
    if genome_of(engine) is not None:
        return _core(engine.name, rule.blob, rule.degrees)
    return make_engine(engine.name, rule.blob, rule.degrees)


@functools.lru_cache(8)
def _core(name: str, blob: bytes, degrees: float) -> Engine:
    return make_engine(name, blob, degrees)


def carry_out(
    harm: Harm,
    cell: Victim,
    rule: RulePayload,
    now_ns: int,
    spares: Spares | None = None,
) -> None:
    """Begin or heal. BadInput for what this cell's engine cannot suffer.

    `spares` makes chips: one for the cell to be harmed, if it shares its engine, and the next where that falls silent.
    (In a process of its own a cell shares with nobody, and silence ends the process: its agent starts the next life.)
    """
    if harm.kind in ("bit_flip", "state_flip", "clock_jump"):
        if harm.heal:
            return  # over as soon as it had happened
        if harm.kind == "clock_jump":
            cell.counters[Counter.HARMED] += 1
            cell.jump(round(harm.parameters["by"] * cell.interval_ns), now_ns)
        else:
            cell.corrupt((_flipped if harm.kind == "bit_flip" else _flipped_anywhere)(harm, cell), now_ns)
        return
    engine = cell.engine
    if not isinstance(engine, HarmedEngine):
        if harm.heal:
            return  # reborn since, as a whole chip
        engine = HarmedEngine(engine, rule, cell.cell, cell.counters, spares)
    if harm.heal:
        engine.heal(harm.id)
    else:
        engine.begin(harm)
    cell.refit(engine, now_ns)


def _flipped(harm: Harm, cell: Victim) -> bytes:
    draw = random.Random(_seed(harm, cell.cell))
    values = bytearray(cell.state_bytes)
    if len(values) != cell.engine.channels:
        raise BadInput("bit_flip: this cell computes in float")
    for _ in range(int(harm.parameters["count"])):
        at, bit = draw.randrange(len(values)), draw.randrange(8)
        if values[at] ^ 1 << bit == 0x80:  # -128, which no core makes and no frame carries
            bit = (bit + 1) % 8
        values[at] ^= 1 << bit
        cell.counters[Counter.HARMED] += 1
    return bytes(values)


def _flipped_anywhere(harm: Harm, cell: Victim) -> bytes:
    """The same values with different bits flipped, whatever kind of number they are; a frame can carry them all."""
    values = cell.state_bytes
    at = bitflips.positions(chain(_seed(harm, cell.cell), 0), int(harm.parameters["count"]), 8 * len(values))
    cell.counters[Counter.HARMED] += len(at)
    return bitflips.flip_values(values, at, len(values) // cell.engine.channels)


class HarmedEngine:
    """An engine with its faults; computes what is left of the rule."""

    family: Family = "int8"
    dtype: np.dtype[Any] = np.dtype(np.int8)

    def __init__(
        self, inner: Engine, rule: RulePayload, cell: int, counters: Tally, spares: Spares | None = None
    ) -> None:
        if inner.family != "int8":
            raise BadInput(f"engine {inner.name} computes in float: no chip to harm")
        self.name, self.channels = inner.name, inner.channels
        self._spares = spares
        self._inner = self._whole = inner if spares is None else spares(inner, rule)
        self._rule, self._cell, self._counters = rule, cell, counters
        self._faults: dict[int, Any] = {}  # with heal() and hits()
        self._counted = 0
        self._past = 0

    def update(self, neighbourhood: NDArray[Any]) -> NDArray[Any]:
        try:
            new = self._inner.update(neighbourhood)
            for fault in self._upsets:
                new = fault.upset(self._inner, neighbourhood, new)
            return new
        except RunFailed:
            if self._spares is None:
                raise
            self._begin_anew(self._spares)
            return np.zeros((len(neighbourhood), self.channels), self.dtype)
        finally:
            self._count()

    def foretold(self) -> tuple[Genome | None, int]:
        """A genome, and how many updates from now on are what it makes of them; after those this engine is needed."""
        genome = genome_of(self._inner)
        return genome, 0 if genome is None else min((fault.spared() for fault in self._upsets), default=FOR_EVER)

    def passed(self, updates: int) -> None:
        """So many of the updates foretold have been computed elsewhere."""
        for fault in self._upsets:
            fault.passed(updates)

    def count_at(self, counters: Tally) -> None:
        """The cell's counters lie elsewhere from now on."""
        self._counters = counters

    @property
    def _upsets(self) -> list[AccumulatorFlips]:
        return [fault for fault in self._faults.values() if isinstance(fault, AccumulatorFlips)]

    def _begin_anew(self, spares: Spares) -> None:
        """The chip is silent for good: a whole one takes its place, empty."""
        self._past += sum(fault.hits() for fault in self._faults.values())
        self._faults = {}
        self._inner = self._whole = spares(self._whole, self._rule)

    def begin(self, harm: Harm) -> None:
        """Let a fault begin; what is over at once is only counted."""
        if harm.id not in self._faults:
            self._faults[harm.id] = self._apply(harm, _seed(harm, self._cell))
            self._count()

    def heal(self, number: int) -> None:
        """End one; a chip that was reborn since knows nothing of it."""
        fault = self._faults.pop(number, None)
        if fault is not None:
            fault.heal()
            self._past += fault.hits()
            self._count()

    def _count(self) -> None:
        hits = self._past + sum(fault.hits() for fault in self._faults.values())
        self._counters[Counter.HARMED] += hits - self._counted
        self._counted = hits

    def _apply(self, harm: Harm, seed: int) -> Any:
        from firmware_sim.boards import faults

        engine, given = self._whole, harm.parameters
        if harm.kind == "accumulator_flip":
            if genome_of(engine) is None:
                raise BadInput(f"accumulator_flip: engine {engine.name} shows no accumulators")
            return AccumulatorFlips(given["rate"], int(given["count"]), seed)
        if hasattr(engine, "board"):
            engine.board.crc = None  # what it says from now on is the faults' doing
        if harm.kind == "genome_flip":
            if not hasattr(engine, "line") and not hasattr(engine, "chip"):
                return _Reflashed(self, int(given["count"]), seed)
            flips = faults.BitFlips("flash", int(given["count"]), seed)
            flips.apply(engine.line.avr if hasattr(engine, "line") else engine.chip)  # type: ignore[attr-defined]
            return flips
        line = getattr(engine, "line", None)
        if line is None:
            raise BadInput(f"{harm.kind}: engine {self.name} has no such part")
        if harm.kind == "line_noise":
            noise = faults.LineHarm(given["lose"], given["flip"], given["insert"], seed)
            line.harm = noise
            return noise
        fault: faults.BitFlips | faults.BrownOut | faults.StuckBit
        if harm.kind in ("ram_flip", "register_flip"):
            fault = faults.BitFlips(harm.kind.removesuffix("_flip"), int(given["count"]), seed)
        elif harm.kind == "brown_out":
            fault = faults.BrownOut(int(given["decay"]), seed)
        elif harm.kind == "stuck_bit":
            address = line.avr.ram_span[0] + int(given["at"])
            fault = faults.StuckBit(address, int(given["bit"]), int(given["value"]))
            line.hold = fault.hold
        else:
            raise BadInput(f"harm {harm.kind!r} is unknown")
        fault.apply(line.avr)
        return fault

    def compute_by(self, genome: Genome | None) -> None:
        """Another genome in the ROM; None: the right one again."""
        self._inner = self._whole if genome is None else make_engine(self.name, genome)

    @property
    def genome(self) -> Genome:
        genome = Genome.from_bytes(self._rule.blob)
        return genome.turned(self._rule.degrees) if self._rule.degrees % 360.0 else genome


class _Reflashed:
    """Bits flipped in the weights of an engine that has no flash: it is made anew from the damaged genome."""

    def __init__(self, engine: HarmedEngine, count: int, seed: int) -> None:
        self._engine, self._hits = engine, count
        engine.compute_by(reflash.damaged(engine.genome, count, seed))

    def heal(self) -> None:
        self._engine.compute_by(None)

    def hits(self) -> int:
        return self._hits
