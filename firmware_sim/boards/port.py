"""The two ends of a serial port: a board there as an engine, and a simulated board at a pseudo-terminal.

`Desk` is a board for those who have none: the whole firmware in simavr, in real time, at a port of its own.
Imports: the standard library, build, catalog, engine, serial, genome.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
import tty
from collections.abc import Callable

from firmware_sim.boards.build import build
from firmware_sim.boards.catalog import board
from firmware_sim.boards.engine import AvrLine, BoardEngine
from firmware_sim.boards.serial import WAIT_S, SerialPort
from firmware_sim.genome import Genome

PATIENCE_S = 8.0  # a board that says nothing for so long is gone; an Arduino's boot loader takes two
SLICE_S = 0.002
CATCH_UP_S = 0.1  # what a starved simulation still makes up for


def port_engine(port: str, genome: bytes, degrees: float = 0.0) -> BoardEngine:
    """The chip at a serial port as an engine. BadInput when there is no such port."""
    rule = Genome.from_bytes(genome)
    rule = rule.turned(degrees) if degrees % 360.0 else rule
    return BoardEngine(SerialPort(port), rule, f"board at {port}", limit_reads=round(PATIENCE_S / WAIT_S))


class Desk:
    """A pseudo-terminal whose far end is an ATmega328P with this rule; `path` is the port."""

    def __init__(self, genome: Genome, cell: int = 0) -> None:
        self._line = AvrLine(build(genome, board("atmega328p"), cell=cell, check_fit=False))
        self._far, self._near = os.openpty()
        tty.setraw(self._near)
        os.set_blocking(self._far, False)
        self.path = os.ttyname(self._near)

    def run(self, until: Callable[[], bool]) -> None:
        """Let the chip live in real time until told to end."""
        avr, hertz = self._line.avr, self._line.avr.image.board.clock_hz
        began, zero = time.monotonic(), avr.cycles
        while not until():
            behind = (time.monotonic() - began) - (avr.cycles - zero) / hertz
            if behind > CATCH_UP_S:
                began += behind - CATCH_UP_S
            if behind < SLICE_S:
                select.select([self._far], [], [], SLICE_S)
            else:
                avr.run(round(SLICE_S * hertz))
            self._carry()

    def _carry(self) -> None:
        said = self._line.avr.take()
        if said:
            with contextlib.suppress(BlockingIOError):  # nobody reads: lost, as on a wire
                os.write(self._far, said)
        with contextlib.suppress(BlockingIOError):
            self._line.write(os.read(self._far, 256))

    def close(self) -> None:
        self._line.avr.close()
        os.close(self._far)
        os.close(self._near)
