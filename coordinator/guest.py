"""A guest: another command, or another notebook, beside the coordinator that lives. Asks it to act; looks by itself.

Has the same face as the conductor. May import the camera, the observer and the client messages.
"""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import zmq

from cellnode.patchlayout import grid
from cellnode.runtime import Runtime
from coordinator import clientmessages
from coordinator.actions import Action, FaultReport, Outcome
from coordinator.camera import Camera, Sight, bound, patch_pids, running_pids
from coordinator.clientmessages import Answer, Ask
from coordinator.clock import Clock
from coordinator.frames import Frame
from coordinator.measure import Measure, measure
from coordinator.observer import Observer
from coordinator.picture import Picture
from coordinator.runfolder import RunFolder, RunState
from coordinator.succession import Begin
from firmware_sim.errors import BadInput, RunFailed

ANSWER_S = 120.0


class Guest:
    """Numbers count from the moment of attaching."""

    def __init__(self, folder: RunFolder, picture: Picture | None) -> None:
        self.info, self.path = folder.info, folder.path
        self.hosts = max(1, self.info.hosts)
        self._state: tuple[tuple[int, int], RunState] | None = None
        self._folder, self._runtime = folder, Runtime(Path(folder.info.runtime))
        info = self.info
        self._camera = Camera(self._runtime.panel, info.height, info.width, info.torus)
        self.observer = Observer(lambda: self.look(ages=True), info.height, info.width, picture, None)
        clock = self.clock
        self.observer.resume(clock.zero_ns if clock.started else time.monotonic_ns())
        self._context = zmq.Context(io_threads=1)
        self._number = 0
        self.ended = False

    def state(self) -> RunState:
        """state.json, read anew only when it was replaced."""
        found = (self._folder.path / "state.json").stat()
        stamp = found.st_ino, found.st_mtime_ns
        if self._state is None or self._state[0] != stamp:
            self._state = stamp, self._folder.state()
        return self._state[1]

    @property
    def clock(self) -> Clock:
        state = self.state()
        return Clock(state.interval_ns, state.zero_ns, state.paused_ns, state.paused_since_ns)

    @property
    def t(self) -> float:
        return self.clock.t(time.monotonic_ns())

    @property
    def interval_s(self) -> float:
        return self.clock.interval_ns / 1e9

    def reached(self, t: float) -> bool:
        """Whether it is `t` by now, to the nanosecond."""
        return self.clock.reached(t, time.monotonic_ns())

    def wait_until(self, t: float) -> None:
        """Sleep until `t`, looking now and then. Raises RunFailed if the run is stopped meanwhile."""
        while (now := self.t) < t:
            if self.state().stopped:
                raise RunFailed("the swarm was stopped meanwhile")
            if self.clock.paused:
                raise BadInput("the swarm is paused, its time stands still: resume it before waiting")
            time.sleep(min(0.25, max(0.001, (t - now) * self.interval_s)))
            self.observer.see(self.t)

    def beat(self) -> None:
        """Look once."""
        self.observer.see(self.t)

    def perform(self, action: Action) -> Outcome:
        answer = self._ask("do", action)
        if answer.outcome is None:
            raise RunFailed("the coordinator answered without an outcome")
        return answer.outcome

    def faults(self) -> list[FaultReport]:
        return self._ask("status").faults

    def begin(self, begin: Begin) -> None:
        """Ask whoever owns the run to end it and begin another pattern in its place."""
        self._ask("begin", begin=begin)

    def look(self, *, ages: bool = False) -> Sight:
        return self._camera.look(self.clock.interval_ns if ages else 0)

    def frame(self) -> Frame:
        return self.observer.frame(self.look(), self.t)

    def processes(self) -> int:
        sight, info, layout = self.look(), self.info, None
        if info.substrate == "patches":
            layout = grid(info.height, info.width, info.torus, info.patch)
        if info.hosts:
            return bound(sight, layout)
        if layout is not None:
            return len(patch_pids(sight, layout, self._runtime.path / "k"))
        return len(running_pids(sight, self._runtime.path / "c"))

    def boards(self) -> dict[int, str]:
        return self.state().boards

    def measure(self) -> Measure:
        t = self.t
        sight = self.observer.see(t)
        return measure(self.info, self.observer, sight, t, self, self.interval_s, str(self._folder.path))

    def stop(self) -> None:
        """Ask the coordinator to end the run; returns when nothing of it is left."""
        if not self.ended:
            self._ask("stop")
            deadline = time.monotonic() + 30
            while self._runtime.path.exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            self.leave()

    def leave(self) -> None:
        if not self.ended:
            self.ended = True
            self._camera.close()
            self._context.destroy(linger=0)

    def _ask(self, what: str, action: Action | None = None, begin: Begin | None = None) -> Answer:
        self._number += 1
        socket = self._context.socket(zmq.DEALER)
        try:
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(self._runtime.coordinator_endpoint)
            socket.send(clientmessages.encode(Ask(self._number, what, action, begin)))
            deadline = time.monotonic() + ANSWER_S
            while (left := deadline - time.monotonic()) > 0:
                if not socket.poll(round(left * 1000)):
                    break
                data = socket.recv()
                answer = _answer(data)
                if answer is None or answer.id != self._number:
                    continue  # a welcome meant for agents, or an answer that came too late
                if answer.error:
                    raise BadInput(answer.error) if answer.bad_input else RunFailed(answer.error)
                return answer
        finally:
            socket.close()
        raise RunFailed(f"the coordinator has not answered within {ANSWER_S:g} s")


def _answer(data: bytes) -> Answer | None:
    try:
        return clientmessages.decode_answer(data)
    except msgspec.DecodeError:
        return None
