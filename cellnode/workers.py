"""Independent jobs spread over processes of this machine: each process takes the next job when it has done one.

For experiments of many draws, not for cells. A result depends on nothing but its job, so the number of processes
changes none. Workers end with whoever started them, however that happens: a killed parent, too, leaves nobody behind.
May import multiprocessing, prctl and firmware_sim.errors.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, TypeVar

from cellnode.prctl import die_with_parent
from firmware_sim.errors import PlanariaError, RunFailed

Job = TypeVar("Job")
Result = TypeVar("Result")
Make = Callable[[], Callable[[Job], Result]]


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
    with _workers(make, min(processes, len(jobs))) as idle:
        waiting, busy = list(enumerate(jobs))[::-1], dict[Connection, tuple[int, Job]]()
        while waiting or busy:
            while waiting and idle:
                worker = idle.pop()
                busy[worker] = waiting.pop()
                _hand(worker, busy[worker][1])
            for ready in wait(list(busy)):
                assert isinstance(ready, Connection)
                number, job = busy.pop(ready)
                idle.append(ready)
                done(number, _result(ready, job))


def _hand(worker: Connection, job: object) -> None:
    try:
        worker.send(job)
    except OSError as error:
        raise _lost(job) from error


def _result(worker: Connection, job: object) -> Any:
    try:
        found = worker.recv()
    except (EOFError, OSError) as error:
        raise _lost(job) from error
    if isinstance(found, PlanariaError):
        raise found
    return found


def _lost(job: object) -> RunFailed:
    return RunFailed(f"the process that computed {job} has died; if memory is short, use fewer cores")


@contextmanager
def _workers(make: Callable[[], Any], count: int) -> Iterator[list[Connection]]:
    """Connections to idle workers; all have ended afterwards."""
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    processes: list[SpawnProcess] = []
    connections: list[Connection] = []
    try:
        for _ in range(count):
            here, there = context.Pipe()
            connections.append(here)
            process = context.Process(target=_serve, args=(there, make, os.getpid()), daemon=True)
            with _interrupts_held():
                process.start()
            processes.append(process)
            there.close()  # or the worker's end would never be noticed
        yield list(connections)
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.join()
        for connection in connections:
            connection.close()


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
