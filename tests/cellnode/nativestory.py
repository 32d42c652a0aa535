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

GOLDEN = "74f2c642a8b3ad2e57ae46e7cb36468bbd2ec2c69a08ec2349d85658a89b2725"
SEED = np.array([0] * 3 + [32] * 13, np.int8).tobytes()


def tell(world: World, torus: bool = False, hand_over_at: float = -1.0) -> str:
    """Growth under loss and delay, crashes, erasure, rebirth and healing: every frame said, every state, every counter.

    `hand_over_at`: from this time on arrays compute, whatever computed before.
    """
    log: list[Said] = []
    it = VirtualSwarm(
        13, 15, torus, make_engine("chip", folder.load("dot")), 1, 7, 1_000_000, log=log.append, world=world
    )
    it.poke("seed", [seed_cell(13, 15)], SEED)
    everybody = range(13 * 15)
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
        (50.0, lambda: it.set_faults([])),
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
