"""Energy for the page: every chip has its figures for the run's own rule, and a run without a rule has none."""

from __future__ import annotations

from pathlib import Path

import pytest
from servedrun import info

from coordinator.runfolder import RunFolder
from coordinator.serve.spent import chips_of
from firmware_sim import folder
from firmware_sim.boards.catalog import MAIN_BOARDS
from firmware_sim.energy import estimate


def test_every_chip_is_told_with_the_cost_of_an_update_of_this_rule(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", info(), folder.load("lizard").path)
    genome = folder.load("lizard").genome()
    assert genome is not None
    told = chips_of(run)
    assert [each["board"] for each in told] == list(MAIN_BOARDS)
    for each in told:
        assert each["uj_update"] == estimate(genome, each["board"]).microjoules_per_update > 0
        assert each["uj_byte"] > 0 and each["chip"] in each["source"]


@pytest.mark.parametrize("text", ["{}", "no json"])
def test_a_run_whose_rule_cannot_be_read_has_none(tmp_path: Path, text: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "rule.json").write_text(text)
    assert chips_of(RunFolder.create(tmp_path / "run", info(), source)) == []
