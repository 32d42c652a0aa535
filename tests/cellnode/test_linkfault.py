"""A frame's fate on a faulty link is a pure function; a gate loses, holds and releases accordingly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import TAG, T, state

from cellnode.delays import SHAPES
from cellnode.frame import Frame, encode
from cellnode.linkfate import fate, fates
from cellnode.linkfault import Gate, check
from cellnode.messages import LinkFault
from cellnode.panel import COUNTERS, Counter
from firmware_sim.errors import BadInput

LOSS = LinkFault(id=1, kind="loss", cells=[5], rate=0.3, rng_seed=11)
DELAY = LinkFault(id=2, kind="delay", cells=[5], delay_intervals=2.0, rng_seed=11)


def frame(sequence: int, sender: int = 4) -> bytes:
    return encode(Frame(0, TAG, sender, 1, 1, sequence, 1, state(60)))


def gate(*faults: LinkFault, cell: int = 5) -> tuple[Gate, list[int]]:
    counters = [0] * COUNTERS
    it = Gate(cell, TAG, T, counters)
    it.set_faults(faults)
    return it, counters


NUMBER = st.integers(0, 2**20)
OF_EVERY_KIND = [
    LOSS,
    DELAY,
    *(LinkFault(3, "delay", [5], 0.0, 2.0, 11, shape=shape) for shape in SHAPES),
    LinkFault(4, "burst", [5], 0.9, rng_seed=11, burst=6.0, gap=9.0, good=0.1),
    LinkFault(5, "reorder", [5], 0.3, 2.0, 11),
    LinkFault(6, "duplicate", [5], 0.3, 2.0, 11),
    LinkFault(7, "corrupt", [5], 0.3, rng_seed=11),
    LinkFault(8, "hold", [5]),
    LinkFault(9, "rate", [5], per_interval=2.0),
]


@settings(deadline=None)
@given(
    fault=st.sampled_from(OF_EVERY_KIND),
    rows=st.lists(st.tuples(NUMBER, st.integers(1, 2**30), st.integers(1, 2**31), st.integers(1, 2**40)), min_size=1),
)
def test_a_fate_is_the_same_alone_and_in_an_array(fault: LinkFault, rows: list[tuple[int, int, int, int]]) -> None:
    senders, epochs, lives, sequences = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    met = fates(fault, senders, np.full(len(rows), 5), epochs, lives, sequences, T)
    alone = [fate(fault, (sender, 5), epoch, life, sequence, T) for sender, epoch, life, sequence in rows]
    arrays = (met.lost, met.delay_ns, met.again_ns, met.damaged, met.held)
    assert list(zip(*(column.tolist() for column in arrays), strict=True)) == [tuple(one) for one in alone]


def test_a_fate_depends_on_fault_edge_incarnation_and_sequence_only() -> None:
    def fates_of(fault: LinkFault, edge: tuple[int, int] = (4, 5), epoch: int = 1, life: int = 1) -> list[bool]:
        return [fate(fault, edge, epoch, life, sequence, T).lost for sequence in range(200)]

    base = fates_of(LOSS)
    assert fates_of(LOSS) == base
    assert fates_of(LinkFault(1, "loss", [5, 6, 7], 0.3, 0.0, 11)) == base, "other victims change nobody's draws"
    changed = [
        fates_of(LinkFault(2, "loss", [5], 0.3, 0.0, 11)),
        fates_of(LinkFault(1, "loss", [5], 0.3, 0.0, 12)),
        fates_of(LOSS, edge=(3, 5)),
        fates_of(LOSS, epoch=2),
        fates_of(LOSS, life=2),
    ]
    assert base not in changed


def test_what_a_weaker_loss_takes_a_stronger_one_takes_too() -> None:
    weak = {s for s in range(500) if fate(LinkFault(1, "loss", [5], 0.1), (4, 5), 1, 1, s, T).lost}
    strong = {s for s in range(500) if fate(LinkFault(1, "loss", [5], 0.4), (4, 5), 1, 1, s, T).lost}
    assert weak < strong
    assert 30 <= len(weak) <= 70
    assert 160 <= len(strong) <= 240


def test_never_and_always_are_exact() -> None:
    assert not any(fate(LinkFault(1, "loss", [5], 0.0), (4, 5), 1, 1, s, T).lost for s in range(1000))
    assert all(fate(LinkFault(1, "loss", [5], 1.0), (4, 5), 1, 1, s, T).lost for s in range(1000))


def test_delays_are_uniform_up_to_the_given_number_of_intervals() -> None:
    delays = np.array([fate(DELAY, (4, 5), 1, 1, s, T).delay_ns for s in range(4000)]) / T
    assert 0 <= delays.min() < 0.01
    assert 1.99 < delays.max() <= 2.0
    assert abs(delays.mean() - 1.0) < 0.05


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (LinkFault(7, "flip", [1]), "link fault 7 has kind 'flip'"),
        (LinkFault(7, "loss", [1], 1.5), "rate 1.5"),
        (LinkFault(7, "loss", [1], float("nan")), "rate nan"),
        (LinkFault(7, "delay", [1], 0.0, -1.0), "delays by -1.0 T"),
        (LinkFault(7, "delay", [1], 0.0, 1e9), "expected 0..64"),
    ],
)
def test_an_impossible_fault_is_refused(fault: LinkFault, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        check(fault)


# ---- the gate


def test_without_a_fault_of_its_own_a_gate_is_open() -> None:
    it, counters = gate(LOSS, cell=6)
    assert not it.active
    assert it.admit(frame(1), 0) == frame(1)
    assert not any(counters)


def test_lost_frames_are_counted_at_the_victim() -> None:
    it, counters = gate(LOSS)
    assert it.active
    passed = [sequence for sequence in range(1, 101) if it.admit(frame(sequence), 0) is not None]
    assert passed == [s for s in range(1, 101) if not fate(LOSS, (4, 5), 1, 1, s, T).lost]
    assert counters[Counter.FAULT_LOST] == 100 - len(passed) > 0


def test_the_order_of_arrival_changes_no_fate() -> None:
    it, _ = gate(LOSS)
    other, _ = gate(LOSS)
    forward = {s for s in range(1, 101) if it.admit(frame(s), 0)}
    backward = {s for s in range(100, 0, -1) if other.admit(frame(s), 0)}
    assert forward == backward


def test_a_late_frame_is_held_until_it_is_due_and_released_in_order() -> None:
    it, counters = gate(DELAY)
    due = {}
    for sequence in range(1, 21):
        assert it.admit(frame(sequence), 100) is None
        due[sequence] = 100 + fate(DELAY, (4, 5), 1, 1, sequence, T).delay_ns
    assert counters[Counter.FAULT_DELAYED] == 20
    assert it.next_due_ns == min(due.values())
    released: list[bytes] = []
    while it.next_due_ns is not None:
        at = it.next_due_ns
        assert it.release(at - 1) == []
        released += it.release(at)
    assert released == [frame(s) for s in sorted(due, key=lambda s: due[s])]


def test_a_healed_gate_still_hands_over_what_it_held() -> None:
    it, _ = gate(DELAY)
    it.admit(frame(1), 0)
    it.set_faults([])
    assert it.active
    assert it.admit(frame(2), 0) == frame(2)
    assert it.release(2 * T) == [frame(1)]
    assert not it.active


def test_what_is_no_frame_passes_for_the_cell_to_count() -> None:
    it, counters = gate(LinkFault(1, "loss", [5], 1.0))
    assert it.admit(b"junk", 0) == b"junk"
    assert it.admit(frame(1), 0) is None
    assert counters[Counter.FAULT_LOST] == 1


def test_several_faults_add_up() -> None:
    second = LinkFault(3, "delay", [5], 0.0, 2.0, 5)
    it, _ = gate(DELAY, second)
    it.admit(frame(1), 0)
    assert it.next_due_ns == fate(DELAY, (4, 5), 1, 1, 1, T).delay_ns + fate(second, (4, 5), 1, 1, 1, T).delay_ns


def test_a_gate_holds_a_bounded_number_of_frames() -> None:
    it, counters = gate(LinkFault(1, "delay", [5], 0.0, 64.0))
    for sequence in range(1, 4200):
        it.admit(frame(sequence), 0)
    assert counters[Counter.FAULT_LOST] > 0
    assert len(it.release(64 * T)) == 4096
