"""Independent jobs spread over processes of this machine: each process takes the next job when it has done one.

For experiments of many draws, not for cells. A result depends on nothing but its job, so the number of processes
changes none. Workers end with whoever started them, however that happens: a killed parent, too, leaves nobody behind.
A worker that dies over a job (killed, out of memory) takes nothing with it but that job, for those who say what shall
stand for it. May import multiprocessing, prctl and firmware_sim.errors.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Generic, TypeVar

from cellnode.prctl import die_with_parent
from firmware_sim.errors import PlanariaError, RunFailed

Job = TypeVar("Job")
Result = TypeVar("Result")
Make = Callable[[], Callable[[Job], Result]]
Lost = Callable[[Job, str], Result]
ENDING_S = 10.0  # for a process whose connection has closed to be gone


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spread(make: Make[Job, Result], jobs: Sequence[Job], processes: int, done: Callable[[int, Result], None]) -> None:
    """Do all jobs, begun in the given order; `done(place in jobs, result)` as each ends, in this process.

    Every worker calls `make` once and what it gives for each job; both, jobs and results must be picklable. With one
    process that is this one. A PlanariaError of a job is raised here, and RunFailed if a worker dies.
    """
    if processes <= 1:
        work = make()
        for number, job in enumerate(jobs):
            done(number, work(job))
        return
    with Pool(make, processes) as pool:
        pool.run(jobs, done)


class Pool(Generic[Job, Result]):
    """Workers that stay between one call of `run` and the next, started when there is first something for them to do.

    To be closed, or used in a `with`. A job whose worker dies before it is done gets the result that `lost(job, how it
    died)` gives, and another worker takes the dead one's place; without `lost` that is a RunFailed.
    """

    def __init__(self, make: Make[Job, Result], processes: int, lost: Lost[Job, Result] | None = None) -> None:
        self._make, self._most, self._lost = make, processes, lost
        self._idle: list[_Worker] = []

    def __enter__(self) -> Pool[Job, Result]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers."""
        _end(self._idle)
        self._idle = []

    def run(self, jobs: Sequence[Job], done: Callable[[int, Result], None]) -> None:
        """As `spread`; a PlanariaError of a job is raised here."""
        waiting, busy = list(enumerate(jobs))[::-1], dict[Connection, tuple[_Worker, int, Job]]()
        try:
            while waiting or busy:
                while waiting and len(busy) < self._most:
                    number, job = waiting.pop()
                    worker = self._handed(job)
                    busy[worker.connection] = (worker, number, job)
                for ready in wait(list(busy)):
                    assert isinstance(ready, Connection)
                    worker, number, job = busy[ready]
                    result = self._result(worker, job)
                    del busy[ready]
                    done(number, result)
        except BaseException:
            _end([worker for worker, _, _ in busy.values()])  # nobody asks for their results any more
            self.close()
            raise

    def _handed(self, job: Job) -> _Worker:
        """An idle worker that was told this job; a new one where there is none, or none that lives."""
        while self._idle:
            worker = self._idle.pop()
            try:
                worker.connection.send(job)
            except OSError:  # it died between two jobs, and so over none
                _end([worker])
            else:
                return worker
        worker = _Worker(self._make)
        with suppress(OSError):  # dead already: its connection says so when its result is asked for
            worker.connection.send(job)
        return worker

    def _result(self, worker: _Worker, job: Job) -> Result:
        try:
            found = worker.connection.recv()
        except (EOFError, OSError):
            how = worker.ended()
            if self._lost is None:
                raise RunFailed(f"the process that computed {job} {how}; if memory is short, use fewer cores") from None
            return self._lost(job, how)
        self._idle.append(worker)
        if isinstance(found, PlanariaError):
            raise found
        result: Result = found
        return result


class _Worker:
    """A process, and the connection over which it gets jobs and gives results."""

    def __init__(self, make: Callable[[], Any]) -> None:
        context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
        self.connection, there = context.Pipe()
        self.process: SpawnProcess = context.Process(target=_serve, args=(there, make, os.getpid()), daemon=True)
        with _interrupts_held():
            self.process.start()
        there.close()  # or the worker's end would never be noticed

    def ended(self) -> str:
        """How it died, once its connection has closed."""
        self.process.join(ENDING_S)
        code = self.process.exitcode
        _end([self])
        if code is None or code >= 0:
            return f"has ended (exit code {code})"
        return f"was killed ({signal.Signals(-code).name})"


def _end(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        worker.process.kill()
    for worker in workers:
        worker.process.join()
        worker.connection.close()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """A worker inherits the mask: Ctrl-C reaches the whole group, but only the parent has something to say about it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(jobs: Connection, make: Callable[[], Callable[[Any], Any]], parent: int) -> None:
    """A worker's life: jobs come, results go; it ends when the other side has gone."""
    if sys.platform == "linux":
        die_with_parent(parent)
    work = make()
    while True:
        try:
            job = jobs.recv()
        except EOFError:
            return
        try:
            jobs.send(work(job))
        except PlanariaError as error:
            jobs.send(error)
