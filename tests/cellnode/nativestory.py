"""One eventful run of a built-in int8 rule, as a digest: for golden hashes, and to be run under the sanitisers.

`python nativestory.py FLAG...` builds the library with these compiler flags and prints the digest of the native world.
"""

from __future__ import annotations

import functools
import hashlib
import sys

import numpy as np

from cellnode import nativelib
from cellnode.messages import LinkFault
from cellnode.oracle import Said
from cellnode.topology import seed_cell
from cellnode.virtual import VirtualSwarm, World
from firmware_sim import folder
from firmware_sim.engines import make_engine

GOLDEN = "5d260e522aa8eb9d3993b6261d3ab730845ca7ef435fb89550023781bd3330a1"
SEED = np.array([0] * 3 + [32] * 13, np.int8).tobytes()


def tell(world: World, torus: bool = False, hand_over_at: float = -1.0) -> str:
    """Growth under faults of links and clocks, crashes, erasure, rebirth and healing: every frame said, all states and
    counters.

    `hand_over_at`: from this time on arrays compute, whatever computed before.
    """
    log: list[Said] = []
    it = VirtualSwarm(
        13, 15, torus, make_engine("chip", folder.load("dot")), 1, 7, 1_000_000, log=log.append, world=world
    )
    it.poke("seed", [seed_cell(13, 15)], SEED)
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
    for at, act in acts:
        if it.now_intervals < hand_over_at <= at:
            it.run_until(hand_over_at)
            it.to_arrays()
        it.run_until(at)
        act()
    assert (it.states()[..., 3] > 3).sum() > 20, "nothing grew"
    digest = hashlib.sha256(repr(sorted(log)).encode())
    digest.update(it.states().tobytes() + it.counters()[:, :32].tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    nativelib.load = functools.partial(nativelib.load, tuple(sys.argv[1:]))  # type: ignore[assignment]
    print(tell("native"))
