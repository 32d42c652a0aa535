"""What an update costs, from two looks at a swarm. Pure; may import the camera's Sight, panel and numpy."""

from __future__ import annotations

from cellnode.panel import Counter, Phase
from coordinator.camera import Sight

COST_WINDOW_S = 1.5  # at most, between the two looks of a launch


def cost_us(before: Sight, now: Sight) -> float | None:
    """CPU per update of the cells that had linked before: their last hellos, with no launch in it; None if too few."""
    same = (before.phases == Phase.LINKED) & (before.lives == now.lives)
    gained = (now.counters[same] - before.counters[same]).sum(axis=0)
    updates = int(gained[Counter.UPDATES])
    return float(gained[Counter.CPU_NS]) / updates / 1000 if updates >= max(len(now.on) // 3, 20) else None
