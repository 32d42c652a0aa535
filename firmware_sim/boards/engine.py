"""A board as an engine: each update is one wake of a whole image, through its serial line.

The chip keeps its own state and clock; the engine plays its mailbox, tells it a short interval, and waits for the SAY
that follows.  Where the cell's state is not what the chip said last (a seed, an erasure, a new life), the chip is first
placed in it; where the chip begins anew in between (HELLO), it is placed once more.  Any line will do: simavr's, a
serial port's.  Imports: numpy, avr, build, catalog, image, mailbox, engines, errors, genome, limits.
"""

from __future__ import annotations

from collections.abc import Callable
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
HOLD_CYCLES = 32  # between two corrections of a bit that is stuck: before anything has read it
LIMIT_READS = 8_000  # without a SAY: ten seconds of a silent chip, or 40 wakes that noise has spoilt
LIMIT_PLACING = 20  # words of the chip before it has taken a state
LIMIT_LIVES = 5  # HELLOs within one update
States = NDArray[np.int8]


class Line(Protocol):
    """The near end of a chip's serial line."""

    def read(self) -> bytes:
        """What has come since; may wait a little, may be empty."""

    def write(self, data: bytes) -> None: ...

    def missed(self) -> bytes:
        """What came while nobody listened; does not wait."""


class AvrLine:
    """The line of an ATmega328P that runs the whole image in simavr, at its baud rate."""

    def __init__(self, image: Image) -> None:
        self.avr = Avr(image)
        self.avr.watch(False)
        self.harm: Callable[[bytes], bytes] | None = None  # what the line does to bytes, both ways
        self.hold: Callable[[], None] | None = None  # what happens to the chip again and again

    def read(self) -> bytes:
        heard = self._run()
        return heard if self.harm is None else self.harm(heard)

    def _run(self) -> bytes:
        if self.hold is None:
            self.avr.run(BAUD_SLICE_CYCLES, until_bytes=1)
            return self.avr.take()
        heard = b""
        end = self.avr.cycles + BAUD_SLICE_CYCLES
        while not heard and self.avr.cycles < end:
            self.avr.run(HOLD_CYCLES, until_bytes=1)
            self.hold()
            heard = self.avr.take()
        return heard

    def write(self, data: bytes) -> None:
        self.avr.send(data if self.harm is None else self.harm(data))

    def missed(self) -> bytes:
        return b""  # the chip stood still


class BoardEngine:
    """`update` by a chip at the other end of a line; RunFailed when it falls silent or carries another rule."""

    name = "board"
    family: Family = "int8"
    dtype: np.dtype[Any] = np.dtype(np.int8)
    channels = CHANNELS

    def __init__(
        self, line: Line, genome: Genome, name: str = "board", limit_reads: int = LIMIT_READS, line_crc: bool = True
    ) -> None:
        self.name = name
        self.crc: int | None = genome_crc(genome)  # None: believe the chip, whatever it carries or does
        self._line, self._limit_reads = line, limit_reads
        self._mailbox = Mailbox(interval_ms=INTERVAL_MS, crc=line_crc)  # False: believe any checksum, to measure it
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
        for event in self._mailbox.receive(self._line.missed())[1]:
            if isinstance(event, Hello):
                self._begin(event)
        for _ in range(LIMIT_LIVES):
            if self._own is None or not np.array_equal(own, self._own):
                self._place(own)
            self._own = self._next()  # None: the chip began anew meanwhile
            if self._own is not None:
                return self._own
        raise RunFailed(f"engine {self.name}: the chip begins anew again and again")

    def _place(self, own: States) -> None:
        mailbox = self._mailbox
        mailbox.place = own
        said: States | None = None
        for _ in range(LIMIT_PLACING):
            if mailbox.place is None:
                break
            said = self._next()
        else:
            raise RunFailed(f"engine {self.name}: the chip takes no state")
        if self.crc is not None and not np.array_equal(said, own):
            raise RunFailed(f"engine {self.name}: the chip did not take the state it was placed in")

    def _next(self) -> States | None:
        """What the chip says next; None when that is HELLO."""
        for _ in range(self._limit_reads):
            for byte in self._line.read():
                answer, events = self._mailbox.receive(bytes([byte]))
                if answer:
                    self._line.write(answer)
                for event in events:
                    if isinstance(event, Said):
                        return event.state
                    self._begin(event)
                    return None
        raise RunFailed(f"engine {self.name}: the chip is silent")

    def _begin(self, hello: Hello) -> None:
        if self.crc is not None and hello.genome_crc != self.crc:
            raise RunFailed(
                f"engine {self.name}: the chip's genome has checksum {hello.genome_crc:#06x}, the rule's is "
                f"{self.crc:#06x}; flash the image of this rule"
            )
        self._own = None
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
        self._line: AvrLine | None = None
        self._board: BoardEngine | None = None

    @property
    def line(self) -> AvrLine:
        """The chip behind its line, made now if it was not needed before."""
        if self._line is None:
            self._line = AvrLine(self._image)
        return self._line

    @property
    def board(self) -> BoardEngine:
        if self._board is None:
            self._board = BoardEngine(self.line, self._genome, self.name)
        return self._board

    def update(self, neighbourhood: NDArray[Any]) -> NDArray[Any]:
        return self.board.update(neighbourhood)


def genome_crc(genome: Genome) -> int:
    """What a chip with this genome says in its HELLO."""
    import binascii

    return binascii.crc_hqx(genome.to_bytes(), 0xFFFF)
