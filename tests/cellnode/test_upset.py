"""Upsets of the chip that computes a cell: bits of its state, in any numbers, and of its sums while it computes."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from toys import TAG, T, Toy, cell

from cellnode import harm, payload
from cellnode.cell import Cell
from cellnode.harm import Harm
from cellnode.panel import Counter
from cellnode.upset import WIDTH, AccumulatorFlips, _flipped, settled
from cellnode.virtual import VirtualSwarm, World
from firmware_sim import chip, folder
from firmware_sim.engines import make_engine
from firmware_sim.errors import BadInput
from firmware_sim.limits import ALPHA, CHANNELS

DOT = folder.load("dot")
RULE = payload.rule_payload(DOT, "chip")
SEED = bytes([0] * 3 + [32] * 13)


def flips(count: int, rng_seed: int = 5, number: int = 1) -> Harm:
    return Harm(number, "state_flip", {"count": float(count)}, rng_seed)


def wounded(it: Cell, order: Harm) -> bytes:
    harm.carry_out(order, it, RULE, 10)
    return it.state_bytes


@pytest.mark.parametrize("family", ["int8", "float"])
def test_as_many_bits_of_a_state_flip_as_were_ordered_and_are_counted(family: str) -> None:
    it = cell(4, engine=Toy(family))  # type: ignore[arg-type]
    it.seed(np.ones(CHANNELS), 5)
    before = it.state_bytes
    after = wounded(it, flips(3))
    assert sum((a ^ b).bit_count() for a, b in zip(before, after, strict=True)) == 3 == it.counters[Counter.HARMED]
    other = cell(5, engine=Toy(family))  # type: ignore[arg-type]
    other.seed(np.ones(CHANNELS), 5)
    assert wounded(other, flips(3)) != after, "each cell has bits of its own"


@pytest.mark.parametrize("family", ["int8", "float"])
def test_all_bits_of_a_state_may_flip_and_what_is_left_can_be_said(family: str) -> None:
    it = cell(4, engine=Toy(family))  # type: ignore[arg-type]
    for number in range(40):
        values = np.frombuffer(wounded(it, flips(60, number, number)), it.engine.dtype)
        assert np.isfinite(values.astype(np.float64)).all() and not (family == "int8" and (values == -128).any())


def test_a_sum_is_24_bits_wide_and_a_bit_flipped_twice_is_back() -> None:
    for value in (0, 1, -1, 12345, -(1 << 23), (1 << 23) - 1):
        for bit in range(WIDTH):
            other = _flipped(value, bit)
            assert other != value and _flipped(other, bit) == value and -(1 << 23) <= other < 1 << 23


def test_sums_that_are_whole_give_the_core_s_own_update() -> None:
    genome = DOT.genome()
    assert genome is not None
    around = np.random.default_rng(1).integers(-127, 128, (50, 3, 3, CHANNELS)).astype(np.int8)
    batch = chip.Batch(genome)
    sums = batch.accumulators(around).astype(np.int64)
    ours = np.array([settled(genome, s, n[1, 1]) for s, n in zip(sums, around, strict=True)])
    assert np.array_equal(ours, batch.proposed(around))


def test_a_flipped_sum_changes_the_one_value_that_it_is_the_sum_of() -> None:
    engine = make_engine("chip", DOT)
    around = np.full((1, 3, 3, CHANNELS), 32, np.int8)
    whole = engine.update(around)
    changed = set()
    for seed in range(60):
        upset = AccumulatorFlips(1.0, 1, seed)
        new = upset.upset(engine, around, whole)
        assert upset.hits() == 1 and (new != whole).sum() <= 1
        changed.update(np.flatnonzero(new[0] != whole[0]).tolist())
    assert len(changed) > 5


def test_where_nothing_lives_nothing_is_computed_and_nothing_flips() -> None:
    engine = make_engine("chip", DOT)
    around = np.zeros((1, 3, 3, CHANNELS), np.int8)
    upset = AccumulatorFlips(1.0, 384, 1)
    assert not upset.upset(engine, around, engine.update(around)).any() and upset.hits() == 0
    around[0, 0, 0, ALPHA] = 4
    upset.upset(engine, around, engine.update(around))
    assert upset.hits() == 384


@pytest.mark.parametrize("engine", ["chip", "native"])
def test_it_lasts_until_it_is_healed_and_hits_its_share_of_updates(engine: str) -> None:
    rule = payload.rule_payload(DOT, engine)
    swarm = VirtualSwarm(8, 8, False, make_engine(engine, DOT), TAG, 3, T, rule=rule, say=lambda line: None)
    swarm.poke("seed", [36], SEED)
    swarm.run_until(20)
    order = partial(Harm, 1, "accumulator_flip", {"rate": 0.25, "count": 2.0}, 9)
    swarm.poke("harm", range(64), harm.encode(order()))
    updates = computed(swarm)
    swarm.run_until(50)
    hits, done = int(swarm.counters()[:, Counter.HARMED].sum()), computed(swarm) - updates
    assert 0.1 * done < hits / 2 < 0.3 * done, "half of all cells have nothing alive in reach at most"
    swarm.poke("harm", range(64), harm.encode(order(heal=True)))
    swarm.run_until(80)
    assert int(swarm.counters()[:, Counter.HARMED].sum()) == hits


def computed(swarm: VirtualSwarm) -> int:
    counters = swarm.counters()
    return int((counters[:, Counter.UPDATES] - counters[:, Counter.SKIPPED]).sum())


def test_two_worlds_suffer_the_same_upsets() -> None:
    def lived(world: World) -> bytes:
        swarm = VirtualSwarm(
            6, 6, False, make_engine("chip", DOT), TAG, 3, T, world=world, rule=RULE, say=lambda line: None
        )
        swarm.poke("seed", [21], SEED)
        swarm.run_until(10)
        order = Harm(1, "accumulator_flip", {"rate": 0.5, "count": 1.0}, 9)
        swarm.poke("harm", [14, 15, 20, 21], harm.encode(order))
        swarm.run_until(25)
        swarm.poke("harm", [14, 20], harm.encode(Harm(2, "genome_flip", {"count": 40.0}, 4)))
        swarm.run_until(40)
        return swarm.states().tobytes() + swarm.counters().tobytes()

    assert lived("arrays") == lived("cells") == lived("fastest")


def test_a_chip_that_does_not_show_its_sums_is_refused() -> None:
    it = cell(4, engine=Toy("int8"))
    with pytest.raises(BadInput, match="toy shows no accumulators"):
        harm.carry_out(Harm(1, "accumulator_flip", {"rate": 1.0, "count": 1.0}, 1), it, RULE, 10)
