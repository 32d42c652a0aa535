"""The steward: sees that every block is carried. It hears hosts, has the roster decide, places, wires, and makes good
what a host has missed.

`step` does what is due; a thread of the substrate's calls it a few times a second. It never touches a cell's data. May
import the link, the roster, the mosaic, cellnode's messages and topology.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import msgspec
import numpy as np

from cellnode.hostmessages import Offer, Refused
from cellnode.messages import (
    PROTOCOL_VERSION,
    Done,
    OtherEngine,
    Place,
    Placement,
    Power,
    SetFaults,
    SetInterval,
    SetPause,
)
from cellnode.topology import neighbours
from cellnode.whereabouts import boot_id
from coordinator.contacts import Agent, HostLine
from coordinator.hosts.local import LocalHosts
from coordinator.hosts.mosaic import Mosaic
from coordinator.hosts.posts import Post, Wanted, faults_of
from coordinator.hosts.roster import Roster, Seen, Tenure
from coordinator.hosts.wiring import Wiring
from coordinator.link import Link
from coordinator.substrate import Progress

LOST_S = 3.0  # a host speaks twice a second; silent for so long, it is lost
LOCAL_LOST_S = 15.0  # one whose process is known to live on this machine is only slow
TELL_AGAIN_S = 2.0
RESTART_S = 1.0  # a host on this machine that was killed comes back after so long


@dataclass(slots=True)
class _Told:
    blocks: list[int]
    at_s: float
    done: Future[Done]


class Steward:
    """`say` is for lines that a person should see; `asked` are hosts whose loss somebody wanted."""

    def __init__(
        self,
        link: Link,
        roster: Roster,
        mosaic: Mosaic,
        local: LocalHosts | None,
        placement: Placement,
        wanted: Wanted,
        say: Callable[[str], None],
        key_of: Callable[[str], str | None],
    ) -> None:
        self._link, self._roster, self._mosaic, self._local = link, roster, mosaic, local
        self.placement, self.wanted, self._say = placement, wanted, say
        self._around = neighbours(placement.height, placement.width, placement.torus)
        self._wiring = Wiring(link, self._agent_of, key_of)
        self.posts: dict[int, Post] = {}
        self.endpoint = ""  # where hosts of this machine find us
        self.asked: set[str] = set()
        self.troubles: list[str] = []
        self._told: dict[str, _Told] = {}
        self._dead_since_s: dict[str, float] = {}
        self._waiting = 0

    # ---- who is there

    def seen(self, now_s: float) -> dict[str, Seen]:
        """All hosts that have ever offered themselves."""
        hosts = {}
        for name, line in list(self._link.hosts.items()):
            here = self._local is not None and self._local.near and name in self._local.names
            silence_s = now_s - line.heard_at_s - self._link.earshot.deaf_s(line.heard_at_s, now_s)
            silent = silence_s > (LOCAL_LOST_S if here else LOST_S)
            if self._local is not None and here:
                silent |= self._local.living(name) != line.offer.pid
            hosts[name] = Seen(line.offer.instance, line.offer.capacity, silent, frozenset(self._ended(line.offer)))
        return hosts

    def _ended(self, offer: Offer) -> list[int]:
        return offer.ended if offer.run == self.placement.run else []

    # ---- the first placement

    def begin(self, blocks: dict[str, list[int]]) -> None:
        for tenure in self._roster.begin(blocks, self.seen(time.monotonic())):
            self._enter(tenure)

    def take_over(self) -> None:
        """The roster's tenures, which an earlier coordinator gave."""
        for tenure in self._roster.tenures.values():
            self._enter(tenure)

    def _enter(self, tenure: Tenure) -> None:
        cells = np.asarray(tenure.cells, np.int64)
        around = self._around[cells]
        beyond = np.setdiff1d(around[around >= 0], cells)
        self.posts[tenure.epoch] = Post(tenure, frozenset(tenure.cells), frozenset(beyond.tolist()))
        host = self._link.hosts.get(tenure.host)
        self._mosaic.add(tenure, same_clock=host is not None and host.offer.machine == boot_id())

    # ---- what is due

    def step(self, now_s: float) -> None:
        self._restart_local(now_s)
        hosts = self.seen(now_s)
        changes = self._roster.look(hosts)
        for tenure, why in changes.ended:
            self._leave(tenure, why)
        self.asked.difference_update({tenure.host for tenure, _ in changes.ended})
        for tenure in changes.begun:
            self._enter(tenure)
            self._say(f"{len(tenure.cells)} cells are started on {tenure.host}, empty (epoch {tenure.epoch})")
        self._tell_waiting()
        for post in self.posts.values():
            host = hosts.get(post.tenure.host)
            self._listen(post, host is None or host.silent)
        for name, host in hosts.items():
            if not host.silent:
                self._tend(name, now_s)
        for post in list(self.posts.values()):
            agent = self._agent_of(post)
            if agent is not None and not post.silent:
                self._bring_up(post, agent)
                self._make_good(post, agent)
        self._wiring.tell(self.posts.values())

    def _restart_local(self, now_s: float) -> None:
        for name in self._local.dead if self._local is not None else ():
            since = self._dead_since_s.setdefault(name, now_s)
            if now_s - since >= RESTART_S and self._local is not None:
                del self._dead_since_s[name]
                self._local.start(name, self.endpoint)

    def _leave(self, tenure: Tenure, why: str) -> None:
        self.posts.pop(tenure.epoch, None)
        self._link.forget(tenure.agent)
        self._mosaic.drop(tenure)
        self._note(tenure.host, f"{why}: its {len(tenure.cells)} cells (epoch {tenure.epoch}) are given up")

    def _listen(self, post: Post, silent: bool) -> None:
        if silent is post.silent:
            return
        post.silent = silent
        host = post.tenure.host
        if silent:
            self._mosaic.hide(post.tenure)
            self._note(host, f"host {host} is silent; its {len(post.tenure.cells)} cells wait for its return")
        else:
            self._note(host, f"host {host} is heard again, and its cells live")
            self.asked.discard(host)

    def _tell_waiting(self) -> None:
        waiting = self._roster.homeless
        if waiting and waiting != self._waiting:
            self._say(f"{waiting} cells wait for a host with room")
        self._waiting = waiting

    def _note(self, host: str, line: str) -> None:
        if host in self.asked:
            self._say(line)
        else:
            self.troubles.append(line)

    def _tend(self, name: str, now_s: float) -> None:
        offer, blocks = self._link.hosts[name].offer, self._roster.of(name)
        told = self._told.get(name)
        agrees = sorted(offer.blocks) == blocks and (offer.run == self.placement.run or not (offer.blocks or blocks))
        if told is not None and told.blocks == blocks:
            if agrees or not told.done.done() or now_s - told.at_s < TELL_AGAIN_S:
                return
        elif agrees:
            return
        self._told[name] = _Told(blocks, now_s, self._link.tend(name, self.placement.run, blocks))

    def _agent_of(self, post: Post) -> Agent | None:
        """Once it has called; one of that name that serves another run is none."""
        agent = self._link.agents.get(post.tenure.agent)
        return agent if agent is not None and agent.join.run == self.placement.run else None

    def _bring_up(self, post: Post, agent: Agent) -> None:
        if post.live:
            return
        if agent.join.placement_epoch == post.tenure.epoch and post.placing is None:
            post.live = True  # placed by an earlier coordinator
        elif post.placing is None:
            placement = self._placement(post.tenure)
            post.joins = agent.joins
            post.placing = self._link.post(post.tenure.agent, lambda number: Place(number, placement))
        elif post.placing.done() and not post.placing.cancelled():
            done = post.placing.result()
            post.live, post.missing = True, list(done.missing)
            if not done.ok:
                post.error = done.error
                self.troubles.append(f"host {post.tenure.host}: {done.error}")
            if self.wanted.paused or self.wanted.faults or self.wanted.off:
                post.joins = 0

    def _placement(self, tenure: Tenure) -> Placement:
        mine = set(tenure.cells)
        others = [
            OtherEngine([cell for cell in other.cells if cell in mine], other.rule) for other in self.placement.others
        ]
        return msgspec.structs.replace(
            self.placement,
            epoch=tenure.epoch,
            cells=tenure.cells,
            interval_ns=self.wanted.interval_ns,
            others=[other for other in others if other.cells],
        )

    def _make_good(self, post: Post, agent: Agent) -> None:
        """It may have missed what was wanted while it, or a coordinator, was away."""
        if not post.live or post.joins == agent.joins:
            return
        post.joins = agent.joins
        name, wanted, tenure = post.tenure.agent, self.wanted, post.tenure
        interval_ns, paused, faults = wanted.interval_ns, wanted.paused, list(wanted.faults)
        off = [cell for cell in tenure.cells if cell in wanted.off]
        on = [cell for cell in agent.join.off if cell not in wanted.off]
        self._link.post(name, lambda number: SetInterval(number, interval_ns))
        self._link.post(name, lambda number: SetPause(number, paused))
        self._link.post(name, lambda number: SetFaults(number, faults_of(faults, tenure.cells)))
        if off:
            self._link.post(name, lambda number: Power(number, off, False))
        if on:
            self._link.post(name, lambda number: Power(number, on, True))
        post.doors = None

    # ---- how far it is

    def ready(self) -> bool:
        """Every block is up, and knows all its neighbours beyond."""
        return all(
            post.live
            and post.doors is not None
            and (len(post.doors) == len(post.beyond) or bool(post.missing))
            and (post.wiring is None or post.wiring.done())
            for post in self.posts.values()
        )

    def progress(self) -> Progress:
        """By the last beats, all hosts together."""
        beats = []
        for post in self.posts.values():
            agent = self._agent_of(post)
            if agent is not None and agent.beat is not None and agent.beat.placement_epoch == post.tenure.epoch:
                beats.append(agent.beat)
        if not beats or len(beats) < len(self.posts):
            return Progress("forking", self.placement.height * self.placement.width, 0, 0, 0)
        order = ("forking", "binding", "linking", "running")
        phase = min((beat.phase for beat in beats), key=lambda name: order.index(name) if name in order else 0)
        notes = "; ".join(beat.note for beat in beats if beat.note)
        return Progress(
            phase,
            sum(beat.wanted for beat in beats),
            sum(beat.born for beat in beats),
            sum(beat.bound for beat in beats),
            sum(beat.linked for beat in beats),
            notes,
        )


def refuse(offer: Offer, known: HostLine | None, run: str) -> Refused | None:
    """Why this offer is not taken; None: it is."""
    if offer.version != PROTOCOL_VERSION:
        return Refused(
            f"host {offer.host} speaks protocol {offer.version}, the coordinator of run {run} speaks "
            f"{PROTOCOL_VERSION}: install the same planaria on both",
            True,
        )
    if known is not None and known.offer.instance != offer.instance and time.monotonic() - known.heard_at_s <= LOST_S:
        return Refused(
            f"the name {offer.host!r} is taken: process {known.offer.pid} at {known.offer.address} has joined run "
            f"{run} with it; choose another --name",
            False,
        )
    return None
