"""The boards: chip, compiler, sources, limits and the model of its energy.  Nothing but plain values.

To add one: a file under firmware/hal (serial line, clock, lamp), a start, a linker script, and an entry here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from firmware_sim.errors import BadInput

FLASH_GOAL_BYTES = 10_240  # "about 10 Kb of ROM"
RAM_GOAL_BYTES = 256  # "256 bytes of RAM"
RAM_LIMIT_32_BYTES = 320  # registers of 32 bits cost stack: at most this, and the ledger says why
RAM_LIMIT_MAILBOX_BYTES = 512  # with the eight slots on the chip
CYCLES_LIMIT = 165_000  # ATmega328P, one update without the line

COMMON_FLAGS = (
    "-std=c99", "-Os", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow",
    "-ffunction-sections", "-fdata-sections", "-fshort-enums", "-nostartfiles", "-Wl,--gc-sections",
)  # fmt: skip
# Whole-program, and without the passes that trade stack for time.
FREESTANDING = (
    "-flto",
    "-fno-move-loop-invariants",
    "-fno-tree-pre",
    "-fno-gcse",
    "-ffreestanding",
    "-nostdlib",
    "-L{hal}",
    "-T{hal}/{script}",
)
# Measured with gcc-avr 5.4: whole-program and without the passes that hold addresses in registers, 300 bytes less.
AVR_FLAGS = (
    "-mmcu=atmega328p", "-flto", "-mrelax", "-fno-jump-tables", "-fno-split-wide-types", "-fno-move-loop-invariants",
    "-fno-tree-scev-cprop", "-fno-tree-vrp", "-fno-tree-pre", "-fno-tree-fre", "-Wl,--relax", "-Wl,-e,planaria_reset",
)  # fmt: skip
# The C kernels instead of the assembly, every function whole: to compare the two.
AVR_C_FLAGS = (
    "-mmcu=atmega328p", "-mrelax", "-fno-jump-tables", "-Wl,--relax", "-Wl,-e,planaria_reset", "-DPLANARIA_NO_ASSEMBLY",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Board:
    """One kind of chip and how a cell is put on it."""

    name: str
    chip: str
    family: str  # "avr" | "arm" | "riscv"
    compiler: str
    package: str  # Debian package of the compiler
    flags: tuple[str, ...]
    sources: tuple[str, ...]  # under firmware/, besides board/ and core/
    clock_hz: int
    flash_bytes: int  # of the chip
    memory_bytes: int
    flash_limit_bytes: int  # what the whole image may take
    ram_limit_bytes: int
    cycles_per_instruction: float  # 0: cycles are measured
    volts: float
    amperes: float  # while computing
    energy_source: str


def _board(**values: object) -> Board:
    return Board(**values)  # type: ignore[arg-type]


_AVR = {
    "chip": "ATmega328P", "family": "avr", "compiler": "avr-gcc", "package": "gcc-avr avr-libc binutils-avr",
    "sources": ("hal/start_avr.S", "hal/atmega328p.c"), "clock_hz": 16_000_000,
    "flash_bytes": 32_768, "memory_bytes": 2_048, "ram_limit_bytes": RAM_GOAL_BYTES, "cycles_per_instruction": 0.0,
    "volts": 5.0, "amperes": 9.2e-3, "energy_source": "ATmega328P data sheet, active at 16 MHz and 5 V, typical",
}  # fmt: skip
_WCH = {
    "family": "riscv", "compiler": "riscv64-unknown-elf-gcc", "package": "gcc-riscv64-unknown-elf",
    "sources": ("hal/start_riscv.S", "hal/ch32v.c"), "volts": 3.3, "ram_limit_bytes": RAM_LIMIT_32_BYTES,
}  # fmt: skip

_BOARDS = (
    _board(name="atmega328p", flags=AVR_FLAGS, flash_limit_bytes=FLASH_GOAL_BYTES, **_AVR),
    _board(name="atmega328p-fast", flags=(*AVR_FLAGS, "-DPLANARIA_FAST"), flash_limit_bytes=32_768, **_AVR),
    _board(
        name="atmega328p-mailbox",
        flags=(*AVR_FLAGS, "-DPLANARIA_MAILBOX=1"),
        flash_limit_bytes=32_768,
        **(_AVR | {"ram_limit_bytes": RAM_LIMIT_MAILBOX_BYTES}),
    ),
    _board(name="atmega328p-c", flags=AVR_C_FLAGS, flash_limit_bytes=32_768, **_AVR),
    _board(
        name="cortex-m0",
        chip="nRF51822",
        family="arm",
        compiler="arm-none-eabi-gcc",
        package="gcc-arm-none-eabi",
        flags=("-mcpu=cortex-m0", "-mthumb", *FREESTANDING),
        sources=("hal/start_arm.S", "hal/nrf51.c"),
        clock_hz=16_000_000,
        flash_bytes=262_144,
        memory_bytes=16_384,
        flash_limit_bytes=12_288,
        ram_limit_bytes=RAM_LIMIT_32_BYTES,
        cycles_per_instruction=0.0,
        volts=3.0,
        amperes=4.4e-3,
        energy_source="nRF51822 product specification, running from flash at 16 MHz",
    ),
    _board(
        name="rv32imc",
        chip="CH32V103",
        flags=("-march=rv32imc_zicsr", "-mabi=ilp32", "-mno-relax", "-msmall-data-limit=0", *FREESTANDING),
        clock_hz=8_000_000,
        flash_bytes=65_536,
        memory_bytes=20_480,
        flash_limit_bytes=12_288,
        cycles_per_instruction=1.5,
        amperes=3.0e-3,
        energy_source="estimate: CH32V103 data sheet, running from flash on its 8 MHz oscillator, about 3 mA",
        **_WCH,
    ),
    _board(
        name="rv32ec",
        chip="CH32V003",
        flags=(
            "-march=rv32ec_zicsr", "-mabi=ilp32e", "-mno-relax", "-msmall-data-limit=0", "-DPLANARIA_CH32V003",
            *FREESTANDING,
        ),
        clock_hz=24_000_000,
        flash_bytes=16_384,
        memory_bytes=2_048,
        flash_limit_bytes=12_288,
        cycles_per_instruction=1.5,
        amperes=5.0e-3,
        energy_source="estimate: CH32V003 data sheet, running from flash at 24 MHz, about 5 mA",
        **_WCH,
    ),
)  # fmt: skip

SCRIPTS: Mapping[str, str] = MappingProxyType(
    {"cortex-m0": "nrf51.ld", "rv32imc": "ch32v103.ld", "rv32ec": "ch32v003.ld"}
)
BOARDS: Mapping[str, Board] = MappingProxyType({board.name: board for board in _BOARDS})
MAIN_BOARDS = ("atmega328p", "cortex-m0", "rv32imc", "rv32ec")


def board(name: str) -> Board:
    """The board of that name; BadInput names those there are."""
    if name not in BOARDS:
        raise BadInput(f"board {name!r} is unknown, expected one of {', '.join(BOARDS)}")
    return BOARDS[name]
