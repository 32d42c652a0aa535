"""Time in T: the number of mean wake intervals since the seed was planted, pauses left out. Reads no clock itself."""

from __future__ import annotations

from dataclasses import dataclass

NEVER = -1


@dataclass(slots=True)
class Clock:
    """All times in nanoseconds of the substrate's clock."""

    interval_ns: int
    zero_ns: int = NEVER  # t = 0, NEVER before the seed
    paused_ns: int = 0  # pauses that are over
    paused_since_ns: int = NEVER

    @property
    def started(self) -> bool:
        return self.zero_ns != NEVER

    @property
    def paused(self) -> bool:
        return self.paused_since_ns != NEVER

    def begin(self, now_ns: int) -> None:
        """t = 0 is now."""
        self.zero_ns, self.paused_ns = now_ns, 0
        if self.paused:
            self.paused_since_ns = self.zero_ns

    def pause(self, now_ns: int) -> None:
        if not self.paused:
            self.paused_since_ns = now_ns

    def resume(self, now_ns: int) -> None:
        if self.paused:
            self.paused_ns += now_ns - self.paused_since_ns
            self.paused_since_ns = NEVER

    def t(self, now_ns: int) -> float:
        """T since the seed; 0 before it."""
        if not self.started:
            return 0.0
        until = self.paused_since_ns if self.paused else now_ns
        return (until - self.zero_ns - self.paused_ns) / self.interval_ns

    def at(self, t: float) -> int:
        """When `t` will be, in ns, if nothing pauses any more."""
        return self.zero_ns + self.paused_ns + round(t * self.interval_ns)

    def reached(self, t: float, now_ns: int) -> bool:
        """Whether it is `t` by now: compared in whole nanoseconds, since most moments in T are no whole number of them
        and would never be reached to the last digit."""
        if not self.started:
            return t <= 0
        until = self.paused_since_ns if self.paused else now_ns
        return until - self.zero_ns - self.paused_ns >= round(t * self.interval_ns)
