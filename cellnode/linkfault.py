"""Which faults may lie on links, and the gate through which a cell's incoming frames pass: lost, damaged, held, late.

What becomes of a frame is `linkfate`'s business; a gate keeps what is on its way, and counts at the victim. Faults lie
on the incoming edges of their victims. Several faults add up: lost by any, damaged by each, late by the sum. Knows no
socket, clock or random source. May import the frame, fates, bit flips, the messages and the panel's counters.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

import msgspec

from cellnode import bitflips, bursts, cellfault, clockfault, delays
from cellnode.frame import Frame, decode, encode
from cellnode.linkfate import fate, flips, service_ns
from cellnode.mailbox import Tally
from cellnode.messages import LinkFault
from cellnode.panel import Counter
from firmware_sim.errors import BadInput

KINDS = ("loss", "burst", "delay", "reorder", "duplicate", "corrupt", "rate", "hold")
DELAY_MAX = 64.0  # in T; with HELD_MAX it bounds what a gate keeps
HELD_MAX = 4096  # frames held for one cell; more are lost, and counted as lost
ALL_SLOTS = 255
FULL = -1  # the queue before a link of limited rate

Key = tuple[int, int, int, int, int]  # sender, epoch, life, sequence, 1 for a copy


def check(fault: LinkFault) -> LinkFault:
    """The fault itself, or BadInput naming what is wrong with it. Faults of clocks and of cells, too."""
    if fault.kind in clockfault.KINDS:
        return clockfault.check(fault)
    if fault.kind in cellfault.KINDS:
        return cellfault.check(fault)

    def expect(good: bool, what: str) -> None:
        if not good:
            raise BadInput(f"link fault {fault.id} {what}")

    known = ", ".join((*KINDS, *clockfault.KINDS, *cellfault.KINDS))
    expect(fault.kind in KINDS, f"has kind {fault.kind!r}, expected one of {known}")
    expect(0.0 <= fault.rate <= 1.0, f"has rate {fault.rate}, expected 0..1")
    expect(0.0 <= fault.delay_intervals <= DELAY_MAX, f"delays by {fault.delay_intervals} T, expected 0..{DELAY_MAX:g}")
    expect(
        not fault.slots or (len(fault.slots) == len(fault.cells) and all(0 < mask <= 255 for mask in fault.slots)),
        f"has {len(fault.slots)} masks of edges for {len(fault.cells)} cells, expected one of 1..255 for each, or none",
    )
    if fault.kind == "delay":
        expect(fault.shape in delays.SHAPES, f"has shape {fault.shape!r}, expected one of {', '.join(delays.SHAPES)}")
    elif fault.kind == "burst":
        lengths = all(1 <= length <= bursts.LENGTH_MAX for length in (fault.burst, fault.gap))
        expect(lengths and 1 / fault.burst + 1 / fault.gap <= 1, _bursts_impossible(fault))
        expect(0.0 <= fault.good <= 1.0, f"loses {fault.good} between bursts, expected 0..1")
    elif fault.kind == "corrupt":
        expect(1 <= fault.bits <= 64, f"flips {fault.bits} bits, expected 1..64")
    elif fault.kind == "rate":
        expect(1e-3 <= fault.per_interval <= 1e3, f"passes {fault.per_interval} frames in T, expected 0.001..1000")
        expect(0 <= fault.places <= HELD_MAX, f"has {fault.places} places, expected 0..{HELD_MAX}")
    return fault


def _bursts_impossible(fault: LinkFault) -> str:
    return (
        f"has bursts of {fault.burst} frames, {fault.gap} between them: expected 1..{bursts.LENGTH_MAX:g} each, "
        "and 1/burst + 1/gap not above 1"
    )


def for_one(fault: LinkFault, place: int) -> LinkFault:
    """The fault as it concerns the cell at this place of its list."""
    slots = fault.slots[place : place + 1]
    return msgspec.structs.replace(fault, cells=[fault.cells[place]], slots=slots)


def queued(free_ns: int, now_ns: int, service: int, places: int) -> tuple[int, int]:
    """(delay, when the link is free again) of a frame before a link of limited rate that is free at `free_ns`; the
    delay is FULL when more than `places` frames wait already."""
    start_ns = max(free_ns, now_ns)
    if start_ns - now_ns > places * service:
        return FULL, free_ns
    return start_ns - now_ns, start_ns + service


def damage(data: bytes, frame: Frame, faults: Sequence[LinkFault], receiver: int) -> bytes | Counter:
    """The values in a frame after these faults have flipped bits in it, or the reason for which a receiver drops it.

    Where the receiver checks the CRC any bit of the frame may flip, and the frame is dropped. Where it does not
    (`checked` false on all), bits flip in the 16 values only, and what is left of them is taken for the truth.
    """
    edge, values, checked = (frame.cell, receiver), frame.values, False
    for fault in faults:
        where = (fault, edge, frame.epoch, frame.life, frame.sequence)
        if fault.checked:
            checked, data = True, bitflips.flip(data, flips(*where, 8 * len(data)))
        else:
            values = bitflips.flip_values(values, flips(*where, 8 * len(values)), 1 if len(values) == 16 else 4)
    if not checked:
        return values
    found = decode(data, frame.tag)
    return found if isinstance(found, Counter) else Counter.DROP_CRC


class Gate:
    """The incoming faulty edges of one cell: every message passes, is lost, or is held until it is due.

    The owner calls `admit` for each message before the cell sees it, and gives the cell what `release` returns, in that
    order. While `active`, links must be read without conflation, so that each message meets its fate. `neighbours`
    names the cell in each slot.
    """

    def __init__(
        self, cell: int, tag: int, interval_ns: int, counters: Tally, neighbours: Sequence[int] = (-1,) * 8
    ) -> None:
        self._cell, self._tag, self._counters = cell, tag, counters
        self.interval_ns = interval_ns
        self._faults: tuple[LinkFault, ...] = ()
        self._late: list[tuple[int, Key, bytes]] = []  # a heap by due time
        self._kept: list[tuple[set[int], int, Key, bytes]] = []  # by which faults, and how late once they are healed
        self._free_ns: dict[tuple[int, int], int] = {}  # (fault, sender): when a link of limited rate is free again
        self._slot_of: dict[int, int] = {}
        self.wire(neighbours)

    def wire(self, neighbours: Sequence[int]) -> None:
        """Say which cell lies in each slot (-1: none)."""
        self._slot_of = {cell: slot for slot, cell in enumerate(neighbours) if cell >= 0}

    def set_faults(self, faults: Iterable[LinkFault], now_ns: int = 0) -> None:
        """The whole wanted list. Late frames of a healed fault still come when they are due; held ones come now."""
        mine = [fault for fault in faults if fault.kind in KINDS and self._cell in fault.cells]
        self._faults = tuple(for_one(check(fault), fault.cells.index(self._cell)) for fault in mine)
        holding = {fault.id for fault in self._faults if fault.kind == "hold"}
        kept, self._kept = self._kept, []
        for ids, delay_ns, key, data in kept:
            ids &= holding
            if ids:
                self._kept.append((ids, delay_ns, key, data))
            else:
                heapq.heappush(self._late, (now_ns + 1 + delay_ns, key, data))

    @property
    def active(self) -> bool:
        return bool(self._faults or self._late or self._kept)

    @property
    def next_due_ns(self) -> int | None:
        return self._late[0][0] if self._late else None

    def admit(self, data: bytes, now_ns: int) -> bytes | None:
        """The message, if it passes at once. What is no frame of this swarm passes, for the cell to count."""
        if not self._faults:
            return data
        frame = decode(data, self._tag)
        if isinstance(frame, Counter):
            return data
        mine = [fault for fault in self._faults if self._lies_on(fault, frame.cell)]
        return self._meet(data, frame, mine, now_ns) if mine else data

    def release(self, now_ns: int) -> list[bytes]:
        """The messages due by now, earliest first; ties by (sender, incarnation, sequence)."""
        due = []
        while self._late and self._late[0][0] <= now_ns:
            due.append(heapq.heappop(self._late)[-1])
        return due

    def shift(self, ns: int) -> None:
        """All clocks stood still for `ns`."""
        self._late = [(due_ns + ns, key, data) for due_ns, key, data in self._late]
        self._free_ns = {edge: at_ns + ns for edge, at_ns in self._free_ns.items()}

    def _lies_on(self, fault: LinkFault, sender: int) -> bool:
        if not fault.slots:
            return True
        slot = self._slot_of.get(sender)
        return slot is not None and bool(fault.slots[0] >> slot & 1)

    def _meet(self, data: bytes, frame: Frame, faults: list[LinkFault], now_ns: int) -> bytes | None:
        edge, counters = (frame.cell, self._cell), self._counters
        fates = [
            (fault, fate(fault, edge, frame.epoch, frame.life, frame.sequence, self.interval_ns)) for fault in faults
        ]
        if any(met.lost for _, met in fates):
            counters[Counter.FAULT_LOST] += 1
            return None
        damaging = [fault for fault, met in fates if met.damaged]
        if damaging:
            counters[Counter.FAULT_CORRUPTED] += 1
            left = damage(data, frame, damaging, self._cell)
            if isinstance(left, Counter):
                counters[Counter.RECEIVED] += 1
                counters[left] += 1
                return None
            data = encode(frame._replace(values=left))
        longest_ns = round(DELAY_MAX * self.interval_ns)
        delay_ns = sum(met.delay_ns for _, met in fates)
        key = (frame.cell, frame.epoch, frame.life, frame.sequence, 0)
        holding = {fault.id for fault, met in fates if met.held}
        if holding:
            self._hold(holding, min(delay_ns, longest_ns), key, data)
            return None
        for fault in faults:
            if fault.kind == "rate":
                link = (fault.id, frame.cell)
                service, free_ns = service_ns(fault, self.interval_ns), self._free_ns.get(link, 0)
                waits_ns, self._free_ns[link] = queued(free_ns, now_ns, service, fault.places)
                if waits_ns == FULL:
                    counters[Counter.FAULT_LOST] += 1
                    return None
                delay_ns += waits_ns
        delay_ns = min(delay_ns, longest_ns)
        if delay_ns and not self._push(now_ns + delay_ns, key, data, Counter.FAULT_DELAYED):
            counters[Counter.FAULT_LOST] += 1
            return None
        again_ns = max(met.again_ns for _, met in fates)
        if again_ns:
            self._push(now_ns + delay_ns + again_ns, (*key[:4], 1), data, Counter.FAULT_DUPLICATED)
        return None if delay_ns else data

    def _hold(self, faults: set[int], delay_ns: int, key: Key, data: bytes) -> None:
        if len(self._late) + len(self._kept) >= HELD_MAX:
            self._counters[Counter.FAULT_LOST] += 1
            return
        self._counters[Counter.FAULT_HELD] += 1
        self._kept.append((faults, delay_ns, key, data))

    def _push(self, due_ns: int, key: Key, data: bytes, counter: Counter) -> bool:
        if len(self._late) + len(self._kept) >= HELD_MAX:
            return False
        heapq.heappush(self._late, (due_ns, key, data))
        self._counters[counter] += 1
        return True
