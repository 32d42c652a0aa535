"""The pace of a swarm in virtual time while somebody watches: so many T a second, or as many as the machine can.

The cells know nothing of it: the same seed gives the same bytes at any pace. One lock lets life and looks take turns,
since virtual time lives in this process. May import the swarm.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

import msgspec

from coordinator.actions import Pause, Resume
from coordinator.swarm import Swarm
from firmware_sim.errors import BadInput

LEAST, MOST = 0.1, 1000.0  # T a second
SLICE_S = 1 / 30  # one step of life, and then whoever wants to look
BUSY_S = 0.1  # a step takes no longer, however dear a T is
BREATH_S = 0.002  # between two steps: a lock that is taken again at once lets nobody else in


class Wished(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How fast virtual time should pass: T a second, 0.1 to 1000."""

    t_per_s: float


class Pace:
    """`t_per_s`: T a second. `lock`: held by whoever touches the swarm."""

    def __init__(self, t_per_s: float) -> None:
        self.lock = threading.RLock()
        self._t_per_s = min(max(t_per_s, LEAST), MOST)
        self._cost_s = 0.0  # of one T, of the last step

    @property
    def t_per_s(self) -> float:
        """As wished; a machine that cannot goes slower."""
        return self._t_per_s

    def wish(self, t_per_s: float) -> None:
        """From now on. BadInput for what is no pace."""
        if not (math.isfinite(t_per_s) and LEAST <= t_per_s <= MOST):
            raise BadInput(f"t_per_s is {t_per_s:g}, expected {LEAST:g} to {MOST:g} T a second")
        self._t_per_s = t_per_s

    def live(
        self, swarm: Swarm, until: float | None, each: Callable[[], None], enough: Callable[[], bool] = lambda: False
    ) -> None:
        """Let it live until `until` T (None: for ever) or until `enough`; `each` is called after every step."""
        while not (enough() or swarm.ended or (until is not None and swarm.reached(until))):
            began = time.monotonic()
            with self.lock:
                if not (swarm.paused or swarm.ended):
                    self._step(swarm, until)
                each()
            time.sleep(max(SLICE_S - (time.monotonic() - began), BREATH_S))

    def step(self, swarm: Swarm) -> None:
        """One T, exactly, and then a pause."""
        with self.lock:
            swarm.perform(Resume())
            swarm.wait(1.0)
            swarm.perform(Pause())

    def _step(self, swarm: Swarm, until: float | None) -> None:
        length = self._t_per_s * SLICE_S
        if self._cost_s > 0:
            length = min(length, max(BUSY_S / self._cost_s, 1e-3))
        began, first = time.monotonic(), swarm.t
        swarm.wait_until(first + length if until is None else min(until, first + length))
        if swarm.t > first:
            self._cost_s = (time.monotonic() - began) / (swarm.t - first)
