"""What must hold for a swarm in containers, measured: `make campaign CAMPAIGN=containers` (root).

Four hosts of one compose project, on the engine that the tests start: grown, a host lost and returned, two halves
parted, no coordinator, all hosts but one lost and returned; and a swarm of 64 containers with one cell each. Keeps the
rows in docs/results/containers.json. Smaller, with rule, grid and T: `python -m tools.containers dot 8x8 0.5`; the 64
containers alone: `python -m tools.containers cells`.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coordinator.bench.machine import machine

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "system"))

from composed import Project  # noqa: E402
from engine import Engine, cache  # noqa: E402

OUT = ROOT / "docs" / "results" / "containers.json"
HOSTS = 4
AFTER_T = 100.0
PARTED_S, AWAY_S, LOST_S = 30.0, 60.0, 20.0
GROWN, HEALED = -2.8, -2.6
Row = dict[str, Any]


class Trial:
    """One project and what is done to it; a row for each."""

    def __init__(self, project: Project, cells: int, interval_s: float) -> None:
        self.project, self.cells, self.interval_s = project, cells, interval_s
        self.rows: list[Row] = []

    def wait(self, intervals: float) -> None:
        """So many T, by the run's own clock."""
        end = self.project.measure()["intervals"] + intervals
        self.project.until(lambda found: found["intervals"] >= end, "time passes", intervals * self.interval_s * 3 + 60)

    def row(self, what: str, bound: float, **more: Any) -> None:
        found = self.project.measure()
        loss = found["loss_log10"]
        holds = loss <= bound and found["alive"] == self.cells
        self.rows.append({"what": what, "loss": loss, "bound": bound, "alive": found["alive"], "holds": holds, **more})
        print(self.rows[-1], flush=True)

    def grow(self) -> None:
        began_s = time.monotonic()
        self.project.down()
        self.project.up()
        self.project.until(lambda found: found["alive"] == self.cells, "all cells live", 600)
        up_s = time.monotonic() - began_s
        self.wait(AFTER_T)
        self.row(f"grown, {AFTER_T:g} T after the start", GROWN, seconds_until_up=round(up_s, 1))

    def lose(self, count: int) -> None:
        """SIGKILL hosts, start them again, and see what is back 100 T later."""
        hosts = self.project.containers("host")[:count]
        before = self.project.measure()["loss_log10"]
        self.project.engine.docker("kill", *hosts)
        time.sleep(LOST_S)
        gone = self.project.measure()
        self.project.engine.docker("start", *hosts)
        self.project.until(lambda found: found["alive"] == self.cells, "all cells live again", 180)
        self.wait(AFTER_T)
        what = f"{count} of {HOSTS} hosts killed for {LOST_S:g} s, {AFTER_T:g} T after their return"
        self.row(what, HEALED, loss_before=before, loss_meanwhile=gone["loss_log10"], alive_meanwhile=gone["alive"])

    def part(self) -> None:
        """Two halves that hear nothing of each other, while the coordinator hears both."""
        hosts = self.project.containers("host")
        sides = hosts[: HOSTS // 2], hosts[HOSTS // 2 :]
        cuts = [
            (host, self.project.address(other)) for one, far in (sides, sides[::-1]) for host in one for other in far
        ]
        lives = self.project.lives(self.cells)
        self._all(cuts, "-I")
        time.sleep(PARTED_S)
        meanwhile = self.project.measure()
        self._all(cuts, "-D")
        self.wait(AFTER_T)
        self.row(
            f"two halves parted for {PARTED_S:g} s, {AFTER_T:g} T later",
            HEALED,
            loss_meanwhile=meanwhile["loss_log10"],
            alive_meanwhile=meanwhile["alive"],
            lives_lost=sum(a != b for a, b in zip(lives, self.project.lives(self.cells), strict=True)),
        )

    def _all(self, cuts: list[tuple[str, str]], how: str) -> None:
        for host, other in cuts:
            self.project.iptables(host, how, "INPUT", "-s", other, "-j", "DROP")

    def abandon(self) -> None:
        """No coordinator for a minute."""
        coordinator = self.project.containers("coordinator")[0]
        lives = self.project.lives(self.cells)
        before = self.project.measure()
        self.project.engine.docker("kill", coordinator)
        time.sleep(AWAY_S)
        self.project.engine.docker("start", coordinator)
        self.project.until(lambda found: found["alive"] == self.cells, "it sees all again", 120)
        lost = sum(a != b for a, b in zip(lives, self.project.lives(self.cells), strict=True))
        self.row(f"no coordinator for {AWAY_S:g} s", HEALED, loss_before=before["loss_log10"], lives_lost=lost)


def one_cell_each(engine: Engine) -> list[Row]:
    """64 containers, and in each one cell of a `dot`."""
    variables = {"PLANARIA_RULE": "dot", "PLANARIA_GRID": "8x8", "PLANARIA_HOSTS": "64", "PLANARIA_INTERVAL": "1"}
    project = Project(engine, **variables)
    try:
        project.down()
        began_s = time.monotonic()
        project.compose("--profile", "cells", "up", "-d", "--no-build", "--scale", "host=0")
        trial = Trial(project, 64, 1.0)
        project.until(lambda found: found["alive"] == 64, "all cells live", 900)
        up_s = time.monotonic() - began_s
        trial.wait(60)
        mib = [
            _mib(line)
            for line in engine.docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}").splitlines()
            if "-cell-" in line
        ]
        trial.row(
            "64 containers of one cell, 60 T after the start",
            GROWN,
            seconds_until_up=round(up_s, 1),
            mib_a_container=round(statistics.mean(mib), 1),
        )
        return [{"rule": "dot", **row} for row in trial.rows]
    finally:
        project.down()


def _mib(line: str) -> float:
    """Of `NAME 23.4MiB / 23.54GiB`."""
    text = line.split()[1]
    units = {"KiB": 1 / 1024, "MiB": 1.0, "GiB": 1024.0}
    return float(text[:-3]) * units[text[-3:]]


def main(arguments: list[str]) -> int:
    """0 when all holds."""
    if arguments == ["cells"]:
        return int(not keep(alone(one_cell_each), "cells"))
    rule, grid, interval = [*arguments, *["lizard-24", "24x24", "0.5"][len(arguments) :]]
    height, width = map(int, grid.split("x"))
    cells = height * width
    variables = {"PLANARIA_RULE": rule, "PLANARIA_GRID": grid, "PLANARIA_HOSTS": str(HOSTS)}
    variables |= {"PLANARIA_CAPACITY": str(-(-cells // HOSTS)), "PLANARIA_INTERVAL": interval}

    def hosts(engine: Engine) -> list[Row]:
        trial = Trial(Project(engine, **variables), cells, float(interval))
        steps: list[Callable[[], None]] = [trial.grow, lambda: trial.lose(1), trial.part, trial.abandon]
        for step in [*steps, lambda: trial.lose(HOSTS - 1)]:
            step()
        trial.project.down()
        return [{"rule": rule, **row} for row in trial.rows] + one_cell_each(engine)

    return int(not keep(alone(hosts), *arguments))


def alone(what: Callable[[Engine], list[Row]]) -> list[Row]:
    """Its rows, on an engine that nobody else uses and that is gone afterwards."""
    engine = Engine(cache())
    try:
        engine.start()
        return what(engine)
    finally:
        engine.stop()


def keep(rows: list[Row], *arguments: str) -> bool:
    """Write them to where results are kept; whether all of them hold."""
    command = " ".join(("python -m tools.containers", *arguments))
    found = {"machine": machine(), "results": {"containers": rows}, "commands": {"containers": command}}
    OUT.write_text(json.dumps(found, indent=2) + "\n")
    return all(row["holds"] for row in rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
