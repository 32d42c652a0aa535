"""The substrate of real processes: one process a cell, commanded through the host's agent, seen through the camera.

Never on the data path. May import the coordinator's host and camera, and cellnode.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from cellnode.messages import (
    Beat,
    Command,
    Fit,
    Freeze,
    Join,
    LinkFault,
    Placement,
    Poke,
    Power,
    SetFaults,
    SetInterval,
    SetPause,
)
from cellnode.runtime import Runtime
from coordinator import chips
from coordinator.camera import Camera, Sight, running_pids
from coordinator.clientmessages import Answer, Ask
from coordinator.cost import COST_WINDOW_S, cost_us
from coordinator.host import Epochs, Host
from coordinator.substrate import NO_NETWORK, Cells, HostNetwork, OnProgress
from firmware_sim.errors import BadInput, RunFailed


class ProcessSubstrate:
    """`listen()`, then `launch()` a new swarm or `adopt()` one that runs."""

    name = "processes"
    hosts = 1

    def __init__(
        self,
        runtime: Runtime,
        placement: Placement,
        epochs: Epochs,
        on_chips: Mapping[str, Sequence[int]] | None = None,
        ports: Mapping[int, str] | None = None,
    ) -> None:
        self._chips, self._ports = dict(on_chips or {}), dict(ports or {})
        others = chips.others(self._chips, placement.rule, self._ports)
        self._host = Host(runtime, msgspec.structs.replace(placement, others=others), epochs)
        self._runtime = runtime
        self._camera: Camera | None = None
        self._off: set[int] = set()
        self._faults: list[LinkFault] = []
        self._paused = False
        self._troubles: list[str] = []
        self._commands = threading.RLock()
        self._beat_of_fit: Beat | None = None  # the last before our word on boards was carried out

    def listen(self, on_ask: Callable[[Ask], Answer]) -> bool:
        """Take the coordinator's place for this run; False when another coordinator lives."""
        return self._host.listen(on_ask)

    def launch(self, on_progress: OnProgress) -> None:
        self._host.start_agent()
        self._place(on_progress)

    def adopt(self) -> Join | None:
        """Take over a swarm that runs; None when its agent, and so its cells, are gone."""
        join = self._host.adopt()
        if join is not None:
            self._off, self._faults = set(join.off), list(join.faults)
        return join

    def recover(self, on_progress: OnProgress) -> None:
        """The agent is lost, and its cells with it: start its successor; all wanted cells are reborn, empty."""
        self._host.start_agent()
        self._place(on_progress)
        if self._paused:
            self.set_paused(True)
        if self._faults:
            self.set_faults(self._faults)
        if self._off:
            self.power(np.asarray(sorted(self._off), np.int64), False)

    def remember(self, off: list[int], faults: list[LinkFault], paused: bool) -> None:
        """What was wanted of a swarm whose agent was lost together with its coordinator; `recover` restores it."""
        self._off, self._faults, self._paused = set(off), list(faults), paused

    def held_off(self) -> list[int]:
        return sorted(self._off)

    def lost(self) -> bool:
        """Whether the agent has died without being asked to."""
        return not self._host.ended.is_set() and not self._host.agent_lives()

    def _place(self, on_progress: OnProgress) -> None:
        missing = self._host.place(lambda progress: on_progress(replace(progress, look=self._try_look)))
        if missing:
            self._troubles.append(f"{len(missing)} cells did not come up: {missing[:10]}")
        on_progress(replace(self._host.progress(), look=self._try_look))

    # ---- the Substrate interface

    def cpu_us_per_update(self) -> float | None:
        before = self.look()
        self._host.ended.wait(min(self._host.placement.interval_ns / 1e9, COST_WINDOW_S))
        return cost_us(before, self.look())

    def look(self, *, ages: bool = False) -> Sight:
        placement = self._host.placement
        if self._camera is None:
            self._camera = Camera(self._runtime.panel, placement.height, placement.width, placement.torus)
        return self._camera.look(placement.interval_ns if ages else 0)

    def _try_look(self) -> Sight | None:
        try:
            return self.look()
        except RunFailed:
            return None  # there is no panel yet

    def now_ns(self) -> int:
        return time.monotonic_ns()

    def advance(self, until_ns: int) -> None:
        self._host.ended.wait(max(0.0, (until_ns - time.monotonic_ns()) / 1e9))

    def power(self, cells: Cells, on: bool) -> list[int]:
        numbers = cells.tolist()
        self._off = self._off - set(numbers) if on else self._off | set(numbers)
        return self._do(lambda number: Power(number, numbers, on), cells.size)

    def freeze(self, cells: Cells, frozen: bool) -> list[int]:
        return self._do(lambda number: Freeze(number, cells.tolist(), frozen), cells.size)

    def stopped(self, cells: Cells) -> int:
        return sum(_state(pid) == "T" for pid in self.look().pids[cells].tolist() if pid)

    def kill_agent(self) -> int:
        return self._host.kill_agent()

    def network(self) -> HostNetwork:
        raise BadInput(NO_NETWORK)

    def poke(self, kind: str, cells: Cells, state: bytes) -> list[int]:
        return self._do(lambda number: Poke(number, kind, cells.tolist(), state), cells.size)

    def fit(self, cells: Cells, port: str | None) -> list[int]:
        with self._commands:
            return self._fit(cells, port)

    def _fit(self, cells: Cells, port: str | None) -> list[int]:
        numbers, placement = cells.tolist(), self._host.placement
        rule = None if port is None else chips.on_port(placement.rule, port)
        for cell in numbers:
            if port is None:
                self._ports.pop(cell, None)
            else:
                self._ports[cell] = port
        others = chips.others(self._chips, placement.rule, self._ports)
        self._host.placement = msgspec.structs.replace(placement, others=others)
        if rule is None:
            rule = next((other.rule for other in others if not set(numbers).isdisjoint(other.cells)), None)
        self._off -= set(numbers)
        missing = self._do(lambda number: Fit(number, numbers, rule), cells.size)
        self._beat_of_fit = self._host.beat()
        return missing

    def boards(self) -> dict[int, str]:
        with self._commands:
            self._forget_given_back()
            return dict(self._ports)

    def _forget_given_back(self) -> None:
        """The agent gives a cell back by itself when its bridge is gone; only a beat later than our word tells."""
        beat = self._host.beat()
        if beat is None or beat is self._beat_of_fit:
            return
        for cell in self._ports.keys() - set(beat.boards):
            port = self._ports.pop(cell)
            self._troubles.append(f"the bridge of the board at {port} is gone: cell {cell} was given back")
            others = chips.others(self._chips, self._host.placement.rule, self._ports)
            self._host.placement = msgspec.structs.replace(self._host.placement, others=others)

    def set_faults(self, faults: list[LinkFault]) -> list[int]:
        self._faults = list(faults)
        return self._do(lambda number: SetFaults(number, faults), len(self._host.placement.cells))

    def set_interval(self, interval_ns: int) -> list[int]:
        self._host.placement = msgspec.structs.replace(self._host.placement, interval_ns=interval_ns)
        return self._do(lambda number: SetInterval(number, interval_ns), len(self._host.placement.cells))

    def set_paused(self, paused: bool) -> list[int]:
        self._paused = paused
        return self._do(lambda number: SetPause(number, paused), len(self._host.placement.cells))

    def _do(self, make: Callable[[int], Command], cells: int) -> list[int]:
        with self._commands:
            return list(self._host.request(make, 15 + 0.05 * cells).missing)

    def processes(self) -> int:
        return len(running_pids(self.look(), self._runtime.path / "c"))

    def gone(self, before: Sight, cells: Cells) -> int:
        return sum(not Path(f"/proc/{pid}").exists() for pid in before.pids[cells].tolist() if pid)

    def troubles(self) -> list[str]:
        if self._host.zygote_was_lost():
            self._troubles.append("the zygote was lost; its successor has started the cells again, empty")
        found, self._troubles = self._troubles, []
        return found

    def stop(self) -> None:
        self._close_camera()
        self._host.stop()

    def leave(self) -> None:
        self._close_camera()
        self._host.close()

    def keep_log(self, folder: Path) -> None:
        """Copy the agent's log into the run folder."""
        self._host.keep_log(folder)

    def _close_camera(self) -> None:
        self._host.ended.set()
        if self._camera is not None:
            self._camera.close()
            self._camera = None


def _state(pid: int) -> str:
    """One letter, as the kernel has it; nothing for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
