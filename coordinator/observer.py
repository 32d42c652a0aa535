"""The observer: turns looks into the run's numbers, losses, film and verdict, and writes them down as they come.

It changes nothing in a swarm. Time is passed in, in T. May import the coordinator's meter, picture, film and run
folder.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from coordinator.camera import Sight
from coordinator.film import Film
from coordinator.frames import Frame
from coordinator.history import History
from coordinator.liveness import WITHIN_T, Liveness, Promised
from coordinator.meter import Meter, Rates
from coordinator.picture import GROWN_GAIN, HEALED_GAIN, Losses, Picture
from coordinator.runfolder import RunFolder
from coordinator.safety import Safety
from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA


class Seen(Protocol):
    """What of a look a picture needs: a Sight, or less."""

    @property
    def on(self) -> NDArray[np.bool_]:
        """[cells]: has power."""

    @property
    def states(self) -> NDArray[np.float32]:
        """[H, W, C]"""


class Observer:
    """`folder` None: look and measure only (a guest beside the coordinator that writes). `harm` says in words what is
    being done to the swarm; the picture must be back `within` T after the last of it."""

    def __init__(
        self,
        look: Callable[[], Sight],
        height: int,
        width: int,
        picture: Picture | None,
        folder: RunFolder | None,
        *,
        family: str = "float",
        within: float = WITHIN_T,
        harm: Callable[[Sight], tuple[str, ...]] | None = None,
    ) -> None:
        self._look, self._shape = look, (height, width)
        self._picture, self._folder = picture, folder
        self._meter = Meter(height * width)
        self._film = Film(folder.frames) if folder is not None else None
        self._history = History(folder.maps, height * width) if folder is not None else None
        self.safety = Safety(height * width, family)
        self._liveness, self._within, self._harm = Liveness(within), within, harm
        self._next_loss_t = self._next_look_t = 0.0
        self._disturbed_t: float | None = None
        self._unasked = False
        self._eyes = threading.RLock()

    def zero(self) -> None:
        """Begin counting now: the seed was planted."""
        with self._eyes:
            self._meter.zero(self._look())

    def resume(self, zero_ns: int) -> None:
        """Go on counting a swarm whose seed was planted at `zero_ns`, of the same clock as its looks."""
        with self._eyes:
            self._meter.resume(self._look(), zero_ns)

    def see(self, t: float, *, keep: bool = False) -> Sight:
        """Look once, count, and write what is due. `keep`: this moment belongs on the film whatever its rhythm."""
        with self._eyes:
            sight = self._look()
            self._meter.take(sight)
            self.safety.take(sight, t)
            if keep or t >= self._next_look_t:
                self._next_look_t = np.floor(t) + 1
                self._judge(sight, t)
            if self._film is not None and (keep or self._film.wants(t)):
                self._film.take(self.frame(sight, t), keep=keep)
            if self._history is not None and (keep or self._history.wants(t)):
                self._history.take(sight, self._meter.totals(), t, keep=keep)
            if self._folder is not None and (keep or t >= self._next_loss_t):
                self._next_loss_t = np.floor(t) + 1
                self._write_loss(self._folder, sight, t)
            return sight

    def frame(self, sight: Sight, t: float) -> Frame:
        return Frame(t, sight.states, sight.on.reshape(self._shape))

    def losses(self, sight: Seen) -> Losses | None:
        """Against the target, dead squares counting as empty; None without a target."""
        return None if self._picture is None else self._picture.losses(_lit(sight))

    def losses_of_others(self, sight: Seen) -> Losses | None:
        """The same, the dead cells' squares left out."""
        return None if self._picture is None else self._picture.losses(_lit(sight), ~sight.on.reshape(self._shape))

    def errors(self, sight: Seen) -> NDArray[np.float64] | None:
        """The squared error of each cell [H, W], dead squares counting as empty; None without a target."""
        return None if self._picture is None else self._picture.errors(_lit(sight))

    def totals(self) -> NDArray[np.uint64]:
        """Fresh counters [cells, 32], summed over lives."""
        with self._eyes:
            self._meter.take(self._look())
            return self._meter.totals()

    def rates(self) -> Rates:
        with self._eyes:
            return self._meter.rates()

    def disturbed(self, t: float) -> None:
        """Somebody broke something: from here on, healing is judged."""
        self._disturbed_t = t
        self._liveness.struck(t)

    def disturbed_unasked(self, t: float) -> None:
        """Something broke that nobody asked for: the run can prove nothing any more."""
        self.disturbed(t)
        self._unasked = True

    def verdict(self, sight: Sight, t: float) -> str | None:
        """pass | fail | unknown, or None: no target, or too early to say."""
        losses = self.losses_of_others(sight)
        if losses is None:
            return None
        if self._unasked:
            return "unknown"
        if losses.gain_log10 >= (GROWN_GAIN if self._disturbed_t is None else HEALED_GAIN):
            return "pass"
        return "fail" if t - (self._disturbed_t or 0.0) >= self._within else None

    def liveness(self) -> Promised | None:
        """Whether the picture came back in time; None without a target, or for one who does not know what is done."""
        return None if self._picture is None or self._harm is None else self._liveness.promised()

    def _judge(self, sight: Sight, t: float) -> None:
        self.safety.add_up(self._meter.totals(), t)
        if self._picture is not None and self._harm is not None:
            dead = ~sight.on.reshape(self._shape)
            self._liveness.take(t, self._picture.gain_log10(_lit(sight), dead), self._harm(sight))

    def _write_loss(self, folder: RunFolder, sight: Sight, t: float) -> None:
        losses = self.losses(sight)
        folder.loss_row(
            t=round(t, 3),
            loss_log10=None if losses is None else round(losses.loss_log10, 4),
            loss_log10_shift1=None if losses is None else round(losses.loss_log10_shift1, 4),
            gain_log10=None if losses is None else round(losses.gain_log10, 4),
            alive=sight.alive,
            living=living(sight),
        )


def living(sight: Seen) -> int:
    """Cells whose alpha is above the threshold."""
    return int((_lit(sight)[..., ALPHA] > ALIVE_THRESHOLD).sum())


def _lit(sight: Seen) -> NDArray[np.float32]:
    if sight.on.all():
        return sight.states
    on = sight.on.reshape(sight.states.shape[:2])
    return np.where(on[..., None], sight.states, np.float32(0))
