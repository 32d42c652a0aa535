"""One genome, one state, every chip: the machine code of all boards gives the bytes of chip.py."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from firmware_inputs import ordinary_genome, wild_genome
from needs import boards, needs
from samples import int8_samples

from firmware_sim import chip, folder
from firmware_sim.boards.build import build
from firmware_sim.boards.catalog import MAIN_BOARDS, board
from firmware_sim.boards.check import check, compute
from firmware_sim.boards.qemu import QEMU, qemu_trial
from firmware_sim.boards.trial import trial
from firmware_sim.engines import make_engine
from firmware_sim.genome import Genome

SAMPLES = {"atmega328p": 60, "cortex-m0": 300, "rv32imc": 300, "rv32ec": 60}  # of each of five kinds
GENOMES = {
    "ordinary": lambda: ordinary_genome(1),
    "half steps": lambda: ordinary_genome(2, hidden=40, half=True),
    "random bytes": lambda: wild_genome(2, 64),
    "extreme bytes": lambda: wild_genome(3, 16),
    "extreme bytes, wide": lambda: wild_genome(5, 100),
    "256 hidden units": lambda: ordinary_genome(4, hidden=256),
}


@pytest.mark.parametrize("which", GENOMES)
@pytest.mark.parametrize("name", boards(*MAIN_BOARDS))
def test_machine_code_equals_chip_to_the_bit(name: str, which: str) -> None:
    genome: Genome = GENOMES[which]()
    if name == "rv32ec" and genome.hidden == 256:
        pytest.skip("a genome of 17 kB does not fit the 16 kB of a CH32V003")
    image = build(genome, board(name), check_fit=False)
    cells = int8_samples(len(which), SAMPLES[name] // 2)
    assert np.array_equal(compute(image, cells), chip.update(genome, cells))


@pytest.mark.parametrize("name", boards("atmega328p-fast", "atmega328p-c"))
def test_the_assembly_has_an_equal_in_c(name: str) -> None:
    for genome in (ordinary_genome(2, hidden=40, half=True), ordinary_genome(2, hidden=40), wild_genome(3, 16)):
        image = build(genome, board(name), check_fit=False)
        cells = int8_samples(3, 8)
        assert np.array_equal(compute(image, cells), chip.update(genome, cells))


@pytest.mark.parametrize("name", boards(*MAIN_BOARDS, "atmega328p-mailbox"))
def test_a_built_in_rule_and_its_golden_vectors(name: str) -> None:
    rule = folder.load("lizard")
    genome, golden = rule.genome(), rule.golden()
    assert genome is not None and golden is not None
    found = check(build(genome, board(name)), genome, 50, golden=golden.int8_in)
    assert found.wrong == 0 and found.updates > 150 and found.wakes == 5


@pytest.mark.parametrize("name", boards(*MAIN_BOARDS))
def test_the_whole_image_hears_steps_and_says_over_a_damaged_line(name: str) -> None:
    genome = ordinary_genome(1)
    answers = 0

    def damage(data: bytes) -> bytes:
        nonlocal answers
        answers += 1
        at = answers * 7 % len(data)
        return data if answers % 3 else data[:at] + data[at + 1 :]

    story = trial(build(genome, board(name)), int8_samples(6, 4), damage)
    assert story.wrong == 0 and len(story.said) == 20
    assert story.asked > 20
    assert story.hello is not None and (story.hello.version, story.hello.cell) == (1, 1)


@needs("cortex-m0")
@pytest.mark.skipif(shutil.which(QEMU) is None, reason=f"{QEMU} is missing: apt-get install qemu-system-arm")
def test_a_second_emulator_agrees_about_the_cortex_m0() -> None:
    genome = ordinary_genome(2, half=True)
    story = qemu_trial(build(genome, board("cortex-m0")), int8_samples(2, 8))
    assert story.wrong == 0 and len(story.said) == 40


@needs("cortex-m0")
def test_engine_unicorn_is_native_to_the_bit_for_one_and_for_many() -> None:
    genome = ordinary_genome(1)
    arm, reference = make_engine("unicorn", genome, 90.0), make_engine("chip", genome, 90.0)
    cells = int8_samples(1, 60)
    assert np.array_equal(arm.update(cells), reference.update(cells))
    assert np.array_equal(arm.update(cells[:1]), reference.update(cells[:1]))
    assert arm.update(cells[:0]).shape == (0, 16)
    assert (arm.name, arm.family, arm.channels) == ("unicorn", "int8", 16)
