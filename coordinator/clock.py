"""Time in T: the number of mean wake intervals since the seed was planted, pauses left out. Reads no clock itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Clock:
    """All times in nanoseconds of the substrate's clock; `zero_ns` 0 means that nothing was planted yet."""

    interval_ns: int
    zero_ns: int = 0
    paused_ns: int = 0  # pauses that are over
    paused_since_ns: int = 0  # 0: running

    @property
    def started(self) -> bool:
        return self.zero_ns > 0

    @property
    def paused(self) -> bool:
        return self.paused_since_ns > 0

    def begin(self, now_ns: int) -> None:
        """t = 0 is now."""
        self.zero_ns, self.paused_ns = max(now_ns, 1), 0
        if self.paused:
            self.paused_since_ns = self.zero_ns

    def pause(self, now_ns: int) -> None:
        if not self.paused:
            self.paused_since_ns = max(now_ns, 1)

    def resume(self, now_ns: int) -> None:
        if self.paused:
            self.paused_ns += now_ns - self.paused_since_ns
            self.paused_since_ns = 0

    def t(self, now_ns: int) -> float:
        """T since the seed; 0 before it."""
        if not self.started:
            return 0.0
        until = self.paused_since_ns if self.paused else now_ns
        return (until - self.zero_ns - self.paused_ns) / self.interval_ns

    def at(self, t: float) -> int:
        """When `t` will be, in ns, if nothing pauses any more."""
        return self.zero_ns + self.paused_ns + round(t * self.interval_ns)
