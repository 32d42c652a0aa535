"""What the two checksum bytes on a chip's line are worth: `python -m tools.firmware_noise`, about two minutes.

A swarm of `dot` in virtual time, the nine cells in its middle whole ATmega328Ps, whose lines lose, flip and insert
bytes, with the CRC and without it (image built with PLANARIA_CRC=0, and a mailbox that believes anything). Told for
each: states said that no number of right steps leads to, wakes at which a chip fell silent, and what becomes of the
picture.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.virtual import VirtualSwarm
from firmware_sim import chip, folder
from firmware_sim.boards.build import build
from firmware_sim.boards.catalog import board
from firmware_sim.boards.engine import AvrLine, BoardEngine
from firmware_sim.boards.faults import LineHarm
from firmware_sim.engines import Engine, make_engine
from firmware_sim.errors import RunFailed
from firmware_sim.genome import Genome
from firmware_sim.loss import loss_log10

SIDE, MIDDLE, RING = 10, 5, 1
GROWN, NOISY = 12.0, 24.0  # in T: when the noise begins, how long it lasts
RATE = 0.002  # a byte, both ways; an update takes about 250
STEPS = 6  # where a SAY was lost, the chip steps again from where it is
SEED = np.array([0, 0, 0, *[32] * 13], np.int8).tobytes()


class NoisyAvr:
    """One ATmega328P behind a line that errs; a whole one in its place when it falls silent."""

    name, family, channels = "avr", "int8", 16
    dtype: np.dtype[Any] = np.dtype(np.int8)

    def __init__(self, genome: Genome, crc: bool, number: int) -> None:
        defines = () if crc else ("PLANARIA_CRC=0",)
        self._genome, self._crc = genome, crc
        self._image = build(genome, board("atmega328p"), defines=defines, check_fit=False, cell=number)
        self._harm: LineHarm | None = None
        self.updates = self.wrong = self.silent = 0
        self._begin()

    def _begin(self) -> None:
        self._line = AvrLine(self._image)
        self._line.harm = self._harm
        self._board = BoardEngine(self._line, self._genome, "avr", line_crc=self._crc)
        self._board.crc = None

    def disturb(self, harm: LineHarm) -> None:
        self._harm = self._line.harm = harm

    def hits(self) -> int:
        return 0 if self._harm is None else self._harm.hits()

    def update(self, cells: NDArray[Any]) -> NDArray[Any]:
        try:
            said = self._board.update(cells)
        except RunFailed:
            self.silent += 1
            self._line.avr.close()
            self._begin()
            return np.zeros((len(cells), 16), np.int8)
        if self._harm is not None:
            self.updates += 1
            self.wrong += not _possible(self._genome, cells, said[0])
        return said


def _possible(genome: Genome, cells: NDArray[Any], said: NDArray[Any]) -> bool:
    cells = cells.copy()
    for _ in range(STEPS):
        cells[0, 1, 1] = chip.update(genome, cells)[0]
        if np.array_equal(cells[0, 1, 1], said):
            return True
    return False


def run(crc: bool, lose: float, flip: float, insert: float) -> str:
    """One line of the table."""
    rule = folder.load("dot")
    genome, target = rule.genome(), rule.target()
    assert genome is not None and target is not None
    where = [
        r * SIDE + c for r in range(MIDDLE - RING, MIDDLE + RING + 1) for c in range(MIDDLE - RING, MIDDLE + RING + 1)
    ]
    chips = [NoisyAvr(genome, crc, cell) for cell in where]
    others: list[tuple[list[int], Engine]] = [([cell], each) for cell, each in zip(where, chips, strict=True)]
    swarm = VirtualSwarm(SIDE, SIDE, False, make_engine("native", genome), 1, 5, others=others)
    swarm.poke("seed", [MIDDLE * SIDE + MIDDLE], SEED)
    swarm.run_until(GROWN)
    before = loss_log10(swarm.states(), target)
    for number, each in enumerate(chips):
        each.disturb(LineHarm(lose, flip, insert, number))
    swarm.run_until(GROWN + NOISY)
    after = loss_log10(swarm.states(), target)
    hits, updates = sum(each.hits() for each in chips), sum(each.updates for each in chips)
    wrong, silent = sum(each.wrong for each in chips), sum(each.silent for each in chips)
    name = "nothing"
    for word, rate in (("lost", lose), ("flipped", flip), ("inserted", insert)):
        name = f"{rate:.1%} of bytes {word}" if rate else name
    return (
        f"| {name} | {'on' if crc else 'off'} | {hits} | {updates} | {wrong} | {silent} | {before:.2f} | {after:.2f} |"
    )


HEAD = [
    "| line | CRC | bytes harmed | updates | wrong states | chips silenced | loss before | loss after |",
    "|---|---|---|---|---|---|---|---|",
]


def table() -> list[str]:
    """The whole table, line by line."""
    lines = list(HEAD)
    for harm in ((0.0, 0.0, 0.0), (RATE, 0.0, 0.0), (0.0, RATE, 0.0), (0.0, 0.0, RATE)):
        for crc in (True, False):
            lines.append(run(crc, *harm))
            print(lines[-1], flush=True)
    return lines


if __name__ == "__main__":
    table()
