"""The batch twin against the cell: the same list of wakes, on time or late, gives the same bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import TAG, Constant, Fading, T, Toy, state

from cellnode.oracle import CellWorld, Said
from cellnode.panel import Counter
from cellnode.patchworld import PatchWorld
from cellnode.schedule import levels
from cellnode.topology import neighbours
from firmware_sim import folder
from firmware_sim.engines import Engine, make_engine
from firmware_sim.errors import BadInput

Wakes = list[tuple[int, int]]  # (time, cell), times rising


def built_in(engine: str) -> Engine:
    """The smallest built-in rule under an engine."""
    try:
        return make_engine(engine, folder.load("dot"))
    except BadInput:
        pytest.skip("this checkout has no built-in rule")


def both(
    engine: Engine, size: tuple[int, int] = (4, 5), torus: bool = False, seed: int = 1
) -> tuple[CellWorld, PatchWorld, list[Said], list[Said]]:
    """The same swarm twice, newborn: as cells, and as arrays, each with the list of what was said."""
    table = neighbours(*size, torus)
    single: list[Said] = []
    batch: list[Said] = []
    cells = CellWorld(table, engine, TAG, seed, T, 1, single.append)
    patch = PatchWorld(table, engine, seed, T, 1, batch.append)
    return cells, patch, single, batch


def replay(cells: CellWorld, patch: PatchWorld, wakes: Wakes) -> None:
    for time_ns, cell in wakes:
        cells.wake(cell, time_ns)
    patch.replay(np.array([cell for _, cell in wakes], np.int64), np.array([at for at, _ in wakes], np.int64))


def same(cells: CellWorld, patch: PatchWorld, single: list[Said], batch: list[Said]) -> None:
    assert sorted(batch) == sorted(single)
    assert patch.states().tobytes() == cells.states().tobytes()
    assert (patch.counters() == cells.counters()).all()


wake_lists = st.lists(
    st.tuples(st.sampled_from([0, 1, T // 10, T, 3 * T, 12 * T]), st.integers(0, 19)), min_size=1, max_size=150
).map(lambda steps: [(1 + sum(gap for gap, _ in steps[: k + 1]), cell) for k, (_, cell) in enumerate(steps)])


@settings(deadline=None, max_examples=40)
@given(
    wakes=wake_lists,
    torus=st.booleans(),
    kind=st.sampled_from([Toy, Fading, Constant]),
    family=st.sampled_from(["int8", "float"]),
)
def test_any_list_of_wakes_early_or_late_gives_the_same_bytes(
    wakes: Wakes, torus: bool, kind: Any, family: Any
) -> None:
    """Early, on time, late, missed, deaf, asleep; several at one instant: whatever a machine may do to its cells."""
    engine = kind(family)
    worlds = both(engine, torus=torus)
    values = state(60 if family == "int8" else 2.0, 9 if family == "int8" else 0.5, family)
    for world in worlds[:2]:
        world.seed([7, 12], values, 0)
    replay(worlds[0], worlds[1], wakes)
    same(*worlds)


def test_the_integer_core_is_equal_to_the_bit_while_a_rule_grows() -> None:
    worlds = cells, patch, single, _ = both(built_in("chip"), size=(9, 9))
    values = np.array([0, 0, 0] + [32] * 13, np.int8).tobytes()
    for world in (cells, patch):
        world.seed([40], values, 0)
        world.run(40 * T)
    same(*worlds)
    assert (patch.states()[:, 3] > 3).sum() >= 9, "and it grew"
    assert len(single) > 400


def test_in_float_one_step_of_the_batch_is_within_1e_5_of_the_cells() -> None:
    """The library behind a matrix product may sum in another order for another number of rows, so bits may differ."""
    engine = built_in("numpy")
    cells, patch, single, batch = both(engine, size=(9, 9))
    values = np.array([0, 0, 0] + [1] * 13, np.float32).tobytes()
    rng = np.random.default_rng(1)
    wakes = [(T * (k + 1) // 81, int(rng.integers(81))) for k in range(81 * 6)]
    for world in (cells, patch):
        world.seed([40], values, 0)
    replay(cells, patch, wakes)
    assert [said[:4] for said in sorted(batch)] == [said[:4] for said in sorted(single)], "the same events"
    states = [np.array([np.frombuffer(said[-1], np.float32) for said in sorted(log)]) for log in (single, batch)]
    assert np.abs(states[0]).max() > 0.5
    assert np.abs(states[0] - states[1]).max() < 1e-3, "after six updates each"
    blocks = patch.patch.mail.block.reshape(81, 3, 3, 16)
    alone = np.concatenate([engine.update(block[None]) for block in blocks])
    assert np.abs(alone - engine.update(blocks)).max() < 1e-5, "in one step"


def test_a_float_state_that_overflowed_is_dead_in_both_worlds() -> None:
    class Doubling(Constant):
        def update(self, neighbourhood: Any) -> Any:
            with np.errstate(over="ignore"):
                return neighbourhood.reshape(-1, 9, 16)[:, 4] * np.float32(1e20)

    worlds = cells, patch, single, _ = both(Doubling("float"), size=(1, 3))
    for world in (cells, patch):
        world.seed([1], state(1.0, family="float"), 0)
        world.run(20 * T)
    same(*worlds)
    assert not patch.states().any()
    assert any(np.frombuffer(said[-1], np.float32)[3] > 1e19 for said in single)


def test_a_sequence_far_ahead_is_judged_alike_in_both_worlds() -> None:
    """Dropped while the slot is fresh, taken when it is overdue."""
    worlds = cells, patch, _, _ = both(Constant("int8"), size=(1, 2))
    for step, late_by in ((0, T), (1, 20 * T)):
        for world in (cells, patch):
            world.run(40 * T * (2 * step + 1))  # asleep, both; then woken by a seed and at rest again
            world.seed([0], state(60 - step), 40 * T * (2 * step + 1))
            world.run(40 * T * (2 * step + 1) + late_by)
        it = cells._cells[0]
        assert it is not None
        it.sequence += 70_000
        patch.patch._sequence[0] += 70_000
    for world in (cells, patch):
        world.run(300 * T)
    same(*worlds)
    assert cells.counters()[1, Counter.DROP_SEQUENCE] > 0


def test_a_rule_with_other_channels_runs_as_a_patch() -> None:
    class Narrow(Constant):
        channels = 5

        def update(self, neighbourhood: Any) -> Any:
            return neighbourhood[:, 1, 1].copy()

    patch = PatchWorld(neighbours(3, 3), Narrow("float"), 1, T, 1)
    patch.seed([4], np.arange(5, dtype=np.float32).tobytes(), 0)
    patch.run(5 * T)
    assert patch.states()[4].tolist() == [0, 1, 2, 3, 4]


# ---- levels


def test_wakes_of_neighbours_and_of_neighbours_neighbours_keep_their_order() -> None:
    table = np.where(neighbours(1, 9) < 0, 9, neighbours(1, 9)).astype(np.int64)
    assert levels(table, np.array([0, 3, 6])).tolist() == [1, 1, 1], "far apart: together"
    assert levels(table, np.array([0, 1, 1])).tolist() == [1, 2, 3], "neighbours: one after the other"
    assert levels(table, np.array([0, 2, 4])).tolist() == [1, 2, 3], "both speak to the cell in between"
    assert levels(table, np.array([4, 0, 4])).tolist() == [1, 1, 2]
