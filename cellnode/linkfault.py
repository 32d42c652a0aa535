"""What a faulty link does to a frame: lose it, or hold it back. A fate is a pure function; a gate keeps what is held.

A fate's draw is keyed by (seed, fault, edge, incarnation, sequence), never by the order of arrival, so that the same
frame meets the same fate in every run and one fault changes no other's draws. Faults lie on the incoming edges of their
victims and are counted there. Knows no socket, clock or random source. May import numpy, the draws and the frame.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from cellnode import clockfault
from cellnode.draws import (
    MEAN_MAX_NS,
    Purpose,
    Words,
    chain,
    chain_array,
    chance,
    entity,
    entity_array,
    share,
    share_array,
    stream_key,
)
from cellnode.frame import Frame, decode
from cellnode.mailbox import Tally
from cellnode.messages import LinkFault
from cellnode.panel import Counter
from firmware_sim.errors import BadInput

KINDS = ("loss", "delay")
DELAY_MAX = 64.0  # in T; with HELD_MAX it bounds what a gate keeps
HELD_MAX = 4096  # frames held for one cell; more are lost, and counted as lost


def check(fault: LinkFault) -> LinkFault:
    """The fault itself, or BadInput naming what is wrong with it. A clock's fault is as good as a link's."""
    if fault.kind in clockfault.KINDS:
        return clockfault.check(fault)
    if fault.kind not in KINDS:
        known = (*KINDS, *clockfault.KINDS)
        raise BadInput(f"link fault {fault.id} has kind {fault.kind!r}, expected one of {', '.join(known)}")
    if not 0.0 <= fault.rate <= 1.0:
        raise BadInput(f"link fault {fault.id} has rate {fault.rate}, expected 0..1")
    if not 0.0 <= fault.delay_intervals <= DELAY_MAX:
        raise BadInput(f"link fault {fault.id} delays by {fault.delay_intervals} T, expected 0..{DELAY_MAX:g}")
    return fault


def delay_limit_ns(fault: LinkFault, interval_ns: int) -> int:
    """The longest delay of a fault, in ns; not above 2**43, where the draw's integers end."""
    return min(round(fault.delay_intervals * interval_ns), 8 * MEAN_MAX_NS - 1)


def _purpose(fault: LinkFault) -> Purpose:
    return Purpose.LINK_LOSS if fault.kind == "loss" else Purpose.LINK_DELAY


def fate(
    fault: LinkFault, edge: tuple[int, int], epoch: int, life: int, sequence: int, interval_ns: int
) -> tuple[bool, int]:
    """(lost, delay in ns) of the frame that cell `edge[0]` said to cell `edge[1]`; (False, 0) off the fault's edges."""
    if edge[1] not in fault.cells:
        return False, 0
    who = entity(fault.id, edge[0], edge[1], epoch, life)
    bits = chain(stream_key(fault.rng_seed, who, _purpose(fault)), sequence)
    if fault.kind == "loss":
        return (bits >> 11) < chance(fault.rate), 0
    return False, share(bits, delay_limit_ns(fault, interval_ns))


def fates(
    fault: LinkFault,
    senders: NDArray[np.int64],
    receivers: NDArray[np.int64],
    epochs: NDArray[np.int64],
    lives: NDArray[np.int64],
    sequences: NDArray[np.int64],
    interval_ns: int,
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """`fate` for arrays of frames [n], all on the fault's edges; the same fates."""

    def words(values: NDArray[np.int64]) -> Words:
        return values.astype(np.uint64)

    who = entity_array(fault.id, words(senders), words(receivers), words(epochs), words(lives))
    prefix = chain(chain(0, fault.rng_seed), int(_purpose(fault)))
    bits = chain_array(chain_array(prefix, who), words(sequences))
    if fault.kind == "loss":
        return (bits >> np.uint64(11)) < np.uint64(chance(fault.rate)), np.zeros(len(senders), np.int64)
    late = share_array(bits, delay_limit_ns(fault, interval_ns)).astype(np.int64)
    return np.zeros(len(senders), np.bool_), late


class Gate:
    """The incoming faulty edges of one cell: every message passes, is lost, or is held until it is due.

    The owner calls `admit` for each message before the cell sees it, and gives the cell what `release` returns, in that
    order. While `active`, links must be read without conflation, so that each message meets its fate.
    """

    def __init__(self, cell: int, tag: int, interval_ns: int, counters: Tally) -> None:
        self._cell, self._tag, self._counters = cell, tag, counters
        self.interval_ns = interval_ns
        self._faults: tuple[LinkFault, ...] = ()
        self._held: list[tuple[int, int, int, int, int, bytes]] = []  # due, sender, epoch, life, sequence, message

    def set_faults(self, faults: Iterable[LinkFault]) -> None:
        """The whole wanted list. Held frames of a healed fault still come when they are due."""
        mine = (check(fault) for fault in faults if fault.kind in KINDS and self._cell in fault.cells)
        self._faults = tuple(msgspec.structs.replace(fault, cells=[self._cell]) for fault in mine)

    @property
    def active(self) -> bool:
        return bool(self._faults or self._held)

    @property
    def next_due_ns(self) -> int | None:
        return self._held[0][0] if self._held else None

    def admit(self, data: bytes, now_ns: int) -> bytes | None:
        """The message, if it passes at once. What is no frame of this swarm passes, for the cell to count."""
        if not self._faults:
            return data
        frame = decode(data, self._tag)
        if isinstance(frame, Counter):
            return data
        lost, delay_ns = combined(self._faults, frame, self._cell, self.interval_ns)
        if lost or (delay_ns and len(self._held) >= HELD_MAX):
            self._counters[Counter.FAULT_LOST] += 1
            return None
        if not delay_ns:
            return data
        self._counters[Counter.FAULT_DELAYED] += 1
        key = (now_ns + delay_ns, frame.cell, frame.epoch, frame.life, frame.sequence)
        heapq.heappush(self._held, (*key, data))
        return None

    def release(self, now_ns: int) -> list[bytes]:
        """The messages due by now, earliest first; ties by (sender, incarnation, sequence)."""
        due = []
        while self._held and self._held[0][0] <= now_ns:
            due.append(heapq.heappop(self._held)[-1])
        return due


def combined(faults: Sequence[LinkFault], frame: Frame, receiver: int, interval_ns: int) -> tuple[bool, int]:
    """(lost by any, sum of delays up to DELAY_MAX) of one frame under several faults."""
    lost, delay_ns = False, 0
    for fault in faults:
        gone, late = fate(fault, (frame.cell, receiver), frame.epoch, frame.life, frame.sequence, interval_ns)
        lost, delay_ns = lost or gone, delay_ns + late
    return lost, min(delay_ns, round(DELAY_MAX * interval_ns))
