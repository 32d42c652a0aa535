"""The roster: which host carries which block, under which placement epoch, and who takes over when a host is lost.

A state machine: what hosts say and whether they are silent is passed in, what to do is handed back; epochs come from
outside and are durable before they are used. A block stays with a silent host while nobody else has room: if it only
was cut off, its cells still live. May import numpy, msgspec and the layout of patches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from cellnode.patchlayout import Grid


class Tenure(msgspec.Struct, frozen=True):
    """A block in a host's hands, from one placement to its end."""

    epoch: int  # placement epoch of the block's cells
    host: str
    instance: str  # of the host's porter: another one has never heard of this block
    cells: list[int]

    @property
    def agent(self) -> str:
        """What its agent is called."""
        return f"{self.host}/{self.epoch}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a host now."""

    instance: str
    capacity: int
    silent: bool  # not heard for too long
    ended: frozenset[int] = frozenset()  # epochs of agents that have died there by themselves


@dataclass(slots=True)
class Changes:
    """What one look has led to."""

    ended: list[tuple[Tenure, str]] = field(default_factory=list)  # and why
    begun: list[Tenure] = field(default_factory=list)


class Roster:
    """`next_epoch` stores durably what it returns; `keep` stores the tenures, before they are acted on. `patches`: a
    grid of these, each of which stays whole."""

    def __init__(
        self,
        next_epoch: Callable[[], int],
        keep: Callable[[list[Tenure]], None],
        patches: Grid | None = None,
    ) -> None:
        self._next_epoch, self._keep, self._patches = next_epoch, keep, patches
        self.tenures: dict[int, Tenure] = {}
        self._homeless: list[list[int]] = []

    def begin(self, blocks: Mapping[str, Sequence[int]], hosts: Mapping[str, Seen]) -> list[Tenure]:
        """The first placement: host -> cells."""
        begun = [self._give(host, hosts[host], list(cells)) for host, cells in blocks.items() if len(cells)]
        self._store()
        return begun

    def adopt(self, tenures: Sequence[Tenure], cells: int) -> None:
        """Go on where an earlier coordinator was; what it left without a host is homeless."""
        self.tenures = {tenure.epoch: tenure for tenure in tenures}
        placed = {cell for tenure in tenures for cell in tenure.cells}
        left = [cell for cell in range(cells) if cell not in placed]
        self._homeless = [left] if left else []

    @property
    def homeless(self) -> int:
        """Cells that no host has room for."""
        return sum(map(len, self._homeless))

    def of(self, host: str) -> list[int]:
        """Epochs of the blocks that this host is to carry."""
        return sorted(epoch for epoch, tenure in self.tenures.items() if tenure.host == host)

    def carried(self, hosts: Iterable[str]) -> NDArray[np.int64]:
        """The cells that these hosts carry, in ascending order."""
        names = set(hosts)
        cells = [cell for tenure in list(self.tenures.values()) if tenure.host in names for cell in tenure.cells]
        return np.sort(np.asarray(cells, np.int64))

    def look(self, hosts: Mapping[str, Seen]) -> Changes:
        """Take note of who is lost, and place what has no host where there is room."""
        changes = Changes()
        for tenure in list(self.tenures.values()):
            why = self._is_over(tenure, hosts)
            if why:
                del self.tenures[tenure.epoch]
                self._homeless.append(tenure.cells)
                changes.ended.append((tenure, why))
        homeless, self._homeless = self._homeless, []
        for cells in sorted(homeless, key=len, reverse=True):
            changes.begun += self._place(cells, hosts)
        if changes.ended or changes.begun:
            self._store()
        return changes

    def _is_over(self, tenure: Tenure, hosts: Mapping[str, Seen]) -> str:
        host = hosts.get(tenure.host)
        if host is not None and not host.silent:
            if host.instance != tenure.instance:
                return f"host {tenure.host} has come back without them"
            return f"its agent on {tenure.host} has died" if tenure.epoch in host.ended else ""
        elsewhere = sum(self._free(name, seen) for name, seen in hosts.items() if name != tenure.host)
        return f"host {tenure.host} is lost" if elsewhere >= len(tenure.cells) else ""

    def _place(self, cells: list[int], hosts: Mapping[str, Seen]) -> list[Tenure]:
        """On one host if it has room for all, else on several, else nowhere yet."""
        free = {name: self._free(name, seen) for name, seen in hosts.items()}
        order = sorted(free, key=lambda name: (-free[name], name))
        if not cells or sum(free.values()) < len(cells):
            self._homeless += [cells] if cells else []
            return []
        begun = []
        while cells:
            fits = [name for name in order if free[name] >= len(cells)]
            name = fits[-1] if fits else order.pop(0)  # the tightest that takes all, or the roomiest
            part, cells = self._part(cells, free[name])
            if part:
                begun.append(self._give(name, hosts[name], part))
            elif not order:  # patches of different sizes need not fit where as many cells do
                self._homeless.append(cells)
                break
        return begun

    def _part(self, cells: list[int], room: int) -> tuple[list[int], list[int]]:
        """As many of these, from the first on, as there is room for, and the rest."""
        if self._patches is None:
            return cells[:room], cells[room:]
        numbers = np.asarray(cells, np.int64)
        of = self._patches.patch_of(numbers)
        patches, sizes = np.unique(of, return_counts=True)
        mine = np.isin(of, patches[np.cumsum(sizes) <= room])
        return numbers[mine].tolist(), numbers[~mine].tolist()

    def _free(self, name: str, seen: Seen) -> int:
        if seen.silent:
            return 0
        free = seen.capacity - sum(len(self.tenures[epoch].cells) for epoch in self.of(name))
        size = 1 if self._patches is None else self._patches.rows * self._patches.columns
        return free // size * size

    def _give(self, name: str, seen: Seen, cells: list[int]) -> Tenure:
        tenure = Tenure(self._next_epoch(), name, seen.instance, cells)
        self.tenures[tenure.epoch] = tenure
        return tenure

    def _store(self) -> None:
        self._keep(list(self.tenures.values()))
