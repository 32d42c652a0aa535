"""A board as an engine: each update is one wake of a whole image, through its serial line.

The chip keeps its own state and clock; the engine plays its mailbox, tells it a short interval, and waits for the SAY
that follows.  Where the cell's state is not what the chip said last (a seed, an erasure, a new life), the chip is first
placed in it.  Any line will do: simavr's, a serial port's.  Imports: numpy, avr, build, catalog, image, mailbox,
engines, errors, genome, limits.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from firmware_sim.boards import avr
from firmware_sim.boards.avr import Avr
from firmware_sim.boards.build import build
from firmware_sim.boards.catalog import board
from firmware_sim.boards.image import Image
from firmware_sim.boards.mailbox import Hello, Mailbox, Said
from firmware_sim.engines import Family
from firmware_sim.errors import RunFailed
from firmware_sim.genome import Genome
from firmware_sim.limits import CHANNELS

INTERVAL_MS = 1
BAUD_SLICE_CYCLES = 20_000
LIMIT_READS = 20_000
States = NDArray[np.int8]


class Line(Protocol):
    """The near end of a chip's serial line."""

    def read(self) -> bytes:
        """What has come since; may wait a little, may be empty."""

    def write(self, data: bytes) -> None: ...


class AvrLine:
    """The line of an ATmega328P that runs the whole image in simavr, at its baud rate."""

    def __init__(self, image: Image) -> None:
        self.avr = Avr(image)
        self.avr.watch(False)

    def read(self) -> bytes:
        self.avr.run(BAUD_SLICE_CYCLES, until_bytes=1)
        return self.avr.take()

    def write(self, data: bytes) -> None:
        self.avr.send(data)


class BoardEngine:
    """`update` by a chip at the other end of a line; RunFailed when it falls silent or carries another rule."""

    name = "board"
    family: Family = "int8"
    dtype: np.dtype[Any] = np.dtype(np.int8)
    channels = CHANNELS

    def __init__(self, line: Line, genome: Genome, name: str = "board") -> None:
        self.name = name
        self._line = line
        self._crc = genome_crc(genome)
        self._mailbox = Mailbox(interval_ms=INTERVAL_MS)
        self._mailbox.slots = [None] * 8
        self._own: States | None = None  # what the chip said last; None before it said anything
        self.lives = 0

    def update(self, neighbourhood: NDArray[Any]) -> NDArray[Any]:
        """[n, 3, 3, 16] -> [n, 16]; one chip, so one after another."""
        if not len(neighbourhood):
            return np.empty((0, CHANNELS), np.int8)
        return np.stack([self._one(cell.reshape(9, CHANNELS)) for cell in neighbourhood])

    def _one(self, cells: States) -> States:
        own = np.ascontiguousarray(cells[4], np.int8)
        self._mailbox.slots = [np.ascontiguousarray(cells[slot + (slot >= 4)]) for slot in range(8)]
        if self._own is None or not np.array_equal(own, self._own):
            self._mailbox.place = own
            if not np.array_equal(self._next(), own):
                raise RunFailed(f"engine {self.name}: the chip did not take the state it was placed in")
        self._own = self._next()
        return self._own

    def _next(self) -> States:
        for _ in range(LIMIT_READS):
            for byte in self._line.read():
                answer, events = self._mailbox.receive(bytes([byte]))
                if answer:
                    self._line.write(answer)
                for event in events:
                    if isinstance(event, Said):
                        return event.state
                    self._begin(event)
        raise RunFailed(f"engine {self.name}: the chip is silent")

    def _begin(self, hello: Hello) -> None:
        if hello.genome_crc != self._crc:
            raise RunFailed(
                f"engine {self.name}: the chip's genome has checksum {hello.genome_crc:#06x}, the rule's is "
                f"{self._crc:#06x}; flash the image of this rule"
            )
        self.lives += 1


class AvrEngine:
    """Engine `avr`: a whole ATmega328P in simavr, line and all, behind every cell; made at the first update."""

    name = "avr"
    family: Family = "int8"
    dtype: np.dtype[Any] = np.dtype(np.int8)
    channels = CHANNELS

    def __init__(self, genome: Genome, degrees: float = 0.0) -> None:
        self._genome = genome.turned(degrees) if degrees % 360.0 else genome
        self._image = build(self._genome, board("atmega328p"), check_fit=False)
        avr.load()  # compiled here, once, and not in each child
        self._board: BoardEngine | None = None

    def update(self, neighbourhood: NDArray[Any]) -> NDArray[Any]:
        if self._board is None:
            self._board = BoardEngine(AvrLine(self._image), self._genome, self.name)
        return self._board.update(neighbourhood)


def genome_crc(genome: Genome) -> int:
    """What a chip with this genome says in its HELLO."""
    import binascii

    return binascii.crc_hqx(genome.to_bytes(), 0xFFFF)
