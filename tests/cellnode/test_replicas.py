"""Replicas: several swarms in one patch, each as if it were alone."""

from __future__ import annotations

import numpy as np
import pytest

from cellnode.replicas import INTERVAL_NS, Replicas
from cellnode.virtual import VirtualSwarm
from firmware_sim import folder
from firmware_sim.engines import Engine, make_engine
from firmware_sim.errors import BadInput

SEED = np.array([0] * 3 + [32] * 13, np.int8)


def engine(name: str = "chip") -> Engine:
    return make_engine(name, folder.load("dot"))


def grown(count: int = 3, intervals: float = 12) -> Replicas:
    replicas = Replicas(count, 8, 9, engine(), 7)
    replicas.run(8)
    replicas.seed(4, 4, SEED)
    replicas.run(intervals)
    return replicas


def test_the_first_replica_is_the_virtual_swarm_of_the_same_seed_and_the_others_are_other_draws() -> None:
    alone = VirtualSwarm(8, 9, False, engine(), 1, 7, INTERVAL_NS)
    alone.run_until(8)
    alone.poke("seed", [4 * 9 + 4], SEED.tobytes())
    alone.run_until(20)
    alone.poke("erase", [40, 41])
    alone.run_until(25)
    replicas = grown()
    lost = np.zeros((8, 9), np.bool_)
    lost.reshape(-1)[[40, 41]] = True
    replicas.erase(lost)
    replicas.run(5)
    states = replicas.states()
    assert replicas.now_intervals == 25
    assert np.array_equal(states[0], alone.states())
    assert states[1].any() and not np.array_equal(states[0], states[1])


def test_a_copy_lives_on_exactly_as_the_original_would_have() -> None:
    replicas = grown()
    twin, other = replicas.copy(), replicas.copy()
    other.erase(np.ones((8, 9), np.bool_))
    for each in (replicas, twin, other):
        each.run(10)
    assert np.array_equal(replicas.states(), twin.states()) and replicas.states().any()
    assert not other.states().any()


def test_newborns_may_be_given_another_rule_of_the_same_family_only() -> None:
    newborn = Replicas(1, 8, 9, engine(), 7)
    newborn.run(8)
    turned = newborn.copy(make_engine("chip", folder.load("dot"), 90))
    plain = newborn.copy()
    for each in (turned, plain):
        each.seed(4, 4, SEED)
        each.run(12)
    assert not np.array_equal(turned.states(), plain.states())
    with pytest.raises(BadInput, match="family"):
        newborn.copy(engine("numpy"))


def test_a_place_outside_is_refused() -> None:
    with pytest.raises(BadInput, match="outside"):
        Replicas(1, 3, 3, engine(), 1).seed(3, 0, SEED)
