"""Faults of hardware: each does what its name says, the same again for the same seed, and is counted."""

from __future__ import annotations

import numpy as np
import pytest
from firmware_inputs import ordinary_genome
from needs import boards, needs
from samples import int8_samples

from firmware_sim import chip
from firmware_sim.boards.avr import Avr
from firmware_sim.boards.build import build
from firmware_sim.boards.catalog import board
from firmware_sim.boards.faults import BitFlips, BrownOut, Chip, LineHarm, StuckBit
from firmware_sim.boards.machine import Machine
from firmware_sim.boards.trial import trial
from firmware_sim.errors import BadInput

GENOME = ordinary_genome(1)


def powered(name: str) -> Avr | Machine:
    image = build(GENOME, board(name))
    return Avr(image) if board(name).family == "avr" else Machine(image)


@pytest.mark.parametrize("place", ["ram", "flash"])
@pytest.mark.parametrize("name", boards("atmega328p", "cortex-m0", "rv32ec"))
def test_bits_flip_and_are_flipped_back(name: str, place: str) -> None:
    machine: Chip = powered(name)
    first, size = machine.ram_span if place == "ram" else machine.flash_span
    look = machine.read if place == "ram" else machine.read_flash
    before = look(first, size)
    fault = BitFlips(place, 5, rng_seed=3)
    fault.apply(machine)
    after = look(first, size)
    flipped = sum((a ^ b).bit_count() for a, b in zip(before, after, strict=True))
    assert flipped == fault.hits() == 5
    fault.heal()
    assert look(first, size) == before


@needs("cortex-m0")
def test_flipped_flash_changes_what_the_machine_code_computes() -> None:
    machine = Machine(build(GENOME, board("cortex-m0")))
    cells = int8_samples(1, 20)
    right = chip.update(GENOME, cells)
    assert np.array_equal(machine.update(cells), right)
    fault = BitFlips("flash", 200, rng_seed=1)
    fault.apply(machine)
    assert not np.array_equal(machine.update(cells), right)
    fault.heal()
    assert np.array_equal(machine.update(cells), right)


@needs("atmega328p")
def test_registers_flip() -> None:
    with Avr(build(GENOME, board("atmega328p"))) as avr:
        before = avr.read(0, 32)
        fault = BitFlips("register", 1, rng_seed=2)
        fault.apply(avr)
        assert sum((a ^ b).bit_count() for a, b in zip(before, avr.read(0, 32), strict=True)) == fault.hits() == 1


@needs("atmega328p")
def test_a_stuck_bit_is_held() -> None:
    with Avr(build(GENOME, board("atmega328p"))) as avr:
        address = avr.ram_span[0] + 4  # the own alpha
        fault = StuckBit(address, 6, 1)
        fault.apply(avr)
        avr.write(address, b"\0")
        fault.hold()
        assert avr.read(address, 1) == b"\x40" and fault.hits() == 2
        fault.heal()
        avr.write(address, b"\0")
        fault.hold()
        assert avr.read(address, 1) == b"\0"
        with pytest.raises(BadInput, match="no bit of the RAM"):
            StuckBit(0x8000, 0, 1).apply(avr)


@needs("atmega328p")
def test_a_brown_out_is_a_new_life_with_a_hello() -> None:
    with Avr(build(GENOME, board("atmega328p"), interval_ms=5)) as avr:
        avr.run(3_000_000)
        avr.take()
        fault = BrownOut(decay=10)
        fault.apply(avr)
        avr.run(1_000_000, until_bytes=10)
        assert avr.take()[:3] == bytes([0x7E, 7, 1]) and fault.hits() == 1


@needs("atmega328p")
def test_the_checksum_is_worth_its_bytes() -> None:
    """One byte in 500 with a flipped bit: with the CRC no wrong state, without it many."""
    wrong = {}
    for crc in (1, 0):
        image = build(GENOME, board("atmega328p"), defines=[f"PLANARIA_CRC={crc}"], check_fit=False)
        harm = LineHarm(flip=0.002, rng_seed=5)
        story = trial(image, int8_samples(6, 20), harm)
        assert harm.hits() > 10
        wrong[crc] = story.wrong
    assert wrong[1] == 0 and wrong[0] > 3


def test_line_harm_is_counted_and_healed() -> None:
    harm = LineHarm(lose=0.1, flip=0.1, insert=0.1, rng_seed=1)
    data = bytes(1000)
    assert harm(data) != data and 200 < harm.hits() < 400
    harm.heal()
    assert harm(data) == data
    for bad in ({"lose": -0.1}, {"lose": 0.6, "flip": 0.6}):
        with pytest.raises(BadInput):
            LineHarm(**bad)
    with pytest.raises(BadInput):
        BitFlips("eeprom", 1)
