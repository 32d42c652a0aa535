"""What keys between hosts cost: two hosts of this machine with CURVE and without, one after the other.

A cell with neighbours on the other host carries the doorkeeper, its keys and one more socket; one within its block
nothing. May import the coordinator and cellnode.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cellnode.topology import neighbours
from coordinator.bench.machine import pss_mib
from coordinator.bench.registry import Options, Row
from coordinator.bench.yard import yard
from coordinator.runfolder import RunFolder

GROWN_T = 30


def measure(options: Options) -> Iterator[Row]:
    """A row without keys and one with. `launch_s`: hosts and coordinator start at once, until the seed is planted."""
    height, width = options.grid
    table = neighbours(height, width, False)
    for keyed in (False, True):
        with yard(options.rule, options.grid, options.interval_s, options.say, keyed=keyed) as ground:
            swarm = ground.swarm
            swarm.wait(GROWN_T)
            pids, where = swarm.look().pids, np.zeros(height * width + 1, np.int64)
            for tenure in RunFolder.open(swarm.folder).state().tenures:
                where[tenure.cells] = tenure.epoch
            around = np.where(table >= 0, where[table], where[:-1, None])
            border = (around != where[:-1, None]).any(axis=1)
            at_border, within = pss_mib(pids[border].tolist()), pss_mib(pids[~border][::4].tolist())
            measured = swarm.measure()
            yield {
                "keys": keyed,
                "processes": measured.processes,
                "with_a_door": int(border.sum()),
                "launch_s": round(ground.launched_s, 1),
                "pss_mib_with_a_door": round(float(np.mean(at_border)), 2),
                "pss_mib_within": round(float(np.mean(within)), 2),
                "cpu_us_per_update": measured.cpu_us_per_update and round(measured.cpu_us_per_update),
                "loss_log10": measured.loss_log10,
            }
