"""Lives of a virtual swarm of toys: one with everything in it, and any that a script of deeds describes."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import numpy as np
from hypothesis import strategies as st
from toys import TAG, T, Toy, state

from cellnode.harm import Harm, encode
from cellnode.messages import LinkFault, RulePayload
from cellnode.virtual import VirtualSwarm

RULE = RulePayload("chip", "", b"", 16, 0, {}, 0.0)  # what a toy is made of is never asked

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


def swarm(
    height: int = 6, width: int = 7, *, engine: Any = None, seed: int = 1, oracle: bool = False, torus: bool = False
) -> VirtualSwarm:
    return VirtualSwarm(height, width, torus, engine or Toy("int8"), TAG, seed, T, oracle=oracle)


def digest(it: VirtualSwarm) -> str:
    return hashlib.sha256(it.states().tobytes() + it.counters()[:, :32].tobytes()).hexdigest()


def alive(it: VirtualSwarm) -> int:
    return int((it.states()[..., 3] > 3).sum())


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
