"""What is to be computed, cut into jobs that know nothing of each other. May import the rest of this package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from coordinator.evaluate.bodies import Nursery
from coordinator.evaluate.experiments import EXPERIMENTS, Found
from coordinator.evaluate.subject import Subject, Way
from coordinator.evaluate.times import Times
from firmware_sim.folder import RuleFolder


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
    """What all jobs share; `worker` is what each process keeps between its jobs: newborn swarms, mainly."""

    folder: RuleFolder
    draws: int
    rng_seed: int
    times: Times

    def worker(self) -> Callable[[Job], list[Found]]:
        nursery = Nursery(Subject(self.folder), self.draws, self.rng_seed, self.times)

        def work(job: Job) -> list[Found]:
            found = list(EXPERIMENTS[job.experiment].run(nursery, job.way, job.piece))
            nursery.forget()
            return found

        return work
