"""A short life under each kind of fault, and what it comes to: a digest of the states after every T. Virtual, int8.

python tests/coordinator/golden.py > tests/coordinator/golden.json        a life has changed, and was meant to
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from coordinator.actions import Inject
from coordinator.faults import KINDS
from coordinator.quick import QuickSwarm, curve
from coordinator.scenario import Step

KEPT = Path(__file__).with_name("golden.json")
GIVEN = {"rate": 0.3, "delay": 1.5, "jitter": 0.5, "by": 2.5, "frames": 0.6, "drift": 0.2, "spread": 0.1}


def names() -> Iterator[str]:
    """Every kind that can befall cells in virtual time, and each of its choices: `partition name=ring`."""
    for kind, fault in KINDS.items():
        if fault.host or (fault.engines is not None and "chip" not in fault.engines):
            continue  # befalls a host, or a whole board
        yield kind
        for name, parameter in fault.parameters.items():
            yield from (f"{kind} {name}={choice}" for choice in parameter.choices[1:])


def life(name: str) -> str:
    """Grow, suffer for 8 T in the right half, live on."""
    kind, *chosen = name.split()
    parameters: dict[str, float | str] = dict(word.split("=", 1) for word in chosen)  # type: ignore[misc]
    for key, parameter in KINDS[kind].parameters.items():
        if key in GIVEN and not parameter.choices:
            parameters[key] = GIVEN[key]
    if parameters.get("mode") == "adversary":
        parameters["rule"] = "lizard"
    duration = None if KINDS[kind].instant else 8.0
    step = Step(12.2, Inject(fault=kind, select="half:right", seed=5, duration=duration, parameters=parameters))
    digest = hashlib.sha256()
    for moment in curve(QuickSwarm("dot", (9, 8), seed=11), range(1, 29), [step]):
        digest.update(moment.digest.encode())
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    print(json.dumps({name: life(name) for name in names()}, indent=1))
