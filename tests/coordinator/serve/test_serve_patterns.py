"""Choosing another pattern: what is offered, what is said of each, and how one swarm follows another at one address."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image
from servedrun import Client, served_virtual

from coordinator import Swarm
from coordinator.cli import owning
from coordinator.cli.live import Ended, Plan
from coordinator.serve import patterns
from coordinator.serve.pace import Pace
from coordinator.succession import Begin, Heir
from coordinator.wish import Wish
from firmware_sim import folder
from firmware_sim.folder import RuleFolder


def rule(regime: str, fate: str = "", **scores: float) -> RuleFolder:
    """A rule of which this was measured."""
    found = folder.load("dot")
    info = msgspec.structs.replace(found.info, regime=regime, fate=fate, losses={}, scores=dict(scores))
    return RuleFolder(found.path, info, found.files)


def test_every_built_in_rule_is_offered_with_its_motif_and_a_line() -> None:
    rows = {row["name"]: row for row in patterns.patterns()}
    assert list(rows) and set(rows) == set(folder.builtin_names())
    assert rows["lizard-24"]["motif"] == "lizard"
    assert (rows["lizard-24"]["height"], rows["lizard-24"]["width"]) == (32, 32)
    assert all(row["expect"] and "\n" not in row["expect"] for row in rows.values())


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (
            rule("growing", "explodes", async_48T=-4.0, cut_left=-4.0),
            "grows, and was taught no more; in 2,000 steps overgrows the grid in the end",
        ),
        (rule("persistent", async_100T=-4.0), "grows and stays; it was never taught to heal"),
        (
            rule("regenerating", async_100T=-4.0, half_lost_100T=-3.9, cut_left_100T=-3.8, cut_upper_100T=-2.0),
            "grows, stays, and heals; comes back after half of its cells were lost; "
            "heals 1 of 2 cuts well, worst where the upper part is lost",
        ),
        (
            rule("regenerating", "holds", async_100T=-4.0, half_lost_100T=-2.0, cut_left=-4.0, cut_right=-4.0),
            "grows, stays, and heals; heals each of 2 cuts; in 2,000 steps keeps its shape",
        ),
        (rule("unknown"), "nobody has said what it was taught"),
    ],
)
def test_the_line_says_what_was_measured_and_no_more(found: RuleFolder, line: str) -> None:
    assert patterns.expectation(found) == line


@pytest.fixture
def swarm(tmp_path: Path) -> Any:
    asked: list[Begin] = []
    with Swarm.start("dot", (6, 6), substrate="virtual", seed=5, out=tmp_path / "run", on_begin=asked.append) as found:
        yield found, asked


def test_the_api_offers_patterns_with_pictures_and_passes_a_choice_on(swarm: tuple[Swarm, list[Begin]]) -> None:
    found, asked = swarm
    with served_virtual(found, Pace(2.0)) as client:
        assert [row["name"] for row in client.json("/api/patterns")] == [row["name"] for row in patterns.patterns()]
        data = client.ask("/api/patterns/lizard/picture")[2]
        assert Image.open(io.BytesIO(data)).size == (40, 40)
        assert client.error("/api/patterns/nothere/picture")[0] == 400
        assert client.json("/api/begin", {"rule": "lizard", "angle": 90, "grid": [44, 44]}) == {"rule": "lizard"}
        assert asked == [Begin(rule="lizard", angle=90, grid=(44, 44))]
        status, line = client.error("/api/begin", {"rule": "lizard", "seed": 1})
        assert (status, "this is no beginning" in line) == (400, True)
        assert client.error("/api/begin", {"rule": "lizard"}, Authorization="Bearer wrong")[0] == 401


def test_where_nobody_follows_that_is_said(tmp_path: Path) -> None:
    alone = Swarm.start("dot", (6, 6), substrate="virtual", seed=5, out=tmp_path / "run")
    with alone as found, served_virtual(found, Pace(2.0)) as client:
        status, line = client.error("/api/begin", {"rule": "lizard"})
    assert (status, "not started to be followed" in line) == (400, True)


def until(true: Callable[[], Any], what: str) -> Any:
    """Wait for a condition, not for a time."""
    deadline = time.monotonic() + 60
    while not (found := true()):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)
    return found


def test_one_command_lives_one_pattern_after_another_at_one_address(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "coordinator.cli.main", "run", "dot", "--substrate", "virtual", "--grid", "6x6"]
    command += ["--serve", "--listen", "127.0.0.1:0", "--no-view", "--json"]
    home = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    log = tmp_path / "err"
    with log.open("w") as err:
        process = subprocess.Popen(command, cwd=tmp_path, env=home, stdout=subprocess.PIPE, stderr=err)
    try:
        found = until(lambda: re.search(r"http://127.0.0.1:(\d+)/#(\S+)", log.read_text()), "an address")
        client = Client(int(found[1]))

        def run() -> Any:
            return json.loads(client.ask("/api/run", Authorization=f"Bearer {found[2]}")[2])

        def numbers() -> Any:
            return json.loads(client.ask("/api/numbers", Authorization=f"Bearer {found[2]}")[2])["measure"]

        first = run()
        assert first["begins"] and (first["rule"], first["degrees"]) == ("dot", 0)
        wanted = {"rule": "dot", "angle": 90, "grid": [9, 9]}
        assert client.ask("/api/begin", wanted, Authorization=f"Bearer {found[2]}")[0] == 200

        def follower() -> Any:
            try:
                return (now := run())["run"] != first["run"] and now
            except OSError:
                return None  # between the two

        second = until(follower, "the next run")
        assert (second["degrees"], second["height"], second["begins"]) == (90, 9, True)
        until(lambda: numbers()["run"] == second["run"] and numbers()["intervals"] > 1, "its first T")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert json.loads(out)["run"] == second["run"], "the last one is told"
    runs = sorted(path.parent.name for path in tmp_path.glob("runs/dot/2*/report.html"))
    assert len(runs) == 2, "each has its folder and report"


def test_interrupted_while_the_next_one_is_being_started_the_one_before_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    heir = Heir(Wish(rule="dot", substrate="virtual"))
    heir.ask(Begin(rule="dot", angle=90))
    lived = Ended(None, tmp_path, False)
    asked = []

    def live(plan: Plan, *_: Any) -> Ended:
        asked.append(plan.degrees)
        if len(asked) > 1:
            raise KeyboardInterrupt
        return lived

    monkeypatch.setattr(owning, "heir_of", lambda plan: heir)
    monkeypatch.setattr(owning, "_live", live)
    plan = Plan("dot", None, False, "virtual", "chip", 0.5, 0.0, None, None, None)
    ended = owning.start_and_run(plan, False, "led")
    assert asked == [0, 90]
    assert (ended.folder, ended.interrupted) == (tmp_path, True)
