"""Faults on real processes: frames, stopped cells, a killed agent and a killed coordinator, proved where they hit."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_lost_parts import PLANARIA, ROOT, Run, until

from cellnode.panel import Counter
from coordinator import Swarm, faults

pytestmark = pytest.mark.system


@pytest.fixture
def swarm(tmp_path: Path) -> Iterator[Swarm]:
    with Swarm.start("dot", grid=(6, 6), interval_s=0.1, seed=5, out=tmp_path / "run") as found:
        yield found


def test_every_fault_on_links_hits_real_frames_and_ends(swarm: Swarm) -> None:
    asked = (
        "link_burst select=row:0 burst=3 gap=3",
        "link_delay select=row:1 delay=1 shape=exponential",
        "link_duplicate select=row:2 rate=0.5",
        "link_corrupt select=row:3 rate=0.5 bits=2",
        "link_rate select=row:4 frames=0.5",
        "hold select=row:5",
        "partition select=half:left name=isolate way=in",
        "byzantine select=row:1 mode=random",
        "byzantine select=cell:3,2 mode=adversary rule=lizard",
        "stuck_channel select=row:2 channel=3 level=1",
        "accumulator_flip select=row:3 rate=1 count=3",
        "pause select=cell:3,3",
    )
    until(lambda: swarm.measure().living > 12, 60, "it has grown, so that every row has something to hear")
    for words in asked:
        assert not swarm.perform(faults.parse(words.split())).missing
    until(lambda: all(fault.hits > 0 for fault in swarm.faults()), 60, "all have hit")
    swarm.heal()
    assert {fault.state for fault in swarm.faults()} == {"healed"}
    totals = swarm.look().counters
    assert totals[18:24, Counter.DROP_CRC].sum() + totals[18:24, Counter.DROP_GARBLED].sum() > 0
    said = totals[21, Counter.SAID]
    until(lambda: swarm.look().counters[21, Counter.SAID] > said, 30, "the stopped cell goes on")


def test_a_killed_agent_is_a_fault_like_any_other(swarm: Swarm) -> None:
    outcome = swarm.inject("agent_kill", "all")
    assert outcome.proof["hits"] == 1
    log = swarm.folder / "events.jsonl"
    until(lambda: '"event":"agent replaced"' in log.read_text(), 60, "its successor has started the cells again")
    assert swarm.look().alive == 36
    events = [json.loads(line) for line in log.read_text().splitlines()]
    fault = next(event for event in events if event["event"] == "fault")
    assert fault["kind"] == "agent_kill" and fault["cells"] == 36 and fault["hits"] == 1


def test_a_killed_coordinator_is_proved_by_its_successor(tmp_path: Path) -> None:
    def planaria(*words: str) -> str:
        return subprocess.run([*PLANARIA, *words], cwd=ROOT, capture_output=True, text=True, timeout=120).stdout

    run = Run(tmp_path / "run")
    try:
        run.await_seed()
        assert "coordinator_kill" in planaria("inject", str(run.folder), "coordinator_kill")
        assert run.coordinator.wait(20) == -9
        (fault,) = json.loads(planaria("faults", str(run.folder), "--json"))["faults"]
        assert fault["state"] == "finished" and fault["hits"] == 1
        planaria("inject", str(run.folder), "crash", "select=n:3", "for=2")  # nobody else: it stays to end it
        found = json.loads(planaria("faults", str(run.folder), "--json"))["faults"]
        assert [(fault["kind"], fault["state"]) for fault in found[1:]] == [("crash", "finished")]
    finally:
        planaria("stop", str(run.folder))
        run.coordinator.kill()
        run.coordinator.wait()
