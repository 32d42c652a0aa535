"""Arrays and cells in virtual time tell the same story of any life, every frame and every counter of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from hypothesis import example, given, settings
from hypothesis import strategies as st
from lives import DEEDS, RULE, act, scripts, story, swarm
from toys import TAG, Constant, Fading, Toy

from cellnode.oracle import Said
from cellnode.virtual import VirtualSwarm

Family = Literal["int8", "float"]


def test_arrays_and_cells_live_the_same_life() -> None:
    assert story(swarm(oracle=True)) == story(swarm(oracle=False))


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
