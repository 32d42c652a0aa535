"""One host as its coordinator holds it: the run's lock, the link, the agent's process, and the launch of its cells.

Knows no camera and no time in T. May import the coordinator's link and agents, and cellnode.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cellnode.messages import PROTOCOL_VERSION, Beat, Command, Done, Join, Place, Placement, Stop
from cellnode.runtime import Runtime, claim
from coordinator import agents
from coordinator.clientmessages import Answer, Ask
from coordinator.link import Link
from coordinator.substrate import OnProgress, Progress
from firmware_sim.errors import BadInput, RunFailed

NAME = "host0"
JOIN_S = 20.0
REJOIN_S = 6.0  # an agent calls again after 2 s without a coordinator
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Epochs:
    """Where epochs come from: each call stores durably what it returns."""

    next_placement: Callable[[], int]
    next_coordinator: Callable[[int], int]  # above the given one


class Host:
    """Take the lock with `listen`, then `start_agent` and `place`, or `adopt` what runs; `close` or `stop`."""

    def __init__(self, runtime: Runtime, placement: Placement, epochs: Epochs) -> None:
        self.runtime, self.placement, self._epochs = runtime, placement, epochs
        self.ended = threading.Event()
        self._link: Link | None = None
        self._lock_descriptor: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._agent: agents.Watched | None = None
        self._zygote_losses = 0

    def listen(self, on_ask: Callable[[Ask], Answer]) -> bool:
        """Take the coordinator's place for this run; False when another coordinator lives."""
        self.runtime.create()
        self._lock_descriptor = claim(self.runtime.coordinator_lock)
        if self._lock_descriptor is None:
            return False
        self._link = Link(self.runtime.coordinator_endpoint, self._epochs.next_coordinator(0), on_ask=on_ask)
        self._link.start()
        return True

    @property
    def link(self) -> Link:
        if self._link is None:
            raise RunFailed("this run has no coordinator here (it was stopped or let go)")
        return self._link

    def start_agent(self) -> None:
        """Start an agent and wait for its Join."""
        link = self.link
        process = agents.start(self.runtime, self.placement.run, NAME)
        if self._agent is not None:
            self._agent.close()
        self._process, self._agent, self._zygote_losses = process, agents.Watched(process.pid), 0
        agents.await_join(
            lambda: NAME in link.agents and link.agents[NAME].join.pid == process.pid, process, self.runtime.log, JOIN_S
        )

    def adopt(self) -> Join | None:
        """Take over a running agent and return what it holds; None when there is none (it was lost with its cells)."""
        link = self.link
        limit = time.monotonic() + REJOIN_S
        while NAME not in link.agents and NAME not in link.misfits and time.monotonic() < limit:
            if not agents.is_held(self.runtime.agent_lock):
                return None
            link.wait(lambda: NAME in link.agents or NAME in link.misfits, 0.2)
        if NAME in link.misfits:
            raise BadInput(
                f"the agent of run {self.placement.run} speaks protocol {link.misfits[NAME]}, this planaria "
                f"{PROTOCOL_VERSION}: use the one that started the run, to attach or to stop it"
            )
        if NAME not in link.agents:
            raise RunFailed(f"the agent lives but has not called within {REJOIN_S:g} s; see {self.runtime.log}")
        join = link.agents[NAME].join
        if join.coordinator_epoch >= link.epoch:
            link.epoch = self._epochs.next_coordinator(join.coordinator_epoch)
        self._agent = agents.Watched(join.pid)
        if join.placement_epoch:
            epoch, interval_ns = join.placement_epoch, join.interval_ns
            self.placement = msgspec.structs.replace(self.placement, epoch=epoch, interval_ns=interval_ns)
        return join

    def place(self, on_progress: OnProgress) -> list[int]:
        """Have the agent launch all cells under a new epoch; returns those that did not come up."""
        link, runtime = self.link, self.runtime
        placement = self.placement = msgspec.structs.replace(self.placement, epoch=self._epochs.next_placement())
        limit_s = 60 + 0.1 * len(placement.cells)
        deadline = time.monotonic() + limit_s
        future = link.post(NAME, lambda number: Place(number, placement))
        while not future.done():
            link.wait(future.done, POLL_S)
            on_progress(self.progress())
            if not self.agent_lives():
                raise RunFailed(f"the agent died during the launch: {agents.last_words(runtime.log)}")
            if time.monotonic() > deadline:
                raise RunFailed(f"the cells are not up after {limit_s:.0f} s; see {runtime.log}")
        done = future.result()
        if not done.ok and len(done.missing) in (0, len(placement.cells)):
            raise RunFailed(f"launch: {done.error}")
        return list(done.missing)

    def progress(self) -> Progress:
        """How far the launch is, by the agent's last beat."""
        agent = self.link.agents.get(NAME)
        beat = agent.beat if agent is not None else None
        if beat is None or beat.placement_epoch != self.placement.epoch:
            return Progress("forking", len(self.placement.cells), 0, 0, 0)
        return Progress(beat.phase, beat.wanted, beat.born, beat.bound, beat.linked, beat.note)

    def request(self, make: Callable[[int], Command], timeout_s: float) -> Done:
        return self.link.request(NAME, make, timeout_s)

    def agent_lives(self) -> bool:
        return self._agent is not None and self._agent.alive()

    def beat(self) -> Beat | None:
        """The agent's last beat of the present placement, if there is one."""
        agent = self._link.agents.get(NAME) if self._link is not None else None
        beat = agent.beat if agent is not None else None
        return beat if beat is not None and beat.placement_epoch == self.placement.epoch else None

    def kill_agent(self) -> int:
        """SIGKILL it, and wait until it is gone; returns 1 if it is."""
        if self._agent is None or not self._agent.alive():
            return 0
        self._agent.kill()
        return int(self._agent.wait(5.0))

    def zygote_was_lost(self) -> bool:
        """Whether a zygote was lost since last asked."""
        agent = self._link.agents.get(NAME) if self._link is not None else None
        beat = agent.beat if agent is not None else None
        if beat is None or beat.zygote_losses <= self._zygote_losses:
            return False
        self._zygote_losses = beat.zygote_losses
        return True

    def stop(self) -> None:
        """Stop agent and cells, dead or alive as they may be; leave no file and no process of the run behind."""
        try:
            if self._agent is not None and self._agent.alive() and self._link is not None:
                self._stop_agent(self._agent, self._link)
        finally:
            self.close()
            agents.sweep(self.runtime)

    def _stop_agent(self, agent: agents.Watched, link: Link) -> None:
        deadline = time.monotonic() + 10 + 0.02 * len(self.placement.cells)
        future = link.post(NAME, Stop)
        while not future.done() and agent.alive() and time.monotonic() < deadline:
            link.wait(future.done, 0.1)
        if not agent.wait(5.0 if future.done() else 0.0):
            agent.kill()  # it hangs: its cells die with it
            agent.wait(5.0)

    def close(self) -> None:
        """Let go of link and lock; the agent goes on, unless it was stopped."""
        self.ended.set()
        if self._link is not None:
            self._link.close()
            self._link = None
        if self._lock_descriptor is not None:
            os.close(self._lock_descriptor)
            self._lock_descriptor = None
        if self._agent is not None:
            self._agent.close()
            self._agent = None
        if self._process is not None:
            self._process.poll()  # reap it if it has ended

    def keep_log(self, folder: Path) -> None:
        """Copy the agent's log there, before the runtime directory goes."""
        if self.runtime.log.exists():
            shutil.copy2(self.runtime.log, folder / "agent.log")
