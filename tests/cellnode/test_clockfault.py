"""Bad oscillators: every interval longer, each by chance, or a jump; counted at the victim, no business of others."""

from __future__ import annotations

import numpy as np
import pytest
from toys import TAG, Constant, T, cell, state

from cellnode.clockfault import LONGEST, bend, bent
from cellnode.draws import MEAN_MAX_NS, clock
from cellnode.frame import Frame, encode
from cellnode.linkfault import check
from cellnode.messages import LinkFault
from cellnode.panel import COUNTERS, Counter
from cellnode.virtual import VirtualSwarm
from firmware_sim.errors import BadInput

SLOW = LinkFault(1, "drift", [3, 4], 0.25)
SPREAD = LinkFault(2, "drift", [3, 4, 5], 0.0, rng_seed=9, spread=0.5)
SHAKY = LinkFault(3, "jitter", [4, 5], 0.4, rng_seed=9)


def source(number: int, *faults: LinkFault, life: int = 1, tally: list[int] | None = None) -> list[int]:
    """The first 400 wake intervals of one life."""
    intervals = bent(clock(7, number, 1, life), faults, number, (1, life), [0] * COUNTERS if tally is None else tally)
    return [intervals(k, T) for k in range(400)]


def test_a_drift_makes_all_intervals_longer_by_one_factor() -> None:
    good, slow = source(4), source(4, SLOW)
    assert all(abs(b - 1.25 * a) <= 1 for a, b in zip(good, slow, strict=True))
    assert source(5, SLOW) == source(5), "cell 5 has a good oscillator"


def test_with_a_spread_each_cell_drifts_by_its_own_draw_and_keeps_it_when_reborn() -> None:
    def factor(number: int, life: int) -> float:
        slow, good = np.array(source(number, SPREAD, life=life)), np.array(source(number, life=life))
        found = slow.sum() / good.sum()
        assert (abs(slow - found * good) <= 5).all(), "one factor for all, to a few nanoseconds"
        return float(found)

    factors = [factor(number, 1) for number in (3, 4, 5)]
    assert len({round(found, 6) for found in factors}) == 3 and all(0.5 <= found <= 1.5 for found in factors)
    assert factor(4, 2) == pytest.approx(factors[1], abs=1e-5)


def test_a_jitter_shakes_each_interval_by_a_uniform_draw() -> None:
    ratios = np.array(source(4, SHAKY)) / np.array(source(4))
    assert ratios.min() >= 0.6 - 1e-6 and ratios.max() <= 1.4 + 1e-6
    assert abs(ratios.mean() - 1) < 0.05 and abs(ratios.std() - 0.8 / 12**0.5) < 0.03
    assert source(4, SHAKY) == source(4, SHAKY), "a pure function"
    assert source(4, SHAKY, life=2) != source(4, SHAKY), "of the life, too"


def test_every_bent_interval_is_counted_at_its_cell() -> None:
    victim, other = [0] * COUNTERS, [0] * COUNTERS
    source(4, SLOW, SHAKY, tally=victim)
    source(8, SLOW, SHAKY, tally=other)
    assert victim[Counter.FAULT_CLOCK] == 400 and sum(victim) == 400 and sum(other) == 0


def test_arrays_and_scalars_bend_alike_at_the_longest_mean_and_the_worst_faults() -> None:
    worst = [
        LinkFault(1, "drift", [0, 2], 7.0),
        LinkFault(2, "drift", [0, 1, 2], 4.0, rng_seed=5, spread=3.0),
        LinkFault(3, "jitter", [0, 1], 1.0, rng_seed=6),
        LinkFault(4, "drift", [2], 7.0),
    ]
    cells, mean = np.arange(3).repeat(300), MEAN_MAX_NS
    counters = np.tile(np.arange(300, dtype=np.uint64), 3)
    good = np.array([clock(7, int(c), 1, 2)(int(k), mean) for c, k in zip(cells, counters, strict=True)])
    masks = [(fault, np.isin(cells, fault.cells)) for fault in worst]
    arrays = bend(good, masks, cells, 1, np.full(900, 2), counters, mean)
    tally = [0] * COUNTERS
    sources = [bent(clock(7, c, 1, 2), worst, c, (1, 2), tally) for c in range(3)]
    assert arrays.tolist() == [sources[c](int(k), mean) for c, k in zip(cells.tolist(), counters, strict=True)]
    assert arrays.min() >= 1 and arrays.max() == LONGEST * mean


def test_a_jump_ahead_wakes_the_cell_at_once_and_late() -> None:
    one = cell()
    assert one.next_wake_ns == T
    one.jump(T // 2, 0)
    assert one.next_wake_ns == T // 2, "half of the wait is over"
    one.jump(2 * T, 0)
    assert one.next_wake_ns == 1 and one.counters[Counter.MISSED_WAKES] == 1
    one.jump(-3 * T, 0)
    assert one.next_wake_ns == 1 + 3 * T, "back: it sleeps so much longer"


def test_a_jump_makes_every_silence_that_much_longer() -> None:
    one = cell(engine=Constant("int8"))
    one.seed(state(60), 0)
    words = Frame(flags=0, tag=TAG, cell=0, epoch=1, life=1, sequence=1, next_within=1, values=state(60))
    one.receive(encode(words), 0)
    one.jump(T // 2, 0)
    assert one.mailbox.heard_at_ns[0] == -T // 2
    one.jump(2 * T, 0)
    assert one.mailbox.heard_at_ns[0] == -5 * T // 2, "one T late is missed, but it was listening"
    one.jump(10 * T, 0)
    assert one.mailbox.heard_at_ns[0] == 0, "that late, it was not: silence counts from now, and nobody is forgotten"
    assert one.counters[Counter.MISSED_WAKES] == 2


def test_half_the_cells_twice_as_slow_wake_half_as_often() -> None:
    swarm = VirtualSwarm(8, 8, False, Constant("int8"), TAG, 1, T)
    swarm.poke("seed", range(64), state(60))
    swarm.run_until(8)  # hellos are over; a constant state then stretches all clocks alike
    before = swarm.counters()[:, Counter.UPDATES].astype(int)
    slow = list(range(0, 64, 2))
    swarm.set_faults([LinkFault(1, "drift", slow, 1.0)])
    swarm.run_until(208)
    updates = swarm.counters()[:, Counter.UPDATES].astype(int) - before
    assert 0.4 < updates[0::2].mean() / updates[1::2].mean() < 0.6
    bent_ones = swarm.counters()[:, Counter.FAULT_CLOCK]
    assert (bent_ones[0::2] > 0).all() and not bent_ones[1::2].any()


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (LinkFault(1, "drift", [0], 8.0), "drifts by 8.0"),
        (LinkFault(1, "drift", [0], -0.5, spread=0.5), "expected -0.9 to 7"),
        (LinkFault(1, "drift", [0], 0.5, spread=-0.5), "drifts by"),
        (LinkFault(1, "drift", [0], float("nan")), "drifts by nan"),
        (LinkFault(1, "jitter", [0], 1.5), "jitters by 1.5"),
        (LinkFault(1, "wobble", [0]), "expected one of loss, burst, delay"),
    ],
)
def test_what_no_oscillator_does_is_refused(fault: LinkFault, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        check(fault)
