"""The substrate of several hosts: one process a cell, commanded through each host's agents, seen through the mosaic.

Never on the data path. A lost host is no end: its cells are started where there is room, or when it returns. May import
the rest of `coordinator.hosts`, the coordinator's link and camera, and cellnode.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from cellnode.hostmessages import Offer, Refused
from cellnode.messages import (
    Command,
    Done,
    Freeze,
    LinkFault,
    Placement,
    Poke,
    Power,
    SetFaults,
    SetInterval,
    SetPause,
    Sheet,
    Stop,
)
from cellnode.panel import Phase
from cellnode.runtime import Runtime, try_lock
from coordinator.camera import Camera, Sight
from coordinator.clientmessages import Answer, Ask
from coordinator.contacts import HostLine
from coordinator.cost import cost_us
from coordinator.host import Epochs
from coordinator.hosts.blocks import cut
from coordinator.hosts.local import LocalHosts
from coordinator.hosts.mosaic import Mosaic
from coordinator.hosts.orders import Orders, patiently
from coordinator.hosts.roster import Roster, Tenure
from coordinator.hosts.steward import Steward, Wanted, faults_of, refuse
from coordinator.link import Link
from coordinator.rays.fleet import Fleet
from coordinator.registrar import Registrar
from coordinator.substrate import NO_NETWORK, Cells, HostNetwork, OnProgress
from firmware_sim.engines import FAMILIES
from firmware_sim.errors import BadInput, RunFailed

STEP_S = 0.1
LOOK_S = 0.5  # how long a look waits for the slowest host
FRESH_S = 0.05  # a look younger than this is not repeated
HERE_S = 30.0  # for hosts on this machine to call
LINK_S = 15.0  # for cells of different hosts to hear each other, once all are up
COST_WINDOW_S = 1.5
LEAVE_S = 10.0
EPOCH_JUMP = 1 << 20  # coordinators of one run in a row
BACK_S = 4.0  # hosts call again twice a second; a new coordinator waits so long for those it expects


class HostsSubstrate:
    """`listen()`, then `launch()` a new swarm or `adopt()` one that runs."""

    name = "processes"

    def __init__(
        self,
        runtime: Runtime,
        placement: Placement,
        epochs: Epochs,
        keep: Callable[[list[Tenure]], None],
        endpoint: str,
        hosts: int,
        local: LocalHosts | None,
        on_line: Callable[[str], None],
        registrar: Registrar | None = None,
        fleet: Fleet | None = None,
    ) -> None:
        self.hosts, self._registrar, self._fleet = hosts, registrar, fleet
        self._runtime, self._placement, self._epochs = runtime, placement, epochs
        self._endpoint, self._local, self._say = endpoint, local, on_line
        self._cells = placement.height * placement.width
        self._roster = Roster(epochs.next_placement, keep)
        self._wanted = Wanted(placement.interval_ns)
        self._link: Link | None = None
        self._steward: Steward | None = None
        self._orders: Orders | None = None
        self._mosaic: Mosaic | None = None
        self._camera: Camera | None = None
        self._lock_descriptor: int | None = None
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._seen = threading.Condition()
        self._looked_s = 0.0
        self._shown: dict[str, int] = {}  # agent -> when its last sheet was asked for
        self._frozen: dict[int, int] = {}  # cell -> its life when it was stopped
        self._keeping = threading.RLock()

    # ---- coming and going

    def listen(self, on_ask: Callable[[Ask], Answer]) -> bool:
        """Take the coordinator's place for this run; False when another coordinator lives on this machine."""
        self._runtime.create()
        descriptor = try_lock(self._runtime.coordinator_lock)
        if descriptor is None:
            return False
        os.truncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._lock_descriptor = descriptor
        values = 16 if FAMILIES[self._placement.rule.engine] == "int8" else 64
        self._mosaic = Mosaic(self._runtime.panel, self._cells, values, os.getpid())
        link = Link(
            self._runtime.coordinator_endpoint,
            self._epochs.next_coordinator(0),
            on_ask=on_ask,
            on_sheet=self._take_sheet,
            on_offer=self._hear_offer,
            on_lapsed=self._tell_lapsed,
        )
        try:
            with contextlib.nullcontext() if self._local is None else self._local.inside():
                self._endpoint = link.listen(self._endpoint, self._registrar)
        except RunFailed:
            link.close()
            self.leave()
            raise
        self._link = link
        link.start()
        keyring = None if self._registrar is None else self._registrar.keyring

        def key_of(host: str) -> str | None:
            return "" if keyring is None else keyring.key_of(host) or None

        self._steward = Steward(
            link, self._roster, self._mosaic, self._local, self._placement, self._wanted, self._say, key_of
        )
        self._steward.endpoint = self._endpoint
        if self._local is not None:
            self._local.meet(self._roster.carried, self._steward.asked.update)
        return True

    def _hear_offer(self, offer: Offer, known: HostLine | None) -> Refused | None:
        """On the link's thread. Whoever carried another run may have obeyed a higher coordinator than we are: its
        folder may be lost, and this one goes on above it."""
        refused = refuse(offer, known, self._placement.run)
        if refused is None and known is None and offer.run != self._placement.run and self._link is not None:
            self._rise(self._link, offer)
        return refused

    def _rise(self, link: Link, offer: Offer) -> None:
        """Above what this host has obeyed; a number that no count of coordinators explains is not believed."""
        if link.epoch <= offer.coordinator_epoch <= link.epoch + EPOCH_JUMP:
            link.epoch = self._epochs.next_coordinator(offer.coordinator_epoch)

    def _tell_lapsed(self, hosts: list[str], anew: bool) -> None:
        """On the link's thread."""
        if hosts:
            self._say(f"the key of {', '.join(hosts)} is no longer on the list: what stood by it is cut")
        if anew:
            self._say("the coordinator has another key: hosts come back as soon as they have its coordinator.pub")

    @property
    def endpoint(self) -> str:
        """Where hosts join, with its port."""
        return self._endpoint

    @property
    def _here(self) -> tuple[Link, Steward, Mosaic]:
        if self._link is None or self._steward is None or self._mosaic is None:
            raise RunFailed("this run has no coordinator here (it was stopped or let go)")
        return self._link, self._steward, self._mosaic

    def launch(self, on_progress: OnProgress) -> None:
        link, steward, _ = self._here
        self._await_hosts(link)
        names = sorted(link.hosts, key=lambda name: (len(name), name))[: self.hosts]
        height, width = self._placement.height, self._placement.width
        blocks = cut(height, width, [link.hosts[name].offer.capacity for name in names])
        steward.begin({name: block.tolist() for name, block in zip(names, blocks, strict=True)})
        self._keep_on()
        self._await(steward.ready, 60 + 0.2 * self._cells, on_progress, "the blocks are not up")
        with contextlib.suppress(RunFailed):
            self._await(self._all_linked, LINK_S, on_progress, "not linked")
        for post in steward.posts.values():
            if post.error and len(post.missing) in (0, len(post.tenure.cells)):
                raise RunFailed(f"launch: host {post.tenure.host}: {post.error}")
        on_progress(replace(steward.progress(), look=self._try_look))

    def _await_hosts(self, link: Link) -> None:
        if self._local is not None:
            for name in self._local.names:
                self._local.start(name, self._endpoint)
        elif self._fleet is not None:
            self._say(f"Ray starts {self.hosts} hosts")
            self._fleet.up(self._endpoint)
        else:
            keys = "" if self._registrar is None else " --keys DIR"
            self._say(f"waiting for {self.hosts} hosts: planaria agent --join {self._endpoint} --name NAME{keys}")
        began_s, told = time.monotonic(), 0
        while len(link.hosts) < self.hosts:
            link.wait(lambda: len(link.hosts) >= self.hosts, 0.2)
            if self._ended.is_set():
                raise RunFailed("the swarm was stopped before all hosts had joined")
            if self._local is not None:
                self._local.check()
                if time.monotonic() - began_s > HERE_S:
                    raise RunFailed(f"only {len(link.hosts)} of {self.hosts} hosts have called within {HERE_S:g} s")
            elif len(link.hosts) != told:
                told = len(link.hosts)
                self._say(f"{told} of {self.hosts} hosts have joined: {', '.join(sorted(link.hosts))}")

    def _await(self, ready: Callable[[], bool], limit_s: float, on_progress: OnProgress, what: str) -> None:
        _, steward, _ = self._here
        deadline = time.monotonic() + limit_s
        while not ready():
            if self._ended.wait(0.05):
                raise RunFailed("the swarm was stopped during the launch")
            on_progress(replace(steward.progress(), look=self._try_look))
            if time.monotonic() > deadline:
                raise RunFailed(f"{what} after {limit_s:.0f} s: {steward.progress()}")

    def _all_linked(self) -> bool:
        progress = self._here[1].progress()
        return progress.linked >= progress.wanted > 0

    def adopt(self, tenures: Sequence[Tenure]) -> None:
        """Take over a swarm that runs: wait for the hosts that are known, obeyed by all of them."""
        link, steward, _ = self._here
        hosts = {tenure.host for tenure in tenures}
        link.wait(lambda: hosts <= link.hosts.keys(), BACK_S)
        for line in link.hosts.values():
            self._rise(link, line.offer)
        if self._local is not None:
            for line in link.hosts.values():
                self._local.adopt(line.offer)
        self._roster.adopt(tenures, self._cells)
        steward.take_over()
        self._keep_on()
        link.wait(lambda: all(post.live or post.silent for post in steward.posts.values()), BACK_S)

    def remember(self, off: list[int], faults: list[LinkFault], paused: bool) -> None:
        """What is wanted of the swarm that was adopted; its hosts are told whatever they have missed."""
        self._wanted.off, self._wanted.faults, self._wanted.paused = set(off), list(faults), paused

    def _keep_on(self) -> None:
        self._thread = threading.Thread(target=self._loop, name="planaria-hosts", daemon=True)
        self._thread.start()

    def _loop(self) -> None:
        while not self._ended.wait(STEP_S):
            with self._keeping:
                if self._steward is not None:
                    self._steward.step(time.monotonic())

    # ---- the Substrate interface

    def lost(self) -> bool:
        return False

    def recover(self, on_progress: OnProgress) -> None:
        """The steward does so by itself."""

    def held_off(self) -> list[int]:
        return sorted(self._wanted.off)

    def look(self, *, ages: bool = False) -> Sight:
        return self._look(ages=ages, fresh_s=FRESH_S)

    def _look(self, *, ages: bool = False, fresh_s: float = 0.0) -> Sight:
        placement = self._placement
        if time.monotonic() - self._looked_s > fresh_s:
            self._ask_all()
        if self._camera is None:
            self._camera = Camera(self._runtime.panel, placement.height, placement.width, placement.torus)
        return self._camera.look(self._wanted.interval_ns if ages else 0)

    def _ask_all(self) -> None:
        """Sheets of all hosts that are heard, asked for now; a slow one is not waited for."""
        link, steward, mosaic = self._here
        asked_ns = time.monotonic_ns()
        agents = {post.tenure.agent: epoch for epoch, post in list(steward.posts.items()) if not post.silent}
        asked = [name for name in agents if name in link.agents]
        for name in asked:
            link.show(name, asked_ns, mosaic.base(agents[name]))
        with self._seen:
            self._seen.wait_for(lambda: all(self._shown.get(name, 0) >= asked_ns for name in asked), LOOK_S)
        self._looked_s = time.monotonic()

    def _take_sheet(self, sheet: Sheet) -> None:
        """On the link's thread."""
        if self._mosaic is None:
            return
        with contextlib.suppress(BadInput):
            self._mosaic.take(sheet, time.monotonic_ns())
        with self._seen:
            self._shown[sheet.agent] = max(self._shown.get(sheet.agent, 0), sheet.asked_ns)
            self._seen.notify_all()

    def _try_look(self) -> Sight | None:
        try:
            return self.look()
        except RunFailed:
            return None

    def now_ns(self) -> int:
        return time.monotonic_ns()

    def advance(self, until_ns: int) -> None:
        self._ended.wait(max(0.0, (until_ns - time.monotonic_ns()) / 1e9))

    def cpu_us_per_update(self) -> float | None:
        before = self._look()
        self._ended.wait(min(self._wanted.interval_ns / 1e9, COST_WINDOW_S))
        return cost_us(before, self._look())

    def power(self, cells: Cells, on: bool) -> list[int]:
        numbers = set(cells.tolist())
        self._wanted.off = self._wanted.off - numbers if on else self._wanted.off | numbers
        return self._to_cells(cells, lambda number, mine: Power(number, mine, on))

    def freeze(self, cells: Cells, frozen: bool) -> list[int]:
        missing = self._to_cells(cells, lambda number, mine: Freeze(number, mine, frozen))
        lives = self._look().lives
        for cell in set(cells.tolist()) - set(missing):
            if frozen:
                self._frozen[cell] = int(lives[cell])
            else:
                self._frozen.pop(cell, None)
        return missing

    def stopped(self, cells: Cells) -> int:
        """By what their agents have acknowledged, as long as they live that life."""
        sight = self._look()
        return sum(bool(sight.on[cell]) and self._frozen.get(cell) == int(sight.lives[cell]) for cell in cells.tolist())

    def kill_agent(self) -> int:
        """A host of this machine dies, and its cells with it; it comes back by itself."""
        _, steward, _ = self._here
        if self._local is None:
            raise BadInput("fault agent_kill: the hosts of this run are no processes of this machine; kill one there")
        for name in self._local.names:
            if self._local.alive(name):
                steward.asked.add(name)
                return int(self._local.kill(name))
        return 0

    def network(self) -> HostNetwork:
        network = None if self._local is None else self._local.network()
        if network is None:
            raise BadInput(NO_NETWORK)
        return network

    def poke(self, kind: str, cells: Cells, state: bytes) -> list[int]:
        return self._to_cells(cells, lambda number, mine: Poke(number, kind, mine, state))

    def fit(self, cells: Cells, port: str | None) -> list[int]:
        raise BadInput("a board at a serial port becomes a cell of a run on one host only: start it without --hosts")

    def boards(self) -> dict[int, str]:
        return {}

    def set_faults(self, faults: list[LinkFault]) -> list[int]:
        self._wanted.faults = list(faults)
        return self._orders_here.to_all(lambda number, post: SetFaults(number, faults_of(faults, post.tenure.cells)))

    def set_interval(self, interval_ns: int) -> list[int]:
        self._wanted.interval_ns = interval_ns
        return self._orders_here.to_all(lambda number, _post: SetInterval(number, interval_ns))

    def set_paused(self, paused: bool) -> list[int]:
        self._wanted.paused = paused
        return self._orders_here.to_all(lambda number, _post: SetPause(number, paused))

    def _to_cells(self, cells: Cells, make: Callable[[int, list[int]], Command]) -> list[int]:
        try:
            return self._orders_here.to_cells(cells, make)
        finally:
            self._looked_s = 0.0  # what was seen before is old now

    @property
    def _orders_here(self) -> Orders:
        link, steward, _ = self._here
        if self._orders is None:
            self._orders = Orders(link, steward)
        return self._orders

    def processes(self) -> int:
        """Each agent forks one for each cell and counts it when its endpoint is bound."""
        sight = self._look(fresh_s=FRESH_S)
        return int((sight.on & (sight.phases >= Phase.BOUND)).sum())

    def gone(self, before: Sight, cells: Cells) -> int:
        """By their agents, who have reaped them: this machine's kernel knows nothing of other hosts' processes."""
        now = self._look()
        return int((~now.on[cells] | (now.lives[cells] != before.lives[cells])).sum())

    def troubles(self) -> list[str]:
        steward = self._steward
        if steward is None:
            return []
        found, steward.troubles = steward.troubles, []
        return found

    # ---- the end

    def stop(self) -> None:
        """End all agents; hosts of this machine leave, others wait for another run."""
        try:
            if self._link is not None and self._steward is not None:
                self._end_thread()
                self._stop_hosts(self._link, self._steward)
        finally:
            self.leave()
            if self._fleet is not None:
                self._end_fleet(self._fleet)
            if self._local is not None:
                self._local.wait(LEAVE_S)
                self._local.close()
            self._runtime.remove()

    def _end_fleet(self, fleet: Fleet) -> None:
        try:
            fleet.down()
        except (BadInput, RunFailed) as error:
            self._say(f"the actors of this run may still be there: {error}")

    def _stop_hosts(self, link: Link, steward: Steward) -> None:
        futures: list[Future[Done]] = []
        for post in steward.posts.values():
            if not post.silent and post.tenure.agent in link.agents:
                futures.append(link.post(post.tenure.agent, Stop))
        patiently(futures, 10 + 0.02 * self._cells)
        now_s = time.monotonic()
        heard = [name for name, host in steward.seen(now_s).items() if not host.silent]
        patiently([link.tend(name, self._placement.run, [], over=True) for name in heard], LEAVE_S)

    def _end_thread(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join(10)
            self._thread = None

    def leave(self) -> None:
        self._end_thread()
        if self._camera is not None:
            self._camera.close()
            self._camera = None
        if self._link is not None:
            self._link.close()
            self._link = None
        if self._mosaic is not None:
            self._mosaic.close()
        if self._lock_descriptor is not None:
            os.close(self._lock_descriptor)
            self._lock_descriptor = None

    def keep_log(self, folder: Path) -> None:
        """What the hosts of this machine, and their agents, wrote."""
        logs = [*self._runtime.path.glob("*.log"), *self._runtime.path.glob("*/*/agent.log")]
        for log in logs:
            name = "-".join(log.relative_to(self._runtime.path).parts)
            with contextlib.suppress(OSError):
                shutil.copy2(log, folder / name)
