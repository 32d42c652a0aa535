"""What the zygote of patches does once before it forks: load all that a patch needs, and let one live for a while.

Apart from warmup.py because a process of a single cell should load none of it: every page it touches is its own, half a
MiB a cell. Opens no socket and no page.
"""

from __future__ import annotations

import numpy as np

from cellnode import patchnode
from cellnode.patchlayout import grid, layout
from cellnode.realm import Realm
from cellnode.zygote_wire import Plan
from firmware_sim.engines import Engine

ROUNDS = 100

live = patchnode.live


def warm_up(plan: Plan, engine: Engine) -> None:
    """One patch lives for a while, and what is written in C is built and loaded."""
    assert plan.cut is not None, "a plan for patches says how the grid is cut"
    realm = Realm(layout(grid(*plan.cut), 0), engine, plan.tag, plan.epoch, plan.rng_seed, 1000, 0)
    realm.power(np.ones(realm.count, np.int64))
    realm.seed([0], np.ones(engine.channels, engine.dtype).tobytes())
    for now_ns in range(100, 100 * ROUNDS, 100):
        realm.run(now_ns)
