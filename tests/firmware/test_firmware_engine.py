"""A board as an engine: a whole chip behind its serial line computes what any cell would, and is seeded like one."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
from firmware_inputs import ordinary_genome
from needs import needs
from samples import int8_samples

from cellnode.virtual import VirtualSwarm
from firmware_sim import chip, folder
from firmware_sim.boards.build import build
from firmware_sim.boards.catalog import board
from firmware_sim.boards.engine import AvrLine, BoardEngine
from firmware_sim.boards.serial import SerialPort
from firmware_sim.engines import make_engine
from firmware_sim.errors import BadInput, RunFailed

GENOME = ordinary_genome(1)


@needs("atmega328p")
def test_a_whole_avr_behind_its_line_is_an_engine() -> None:
    engine = BoardEngine(AvrLine(build(GENOME, board("atmega328p"))), GENOME)
    cells = int8_samples(2, 4)
    assert np.array_equal(engine.update(cells), chip.update(GENOME, cells))
    assert engine.lives == 1
    assert np.array_equal(make_engine("avr", GENOME).update(cells[:2]), chip.update(GENOME, cells[:2]))


@needs("atmega328p")
def test_a_chip_with_another_rule_is_refused() -> None:
    engine = BoardEngine(AvrLine(build(GENOME, board("atmega328p"))), ordinary_genome(2))
    with pytest.raises(RunFailed, match="flash the image of this rule"):
        engine.update(int8_samples(2, 1))


@needs("atmega328p")
def test_a_chip_at_a_serial_port_is_an_engine_too() -> None:
    """A pseudo-terminal with the firmware at its far end."""
    far, near = os.openpty()
    line = AvrLine(build(GENOME, board("atmega328p")))
    over = threading.Event()

    def firmware() -> None:
        os.set_blocking(far, False)
        while not over.is_set():
            heard = line.read()
            if heard:
                os.write(far, heard)
            try:
                line.write(os.read(far, 256))
            except BlockingIOError:
                continue

    port = SerialPort(os.ttyname(near))
    thread = threading.Thread(target=firmware)
    thread.start()
    try:
        cells = int8_samples(3, 1)
        assert np.array_equal(BoardEngine(port, GENOME).update(cells), chip.update(GENOME, cells))
    finally:
        over.set()
        thread.join(timeout=20)
        port.close()
        os.close(far)
        os.close(near)


def test_a_port_that_is_none_is_one_line() -> None:
    with pytest.raises(BadInput, match="cannot be opened"):
        SerialPort("/nonexistent/ttyUSB0")
    with pytest.raises(BadInput, match="no serial port"):
        SerialPort("/dev/null")


@needs("cortex-m0")
def test_a_swarm_of_machine_code_is_a_swarm_of_native_code_to_the_bit() -> None:
    genome = folder.load("lizard").genome()
    assert genome is not None
    grids = []
    for name in ("unicorn", "native"):
        swarm = VirtualSwarm(10, 10, False, make_engine(name, genome), 1, 5, 1_000_000_000)
        swarm.poke("seed", [55], np.array([0, 0, 0, *[32] * 13], np.int8))
        swarm.run_until(12.0)
        grids.append(swarm.states())
    assert np.array_equal(*grids) and (grids[0][..., 3] > 3).sum() > 20
