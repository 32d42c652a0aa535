"""Orders: one command to the agents of all hosts that it concerns, and who has not carried it out.

One at a time, whatever thread gives it. A host that is away is no error: its cells are named, or hear it later.
May import the coordinator's link and the steward's posts; it never places a block itself.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError

from cellnode.messages import Command, Done
from coordinator.hosts.posts import Post
from coordinator.hosts.steward import Steward
from coordinator.link import Link
from coordinator.substrate import Cells
from firmware_sim.errors import RunFailed

CALL_S = 10.0  # for the agent of a block that was just given to a host to call
ANSWER_S, ANSWER_S_A_CELL = 15.0, 0.05


class Orders:
    """Commands to all agents through one link."""

    def __init__(self, link: Link, steward: Steward) -> None:
        self._link, self._steward = link, steward
        self._one_at_a_time = threading.RLock()

    def to_cells(self, cells: Cells, make: Callable[[int, list[int]], Command]) -> list[int]:
        """To the agents of these cells; returns those that did not acknowledge, or have no host now.

        `make` gets a command's number and the cells of one agent.  RunFailed when an agent refuses.
        """
        with self._one_at_a_time:
            wanted, futures = set(cells.tolist()), list[tuple[list[int], Future[Done]]]()
            for post in self._posts():
                mine = sorted(wanted.intersection(post.tenure.cells))
                wanted.difference_update(mine)
                if mine and not self._reachable(post):
                    wanted.update(mine)  # they are named at the end, as those without a host
                elif mine:
                    futures.append((mine, self._post(post, lambda number, mine=mine: make(number, mine))))  # type: ignore[misc]
            return sorted([*wanted, *_gather(futures, ANSWER_S + ANSWER_S_A_CELL * cells.size)])

    def to_all(self, make: Callable[[int, Post], Command]) -> list[int]:
        """State for every block: those that are away now hear it when they return."""
        with self._one_at_a_time:
            futures = [
                (post.tenure.cells, self._post(post, lambda number, post=post: make(number, post)))  # type: ignore[misc]
                for post in self._posts()
                if not post.silent and _told(post)
            ]
            return _gather(futures, ANSWER_S + ANSWER_S_A_CELL * sum(len(cells) for cells, _ in futures))

    def _posts(self) -> list[Post]:
        return list(self._steward.posts.values())

    def _post(self, post: Post, make: Callable[[int], Command]) -> Future[Done]:
        return self._link.post(post.tenure.agent, make)

    def _reachable(self, post: Post) -> bool:
        """Its agent has been told of its block, and so understands commands; one that is on its way is waited for."""
        self._link.wait(lambda: post.silent or _told(post), CALL_S)
        return not post.silent and _told(post)


def patiently(futures: list[Future[Done]], timeout_s: float) -> None:
    """Wait for all, whatever comes of each."""
    deadline = time.monotonic() + timeout_s
    for future in futures:
        with contextlib.suppress(FutureTimeoutError, CancelledError, RunFailed):
            future.result(max(0.0, deadline - time.monotonic()))


def _told(post: Post) -> bool:
    return post.live or post.placing is not None


def _gather(futures: list[tuple[list[int], Future[Done]]], timeout_s: float) -> list[int]:
    deadline, missing = time.monotonic() + timeout_s, list[int]()
    for cells, future in futures:
        try:
            done = future.result(max(0.0, deadline - time.monotonic()))
        except (FutureTimeoutError, CancelledError):  # its host was lost meanwhile, or does not answer
            missing += cells
            continue
        if not done.ok and done.error and not done.missing:
            raise RunFailed(f"agent {done.agent}: {done.error}")
        missing += done.missing
    return missing
