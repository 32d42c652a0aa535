"""A synthetic panel: pages written as cells would write them, so that camera and meter can be held to known numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cellnode import panel
from cellnode.panel import RING, Counter, Phase


class FakePanel:
    """A panel file of `height` x `width` cells, all off."""

    def __init__(self, path: Path, height: int, width: int, values: int = 64, epoch: int = 1) -> None:
        self.path, self.cells, self.values = path, height * width, values
        panel.create(path, self.cells, epoch, values)
        self.mapping, self.header, self.pages = panel.map_all(path, writable=True)

    def start(self, cell: int, pid: int, life: int = 1, phase: Phase = Phase.LINKED) -> None:
        page = self.pages[cell : cell + 1]
        page["cell"], page["pid"], page["epoch"], page["life"], page["phase"] = cell, pid, 1, life, phase

    def say(
        self,
        cell: int,
        sequence: int,
        state: Any,
        said_at: int = 0,
        used_at: int = 0,
        used: dict[int, int] | None = None,
    ) -> None:
        """The cell writes its idle copy, turns it over, and notes when it spoke; `used`: slot -> sequence (life 1)."""
        page = self.pages[cell : cell + 1]
        idle = 1 - (int(page["flip"][0]) & 1)
        copy = np.zeros((), panel.COPY_DTYPE)
        copy["begin"] = copy["end"] = copy["sequence"] = sequence
        copy["said_at_ns"], copy["used_at_ns"] = said_at, used_at
        for slot, number in (used or {}).items():
            copy["used_sequence"][slot], copy["used_epoch"][slot], copy["used_life"][slot] = number, 1, 1
        data = np.asarray(state).tobytes()
        copy["state"] = np.void(data + bytes(64 - len(data)))
        page["copies"][0, idle] = copy
        page["flip"] = idle
        page["say_times"][0, sequence % RING] = said_at

    def count(self, cell: int, **counters: int) -> None:
        for name, value in counters.items():
            self.pages["counters"][cell, Counter[name.upper()]] = value

    def reap(self, cell: int) -> None:
        self.pages[cell : cell + 1] = np.zeros(1, panel.SLOT_DTYPE)
