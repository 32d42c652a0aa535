"""Two eventful runs of a built-in int8 rule, as digests: for golden hashes, and to be run under the sanitisers.

`python nativestory.py FLAG...` builds the library with these compiler flags and prints the digests of the native world.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from collections.abc import Callable, Sequence

import numpy as np

from cellnode import cellfault, nativelib
from cellnode.harm import Harm, encode
from cellnode.messages import LinkFault
from cellnode.oracle import Said
from cellnode.panel import Counter
from cellnode.payload import rule_payload
from cellnode.topology import seed_cell
from cellnode.virtual import VirtualSwarm, World
from firmware_sim import folder
from firmware_sim.engines import make_engine

GOLDEN = "5d260e522aa8eb9d3993b6261d3ab730845ca7ef435fb89550023781bd3330a1"
STRUCK_GOLDEN = "ba03e47738b9e7fb3f6474a372bad8999697b4e48a6f3e6268b79db732a62b91"
DOT = rule_payload(folder.load("dot"), "chip")
SEED = np.array([0] * 3 + [32] * 13, np.int8).tobytes()


def tell(world: World, torus: bool = False, hand_over_at: float = -1.0) -> str:
    """Growth under faults of links and clocks, crashes, erasure, rebirth and healing: every frame said, all states and
    counters.

    `hand_over_at`: from this time on arrays compute, whatever computed before.
    """
    it, log = _seeded(world, torus)
    everybody = range(13 * 15)
    many = [
        LinkFault(4, "burst", list(range(100)), 0.9, burst=4.0, gap=30.0, rng_seed=13),
        LinkFault(5, "duplicate", list(everybody), 0.3, delay_intervals=2.0, rng_seed=14),
        LinkFault(6, "reorder", [70, 80], 0.5, delay_intervals=2.0, slots=[24, 7], rng_seed=15),
        LinkFault(7, "delay", list(range(0, 195, 7)), delay_intervals=0.5, shape="lognormal", rng_seed=16),
        LinkFault(8, "drift", list(everybody), 0.0, spread=0.2, rng_seed=17),
        LinkFault(9, "jitter", list(range(60)), 0.5, rng_seed=18),
    ]
    acts = [
        (9.0, lambda: it.set_faults([LinkFault(1, "loss", list(everybody), 0.3, 0.0, 11)])),
        (
            20.0,
            lambda: it.set_faults(
                [LinkFault(2, "delay", list(range(0, 195, 2)), 0.0, 6.0, 12), LinkFault(3, "loss", [90, 97], 0.9)]
            ),
        ),
        (31.5, lambda: it.power(range(60, 130, 3), False)),
        (35.0, lambda: it.poke("erase", range(80, 110))),
        (44.0, lambda: it.power(everybody, True)),
        (46.0, lambda: it.set_faults(many)),
        (56.0, lambda: it.set_faults([])),
        (80.0, lambda: None),
    ]
    _live(it, acts, hand_over_at)
    return _digest(it, log)


def tell_of_struck(world: World, hand_over_at: float = -1.0) -> str:
    """The same, of cells whose chips are upset, that lie or stand still, and of clocks that jump."""
    it, log = _seeded(world, False)

    def harm(cells: range, kind: str, healed: bool = False, **parameters: float) -> None:
        it.poke("harm", cells, encode(Harm(len(kind), kind, parameters, 5, healed)))

    lies = [
        LinkFault(
            20 + k, "lie", list(range(5 * k, 195, 37)), mode=mode, lag=3, rule=DOT if mode == "adversary" else None
        )
        for k, mode in enumerate(cellfault.MODES)
    ]
    acts = [
        (12.0, lambda: harm(range(40, 150), "accumulator_flip", rate=0.05, count=2)),
        (16.0, lambda: harm(range(80, 120, 3), "genome_flip", count=9)),
        (20.0, lambda: harm(range(0, 195, 4), "bit_flip", count=3)),
        (24.0, lambda: it.set_faults([*lies, LinkFault(9, "stuck", [82, 97, 112], channel=1, level=1.0)])),
        (28.0, lambda: harm(range(60, 130), "clock_jump", by=3)),
        (31.5, lambda: it.power(range(60, 130, 3), False)),
        (33.0, lambda: it.freeze(range(90, 110), True)),
        (37.0, lambda: it.power(range(195), True)),
        (40.0, lambda: it.freeze(range(195), False)),
        (46.0, lambda: harm(range(40, 150), "accumulator_flip", healed=True, rate=0.05, count=2)),
        (50.0, lambda: it.set_faults([])),
        (54.0, lambda: harm(range(195), "genome_flip", healed=True, count=9)),
        (70.0, lambda: None),
    ]
    _live(it, acts, hand_over_at)
    counted = it.counters()[:, (Counter.HARMED, Counter.LIES, Counter.STUCK)].sum(axis=0)
    assert (counted > 20).all(), "not everything was struck"
    return _digest(it, log)


def _seeded(world: World, torus: bool) -> tuple[VirtualSwarm, list[Said]]:
    log: list[Said] = []
    engine = make_engine("chip", folder.load("dot"))
    it = VirtualSwarm(13, 15, torus, engine, 1, 7, 1_000_000, log=log.append, world=world, rule=DOT)
    it.poke("seed", [seed_cell(13, 15)], SEED)
    return it, log


def _live(it: VirtualSwarm, acts: Sequence[tuple[float, Callable[[], None]]], hand_over_at: float) -> None:
    for at, act in acts:
        if it.now_intervals < hand_over_at <= at:
            it.run_until(hand_over_at)
            it.to_arrays()
        it.run_until(at)
        act()
    assert (it.states()[..., 3] > 3).sum() > 20, "nothing grew"


def _digest(it: VirtualSwarm, log: list[Said]) -> str:
    digest = hashlib.sha256(repr(sorted(log)).encode())
    digest.update(it.states().tobytes() + it.counters()[:, :32].tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    nativelib.load = functools.partial(nativelib.load, tuple(sys.argv[1:]))  # type: ignore[assignment]
    print(tell("native"), tell_of_struck("native"))
