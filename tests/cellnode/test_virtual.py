"""Virtual time: from one seed the same bytes, as arrays and as cells; power, pokes and link faults at any moment."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Literal

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from toys import TAG, Constant, Fading, T, Toy, state

from cellnode.harm import Harm, encode
from cellnode.messages import LinkFault, RulePayload
from cellnode.oracle import Said
from cellnode.panel import Counter
from cellnode.topology import seed_cell
from cellnode.virtual import VirtualSwarm
from firmware_sim import folder
from firmware_sim.engines import make_engine
from firmware_sim.errors import BadInput

Family = Literal["int8", "float"]
RULE = RulePayload("chip", "", b"", 16, 0, {}, 0.0)  # what a toy is made of is never asked


def swarm(
    height: int = 6, width: int = 7, *, engine: Any = None, seed: int = 1, oracle: bool = False, torus: bool = False
) -> VirtualSwarm:
    return VirtualSwarm(height, width, torus, engine or Toy("int8"), TAG, seed, T, oracle=oracle)


def digest(it: VirtualSwarm) -> str:
    return hashlib.sha256(it.states().tobytes() + it.counters()[:, :32].tobytes()).hexdigest()


def alive(it: VirtualSwarm) -> int:
    return int((it.states()[..., 3] > 3).sum())


# ---- one seed, one run


def story(it: VirtualSwarm) -> str:
    """A life with everything in it."""
    it.poke("seed", [24], state(60, 9))
    it.run_until(8)
    it.set_faults([LinkFault(1, "loss", [10, 11, 12], 0.5), LinkFault(2, "delay", [24, 25], 0.0, 3.0)])
    it.run_until(16)
    it.power([17, 24, 31], False)
    it.poke("erase", [10, 18])
    it.run_until(40)
    it.power([24, 31], True)
    it.set_faults([])
    it.run_until(60)
    return digest(it)


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert story(swarm()) == story(swarm())
    assert story(swarm(seed=1)) != story(swarm(seed=2))


def test_the_bytes_of_a_run_are_the_same_on_every_machine() -> None:
    """Pinned: a change of this digest means that old runs can no longer be repeated."""
    assert story(swarm())[:16] == "1cbb6571c8796840"


def test_arrays_and_cells_live_the_same_life() -> None:
    assert story(swarm(oracle=True)) == story(swarm(oracle=False))


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


# ---- arrays against cells


def act(it: VirtualSwarm, deed: tuple[Any, ...]) -> None:
    pause, kind, cells, amount = deed
    it.run_until(it.now_intervals + pause)
    count = it.height * it.width
    cells = sorted({cell % count for cell in cells})
    if kind == "off":
        it.power(cells, False)
    elif kind == "on":
        it.power(range(count), True)
    elif kind == "erase":
        it.poke("erase", cells)
    elif kind == "seed":
        scale = 60 if it.engine.dtype == np.int8 else 2.0
        it.poke("seed", cells, state(scale * amount, scale * amount / 2, it.engine.family))
    elif kind == "loss":
        it.set_faults([LinkFault(1, "loss", cells, amount, 0.0, 5), LinkFault(2, "loss", cells[:1], 1.0)])
    elif kind == "delay":
        it.set_faults([LinkFault(3, "delay", cells, 0.0, 3 * amount), LinkFault(4, "delay", cells[1:], 0.0, 9.0)])
    elif kind == "clock":
        drift = LinkFault(5, "drift", cells, -0.5 + 2 * amount, rng_seed=3, spread=amount / 4)
        it.set_faults([drift, LinkFault(6, "jitter", cells[1:], amount), LinkFault(7, "loss", cells[:2], 0.5)])
    elif kind == "jump":
        it.poke("harm", cells, encode(Harm(8, "clock_jump", {"by": 12 * amount - 1}, 1)))
    elif kind == "flip" and it.engine.dtype == np.int8:
        it.poke("harm", cells, encode(Harm(9, "bit_flip", {"count": 3}, round(5 * amount))))
    elif kind == "upset":
        it.poke("harm", cells, encode(Harm(10, "state_flip", {"count": 4}, round(7 * amount))))
    elif kind in HARMS:
        if it.engine.name == "chip":  # a toy has no genome to flip
            it.poke("harm", cells, encode(msgspec.structs.replace(HARMS[kind], rng_seed=round(9 * amount))))
    elif kind in LINKS:
        masks = [1 + (37 * cell + 11) % 255 for cell in cells]
        every = LinkFault(5, "loss", list(range(count)), 0.1)
        it.set_faults([msgspec.structs.replace(LINKS[kind], cells=cells, slots=masks, rate=amount), every])
    elif kind in ("freeze", "thaw"):
        it.freeze(cells if kind == "freeze" else range(count), kind == "freeze")
    elif kind == "many":
        faults = [LINKS[name] for name in sorted(LINKS)]
        it.set_faults([msgspec.structs.replace(fault, cells=cells, rate=amount) for fault in faults])
    elif kind == "heal":
        it.set_faults([])


def scripts(*kinds: str) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """What happens to a swarm: (T that pass first, what, to which cells, how much)."""
    return st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.3, 2.0, 9.0]),
            st.sampled_from(kinds),
            st.lists(st.integers(0, 10_000), min_size=1, max_size=12),
            st.sampled_from([0.0, 0.2, 1.0]),
        ),
        min_size=3,
        max_size=10,
    )


LINKS = {
    "burst": LinkFault(11, "burst", [], burst=3.0, gap=5.0, good=0.05),
    "heavy": LinkFault(12, "delay", [], delay_intervals=1.0, shape="pareto"),
    "late": LinkFault(13, "delay", [], delay_intervals=1.0, shape="lognormal"),
    "reorder": LinkFault(14, "reorder", [], delay_intervals=2.0),
    "duplicate": LinkFault(15, "duplicate", [], delay_intervals=3.0),
    "corrupt": LinkFault(16, "corrupt", [], bits=3),
    "believed": LinkFault(17, "corrupt", [], bits=2, checked=False),
    "rate": LinkFault(18, "rate", [], per_interval=0.7, places=3),
    "hold": LinkFault(19, "hold", []),
    "stuck": LinkFault(20, "stuck", [], channel=3, level=1.0),
    "random": LinkFault(21, "lie", [], mode="random"),
    "frozen": LinkFault(22, "lie", [], mode="frozen"),
    "stale": LinkFault(23, "lie", [], mode="stale", lag=4),
    "inverted": LinkFault(24, "lie", [], mode="inverted"),
    "gradient": LinkFault(25, "lie", [], mode="gradient"),
}


HARMS = {
    "sums": Harm(31, "accumulator_flip", {"rate": 0.4, "count": 2}, 1),
    "more sums": Harm(32, "accumulator_flip", {"rate": 0.02, "count": 40}, 1),
    "sums mended": Harm(31, "accumulator_flip", {"rate": 0.4, "count": 2}, 1, heal=True),
    "genome": Harm(33, "genome_flip", {"count": 20}, 1),
    "genome mended": Harm(33, "genome_flip", {"count": 20}, 1, heal=True),
}
DEEDS = ("seed", "seed", "off", "on", "erase", "loss", "delay", "heal", "many", "freeze", "thaw", *LINKS)
deeds = scripts(*DEEDS)


# A cell stands still past its time, its links change, and it goes on: it wakes then, not when it was due.
FAULTED_WHILE_STILL = [
    (0.0, "seed", [0], 0.0),
    (0.0, "freeze", [0], 0.0),
    (0.6, "loss", [0], 0.0),
    (0.0, "thaw", [0], 0.0),
]


@settings(deadline=None, max_examples=80)
@given(
    script=scripts(*DEEDS, "clock", "jump", "flip", "upset"),
    size=st.sampled_from([(1, 1), (1, 4), (3, 3), (4, 5), (6, 4)]),
    torus=st.booleans(),
    family=st.sampled_from(["int8", "float"]),
    kind=st.sampled_from([Toy, Toy, Fading, Constant]),
    interval_ns=st.sampled_from([10**9, 1000, 8]),
    seed=st.integers(0, 2**64 - 1),
)
@example(FAULTED_WHILE_STILL, (1, 1), False, "int8", Toy, 10**9, 1)
def test_arrays_and_cells_tell_the_same_story(
    script: list[tuple[Any, ...]],
    size: tuple[int, int],
    torus: bool,
    family: Family,
    kind: Callable[[Family], Toy],
    interval_ns: int,
    seed: int,
) -> None:
    """Sleep, hello, fixed points, forgetting, crash, rebirth, erasure, loss, delay, bad clocks, flipped bits: every
    frame said, in time and content, every state and every counter. With 8 ns to an interval, ties are everywhere."""
    told: list[list[Said]] = []
    worlds = []
    for oracle in (True, False):
        log: list[Said] = []
        it = VirtualSwarm(
            *size,
            torus and min(size) >= 3,
            kind(family),
            TAG,
            seed,
            interval_ns,
            oracle=oracle,
            log=log.append,
            rule=RULE,
        )
        for deed in script:
            act(it, deed)
        it.run_until(it.now_intervals + 15)
        worlds.append(it)
        told.append(sorted(log))
    assert told[0] == told[1]
    cells, arrays = worlds
    assert cells.states().tobytes() == arrays.states().tobytes()
    assert (cells.counters() == arrays.counters()).all()
    assert (cells.on == arrays.on).all()


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


# ---- link faults


def test_a_fault_changes_nobody_elses_draws() -> None:
    """Wakes of cells out of reach of the fault come at the same times; so do its own, as long as it stays awake."""
    logs: list[list[Said]] = []
    for faults in ([], [LinkFault(1, "loss", [0], 0.5)], [LinkFault(1, "delay", [0], 0.0, 2.0)]):
        log: list[Said] = []
        it = VirtualSwarm(1, 12, False, Fading("float"), TAG, 3, T, log=log.append)
        it.poke("seed", range(12), state(1e6, family="float"))
        it.set_faults(faults)
        it.run_until(50)
        logs.append(sorted(log))
    times = [[said[:4] for said in log] for log in logs]
    assert times[0] == times[1] == times[2]


def test_lost_frames_are_counted_at_the_victim_and_nowhere_else() -> None:
    it = swarm(engine=Constant("int8"))
    it.poke("seed", range(42), state(60))
    it.set_faults([LinkFault(1, "loss", [8, 9], 1.0)])
    it.run_until(10)
    lost = it.counters()[:, Counter.FAULT_LOST]
    assert np.flatnonzero(lost).tolist() == [8, 9]
    assert not it.counters()[[8, 9], Counter.RECEIVED].any()
    it.set_faults([])
    it.run_until(30)
    assert it.counters()[[8, 9], Counter.RECEIVED].all()


def test_full_loss_isolates_and_healing_joins_again() -> None:
    it = swarm()
    it.set_faults([LinkFault(1, "loss", [24], 1.0)])
    it.poke("seed", [0], state(60))
    it.run_until(60)
    assert alive(it) == 41
    it.set_faults([])
    it.run_until(90)
    assert alive(it) == 42


def test_delayed_frames_arrive_late_but_arrive() -> None:
    it = swarm(1, 2, engine=Constant("int8"))
    it.set_faults([LinkFault(1, "delay", [1], 0.0, 50.0)])
    it.poke("seed", [0], state(60))
    it.run_until(4)
    assert it.counters()[1, Counter.FAULT_DELAYED] > 0
    it.set_faults([])
    it.run_until(60)
    assert it.counters()[1, Counter.DROP_SEQUENCE] > 0, "most come after newer ones and are old news"


# ---- standing still


def test_a_frozen_cell_neither_wakes_nor_forgets_and_goes_on_where_it_was() -> None:
    it = swarm(engine=Constant("int8"))
    it.poke("seed", range(42), state(60))
    it.run_until(5)
    said = it.counters()[24, Counter.SAID]
    it.freeze([24], True)
    it.poke("erase", [24])
    assert it.frozen.tolist() == [cell == 24 for cell in range(42)]
    it.run_until(50)
    assert it.counters()[24, Counter.SAID] == said and it.states()[3, 3].any(), "what is done to it, it misses"
    it.freeze([24], False)
    it.run_until(50.01)
    counters = it.counters()[24]
    assert counters[Counter.SAID] == said + 1 and counters[Counter.MISSED_WAKES] == 1
    assert counters[Counter.FORGOTTEN] == 0, "it was not listening, so nobody was silent"
    assert not it.frozen.any()


def test_power_ends_standing_still() -> None:
    it = swarm()
    it.freeze([3, 4], True)
    it.power([3], False)
    it.power([3], True)
    assert np.flatnonzero(it.frozen).tolist() == [4]


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
