"""Safety: a run under faults breaks no promise; each promise, broken on purpose, fails the run and is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic import FakePanel

from cellnode.mailbox import OWN
from cellnode.mailboxes import Mailboxes
from cellnode.panel import Counter
from cellnode.patch import Patch
from coordinator import Swarm
from coordinator.camera import Camera
from coordinator.measure import Measure
from coordinator.opening import copy_of_rule
from coordinator.runfolder import RunFolder
from coordinator.safety import PROMISES, SILENT_T, Safety
from coordinator.verify import Verdict, verify

T_NS = 1_000


def harassed(out: Path, engine: str = "numpy") -> Measure:
    """A swarm that lives through crashes, late frames of former lives, silence beyond any time to live, and rest."""
    with Swarm.start("dot", (9, 9), substrate="virtual", engine=engine, seed=3, out=out) as swarm:
        swarm.wait_until(10)
        swarm.inject("link_delay", "all", duration=12, delay=3)
        for number in range(3):
            swarm.wait(3)
            swarm.kill("30%", seed=number)
            swarm.wait(1)
            swarm.revive("dead")
        swarm.freeze("row:3")
        swarm.wait(3)
        swarm.thaw("all")
        swarm.inject("clock_jump", "20%", by=-4)
        swarm.inject("link_loss", "all", duration=5, rate=0.6)
        swarm.wait(5)
        swarm.kill("column:7")
        swarm.wait(SILENT_T + 8)
        return swarm.measure()


@pytest.mark.parametrize("engine", ["numpy", "native"])
def test_no_promise_is_broken_whatever_is_done(tmp_path: Path, engine: str) -> None:
    measure = harassed(tmp_path / "run", engine)
    assert measure.broken == ()
    assert {promise["name"] for promise in measure.safety} == set(PROMISES)
    assert all(promise["holds"] and promise["checks"] > 4_000 for promise in measure.safety)


def accept_everything(patch: pytest.MonkeyPatch) -> None:
    def acceptable(self: Mailboxes, frames: Any, slot: Any, met: Any, newer: Any) -> Any:
        return np.ones(len(slot), np.bool_)

    patch.setattr(Mailboxes, "_acceptable", acceptable)


def forget_nobody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Mailboxes, "forget", lambda _self, _cells, _now_ns: None)


def keep_the_dead(patch: pytest.MonkeyPatch) -> None:
    off = Patch.off

    def kept(self: Patch, cells: Any) -> None:
        states = self.states[cells].copy()
        off(self, cells)
        self.mail.block[cells, OWN] = states

    patch.setattr(Patch, "off", kept)


def overflow(patch: pytest.MonkeyPatch) -> None:
    wake = Patch.wake

    def hot(self: Patch, cells: Any, now_ns: Any) -> Any:
        said = wake(self, cells, now_ns)
        self.mail.block[17, OWN, 5] = np.inf
        return said

    patch.setattr(Patch, "wake", hot)


def count_twice(patch: pytest.MonkeyPatch) -> None:
    wake = Patch.wake

    def counted(self: Patch, cells: Any, now_ns: Any) -> Any:
        self.counters[Counter.UPDATES, cells] += np.uint64(1)
        return wake(self, cells, now_ns)

    patch.setattr(Patch, "wake", counted)


@pytest.mark.parametrize(
    ("promise", "sabotage", "says"),
    [
        ("incarnation", accept_everything, "accepted an older incarnation"),
        ("forgetting", forget_nobody, "is still heard"),
        ("zeros", keep_the_dead, "holds a state"),
        ("range", overflow, "a state is no number: cell 17"),
        ("counters", count_twice, "updates and frames said are not as many"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*(overflow|invalid value).*:RuntimeWarning")
def test_a_broken_promise_fails_the_run_and_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    promise: str,
    sabotage: Callable[[pytest.MonkeyPatch], None],
    says: str,
) -> None:
    sabotage(monkeypatch)
    measure = harassed(tmp_path / "run")
    assert measure.verdict == "fail"
    found = {one["name"]: one for one in measure.safety}[promise]
    assert not found["holds"] and any(says in line for line in found["broken"])
    assert any(says in line for line in measure.broken)
    assert "this must never be" not in (tmp_path / "run" / "events.jsonl").read_text()
    assert any('"event":"broken"' in line for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines())


def test_a_recording_shows_every_update_that_used_an_older_incarnation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recorded(out: Path) -> Verdict:
        with Swarm.start("dot", (9, 9), substrate="virtual", engine="chip", seed=3, out=out, record=True) as swarm:
            swarm.wait_until(12)
            swarm.inject("link_delay", "all", duration=10, delay=3)
            swarm.wait(3)
            swarm.kill("40%", seed=1)
            swarm.wait(0.5)
            swarm.revive("dead")
            swarm.wait(10)
        folder = RunFolder.open(out)
        return verify(folder, copy_of_rule(folder))

    assert recorded(tmp_path / "right").verdict == "pass"
    accept_everything(monkeypatch)
    found = recorded(tmp_path / "wrong")
    assert found.verdict == "fail" and found.first_mismatch is not None
    assert found.first_mismatch["what"] == "older" and len(found.first_mismatch["older_than_met"]) == 3


class Watched:
    """A panel of two cells, one word of the eastern one in the western one's mailbox, seen by a camera."""

    def __init__(self, path: Path) -> None:
        self.panel = FakePanel(path, 1, 2)
        for cell in (0, 1):
            self.panel.start(cell, pid=7 + cell)
        self.camera, self.safety, self.said = Camera(path, 1, 2, False), Safety(2, "float"), 0

    def wake(self, sequence: int, life: int = 1) -> None:
        """The western cell wakes and uses this word of its neighbour's."""
        self.said += 1
        self.panel.say(0, self.said, np.full(16, 0.5, "<f4"))
        copy = self.panel.pages["copies"][0, int(self.panel.pages["flip"][0])]
        copy["used_sequence"][4], copy["used_epoch"][4], copy["used_life"][4] = sequence, 1, life

    def look(self, t: float) -> None:
        self.safety.take(self.camera.look(T_NS), t)


def test_on_a_panel_an_older_incarnation_is_seen(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "panel")
    for t, life in enumerate((2, 2, 3)):
        watched.wake(10 + t, life)
        watched.look(t)
    assert not watched.safety.broken()
    watched.wake(20, life=2)
    watched.look(4)
    assert watched.safety.broken() == ["accepted an older incarnation: cell 0 (at 4.0 T)"]


def test_on_a_panel_a_word_that_outlives_all_times_to_live_is_seen(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "panel")
    for t in range(int(SILENT_T) + 1):
        watched.wake(10)
        watched.look(t)
    assert not watched.safety.broken(), "its time is not up"
    for t in range(int(SILENT_T) + 1, int(SILENT_T) + 6):
        watched.wake(10)
        watched.look(t)
    assert "is still heard: cell 0" in watched.safety.broken()[0]


def test_silence_counts_only_while_the_listener_was_listening(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "panel")
    for t in range(100):
        if t % 30 == 29:
            watched.panel.pages["counters"][0, Counter.MISSED_WAKES] += 1
        watched.wake(10)
        watched.look(t)
    assert not watched.safety.broken()


def test_a_cell_that_does_not_wake_forgets_nobody(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "panel")
    watched.wake(10)
    for t in range(200):
        watched.look(t)
    assert not watched.safety.broken()


def test_on_a_panel_the_page_of_a_dead_cell_must_be_empty(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "panel")
    watched.wake(10)
    watched.panel.reap(0)
    watched.look(1)
    watched.look(2)
    assert not watched.safety.broken()
    watched.panel.pages["copies"]["state"][0, 1] = np.full(16, 0.25, "<f4").tobytes()
    watched.look(3)
    assert not watched.safety.broken(), "it may be in the middle of being reset"
    watched.look(4)
    assert watched.safety.broken() == ["a cell without power, or asleep, holds a state: cell 0 (at 4.0 T)"]


def test_a_sleeping_cell_must_hold_zeros(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "panel")
    watched.wake(10)
    watched.panel.pages["counters"][0, Counter.SLEEPING] = 1
    watched.look(1)
    watched.look(2)
    assert "holds a state: cell 0" in watched.safety.broken()[0]
