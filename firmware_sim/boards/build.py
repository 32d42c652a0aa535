"""From a genome to a firmware image: runs the board's cross compiler once, keeps the result in the user's cache.

The cache is named by everything that goes in: sources, flags, compiler, genome.  BadInput when the compiler is missing
(naming its package) or the image does not fit (by how much, and what would make it fit).
Imports: the standard library, catalog, image, errors, genome, native_build (for the cache folder).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from firmware_sim.boards.catalog import COMMON_FLAGS, SCRIPTS, Board
from firmware_sim.boards.image import Image, place, read
from firmware_sim.errors import BadInput, RunFailed
from firmware_sim.genome import UNIT_BYTES, Genome
from firmware_sim.native_build import cache_dir

FIRMWARE = Path(__file__).parents[1] / "firmware"
HAL = FIRMWARE / "hal"
NOT_ON_CHIP = ("seed.c",)
TIMEOUT_S = 120
INTERVAL_MS = 500


def build(
    genome: Genome,
    board: Board,
    *,
    cell: int = 0,
    interval_ms: int = INTERVAL_MS,
    defines: Sequence[str] = (),
    check_fit: bool = True,
) -> Image:
    """The whole image with this rule, for one cell; another cell is `image.placed(...)`, without compiling again."""
    compiler = shutil.which(board.compiler)
    if compiler is None:
        raise BadInput(f"board {board.name}: {board.compiler} is missing; apt-get install {board.package}")
    blob = genome.to_bytes()
    flags = [*COMMON_FLAGS, *(flag.format(hal=HAL, script=SCRIPTS.get(board.name, "")) for flag in board.flags)]
    flags += [f"-D{define}" for define in defines]
    sources = _sources(board)
    file = cache_dir() / f"{board.name}-{_key(compiler, flags, sources, blob)}.elf"
    if not file.exists():
        _compile(compiler, flags, sources, blob, board, file)
    image = read(file.read_bytes(), board, str(file)).placed(cell, interval_ms)
    if check_fit:
        _check_fit(image, genome)
    return image


def _sources(board: Board) -> list[Path]:
    shared = [path for name in ("board", "core") for path in sorted((FIRMWARE / name).glob("*.c"))]
    assembly = [path for name in ("board", "core") for path in sorted((FIRMWARE / name).glob(f"*_{board.family}.S"))]
    return [FIRMWARE / name for name in board.sources] + [s for s in shared if s.name not in NOT_ON_CHIP] + assembly


def _key(compiler: str, flags: Sequence[str], sources: Sequence[Path], blob: bytes) -> str:
    version = subprocess.run([compiler, "--version"], capture_output=True, timeout=TIMEOUT_S, check=False).stdout
    headers = [path for kind in ("*/*.h", "*/*.ld") for path in sorted(FIRMWARE.glob(kind))]
    files = [path.name.encode() + path.read_bytes() for path in [*sources, *headers]]
    digest = hashlib.sha256()
    for part in (version, "\0".join(flags).encode(), blob, *files):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()[:20]


def _compile(
    compiler: str, flags: Sequence[str], sources: Sequence[Path], blob: bytes, board: Board, file: Path
) -> None:
    with tempfile.TemporaryDirectory(prefix=".build-", dir=file.parent) as folder:
        (Path(folder) / "genome.bin").write_bytes(blob)
        (Path(folder) / "place.bin").write_bytes(place(0, INTERVAL_MS))
        rom = Path(folder) / "rom.S"
        rom.write_text(_rom(board, Path(folder)))
        made = Path(folder) / "image.elf"
        libraries = [] if board.family == "avr" else ["-lgcc"]
        command = [compiler, *flags, str(rom), *map(str, sources), *libraries, "-o", str(made)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RunFailed(f"board {board.name}: {board.compiler} did not finish ({error})") from error
        if done.returncode != 0:
            raise _failure(done.stderr, board)
        os.replace(made, file)  # noqa: PTH105 - by rename, so that two builds at once both end well


def _rom(board: Board, folder: Path) -> str:
    section = ".progmem" if board.family == "avr" else ".rodata"
    return (
        f'.section {section}.planaria, "a"\n.balign 4\n'
        ".global planaria_genome, planaria_genome_end, planaria_where\n"
        f'planaria_genome: .incbin "{folder}/genome.bin"\nplanaria_genome_end:\n'
        f'.balign 4\nplanaria_where: .incbin "{folder}/place.bin"\n.balign 2\n'
    )


def _failure(text: str, board: Board) -> Exception:
    lines = [line for line in text.splitlines() if "error" in line or "overflow" in line or "region" in line]
    for line in lines:
        if "overflowed by" in line or "will not fit" in line:
            return BadInput(
                f"board {board.name}: the image does not fit the {board.chip} ({line.split(': ')[-1].strip()})"
            )
    return RunFailed(f"board {board.name}: {board.compiler} failed: {(lines or text.splitlines() or ['?'])[0][:200]}")


def _check_fit(image: Image, genome: Genome) -> None:
    over = len(image.flash) - image.board.flash_limit_bytes
    if over > 0:
        units = -(-over // UNIT_BYTES)
        raise BadInput(
            f"board {image.board.name}: the image takes {len(image.flash)} bytes of flash, {over} more than the "
            f"limit of {image.board.flash_limit_bytes}; a rule with {genome.hidden - units} hidden units instead of "
            f"{genome.hidden} would fit"
        )
