"""Virtual time in C: the same bytes as arrays and as single cells, whatever happens; where it cannot, arrays do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nativestory
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lives import DEEDS, HARMS, LINKS, RULE, act, digest, scripts, story, swarm
from nativestory import GOLDEN, STRUCK_GOLDEN, tell, tell_of_struck
from toys import TAG, Constant, Fading, T, Toy, state

from cellnode import cellfault, delays, nativefaults, nativelib, nativepart
from cellnode.messages import LinkFault
from cellnode.nativeworld import NativeWorld
from cellnode.oracle import Said
from cellnode.panel import Counter
from cellnode.payload import rule_payload
from cellnode.replicas import Replicas
from cellnode.topology import neighbours
from cellnode.virtual import VirtualSwarm
from firmware_sim import chip, folder, native_build
from firmware_sim.engines import Engine, make_engine
from firmware_sim.errors import BadInput
from firmware_sim.genome import HIDDEN_MAX, HIDDEN_MIN, Genome

pytestmark = pytest.mark.skipif(
    not any(shutil.which(name) for name in native_build.CANDIDATES["c"]), reason="no C compiler: apt-get install gcc"
)


DOT = rule_payload(folder.load("dot"), "chip")


def dot(name: str = "chip") -> Engine:
    return make_engine(name, folder.load("dot"))


# ---- one seed, the same bytes, whoever computes


def test_a_run_with_faults_has_the_bytes_it_always_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pinned: a change of this digest means that old runs can no longer be repeated."""
    assert (tell("native"), tell_of_struck("native")) == (GOLDEN, STRUCK_GOLDEN)
    monkeypatch.setenv("PLANARIA_SIMD", "0")
    assert (tell("native"), tell_of_struck("native")) == (GOLDEN, STRUCK_GOLDEN), "without vector instructions"


def test_arrays_and_single_cells_have_them_too() -> None:
    assert (tell("arrays"), tell_of_struck("arrays")) == (GOLDEN, STRUCK_GOLDEN)
    assert (tell("cells"), tell_of_struck("cells")) == (GOLDEN, STRUCK_GOLDEN)


@pytest.mark.parametrize("moment", [33.3, 50.0])
def test_a_run_handed_over_to_arrays_at_any_moment_goes_on_the_same(moment: float) -> None:
    assert tell("native", hand_over_at=moment) == GOLDEN
    assert tell_of_struck("native", hand_over_at=moment) == STRUCK_GOLDEN


def test_the_number_of_threads_changes_nothing() -> None:
    ended = []
    for threads in (1, 2, 5):
        it = Replicas(5, 8, 9, dot(), 7, threads)
        it.run(6)
        it.seed(4, 4, np.frombuffer(nativestory.SEED, np.int8))
        it.run(20)
        ended.append(it.states().tobytes())
    assert any(ended[0]) and ended[0] == ended[1] == ended[2]


def test_a_rule_in_python_is_asked_cell_by_cell_and_lives_the_same_life() -> None:
    it = VirtualSwarm(6, 7, False, Toy("int8"), TAG, 1, T, world="native")
    assert story(it) == story(swarm(oracle=True))


@settings(deadline=None, max_examples=60)
@given(
    script=scripts(*DEEDS, "clock", "freeze", "thaw", *LINKS, *LINKS, "jump", "flip", "upset", *HARMS),
    size=st.sampled_from([(1, 1), (1, 4), (3, 3), (4, 5), (6, 4)]),
    torus=st.booleans(),
    kind=st.sampled_from([Toy, Fading, Constant, dot]),
    interval_ns=st.sampled_from([10**9, 1000, 8]),
    seed=st.integers(0, 2**64 - 1),
    handed_over_after=st.integers(-3, 9),
)
def test_c_and_single_cells_tell_the_same_story(
    script: list[tuple[Any, ...]],
    size: tuple[int, int],
    torus: bool,
    kind: Callable[..., Engine],
    interval_ns: int,
    seed: int,
    handed_over_after: int,
) -> None:
    """Sleep, hello, fixed points, forgetting, crash, rebirth, erasure, standing still, all faults of links, clocks,
    cores and mouths, flipped bits: every frame said, in time and content, every state and every counter; and the same
    when arrays take over in the middle."""
    told: list[list[Said]] = []
    worlds = []
    engine = dot() if kind is dot else kind("int8")
    rule = DOT if kind is dot else RULE
    torus = torus and min(size) >= 3
    for world in ("cells", "native"):
        log: list[Said] = []
        it = VirtualSwarm(*size, torus, engine, TAG, seed, interval_ns, log=log.append, world=world, rule=rule)
        for number, deed in enumerate(script):
            act(it, deed)
            if number == handed_over_after:
                it.to_arrays()
        it.run_until(it.now_intervals + 15)
        worlds.append(it)
        told.append(sorted(log) if it.world == "arrays" else log)
    assert told[0] == told[1], "in the same order, too"
    cells, native = worlds
    assert cells.states().tobytes() == native.states().tobytes()
    assert (cells.counters() == native.counters()).all()
    assert (cells.on == native.on).all()


# ---- the core


@pytest.mark.parametrize("vectors", [False, True])
@pytest.mark.parametrize("hidden", [HIDDEN_MIN, 63, 64, 65, 128, HIDDEN_MAX])
def test_both_cores_compute_any_genome_to_the_bit(vectors: bool, hidden: int) -> None:
    library = nativelib.load()
    if vectors and not library.planaria_world_has_simd():
        pytest.skip("this processor has no AVX2")
    for rng_seed in range(3):
        rng = np.random.default_rng(rng_seed)
        genome = Genome(
            w1=rng.integers(-128, 128, (48, hidden)).astype(np.int8),
            b1=rng.integers(-32768, 32768, hidden).astype(np.int32) << rng_seed,
            w2=rng.integers(-128, 128, (hidden, 16)).astype(np.int8),
            b2=rng.integers(-32768, 32768, 16).astype(np.int16),
            shift=int(rng.integers(1, 17)),
            m=int(rng.integers(1, 200)),
            s=int(rng.integers(1, 31)),
            half1=bool(rng_seed & 1),
            half2=bool(rng_seed & 2),
            b1_shift=rng_seed,
        )
        states = rng.choice([-127, -3, 0, 1, 5, 127], (300, 3, 3, 16)).astype(np.int8)
        states[::3] = rng.integers(-127, 128, states[::3].shape)
        states[::5, :, :, 3] = rng.integers(-5, 6, states[::5, :, :, 3].shape)
        assert np.array_equal(nativelib.core_update(library, genome, states, vectors), chip.update(genome, states))


# ---- whom it serves


def test_int8_rules_are_computed_in_c_and_floats_and_machine_code_are_not() -> None:
    assert swarm(engine=dot("chip")).world == "native"
    assert swarm(engine=dot("native")).world == "native"
    assert swarm(engine=dot("numpy")).world == "arrays"
    assert swarm(engine=Toy("int8")).world == "arrays"
    with pytest.raises(BadInput, match="not engine numpy"):
        VirtualSwarm(3, 3, False, dot("numpy"), TAG, 1, world="native")


def test_cells_on_another_engine_are_asked_of_it() -> None:
    engines = dot(), Constant("int8")
    ended = []
    for world in ("native", "arrays"):
        it = VirtualSwarm(6, 7, False, engines[0], TAG, 3, T, others=[([17, 18], engines[1])], world=world)
        it.poke("seed", [24], nativestory.SEED)
        it.poke("seed", [18], state(50))
        it.run_until(25)
        ended.append(digest(it))
        assert it.states().reshape(42, 16)[18].tobytes() == state(50), "which never changes its mind"
    assert ended[0] == ended[1]


def test_an_engine_that_fails_is_heard_of() -> None:
    class Broken(Toy):
        def update(self, neighbourhood: Any) -> Any:
            raise BadInput("the chip does not answer")

    it = VirtualSwarm(3, 3, False, Broken("int8"), TAG, 1, T, world="native")
    with pytest.raises(BadInput, match="does not answer"):
        it.run_until(5)


def test_a_fault_that_c_does_not_know_is_left_to_arrays_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    ended, said = [], []
    monkeypatch.delitem(nativefaults.FIELDS, "loss")
    for world in ("native", "cells"):
        it = VirtualSwarm(6, 7, False, dot(), TAG, 3, T, world=world, say=said.append)
        it.poke("seed", [24], nativestory.SEED)
        it.set_faults([LinkFault(1, "delay", list(range(42)), 0.0, 3.0)])
        it.run_until(12)
        it.set_faults([LinkFault(2, "loss", list(range(42)), 0.4)])
        it.run_until(30)
        ended.append(digest(it))
        assert it.world == ("arrays" if world == "native" else "cells")
        assert it.counters()[:, Counter.FAULT_LOST].any()
    assert ended[0] == ended[1]
    assert said == ["virtual time: arrays compute these faults, slower"]


def test_without_a_compiler_arrays_do_the_work_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANARIA_NATIVE", "0")
    nativelib.load.cache_clear()
    said: list[str] = []
    try:
        it = VirtualSwarm(6, 7, False, dot(), TAG, 1, T, say=said.append)
        assert it.world == "arrays"
        assert len(said) == 1 and "arrays compute the same bytes" in said[0]
        with pytest.raises(BadInput, match="switched off"):
            VirtualSwarm(6, 7, False, dot(), TAG, 1, T, world="native")
        replicas = Replicas(2, 6, 7, dot(), 1)
        replicas.run(3)
    finally:
        nativelib.load.cache_clear()


KNOWN = (
    LinkFault(1, "loss", [16, 17, 18, 24], 0.5, slots=[255, 3, 12, 200]),
    LinkFault(2, "burst", list(range(42)), 0.9, burst=4.0, gap=9.0, good=0.1, rng_seed=2),
    LinkFault(3, "delay", list(range(42)), delay_intervals=3.0, slots=list(range(1, 43)), rng_seed=3),
    *(LinkFault(4, "delay", list(range(42)), delay_intervals=2.0, shape=shape, rng_seed=4) for shape in delays.SHAPES),
    LinkFault(5, "reorder", list(range(42)), 0.3, delay_intervals=2.0, rng_seed=5),
    LinkFault(6, "duplicate", list(range(42)), 0.5, delay_intervals=1.5, rng_seed=6),
    LinkFault(7, "drift", list(range(0, 42, 2)), 0.5, spread=0.3, rng_seed=7),
    LinkFault(8, "jitter", list(range(42)), 0.9, rng_seed=8),
    LinkFault(9, "stuck", list(range(0, 42, 3)), channel=3, level=1.0),
    *(
        LinkFault(10 + k, "lie", list(range(0, 42, 2)), mode=mode, lag=4, rule=DOT if mode == "adversary" else None)
        for k, mode in enumerate(cellfault.MODES)
    ),
)


@pytest.mark.parametrize("faults", [*([fault] for fault in KNOWN), list(KNOWN)])
def test_every_kind_of_fault_that_c_knows_does_the_same_there(faults: list[LinkFault]) -> None:
    ended = []
    for world in ("native", "cells"):
        it = VirtualSwarm(6, 7, False, Fading("int8"), TAG, 3, T, world=world)
        it.poke("seed", range(42), state(127))
        it.run_until(4)
        it.set_faults(faults)
        it.run_until(16)
        it.set_faults([])
        it.run_until(24)
        ended.append(digest(it))
        assert it.world == world
        harm = (Counter.FAULT_LOST, Counter.FAULT_DELAYED, Counter.FAULT_DUPLICATED, Counter.FAULT_CLOCK)
        harm = (*harm, Counter.STUCK, Counter.LIES)
        assert it.counters()[:, harm].sum() > 20
    assert ended[0] == ended[1]


def test_they_are_all_that_are_known() -> None:
    assert {fault.kind for fault in KNOWN} == set(nativefaults.FIELDS)


def test_a_known_kind_that_asks_for_more_than_is_known_is_not_known() -> None:
    assert nativefaults.knows([LinkFault(1, "loss", [1], 0.5, rng_seed=9)])
    assert not nativefaults.knows([LinkFault(1, "loss", [1], 0.5, spread=0.1)])
    assert not nativefaults.knows([LinkFault(1, "hold", [1])])


# ---- draws, and room for what is held back


def test_a_fault_or_another_cell_changes_nobody_elses_draws() -> None:
    logs: list[list[Said]] = []
    for width, faults in (
        (12, []),
        (12, [LinkFault(1, "loss", [0], 0.5)]),
        (13, [LinkFault(1, "delay", [0], 0.0, 2.0)]),
    ):
        log: list[Said] = []
        it = VirtualSwarm(1, width, False, Fading("int8"), TAG, 3, T, log=log.append, world="native")
        it.poke("seed", range(12), state(127))
        it.set_faults(faults)
        it.run_until(25)
        logs.append(log)
    times = [[said[:4] for said in log if said[1] < 12] for log in logs]
    assert len(times[0]) > 200 and times[0] == times[1] == times[2]


def test_more_is_held_back_than_there_was_room_for() -> None:
    ended = []
    for world in ("native", "cells"):
        it = VirtualSwarm(4, 5, False, Constant("int8"), TAG, 3, T, world=world)
        it.set_faults([LinkFault(1, "delay", list(range(20)), 0.0, 64.0)])
        it.poke("seed", range(20), state(127))
        it.run_until(12)
        assert it.counters()[:, Counter.FAULT_DELAYED].sum() > 4 * nativepart.HELD_ROOM
        it.power([3, 4], False)
        it.run_until(50)
        ended.append(digest(it))
    assert ended[0] == ended[1]


def test_a_copy_lives_by_itself() -> None:
    world = NativeWorld(neighbours(6, 7), dot(), 1, T, 1)
    world.set_faults([LinkFault(1, "delay", list(range(42)), 0.0, 9.0)], 0)
    world.seed([24], nativestory.SEED, 0)
    world.run(10 * T)
    twin = world.twin(dot())
    world.run(30 * T)
    before = world.states().tobytes()
    twin.run(30 * T)
    assert twin.states().tobytes() == before and twin.states().any()
    assert (twin.counters() == world.counters()).all()
    twin.erase(range(42), 30 * T)
    assert world.states().tobytes() == before


# ---- the C code itself


def test_the_world_is_clean_under_the_sanitisers() -> None:
    compiler = native_build.compiler("c")
    asan = subprocess.run([compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=False)
    path = Path(asan.stdout.strip())
    if not path.is_absolute():
        pytest.skip(f"{compiler} has no address sanitiser to load")
    flags = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-Wpedantic"]
    environment = {**os.environ, "LD_PRELOAD": str(path), "ASAN_OPTIONS": "detect_leaks=0"}
    for simd in ("0", "1"):
        done = subprocess.run(
            [sys.executable, str(Path(nativestory.__file__)), *flags],
            env={**environment, "PLANARIA_SIMD": simd}, capture_output=True, text=True, timeout=250, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.split() == [GOLDEN, STRUCK_GOLDEN]


@pytest.mark.skipif(shutil.which("cppcheck") is None, reason="cppcheck is missing: apt-get install cppcheck")
def test_cppcheck_finds_nothing() -> None:
    command = ["cppcheck", "--std=c11", "--enable=warning,style,performance,portability", "--error-exitcode=1", "-q"]
    quiet = ["--suppress=missingIncludeSystem", "--inline-suppr", str(nativelib.FOLDER / "library.c")]
    done = subprocess.run([*command, *quiet], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
