"""The API on virtual time: grow, kill, revive, faults, pause, pictures, and the run folder that is left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cellnode.panel import Counter
from coordinator import Swarm, faults
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


def test_moments_that_are_no_whole_number_of_nanoseconds_are_reached(tmp_path: Path) -> None:
    with Swarm.start("dot", (6, 6), substrate="virtual", seed=5, interval_s=1e-6, out=tmp_path / "run") as swarm:
        fault = swarm.inject("link_loss", "all", rate=0.5, duration=0.33333)
        for step in range(1, 8):
            swarm.wait_until(step / 7)
            assert swarm.reached(step / 7)
        assert swarm.t == pytest.approx(1.0, abs=1e-3)
        assert [each.state for each in swarm.faults() if each.id == fault.fault] == ["finished"]


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


def test_a_partition_stops_growth_at_the_cut_and_healing_lets_it_through(swarm: Swarm) -> None:
    swarm.inject("partition", "all", name="halves", duration=30)
    swarm.wait(29)
    alpha = swarm.frame().states[..., 3]
    assert not (alpha[:, :5] > 0.1).any() and (alpha[:, 5:] > 0.1).any(), "the seed lies right of the cut"
    report = swarm.faults()[0]
    assert report.state == "active" and report.links == 2 * 28 and report.hits > 0
    swarm.wait(31)
    assert (swarm.frame().states[:, :5, 3] > 0.1).any()


def test_a_fault_that_hits_nothing_makes_the_verdict_unknown(swarm: Swarm) -> None:
    swarm.wait(40)
    assert swarm.measure().verdict == "pass"
    swarm.inject("link_loss", "cell:0,0", rate=0.0)
    swarm.wait(1.5)
    assert swarm.measure().verdict == "unknown"


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


def test_frozen_cells_stand_still_until_they_are_thawed(swarm: Swarm) -> None:
    swarm.wait(10)
    swarm.inject("pause", "half:left", duration=5)
    before = swarm.look().counters[:, Counter.SAID].reshape(10, 10)
    swarm.wait(4)
    said = swarm.look().counters[:, Counter.SAID].reshape(10, 10) - before
    assert not said[:, :5].any() and said[:, 5:].any()
    assert swarm.faults()[0].hits == 50
    swarm.wait(10)
    assert (swarm.look().counters[:, Counter.SAID].reshape(10, 10) > before)[:, :5].any()


def test_an_agent_and_a_coordinator_cannot_be_killed_where_there_is_none(swarm: Swarm) -> None:
    for kind in ("agent_kill", "coordinator_kill"):
        with pytest.raises(BadInput, match="virtual time"):
            swarm.inject(kind, "all")


def test_faults_of_hosts_are_refused_where_there_is_no_network_of_hosts(swarm: Swarm) -> None:
    for words in (["host_off"], ["host_cut", "hosts=h1", "begin=90"]):
        with pytest.raises(BadInput, match=r"start it with --hosts N --netns"):
            swarm.perform(faults.parse(words))


def test_a_planned_fault_begins_and_ends_at_its_times_as_often_as_asked(swarm: Swarm) -> None:
    action = faults.parse(["erase", "select=cell:5,5", "begin=5", "every=4", "times=3"])
    swarm.perform(action)
    assert [fault.state for fault in swarm.faults()] == ["planned"]
    swarm.wait(20)
    done = swarm.faults()
    assert [round(fault.start, 3) for fault in done] == [5, 9, 13] and {fault.hits for fault in done} == {1}
    assert len({fault.rng_seed for fault in done}) == 3


def test_schedules_and_floors_are_words_of_the_api_too(swarm: Swarm) -> None:
    swarm.inject("crash", "all", duration=1, keep=90, every=3, times=2)
    swarm.wait(8)
    assert [fault.hits for fault in swarm.faults()] == [10, 10]


def test_a_fault_that_comes_by_chance_can_be_called_off(swarm: Swarm) -> None:
    swarm.perform(faults.parse(["link_loss", "select=all", "rate=1", "up=3", "down=2", "min_down=1", "seed=4"]))
    swarm.wait(25)
    begun = [fault for fault in swarm.faults() if fault.state != "planned"]
    assert len(begun) >= 2 and all(fault.duration >= 1 for fault in begun if fault.duration)
    assert [one.start for one in begun] == sorted(one.start for one in begun)
    swarm.heal()
    assert all(fault.over for fault in swarm.faults())


def test_churn_takes_cells_down_and_brings_them_up_and_leaves_some_alone(swarm: Swarm) -> None:
    swarm.perform(faults.parse(["churn", "select=all", "up=4", "down=2", "keep=60", "for=30", "seed=4"]))
    alive = []
    for _ in range(29):
        swarm.wait(1)
        alive.append(swarm.look().alive)
    assert 60 <= min(alive) < 95 and len(set(alive)) > 5
    assert swarm.faults()[0].cells == 40 and swarm.faults()[0].hits > 40
    swarm.wait(3)
    assert swarm.look().alive == 100 and swarm.faults()[0].state == "finished"


def test_a_floor_spares_some_of_the_chosen(swarm: Swarm) -> None:
    swarm.perform(faults.parse(["crash", "select=all", "keep=7", "for=3", "seed=4"]))
    assert swarm.look().alive == 7


def test_parts_of_the_picture_can_be_chosen(swarm: Swarm) -> None:
    swarm.wait(30)
    swarm.kill("part:picture")
    assert swarm.measure().living == 0
    with pytest.raises(BadInput, match="part 'head' is unknown to this picture, expected one of: picture, rim, ground"):
        swarm.kill("part:head")


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
