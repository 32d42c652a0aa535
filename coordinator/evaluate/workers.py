"""Jobs spread over processes of this machine: each process takes the next job when it has done one.

A job's result depends on nothing but the job and the plan, so the number of processes changes no row. Workers end with
whoever started them, however that happens. Computes nothing of a rule itself. May import the rest of this package,
cellnode.prctl (Linux) and multiprocessing.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from coordinator.evaluate.bodies import Nursery
from coordinator.evaluate.experiments import EXPERIMENTS, Found
from coordinator.evaluate.subject import Subject, Way
from coordinator.evaluate.times import Times
from firmware_sim.errors import PlanariaError, RunFailed
from firmware_sim.folder import RuleFolder

Done = Callable[[int, list[Found]], None]


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of one experiment in one way."""

    experiment: str
    way: Way
    piece: int

    def __str__(self) -> str:
        return f"{self.experiment}, {self.way}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What all jobs share."""

    folder: RuleFolder
    draws: int
    rng_seed: int
    times: Times

    def nursery(self) -> Nursery:
        return Nursery(Subject(self.folder), self.draws, self.rng_seed, self.times)


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spread(plan: Plan, jobs: Sequence[Job], processes: int, done: Done) -> None:
    """Do all jobs, begun in the given order; `done(place in jobs, what was found)` as each ends. RunFailed if a worker
    dies."""
    if processes <= 1:
        nursery = plan.nursery()
        for number, job in enumerate(jobs):
            done(number, do(nursery, job))
        return
    with _workers(plan, min(processes, len(jobs))) as idle:
        waiting, busy = list(enumerate(jobs))[::-1], dict[Connection, tuple[int, Job]]()
        while waiting or busy:
            while waiting and idle:
                busy[idle[-1]] = waiting.pop()
                _hand(idle.pop(), busy)
            for worker in wait(list(busy)):
                assert isinstance(worker, Connection)
                number, job = busy[worker]
                done(number, _result(worker, job))
                del busy[worker]
                idle.append(worker)


def do(nursery: Nursery, job: Job) -> list[Found]:
    """Rows and pictures of one job."""
    found = list(EXPERIMENTS[job.experiment].run(nursery, job.way, job.piece))
    nursery.forget()
    return found


def _hand(worker: Connection, busy: dict[Connection, tuple[int, Job]]) -> None:
    job = busy[worker][1]
    try:
        worker.send(job)
    except OSError as error:
        raise _lost(job) from error


def _result(worker: Connection, job: Job) -> list[Found]:
    try:
        found: list[Found] | PlanariaError = worker.recv()
    except (EOFError, OSError) as error:
        raise _lost(job) from error
    if isinstance(found, PlanariaError):
        raise found
    return found


def _lost(job: Job) -> RunFailed:
    return RunFailed(f"the process that computed {job} has died; if memory is short, ask for fewer with --cores")


@contextmanager
def _workers(plan: Plan, count: int) -> Iterator[list[Connection]]:
    """Connections to idle workers; all have ended afterwards."""
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    processes: list[SpawnProcess] = []
    connections: list[Connection] = []
    try:
        for _ in range(count):
            here, there = context.Pipe()
            connections.append(here)
            process = context.Process(target=_serve, args=(there, plan, os.getpid()), daemon=True)
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


def _serve(jobs: Connection, plan: Plan, parent: int) -> None:
    """A worker's life: jobs come, results go; it ends when the other side has gone."""
    if sys.platform == "linux":
        from cellnode.prctl import die_with_parent

        die_with_parent(parent)
    nursery = plan.nursery()
    while True:
        try:
            job: Job = jobs.recv()
        except EOFError:
            return
        try:
            jobs.send(do(nursery, job))
        except PlanariaError as error:
            jobs.send(error)
