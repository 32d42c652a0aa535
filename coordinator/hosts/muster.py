"""The muster: hosts are started or waited for, each gets its block of the grid, and all that until every cell is up; or
the hosts of a swarm that runs are found again.

Gives no command to cells itself: the steward does. May import the crew and the blocks.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from coordinator.camera import Sight
from coordinator.hosts.blocks import cut, cut_patches
from coordinator.hosts.crew import Crew
from coordinator.hosts.roster import Tenure
from coordinator.link import Link
from coordinator.substrate import OnProgress
from firmware_sim.errors import RunFailed

HERE_S = 30.0  # for hosts on this machine to call
LINK_S = 15.0  # for cells of different hosts to hear each other, once all are up
BACK_S = 10.0  # hosts call again twice a second; a new coordinator waits so long for those it expects, starved ones too

Look = Callable[[], Sight | None]


def launch(crew: Crew, on_progress: OnProgress, look: Look) -> None:
    """A new swarm on as many hosts as it wants. RunFailed when they do not come, or their cells do not come up."""
    link, steward, _ = crew.here
    _await_hosts(crew, link)
    placement, patches = crew.placement, crew.patches
    names = sorted(link.hosts, key=lambda name: (len(name), name))[: crew.means.hosts]
    rooms = [link.hosts[name].offer.capacity for name in names]
    blocks = cut(placement.height, placement.width, rooms) if patches is None else cut_patches(patches, rooms)
    steward.begin({name: block.tolist() for name, block in zip(names, blocks, strict=True)})
    crew.keep_on()
    limit_s = 60 + 0.2 * placement.height * placement.width
    _await(crew, steward.ready, limit_s, on_progress, look, "the blocks are not up")
    with contextlib.suppress(RunFailed):
        _await(crew, lambda: _all_linked(crew), LINK_S, on_progress, look, "not linked")
    for post in steward.posts.values():
        if post.error and len(post.missing) in (0, len(post.tenure.cells)):
            raise RunFailed(f"launch: host {post.tenure.host}: {post.error}")
    on_progress(replace(steward.progress(), look=look))


def adopt(crew: Crew, tenures: Sequence[Tenure]) -> None:
    """Take over a swarm that runs: wait for the hosts that are known, obeyed by all of them."""
    link, steward, _ = crew.here
    hosts = {tenure.host for tenure in tenures}
    link.wait(lambda: hosts <= link.hosts.keys(), BACK_S)
    lines = list(link.hosts.values())
    crew.rise_above(lines)
    if crew.means.local is not None:
        for line in lines:
            crew.means.local.adopt(line.offer)
    crew.roster.adopt(tenures, crew.placement.height * crew.placement.width)
    steward.take_over()
    crew.keep_on()
    link.wait(lambda: all(post.live or post.silent for post in steward.posts.values()), BACK_S)


def _await_hosts(crew: Crew, link: Link) -> None:
    means = crew.means
    if means.local is not None:
        for name in means.local.names:
            means.local.start(name, crew.endpoint)
    elif means.fleet is not None:
        crew.say(f"Ray starts {means.hosts} hosts")
        means.fleet.up(crew.endpoint)
    else:
        keys = "" if means.registrar is None else " --keys DIR"
        crew.say(f"waiting for {means.hosts} hosts: planaria agent --join {crew.endpoint} --name NAME{keys}")
    began_s, told = time.monotonic(), 0
    while len(link.hosts) < means.hosts:
        link.wait(lambda: len(link.hosts) >= means.hosts, 0.2)
        if crew.ended.is_set():
            raise RunFailed("the swarm was stopped before all hosts had joined")
        if means.local is not None:
            means.local.check()
            if time.monotonic() - began_s > HERE_S:
                raise RunFailed(f"only {len(link.hosts)} of {means.hosts} hosts have called within {HERE_S:g} s")
        elif len(link.hosts) != told:
            told = len(link.hosts)
            crew.say(f"{told} of {means.hosts} hosts have joined: {', '.join(sorted(link.hosts))}")


def _await(
    crew: Crew, ready: Callable[[], bool], limit_s: float, on_progress: OnProgress, look: Look, what: str
) -> None:
    deadline = time.monotonic() + limit_s
    while not ready():
        if crew.ended.wait(0.05):
            raise RunFailed("the swarm was stopped during the launch")
        on_progress(replace(crew.steward.progress(), look=look))
        if time.monotonic() > deadline:
            raise RunFailed(f"{what} after {limit_s:.0f} s: {crew.steward.progress()}")


def _all_linked(crew: Crew) -> bool:
    progress = crew.steward.progress()
    return progress.linked >= progress.wanted > 0
