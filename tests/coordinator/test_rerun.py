"""Living a virtual run a second time: the same bytes, whoever computes; and a difference is found and dated."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from cellnode.virtual import VirtualSwarm, World
from coordinator import Swarm
from coordinator.cli.main import invoke
from coordinator.rerun import Rerun
from coordinator.runfolder import RunFolder
from firmware_sim import folder
from firmware_sim.engines import make_engine
from firmware_sim.errors import BadInput

T = 1_000_000


def make(world: World, seed: int = 1) -> VirtualSwarm:
    return VirtualSwarm(8, 8, False, make_engine("chip", folder.load("dot")), 1, seed, T, world=world)


def lived(rerun: Rerun) -> Rerun:
    """Seed, growth, a crash at the very end."""
    seed = np.array([0] * 3 + [32] * 13, np.int8).tobytes()
    rerun.do(lambda swarm: swarm.poke("seed", [36], seed))
    for t in range(1, 13):
        rerun.run_until(t * T)
    rerun.do(lambda swarm: swarm.power([36], False))
    return rerun


@pytest.mark.parametrize("by", ["same", "arrays", "cells"])
def test_a_second_run_gives_the_same_bytes_whoever_computes_it(by: str) -> None:
    check = lived(Rerun(make)).again(by)  # type: ignore[arg-type]
    assert check.same and check.parted_by is None
    assert check.again_by == (check.first_by if by == "same" else by)
    assert "the same bytes a second time" in check.line and check.digest[:16] in check.line


def test_a_run_that_draws_otherwise_is_found_out_and_dated() -> None:
    seeds = iter((1, 2))
    check = lived(Rerun(lambda world: make(world, next(seeds)))).again("same")
    assert not check.same
    assert check.parted_by is not None and 1 <= check.parted_by <= 12
    assert "not the same" in check.line


def test_a_swarm_of_the_api_can_be_checked_after_all_that_befell_it(tmp_path: Path) -> None:
    with Swarm.start("dot", grid=(8, 8), substrate="virtual", seed=9, out=tmp_path / "run") as swarm:
        swarm.wait(9)
        swarm.inject("link_loss", select="all", rate=0.3, duration=4)
        swarm.kill("30%")
        swarm.wait(3)
        swarm.revive("dead")
        swarm.wait(6)
        assert swarm.again("cells").same
        with pytest.raises(BadInput, match="expected same"):
            swarm.again("twice")  # type: ignore[arg-type]
    assert "checked" in [event["event"] for event in RunFolder.open(tmp_path / "run").events()]


def test_the_command_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = "run dot --grid 8x8 --for 3 "
    assert invoke(shlex.split(run + "--substrate virtual --seed 1 --check arrays --json")) == 0
    check = json.loads(capfd.readouterr().out)["check"]
    assert check["same"] is True and check["again_by"] == "arrays"
    assert invoke(shlex.split(run + "--substrate virtual --check")) == 0
    assert "the same bytes a second time" in capfd.readouterr().out
    assert invoke(shlex.split(run + "--check")) == 2
    assert "--check needs --substrate virtual" in capfd.readouterr().err
