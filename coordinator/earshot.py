"""Whether we have been listening: a silence that fell while we stood still ourselves says nothing of who was silent.

A coordinator that is stopped, starved or suspended for longer than hosts may be silent must not take all of them for
lost when it goes on (the local health of Lifeguard: Dadgar, Phillips and Currey 2018). Time is passed in. May import
nothing.
"""

from __future__ import annotations

STALL_S = 1.0  # the link listens five times a second
KEPT = 16


class Earshot:
    """The listener says `listening` each time before it hears what has come; any thread may ask for `deaf_s`."""

    def __init__(self, now_s: float) -> None:
        self._last_s = now_s
        self._gaps: tuple[tuple[float, float], ...] = ()  # when one ended, and by how much it was too long

    def listening(self, now_s: float) -> None:
        """About to hear whatever has come meanwhile."""
        if (beyond := now_s - self._last_s - STALL_S) > 0:
            self._gaps = (*self._gaps[1 - KEPT :], (now_s, beyond))
        self._last_s = now_s

    def deaf_s(self, since_s: float, now_s: float) -> float:
        """How many of the seconds since then nobody listened. A second of every gap is not among them: with a listener
        that is always slow a silent host is found late, but found."""
        gaps = (*self._gaps, (now_s, now_s - self._last_s - STALL_S))
        return sum(max(beyond, 0.0) for end_s, beyond in gaps if end_s > since_s)
