"""The substrate of patches: real processes that carry many cells each, commanded and seen as single cells are.

What a cell alone would show the kernel (that it is gone, or stands still) is read from its page here. May import the
substrate of processes, the panel's counters and the layout of patches.
"""

from __future__ import annotations

from cellnode.messages import Placement
from cellnode.panel import Counter
from cellnode.patchlayout import grid
from cellnode.runtime import Runtime
from coordinator.camera import Sight, patch_pids
from coordinator.host import Epochs
from coordinator.processes import ProcessSubstrate
from coordinator.substrate import Cells
from firmware_sim.errors import BadInput


class PatchSubstrate(ProcessSubstrate):
    """One process a patch. A cell that is killed loses power in its patch; a patch of dead cells has no process."""

    name = "patches"

    def __init__(self, runtime: Runtime, placement: Placement, epochs: Epochs) -> None:
        super().__init__(runtime, placement, epochs)
        self._grid = grid(placement.height, placement.width, placement.torus, placement.patch)
        self._runtime_path = runtime.path

    def processes(self) -> int:
        return len(patch_pids(self.look(), self._grid, self._runtime_path / "k"))

    def stopped(self, cells: Cells) -> int:
        return int(self.look().counters[cells, Counter.STILL].sum())

    def gone(self, before: Sight, cells: Cells) -> int:
        now = self.look()
        over = ~now.on[cells] | (now.lives[cells] != before.lives[cells])
        return int((before.on[cells] & over).sum())

    def fit(self, cells: Cells, port: str | None) -> list[int]:
        raise BadInput("a board takes the place of a process: use --substrate processes")

    def boards(self) -> dict[int, str]:
        return {}
