"""Carrying an experiment out: which replicate runs next, on how many cores, when a point has had enough.

Replicates of a point go in rounds of a fixed size, whatever the number of cores, so that stopping early depends on the
rows alone and the same file gives the same rows on every machine. May import the rest of this package.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from cellnode.draws import Purpose, draw64
from cellnode.workers import Pool, cores, spread
from coordinator import opening
from coordinator.experiment import replicate, verdict
from coordinator.experiment.replicate import Job, Row
from coordinator.experiment.rows import Folder
from coordinator.experiment.shrink import Shrunk, shrink
from coordinator.experiment.spec import Experiment, Point
from coordinator.experiment.threshold import BATCH, Threshold, search
from coordinator.experiment.verdict import Judged
from coordinator.scenario import Step
from coordinator.substrate import REAL
from firmware_sim.errors import BadInput

ROUND = 10
LIVING = "living"  # run folders of real processes, while they live
OnRow = Callable[[Row], None]


class Runner:
    """Runs jobs, several at a time on `virtual`, one at a time on real processes, and keeps every row; used in a `with`
    if there are workers. `workers`: 1 means this process itself; None, one for each core. A worker that is killed takes
    its replicate with it and nothing else. Real processes outlive a runner that was killed: what one has left behind is
    ended before its replicate is run again."""

    def __init__(self, folder: Folder, seed: int, workers: int | None, on_row: OnRow) -> None:
        self._folder, self._seed, self._on_row = folder, seed, on_row
        self._pool = None if workers == 1 else Pool(_worker, workers or cores(), _lost)
        self._rows = {(row["point"], row["replicate"]): row for row in folder.rows()}
        self.computed = 0

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.close()

    @property
    def rows(self) -> list[Row]:
        return [self._rows[key] for key in sorted(self._rows)]

    def rows_of(self, point: Point) -> list[Row]:
        return [row for row in self.rows if row["point"] == point.number]

    def run(self, point: Point, numbers: Iterable[int]) -> list[Row]:
        """These replicates of a point, those kept from before included."""
        numbers = list(numbers)
        todo = [number for number in numbers if (point.number, number) not in self._rows]
        jobs = [self.job(point, number) for number in todo]
        for real in (True, False):  # one swarm of processes fills a machine
            some = [job for job in jobs if (job.point.substrate(job.replicate) in REAL) is real]
            if real or self._pool is None:
                spread(_worker, some, 1, self._keep)
            else:
                self._pool.run(some, self._keep)
        with suppress(OSError):  # nobody lives there any more
            (self._folder.path / LIVING).rmdir()
        return [self._rows[(point.number, number)] for number in numbers]

    def job(self, point: Point, number: int, steps: tuple[Step, ...] | None = None) -> Job:
        """The seed depends on the replicate alone: points are compared on the same draws."""
        keep = self._folder.path / "films" / f"point{point.number}" if number == 0 and steps is None else None
        home = self._folder.path / LIVING / f"point{point.number}-{number}"
        for path in (home, keep):
            if path is not None and path.exists():
                _end(path)
        return Job(point, number, draw64(self._seed, number, Purpose.FAULT, 0) >> 2, keep, home, steps)

    def _keep(self, _place: int, row: Row) -> None:
        self._rows[(row["point"], row["replicate"])] = row
        self._folder.append(row)
        self.computed += 1
        self._on_row(row)


def _end(path: Path) -> None:
    """What is left of a replicate in which everything was killed, its cells included if they are processes."""
    with suppress(BadInput):  # it was over, or never began
        opening.stop_run(str(path), lambda _line: None)
    shutil.rmtree(path)


def _worker() -> Callable[[Job], Row]:
    return replicate.run


def _lost(job: Job, how: str) -> Row:
    """Its film is none: it breaks off anywhere."""
    for path in (job.home, job.keep):
        if path is not None and path.exists():
            _end(path)
    return replicate.lost(job, how)


def sweep(experiment: Experiment, runner: Runner, replicates: int) -> list[Judged]:
    """Every point, `replicates` times or until its interval is narrow enough."""
    stop = experiment.document.stop
    judged = []
    for point in experiment.points():
        rows: list[Row] = []
        for begin in range(0, replicates, ROUND):
            rows += runner.run(point, range(begin, min(begin + ROUND, replicates)))
            if stop is not None and verdict.narrow(verdict.judge(point, rows), stop.width):
                break
        judged.append(verdict.judge(point, rows))
    return judged


def find_threshold(experiment: Experiment, runner: Runner, confidence: float) -> tuple[Threshold, list[Judged]]:
    """Where the share that recovers crosses the one asked for."""
    wanted = experiment.document.search
    assert wanted is not None
    points: list[Point] = []

    def ask(value: float, count: int) -> int:
        point = experiment.point({wanted.variable: round(value, 6)}, len(points))
        points.append(point)
        rows = runner.run(point, range(count))
        if all("error" in row for row in rows):
            raise BadInput(f"{wanted.variable} = {value:g}: no replicate could be run ({rows[0]['error']})")
        return sum(bool(row.get("recovered")) for row in rows)

    found = search(
        ask,
        wanted.low,
        wanted.high,
        share=wanted.share,
        precision=wanted.precision,
        most=wanted.most,
        confidence=confidence,
        batch=BATCH,
    )
    return found, [verdict.judge(point, runner.rows_of(point)) for point in points]


def shrink_schedule(point: Point, runner: Runner, most: int, on_run: Callable[[int, int], None]) -> Shrunk:
    """The fewest steps of a point after which its first replicate, seed unchanged, still does not recover."""
    asked = 0

    def fails(kept: list[Step]) -> bool:
        nonlocal asked
        row = replicate.run(runner.job(point, 0, tuple(kept)))
        asked += 1
        on_run(asked, len(kept))
        if "error" in row:
            raise BadInput(f"a part of the schedule cannot be run: {row['error']}")
        return not row["recovered"]

    return shrink(list(point.steps), fails, most)


def kept_films(folder: Path) -> list[Path]:
    """Run folders of the first replicate of each point."""
    return sorted((folder / "films").glob("point*"), key=lambda path: int(path.name.removeprefix("point")))
