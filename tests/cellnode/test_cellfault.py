"""Cells that are stuck or lie: what they compute and say, what is counted, and when it is over."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from toys import TAG, Constant, T, cell, state

from cellnode.cellfault import CellFaults, check
from cellnode.control import MAX_DATAGRAM, Wanted, encode
from cellnode.control import decode as decode_control
from cellnode.frame import Frame, decode
from cellnode.messages import LinkFault
from cellnode.panel import COUNTERS, Counter
from cellnode.payload import rule_payload
from cellnode.virtual import VirtualSwarm, World
from firmware_sim import folder
from firmware_sim.engines import make_engine
from firmware_sim.errors import BadInput


def liar(mode: str, lag: int = 1, family: str = "int8") -> tuple[CellFaults, list[int]]:
    counters = [0] * COUNTERS
    it = CellFaults(4, 1, 1, np.dtype(np.int8 if family == "int8" else np.float32), counters)
    it.set([LinkFault(1, "lie", [4], rng_seed=7, mode=mode, lag=lag)])
    return it, counters


def words(mode: str, states: list[bytes], lag: int = 1, family: str = "int8") -> list[bytes]:
    it, _ = liar(mode, lag, family)
    return [it.say(k, values) for k, values in enumerate(states, 1)]


STATES = [state(alpha) for alpha in (10, 20, 30, 40, 50)]


def test_random_words_follow_the_sequence_and_are_values_a_frame_can_carry() -> None:
    first = words("random", STATES)
    assert len(set(first)) == 5 and first == words("random", STATES[::-1])
    assert all(0x80 not in word for word in first)
    floats = np.frombuffer(words("random", [state(1.0, family="float")], family="float")[0], np.float32)
    assert np.isfinite(floats).all() and np.abs(floats).max() <= 127 / 32


def test_frozen_stale_and_inverted_words() -> None:
    assert words("frozen", STATES) == [STATES[0]] * 5
    assert words("stale", STATES, lag=2) == [STATES[0], STATES[0], STATES[0], STATES[1], STATES[2]]
    assert words("inverted", STATES)[0] == state(-10)
    assert words("inverted", [state(0, family="float")], family="float") == [state(0, family="float")]


def test_a_lie_is_counted_only_where_it_differs() -> None:
    it, counters = liar("frozen")
    for k, values in enumerate([STATES[0], STATES[0], STATES[1]], 1):
        it.say(k, values)
    assert counters[Counter.LIES] == 1


def test_what_a_mode_remembers_outlives_other_faults_and_ends_with_its_own() -> None:
    it, _ = liar("frozen")
    it.say(1, STATES[0])
    mine = LinkFault(1, "lie", [4], rng_seed=7, mode="frozen")
    assert it.set([mine, LinkFault(2, "stuck", [4])]) and it.warping
    assert it.say(2, STATES[1]) == STATES[0]
    assert it.set([]) and not it.lying and not it.warping
    assert it.say(3, STATES[2]) == STATES[2]
    it.set([mine])
    assert it.say(4, STATES[3]) == STATES[3], "it begins anew"


def said(data: bytes | None) -> Frame:
    assert data is not None
    frame = decode(data, TAG)
    assert not isinstance(frame, Counter)
    return frame


def test_a_cell_keeps_its_state_and_says_another() -> None:
    it = cell(engine=Constant("int8"))
    it.seed(state(60), 0)
    it.set_faults([LinkFault(1, "lie", [4], mode="inverted")], 0)
    assert said(it.wake(T)).values == state(-60) and it.state_bytes == state(60)
    it.set_faults([], 2 * T)
    assert said(it.wake(3 * T)).values == state(60) and it.faulty is None


def test_a_liar_does_not_sleep() -> None:
    it = cell(engine=Constant("int8"), around=(-1,) * 8)
    it.set_faults([LinkFault(1, "lie", [4], mode="random")], 0)
    for k in range(1, 20):
        it.wake(10 * k * T)
    assert not it.asleep and it.counters[Counter.LIES] == 19


def test_a_stuck_channel_is_what_it_is_stuck_at_and_wakes_a_sleeper() -> None:
    it = cell(engine=Constant("int8"), around=(-1,) * 8)
    for k in range(1, 9):
        it.wake(10 * k * T)
    assert it.asleep
    it.set_faults([LinkFault(1, "stuck", [4, 5], channel=3, level=1.0), LinkFault(2, "stuck", [5], channel=4)], 90 * T)
    it.wake(100 * T)
    assert it.state_bytes == state(32) and it.counters[Counter.STUCK] == 1


def test_the_opposite_of_what_the_rule_asks_for() -> None:
    it, counters = liar("gradient")
    block = np.zeros((1, 3, 3, 16), np.int8)
    block[0, 1, 1] = 50
    new = np.full((1, 16), 20, np.int8)
    assert (it.warp(block, new) == 80).all() and counters[Counter.LIES] == 1
    assert (it.warp(block, np.full((1, 16), -60, np.int8)) == 127).all()
    assert not it.warp(block, np.zeros((1, 16), np.int8)).any(), "a dead cell has nowhere to go"


def adversary(name: str = "lizard", engine: str = "chip") -> LinkFault:
    return LinkFault(1, "lie", [4], mode="adversary", rule=rule_payload(folder.load(name), engine))


@pytest.mark.parametrize(("engine", "family"), [("chip", "int8"), ("numpy", "float")])
def test_an_adversary_computes_by_its_own_rule_and_is_counted_where_that_differs(engine: str, family: str) -> None:
    counters = [0] * COUNTERS
    it = CellFaults(4, 1, 1, np.dtype(np.int8 if family == "int8" else np.float32), counters)
    assert it.set([adversary(engine=engine)]) and it.warping and not it.lying
    block = np.full((1, 3, 3, 16), 32, np.int8) if family == "int8" else np.ones((1, 3, 3, 16), np.float32)
    honest, own = (make_engine(engine, folder.load(name)).update(block) for name in ("dot", "lizard"))
    assert it.warp(block, honest).tobytes() == own.tobytes() != honest.tobytes()
    assert it.warp(block, own).tobytes() == own.tobytes() and counters[Counter.LIES] == 1


def test_an_adversary_of_another_family_is_refused() -> None:
    it = CellFaults(4, 1, 1, np.dtype(np.int8), [0] * COUNTERS)
    with pytest.raises(BadInput, match="an adversary on numpy cannot live among cells of int8"):
        it.set([adversary(engine="numpy")])


def test_a_cell_is_told_of_an_adversary_in_one_datagram() -> None:
    wanted = Wanted(1, T, True, False, [], [adversary()] * 3)
    sent = encode(wanted)
    assert len(sent) < MAX_DATAGRAM and decode_control(sent) == wanted


def test_all_worlds_live_through_the_same_betrayal() -> None:
    def lived(world: World) -> bytes:
        swarm = VirtualSwarm(
            7, 7, False, make_engine("chip", folder.load("dot")), TAG, 3, T, world=world, say=lambda line: None
        )
        swarm.poke("seed", [24], bytes([0] * 3 + [32] * 13))
        swarm.run_until(12)
        swarm.set_faults([msgspec.structs.replace(adversary(), cells=[17, 24, 25])])
        swarm.run_until(25)
        swarm.power([24], False)
        swarm.power([24], True)
        swarm.run_until(32)
        swarm.set_faults([])
        swarm.run_until(40)
        return swarm.states().tobytes() + swarm.counters().tobytes()

    assert lived("cells") == lived("arrays") == lived("fastest")


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (LinkFault(7, "stuck", [1], channel=16), "channel 16, expected 0..15"),
        (LinkFault(7, "stuck", [1], level=5.0), "stuck at 5.0"),
        (LinkFault(7, "lie", [1], mode="sweet"), "lies 'sweet', expected one of random"),
        (LinkFault(7, "lie", [1], mode="stale", lag=0), "0 frames ago"),
        (LinkFault(7, "lie", [1], mode="adversary"), "lies 'adversary' without a rule of its own"),
    ],
)
def test_an_impossible_fault_is_refused(fault: LinkFault, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        check(fault)
