"""The numbers of a run, with the names of `planaria run --json`, put together from what observer and substrate know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from cellnode.panel import Counter
from coordinator.camera import Sight
from coordinator.chips import BOARD
from coordinator.observer import Observer, living
from coordinator.runfolder import RunInfo


class Carrier(Protocol):
    """What carries the swarm: a substrate, or a guest that looks at one."""

    hosts: int

    def processes(self) -> int: ...

    def boards(self) -> dict[int, str]:
        """Cell -> serial port of the board in its place."""


@dataclass(frozen=True, slots=True)
class Measure:
    """Since the seed was planted. None where there is nothing to measure (no target, no real time)."""

    rule: str
    grid: str  # HxW
    substrate: str
    engine: str
    chips: dict[str, dict[str, Any]]  # kind of chip -> its `cells` and the `updates` that were computed there (by a
    # board at a serial port: since it was last plugged in)
    seed: int  # of all random draws
    processes: int  # distinct pids with a bound endpoint of their own
    hosts: int
    intervals: float  # T since the seed
    updates: int
    updates_per_s: float
    cpu_us_per_update: float | None
    heard_per_update: float | None
    heard_share: float | None  # of half the living neighbours; healthy within 10 % of 1
    stale_age_p99: float | None  # in T; healthy up to 0.2
    missed_wakes: int
    alive: int  # cells with a process (or power)
    living: int  # cells whose alpha is above the threshold
    loss_log10: float | None
    loss_log10_shift1: float | None
    loss_others_log10: float | None  # without the squares of dead cells
    gain_log10: float | None
    verdict: str | None  # pass | fail | unknown; None: nothing to judge, or too early
    interval_s: float
    torus: bool
    angle: float
    run: str
    out: str
    safety: tuple[dict[str, Any], ...] = ()  # what must hold: name, says, holds, checks, broken (coordinator/safety.py)
    liveness: dict[str, Any] | None = None  # what must come back, and when it did (coordinator/liveness.py)
    broken: tuple[str, ...] = ()  # all lines of `safety` that tell of something broken

    def to_dict(self) -> dict[str, Any]:
        """As it is printed by --json."""
        return asdict(self)

    @property
    def line(self) -> str:
        """One line for a person."""
        parts = [f"t {self.intervals:.0f} T", f"{self.alive} alive", f"{self.living} living"]
        if self.loss_log10 is not None:
            parts.append(f"loss {self.loss_log10:.2f} (best shift {self.loss_log10_shift1:.2f})")
        parts.append(f"{self.updates_per_s:.0f} updates/s")
        if self.cpu_us_per_update is not None:
            parts.append(f"{self.cpu_us_per_update:.0f} us each")
        if self.stale_age_p99 is not None:
            parts.append(f"stale p99 {self.stale_age_p99:.2f} T")
        if self.heard_share is not None:
            parts.append(f"heard {self.heard_share:.0%}")
        parts += [f"{len(found['cells'])} on {kind}" for kind, found in self.chips.items()]
        if self.missed_wakes:
            parts.append(f"{self.missed_wakes} missed wakes")
        return ", ".join(parts)


def _chips(info: RunInfo, observer: Observer, sight: Sight, boards: Mapping[int, str]) -> dict[str, dict[str, Any]]:
    cells = {kind: [cell for cell in members if cell not in boards] for kind, members in info.chips.items()}
    if not cells and not boards:
        return {}
    updates = observer.totals()[:, Counter.UPDATES]
    found = {kind: {"cells": members, "updates": int(updates[members].sum())} for kind, members in cells.items()}
    if boards:
        members = sorted(boards)  # before it the cell was a process: that life's updates are none of the board's
        found[BOARD] = {"cells": members, "updates": int(sight.counters[members, Counter.UPDATES].sum())}
    return found


def measure(
    info: RunInfo,
    observer: Observer,
    sight: Sight,
    t: float,
    carrier: Carrier,
    interval_s: float,
    out: str,
    *,
    unproven: bool = False,
) -> Measure:
    """All numbers as of `sight`, seen at `t` T; `unproven`: some fault has hit nothing, so nothing is shown by it.

    With a broken promise of safety no run is good; nor with a picture that came back too late."""
    verdict, liveness = observer.verdict(sight, t), observer.liveness()
    if verdict == "pass" and liveness is not None and liveness.verdict == "fail":
        verdict = "fail"
    if unproven and verdict is not None:
        verdict = "unknown"
    promises, broken = observer.safety.promises(), observer.safety.broken()
    rates, losses, others = observer.rates(), observer.losses(sight), observer.losses_of_others(sight)
    return Measure(
        rule=info.rule,
        grid=f"{info.height}x{info.width}",
        substrate=info.substrate,
        engine=info.engine,
        chips=_chips(info, observer, sight, carrier.boards()),
        seed=info.rng_seed,
        processes=carrier.processes(),
        hosts=carrier.hosts,
        intervals=round(t, 3),
        updates=rates.updates,
        updates_per_s=rates.updates_per_s,
        cpu_us_per_update=rates.cpu_us_per_update,
        heard_per_update=rates.heard_per_update,
        heard_share=rates.heard_share,
        stale_age_p99=rates.stale_age_p99,
        missed_wakes=rates.missed_wakes,
        alive=sight.alive,
        living=living(sight),
        loss_log10=None if losses is None else round(losses.loss_log10, 4),
        loss_log10_shift1=None if losses is None else round(losses.loss_log10_shift1, 4),
        loss_others_log10=None if others is None else round(others.loss_log10, 4),
        gain_log10=None if losses is None else round(losses.gain_log10, 4),
        verdict="fail" if broken else verdict,
        interval_s=interval_s,
        torus=info.torus,
        angle=info.degrees,
        run=info.run,
        out=out,
        safety=tuple(promise.to_dict() for promise in promises),
        liveness=None if liveness is None else liveness.to_dict(),
        broken=tuple(broken),
    )
