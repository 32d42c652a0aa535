"""Faults of hardware on an emulated chip: bits that flip or stick, supply that sags, lines that err.

Each has the shape of every fault here: `apply(chip)`, `heal()`, `hits()`; what it does is drawn from its own seed, so a
fault does the same again.  A chip is an Avr or a Machine: both offer the few operations of `Chip`.  Line faults harm
bytes instead: they are given to a trial, or to whoever carries a line.  Imports: the standard library, errors.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Protocol

from firmware_sim.errors import BadInput

PLACES = ("ram", "flash", "register")


class Chip(Protocol):
    """What a hardware fault may lay hands on.  Spans are (first address, bytes)."""

    @property
    def ram_span(self) -> tuple[int, int]: ...

    @property
    def flash_span(self) -> tuple[int, int]: ...

    @property
    def register_count(self) -> int: ...

    def read(self, address: int, count: int) -> bytes: ...

    def write(self, address: int, data: bytes) -> None: ...

    def read_flash(self, address: int, count: int) -> bytes: ...

    def write_flash(self, address: int, data: bytes) -> None: ...

    def flip_register(self, number: int, bit: int) -> None: ...

    def reset(self) -> None: ...


@dataclass(slots=True)
class BitFlips:
    """`count` single-event upsets, once: in static RAM, in the genome's flash, or in the processor's registers.

    `heal` flips RAM and flash back (a register has long been overwritten); a genome healed this way was reprogrammed.
    """

    place: str
    count: int
    rng_seed: int = 0
    _done: list[tuple[Chip, int, int]] = field(default_factory=list)
    _hits: int = 0

    def __post_init__(self) -> None:
        if self.place not in PLACES or self.count < 1:
            raise BadInput(
                f"bit flips: {self.count} in {self.place!r}, expected 1 or more in one of {', '.join(PLACES)}"
            )

    def apply(self, chip: Chip) -> None:
        draw = random.Random(self.rng_seed)
        for _ in range(self.count):
            bit = draw.randrange(8)
            if self.place == "register":
                chip.flip_register(draw.randrange(chip.register_count), bit)
            else:
                first, size = chip.ram_span if self.place == "ram" else chip.flash_span
                address = first + draw.randrange(size)
                self._flip(chip, address, bit)
                self._done.append((chip, address, bit))
            self._hits += 1

    def heal(self) -> None:
        for chip, address, bit in reversed(self._done):
            self._flip(chip, address, bit)
        self._done.clear()

    def hits(self) -> int:
        return self._hits

    def _flip(self, chip: Chip, address: int, bit: int) -> None:
        if self.place == "ram":
            chip.write(address, bytes([chip.read(address, 1)[0] ^ 1 << bit]))
        else:
            chip.write_flash(address, bytes([chip.read_flash(address, 1)[0] ^ 1 << bit]))


@dataclass(slots=True)
class StuckBit:
    """One bit of RAM that cannot change: `hold` must be called between slices of a run; counts how often it held."""

    address: int
    bit: int
    value: int
    _chips: list[Chip] = field(default_factory=list)
    _hits: int = 0

    def apply(self, chip: Chip) -> None:
        first, size = chip.ram_span
        if not first <= self.address < first + size or not 0 <= self.bit < 8 or self.value not in (0, 1):
            raise BadInput(f"stuck bit: {self.address:#x}.{self.bit} = {self.value} is no bit of the RAM at {first:#x}")
        self._chips.append(chip)
        self.hold()

    def hold(self) -> None:
        for chip in self._chips:
            (byte,) = chip.read(self.address, 1)
            held = byte | 1 << self.bit if self.value else byte & ~(1 << self.bit)
            if held != byte:
                chip.write(self.address, bytes([held]))
                self._hits += 1

    def heal(self) -> None:
        self._chips.clear()

    def hits(self) -> int:
        return self._hits


@dataclass(slots=True)
class BrownOut:
    """The supply sags: the chip begins anew, with whatever its RAM then holds (`decay` bits of it flipped first)."""

    decay: int = 0
    rng_seed: int = 0
    _hits: int = 0

    def apply(self, chip: Chip) -> None:
        if self.decay:
            BitFlips("ram", self.decay, self.rng_seed).apply(chip)
        chip.reset()
        self._hits += 1

    def heal(self) -> None:
        """A chip that has restarted needs no healing."""

    def hits(self) -> int:
        return self._hits


@dataclass(slots=True)
class LineHarm:
    """Bytes on a serial line lost, flipped (one bit) or doubled by a random one, each with its probability a byte."""

    lose: float = 0.0
    flip: float = 0.0
    insert: float = 0.0
    rng_seed: int = 0
    _draw: random.Random = field(init=False)
    _hits: int = 0
    _healed: bool = False

    def __post_init__(self) -> None:
        if min(self.lose, self.flip, self.insert) < 0 or self.lose + self.flip + self.insert > 1:
            raise BadInput(
                f"line: lose {self.lose}, flip {self.flip}, insert {self.insert}; expected 0 or more, 1 in all"
            )
        self._draw = random.Random(self.rng_seed)

    def __call__(self, data: bytes) -> bytes:
        if self._healed:
            return data
        out = bytearray()
        for byte in data:
            fate = self._draw.random()
            if fate < self.lose:
                self._hits += 1
            elif fate < self.lose + self.flip:
                out.append(byte ^ 1 << self._draw.randrange(8))
                self._hits += 1
            elif fate < self.lose + self.flip + self.insert:
                out += bytes([self._draw.randrange(256), byte])
                self._hits += 1
            else:
                out.append(byte)
        return bytes(out)

    def heal(self) -> None:
        self._healed = True

    def hits(self) -> int:
        return self._hits
