"""Contacts: the agents and the hosts elsewhere that have called, where each is reached, and how many are remembered.

Decides nothing and sends nothing: the link tells it who has called and asks it for a line. May import zmq's types and
cellnode's messages.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import zmq

from cellnode.hostmessages import Offer
from cellnode.messages import PROTOCOL_VERSION, Beat, Doors, Join

AGENTS_MAX = 64  # of one host; a host that names more loses the one not heard for longest
HOSTS_MAX = 16384
HEARD_S = 15.0  # a host that has spoken since so long ago lives

Router = zmq.Socket[bytes]


@dataclass(frozen=True, slots=True)
class Line:
    """Where somebody is reached."""

    socket: Router
    identity: bytes


@dataclass(slots=True)
class Agent:
    """What is known of one agent."""

    line: Line
    join: Join
    beat: Beat | None = None
    heard_at_s: float = 0.0
    joins: int = 1
    doors: Doors | None = None


@dataclass(slots=True)
class HostLine:
    """What is known of a host elsewhere."""

    line: Line
    offer: Offer
    heard_at_s: float


class Contacts:
    """Agents and hosts by name. An agent elsewhere is called HOST/EPOCH."""

    def __init__(self) -> None:
        self.agents: dict[str, Agent] = {}
        self.hosts: dict[str, HostLine] = {}
        self.misfits: dict[str, int] = {}  # agents that speak another version of the protocol, and which

    def join(self, line: Line, join: Join) -> bool:
        """An agent has called, perhaps again; False when we do not speak its language."""
        if join.version != PROTOCOL_VERSION:
            self.misfits[join.agent] = join.version
            return False
        mine = self._agents_of(host_of(join.agent))
        if join.agent not in self.agents and len(mine) >= AGENTS_MAX:
            del self.agents[min(mine, key=lambda name: self.agents[name].heard_at_s)]
        before = self.agents.get(join.agent)
        joins = 1 if before is None else before.joins + 1
        doors = before.doors if before is not None and before.join.pid == join.pid else None
        self.agents[join.agent] = Agent(line, join, None, time.monotonic(), joins, doors)
        return True

    def heard(self, name: str, line: Line) -> Agent | None:
        """The agent of that name that speaks on this line, heard now; None when it has not joined on it."""
        agent = self.agents.get(name)
        if agent is None or agent.line != line:
            return None
        agent.heard_at_s = time.monotonic()
        return agent

    def has_room(self, host: str) -> bool:
        return host in self.hosts or len(self.hosts) < HOSTS_MAX

    def offer(self, line: Line, offer: Offer) -> None:
        """A host has offered itself, and was taken."""
        self.hosts[offer.host] = HostLine(line, offer, time.monotonic())

    def is_heard(self, host: str) -> bool:
        found = self.hosts.get(host)
        return found is not None and time.monotonic() - found.heard_at_s <= HEARD_S

    def forget(self, host: str) -> None:
        """The host and its agents; they may call again."""
        self.hosts.pop(host, None)
        for agent in self._agents_of(host):
            del self.agents[agent]

    def line_of(self, name: str) -> Line | None:
        """Of an agent, or of a host."""
        found = self.agents.get(name) or self.hosts.get(name)
        return None if found is None else found.line

    def lines(self) -> list[Line]:
        return [agent.line for agent in self.agents.values()] + [host.line for host in self.hosts.values()]

    def _agents_of(self, host: str) -> list[str]:
        return [name for name in self.agents if host_of(name) == host]


def host_of(agent: str) -> str:
    """The host that an agent's name belongs to."""
    return agent.partition("/")[0]
