"""The genome: a rule as the bytes that a cell's chip holds in ROM, and the judge of such bytes.

Layout, little endian, one sequential pass (version 1):

    offset  size  field
         0     3  magic "PLN"
         3     1  version, 1
         4     2  hidden units H, 16..256
         6     2  M, multiplier of the output
         8     1  k, 5: a state s means s / 2**k
         9     1  shift, from the first layer's sum to a hidden unit
        10     1  alive threshold, 3: alive where alpha > 3
        11     1  S, right shift of the output
        12     1  flags: bit 0 half1, bit 1 half2 (the weights of that layer mean byte + 1/2); the others are 0
        13     1  left shift of every b1
        14     2  CRC-16 (CCITT, initial value 0xFFFF) over everything, with these two bytes as zero
        16    32  b2, int16[16]
        48  66 H  for each hidden unit: b1 int16, w1 int8[48], w2 int8[16]

What they mean is in chip.py.  `from_bytes` rejects whatever could overflow 32 bits for any state; an accumulator stays
within 24 bits whatever the bytes (256 units of 255 * -128 and a bias of -32768 make -2**23).  It computes no update
and opens no file.  Imports: numpy, errors, limits, rule; quantise when asked to.
"""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_sim.errors import BadInput
from firmware_sim.limits import (
    ALIVE_THRESHOLD_INT8,
    CHANNELS,
    HIDDEN_RANGE,
    HIDDEN_STEPS,
    STATE_BITS,
    STATE_STEP,
    Limits,
)
from firmware_sim.rule import Rule

MAGIC = b"PLN"
VERSION = 1
HEADER = struct.Struct("<3sBHHBBBBBBH")
HEADER_BYTES = HEADER.size
UNIT_BYTES = 2 + 3 * CHANNELS + CHANNELS
HIDDEN_MIN, HIDDEN_MAX = 16, 256
MAX_GENOME_BYTES = HEADER_BYTES + 2 * CHANNELS + HIDDEN_MAX * UNIT_BYTES
HALF1, HALF2 = 1, 2
SUM_SCALE = 8 << STATE_BITS  # the first layer sums w * 8 * 32 * x: Sobel sums are not divided by 8, states by 32
INT32_MAX = (1 << 31) - 1
SHIFT_RANGE = (1, 16)
OUTPUT_SHIFT_RANGE = (1, 30)
B1_SHIFT_MAX = 15
STATE_EXTREME = 128  # a core never says -128, but a frame may carry it
SOBEL_EXTREME = 4 * (STATE_EXTREME + STATE_EXTREME - 1)

_UNIT = np.dtype([("b1", "<i2"), ("w1", "i1", (3 * CHANNELS,)), ("w2", "i1", (CHANNELS,))])


@dataclass(frozen=True, eq=False, slots=True)
class Genome:
    """w1 int8[48, H], b1 int32[H] (an int16 << b1_shift), w2 int8[H, 16], b2 int16[16] and the scalars of the header.

    Making one checks everything: BadInput for a wrong shape, a value out of range or a worst case that overflows.
    """

    w1: NDArray[np.int8]
    b1: NDArray[np.int32]
    w2: NDArray[np.int8]
    b2: NDArray[np.int16]
    shift: int
    m: int
    s: int
    k: int = STATE_BITS
    alive: int = ALIVE_THRESHOLD_INT8
    half1: bool = False
    half2: bool = False
    b1_shift: int = 0

    def __post_init__(self) -> None:
        kinds = {"w1": np.int8, "b1": np.int32, "w2": np.int8, "b2": np.int16}
        for name, kind in kinds.items():
            given = np.asarray(getattr(self, name))
            values = np.array(given, dtype=kind, order="C")
            if not np.array_equal(values, given):
                raise BadInput(f"genome: a value of {name} does not fit {np.dtype(kind).name}")
            values.flags.writeable = False
            object.__setattr__(self, name, values)
        _check_shapes(self)
        _check_scalars(self)
        _check_overflow(self)

    @property
    def hidden(self) -> int:
        return int(self.w2.shape[0])

    @staticmethod
    def quantise(rule: Rule, *, half1: bool = False, half2: bool = False) -> Genome:
        """The genome of a float rule, see quantise.py; BadInput when the rule does not fit a chip."""
        from firmware_sim.quantise import quantise

        return quantise(rule, half1=half1, half2=half2)

    def to_bytes(self) -> bytes:
        """The blob: 16 + 32 + 66 * hidden bytes, 8,496 for 128 hidden units."""
        units = np.zeros(self.hidden, dtype=_UNIT)
        units["b1"] = self.b1 >> self.b1_shift
        units["w1"] = self.w1.T
        units["w2"] = self.w2
        body = self.b2.astype("<i2").tobytes() + units.tobytes()
        return _header(self, _crc(_header(self, 0), body)) + body

    @staticmethod
    def from_bytes(blob: bytes, name: str = "genome") -> Genome:
        """The genome behind a blob.  BadInput, naming `name`, unless every byte is as `to_bytes` would write it."""
        blob = bytes(blob)
        if len(blob) < HEADER_BYTES:
            raise BadInput(f"{name}: {len(blob)} bytes, too short for a genome's header of {HEADER_BYTES}")
        magic, version, hidden, m, k, shift, alive, s, flags, b1_shift, crc = HEADER.unpack_from(blob)
        if magic != MAGIC:
            raise BadInput(f"{name}: not a genome (begins with {magic!r}, expected {MAGIC!r})")
        if version != VERSION:
            raise BadInput(f"{name}: genome version {version}, this program reads version {VERSION}")
        expected = HEADER_BYTES + 2 * CHANNELS + hidden * UNIT_BYTES
        if not HIDDEN_MIN <= hidden <= HIDDEN_MAX or len(blob) != expected:
            raise BadInput(f"{name}: {len(blob)} bytes, expected {expected} for {hidden} hidden units (truncated?)")
        body = blob[HEADER_BYTES:]
        if crc != _crc(blob[: HEADER_BYTES - 2] + b"\0\0", body):
            raise BadInput(f"{name}: the checksum does not match, the genome is damaged; export it again")
        if flags & ~(HALF1 | HALF2):
            raise BadInput(f"{name}: unknown flags {flags:#04x}")
        units = np.frombuffer(body, dtype=_UNIT, offset=2 * CHANNELS)
        try:
            return Genome(
                w1=np.ascontiguousarray(units["w1"].T),
                b1=units["b1"].astype(np.int32) << min(b1_shift, B1_SHIFT_MAX + 1),
                w2=units["w2"],
                b2=np.frombuffer(body, dtype="<i2", count=CHANNELS).astype(np.int16),
                shift=shift,
                m=m,
                s=s,
                k=k,
                alive=alive,
                half1=bool(flags & HALF1),
                half2=bool(flags & HALF2),
                b1_shift=b1_shift,
            )
        except BadInput as error:
            raise BadInput(f"{name}: {error}") from error

    def dequantise(self, hidden_max: float = HIDDEN_RANGE) -> Rule:
        """The float rule that the bytes mean; limits `round`, `hidden_max` capping the hidden units.

        The bytes hold only the product of both layers' scales.  A ReLU passes a positive scale through, so any
        `hidden_max` gives the same function; 0..255 = 0..2.4 is the convention.  The floor of `a >> shift` takes half
        a hidden step away on average, which the float bias therefore lacks.
        """
        hidden_step = hidden_max / HIDDEN_STEPS
        unit = hidden_step / (1 << self.shift)
        step1 = unit * SUM_SCALE
        step2 = self.m / (1 << self.s) * STATE_STEP / hidden_step
        return Rule(
            w1=((self.w1 + 0.5 * self.half1) * step1).astype(np.float32),
            b1=((self.b1 - (1 << (self.shift - 1))) * unit).astype(np.float32),
            w2=((self.w2 + 0.5 * self.half2) * step2).astype(np.float32),
            b2=(self.b2 * (step2 * hidden_step)).astype(np.float32),
            limits=Limits(limit="round", hidden_max=hidden_max),
        )

    def turned(self, degrees: float) -> Genome:
        """The genome of the turned rule: dequantised, turned, quantised anew; exact at multiples of 90 degrees."""
        from firmware_sim.quantise import quantise

        return quantise(self.dequantise().turned(degrees), half1=self.half1, half2=self.half2)


def sum_bounds(genome: Genome) -> tuple[int, int, int]:
    """The largest magnitudes any state can cause: first layer's sum, accumulator, product with M (before its shift).

    Partial sums in any order stay below the first; the second is exact, hidden units being free in 0..255.
    """
    own, sobel = np.split(np.abs(genome.w1.astype(np.int64)), [CHANNELS])
    first = np.abs(genome.b1.astype(np.int64)) + 8 * STATE_EXTREME * own.sum(axis=0) + SOBEL_EXTREME * sobel.sum(axis=0)
    half1 = (8 * STATE_EXTREME + 2 * SOBEL_EXTREME) * CHANNELS * genome.half1
    w2, b2 = genome.w2.astype(np.int64), genome.b2.astype(np.int64)
    half2 = HIDDEN_STEPS * genome.hidden * genome.half2 >> 1
    high = (np.maximum(b2, 0) + HIDDEN_STEPS * np.maximum(w2, 0).sum(axis=0)).max() + half2
    low = (np.minimum(b2, 0) + HIDDEN_STEPS * np.minimum(w2, 0).sum(axis=0)).min()
    accumulator = int(max(high, -low))
    return int(first.max()) + half1, accumulator, accumulator * genome.m + (1 << (genome.s - 1))


def _check_shapes(genome: Genome) -> None:
    if genome.w2.ndim != 2 or not HIDDEN_MIN <= genome.w2.shape[0] <= HIDDEN_MAX:
        raise BadInput(f"w2 has shape {genome.w2.shape}, expected [{HIDDEN_MIN}..{HIDDEN_MAX}, {CHANNELS}]")
    hidden = genome.w2.shape[0]
    shapes = {"w1": (3 * CHANNELS, hidden), "b1": (hidden,), "w2": (hidden, CHANNELS), "b2": (CHANNELS,)}
    for name, shape in shapes.items():
        if getattr(genome, name).shape != shape:
            raise BadInput(f"{name} has shape {getattr(genome, name).shape}, expected {shape}")


def _check_scalars(genome: Genome) -> None:
    ranges = {
        "k": (STATE_BITS, STATE_BITS),  # states are read as s/32 everywhere
        "alive": (ALIVE_THRESHOLD_INT8, ALIVE_THRESHOLD_INT8),
        "shift": SHIFT_RANGE,
        "m": (1, 0xFFFF),
        "s": OUTPUT_SHIFT_RANGE,
        "b1_shift": (0, B1_SHIFT_MAX),
    }
    for name, (low, high) in ranges.items():
        if not low <= getattr(genome, name) <= high:
            raise BadInput(f"{name} is {getattr(genome, name)}, expected {low}..{high}")
    kept = genome.b1 >> genome.b1_shift
    if (kept << genome.b1_shift != genome.b1).any() or (np.abs(kept + 0.5) > 0x8000).any():
        raise BadInput(f"b1 is not an int16 shifted left by {genome.b1_shift}")


def _check_overflow(genome: Genome) -> None:
    first, _, product = sum_bounds(genome)
    if first > INT32_MAX:
        raise BadInput(f"the first layer's sum could reach {first}, which overflows 32 bits")
    if product > INT32_MAX:
        raise BadInput(f"accumulator * M could reach {product}, which overflows 32 bits")


def _header(genome: Genome, crc: int) -> bytes:
    flags = HALF1 * genome.half1 | HALF2 * genome.half2
    scalars = (genome.k, genome.shift, genome.alive, genome.s, flags, genome.b1_shift)
    return HEADER.pack(MAGIC, VERSION, genome.hidden, genome.m, *scalars, crc)


def _crc(header: bytes, body: bytes) -> int:
    return binascii.crc_hqx(body, binascii.crc_hqx(header, 0xFFFF))
