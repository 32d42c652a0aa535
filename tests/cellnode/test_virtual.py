"""Virtual time: from one seed the same bytes; cells grow, die and heal in it, and what cannot be is refused."""

from __future__ import annotations

import numpy as np
import pytest
from lives import alive, digest, story, swarm
from toys import TAG, Constant, Fading, Toy, state

from cellnode.messages import LinkFault
from cellnode.panel import Counter
from cellnode.topology import seed_cell
from cellnode.virtual import VirtualSwarm
from firmware_sim import folder
from firmware_sim.engines import make_engine
from firmware_sim.errors import BadInput


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert story(swarm()) == story(swarm())
    assert story(swarm(seed=1)) != story(swarm(seed=2))


def test_the_bytes_of_a_run_are_the_same_on_every_machine() -> None:
    """Pinned: a change of this digest means that old runs can no longer be repeated."""
    assert story(swarm())[:16] == "1cbb6571c8796840"


def test_how_the_time_is_cut_changes_nothing() -> None:
    whole, cut = swarm(), swarm()
    for it in (whole, cut):
        it.poke("seed", [24], state(60))
    whole.run_until(30)
    for k in range(1, 301):
        cut.run_until(k / 10)
    assert digest(whole) == digest(cut)
    assert cut.now_intervals == 30
    cut.run_until(20)
    assert cut.now_intervals == 30, "time does not run backwards"


# ---- growing, dying, healing


def test_an_empty_swarm_falls_asleep() -> None:
    it = swarm()
    it.run_until(20)
    assert it.counters()[:, Counter.SLEEPING].all()
    said = it.counters()[:, Counter.SAID].sum()
    it.run_until(1000)
    assert it.counters()[:, Counter.SAID].sum() == said, "and nobody speaks any more"
    assert said <= 20 * 42, "after a bounded number of words"


def test_life_spreads_from_a_seed_and_wakes_the_sleepers() -> None:
    it = swarm()
    it.run_until(30)
    it.poke("seed", [24], state(60))
    assert alive(it) == 1
    it.run_until(60)
    assert alive(it) == 42
    assert it.counters()[:, Counter.WOKEN].sum() == 41


def test_a_crashed_cell_is_dark_and_an_erased_one_starts_from_nothing() -> None:
    it = swarm(engine=Constant("int8"))
    it.poke("seed", range(42), state(60))
    it.run_until(5)
    it.power([3], False)
    it.poke("erase", [4])
    assert not it.states()[0, 3].any()
    assert not it.states()[0, 4].any()
    assert it.on.tolist() == [cell != 3 for cell in range(42)]
    assert it.counters()[4, Counter.ERASED] == 1


def test_a_revived_cell_grows_again() -> None:
    it = swarm()
    it.poke("seed", [24], state(60))
    it.run_until(40)
    it.power([24], False)
    it.run_until(41)
    it.power([24], True)
    assert not it.states().reshape(42, 16)[24].any()
    it.run_until(80)
    assert it.states().reshape(42, 16)[24, 3] > 3


def test_a_late_frame_of_a_former_life_counts_for_nothing() -> None:
    it = swarm(1, 2, engine=Fading("float"))
    it.set_faults([LinkFault(1, "delay", [1], 0.0, 60.0)])
    it.poke("seed", [0], state(1e6, family="float"))
    it.run_until(40)
    it.power([0], False)
    it.power([0], True)
    it.set_faults([])
    it.run_until(110)
    assert it.counters()[1, Counter.DROP_OLD_INCARNATION] > 0
    assert not it.states()[0, 1].any()


def test_the_dead_for_ever_are_forgotten_by_all_around() -> None:
    it = swarm(engine=Constant("int8"))
    it.poke("seed", range(42), state(60))
    it.run_until(20)
    before = it.counters()[:, Counter.FORGOTTEN].copy()
    it.power([24], False)
    it.run_until(120)
    forgotten = it.counters()[:, Counter.FORGOTTEN] - before
    around = [16, 17, 18, 23, 25, 30, 31, 32]
    assert [cell for cell in range(42) if forgotten[cell]] == around
    assert it.counters()[24, Counter.SLEEPING] == 0


def test_healthy_neighbours_are_never_forgotten() -> None:
    it = swarm(12, 12, engine=Fading("float"))
    for k in range(1, 200):
        it.poke("seed", range(144), state(1e9, family="float"))
        it.run_until(k)
    assert it.counters()[:, Counter.FORGOTTEN].sum() == 0


def test_killing_all_leaves_an_empty_grid_that_a_new_seed_regrows() -> None:
    it = swarm()
    it.poke("seed", [24], state(60))
    it.run_until(30)
    it.power(range(42), False)
    assert not it.states().any()
    it.power(range(42), True)
    it.run_until(60)
    assert alive(it) == 0
    it.poke("seed", [0], state(60))
    it.run_until(90)
    assert alive(it) == 42


def test_what_was_erased_grows_back() -> None:
    it = swarm()
    it.poke("seed", [24], state(60))
    it.run_until(30)
    it.poke("erase", range(20))
    assert alive(it) == 22
    it.run_until(45)
    assert alive(it) == 42


@pytest.mark.parametrize(("engine", "unit"), [("chip", 32), ("numpy", 1)])
def test_a_built_in_rule_grows_its_picture_and_heals(engine: str, unit: int) -> None:
    try:
        rule = folder.load("dot")
        it = swarm(12, 12, engine=make_engine(engine, rule))
    except BadInput:
        pytest.skip("this checkout has no built-in rule")
    target = rule.target()
    assert target is not None
    from firmware_sim.loss import gain_log10

    it.poke("seed", [seed_cell(12, 12)], (np.array([0] * 3 + [1] * 13) * unit).astype(it.engine.dtype).tobytes())
    it.run_until(60)
    grown = gain_log10(it.states(), target)
    it.power(range(0, 144, 2), False)
    it.power(range(0, 144, 2), True)
    hurt = gain_log10(it.states(), target)
    it.run_until(140)
    assert grown >= 1.4
    assert hurt < 0.5
    assert gain_log10(it.states(), target) >= 1.2


# ---- bad input


def test_what_cannot_be_is_refused_and_changes_nothing() -> None:
    it = swarm()
    before = digest(it)
    with pytest.raises(BadInput, match="cell 42 lies outside"):
        it.power([1, 42], False)
    with pytest.raises(BadInput, match="poke 'feed'"):
        it.poke("feed", [1])
    with pytest.raises(BadInput, match="seed state is 3 bytes"):
        it.poke("seed", [1], b"abc")
    with pytest.raises(BadInput, match="value that no frame could carry"):
        it.poke("seed", [1], bytes(15) + b"\x80")
    with pytest.raises(BadInput, match="rate"):
        it.set_faults([LinkFault(1, "loss", [1], 2.0)])
    with pytest.raises(BadInput, match="cell 99"):
        it.set_faults([LinkFault(1, "loss", [99], 0.5)])
    with pytest.raises(BadInput, match="wake interval"):
        VirtualSwarm(2, 2, False, Toy("int8"), TAG, 1, 0)
    assert digest(it) == before


def test_power_and_pokes_for_the_wrong_state_do_nothing() -> None:
    it = swarm()
    it.power([5], False)
    lives = it.counters()[:, Counter.SAID].copy()
    it.power([5], False)
    it.poke("seed", [5], state(60))
    it.poke("erase", [5])
    it.poke("unmap", [5])
    assert not it.states().any()
    assert it.counters()[5, Counter.SEEDED] == it.counters()[5, Counter.ERASED] == 0
    it.power([6], True)
    assert (it.counters()[:, Counter.SAID] == lives).all()
