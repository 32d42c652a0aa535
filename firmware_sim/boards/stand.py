"""The test stand: a driver linked against a finished 32-bit image, so that an emulator runs many updates in one go.

The image's bytes are not touched; the driver lies beside it in flash that no chip has.  Imports: catalog, image, build.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from firmware_sim.boards.build import FIRMWARE, TIMEOUT_S
from firmware_sim.boards.image import Image
from firmware_sim.errors import BadInput, RunFailed
from firmware_sim.native_build import cache_dir

ORIGIN = 0x0010_0000
FLAGS = (
    "-std=c99",
    "-O2",
    "-ffreestanding",
    "-fshort-enums",
    "-nostartfiles",
    "-nostdlib",
    "-Wall",
    "-Wextra",
    "-Werror",
)


def stand(image: Image) -> bytes:
    """The driver's machine code for ORIGIN, where `stand_run` is its first instruction."""
    board = image.board
    compiler = shutil.which(board.compiler)
    if compiler is None:
        raise BadInput(f"board {board.name}: {board.compiler} is missing; apt-get install {board.package}")
    source = FIRMWARE / "stand" / "stand.c"
    machine = [flag for flag in board.flags if flag.startswith(("-m", "-D"))]
    key = hashlib.sha256(image.elf + source.read_bytes() + " ".join(FLAGS).encode()).hexdigest()[:20]
    file = cache_dir() / f"{board.name}-stand-{key}.bin"
    if not file.exists():
        with tempfile.TemporaryDirectory(prefix=".build-", dir=file.parent) as folder:
            base, made, flat = (Path(folder) / name for name in ("image.elf", "stand.elf", "stand.bin"))
            base.write_bytes(image.elf)
            link = [f"-Wl,--just-symbols={base}", f"-Wl,-Ttext={ORIGIN:#x}", "-Wl,-e,stand_run", "-Wl,--build-id=none"]
            _run([compiler, *machine, *FLAGS, *link, str(source), "-o", str(made)], board.name)
            objcopy = compiler.removesuffix("gcc") + "objcopy"
            _run([objcopy, "-O", "binary", "-j", ".text", str(made), str(flat)], board.name)
            flat.replace(file)
    return file.read_bytes()


def _run(command: list[str], name: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunFailed(f"test stand for {name}: {command[0]} did not finish ({error})") from error
    if done.returncode != 0:
        raise RunFailed(f"test stand for {name}: {(done.stderr.splitlines() or ['?'])[0][:200]}")
