"""The verbs of a swarm: each a short name for one action of the vocabulary. Selectors as in coordinator/selector.py.

Carries nothing out; whoever inherits it performs. May import coordinator.actions and faults.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from coordinator import faults
from coordinator.actions import (
    Action,
    Bridge,
    Erase,
    Freeze,
    Heal,
    Inject,
    Kill,
    Outcome,
    Pause,
    Plant,
    Resume,
    Revive,
    Thaw,
    Unbridge,
)


class Verbs(ABC):
    """Breaking and mending."""

    @abstractmethod
    def perform(self, action: Action) -> Outcome:
        """Carry out one action."""

    @property
    @abstractmethod
    def centre(self) -> str:
        """The selector of the cell on which a picture starts."""

    def kill(self, select: str, *, seed: int | None = None) -> Outcome:
        """SIGKILL these cells; they stay dead."""
        return self.perform(Kill(select=select, seed=seed))

    def revive(self, select: str = "dead", *, seed: int | None = None) -> Outcome:
        """Start these cells again, empty."""
        return self.perform(Revive(select=select, seed=seed))

    def erase(self, select: str, *, seed: int | None = None) -> Outcome:
        """These cells lose their memory, their processes live on."""
        return self.perform(Erase(select=select, seed=seed))

    def plant(self, select: str | None = None, *, seed: int | None = None) -> Outcome:
        """Put a seed cell there (default: the centre)."""
        return self.perform(Plant(select=select or self.centre, seed=seed))

    def freeze(self, select: str, *, seed: int | None = None) -> Outcome:
        """SIGSTOP these cells."""
        return self.perform(Freeze(select=select, seed=seed))

    def thaw(self, select: str = "all", *, seed: int | None = None) -> Outcome:
        """SIGCONT these cells."""
        return self.perform(Thaw(select=select, seed=seed))

    def bridge(self, port: str, select: str) -> Outcome:
        """A board at this serial port takes the place of one cell."""
        return self.perform(Bridge(select=select, port=port))

    def unbridge(self, select: str = "all") -> Outcome:
        """Give cells back that boards had taken."""
        return self.perform(Unbridge(select=select))

    def inject(
        self,
        fault: str,
        select: str = "",
        *,
        duration: float | None = None,
        seed: int | None = None,
        **parameters: float | str,
    ) -> Outcome:
        """Begin a fault of the catalogue (docs/faults.md), or plan it; it ends itself after `duration` T. Faults of
        hosts need no selector.

        The rest are the kind's own parameters, `keep` and the words of a schedule: `every=20, times=5`.
        """
        own, planned = faults.sort_words(fault, parameters)
        if not select and fault in faults.KINDS and faults.KINDS[fault].host:
            select = "all"
        action = Inject(fault=fault, select=select, duration=duration, seed=seed, parameters=own, **planned)
        return self.perform(action)

    def heal(self, fault: int | None = None) -> Outcome:
        """End one fault, or all."""
        return self.perform(Heal(id=fault))

    def pause(self) -> Outcome:
        """Stop all clocks, and so time in T."""
        return self.perform(Pause())

    def resume(self) -> Outcome:
        """Let all clocks go on."""
        return self.perform(Resume())
