"""Wiring across hosts: each block is told where the cells are that its own have as neighbours elsewhere.

By what the agents last said of their doors; nobody is believed who opens a door for others, or elsewhere than at home.
May import the link, the posts and cellnode's messages.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec

from cellnode.messages import Door, Wire
from coordinator.contacts import Agent
from coordinator.hosts.posts import Post
from coordinator.link import Link

TCP = "tcp://"


class Wiring:
    """`agent_of`: the agent of a post, once it has called; `key_of`: a host's public key, None: nobody may call it."""

    def __init__(
        self, link: Link, agent_of: Callable[[Post], Agent | None], key_of: Callable[[str], str | None]
    ) -> None:
        self._link, self._agent_of, self._key_of = link, agent_of, key_of

    def tell(self, posts: Collection[Post]) -> None:
        """Whoever lives is told of all doors that its cells are to find, when they have changed."""
        doors = self._doors(posts)
        for post in posts:
            if post.live and not post.silent:
                self._wire(post, doors)

    def _doors(self, posts: Collection[Post]) -> dict[int, Door]:
        """Every cell with neighbours on other hosts, as its agent last said; off where its host is silent."""
        doors = {}
        for post in posts:
            agent = self._agent_of(post)
            told = None if agent is None else agent.doors
            if told is None or told.placement_epoch != post.tenure.epoch:
                continue
            key, host = self._key_of(post.tenure.host), self._link.hosts.get(post.tenure.host)
            if key is None or host is None:
                continue
            for door in told.doors:
                # nobody opens a door for others, nor elsewhere than on that host
                if door.cell in post.cells and is_at(door.endpoint, host.offer.address):
                    doors[door.cell] = msgspec.structs.replace(door, key=key, on=door.on and not post.silent)
        return doors

    def _wire(self, post: Post, doors: dict[int, Door]) -> None:
        if post.wiring is not None and not post.wiring.done():
            return
        mine = [doors[cell] for cell in sorted(post.beyond) if cell in doors]
        if mine != post.doors:
            post.doors = mine
            post.wiring = self._link.post(post.tenure.agent, lambda number: Wire(number, mine))


def is_at(endpoint: str, address: str) -> bool:
    """Whether that is a port at this address, and nothing else that ZeroMQ could be led to."""
    start, port = endpoint[: len(TCP) + len(address) + 1], endpoint[len(TCP) + len(address) + 1 :]
    return start == f"{TCP}{address}:" and port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16
