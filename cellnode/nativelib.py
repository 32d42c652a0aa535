"""The library of native/library.c, and the memory it works on as NumPy sees it: layouts, build, self-test.

Built on first use into the user's cache and compared with the draws and the integer core on every load; where there is
no compiler, or `PLANARIA_NATIVE=0`, `NativeUnavailable` says so in one line. `PLANARIA_SIMD=0` leaves the vector
instructions out: the same bytes, slower. Runs nothing of its own. May import numpy, firmware_sim, and constants and
draws of the state machine.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.mailbox import NEVER_NS
from cellnode.panel import COPY_DTYPE, COUNTERS, SLOT_DTYPE, Counter
from firmware_sim import chip, native_build
from firmware_sim.genome import HIDDEN_MIN, Genome
from firmware_sim.limits import ALIVE_THRESHOLD_INT8, ALPHA, CHANNELS

FOLDER = Path(__file__).parent / "native"
STRICT = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow")
HERE, ELSEWHERE = 1, 2  # what `on` may be, beside 0
OPTIMISE = ("-O2", "-ftree-vectorize")  # of the processor's baseline; core_avx2.c asks for more, where there is more

SLOT = np.dtype(
    [
        ("incarnation", np.int64),
        ("sequence", np.int64),
        ("heard_at_ns", np.int64),
        ("next_within", np.int64),
        ("state", np.int8, (CHANNELS,)),
    ]
)
CELL = np.dtype(
    [
        *((name, np.int64) for name in ("next_wake_ns", "due_ns", "look_at_ns")),
        ("received", np.uint64),
        ("own", np.int8, (CHANNELS,)),
        *((name, np.uint8) for name in ("on", "fixed", "changed", "next_within", "filled", "greeted")),
        *((name, np.uint8) for name in ("alive", "living")),
        *((name, np.int32) for name in ("fault_count", "fault_first")),
        ("neighbours", np.int32, (8,)),
        *((name, np.int32) for name in ("engine", "held", "held_count", "clock_count")),
        *((name, np.int64) for name in ("hello_until_ns", "incarnation", "sequence")),
        *((name, np.uint64) for name in ("clock_key", "draws")),
        ("quiet", np.int64),
        ("clock_first", np.int64),
        *((name, np.int64) for name in ("number", "not_before_ns")),
        ("page", np.uint64),  # an address
        ("slots", SLOT, (8,)),
        ("counters", np.uint64, (COUNTERS,)),
        ("answered", np.int64, (8,)),
    ]
)
FAULT = np.dtype(
    [
        *((name, np.uint64) for name in ("id_key", "key", "second_key", "third_key", "chance", "chance_between")),
        *((name, np.uint64) for name in ("enter", "stay", "stationary")),
        *((name, np.int64) for name in ("limit_ns", "middle", "reach")),
        ("table", np.uint64),  # an address
        *((name, np.int64) for name in ("kind", "constant")),
    ]
)
EDGES = np.dtype([("fault", np.int32), ("slots", np.int32)])
STRUCK = np.dtype(
    [
        ("rule", np.uint64),  # an address
        *((name, np.int64) for name in ("spared", "lying")),
        ("said", np.int8, (CHANNELS,)),
    ]
)
HELD = np.dtype(
    [
        *((name, np.int64) for name in ("due_ns", "sender", "incarnation", "sequence")),
        *((name, np.int32) for name in ("left", "right", "copy", "slot", "hello", "next_within")),
        ("state", np.int8, (CHANNELS,)),
    ]
)
HEARD = np.dtype(
    [
        *((name, np.int64) for name in ("sender", "incarnation", "sequence")),
        *((name, np.int32) for name in ("receiver", "slot", "hello", "next_within")),
        ("state", f"V{CHANNELS}"),
    ]
)
SAID = np.dtype(
    [
        *((name, np.int64) for name in ("time_ns", "cell", "life", "sequence")),
        *((name, np.int32) for name in ("hello", "next_within")),
        ("state", "V16"),
    ]
)
EVENT = np.dtype([("at_ns", np.int64), ("next", np.int32), ("before", np.int32)])
RULE_BYTES = 6 * 4 + 4 * CHANNELS + 256 * 4 + 256 * 3 * CHANNELS * 2 + 256 * CHANNELS * 2

ASK = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)


class World(ctypes.Structure):
    """`world` of native/world.h: where the buffers are, and what holds for all cells."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("cells", "rule", "intervals", "faults", "edges", "struck")),
        *((name, ctypes.c_void_p) for name in ("held", "log")),
        *((name, ctypes.c_void_p) for name in ("events", "buckets")),
        ("ask", ASK),
        *((name, ctypes.c_int64) for name in ("interval_ns", "epoch", "delay_max_ns")),
        ("wake_key", ctypes.c_uint64),
        *((name, ctypes.c_int64) for name in ("log_count", "log_room", "shown_later_ns")),
        *((name, ctypes.c_int32) for name in ("held_free", "held_room", "bucket_shift", "bucket_mask")),
        *((name, ctypes.c_int32) for name in ("queued", "simd", "failed", "unused")),
    )


_SIZES = [
    ctypes.sizeof(World),
    CELL.itemsize,
    FAULT.itemsize,
    HELD.itemsize,
    SAID.itemsize,
    EVENT.itemsize,
    RULE_BYTES,
    EDGES.itemsize,
    HEARD.itemsize,
    STRUCK.itemsize,
    COPY_DTYPE.itemsize,
    *(SLOT_DTYPE.fields[name][1] for name in ("counters", "flip", "copies", "say_times")),  # type: ignore[index]
]


@functools.cache
def load(extra: Sequence[str] = ()) -> ctypes.CDLL:
    """The compiled library, once a process; `extra`: more flags for the compiler. Raises NativeUnavailable."""
    flags = (*OPTIMISE, *STRICT, *extra, f"-DPLANARIA_SOURCES=0x{source_hash()}")
    return native_build.load(FOLDER / "library.c", flags=flags, self_test=_self_test)


def source_hash() -> str:
    """The compiler's cache sees only library.c: this covers what it includes."""
    digest = hashlib.sha256()
    for path in sorted(FOLDER.glob("*.[ch]")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:15]


def simd(library: ctypes.CDLL) -> bool:
    """Whether the vector core is used: this processor has it, and nobody switched it off."""
    return bool(library.planaria_world_has_simd()) and os.environ.get("PLANARIA_SIMD") != "0"


def rule_of(library: ctypes.CDLL, genome: Genome) -> NDArray[np.uint8]:
    """A genome as the core reads it, with all its bytes at least 64-byte aligned."""
    rule = aligned(RULE_BYTES, np.dtype(np.uint8))
    library.planaria_world_rule(rule.ctypes.data, genome.to_bytes())
    return rule


def aligned(count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """`count` zeros that begin at a cache line."""
    raw = np.zeros(count * dtype.itemsize + 64, np.uint8)
    first = -raw.ctypes.data % 64
    return raw[first : first + count * dtype.itemsize].view(dtype)


def blank(count: int) -> NDArray[Any]:
    """So many cells without power, neighbours or faults."""
    cells = aligned(count, CELL)
    cells["next_wake_ns"] = cells["due_ns"] = NEVER_NS
    cells["held"] = cells["neighbours"] = -1
    cells["number"] = np.arange(count)
    cells["changed"] = cells["next_within"] = 1
    cells["slots"]["next_within"] = 1
    return cells


def counters_of(cells: NDArray[np.void]) -> NDArray[np.uint64]:
    """[cells, COUNTERS], a copy; one of them lies elsewhere in C."""
    counters: NDArray[np.uint64] = cells["counters"].copy()
    counters[:, Counter.RECEIVED] = cells["received"]
    return counters


def _declare(library: ctypes.CDLL) -> None:
    address, i32, i64 = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64
    world = ctypes.POINTER(World)
    signatures: dict[str, tuple[list[Any], Any]] = {
        "sizes": ([address], None),
        "has_simd": ([], i32),
        "rule": ([address, ctypes.c_char_p], None),
        "update": ([address, i32, address, address, i32], None),
        "power": ([world, address, i64, i32, i64], None),
        "erase": ([world, address, i64, i64], None),
        "seed": ([world, address, i64, ctypes.c_char_p, i64], None),
        "corrupt": ([world, i64, ctypes.c_char_p, i64], None),
        "refit": ([world, i64, i64], None),
        "jump": ([world, i64, i64, i64], None),
        "run": ([world, i32, i32, i64], i32),
        "hear": ([world, i32, i32, address, i64, i64], i64),
        "set_interval": ([world, i32, i32, i64], None),
    }
    for name, (arguments, result) in signatures.items():
        function = getattr(library, f"planaria_world_{name}")
        function.argtypes, function.restype = arguments, result


def _self_test(library: ctypes.CDLL) -> bool:
    """Both sides mean the same memory, and both cores give chip.py's bytes on ordinary and extreme states."""
    _declare(library)
    sizes = np.zeros(len(_SIZES), np.int64)
    library.planaria_world_sizes(sizes.ctypes.data)
    if sizes.tolist() != _SIZES:
        return False
    rng = np.random.default_rng(1)
    genome = Genome(
        w1=rng.choice([-128, -1, 0, 3, 127], (48, HIDDEN_MIN + 1)).astype(np.int8),
        b1=(rng.integers(-32768, 32768, HIDDEN_MIN + 1) << 3).astype(np.int32),
        w2=rng.integers(-128, 128, (HIDDEN_MIN + 1, CHANNELS)).astype(np.int8),
        b2=rng.integers(-32768, 32768, CHANNELS).astype(np.int16),
        shift=9,
        m=211,
        s=16,
        half1=True,
        half2=True,
        b1_shift=3,
    )
    shape = (32, 3, 3, CHANNELS)
    parts = (rng.integers(-8, 9, shape), rng.integers(-127, 128, shape), rng.choice([-127, 127], shape))
    states = np.concatenate(parts).astype(np.int8)
    return all(
        np.array_equal(core_update(library, genome, states, vectors), chip.update(genome, states))
        for vectors in ((False, True) if library.planaria_world_has_simd() else (False,))
    )


def core_update(
    library: ctypes.CDLL, genome: Genome, neighbourhood: NDArray[np.int8], vectors: bool
) -> NDArray[np.int8]:
    """int8[n, 3, 3, 16] -> int8[n, 16] by the library's core, to compare it with others."""
    count = len(neighbourhood)
    cells = blank(count)
    block = neighbourhood.reshape(count, 9, CHANNELS)
    cells["own"] = block[:, 4]
    cells["slots"]["state"] = np.delete(block, 4, axis=1)
    cells["alive"] = np.packbits(
        cells["slots"]["state"][:, :, ALPHA] > ALIVE_THRESHOLD_INT8, axis=1, bitorder="little"
    )[:, 0]
    rule, new = rule_of(library, genome), np.zeros((count, CHANNELS), np.int8)
    library.planaria_world_update(rule.ctypes.data, vectors, cells.ctypes.data, new.ctypes.data, count)
    return new
