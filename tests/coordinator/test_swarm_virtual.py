"""The API on virtual time: grow, kill, revive, faults, pause, pictures, and the run folder that is left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from coordinator import Swarm
from coordinator.runfolder import RunFolder
from firmware_sim.errors import BadInput, RunFailed


@pytest.fixture
def swarm(tmp_path: Path) -> Iterator[Swarm]:
    with Swarm.start("dot", grid=(10, 10), substrate="virtual", seed=5, out=tmp_path / "run") as found:
        yield found


def events(swarm: Swarm) -> list[str]:
    return [str(event["event"]) for event in RunFolder.open(swarm.folder).events()]


def test_it_grows_from_one_seed_and_heals_what_was_killed(swarm: Swarm) -> None:
    swarm.wait(40)
    grown = swarm.loss()
    assert grown is not None and grown < -4
    killed = swarm.kill("50%", seed=1)
    assert len(killed.cells) == 50 and killed.proof == {"dead_process_ids": 50}
    hurt = swarm.loss()
    assert hurt is not None and hurt > grown + 0.5
    swarm.wait(4)
    assert len(swarm.revive("dead").cells) == 50
    swarm.wait(60)
    healed = swarm.loss()
    assert healed is not None and healed < -4
    assert swarm.measure().verdict == "pass"


def test_time_is_in_t(swarm: Swarm) -> None:
    assert swarm.t == 0.0
    swarm.wait(2.5)
    assert swarm.t == pytest.approx(2.5)
    swarm.wait_until(4)
    assert swarm.measure().intervals == pytest.approx(4.0)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    seen = []
    for name in ("one", "two"):
        with Swarm.start("dot", grid=(8, 8), substrate="virtual", seed=9, out=tmp_path / name) as swarm:
            swarm.wait(10)
            killed = swarm.kill("30%")
            swarm.wait(3)
            seen.append((swarm.frame().states.tobytes(), killed.cells, killed.rng_seed))
    assert seen[0] == seen[1]


def test_all_killed_is_an_empty_grid_and_a_new_seed_regrows_it(swarm: Swarm) -> None:
    swarm.wait(20)
    swarm.kill("all")
    swarm.wait(1)
    swarm.revive("all")
    swarm.wait(5)
    assert not swarm.frame().states.any()
    swarm.plant()
    swarm.wait(30)
    assert swarm.measure().living > 10


def test_several_seeds_can_be_planted_at_once(swarm: Swarm) -> None:
    assert swarm.plant("rect:1,1,1,2").cells == [11, 12]


def test_a_seed_on_dead_cells_is_bad_input(swarm: Swarm) -> None:
    swarm.kill("cell:1,1")
    with pytest.raises(BadInput, match="no running cell"):
        swarm.plant("cell:1,1")


def test_a_fault_ends_at_its_time_and_keeps_its_proof(swarm: Swarm) -> None:
    swarm.wait(10)
    swarm.inject("crash", "n:20", duration=3, seed=2)
    swarm.wait(2)
    assert swarm.look().alive == 80
    swarm.wait(2)
    assert swarm.look().alive == 100
    (report,) = swarm.faults()
    assert report.state == "finished" and report.hits == 20 and report.rng_seed == 2


def test_lost_frames_are_counted_at_their_victims(swarm: Swarm) -> None:
    swarm.wait(10)
    swarm.inject("link_loss", "half:left", rate=0.5, seed=2)
    swarm.wait(10)
    assert swarm.faults()[0].hits > 20
    swarm.heal()
    hits = swarm.faults()[0].hits
    swarm.wait(5)
    assert swarm.faults()[0].hits == hits


def test_an_erased_cell_has_lost_its_memory_and_lives_on(swarm: Swarm) -> None:
    swarm.wait(20)
    swarm.erase("all")
    assert not swarm.frame().states.any() and swarm.look().alive == 100
    assert swarm.faults() == []


def test_a_paused_swarm_does_not_wait_for_ever(swarm: Swarm) -> None:
    swarm.pause()
    with pytest.raises(BadInput, match="resume it"):
        swarm.wait(1)
    swarm.resume()
    swarm.wait(1)


def test_freezing_needs_processes(swarm: Swarm) -> None:
    with pytest.raises(BadInput, match="virtual"):
        swarm.freeze("all")


def test_stale_age_is_zero_without_delay_and_unknown_with_it(swarm: Swarm) -> None:
    swarm.wait(5)
    assert swarm.measure().stale_age_p99 == 0.0
    swarm.inject("link_delay", "all", delay=2.0)
    swarm.wait(5)
    assert swarm.measure().stale_age_p99 is None


def test_the_run_folder_tells_everything(tmp_path: Path) -> None:
    with Swarm.start("dot", grid=(8, 8), substrate="virtual", seed=9, out=tmp_path / "run") as swarm:
        swarm.wait(12)
        swarm.kill("cell:4,4")
        swarm.wait(3)
    folder = RunFolder.open(tmp_path / "run")
    assert [event["event"] for event in folder.events()] == ["launched", "seed", "kill", "stopped"]
    kill = next(event for event in folder.events() if event["event"] == "kill")
    assert kill["t"] == pytest.approx(12) and kill["cells"] == [36] and kill["proof"] == {"dead_process_ids": 1}
    assert len(folder.losses()) >= 15 and folder.losses()[-1]["alive"] == 63
    assert json.loads((folder.path / "measure.json").read_text())["intervals"] == pytest.approx(15)
    assert (folder.path / "growth.webp").exists() and (folder.path / "rule" / "genome.bin").exists()
    report = (folder.path / "report.html").read_text()
    assert "kill cell:4,4" in report and "data:image/png;base64," in report and "--seed 9" in report
    assert "http" not in report.replace("http-equiv", ""), "it asks the network for nothing"


def test_after_the_end_the_numbers_are_still_there_and_nothing_can_be_done(tmp_path: Path) -> None:
    with Swarm.start("dot", grid=(8, 8), substrate="virtual", out=tmp_path / "run") as swarm:
        swarm.wait(2)
    assert swarm.measure().intervals == pytest.approx(2) and swarm.ended
    with pytest.raises(RunFailed, match="stopped"):
        swarm.kill("all")
    swarm.stop()


def test_an_angle_turns_float_and_int8_alike(tmp_path: Path) -> None:
    for engine in ("numpy", "chip"):
        with Swarm.start(
            "dot", grid=(14, 14), substrate="virtual", engine=engine, degrees=90, seed=1, out=tmp_path / engine
        ) as swarm:
            swarm.wait(50)
            measure = swarm.measure()
        assert measure.loss_log10_shift1 is not None and measure.loss_log10_shift1 < -3.5, engine


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rule": "no-such-rule"}, "no such rule"),
        ({"substrate": "clouds"}, "substrate is 'clouds'"),
        ({"engine": "steam"}, "steam"),
        ({"interval_s": 0.0}, "interval is 0"),
        ({"interval_s": float("nan")}, "interval is nan"),
        ({"grid": (0, 5)}, "grid is 0x5"),
        ({"grid": (2, 2), "torus": True}, "torus of 2x2"),
        ({"degrees": float("inf")}, "angle"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_input_is_one_line_and_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    wish: dict[str, object] = {"rule": "dot", "grid": (8, 8), "substrate": "virtual", **changes}
    with pytest.raises(BadInput) as error:
        Swarm.start(**wish)  # type: ignore[arg-type]
    assert says in str(error.value) and "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_torus_joins_the_borders(tmp_path: Path) -> None:
    with Swarm.start("dot", grid=(8, 8), torus=True, substrate="virtual", seed=1, out=tmp_path / "run") as swarm:
        swarm.plant("cell:0,0")
        swarm.wait(4)
        states = swarm.frame().states
    assert np.abs(states[-1]).sum() > 0 and np.abs(states[:, -1]).sum() > 0
