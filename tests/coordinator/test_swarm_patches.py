"""Patches, 12x12 cells in nine processes: what the API promises of processes, with many cells in each."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from grown import GROWN, grown
from test_swarm_processes import eventually, exists, nothing_left

from cellnode.panel import Counter
from coordinator import Swarm
from coordinator.guest import Guest
from coordinator.runfolder import RunFolder
from firmware_sim.errors import BadInput

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]
GRID, PATCH = (12, 12), (4, 4)


@pytest.fixture(scope="module")
def swarm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    out = tmp_path_factory.mktemp("patches") / "run"
    with Swarm.start("dot", grid=GRID, interval_s=0.2, seed=5, out=out, substrate="patches", patch=PATCH) as found:
        found.wait(25)
        yield found
        found.stop()
        assert nothing_left(out)


def test_patches_grow_the_picture_and_say_how_many_processes_they_are(swarm: Swarm) -> None:
    measure = swarm.measure()
    assert (measure.processes, measure.substrate, measure.alive) == (9, "patches", 144)
    assert measure.loss_log10 is not None and measure.loss_log10 < GROWN
    assert measure.cpu_us_per_update is not None and measure.broken == ()


def test_a_guest_counts_the_same_processes(swarm: Swarm) -> None:
    guest = Guest(RunFolder.open(Path(swarm.folder)), None)
    try:
        assert guest.measure().processes == swarm.measure().processes == 9
    finally:
        guest.leave()


def test_killed_cells_are_dark_and_proven_so_and_heal_when_revived(swarm: Swarm) -> None:
    pids = set(swarm.look().pids.tolist())
    killed = swarm.kill("50%", seed=1)
    assert list(killed.proof.values()) == [72] and not killed.missing
    assert swarm.look().alive == 72 and all(exists(pid) for pid in pids)
    swarm.revive("dead")
    assert swarm.look().alive == 144
    swarm.plant(swarm.centre)
    assert grown(swarm)


def test_a_patch_whose_process_dies_comes_back_with_all_its_cells(swarm: Swarm) -> None:
    victim = int(swarm.look().pids[0])
    os.kill(victim, signal.SIGKILL)
    assert eventually(lambda: int(swarm.look().pids[0]) not in (0, victim) and swarm.look().alive == 144)
    mates = [row * 12 + column for row in range(4) for column in range(4)]
    assert len(set(swarm.look().pids[mates].tolist())) == 1


def test_frozen_cells_and_link_faults_are_counted_at_their_victims(swarm: Swarm) -> None:
    frozen = swarm.freeze("circle:5,5,1")
    assert swarm.look().counters[frozen.cells, Counter.STILL].sum() == len(frozen.cells) == 5
    swarm.thaw("all")
    swarm.inject("link_loss", "all", rate=0.5)
    assert eventually(lambda: [report.hits > 100 for report in swarm.faults()] == [True])
    swarm.heal()
    assert swarm.faults()[0].state == "healed"


def test_struck_cells_of_int8_patches_are_counted_at_the_victims(tmp_path: Path) -> None:
    wish = {"engine": "chip", "interval_s": 0.1, "seed": 5, "substrate": "patches", "patch": PATCH}
    with Swarm.start("dot", grid=(8, 8), out=tmp_path / "run", **wish) as swarm:  # type: ignore[arg-type]
        swarm.wait(10)
        swarm.inject("bit_flip", "all", count=1)
        swarm.inject("accumulator_flip", "all", rate=0.3)
        swarm.inject("genome_flip", "n:8", count=3)
        swarm.inject("byzantine", "half:left", mode="random")
        swarm.inject("stuck_channel", "half:right", channel=3, level=1)
        assert eventually(lambda: all(report.hits > 0 for report in swarm.faults()))
        swarm.kill("n:20")
        swarm.revive("dead")
        swarm.heal()
        swarm.wait(10)
        assert swarm.measure().broken == ()
    assert nothing_left(tmp_path / "run")


def test_what_patches_do_not_have_is_refused_before_anything_starts(tmp_path: Path) -> None:
    for more in ({"record": True}, {"chips": 1}):
        with pytest.raises(BadInput, match="patches"):
            Swarm.start("dot", grid=GRID, substrate="patches", out=tmp_path / "none", **more)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="expected 1x1 to 4,096 cells"):
        Swarm.start("dot", grid=(200, 200), substrate="patches", patch=(100, 100), out=tmp_path / "none")
    assert not (tmp_path / "none").exists()
