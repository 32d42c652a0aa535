"""Sheets of a panel: whatever changes when, and whichever are lost, an asker comes to see all, in sheets that fit."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cellnode import panel, sheets
from cellnode.messages import REPORT_MAX, Sheet, encode
from cellnode.sheets import MOST, PART, Sheets, read

EPOCH = 4
FEW = 3  # pages of a sheet, here


def a_panel(cells: int) -> NDArray[Any]:
    pages = np.zeros(cells, panel.SLOT_DTYPE)
    pages["cell"], pages["epoch"] = np.arange(cells), EPOCH
    return pages


class Asker:
    """Who keeps a copy from sheets, as the coordinator does."""

    def __init__(self, cells: int) -> None:
        self.copy = np.zeros((cells, PART), np.uint8)
        self.base = 0

    def ask(self, shown: Sheets, *, arrives: bool = True) -> Sheet:
        sheet = shown.answer(1, self.base, 2)
        indices, pages = read(sheet, len(self.copy))
        assert len(indices) <= sheets.MOST
        if arrives and sheet.base in (0, self.base):
            self.copy[indices] = pages.view(np.uint8).reshape(-1, PART)
            self.base = sheet.version
        return sheet

    def ask_to_the_end(self, shown: Sheets) -> int:
        """Of the round; how many sheets that took."""
        count = 1
        while self.ask(shown).left:
            count += 1
        return count

    def sees(self, pages: NDArray[Any]) -> bool:
        return bool((self.copy == pages.view(np.uint8).reshape(len(pages), -1)[:, :PART]).all())


PAGES = st.lists(st.integers(0, 9), max_size=10)
EVENTS = st.one_of(
    st.tuples(st.just("change"), PAGES),
    st.tuples(st.sampled_from(["ask", "lose", "another asker"]), st.just([])),
)


@given(st.integers(1, 10), st.lists(EVENTS, max_size=25))
def test_once_all_is_at_rest_two_rounds_show_everything(cells: int, events: list[tuple[str, list[int]]]) -> None:
    pages, asker = a_panel(cells), Asker(cells)
    shown = Sheets("a/4", EPOCH, pages)
    with patch.object(sheets, "MOST", FEW):
        for number, (what, changed) in enumerate(events):
            if what == "change":
                some = [index for index in changed if index < cells]
                pages["counters"][some, number] = number + 1
                pages["say_times"][some, number] = number + 1
            elif what == "another asker":
                asker = Asker(cells)
            else:
                asker.ask(shown, arrives=what == "ask")
        asker.ask_to_the_end(shown)  # what was looked at before the last change may have been in this one
        asker.ask_to_the_end(shown)
        assert asker.sees(pages)
        at_rest = asker.ask(shown)
        assert (at_rest.indices, at_rest.left) == (b"", 0)


def test_no_page_waits_for_more_than_a_round_though_all_change_all_the_time() -> None:
    pages, asker = a_panel(10), Asker(10)
    shown = Sheets("a/4", EPOCH, pages)
    with patch.object(sheets, "MOST", FEW):
        for number in range(1, 9):
            pages["counters"][:, 0] = number
            asker.ask(shown)
            seen = asker.copy.reshape(-1).view(sheets.PART_DTYPE)["counters"][:, 0]
            if number >= 4:
                assert seen.min() > number - 4, "ten pages are four sheets"


def test_an_asker_with_another_base_is_shown_everything_again() -> None:
    pages, asker = a_panel(10), Asker(10)
    shown = Sheets("a/4", EPOCH, pages)
    with patch.object(sheets, "MOST", FEW):
        assert asker.ask_to_the_end(shown) == 4
        asker.ask(shown, arrives=False)
        again = asker.ask(shown)
        assert (again.base, again.left) == (0, 7)
        assert Asker(10).ask_to_the_end(shown) == 4


def test_what_has_no_room_comes_with_the_next_sheet_and_what_has_not_changed_does_not_come() -> None:
    pages, asker = a_panel(10), Asker(10)
    shown = Sheets("a/4", EPOCH, pages)
    with patch.object(sheets, "MOST", FEW):
        asker.ask_to_the_end(shown)
        pages["life"][[1, 2, 3, 8]] = 7
        named = [read(asker.ask(shown), 10)[0].tolist() for _ in range(3)]
    assert named == [[1, 2, 3], [8], []]


def test_a_sheet_of_pages_that_nothing_can_compress_fits_a_report() -> None:
    pages = a_panel(MOST + 1)
    raw = pages.view(np.uint8).reshape(len(pages), -1)
    raw[:, :PART] = np.random.default_rng(1).integers(0, 256, (len(pages), PART), np.uint8)
    sheet = Sheets("a/4", EPOCH, pages).answer(1, 0, 2)
    assert sheet.left == 1
    assert MOST * PART < len(encode(sheet)) < REPORT_MAX * 0.8
