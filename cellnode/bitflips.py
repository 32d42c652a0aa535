"""Which bits flip, and what is left: draws without repetition, and flips that leave 16 values a frame can carry.

Pure functions of a key; integers only. May import the draws.
"""

from __future__ import annotations

from cellnode.draws import chain, share

_EXPONENT = 0x7F800000  # of a float32: all ones means infinite or NaN


def positions(key: int, count: int, bits: int) -> list[int]:
    """`count` different positions among `bits`; a position that is taken already becomes the next free one."""
    taken: list[int] = []
    for k in range(min(count, bits)):
        at = share(chain(key, k), bits - 1)
        while at in taken:
            at = (at + 1) % bits
        taken.append(at)
    return taken


def flip(data: bytes, at: list[int]) -> bytes:
    """The same bytes with these bits flipped."""
    flipped = bytearray(data)
    for position in at:
        flipped[position >> 3] ^= 1 << (position & 7)
    return bytes(flipped)


def flip_values(values: bytes, at: list[int], itemsize: int) -> bytes:
    """16 values with these bits flipped. A flip to what no frame carries (-128, infinite, NaN) hits another bit of the
    same value: the next one of an int8, the lowest of a float32."""
    flipped = bytearray(values)
    for position in at:
        byte, bit = position >> 3, position & 7
        if itemsize == 1:
            if flipped[byte] ^ 1 << bit == 0x80:
                bit = (bit + 1) % 8
            flipped[byte] ^= 1 << bit
            continue
        first = byte & ~3
        word = int.from_bytes(flipped[first : first + 4], "little")
        changed = word ^ 1 << (8 * (byte - first) + bit)
        if changed & _EXPONENT == _EXPONENT:
            changed = word ^ 1
        flipped[first : first + 4] = changed.to_bytes(4, "little")
    return bytes(flipped)
