"""Other times: what was lost and healed, what the grid showed earlier, what an unharmed twin would show."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from cellnode.heard import no_words
from cellnode.panel import COUNTERS, Counter, Phase
from coordinator import Swarm
from coordinator.camera import Sight
from coordinator.faults import Record
from coordinator.quick import QuickSwarm
from coordinator.runfolder import RunFolder
from coordinator.serve import inspect, recovery, wire
from coordinator.serve.history import History
from coordinator.serve.recovery import Recovery
from coordinator.serve.stage import Stage
from coordinator.serve.story import Story
from coordinator.serve.twins import Twin
from firmware_sim.errors import BadInput
from firmware_sim.limits import CHANNELS

CELLS = 12


def row(t: float, loss: float, gain: float = 3.0, living: int = 30, alive: int = 36) -> dict[str, float | None]:
    return {"t": t, "loss_log10": loss, "gain_log10": gain, "alive": alive, "living": living}


def kill(t: float, *cells: int) -> dict[str, object]:
    return {"event": "kill", "t": t, "cells": list(cells), "selector": "50%"}


def sight(value: float, updates: int = 0, cpu_ns: int = 0) -> Sight:
    counters = np.zeros((CELLS, COUNTERS), np.uint64)
    counters[:, Counter.UPDATES], counters[:, Counter.CPU_NS] = updates, cpu_ns
    return Sight(
        at_ns=0,
        on=np.ones(CELLS, np.bool_),
        pids=np.arange(1, CELLS + 1, dtype=np.uint32),
        phases=np.full(CELLS, Phase.LINKED, np.uint32),
        lives=np.full(CELLS, (1 << 32) | 1, np.uint64),
        counters=counters,
        states=np.full((3, 4, CHANNELS), value, np.float32),
        ages_intervals=np.zeros(0),
    )


# ---- recovery


def test_a_wound_heals_when_the_picture_is_as_good_as_before_and_the_time_counts_from_the_last_harm() -> None:
    found = Recovery()
    for step in (
        row(50, -4.2),
        kill(50.5, 1, 2),
        kill(52.0, 3),
        row(53, -1.9, 0.4, 12, 33),
        row(60, -3.9),
        row(61, -4.15),
    ):
        (found.event if "event" in step else found.row)(step)
    (wound,) = found.wounds
    told = wound.told(0.5)
    assert told["harms"] == {"kill": 3}
    assert (told["loss_before"], told["loss_worst"], told["living_least"], told["alive_least"]) == (-4.2, -1.9, 12, 33)
    assert (told["healed"], told["took"], told["took_s"]) == (61, 9.0, 4.5)


def test_harm_after_healing_is_another_wound_and_one_that_never_heals_stays_open() -> None:
    found = recovery.of([row(1, -4.0), row(3, -4.0), row(8, -2.0, 0.6)], [kill(2, 1), kill(5, 1, 2)])
    assert [wound.healed for wound in found.wounds] == [3, None]
    assert found.wounds[1].told(1.0)["took"] is None


def test_what_had_not_grown_yet_counts_as_recovered_when_it_is_good_enough() -> None:
    found = recovery.of([row(5, -1.6, 0.1), row(8, -1.55, 0.05), row(30, -3.0, 1.5)], [kill(6, 1)])
    assert [wound.healed for wound in found.wounds] == [30]


def test_without_a_target_the_living_cells_tell() -> None:
    rows = [
        {**row(t, 0.0, 0.0, living), "loss_log10": None, "gain_log10": None} for t, living in ((1, 30), (3, 9), (9, 30))
    ]
    (wound,) = recovery.of(rows, [kill(2, 1)]).wounds
    assert (wound.living_before, wound.living_least, wound.healed) == (30, 9, 9)


def test_the_story_follows_log_and_losses_and_knows_what_the_log_says_of_a_cell(tmp_path: Path) -> None:
    story = Story(tmp_path)
    assert story.more() == []
    (tmp_path / "events.jsonl").write_text(
        json.dumps(kill(2.0, 7, 8)) + "\n" + '{"event":"fault","t":2.5,"cells":3}\n{"cut o'
    )
    (tmp_path / "loss.csv").write_text(
        "t,loss_log10,loss_log10_shift1,gain_log10,alive,living\n1,-4.0,-4.0,2.5,9,9\n4,-4.0,-4,2.5,9,9\n"
    )
    assert len(story.more()) == 2
    (told,) = story.wounds(2.0)
    assert (told["began"], told["healed"], told["took_s"]) == (2.0, 4.0, 4.0)
    assert story.of_cell(7) == ["2.0 T: kill  50%"]
    assert story.of_cell(3) == []


# ---- history


def history(room: int = 1 << 20) -> History:
    """Cells show t at each of 0, 1, ... 9 T."""
    stage, found = Stage(CELLS, 2), History(room, stride_t=1.0)
    for t in range(10):
        stage.take(sight(t / 8), float(t), False)
        found.keep(float(t), stage.cells)
    return found


def test_what_was_shown_can_be_seen_again_at_any_time() -> None:
    found = history()
    assert found.span == (0.0, 9.0)
    for asked, t in ((0.0, 0), (4.0, 4), (4.9, 4), (100.0, 9), (-3.0, 0)):
        head, chosen, cells = wire.decode(found.frame(asked))
        assert (head.t, head.base, len(chosen)) == (t, 0, CELLS)
        assert (cells.values * wire.UNITS[2] == t / 8).all()
    assert [values[0] for _, values in found.values(5)] == [t * 128 for t in range(10)]


def test_when_it_is_full_every_second_moment_goes_and_both_ends_stay_near() -> None:
    small = history(4 * CELLS * wire.size_of_cell(2))
    first, last = small.span or (9, 0)
    assert first == 0.0
    assert last >= 7.0
    assert len(small.values(0)) <= 4


def test_a_seed_planted_anew_begins_the_history_anew_and_an_empty_one_says_so() -> None:
    found = history()
    stage = Stage(CELLS, 2)
    stage.take(sight(0.5), 0.0, False)
    found.keep(0.0, stage.cells)
    assert found.span == (0.0, 0.0)
    with pytest.raises(BadInput, match="nothing was seen"):
        History().frame(0.0)


def test_the_cost_of_an_update_is_its_cpu_time_over_the_last_few() -> None:
    stage = Stage(CELLS, 2)
    stage.take(sight(0.0), 0.0, False)
    assert (stage.cells.costs == wire.COST_UNKNOWN).all()
    stage.take(sight(0.0, updates=3, cpu_ns=900_000), 1.0, False)
    assert (stage.cells.costs == wire.COST_UNKNOWN).all(), "three updates say too little"
    stage.take(sight(0.0, updates=10, cpu_ns=4_000_000), 2.0, False)
    assert (stage.cells.costs == 400).all()


# ---- twins


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    with Swarm.start("dot", (12, 12), substrate="virtual", seed=5, out=tmp_path / "run") as swarm:
        swarm.wait(4)
        swarm.kill("50%")
    return RunFolder.open(tmp_path / "run")


def test_the_golden_twin_is_the_run_unharmed_and_can_be_asked_backwards(folder: RunFolder) -> None:
    twin, alone = Twin("golden", folder, None), QuickSwarm("dot", (12, 12), seed=5)
    for t in (3.0, 12.0, 5.7):
        head, _, cells = wire.decode(twin.frame(t)[0])
        assert head.t == np.floor(t)
    alone.wait_until(5.0)
    assert np.array_equal(cells.values / 32, alone.states().reshape(144, CHANNELS))


def test_the_reference_twin_grows_the_picture_too(folder: RunFolder) -> None:
    from coordinator import opening

    twin = Twin("reference", folder, opening.picture_of(folder))
    (_, early), (_, late) = twin.frame(2), twin.frame(40)
    assert early is not None
    assert late is not None
    assert late < early - 1


def test_a_twin_of_unknown_kind_is_refused(folder: RunFolder) -> None:
    with pytest.raises(BadInput, match="expected golden or reference"):
        Twin("evil", folder, None)


# ---- the inspector


def test_the_inspector_knows_how_far_behind_each_neighbour_is_and_which_faults_lie_on_the_link() -> None:
    info = RunFolderInfo()
    record = Record(
        id=4, kind="link_loss", selector="x", parameters={}, start=0, duration=None, rng_seed=1, cells=[5], slots=[0b10]
    )
    heard = no_words(CELLS)
    heard.sequences[5, :2], heard.incarnations[5, :2] = (8, 3), ((1 << 32) | 1, (1 << 32) | 2)
    heard.said[[6, 7]] = 11, 3
    seen = dataclasses.replace(sight(0.5), heard=heard)
    found = inspect.cell(info, seen, 5, [6, 7, -1], [record])  # type: ignore[arg-type]
    assert [each["incarnation"] for each in found["neighbours"]] == [[1, 1], [1, 2], [0, 0]]
    assert [each["behind"] for each in found["neighbours"]] == [3, 0, None]
    assert [each["faults"] for each in found["neighbours"]] == [[], [4], []]
    assert found["faults"] == [{"id": 4, "kind": "link_loss"}]
    assert (found["row"], found["column"], found["pid"]) == (1, 1, 6)


class RunFolderInfo:
    width = 4
