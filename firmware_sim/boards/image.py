"""One firmware image: an ELF file, what lies where in it, and the two places that differ from cell to cell.

Reads the file it is given and writes Intel HEX; never compiles or runs anything.  Imports: pyelftools, errors, genome.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, replace
from typing import Any

from firmware_sim.boards.catalog import Board
from firmware_sim.errors import BadInput
from firmware_sim.genome import MAX_GENOME_BYTES, Genome

AVR_RAM = 0x800000  # how avr-ld tells RAM from flash
PLACE = struct.Struct("<IH3B")  # LFSR, interval in ms, HELLO's version and cell
VERSION = 1


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name in the image; `address` without the Thumb bit or the AVR's offset of RAM."""

    name: str
    address: int
    size: int
    function: bool


@dataclass(frozen=True, slots=True)
class Image:
    """`flash` holds every byte to be programmed, from address 0; `ram_start` .. `ram_end` is the static RAM."""

    board: Board
    elf: bytes
    flash: bytes
    ram_start: int
    ram_end: int
    symbols: dict[str, Symbol]

    @property
    def static_ram_bytes(self) -> int:
        return self.ram_end - self.ram_start

    def address(self, name: str) -> int:
        if name not in self.symbols:
            raise BadInput(f"image for {self.board.name}: no symbol {name}; build it again")
        return self.symbols[name].address

    def genome_span(self) -> tuple[int, int]:
        return self.address("planaria_genome"), self.address("planaria_genome_end")

    def genome(self) -> Genome:
        """The rule as it lies in flash; BadInput when a byte of it is damaged."""
        start, end = self.genome_span()
        if not 0 <= start < end <= len(self.flash) or end - start > MAX_GENOME_BYTES:
            raise BadInput(f"image for {self.board.name}: damaged, its genome lies at {start:#x}..{end:#x}")
        return Genome.from_bytes(self.flash[start:end], f"genome in the image for {self.board.name}")

    def placed(self, cell: int, interval_ms: int) -> Image:
        """The same image for another cell."""
        return self.patched(self.address("planaria_where"), place(cell, interval_ms))

    def patched(self, address: int, blob: bytes) -> Image:
        """The same image with other bytes in flash (its ELF file stays as it was)."""
        flash = bytearray(self.flash)
        flash[address : address + len(blob)] = blob
        return replace(self, flash=bytes(flash))

    def hex(self) -> str:
        """Intel HEX, as avrdude, openocd and drag-and-drop programmers take it."""
        lines = []
        for at in range(0, len(self.flash), 16):
            chunk = self.flash[at : at + 16]
            if at % 0x10000 == 0 and at:
                lines.append(_record(4, 0, struct.pack(">H", at >> 16)))
            lines.append(_record(0, at & 0xFFFF, chunk))
        return "\n".join([*lines, ":00000001FF", ""])


def clock_seed(cell: int) -> int:
    """Where the cell's LFSR begins: the twin of clock_seed in firmware/board/seed.c."""
    mask = 0xFFFFFFFF
    x = (cell + 1) * 0x9E3779B1 & mask
    x ^= x >> 15
    x = x * 0x85EBCA6B & mask
    x ^= x >> 13
    return x or 1


def place(cell: int, interval_ms: int) -> bytes:
    """`planaria_place` of firmware/board/node.h for one cell."""
    if not 0 <= cell <= 0xFFFF:
        raise BadInput(f"cell {cell}: a board's number is 0..65535")
    if not 1 <= interval_ms <= 0xFFFF:
        raise BadInput(f"interval {interval_ms} ms: expected 1..65535")
    return PLACE.pack(clock_seed(cell), interval_ms, VERSION, cell & 0xFF, cell >> 8)


def read(elf: bytes, board: Board, name: str = "image") -> Image:
    """Parse an ELF file; BadInput when it is none, or none for this board."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        file = ELFFile(io.BytesIO(elf))
        expected = {"avr": "EM_AVR", "arm": "EM_ARM", "riscv": "EM_RISCV"}[board.family]
        if file["e_machine"] != expected:
            raise BadInput(f"{name}: made for {file['e_machine']}, board {board.name} is {expected}")
        segments = [(int(s["p_paddr"]), s.data()) for s in file.iter_segments("PT_LOAD") if s["p_filesz"]]
        symbols = _symbols(file, board)
        static = [s for s in file.iter_sections() if s.name in (".bss", ".data", ".noinit") and s["sh_size"]]
        spans = [
            (int(s["sh_addr"]) & (AVR_RAM - 1 if board.family == "avr" else ~0), int(s["sh_size"])) for s in static
        ]
    except (ELFError, KeyError, ValueError, AttributeError, struct.error) as error:
        raise BadInput(f"{name}: not a firmware image or damaged ({' '.join(str(error).split())[:120]})") from error
    if not segments or not spans or max(at + len(data) for at, data in segments) > board.flash_bytes:
        raise BadInput(f"{name}: damaged, or for another chip than the {board.chip}")
    flash = bytearray(b"\xff" * max(at + len(data) for at, data in segments))
    for at, data in segments:
        flash[at : at + len(data)] = data
    start = min(at for at, _ in spans)
    return Image(board, elf, bytes(flash), start, max(at + size for at, size in spans), symbols)


def _symbols(file: Any, board: Board) -> dict[str, Symbol]:
    found: dict[str, Symbol] = {}
    for entry in file.get_section_by_name(".symtab").iter_symbols():
        if not entry.name or entry["st_info"]["type"] in ("STT_FILE", "STT_SECTION"):
            continue
        function = entry["st_info"]["type"] == "STT_FUNC"
        address = int(entry["st_value"])
        if board.family == "avr" and address >= AVR_RAM:
            address -= AVR_RAM
        if board.family == "arm" and function:
            address &= ~1
        found[entry.name] = Symbol(entry.name, address, int(entry["st_size"]), function)
    return found


def _record(kind: int, at: int, data: bytes) -> str:
    body = bytes([len(data)]) + struct.pack(">H", at) + bytes([kind]) + data
    return ":" + (body + bytes([-sum(body) & 0xFF])).hex().upper()
