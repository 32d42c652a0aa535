"""A world that is recorded computes the same, and tells the same rows as the black boxes of single cells would."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from toys import T, Toy, state

from cellnode.oracle import Said
from cellnode.rows import NO_WAKE, Flag, Rows
from cellnode.virtual import VirtualSwarm


def lived(tell: Any, log: Any = None, oracle: bool = False) -> VirtualSwarm:
    """A 6x6 swarm with a seed, an erasure, a death and a new life."""
    swarm = VirtualSwarm(6, 6, False, Toy("int8"), 1, 9, T, oracle=oracle, log=log, tell=tell, world="arrays")
    swarm.poke("seed", [14], state(80))
    swarm.run_until(6)
    swarm.poke("erase", [8])
    swarm.power([20], False)
    swarm.run_until(25)
    swarm.power([20], True)
    swarm.run_until(40)
    return swarm


@pytest.fixture(scope="module")
def rows() -> Rows:
    told: list[Rows] = []
    lived(told.append)
    found = np.concatenate(told)
    return found[np.argsort(found["cell"], kind="stable")]


def test_recording_changes_nothing_and_tells_every_word(rows: Rows) -> None:
    said: list[Said] = []
    plain = lived(None, said.append)
    recorded = lived(lambda _rows: None)
    assert recorded.world == "arrays"
    assert (plain.states() == recorded.states()).all() and (plain.counters() == recorded.counters()).all()
    wakes = rows[rows["flags"] & NO_WAKE == 0]
    told = {(int(r["at_ns"]), int(r["cell"]), int(r["life"]), int(r["sequence"]), r["state"].tobytes()) for r in wakes}
    assert told == {(at, cell, life, seq, values) for at, cell, life, seq, _, _, values in said}


def test_what_was_used_is_what_its_sender_had_said_last(rows: Rows) -> None:
    wakes = rows[rows["flags"] & NO_WAKE == 0]
    newest: dict[tuple[int, int], dict[int, int]] = {}
    for row in wakes:
        newest.setdefault((int(row["cell"]), int(row["life"])), {})[int(row["at_ns"])] = int(row["sequence"])
    used = 0
    for row in wakes[wakes["cell"] == 15]:
        west, at_ns = int(row["used_sequence"][3]), int(row["at_ns"])
        if west:
            said = newest[14, int(row["used_life"][3])]
            assert west == max(sequence for at, sequence in said.items() if at <= at_ns)
            used += 1
    assert used > 10


def test_states_given_from_outside_have_rows_of_their_own(rows: Rows) -> None:
    begun = rows[rows["flags"] & Flag.BEGUN != 0]
    assert begun["cell"].tolist() == [8, 14]
    assert not begun["state"][0].any() and begun["state"][1].tobytes() == state(80)
    after = rows[np.flatnonzero(rows["flags"] & Flag.BEGUN != 0) + 1]
    assert after["flags"][0] & Flag.ERASED and after["flags"][1] & Flag.SEEDED
    assert (after["sequence"] == begun["sequence"] + 1).all()
    assert set(rows["life"][rows["cell"] == 20].tolist()) == {1, 2}
