"""What the zygote runs once before it forks: everything a cell will run, so that nothing of it has to settle again.

CPython rewrites a function's code while it learns what it is used for, and whatever is written after the fork is
copied, page by page, into every cell. It opens no socket and maps no page. May import everything that a cell does.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from cellnode import control, draws
from cellnode.cell import Cell
from cellnode.control import Link, Wanted
from cellnode.page import Page
from cellnode.runtime import Runtime
from cellnode.zygote_wire import Plan
from firmware_sim.engines import Engine

ROUNDS = 100


def warm_up(plan: Plan, runtime: Runtime, engine: Engine) -> None:
    """Two cells speak to each other for a while, and the agent's words are read, as in a real life."""
    clock = draws.clock(plan.rng_seed, 0, plan.epoch, 1)
    page = Page(Path(os.devnull), -1, 0, plan.epoch, 1)
    cells = [
        Cell(number, [1 - number] + [-1] * 7, plan.tag, plan.epoch, 1, 1, engine, clock, 0, page.counters)
        for number in (0, 1)
    ]
    living = np.ones(engine.channels, engine.dtype).tobytes()
    for now_ns in range(10, 10 * ROUNDS, 10):
        for cell, other in (cells, cells[::-1]):
            if now_ns % 50 == 0:
                cell.seed(living, now_ns)
            frame = cell.wake(now_ns)
            page.show_state(cell, now_ns, now_ns)
            if frame is not None:
                other.receive(frame, now_ns)
    message = Wanted(1, 1, False, False, [Link(0, 1, "ipc://x", True, 1, 1)] * 8, [])
    for _ in range(ROUNDS):
        control.decode(control.encode(message))
        runtime.control_path(0), runtime.endpoint(0), str(runtime.panel)
