"""A run in virtual time on the live page: it lives at a chosen pace, and what is done is done exactly."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from servedrun import ServedRun, served, served_virtual

from coordinator import Swarm
from coordinator.runfolder import RunFolder
from coordinator.serve import wire
from coordinator.serve.pace import MOST, Pace
from firmware_sim.errors import BadInput

Begin = Callable[[], Swarm]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Starts `dot` on 6x6 cells in virtual time, seed 5, with a T in which few moments are whole nanoseconds."""
    made: list[Swarm] = []

    def swarm() -> Swarm:
        where = tmp_path / f"run{len(made)}"
        made.append(Swarm.start("dot", (6, 6), substrate="virtual", seed=5, interval_s=0.100000007, out=where))
        return made[-1]

    yield swarm
    for each in made:
        each.stop()


@contextmanager
def living(swarm: Swarm, pace: Pace, until: float | None = None) -> Iterator[threading.Thread]:
    """The swarm lives in another thread, until the end of the block at the latest."""
    enough = threading.Event()

    def look() -> None:
        if enough.is_set():
            raise StopIteration

    def live() -> None:
        try:
            pace.live(swarm, until, look)
        except StopIteration:
            return

    thread = threading.Thread(target=live)
    thread.start()
    yield thread
    enough.set()
    thread.join(20)
    assert not thread.is_alive()


def test_pace_and_looks_change_no_byte_of_a_life(begin: Begin) -> None:
    alone, watched = begin(), begin()
    alone.wait_until(3.3)
    alone.kill("50%", seed=3)
    alone.wait_until(12)
    pace = Pace(MOST)
    with served_virtual(watched, pace) as client:
        with living(watched, pace, 3.3) as thread:
            while thread.is_alive():
                client.json("/api/cells/21")
        client.json("/api/actions", {"do": "kill", "select": "50%", "seed": 3})
        with living(watched, pace, 12) as thread:
            thread.join(60)
            assert watched.reached(12)
        client.json("/api/cells/21")
        _, _, cells = wire.decode(client.ask("/api/frames/99")[2])
    assert watched.frame().states.tobytes() == alone.frame().states.tobytes()
    assert cells.values.any(), "and it was seen"


def test_a_step_is_one_t_exactly_and_then_it_stands(begin: Begin) -> None:
    swarm, pace = begin(), Pace(1.0)
    with served_virtual(swarm, pace) as client:
        assert client.json("/api/step", {})["t"] == pytest.approx(1.0, abs=1e-8)
        assert client.json("/api/step", {})["t"] == pytest.approx(2.0, abs=1e-8)
        assert client.json("/api/numbers")["now"]["paused"]
        with living(swarm, pace):
            client.json("/api/numbers")
        assert swarm.t == pytest.approx(2.0, abs=1e-8), "what is paused does not live"
    events = [event["event"] for event in RunFolder.open(swarm.folder).events()]
    assert events[-4:] == ["resume", "pause", "resume", "pause"]


def test_the_pace_is_chosen_by_any_viewer_and_told_to_all(begin: Begin) -> None:
    with served_virtual(begin(), pace := Pace(2.0)) as client:
        assert client.json("/api/run")["pace"] == {"least": 0.1, "most": 1000.0}
        assert client.json("/api/pace", {"t_per_s": 40})["t_per_s"] == 40
        assert pace.t_per_s == 40
        assert client.json("/api/numbers")["now"]["pace"]["wished"] == 40
        assert client.error("/api/pace", {"t_per_s": 0}) == (400, "t_per_s is 0, expected 0.1 to 1000 T a second")
        status, line = client.error("/api/pace", {"speed": 3})
        assert status == 400 and "this is no pace" in line


def test_what_the_page_shows_of_a_cell_is_what_virtual_time_knows(begin: Begin) -> None:
    swarm = begin()
    swarm.wait_until(12)
    with served_virtual(swarm, Pace(2.0)) as client:
        found = client.json("/api/cells/21")
        assert (found["pid"], found["on"], found["epoch"], found["life"]) == (0, True, 1, 1)
        assert found["stale_ages"] == [0.0]
        assert np.allclose(found["state"], swarm.frame().states.reshape(-1, 16)[21], atol=1e-5)
        assert any(other["sequence"] for other in found["neighbours"])
        numbers = client.json("/api/numbers")
        assert numbers["measure"]["substrate"] == "virtual"
        assert numbers["now"]["cores"] is None


BRUSHES = [
    {"do": "erase"},
    {"do": "kill"},
    {"do": "revive"},
    {"do": "freeze"},
    {"do": "thaw"},
    {"do": "seed"},
    {"do": "inject", "fault": "slow", "parameters": {"factor": 4}},
    {"do": "inject", "fault": "byzantine", "parameters": {"mode": "random"}},
    {"do": "inject", "fault": "bit_flip", "parameters": {"count": 3}},
    {"do": "inject", "fault": "link_loss", "parameters": {"rate": 0.5}},
    {"do": "inject", "fault": "link_delay", "parameters": {"delay": 4}},
    {"do": "inject", "fault": "partition", "select": "side:2.5,0,2.5,5", "parameters": {"name": "isolate"}},
]


def test_every_brush_of_the_page_works_in_virtual_time(begin: Begin) -> None:
    swarm, pace = begin(), Pace(2.0)

    def wait(intervals: float) -> None:
        with pace.lock:
            swarm.wait(intervals)

    with served_virtual(swarm, pace) as client:
        for brush in BRUSHES:
            wait(2)
            found = client.json("/api/actions", {"select": "path:1,1,1,4,4", **brush})
            assert found["cells"] and not found["missing"], brush
        wait(6)
        faults = client.json("/api/faults")
        assert len(faults) == 6
        assert all(fault["hits"] > 0 for fault in faults), "each has hit somebody"
        client.json("/api/actions", {"do": "heal"})
        assert client.json("/api/numbers")["now"]["faults"] == 0


def test_a_fault_that_needs_processes_is_refused_in_one_line(begin: Begin) -> None:
    with served_virtual(begin(), Pace(2.0)) as client:
        status, line = client.error("/api/actions", {"do": "inject", "select": "all", "fault": "agent_kill"})
        assert (status, "in virtual time there is no agent" in line) == (400, True)


def test_real_time_has_no_pace(run: ServedRun) -> None:
    with served(run) as client:
        assert client.json("/api/run")["pace"] is None
        status, line = client.error("/api/pace", {"t_per_s": 2})
        assert (status, "clock_drift" in line) == (400, True)
        assert client.error("/api/step", {})[0] == 400


@pytest.mark.parametrize("wished", [0.0, -1.0, float("nan"), float("inf"), 1e6])
def test_what_is_no_pace_is_refused(wished: float) -> None:
    with pytest.raises(BadInput, match=r"expected 0\.1 to 1000"):
        Pace(1.0).wish(wished)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[ServedRun]:
    made = ServedRun(Path(f"/dev/shm/pq-{os.getpid()}"), tmp_path)
    yield made
    made.remove()
    made.runtime.path.parent.rmdir()
