"""Engine `native`: the C core on this machine gives the bytes of chip.py, whatever the genome and the states."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from firmware_inputs import ordinary_genome, wild_genome
from samples import int8_samples

from firmware_sim import chip, native, native_build
from firmware_sim.engines import ChipEngine, make_engine
from firmware_sim.genome import Genome
from firmware_sim.native import NativeEngine, native_engine

needs_compiler = pytest.mark.skipif(
    not any(shutil.which(name) for name in native_build.CANDIDATES["c"]), reason="no C compiler: apt-get install gcc"
)


@needs_compiler
def test_a_hundred_thousand_updates_equal_chip_to_the_bit() -> None:
    genomes = [ordinary_genome(1), ordinary_genome(2, half=True), ordinary_genome(3, hidden=256)]
    updates = 0
    for rng_seed, genome in enumerate(genomes):
        samples = int8_samples(rng_seed, 7000)
        assert np.array_equal(NativeEngine(genome).update(samples), chip.update(genome, samples))
        updates += len(samples)
    assert updates >= 100_000


@needs_compiler
@pytest.mark.parametrize("rng_seed", range(40))
def test_any_genome_the_loader_lets_pass(rng_seed: int) -> None:
    genome = wild_genome(rng_seed, hidden=(16, 17, 128, 255, 256)[rng_seed % 5])
    samples = int8_samples(rng_seed, 40)
    assert np.array_equal(NativeEngine(genome).update(samples), chip.update(genome, samples))


@needs_compiler
def test_one_cell_at_a_time_and_turned(genome: Genome) -> None:
    engine, reference = NativeEngine(genome, 30.0), ChipEngine(genome, 30.0)
    for sample in int8_samples(5, 10):
        assert np.array_equal(engine.update(sample[None]), reference.update(sample[None]))
    assert engine.update(int8_samples(0, 1)[:0]).shape == (0, 16)


@needs_compiler
def test_the_engine_is_known_by_its_name(genome: Genome) -> None:
    assert make_engine("native", genome).name == "native"
    assert make_engine("native", genome.to_bytes()).family == "int8"


def test_without_a_compiler_it_says_so_and_chip_does_the_work(genome: Genome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANARIA_NATIVE", "0")
    native.load.cache_clear()
    said: list[str] = []
    try:
        engine = native_engine(genome, say=said.append)
    finally:
        native.load.cache_clear()
    assert engine.name == "chip"
    assert len(said) == 1 and "chip computes the same bytes" in said[0]


@needs_compiler
def test_the_core_is_clean_under_the_sanitisers(tmp_path: Path) -> None:
    program = tmp_path / "pipe"
    flags = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", *native.STRICT, "-Wpedantic"]
    source = str(native.FIRMWARE / "host" / "pipe.c")
    compiler = native_build.compiler("c")
    subprocess.run([compiler, *flags, source, "-o", str(program)], check=True, timeout=120)
    for genome in (ordinary_genome(4, half=True), wild_genome(1), wild_genome(2, 256), wild_genome(7)):
        blob, samples = genome.to_bytes(), int8_samples(9, 60)
        done = subprocess.run(
            [program, str(len(blob))], input=blob + samples.tobytes(), capture_output=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr.decode()[:2000]
        assert np.array_equal(np.frombuffer(done.stdout, np.int8).reshape(-1, 16), chip.update(genome, samples))


@pytest.mark.skipif(shutil.which("cppcheck") is None, reason="cppcheck is missing: apt-get install cppcheck")
def test_cppcheck_finds_nothing() -> None:
    command = [
        "cppcheck",
        "--std=c99",
        "--enable=warning,style,performance,portability",
        "--error-exitcode=1",
        "--quiet",
    ]
    quiet = ["--suppress=missingIncludeSystem", "--inline-suppr"]
    folders = [str(native.FIRMWARE / name) for name in ("core", "board", "hal", "host", "stand")]
    done = subprocess.run(
        [*command, *quiet, *(folder for folder in folders if Path(folder).exists())],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
