"""Engine `native`: the firmware's own C core, compiled for this machine and called through ctypes.

The same source that runs on the chips (firmware/core) is built on first use into the user's cache and compared with
chip.py on every load.  Flags are plain on purpose: no processor-specific vectors, GCC 12 miscompiles an int8 times a
widened uint8 with AVX512-VNNI under `-march=native`.  Where no compiler is found, `native_engine` says so and gives
engine `chip`, the same bytes.  Never opens a genome file.  Imports: numpy, chip, engines, errors, genome, limits,
native_build.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_sim import chip, native_build
from firmware_sim.engines import ChipEngine, Engine, Family
from firmware_sim.genome import HIDDEN_MIN, Genome
from firmware_sim.limits import CHANNELS

FIRMWARE = Path(__file__).parent / "firmware"
HOST = FIRMWARE / "host" / "host.c"
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow")
OPTIMISE = ("-O2", "-ftree-vectorize")  # of the processor's baseline: 3 us an update where scalar code takes 16

States = NDArray[Any]


class NativeEngine:
    """`update` in machine code of this host; NativeUnavailable without a compiler or when the self-test fails."""

    name = "native"
    family: Family = "int8"
    dtype: np.dtype[Any] = np.dtype(np.int8)
    channels = CHANNELS

    def __init__(self, genome: Genome, degrees: float = 0.0) -> None:
        library = load()
        self._update = library.planaria_host_update
        self.genome = genome.turned(degrees) if degrees % 360.0 else genome
        self._genome = self.genome.to_bytes()
        self._one = np.empty((1, 3, 3, CHANNELS), np.int8)  # kept: an array's address costs more than the call
        self._new = np.empty((1, CHANNELS), np.int8)
        self._addresses = self._one.ctypes.data, self._new.ctypes.data

    def update(self, neighbourhood: States) -> States:
        count = len(neighbourhood)
        if count == 1:
            self._one[:] = neighbourhood
            self._update(self._genome, *self._addresses, 1)
            return self._new.copy()
        cells = np.ascontiguousarray(neighbourhood, np.int8)
        new = np.empty((count, CHANNELS), np.int8)
        self._update(self._genome, cells.ctypes.data, new.ctypes.data, count)
        return new


def native_engine(genome: Genome, degrees: float = 0.0, say: Callable[[str], None] | None = None) -> Engine:
    """NativeEngine, or ChipEngine after one line of why (on stderr unless `say` takes it)."""
    try:
        return NativeEngine(genome, degrees)
    except native_build.NativeUnavailable as reason:
        line = f"engine native: {reason}; engine chip computes the same bytes, slower"
        if say is None:
            print(line, file=sys.stderr)
        else:
            say(line)
        return ChipEngine(genome, degrees)


@functools.cache
def load() -> ctypes.CDLL:
    """The compiled core, once a process."""
    flags = (*OPTIMISE, *STRICT, f"-DPLANARIA_SOURCES=0x{source_hash()}")
    return native_build.load(HOST, flags=flags, self_test=_self_test)


def source_hash() -> str:
    """The compiler's cache sees only host.c: this covers what it includes."""
    digest = hashlib.sha256()
    for path in sorted((FIRMWARE / "core").glob("*.[ch]")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:15]


def _self_test(library: ctypes.CDLL) -> bool:
    """Equal to chip.py on ordinary and extreme states with a genome of extreme bytes; declares the signature too."""
    update = library.planaria_host_update
    update.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32]
    update.restype = None
    rng = np.random.default_rng(1)
    genome = Genome(
        w1=rng.choice([-128, -1, 0, 3, 127], (48, HIDDEN_MIN)).astype(np.int8),
        b1=(rng.integers(-32768, 32768, HIDDEN_MIN) << 3).astype(np.int32),
        w2=rng.integers(-128, 128, (HIDDEN_MIN, CHANNELS)).astype(np.int8),
        b2=rng.integers(-32768, 32768, CHANNELS).astype(np.int16),
        shift=9,
        m=211,
        s=16,
        half1=True,
        half2=True,
        b1_shift=3,
    )
    shape = (32, 3, 3, CHANNELS)
    parts = (rng.integers(-8, 9, shape), rng.integers(-128, 128, shape), rng.choice([-128, 127], shape))
    states = np.concatenate(parts).astype(np.int8)
    new = np.empty((len(states), CHANNELS), np.int8)
    update(genome.to_bytes(), states.ctypes.data, new.ctypes.data, len(states))
    return bool(np.array_equal(new, chip.update(genome, states)))
