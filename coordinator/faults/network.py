"""Faults of whole hosts and of the network between them, for `--hosts N --netns`: power off, cut, loss, delay.

Whom: `hosts=h2`, `hosts=h1,h3`, or a number of them, drawn. The faults act on the machine's own network and power
switches, not on the cells' sockets: what a cell sees of them is what it would see of real ones. They last in the kernel
whoever coordinates. May import the draws and numpy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from cellnode.draws import Purpose, draw64_array
from coordinator.faults.base import Fault, Parameter, Record, Target
from firmware_sim.errors import BadInput

HOSTS = Parameter("which hosts; without: one, drawn", word="names as h1,h3, or a number of hosts to draw")
DRAWN = 192  # the place of this draw beside those of selectors


def chosen(words: str, names: Sequence[str], rng_seed: int) -> list[str]:
    """The hosts that `hosts=WORDS` means among `names`. BadInput where there are none such."""
    if words.isdigit():
        if not 0 < int(words) <= len(names):
            raise BadInput(f"hosts is {words}, expected 1 to {len(names)}, or names among {', '.join(names)}")
        draws = draw64_array(rng_seed, np.arange(len(names), dtype=np.uint64), Purpose.SELECT, DRAWN)
        return sorted((names[place] for place in np.argsort(draws, kind="stable")[: int(words)]), key=names.index)
    wanted = words.split(",")
    for name in wanted:
        if name not in names:
            raise BadInput(f"hosts: there is no {name!r}, expected names among {', '.join(names)}")
    return sorted(set(wanted), key=names.index)


class HostFault(Fault):
    """Of some hosts of a network; `cells` are those that they carry when it begins."""

    host = True
    network = True

    @classmethod
    def checked_word(cls, name: str, word: str) -> str:
        if not re.fullmatch(r"[0-9]{1,3}|[A-Za-z][\w.-]*(,[A-Za-z][\w.-]*)*", word):
            raise BadInput(f"fault {cls.kind}: hosts is {word!r}, expected {HOSTS.word}")
        return word

    @classmethod
    def hosts_of(cls, parameters: dict[str, Any], names: Sequence[str], rng_seed: int) -> list[str]:
        return chosen(str(parameters.get("hosts", "1")), names, rng_seed)

    def __init__(self, record: Record) -> None:
        super().__init__(record)
        self._before = 0

    @property
    def _parameters(self) -> dict[str, Any]:
        return self.record.parameters

    def _hosts(self, target: Target) -> list[str]:
        return self.hosts_of(self._parameters, target.network().names, self.record.rng_seed)

    def _watch(self, target: Target) -> None:
        self._before = self._counted(target)

    def _count(self, target: Target) -> int:
        return self._counted(target) - self._before

    def _begin(self, target: Target) -> list[int]:
        target.network().expect(self._hosts(target))
        self._lay(target, self._hosts(target))
        return []

    def _end(self, target: Target) -> list[int]:
        self._lift(target, self._hosts(target))
        return []

    def _lay(self, target: Target, hosts: list[str]) -> None:
        raise NotImplementedError

    def _lift(self, target: Target, hosts: list[str]) -> None:
        target.network().pass_again(self.record.id)

    def _counted(self, target: Target) -> int:
        return target.network().dropped(self.record.id)


class HostOff(HostFault):
    """Proof: hosts that had processes and have none."""

    kind = "host_off"
    help = "the power of whole hosts goes off: all their processes are gone at once; healed, they start anew"
    parameters: ClassVar[dict[str, Parameter]] = {"hosts": HOSTS}

    def _watch(self, target: Target) -> None:
        self._hit = 0

    def _count(self, target: Target) -> int:
        return self._hit

    def _lay(self, target: Target, hosts: list[str]) -> None:
        self._hit = len(target.network().power(hosts, False, self.record.id))

    def _lift(self, target: Target, hosts: list[str]) -> None:
        target.network().power(hosts, True, self.record.id)


class HostCut(HostFault):
    """Proof: frames dropped at the switch."""

    kind = "host_cut"
    help = "hosts are cut off from the other hosts, and from the coordinator or not"
    parameters: ClassVar[dict[str, Parameter]] = {
        "hosts": HOSTS,
        "way": Parameter("in: the chosen hosts are deaf, out: they are unheard", choices=("both", "in", "out")),
        "coordinator": Parameter(
            "on the other side, on that of the chosen hosts, or reached by both", choices=("other", "theirs", "both")
        ),
    }

    def _lay(self, target: Target, hosts: list[str]) -> None:
        network = target.network()
        others = [name for name in network.names if name not in hosts]
        where = self._parameters["coordinator"]
        mine, theirs = list(hosts), others
        if where == "other":
            theirs = [*others, network.coordinator]
        elif where == "theirs":
            mine = [*hosts, network.coordinator]
        ways = {
            "out": [(sender, hearer) for sender in mine for hearer in theirs],
            "in": [(sender, hearer) for sender in theirs for hearer in mine],
        }
        way = self._parameters["way"]
        network.drop(self.record.id, [*ways["out"], *ways["in"]] if way == "both" else ways[way])


class HostLoss(HostFault):
    """Proof: frames dropped at the switch."""

    kind = "host_loss"
    help = "a share of all frames from and to hosts is lost on the network; TCP says them again, late"
    parameters: ClassVar[dict[str, Parameter]] = {
        "hosts": HOSTS,
        "rate": Parameter("probability that a frame is lost", 0.0, 1.0),
    }

    def _lay(self, target: Target, hosts: list[str]) -> None:
        network = target.network()
        everybody = [*network.names, network.coordinator]
        pairs = [
            (sender, hearer)
            for sender in everybody
            for hearer in everybody
            if sender != hearer and (sender in hosts or hearer in hosts)
        ]
        network.drop(self.record.id, pairs, float(self._parameters["rate"]))


class HostDelay(HostFault):
    """Proof: frames that came through the slow line."""

    kind = "host_delay"
    help = "all frames from and to hosts come later"
    alone = True
    parameters: ClassVar[dict[str, Parameter]] = {
        "hosts": HOSTS,
        "delay": Parameter("one way, in milliseconds", 1.0, 10_000.0),
    }

    def _lay(self, target: Target, hosts: list[str]) -> None:
        for name in hosts:
            target.network().slow(name, float(self._parameters["delay"]) / 1000)

    def _lift(self, target: Target, hosts: list[str]) -> None:
        for name in hosts:
            target.network().slow(name, 0.0)

    def _counted(self, target: Target) -> int:
        return sum(map(target.network().delayed, self._hosts(target)))


NETWORK: tuple[type[HostFault], ...] = (HostOff, HostCut, HostLoss, HostDelay)
