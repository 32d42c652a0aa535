"""One panel made of many hosts' sheets: what changed is sent and put in its place, in this machine's time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from cellnode import panel, sheets
from cellnode.messages import Sheet
from cellnode.panel import PAGE, Counter, Phase
from cellnode.sheets import Sheets, read
from coordinator.camera import Camera
from coordinator.hosts.mosaic import Mosaic
from coordinator.hosts.roster import Tenure
from firmware_sim.errors import BadInput

HOUR_NS = 3_600_000_000_000
LEFT, RIGHT = Tenure(1, "a", "a1", [0, 2]), Tenure(2, "b", "b1", [1, 3])


class Block:
    """An agent's panel and its sheets, without an agent."""

    def __init__(self, tenure: Tenure, ahead_ns: int = 0) -> None:
        self.tenure, self.ahead_ns = tenure, ahead_ns
        self.pages: NDArray[Any] = np.zeros(len(tenure.cells), panel.SLOT_DTYPE)
        self.pages["cell"], self.pages["epoch"] = tenure.cells, tenure.epoch
        self.sheets = Sheets(tenure.agent, tenure.epoch, self.pages)

    def say(self, index: int, alpha: int, at_ns: int, life: int = 1, sequence: int = 1) -> None:
        page = self.pages[index : index + 1]
        page["pid"], page["life"], page["phase"] = 10 + index, life, Phase.LINKED
        copy = page["copies"][:, 0]
        copy["begin"] = copy["end"] = copy["sequence"] = sequence
        copy["said_at_ns"] = at_ns + self.ahead_ns
        copy["state"] = np.frombuffer(bytes([0, 0, 0, alpha]) + bytes(60), "V64")
        page["copies"][:, 0] = copy
        page["say_times"][:, sequence] = at_ns + self.ahead_ns
        page["counters"][:, Counter.UPDATES] = sequence

    def answer(self, base: int, asked_ns: int, now_ns: int) -> Sheet:
        return self.sheets.answer(asked_ns, base, now_ns + self.ahead_ns)


@pytest.fixture
def mosaic(tmp_path: Path) -> Iterator[Mosaic]:
    mosaic = Mosaic(tmp_path / "panel", 4, 16, 1)
    yield mosaic
    mosaic.close()


def test_sheets_of_all_hosts_make_one_picture(mosaic: Mosaic, tmp_path: Path) -> None:
    for tenure, alpha in ((LEFT, 32), (RIGHT, 64)):
        mosaic.add(tenure, same_clock=True)
        block = Block(tenure)
        block.say(0, alpha, 5)
        block.say(1, alpha, 5)
        mosaic.take(block.answer(0, 1, 2), 3)
    camera = Camera(tmp_path / "panel", 2, 2, False)
    sight = camera.look()
    camera.close()
    assert sight.alive == 4
    assert sight.states[..., 3].tolist() == [[1.0, 2.0], [1.0, 2.0]]
    assert (sight.lives >> np.uint64(32)).tolist() == [1, 2, 1, 2]


def test_only_what_has_changed_is_sent_again(mosaic: Mosaic) -> None:
    mosaic.add(LEFT, same_clock=True)
    block = Block(LEFT)
    first = block.answer(0, 1, 2)
    mosaic.take(first, 3)
    block.say(1, 32, 5)
    second = block.answer(mosaic.base(1), 4, 5)
    assert len(second.indices) == 4
    shown = mosaic.take(second, 6)
    assert shown is not None and shown.tolist() == [2]


def test_a_sheet_that_was_lost_costs_one_whole_sheet_and_nothing_else(mosaic: Mosaic) -> None:
    mosaic.add(LEFT, same_clock=True)
    block = Block(LEFT)
    mosaic.take(block.answer(0, 1, 2), 3)
    block.say(0, 32, 5)
    block.answer(mosaic.base(1), 4, 5)  # never arrives
    again = block.answer(mosaic.base(1), 6, 7)
    assert len(again.indices) == 8
    shown = mosaic.take(again, 8)
    assert shown is not None and shown.tolist() == [0, 2]


def test_a_block_of_several_sheets_is_put_together_and_a_lost_one_is_made_good(
    mosaic: Mosaic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "MOST", 1)
    mosaic.add(LEFT, same_clock=True)
    block = Block(LEFT)
    for index in range(2):
        block.say(index, 32, 5)
    mosaic.take(block.answer(mosaic.base(1), 1, 2), 3)
    block.answer(mosaic.base(1), 4, 5)  # never arrives
    anew = [block.answer(mosaic.base(1), 6, 7)]
    mosaic.take(anew[0], 8)
    anew.append(block.answer(mosaic.base(1), 9, 10))
    mosaic.take(anew[1], 11)
    assert [(sheet.base, sheet.left) for sheet in anew] == [(0, 1), (anew[0].version, 0)]
    camera = Camera(tmp_path / "panel", 2, 2, False)
    assert camera.look().on.tolist() == [True, False, True, False]
    camera.close()


def test_a_difference_to_what_was_not_taken_is_not_taken(mosaic: Mosaic) -> None:
    mosaic.add(LEFT, same_clock=True)
    block = Block(LEFT)
    first = block.answer(0, 1, 2)
    assert mosaic.take(block.answer(first.version, 3, 4), 5) is None
    assert mosaic.base(1) == 0, "all is asked for again"


def test_hosts_whose_clocks_differ_by_hours_are_shown_in_this_machine_s_time(mosaic: Mosaic, tmp_path: Path) -> None:
    mosaic.add(LEFT, same_clock=False)
    block = Block(LEFT, ahead_ns=7 * HOUR_NS)
    block.say(0, 32, at_ns=1_000_000)
    mosaic.take(block.answer(0, 2_000_000, 2_500_000), 3_000_000)
    mapping, header, pages = panel.map_all(tmp_path / "panel", writable=False)
    said = int(pages["copies"]["said_at_ns"][0, 0])
    assert int(pages["say_times"][0, 1]) == said
    del header, pages
    mapping.close()
    assert abs(said - 1_000_000) <= 500_000, "to half of the way there and back"


def test_a_lost_host_s_part_is_dark_and_a_late_sheet_of_it_changes_nothing(mosaic: Mosaic, tmp_path: Path) -> None:
    mosaic.add(LEFT, same_clock=True)
    block = Block(LEFT)
    block.say(0, 32, 5)
    mosaic.take(block.answer(0, 1, 2), 3)
    mosaic.drop(LEFT)
    assert mosaic.take(block.answer(0, 4, 5), 6) is None
    camera = Camera(tmp_path / "panel", 2, 2, False)
    sight = camera.look()
    camera.close()
    assert sight.alive == 0
    assert not sight.states.any()
    assert sight.counters[0, Counter.UPDATES] == 1, "what was counted stays counted"


def test_a_host_cannot_show_cells_of_another(mosaic: Mosaic) -> None:
    mosaic.add(LEFT, same_clock=True)
    mosaic.add(RIGHT, same_clock=True)
    block = Block(LEFT)
    block.pages["cell"] = RIGHT.cells
    assert mosaic.take(block.answer(0, 1, 2), 3) is None
    forged = msgspec.structs.replace(Block(RIGHT).answer(0, 1, 2), placement_epoch=1)
    assert mosaic.take(forged, 3) is None


@pytest.mark.parametrize("harm", ["indices", "pages", "bomb"])
def test_a_garbled_sheet_is_refused(harm: str) -> None:
    sheet = Block(LEFT).answer(0, 1, 2)
    if harm == "indices":
        sheet = msgspec.structs.replace(sheet, indices=np.array([0, 9], "<u4").tobytes())
    elif harm == "pages":
        sheet = msgspec.structs.replace(sheet, pages=sheet.pages[:-9] + b"garbage!!")
    else:
        import zlib

        sheet = msgspec.structs.replace(sheet, pages=zlib.compress(bytes(1000 * PAGE)))
    with pytest.raises(BadInput, match="sheet of a/1"):
        read(sheet, 2)
