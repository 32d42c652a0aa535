"""Images: what goes in comes out, what does not fit says by how much, and a flipped bit of the rule is noticed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from board_here import library
from firmware_inputs import ordinary_genome
from needs import boards, needs
from samples import int8_samples

from coordinator.cli.main import invoke
from firmware_sim import folder
from firmware_sim.boards.avr import Avr
from firmware_sim.boards.build import build
from firmware_sim.boards.catalog import MAIN_BOARDS, board
from firmware_sim.boards.image import place, read
from firmware_sim.errors import BadInput
from firmware_sim.genome import Genome


@pytest.mark.parametrize("name", boards(*MAIN_BOARDS))
def test_an_image_holds_the_genome_byte_for_byte(name: str, genome: Genome) -> None:
    image = build(genome, board(name))
    assert image.genome().to_bytes() == genome.to_bytes()
    assert image.placed(7, 250).placed(0, 500).flash == image.flash


@needs("atmega328p")
def test_intel_hex_can_be_read_back(genome: Genome) -> None:
    image = build(genome, board("atmega328p"))
    flash = bytearray()
    for line in image.hex().splitlines():
        record = bytes.fromhex(line[1:])
        assert sum(record) & 0xFF == 0
        if record[3] == 0:
            assert int.from_bytes(record[1:3], "big") == len(flash)
            flash += record[4:-1]
    assert bytes(flash) == image.flash


@needs("atmega328p")
def test_a_flipped_bit_of_the_rule_changes_what_the_chip_says() -> None:
    genome = folder.load("lizard").genome()
    assert genome is not None
    image = build(genome, board("atmega328p"))
    start, end = image.genome_span()
    cells = int8_samples(1, 4)[4:8]  # ordinary ones
    weight = start + 48 + 66 * np.arange(128) + 50  # the first output weight of every hidden unit
    with Avr(image) as avr:
        before = [avr.update(cell)[0] for cell in cells]
        for at in weight:
            avr.write_flash(int(at), bytes([image.flash[at] ^ 0x40]))
        after = [avr.update(cell)[0] for cell in cells]
    assert not np.array_equal(before, after)
    damaged = image.patched(end - 1, bytes([image.flash[end - 1] ^ 1]))
    with pytest.raises(BadInput, match="damaged"):
        damaged.genome()


@needs("atmega328p")
def test_hello_carries_the_checksum_of_the_rule_as_it_lies_in_flash(genome: Genome) -> None:
    image = build(genome, board("atmega328p"), cell=300)
    seen = []
    start, _ = image.genome_span()
    for flash in (image, image.patched(start + 100, bytes([image.flash[start + 100] ^ 1]))):
        with Avr(flash) as avr:
            avr.run(16_000_000, until_bytes=10)
            seen.append(avr.take()[:10])
    whole, flipped = seen
    assert whole[4:7] == flipped[4:7] == bytes([1, 300 & 0xFF, 300 >> 8])
    assert whole != flipped


@needs("atmega328p")
def test_the_chip_sleeps_as_long_as_its_lfsr_says(genome: Genome) -> None:
    import ctypes

    image = build(genome, board("atmega328p"), cell=5, interval_ms=40)
    drawn = (ctypes.c_uint32 * 1)()
    library().planaria_board_intervals(5, drawn, 1)
    expected_ms = (drawn[0] >> 16) * 40 + ((drawn[0] & 0xFFFF) * 40 >> 16)
    with Avr(image) as avr:
        avr.watch(False)
        avr.run(16_000_000, until_bytes=10)
        avr.run(40_000)
        start, _ = avr.cycles, avr.take()
        avr.run(160_000_000, until_bytes=1)
        slept_ms = (avr.cycles - start) / 16_000
    assert expected_ms - 5 < slept_ms < expected_ms + 3


@needs("atmega328p")
def test_a_rule_that_does_not_fit_says_by_how_much_and_what_would() -> None:
    with pytest.raises(BadInput, match=r"\d+ more than the limit of 10240; a rule with 12\d hidden units"):
        build(ordinary_genome(1, hidden=140), board("atmega328p"))


@needs("rv32ec")
def test_a_rule_larger_than_the_chip_is_refused() -> None:
    with pytest.raises(BadInput, match="does not fit the CH32V003"):
        build(ordinary_genome(4, hidden=256), board("rv32ec"))


def test_a_missing_compiler_is_named_with_its_package(genome: Genome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(BadInput, match="avr-gcc is missing; apt-get install gcc-avr avr-libc"):
        build(genome, board("atmega328p"))
    with pytest.raises(BadInput, match="board 'z80' is unknown, expected one of atmega328p"):
        board("z80")


@needs("cortex-m0")
def test_damaged_and_foreign_images_are_refused(genome: Genome) -> None:
    image = build(genome, board("cortex-m0"))
    for blob in (b"", b"\x7fELF", image.elf[:300], image.elf[: len(image.elf) // 2], bytes(2000)):
        with pytest.raises(BadInput):
            read(blob, board("cortex-m0"), "given").genome()
    with pytest.raises(BadInput, match="made for EM_ARM"):
        read(image.elf, board("rv32ec"), "given")
    for cell, interval in ((-1, 500), (65_536, 500), (0, 0), (0, 65_536)):
        with pytest.raises(BadInput):
            place(cell, interval)


@needs("atmega328p")
def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "uno"
    assert invoke(["firmware", "build", "lizard", "--cell", "3", "--out", str(out), "--json"]) == 0
    built = json.loads(capsys.readouterr().out)
    assert built["flash_bytes"] <= 10_240 and Path(built["files"]["hex"]).exists()
    assert invoke(["firmware", "check", "lizard", "--image", str(out / "image.elf"), "--updates", "20", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "pass"
    assert invoke(["firmware", "run", "lizard", "--wakes", "3"]) == 0
    assert "0 of 3 states differ" in capsys.readouterr().out
    assert invoke(["firmware", "budget", "lizard", "--board", "atmega328p", "--json"]) == 0
    (line,) = json.loads(capsys.readouterr().out)
    expected = ("rule", "board", "flash_bytes", "ram_bytes", "mailbox_ram_bytes", "cycles_per_update", "updates_per_s")
    assert {*expected, "fits"} <= set(line)
    assert invoke(["firmware", "check", "dot", "--image", str(out / "image.elf")]) == 2
    assert "holds another rule" in capsys.readouterr().err
    assert invoke(["firmware", "build", "lizard", "--board", "z80", "--out", str(out)]) == 2


def test_a_rule_without_a_genome_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bare = tmp_path / "bare.onnx"
    bare.write_bytes(folder.load("lizard").onnx_bytes())
    assert invoke(["firmware", "budget", str(bare)]) == 2
    assert "has no genome" in capsys.readouterr().err
