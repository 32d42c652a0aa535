"""The top floor: where cells live, what the camera sees of them, how they are broken, and what is reported of it all.

`from coordinator import Swarm` is the small API that the command line is built on. It is never on the data path: kill
the coordinator, and the swarm goes on. Names are resolved on first use, so that `planaria --help` imports nothing
heavy. May import cellnode and firmware_sim, never trainer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coordinator.frames import Frame
    from coordinator.measure import Measure
    from coordinator.swarm import Swarm

__all__ = ["Frame", "Measure", "Swarm"]

_HOMES = {"Frame": "coordinator.frames", "Measure": "coordinator.measure", "Swarm": "coordinator.swarm"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'coordinator' has no attribute {name!r}")
