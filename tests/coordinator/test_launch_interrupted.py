"""Ctrl-C at the moment when a swarm has just been brought up and nobody has it in hand yet: it is stopped."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from coordinator import Swarm
from coordinator.cli.live import Plan, launch
from coordinator.runfolder import RunFolder
from coordinator.terminal import View


class Struck(View):
    """Ctrl-C comes while the run's name is being written."""

    def headline(self, line: str) -> None:
        if ", run " in line:
            raise KeyboardInterrupt
        super().headline(line)


def test_a_swarm_that_nobody_has_in_hand_yet_is_stopped(tmp_path: Path) -> None:
    plan = Plan("dot", (6, 6), False, "virtual", "chip", 0.5, 0.0, 3, tmp_path / "run", None)
    with pytest.raises(KeyboardInterrupt):
        launch(plan, Struck("led", live=False))
    run = RunFolder.open(tmp_path / "run")
    assert [event["event"] for event in run.events()][-1] == "stopped"
    assert run.state().stopped


def test_interrupted_while_its_beat_is_being_started_a_swarm_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def struck(thread: threading.Thread) -> None:
        if thread.name == "planaria-beat":
            raise KeyboardInterrupt
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", struck)
    with pytest.raises(KeyboardInterrupt):
        Swarm.start("dot", (2, 2), out=tmp_path / "run")
    run = RunFolder.open(tmp_path / "run")
    assert run.state().stopped
    assert not Path(run.info.runtime).exists()
