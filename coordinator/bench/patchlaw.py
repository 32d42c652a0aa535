"""Whether patches live by the same law as single cells: the loss at 50, 100 and 200 T, and how often cells wake.

Two pairs of samples, each of as many runs as there are seeds. `ticked`: a grid cut into realms that tick as processes
do, each at a phase of its own, in injected time, beside single cells in virtual time. `processes`: real patches beside
a process a cell, on the built-in `dot`. Two-sample Kolmogorov-Smirnov (scipy) on the losses. Uses the API and cellnode.
"""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellnode import draws
from cellnode.panel import Counter
from cellnode.patchheart import TICKS
from cellnode.patchlayout import grid, layout
from cellnode.realm import Realm
from cellnode.topology import seed_cell, tag
from cellnode.virtual import VirtualSwarm
from coordinator import Swarm
from coordinator.bench.registry import Options, Row
from coordinator.picture import picture_for
from firmware_sim import folder
from firmware_sim.engines import Engine, make_engine
from firmware_sim.errors import BadInput
from firmware_sim.folder import RuleFolder
from firmware_sim.limits import STATE_STEP

AT = (50.0, 100.0, 200.0)  # T after the seed
BORN = 4.0
T_NS = 1_000_000_000
PATCH = (16, 16)
SMALL, SMALL_PATCH = (12, 12), (4, 4)  # of `dot`, for real processes
WORLD = (1, 1000)  # the two samples draw from seeds of their own


@dataclass(frozen=True, slots=True)
class Life:
    """One run: its losses at `AT`, and wakes of a cell in T."""

    losses: tuple[float, ...]
    wakes: float


def measure(options: Options) -> Iterator[Row]:
    """Rows of `ticked`, then of `processes`."""
    try:
        from scipy.stats import ks_2samp
    except ImportError as error:
        raise BadInput("planaria bench patchlaw needs scipy: pip install 'planaria[experiment]'") from error

    def compare(how: str, of: str, one: list[Life], other: list[Life]) -> Iterator[Row]:
        wakes = (float(np.mean([life.wakes for life in one])), float(np.mean([life.wakes for life in other])))
        for place, at in enumerate(AT):
            losses = [[life.losses[place] for life in some] for some in (one, other)]
            yield {
                "how": how,
                "of": of,
                "runs": len(one),
                "at_T": at,
                "median_single": round(float(np.median(losses[0])), 4),
                "median_patches": round(float(np.median(losses[1])), 4),
                "ks_p": round(float(ks_2samp(*losses).pvalue), 4),
                "wakes_per_T_single": round(wakes[0], 4),
                "wakes_per_T_patches": round(wakes[1], 4),
                "wakes_ratio": round(wakes[1] / wakes[0], 4),
            }

    rule = folder.load(options.rule)
    engine = make_engine(options.engines[-1], rule)
    height, width = options.grid
    single, ticked = [], []
    for seed in options.seeds:
        single.append(_virtual(rule, engine, height, width, seed * WORLD[0]))
        ticked.append(_ticked(rule, engine, height, width, seed + WORLD[1]))
        options.say(f"ticked, seed {seed}: {single[-1]} {ticked[-1]}")
    yield from compare("ticked", f"{options.rule} {height}x{width}, patches {PATCH[0]}x{PATCH[1]}", single, ticked)
    if options.processes:
        cells, patches = [], []
        for seed in options.seeds:
            cells.append(_real(options, "processes", seed))
            patches.append(_real(options, "patches", seed + WORLD[1]))
            options.say(f"processes, seed {seed}: {cells[-1]} {patches[-1]}")
        of = f"dot {SMALL[0]}x{SMALL[1]}, patches {SMALL_PATCH[0]}x{SMALL_PATCH[1]}, T {options.interval_s} s"
        yield from compare("processes", of, cells, patches)


def _virtual(rule: RuleFolder, engine: Engine, height: int, width: int, seed: int) -> Life:
    swarm = VirtualSwarm(height, width, False, engine, tag("bench", rule.sha256), seed, T_NS)
    swarm.run_until(BORN)
    swarm.poke("seed", [seed_cell(height, width)], _seed(engine))

    def go_on(until_t: float) -> tuple[NDArray[np.float32], float]:
        swarm.run_until(until_t)
        return swarm.states() * _scale(engine), float(swarm.counters()[:, Counter.UPDATES].sum())

    return _life(rule, height, width, go_on)


def _ticked(rule: RuleFolder, engine: Engine, height: int, width: int, seed: int) -> Life:
    cut = grid(height, width, False, PATCH)
    number = tag("bench", rule.sha256)
    realms = [Realm(layout(cut, patch), engine, number, 1, seed, T_NS, 0) for patch in range(cut.patches)]
    inbox: list[list[bytes]] = [[] for _ in realms]
    due: list[tuple[int, int]] = []
    tick_ns = T_NS // TICKS
    for patch, realm in enumerate(realms):
        realm.power(np.ones(realm.count, np.int64))
        strangers = len(realm.layout.around)
        realm.meet(np.ones(strangers, np.int64), np.ones(strangers, np.bool_))
        bits = draws.draw64(seed, patch, draws.Purpose.BIRTH, 1)
        heapq.heappush(due, (draws.share(bits, tick_ns), patch))
    middle = seed_cell(height, width)
    at = int(cut.patch_of(np.array([middle]))[0])
    index = int(np.searchsorted(realms[at].layout.cells, middle))
    seeded = False

    def go_on(until_t: float) -> tuple[NDArray[np.float32], float]:
        nonlocal seeded
        while due[0][0] <= until_t * T_NS:
            now_ns, patch = heapq.heappop(due)
            realm = realms[patch]
            for cell, frame in realm.run(now_ns):
                for peer in realm.layout.peers:
                    if cell in speakers[patch][peer]:
                        inbox[peer].append(frame)
            messages, inbox[patch] = inbox[patch], []
            realm.hear(messages)
            if not seeded and patch == at and now_ns >= BORN * T_NS:
                realm.seed([index], _seed(engine))
                seeded = True
            heapq.heappush(due, (now_ns + tick_ns, patch))
        states = np.zeros((height * width, engine.channels), np.float32)
        for realm in realms:
            states[realm.layout.cells] = realm.states() * _scale(engine)
        updates = sum(float(realm.counters()[:, Counter.UPDATES].sum()) for realm in realms)
        return states.reshape(height, width, -1), updates

    speakers = [{peer: set(some.tolist()) for peer, some in realm.layout.speaks.items()} for realm in realms]
    return _life(rule, height, width, go_on)


def _life(
    rule: RuleFolder, height: int, width: int, go_on: Callable[[float], tuple[NDArray[np.float32], float]]
) -> Life:
    picture = picture_for(rule, height, width, False, 0.0)
    if picture is None:
        raise BadInput(f"rule {rule.name} has no target, so it has no loss to compare")
    _, born = go_on(BORN)  # how newborns greet each other is no part of it
    losses, updates = [], born
    for at in AT:
        states, updates = go_on(BORN + at)
        losses.append(picture.losses(states).loss_log10)
    return Life(tuple(losses), (updates - born) / (height * width) / AT[-1])


def _real(options: Options, substrate: str, seed: int) -> Life:
    with (
        tempfile.TemporaryDirectory() as home,
        Swarm.start(
            "dot",
            SMALL,
            engine=options.engines[-1],
            interval_s=options.interval_s,
            seed=seed,
            substrate=substrate,
            patch=SMALL_PATCH,
            out=f"{home}/run",
        ) as swarm,
    ):
        begun, before = swarm.t, swarm.look().counters[:, Counter.UPDATES].sum()
        losses = []
        for at in AT:
            swarm.wait_until(at)
            loss = swarm.loss()
            assert loss is not None, "dot has a target"
            losses.append(loss)
        updates = float(swarm.look().counters[:, Counter.UPDATES].sum() - before)
        return Life(tuple(losses), updates / (SMALL[0] * SMALL[1]) / (swarm.t - begun))


def _seed(engine: Engine) -> bytes:
    seed = np.zeros(engine.channels, engine.dtype)
    seed[3:] = 32 if engine.family == "int8" else 1
    return seed.tobytes()


def _scale(engine: Engine) -> np.float32:
    return np.float32(STATE_STEP if engine.family == "int8" else 1.0)
