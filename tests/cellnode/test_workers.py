"""Jobs over processes: every result once and the same for any number of them, errors told, nobody left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cellnode.workers import Pool, spread
from firmware_sim.errors import BadInput, RunFailed


def squares() -> Callable[[int], int]:
    return square


def square(number: int) -> int:
    """Some numbers cannot be squared."""
    if number == -1:
        raise BadInput("-1 is given, expected something else")
    if number == -2:
        os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory is short
    return number * number


def results(jobs: list[int], processes: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    spread(squares, jobs, processes, lambda place, result: found.append((place, result)))
    return found


def test_every_job_is_done_once_whatever_the_number_of_processes() -> None:
    wanted = [(place, place * place) for place in range(9)]
    assert results(list(range(9)), 1) == wanted
    assert sorted(results(list(range(9)), 2)) == wanted
    assert results([], 2) == []


def test_bad_input_in_a_worker_is_bad_input_here() -> None:
    with pytest.raises(BadInput, match="-1 is given"):
        results([3, -1], 2)


def test_a_worker_that_dies_is_named_and_no_other_stays() -> None:
    before = set(multiprocessing.active_children())
    with pytest.raises(RunFailed, match=r"computed -2 was killed \(SIGKILL\)"):
        results([3, -2, 4], 2)
    assert set(multiprocessing.active_children()) <= before


def test_a_worker_that_dies_takes_only_its_own_job_with_it_where_something_stands_for_that() -> None:
    before = set(multiprocessing.active_children())
    found: dict[int, int | str] = {}
    with Pool[int, int | str](squares, 1, lambda job, how: f"{job} {how}") as pool:
        pool.run([3, -2, 4], found.__setitem__)
        assert found == {0: 9, 1: "-2 was killed (SIGKILL)", 2: 16}
        (idle,) = set(multiprocessing.active_children()) - before
        os.kill(idle.pid or 0, signal.SIGKILL)
        idle.join()
        pool.run([5], found.__setitem__)
        assert found[0] == 25, "who dies between two jobs has none to lose"
        (alive,) = set(multiprocessing.active_children()) - before
        pool.run([6], found.__setitem__)
        assert alive.is_alive(), "workers stay from one call to the next"
    assert set(multiprocessing.active_children()) <= before


ENDLESS = """
import os
import time
from cellnode.workers import spread

def forever(_job):
    os.write(1, b"at work\\n")  # whole, whoever else writes
    time.sleep(1000)

def make():
    return forever

if __name__ == "__main__":
    spread(make, [1, 2], 2, lambda place, result: None)
"""


@pytest.mark.system
@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_workers_of_a_killed_parent_end_with_it(tmp_path: Path) -> None:
    (tmp_path / "endless.py").write_text(ENDLESS)
    with subprocess.Popen([sys.executable, str(tmp_path / "endless.py")], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        try:
            assert parent.stdout.readline() == parent.stdout.readline() == b"at work\n"
        finally:
            parent.kill()
        assert parent.stdout.read() == b""  # the end comes when the last process that holds it has ended
