"""The hosts of one run as its coordinator holds them: the run's lock, the link, the steward in a thread of its own, and
the lookout; and the end of them all.

Never on the data path; knows no command to cells and waits for no launch. May import the rest of `coordinator.hosts`,
the coordinator's link, and cellnode.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from cellnode.hostmessages import Offer, Refused
from cellnode.messages import Done, Placement, Stop
from cellnode.patchlayout import Grid, grid
from cellnode.runtime import Runtime, claim
from coordinator.clientmessages import Answer, Ask
from coordinator.contacts import HostLine
from coordinator.host import Epochs
from coordinator.hosts.local import LocalHosts
from coordinator.hosts.lookout import Lookout
from coordinator.hosts.orders import patiently
from coordinator.hosts.posts import Wanted
from coordinator.hosts.roster import Roster, Tenure
from coordinator.hosts.steward import Steward, refuse
from coordinator.link import Link
from coordinator.rays.fleet import Fleet
from coordinator.registrar import Registrar
from firmware_sim.errors import BadInput, RunFailed

STEP_S = 0.1
LEAVE_S = 10.0
EPOCH_JUMP = 1 << 20  # coordinators of one run in a row

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Means:
    """How so many hosts come to us at `endpoint`: started here, or by Ray, or by whoever has them."""

    hosts: int
    endpoint: str
    local: LocalHosts | None = None
    fleet: Fleet | None = None
    registrar: Registrar | None = None  # asks for keys; None: nobody has to show one


def grid_of(placement: Placement) -> Grid | None:
    """How its grid is cut into patches; None: it is not."""
    if not any(placement.patch):
        return None
    return grid(placement.height, placement.width, placement.torus, placement.patch)


class Crew:
    """`listen()` first; `keep_on()` once hosts have blocks; `leave()` or `stop()` at the end."""

    def __init__(
        self,
        runtime: Runtime,
        placement: Placement,
        epochs: Epochs,
        keep: Callable[[list[Tenure]], None],
        means: Means,
        say: Say,
    ) -> None:
        self.runtime, self.placement, self.means, self.say = runtime, placement, means, say
        self.patches = grid_of(placement)
        self.roster = Roster(epochs.next_placement, keep, self.patches)
        self.wanted = Wanted(placement.interval_ns)
        self.endpoint = means.endpoint  # where hosts join; with its port once we listen
        self.ended = threading.Event()
        self._epochs = epochs
        self._link: Link | None = None
        self._steward: Steward | None = None
        self._lookout: Lookout | None = None
        self._lock_descriptor: int | None = None
        self._thread: threading.Thread | None = None

    # ---- coming

    def listen(self, on_ask: Callable[[Ask], Answer]) -> bool:
        """Take the coordinator's place for this run; False when another coordinator lives on this machine."""
        self.runtime.create()
        self._lock_descriptor = claim(self.runtime.coordinator_lock)
        if self._lock_descriptor is None:
            return False
        lookout = self._lookout = Lookout(self.runtime, self.placement)
        link = Link(
            self.runtime.coordinator_endpoint,
            self._epochs.next_coordinator(0),
            on_ask=on_ask,
            on_sheet=lookout.take,
            on_offer=self._hear_offer,
            on_lapsed=self._tell_lapsed,
        )
        local = self.means.local
        try:
            with contextlib.nullcontext() if local is None else local.inside():
                self.endpoint = link.listen(self.means.endpoint, self.means.registrar)
        except RunFailed:
            link.close()
            self.leave()
            raise
        self._link = link
        link.start()
        self._steward = Steward(
            link, self.roster, lookout.mosaic, local, self.placement, self.wanted, self.say, self._key_of
        )
        self._steward.endpoint = self.endpoint
        if local is not None:
            local.meet(self.roster.carried, self._steward.asked.update)
        return True

    def _key_of(self, host: str) -> str | None:
        registrar = self.means.registrar
        return "" if registrar is None else registrar.keyring.key_of(host) or None

    def _hear_offer(self, offer: Offer, known: HostLine | None) -> Refused | None:
        """On the link's thread. Whoever carried another run may have obeyed a higher coordinator than we are: its
        folder may be lost, and this one goes on above it."""
        refused = refuse(offer, known, self.placement.run)
        if refused is None and known is None and offer.run != self.placement.run and self._link is not None:
            self._rise(self._link, offer)
        return refused

    def rise_above(self, hosts: list[HostLine]) -> None:
        """Be obeyed by all of them."""
        for line in hosts:
            self._rise(self.link, line.offer)

    def _rise(self, link: Link, offer: Offer) -> None:
        """Above what this host has obeyed; a number that no count of coordinators explains is not believed."""
        if link.epoch <= offer.coordinator_epoch <= link.epoch + EPOCH_JUMP:
            link.epoch = self._epochs.next_coordinator(offer.coordinator_epoch)

    def _tell_lapsed(self, hosts: list[str], anew: bool) -> None:
        """On the link's thread."""
        if hosts:
            self.say(f"the key of {', '.join(hosts)} is no longer on the list: what stood by it is cut")
        if anew:
            self.say("the coordinator has another key: hosts come back as soon as they have its coordinator.pub")

    # ---- being here

    @property
    def here(self) -> tuple[Link, Steward, Lookout]:
        """RunFailed when we are not (any more)."""
        if self._link is None or self._steward is None or self._lookout is None:
            raise RunFailed("this run has no coordinator here (it was stopped or let go)")
        return self._link, self._steward, self._lookout

    @property
    def link(self) -> Link:
        return self.here[0]

    @property
    def steward(self) -> Steward:
        return self.here[1]

    def keep_on(self) -> None:
        """From now on whatever is due is done."""
        self._thread = threading.Thread(target=self._loop, args=(self.steward,), name="planaria-hosts", daemon=True)
        self._thread.start()

    def _loop(self, steward: Steward) -> None:
        while not self.ended.wait(STEP_S):
            steward.step(time.monotonic())

    def troubles(self) -> list[str]:
        """What went wrong by itself since last asked."""
        if self._steward is None:
            return []
        found, self._steward.troubles = self._steward.troubles, []
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
            if self.means.fleet is not None:
                self._end_fleet(self.means.fleet)
            if self.means.local is not None:
                self.means.local.wait(LEAVE_S)
                self.means.local.close()
            self.runtime.remove()

    def _end_fleet(self, fleet: Fleet) -> None:
        try:
            fleet.down()
        except (BadInput, RunFailed) as error:
            self.say(f"the actors of this run may still be there: {error}")

    def _stop_hosts(self, link: Link, steward: Steward) -> None:
        futures: list[Future[Done]] = []
        for post in steward.posts.values():
            if not post.silent and post.tenure.agent in link.agents:
                futures.append(link.post(post.tenure.agent, Stop))
        patiently(futures, 10 + 0.02 * self.placement.height * self.placement.width)
        heard = [name for name, host in steward.seen(time.monotonic()).items() if not host.silent]
        patiently([link.tend(name, self.placement.run, [], over=True) for name in heard], LEAVE_S)

    def _end_thread(self) -> None:
        self.ended.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(10)
            self._thread = None

    def leave(self) -> None:
        """Let go, and let the hosts go on."""
        self._end_thread()
        if self._link is not None:
            self._link.close()
            self._link = None
        if self._lookout is not None:
            self._lookout.close()
            self._lookout = None
        if self._lock_descriptor is not None:
            os.close(self._lock_descriptor)
            self._lock_descriptor = None
