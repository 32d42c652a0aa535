"""What becomes of a grown picture under the example of each kind of fault, in virtual time. Uses coordinator.quick.

Kinds that befall hosts or whole emulated boards are left out: the first have none here, the second take hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import msgspec

from coordinator import faults
from coordinator.actions import Inject
from coordinator.bench.registry import Options, Row
from coordinator.faults.prose import FOREVER_T, prose
from coordinator.quick import QuickSwarm

HARDENED = "lizard-hardened"
ENGINE = "chip"
GROWN_T, LOOK_T, HEALED_T = 100.0, 5.0, 100.0
LOOKS = 5  # while it lasts


def measure(options: Options) -> Iterator[Row]:
    """One row a kind and rule: medians of the losses (best one-pixel shift) before, at the worst while it lasts, and
    100 T after it was over."""
    for kind, told in prose().items():
        fault = faults.KINDS[kind]
        if fault.host or (fault.engines is not None and ENGINE not in fault.engines):
            continue
        action = faults.parse(told.words)
        for rule in dict.fromkeys((options.rule, HARDENED)):
            draws = [_draw(rule, action, seed, fault.instant) for seed in options.seeds]
            before, worst, after = (median(draw[i] for draw in draws) for i in range(3))
            row = {"kind": kind, "rule": rule, "loss_before": before, "loss_at_worst": worst, "loss_100T_after": after}
            yield {**row, "hits": median(draw[3] for draw in draws), "draws": len(draws)}


def _draw(rule: str, action: Inject, seed: int, instant: bool) -> tuple[float, float, float, int]:
    swarm = QuickSwarm(rule, engine=ENGINE, seed=seed)
    swarm.wait_until(GROWN_T)
    before = _loss(swarm)
    lasts = LOOK_T if instant else action.duration or FOREVER_T
    begun = swarm.perform(msgspec.structs.replace(action, duration=None))
    worst = _loss(swarm)
    for look in range(1, LOOKS + 1):
        swarm.wait_until(GROWN_T + lasts * look / LOOKS)
        worst = max(worst, _loss(swarm))
    healed = swarm.heal()
    swarm.wait_until(GROWN_T + lasts + HEALED_T)
    hits = begun.proof["hits"] if instant else healed.proof[f"fault_{begun.fault}_hits"]
    return before, worst, _loss(swarm), int(hits)


def _loss(swarm: QuickSwarm) -> float:
    found = swarm.look().loss_log10_shift1
    assert found is not None, "the rules measured have pictures"
    return found
