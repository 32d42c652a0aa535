"""The fate of one frame on one faulty link: lost, late, doubled, damaged or held. Pure functions, integers only.

A draw is keyed by (seed, fault, edge, incarnation, sequence), never by the order of arrival, so that the same frame
meets the same fate in every run and one fault changes no other's draws. `fate` (one frame) and `fates` (arrays) give
the same. Knows no queue: what is held, and until when, is the gate's business. May import numpy, the draws, bursts,
delays, bit flips and the messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellnode import bitflips, bursts, delays
from cellnode.draws import Purpose, Words, chain, chain_array, chance, entity, entity_array, stream_key
from cellnode.messages import LinkFault

Ints = NDArray[np.int64]


class Fate(NamedTuple):
    """What one fault does to one frame."""

    lost: bool = False
    delay_ns: int = 0
    again_ns: int = 0  # above 0: it comes a second time, so much later than the first
    damaged: bool = False  # `flips` says where
    held: bool = False  # until the fault is healed


@dataclass(frozen=True, slots=True)
class Fates:
    """The same for n frames: arrays [n]."""

    lost: NDArray[np.bool_]
    delay_ns: Ints
    again_ns: Ints
    damaged: NDArray[np.bool_]
    held: NDArray[np.bool_]


UNTOUCHED = Fate()


def fate(fault: LinkFault, edge: tuple[int, int], epoch: int, life: int, sequence: int, interval_ns: int) -> Fate:
    """What becomes of the frame that cell `edge[0]` said to cell `edge[1]`, a victim of the fault."""
    kind = fault.kind
    if kind == "hold":
        return Fate(held=True)
    who = entity(fault.id, edge[0], edge[1], epoch, life)

    def key(purpose: Purpose) -> int:
        return stream_key(fault.rng_seed, who, purpose)

    def hit(purpose: Purpose, probability: float) -> bool:
        return (chain(key(purpose), sequence) >> 11) < chance(probability)

    if kind == "loss":
        return Fate(lost=hit(Purpose.LINK_LOSS, fault.rate))
    if kind == "burst":
        law = bursts.chain_of(fault.burst, fault.gap)
        bad = bursts.bad(law, key(Purpose.LINK_BURST), key(Purpose.LINK_BURST_START), sequence)
        return Fate(lost=hit(Purpose.LINK_LOSS, fault.rate if bad else fault.good))
    if kind == "delay":
        bits = chain(key(Purpose.LINK_DELAY), sequence)
        return Fate(delay_ns=delays.delay_ns(bits, fault.shape, _limit_ns(fault, interval_ns)))
    if kind == "reorder":
        return Fate(delay_ns=_limit_ns(fault, interval_ns)) if hit(Purpose.LINK_REORDER, fault.rate) else UNTOUCHED
    if kind == "duplicate" and hit(Purpose.LINK_DUPLICATE, fault.rate):
        bits = chain(key(Purpose.LINK_DELAY), sequence)
        return Fate(again_ns=1 + delays.delay_ns(bits, "uniform", _limit_ns(fault, interval_ns)))
    if kind == "corrupt":
        return Fate(damaged=hit(Purpose.LINK_CORRUPT, fault.rate))
    return UNTOUCHED


def flips(fault: LinkFault, edge: tuple[int, int], epoch: int, life: int, sequence: int, bits: int) -> list[int]:
    """Which of the `bits` bits of a frame that is damaged are flipped."""
    who = entity(fault.id, edge[0], edge[1], epoch, life)
    return bitflips.positions(
        chain(stream_key(fault.rng_seed, who, Purpose.LINK_FLIP), sequence), int(fault.bits), bits
    )


def fates(
    fault: LinkFault, senders: Ints, receivers: Ints, epochs: Ints, lives: Ints, sequences: Ints, interval_ns: int
) -> Fates:
    """`fate` for arrays of frames [n], all on the fault's edges."""
    n, kind = len(senders), fault.kind
    no, never = np.zeros(n, np.bool_), np.zeros(n, np.int64)
    if kind == "hold":
        return Fates(no, never, never, no, np.ones(n, np.bool_))
    who = entity_array(fault.id, *(column.astype(np.uint64) for column in (senders, receivers, epochs, lives)))
    at = sequences.astype(np.uint64)

    def key(purpose: Purpose) -> Words:
        return np.broadcast_to(chain_array(chain(chain(0, fault.rng_seed), int(purpose)), who), n)

    def hit(purpose: Purpose, probability: float) -> NDArray[np.bool_]:
        below: NDArray[np.bool_] = (chain_array(key(purpose), at) >> np.uint64(11)) < np.uint64(chance(probability))
        return below

    if kind == "loss":
        return Fates(hit(Purpose.LINK_LOSS, fault.rate), never, never, no, no)
    if kind == "burst":
        law = bursts.chain_of(fault.burst, fault.gap)
        bad = bursts.bad_array(law, key(Purpose.LINK_BURST), key(Purpose.LINK_BURST_START), sequences)
        lost = np.where(bad, hit(Purpose.LINK_LOSS, fault.rate), hit(Purpose.LINK_LOSS, fault.good))
        return Fates(lost, never, never, no, no)
    limit_ns = _limit_ns(fault, interval_ns)
    if kind == "delay":
        bits = chain_array(key(Purpose.LINK_DELAY), at)
        return Fates(no, delays.delay_ns_array(bits, fault.shape, limit_ns), never, no, no)
    if kind == "reorder":
        return Fates(no, np.where(hit(Purpose.LINK_REORDER, fault.rate), limit_ns, 0), never, no, no)
    if kind == "duplicate":
        lag = 1 + delays.delay_ns_array(chain_array(key(Purpose.LINK_DELAY), at), "uniform", limit_ns)
        return Fates(no, never, np.where(hit(Purpose.LINK_DUPLICATE, fault.rate), lag, 0), no, no)
    if kind == "corrupt":
        return Fates(no, never, never, hit(Purpose.LINK_CORRUPT, fault.rate), no)
    return Fates(no, never, never, no, no)


def service_ns(fault: LinkFault, interval_ns: int) -> int:
    """How long a link of limited rate is taken by one frame."""
    return max(1, round(interval_ns / fault.per_interval))


def _limit_ns(fault: LinkFault, interval_ns: int) -> int:
    return round(fault.delay_intervals * interval_ns)
