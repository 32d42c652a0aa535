"""An image's machine code as text: objdump's listing, cut into functions by the ELF file's own symbols.

Runs the binutils that come with the cross compiler; never judges what it reads.  Imports: image, errors.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from firmware_sim.boards.image import Image
from firmware_sim.errors import BadInput, RunFailed

TIMEOUT_S = 60
LINE = re.compile(r"^\s*([0-9a-f]+):\t((?:[0-9a-f]{2,8} ?)+)\s*\t([a-z][\w.]*)\s*(.*)$")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One machine instruction; `operands` as objdump writes them, comment included."""

    address: int
    size: int
    mnemonic: str
    operands: str


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the image and its instructions in order."""

    name: str
    address: int
    end: int
    body: tuple[Instruction, ...]


def functions(image: Image) -> list[Function]:
    """All functions, in order of address; code that no symbol covers is left out."""
    code = _disassemble(image)
    # The compiler's own helpers carry no type: whatever is called or jumped to by its bare name is a function, too.
    called = {name for i in code for name in re.findall(r"<([^+>]+)>", i.operands)}
    known = {s.address: s for s in image.symbols.values() if s.name in called} | {
        s.address: s for s in image.symbols.values() if s.function
    }
    places = {i.address for i in code}
    entries = sorted((s for s in known.values() if s.address in places), key=lambda s: s.address)
    start, _ = image.genome_span()
    found = []
    for entry, following in zip(entries, [*entries[1:], None], strict=True):
        limit = following.address if following is not None else len(image.flash)
        if entry.address < start:
            limit = min(limit, start)
        end = entry.address + entry.size if entry.size else limit
        body = tuple(i for i in code if entry.address <= i.address < end)
        found.append(Function(entry.name, entry.address, end, body))
    return found


def _disassemble(image: Image) -> list[Instruction]:
    tool = shutil.which(image.board.compiler.removesuffix("gcc") + "objdump")
    if tool is None:
        raise BadInput(f"board {image.board.name}: objdump is missing; apt-get install {image.board.package}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "image.elf"
        file.write_bytes(image.elf)
        done = subprocess.run([tool, "-d", str(file)], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise RunFailed(f"objdump failed on the image for {image.board.name}: {done.stderr[:200]}")
    code = []
    for line in done.stdout.splitlines():
        match = LINE.match(line)
        if match:
            size = len(match[2].replace(" ", "")) // 2
            code.append(Instruction(int(match[1], 16), size, match[3], match[4]))
    return code
