"""What must hold over four hosts in a network of their own: growth, the coordinator lost, a host lost and back, a
partition of two halves, all hosts but one lost. Root, for `--netns`.

The coordinator is a process of its own, which is killed; from then on this benchmark coordinates. May import the API.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellnode.panel import Counter
from coordinator import Swarm
from coordinator.bench.apart import coordinator_of
from coordinator.bench.outage import missed
from coordinator.bench.registry import Options, Row
from coordinator.lab.tools import check
from coordinator.runfolder import RunFolder
from firmware_sim.errors import BadInput

HOSTS = 4
GROWN, BACK = (-2.8, 1.4), (-2.6, 1.2)  # of a lizard of 40 pixels, and in loss below an empty grid's of any picture
WITHIN_T, REGROWN_T = 100.0, 300.0  # all but one lost has no limit but patience
STAYS_T = 10.0  # so much later it is looked at again
DARK_T = 10.0  # a lost host is off for so long
RETURN_S = 60.0


def measure(options: Options) -> Iterator[Row]:
    """One row for each thing that must hold; `--window` seconds without a coordinator, half of it for the partition."""
    check()
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "run"
        with coordinator_of(options, folder, "--hosts", str(HOSTS), "--netns") as coordinator:
            with Swarm.attach(str(folder)) as guest:
                grown, back = (_wanted(guest, *each) for each in (GROWN, BACK))
                yield {"what": "growth", "hosts": HOSTS, "grid": options.grid, **_grown(guest, grown)}
                before = _counts(guest, options.window_s)
            os.kill(coordinator.pid, signal.SIGKILL)
            coordinator.wait()
            time.sleep(options.window_s)
            with Swarm.attach(str(folder)) as swarm:
                yield {"what": "coordinator lost", "for_s": options.window_s, **_unharmed(swarm, back, *before)}
                names = sorted({tenure.host for tenure in RunFolder.open(folder).state().tenures})
                home_of_seed = next(name for name in names if _middle(options.grid) in _cells(swarm, name))
                away = [name for name in names if name != home_of_seed]
                yield {"what": "one host of four lost", **_lost(swarm, away[:1], back, WITHIN_T)}
                yield {"what": "partition of two halves", **_parted(swarm, names[:2], back, options.window_s / 2)}
                yield {"what": "all hosts but one lost", **_lost(swarm, away, back, REGROWN_T)}
                swarm.stop()


def _middle(grid: tuple[int, int]) -> int:
    return grid[0] // 2 * grid[1] + grid[1] // 2


def _cells(swarm: Swarm, host: str) -> NDArray[np.int64]:
    tenures = RunFolder.open(swarm.folder).state().tenures
    return np.asarray([cell for tenure in tenures if tenure.host == host for cell in tenure.cells], np.int64)


def _until(what: Callable[[], bool], limit_s: float, begun: float | None = None) -> float | None:
    """Seconds from `begun` (now) until it was so; None: it was not."""
    begun = time.monotonic() if begun is None else begun
    while not what():
        if time.monotonic() - begun > limit_s:
            return None
        time.sleep(0.1)
    return time.monotonic() - begun


def _reached(swarm: Swarm, wanted: float, within_t: float) -> Row:
    """When the loss is there, and what it is a little later."""
    begun, loss = swarm.t, swarm.loss()
    while (loss is None or loss > wanted) and swarm.t - begun < within_t:
        swarm.wait(1)
        loss = swarm.loss()
    after_t = round(swarm.t - begun, 1)
    swarm.wait(STAYS_T)
    there = loss is not None and loss <= wanted
    return {"held": there, "wanted": wanted, "after_T": after_t if there else None, "loss_later": swarm.loss()}


def _wanted(swarm: Swarm, loss: float, gain: float) -> float:
    """What both demand."""
    measured = swarm.measure()
    if measured.loss_log10 is None or measured.gain_log10 is None:
        raise BadInput(f"bench hosts: {measured.rule} has no picture by which it could be judged: take another --rule")
    return round(min(loss, measured.loss_log10 + measured.gain_log10 - gain), 2)


def _grown(swarm: Swarm, wanted: float) -> Row:
    row = _reached(swarm, wanted, WITHIN_T)
    row["after_T"] = None if row["after_T"] is None else round(swarm.t - STAYS_T, 1)  # since the seed
    swarm.wait(STAYS_T)
    return row


def _counts(swarm: Swarm, window_s: float) -> tuple[NDArray[np.uint64], int, int]:
    """(lives, missed wakes in a window, missed wakes in all)."""
    start = missed(swarm)
    time.sleep(window_s)
    total = missed(swarm)
    return swarm.look().lives.copy(), total - start, total


def _unharmed(swarm: Swarm, wanted: float, lives: NDArray[np.uint64], missed_before: int, total: int) -> Row:
    all_seen_s = _until(lambda: swarm.look().alive == lives.size, RETURN_S)
    loss, reborn = swarm.loss(), int((swarm.look().lives != lives).sum())
    return {
        "held": all_seen_s is not None and not reborn and loss is not None and loss <= wanted,
        "cells_reborn": reborn,
        "missed_wakes_before": missed_before,
        "missed_wakes_meanwhile": missed(swarm) - total,
        "loss": loss,
    }


def _lost(swarm: Swarm, hosts: list[str], wanted: float, within_t: float) -> Row:
    """Their power goes, and comes back; from then on it is counted."""
    everyone = swarm.look().alive
    before = swarm.loss()
    begun = time.monotonic()
    fault = swarm.inject("host_off", hosts=",".join(hosts))
    silent_s = _until(lambda: swarm.look().alive == everyone - len(fault.cells), RETURN_S, begun)
    swarm.wait(DARK_T)
    worst = swarm.loss()
    begun = time.monotonic()
    swarm.heal(fault.fault)
    back_s = _until(lambda: swarm.look().alive == everyone, RETURN_S, begun)
    return {
        "hosts_lost": hosts,
        "cells_lost": len(fault.cells),
        "noticed_after_s": silent_s and round(silent_s, 1),
        "all_back_after_s": back_s and round(back_s, 1),
        "loss_before": before,
        "loss_without_them": worst,
        **_reached(swarm, wanted, within_t),
    }


def _parted(swarm: Swarm, half: list[str], wanted: float, for_s: float) -> Row:
    """Two hosts are cut off from the others and from the coordinator."""
    cells = [np.concatenate([_cells(swarm, name) for name in half])]
    cells.append(np.setdiff1d(np.arange(swarm.look().on.size), cells[0]))
    everyone, before = swarm.look().alive, swarm.look()
    fault = swarm.inject("host_cut", hosts=",".join(half))
    time.sleep(for_s)
    begun = time.monotonic()
    dropped = swarm.heal(fault.fault).proof[f"fault_{fault.fault}_hits"]
    seen_s = _until(lambda: swarm.look().alive == everyone, RETURN_S, begun)
    now = swarm.look()
    updates = (now.counters[:, Counter.UPDATES] - before.counters[:, Counter.UPDATES]).astype(np.int64)
    row = _reached(swarm, wanted, WITHIN_T)
    reborn = int((now.lives != before.lives).sum())
    return {
        "for_s": for_s,
        "frames_dropped": dropped,
        "all_seen_after_s": seen_s and round(seen_s, 1),
        "updates_of_each_half": [int(updates[side].sum()) for side in cells],
        "cells_reborn": reborn,
        **row,
        "held": row["held"] and not reborn and all(updates[side].sum() > 0 for side in cells),
    }
