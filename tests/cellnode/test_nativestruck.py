"""Struck cells in C: what they share with whole ones, and how seldom somebody else has to be asked for them."""

from __future__ import annotations

import shutil
from typing import Any

import nativestory
import numpy as np
import pytest
from test_nativeworld import DOT, dot
from toys import TAG, T

from cellnode.harm import Harm, encode
from cellnode.messages import LinkFault
from cellnode.nativestruck import Struck
from cellnode.nativeworld import NativeWorld
from cellnode.panel import Counter
from cellnode.virtual import VirtualSwarm
from firmware_sim import native_build

pytestmark = pytest.mark.skipif(
    not any(shutil.which(name) for name in native_build.CANDIDATES["c"]), reason="no C compiler: apt-get install gcc"
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Cells for whose updates Python was asked."""
    cells: list[int] = []
    update = Struck.update

    def noted(self: Struck, cell: int, block: Any) -> Any:
        cells.append(cell)
        return update(self, cell, block)

    monkeypatch.setattr(Struck, "update", noted)
    return cells


def grown() -> tuple[VirtualSwarm, NativeWorld]:
    said: list[str] = []
    it = VirtualSwarm(8, 8, False, dot(), TAG, 3, T, rule=DOT, say=said.append)
    it.poke("seed", [36], nativestory.SEED)
    it.run_until(30)
    world = it._world
    assert isinstance(world, NativeWorld) and not said
    return it, world


def order(it: VirtualSwarm, cells: Any, kind: str, number: int = 1, heal: bool = False, **parameters: float) -> None:
    it.poke("harm", cells, encode(Harm(number, kind, parameters, 5, heal)))


def total(it: VirtualSwarm, counter: Counter) -> int:
    return int(it.counters()[:, counter].sum())


def test_flipped_states_and_clocks_that_jump_leave_nothing_to_ask(asked: list[int]) -> None:
    it, world = grown()
    before = it.states()
    order(it, range(64), "bit_flip", count=1)
    assert (np.unpackbits((it.states() ^ before).view(np.uint8)).sum()) == 64
    order(it, range(64), "clock_jump", by=2)
    it.run_until(60)
    assert not asked and not world.struck.ones


def test_a_cell_with_a_flipped_genome_is_computed_in_c_by_that_genome(asked: list[int]) -> None:
    it, world = grown()
    order(it, [28, 36], "genome_flip", count=64)
    it.run_until(60)
    assert not asked
    rules = {int(world.struck.rows["rule"][one.row]) for one in world.struck.ones.values()}
    assert len(rules) == 2 and 0 not in rules, "each has a genome of its own"


def test_for_an_upset_sum_python_is_asked_at_the_hit_alone(asked: list[int]) -> None:
    it, _ = grown()
    before = total(it, Counter.UPDATES) - total(it, Counter.SKIPPED)
    order(it, range(64), "accumulator_flip", rate=0.02, count=1)
    it.run_until(130)
    computed = total(it, Counter.UPDATES) - total(it, Counter.SKIPPED) - before
    assert 0 < total(it, Counter.HARMED) <= len(asked) < 0.04 * computed


def test_a_liar_computes_in_c_and_is_asked_what_it_says(asked: list[int]) -> None:
    it, world = grown()
    it.set_faults([LinkFault(1, "lie", [36], mode="inverted")])
    it.run_until(60)
    assert not asked and it.world == "native"
    assert total(it, Counter.LIES) > 10
    it.set_faults([])
    assert world.struck.ones[36].faulty is None


def test_who_loses_power_is_a_whole_chip_in_the_next_life(asked: list[int]) -> None:
    it, world = grown()
    order(it, range(64), "accumulator_flip", rate=1, count=1)
    it.power(range(64), False)
    assert not world.struck.ones and (world.cells["engine"] == 0).all()
    it.power(range(64), True)
    it.poke("seed", [36], nativestory.SEED)
    it.run_until(60)
    assert not asked and total(it, Counter.HARMED) == 0


def test_who_is_born_a_liar_lies_from_its_first_word() -> None:
    it, world = grown()
    it.power([36], False)
    it.set_faults([LinkFault(1, "lie", [36], mode="random")])
    assert not world.struck.ones, "nobody is there to lie"
    it.power([36], True)
    assert world.struck.ones[36].faulty is not None
    it.run_until(40)
    assert total(it, Counter.LIES) > 3


def test_genomes_of_the_past_are_let_go() -> None:
    it, world = grown()
    for number in range(60):
        order(it, [36], "genome_flip", number=number, count=64)
        it.run_until(it.now_intervals + 1)
        order(it, [36], "genome_flip", number=number, heal=True, count=64)
    assert len(world.struck._rules) < 30


def test_cells_that_stand_still_stand_still_in_c() -> None:
    it, _ = grown()
    it.freeze([28, 36], True)
    said = it.counters()[[28, 36], Counter.SAID]
    it.run_until(50)
    assert it.world == "native" and it.frozen.sum() == 2
    assert (it.counters()[[28, 36], Counter.SAID] == said).all()
    it.freeze([28, 36], False)
    it.run_until(70)
    assert (it.counters()[[28, 36], Counter.SAID] > said + 5).all()
    assert (it.counters()[[28, 36], Counter.MISSED_WAKES] == 1).all()
