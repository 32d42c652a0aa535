"""What a swarm may run on, as one interface: real processes, or virtual time. Times here are the substrate's own clock.

Holds no state and does nothing; may import coordinator.camera's Sight and cellnode.messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cellnode.messages import LinkFault
from coordinator.camera import Sight

Cells = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a launch is; counts of cells."""

    phase: str  # forking | binding | linking | running
    wanted: int
    born: int
    bound: int
    linked: int
    note: str = ""
    look: Callable[[], Sight | None] = lambda: None  # what there is to see of the cells so far


REAL = ("processes", "patches")  # substrates on which time passes by itself, and that outlive their command

OnProgress = Callable[[Progress], None]


NO_NETWORK = (
    "faults of hosts need a network of their own, which this run has not: start it with --hosts N --netns (root, Linux)"
)


class HostNetwork(Protocol):
    """What faults of hosts may lay hands on. Hosts have names; by a `fault`'s number what was done is undone."""

    names: list[str]
    coordinator: str  # its name among the ends of the network

    def carried(self, names: Iterable[str]) -> Cells:
        """The cells that these hosts carry."""

    def expect(self, names: Iterable[str]) -> None:
        """Somebody wants what befalls them: their silence is no trouble."""

    def power(self, names: Iterable[str], on: bool, fault: int) -> list[str]:
        """Off until no fault keeps them so; returns those that had processes and have none left."""

    def drop(self, fault: int, pairs: Iterable[tuple[str, str]], rate: float = 1.0) -> None:
        """Frames from the first to the second of each pair are lost, with this probability."""

    def pass_again(self, fault: int) -> None: ...

    def dropped(self, fault: int) -> int:
        """Frames lost so far."""

    def slow(self, name: str, delay_s: float) -> None:
        """Frames from and to this host are so much later; 0: as it was."""

    def delayed(self, name: str) -> int:
        """Frames that were."""


class Substrate(Protocol):
    """Every method that changes cells returns those that did not acknowledge (none on `virtual`)."""

    name: str
    hosts: int

    def launch(self, on_progress: OnProgress) -> None:
        """Bring all cells up, empty. Raises RunFailed when that cannot be done."""

    def look(self, *, ages: bool = False) -> Sight: ...

    def now_ns(self) -> int: ...

    def advance(self, until_ns: int) -> None:
        """Let time go on until then (processes: sleep; it may come back early, e.g. when the run was stopped)."""

    def power(self, cells: Cells, on: bool) -> list[int]: ...

    def freeze(self, cells: Cells, frozen: bool) -> list[int]: ...

    def stopped(self, cells: Cells) -> int:
        """How many of these cells stand still (asked of the kernel)."""

    def kill_agent(self) -> int:
        """SIGKILL whoever carries the cells; returns how many are gone. BadInput where nobody does."""

    def network(self) -> HostNetwork:
        """BadInput where hosts have none of their own."""

    def poke(self, kind: str, cells: Cells, state: bytes) -> list[int]: ...

    def fit(self, cells: Cells, port: str | None) -> list[int]:
        """Have a board at this serial port take the place of these cells; None: give them back."""

    def boards(self) -> dict[int, str]:
        """Cell -> serial port of the board in its place."""

    def set_faults(self, faults: list[LinkFault]) -> list[int]: ...

    def set_interval(self, interval_ns: int) -> list[int]: ...

    def set_paused(self, paused: bool) -> list[int]: ...

    def cpu_us_per_update(self) -> float | None:
        """Measured right after the launch (takes about one T); None where time is not real or too little was said."""

    def processes(self) -> int:
        """Distinct process ids that are one cell each with a bound endpoint of its own."""

    def gone(self, before: Sight, cells: Cells) -> int:
        """How many of these cells' processes of then no longer exist (asked of the kernel, not of the panel)."""

    def held_off(self) -> list[int]:
        """The cells that are wanted off, whoever else may be dead for the moment."""

    def lost(self) -> bool:
        """Whether all cells died because what carries them was lost."""

    def recover(self, on_progress: OnProgress) -> None:
        """After `lost`: bring all wanted cells up again, empty, with a new placement epoch."""

    def troubles(self) -> list[str]:
        """What went wrong by itself since last asked (a zygote lost, cells not up), one line each."""

    def keep_log(self, folder: Path) -> None:
        """Copy what the substrate wrote about itself into the run folder."""

    def stop(self) -> None:
        """End everything and leave nothing behind."""

    def leave(self) -> None:
        """Let go, and let the cells go on."""
