"""A realm is what its cells would be one by one: however a grid is cut, it lives as the whole does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from cutgrid import Cut, Whole, faults_of
from toys import TAG, Fading, T, Toy, state

from cellnode.frame import Frame, decode, encode
from cellnode.messages import LinkFault
from cellnode.panel import Counter
from cellnode.patchlayout import grid, layout
from cellnode.realm import Realm
from cellnode.realmworlds import InArrays, InC
from firmware_sim import folder
from firmware_sim.engines import Engine, make_engine

H, W = 6, 7


def dot() -> Engine:
    return make_engine("chip", folder.load("dot"))


ENGINES = {"C": dot, "arrays": lambda: Toy("int8"), "float": lambda: Toy("float")}


@pytest.mark.parametrize(("patch", "torus"), [((1, 1), False), ((3, 3), False), ((2, 7), True)])
@pytest.mark.parametrize("engine", ENGINES)
def test_however_a_grid_is_cut_every_cell_lives_as_it_would_alone(
    engine: str, patch: tuple[int, int], torus: bool
) -> None:
    core = ENGINES[engine]()
    cut, whole = Cut(H, W, torus, patch, core, TAG, T), Whole(H, W, torus, core, TAG, T)
    seed = state(32 if core.family == "int8" else 1, 16 if core.family == "int8" else 0.5, core.family)
    cut.run(4 * T)
    whole.world.run(4 * T)
    cut.poke("seed", [24], seed, now_ns=4 * T)
    whole.world.seed([24], seed, 4 * T)
    _go_on(cut, whole, 9 * T)
    cut.each("set_faults", faults_of(H * W), now_ns=9 * T)
    whole.world.set_faults(faults_of(H * W), 9 * T)
    _go_on(cut, whole, 14 * T)
    cut.power([23, 24, 30], False, 14 * T)
    whole.power([23, 24, 30], False, 14 * T)
    cut.poke("erase", [16, 17], now_ns=14 * T)
    whole.world.erase([16, 17], 14 * T)
    _go_on(cut, whole, 16 * T)
    cut.freeze([10, 25], 16 * T)
    whole.world.freeze([10, 25], True, 16 * T)
    _go_on(cut, whole, 20 * T)
    cut.freeze([], 20 * T)
    whole.world.freeze([10, 25], False, 20 * T)
    cut.power([24, 30], True, 20 * T)
    whole.power([24, 30], True, 20 * T)
    _go_on(cut, whole, 22 * T)
    cut.each("set_faults", [], now_ns=22 * T)
    whole.world.set_faults([], 22 * T)
    _go_on(cut, whole, 40 * T)
    assert np.count_nonzero(cut.gather("states")) > 100, "nothing grew"
    assert {type(realm.side) for realm in cut.realms} == {InC if engine == "C" else InArrays}


def _go_on(cut: Cut, whole: Whole, until_ns: int) -> None:
    cut.run(until_ns)
    whole.world.run(until_ns)
    assert (cut.gather("states") == whole.world.states()).all()
    first_life = cut.lives == 1  # a page counts for one life, the world of single cells for all
    mine, theirs = cut.gather("counters").copy(), whole.world.counters()
    mine[:, Counter.STILL] = 0
    assert (mine[first_life] == theirs[first_life]).all()


def test_what_a_patch_of_one_cell_says_is_what_the_cell_would_say_to_the_byte() -> None:
    cut, whole = Cut(4, 4, False, (1, 1), dot(), TAG, T), Whole(4, 4, False, dot(), TAG, T)
    said: list[bytes] = []
    whole.world._log = lambda it: said.append(encode(Frame(int(it[4]), TAG, it[1], 1, it[2], it[3], it[5], it[6])))
    cut.poke("seed", [5], state(32, 16), now_ns=0)
    whole.world.seed([5], state(32, 16), 0)
    for it in (cut, whole.world):
        it.run(20 * T)
    assert cut.frames == said and len(said) > 100


def lonely(engine: Engine | None = None, **more: int) -> Realm:
    """The left half of a 2x4 grid: cells 0, 1, 4, 5; around lie 2 and 6."""
    it = Realm(layout(grid(2, 4, False, (2, 2)), 0), engine or Toy("int8"), TAG, 1, 3, T, 0)
    it.power(np.ones(4, np.int64))
    it.meet(np.ones(2, np.int64), np.ones(2, np.bool_))
    return it


def word(cell: int, sequence: int = 1, *, life: int = 1, tag: int = TAG, values: bytes = state(50)) -> bytes:
    return encode(Frame(0, tag, cell, 1, life, sequence, 1, values))


@pytest.mark.parametrize("engine", [dot, lambda: Toy("int8")])
def test_a_frame_from_another_patch_reaches_the_slots_of_those_beside_its_speaker_alone(engine: object) -> None:
    it = lonely(engine())  # type: ignore[operator]
    it.hear([word(2), word(6, values=state(60))])
    received = it.counters()[:, Counter.RECEIVED]
    assert received.tolist() == [0, 2, 0, 2], "cells 1 and 5 have cells 2 and 6 at their sides"
    it.run(5 * T)
    assert it.counters()[[1, 3], Counter.LIVING_NEIGHBOURS].min() > 0


@pytest.mark.parametrize("engine", [dot, lambda: Toy("int8")])
def test_what_is_no_good_frame_is_counted_and_changes_nothing(engine: object) -> None:
    it = lonely(engine())  # type: ignore[operator]
    it.hear([b"rubbish", word(2, tag=TAG + 1), word(3), word(2, life=2), word(6, values=b"\x80" * 16), word(2, life=2)])
    counters = it.counters()
    assert counters[0, [Counter.DROP_GARBLED, Counter.DROP_TAG, Counter.DROP_CELL]].tolist() == [1, 1, 1]
    assert counters[:, Counter.DROP_FUTURE_INCARNATION].tolist() == [0, 2, 0, 2]
    assert counters[:, Counter.DROP_VALUES].tolist() == [0, 1, 0, 1]
    assert counters[:, Counter.RECEIVED].tolist() == [3, 3, 0, 3]
    it.hear([word(2), word(2)])
    assert it.counters()[:, Counter.DROP_SEQUENCE].tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("engine", [dot, lambda: Toy("int8")])
def test_a_realm_that_was_stopped_wakes_every_cell_once_and_late_and_forgets_no_one(engine: object) -> None:
    it = lonely(engine())  # type: ignore[operator]
    it.seed(range(4), state(50, 20))
    it.hear([word(2), word(6)])
    it.run(1 * T)
    before = it.counters()
    it.run(100 * T)
    gained = it.counters() - before
    assert (gained[:, Counter.SAID] <= 2).all() and gained[:, Counter.SAID].min() >= 1
    assert gained[:, Counter.MISSED_WAKES].tolist() == [1] * 4
    assert gained[:, Counter.FORGOTTEN].sum() == 0


@pytest.mark.parametrize("engine", [dot, lambda: Toy("int8")], ids=["C", "arrays"])
def test_a_cell_of_another_host_has_an_epoch_of_its_own_and_may_be_lives_ahead(
    engine: Callable[[], Engine],
) -> None:
    it = lonely(engine())
    strangers = len(it.layout.around)

    def hears(epoch: int, life: int) -> bool:
        before = it.counters()[:, Counter.DROP_FUTURE_INCARNATION].sum()
        it.hear([encode(Frame(0, TAG, int(it.layout.around[0]), epoch, life, 1, 1, state(50)))])
        return bool(it.counters()[:, Counter.DROP_FUTURE_INCARNATION].sum() == before)

    assert not hears(5, 1), "our own epoch is 1, as far as it knows"
    it.meet(np.ones(strangers, np.int64), np.ones(strangers, np.bool_), np.full(strangers, 5), np.full(strangers, 10))
    assert hears(5, 1) and hears(5, 11) and not hears(5, 12) and not hears(6, 1)


def test_what_c_does_not_know_is_handed_to_arrays_and_not_a_byte_is_lost() -> None:
    core = dot()
    cut, other = Cut(H, W, False, (3, 3), core, TAG, T), Cut(H, W, False, (3, 3), core, TAG, T)
    for it in (cut, other):
        it.poke("seed", [24], state(32, 16), now_ns=0)
        it.run(8 * T)
    cut.realms[0].to_arrays()
    cut.realms[3].set_faults([LinkFault(1, "corrupt", [3], 0.0, rng_seed=1), LinkFault(2, "hold", [41])])
    cut.realms[3].set_faults([])
    for it in (cut, other):
        it.run(30 * T)
    assert isinstance(cut.realms[0].side, InArrays) and isinstance(other.realms[0].side, InC)
    assert (cut.gather("states") == other.gather("states")).all()
    assert (cut.gather("counters") == other.gather("counters")).all()


@pytest.mark.parametrize("engine", [dot, lambda: Toy("int8")])
def test_a_change_of_t_draws_what_is_pending_anew(engine: object) -> None:
    it = lonely(engine())  # type: ignore[operator]
    it.run(T)
    it.seed(range(4), state(50, 20))
    it.set_interval(100 * T)
    it.run(9 * T)
    assert it.counters()[:, Counter.SAID].sum() < 4 * 6
    it.set_interval(T)
    assert it.next_event_ns is not None and it.next_event_ns <= 17 * T


def test_a_sleeping_realm_has_nothing_due_until_something_alive_speaks() -> None:
    it = lonely(Fading("int8"))
    it.meet(np.ones(2, np.int64), np.zeros(2, np.bool_))
    for k in range(1, 60):
        it.run(k * T // 2)
    assert it.next_event_ns is None
    it.hear([word(6)])
    assert it.next_event_ns is not None
    assert it.counters()[:, Counter.WOKEN].tolist() == [0, 1, 0, 1]


def test_rules_of_other_than_sixteen_channels_travel_whole() -> None:
    wide = Toy("float")
    wide.channels = 32
    wide.update = lambda neighbourhood: neighbourhood.reshape(-1, 9, 32)[:, 4].copy()  # type: ignore[method-assign]
    it = lonely(wide)
    values = np.arange(32, dtype=np.float32).tobytes()
    it.seed([1], values)
    frames = [data for _, data in it.run(3 * T)]
    found = [decode(data, TAG, 128) for data in frames]
    assert values in [frame.values for frame in found if isinstance(frame, Frame)]
    assert decode(frames[0], TAG) in (Counter.DROP_SIZE, Counter.DROP_VALUES)
