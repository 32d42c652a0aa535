"""state.json of a run as the one who coordinates holds it: every change is written before it is used.

Epochs survive a crash of the machine. The rest survives ours: a run does not outlive its machine, and an fsync before
every action would keep who acts waiting. May import coordinator.runfolder.
"""

from __future__ import annotations

import threading
from typing import Any

import msgspec

from coordinator.clock import Clock
from coordinator.runfolder import RunFolder, RunState, boot_id


class Store:
    """Thread-safe; `update` writes and then returns."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._state = folder.state()

    @property
    def state(self) -> RunState:
        return self._state

    def update(self, **changes: Any) -> None:
        self._update(False, changes)

    def _update(self, durably: bool, changes: dict[str, Any]) -> None:
        with self._lock:
            self._state = msgspec.structs.replace(self._state, **changes)
            self._folder.write_state(self._state, durably=durably)

    def next_placement_epoch(self) -> int:
        self._update(True, {"placement_epoch": self._state.placement_epoch + 1})
        return self._state.placement_epoch

    def next_coordinator_epoch(self, above: int) -> int:
        self._update(True, {"coordinator_epoch": max(self._state.coordinator_epoch, above) + 1})
        return self._state.coordinator_epoch

    def next_action(self) -> int:
        """Numbers the actions of a run, so that each has draws of its own."""
        self.update(actions=self._state.actions + 1)
        return self._state.actions

    def keep_clock(self, clock: Clock) -> None:
        self.update(
            boot_id=boot_id(),
            interval_ns=clock.interval_ns,
            zero_ns=clock.zero_ns,
            paused_ns=clock.paused_ns,
            paused_since_ns=clock.paused_since_ns,
        )

    def clock(self, default_interval_ns: int) -> Clock:
        """The clock as it was stored."""
        state = self._state
        interval_ns = state.interval_ns or default_interval_ns
        return Clock(interval_ns, state.zero_ns, state.paused_ns, state.paused_since_ns)
