"""An AVR board under simavr: the whole image at its real speed, cycle by cycle, or one function of it.

The little C that stands between ctypes and libsimavr is compiled on first use.  BadInput names the packages when
simavr is missing.  Imports: numpy, image, errors, limits, native_build.
"""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firmware_sim import native_build
from firmware_sim.boards.image import Image
from firmware_sim.errors import BadInput, RunFailed
from firmware_sim.limits import CHANNELS

QUEUE_BYTES = 4096
PAINT = 0xA5
MEMORY_END = 0x900  # ATmega328P: RAM is 0x100 .. 0x8FF
OWN = 1
CALL_LIMIT_CYCLES = 10_000_000


class Avr:
    """One chip, powered, its line in our hands."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self._lib = load()
        flash = image.flash
        self._machine = self._lib.planaria_avr_new(b"atmega328p", image.board.clock_hz, flash, len(flash))
        if not self._machine:
            raise RunFailed("simavr does not know the atmega328p")
        self._memory = self._lib.planaria_avr_memory(self._machine)
        self._flash = self._lib.planaria_avr_flash(self._machine)
        self._core = image.address("planaria_cell")
        self.paint()

    def close(self) -> None:
        if self._machine:
            self._lib.planaria_avr_free(self._machine)
            self._machine = None

    def __enter__(self) -> Avr:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # ---- the whole image

    @property
    def cycles(self) -> int:
        return int(self._lib.planaria_avr_cycles(self._machine))

    def run(self, cycles: int, until_bytes: int = 0) -> None:
        """Go on for that many cycles, or until that many bytes have been said."""
        if self._lib.planaria_avr_run(self._machine, cycles, until_bytes):
            raise RunFailed(f"the AVR crashed at {self._lib.planaria_avr_pc(self._machine):#x}")

    def send(self, data: bytes) -> None:
        if self._lib.planaria_avr_send(self._machine, data, len(data)):
            raise RunFailed("more bytes sent than the line holds")

    def take(self) -> bytes:
        """What the chip has said since the last time."""
        buffer = ctypes.create_string_buffer(QUEUE_BYTES)
        count = int(self._lib.planaria_avr_take(self._machine, buffer))
        return buffer.raw[:count]

    def reset(self) -> None:
        self._lib.planaria_avr_reset(self._machine)

    def watch(self, each: bool) -> None:
        """True: a run ends at its very cycle; False: several times as fast."""
        self._lib.planaria_avr_watch(self._machine, int(each))

    # ---- memory

    def read(self, address: int, count: int) -> bytes:
        return ctypes.string_at(self._memory + address, count)

    def write(self, address: int, data: bytes) -> None:
        ctypes.memmove(self._memory + address, data, len(data))

    def write_flash(self, address: int, data: bytes) -> None:
        ctypes.memmove(self._flash + address, data, len(data))

    def read_flash(self, address: int, count: int) -> bytes:
        return ctypes.string_at(self._flash + address, count)

    # ---- what a hardware fault may lay hands on

    @property
    def ram_span(self) -> tuple[int, int]:
        return self.image.ram_start, self.image.static_ram_bytes

    @property
    def flash_span(self) -> tuple[int, int]:
        start, end = self.image.genome_span()
        return start, end - start

    @property
    def register_count(self) -> int:
        return 32

    def flip_register(self, number: int, bit: int) -> None:
        self.write(number, bytes([self.read(number, 1)[0] ^ 1 << bit]))

    # ---- stack

    def paint(self) -> None:
        start = self.image.ram_end
        self.write(start, bytes([PAINT]) * (MEMORY_END - start))

    def painted_stack_bytes(self) -> int:
        """Bytes from the first that lost its paint to the end of RAM."""
        start = self.image.ram_end
        rest = np.frombuffer(self.read(start, MEMORY_END - start), np.uint8)
        touched = np.flatnonzero(rest != PAINT)
        return 0 if not len(touched) else len(rest) - int(touched[0])

    # ---- one function

    def call(self, name: str, *words: int) -> int:
        """Call a function with 16-bit arguments (r25:24, r23:22, r21:20); its cycles."""
        for index, word in enumerate(words):
            self.write(24 - 2 * index, word.to_bytes(2, "little"))
        self.write(1, b"\0")
        address = self.image.address(name)
        cycles = int(self._lib.planaria_avr_call(self._machine, address, MEMORY_END - 1, CALL_LIMIT_CYCLES))
        if cycles < 0:
            raise RunFailed(f"{name} did not return")
        return cycles

    def update(self, neighbourhood: NDArray[np.int8]) -> tuple[NDArray[np.int8], int]:
        """One update, [3, 3, 16] -> [16], by calling begin, hear and step; with the cycles of all ten calls."""
        flat = neighbourhood.reshape(9, CHANNELS)
        heard = self.image.ram_end + 64
        self.write(self._core + OWN, flat[4].tobytes())
        cycles = self._begin()
        for slot in range(8):
            self.write(heard, flat[slot + (slot >= 4)].tobytes())
            cycles += self.call("planaria_hear", self._core, slot, heard)
        cycles += self.call("planaria_step", self._core, self.image.address("planaria_genome"))
        return np.frombuffer(self.read(self._core + OWN, CHANNELS), np.int8).copy(), cycles

    def _begin(self) -> int:
        if "planaria_begin" in self.image.symbols:
            return self.call("planaria_begin", self._core)
        # Inlined by the whole-program build: 64 bytes cleared in a loop of 9 cycles a word, and the alpha.
        self.write(self._core, b"\x80")
        self.write(self._core + OWN + CHANNELS, bytes(4 * CHANNELS))
        return 32 * 9 + 8


@functools.cache
def load() -> ctypes.CDLL:
    """libsimavr behind our few functions; BadInput names what is missing."""
    flags = ("-O2", "-Wl,--no-as-needed", "-lsimavr", "-lelf")
    try:
        library = native_build.load(Path(__file__).parent / "simavr.c", flags=flags)
    except native_build.NativeUnavailable as error:
        raise BadInput(f"simavr: {error}; apt-get install gcc libc6-dev libsimavr-dev libelf-dev") from error
    pointer, u32, u64 = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64
    signatures: dict[str, tuple[object, list[object]]] = {
        "new": (pointer, [ctypes.c_char_p, u32, ctypes.c_char_p, u32]),
        "free": (None, [pointer]),
        "run": (ctypes.c_int, [pointer, u64, u32]),
        "send": (ctypes.c_int, [pointer, ctypes.c_char_p, u32]),
        "take": (u32, [pointer, ctypes.c_char_p]),
        "call": (ctypes.c_int64, [pointer, u32, ctypes.c_uint16, u64]),
        "memory": (pointer, [pointer]),
        "flash": (pointer, [pointer]),
        "cycles": (u64, [pointer]),
        "pc": (u32, [pointer]),
        "reset": (None, [pointer]),
        "watch": (None, [pointer, ctypes.c_int]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, f"planaria_avr_{name}")
        function.restype, function.argtypes = result, arguments
    return library
