"""Selectors: which text means which cells, and which part of a wrong one is named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellnode.topology import neighbours
from coordinator.selector import is_random, parse, parse_links
from coordinator.selectorterms import Field
from firmware_sim.errors import BadInput


def field(height: int = 4, width: int = 6, torus: bool = False, dead: tuple[int, ...] = ()) -> Field:
    on = np.ones(height * width, np.bool_)
    on[list(dead)] = False
    return Field(height, width, torus, on)


def chosen(text: str, where: Field | None = None, seed: int = 1) -> list[int]:
    return [int(cell) for cell in parse(text).cells(where or field(), seed)]


def test_all_alive_and_dead_follow_the_power() -> None:
    where = field(dead=(3, 7))
    assert chosen("all", where) == list(range(24))
    assert chosen("dead", where) == [3, 7]
    assert chosen("alive", where) == [cell for cell in range(24) if cell not in (3, 7)]


def test_a_cell_is_row_and_column() -> None:
    assert chosen("cell:1,2") == [8]
    assert chosen("cell:1,2,0,3,1,2") == [3, 8], "several, by more pairs"


def test_a_rectangle_includes_both_corners() -> None:
    assert chosen("rect:1,1,2,2") == [7, 8, 13, 14]


def test_rows_and_columns_are_lines_or_ranges_of_lines() -> None:
    assert chosen("row:1") == list(range(6, 12))
    assert chosen("column:1-2&row:0") == [1, 2]
    with pytest.raises(BadInput, match="the grid has rows 0 to 3"):
        chosen("row:2-4")
    with pytest.raises(BadInput, match="last column must not lie before"):
        parse("column:3-1")


def test_an_arrow_chooses_the_edges_that_lead_from_one_choice_to_another() -> None:
    table = neighbours(4, 6, False)
    for text in ("cell:1,2->cell:1,3", "cell:1,2 to cell:1,3"):
        cells, slots = parse_links(text).edges(field(), table, 1)
        assert cells.tolist() == [9] and slots == [1 << 3], "slot 3 is the west"
    cells, slots = parse_links("half:left->half:right").edges(field(), table, 1)
    assert cells.tolist() == [3, 9, 15, 21], "only the cells at the border of the halves have such edges"
    assert slots == [0b101000, 0b101001, 0b101001, 0b001001]


def test_without_an_arrow_all_incoming_edges_are_meant() -> None:
    cells, slots = parse_links("cell:1,2").edges(field(), neighbours(4, 6, False), 1)
    assert cells.tolist() == [8] and slots == []


def test_both_sides_of_an_arrow_draw_for_themselves() -> None:
    link = parse_links("50%->50%")
    assert link.source is not None
    assert link.source.cells(field(), 1, 64).tolist() != link.target.cells(field(), 1).tolist()
    assert is_random("50%->all") and not is_random("row:1 to row:2")


def test_arrows_are_for_links_only_and_there_is_one() -> None:
    with pytest.raises(BadInput, match="only faults on links"):
        parse("all->all")
    with pytest.raises(BadInput, match="more than one arrow"):
        parse_links("all->all->all")


def test_halves_part_the_grid_without_overlap() -> None:
    where = field(5, 5)
    for one, other in (("left", "right"), ("upper", "lower")):
        assert sorted(chosen(f"half:{one}", where) + chosen(f"half:{other}", where)) == list(range(25))


def test_a_circle_holds_what_lies_within_its_radius() -> None:
    assert chosen("circle:1,1,1", field(3, 3)) == [1, 3, 4, 5, 7]


def test_a_circle_reaches_around_a_torus_and_not_around_a_border() -> None:
    assert chosen("circle:0,0,1", field(4, 4, torus=True)) == [0, 1, 3, 4, 12]
    assert chosen("circle:0,0,1", field(4, 4)) == [0, 1, 4]


@given(share=st.integers(0, 100), seed=st.integers(0, 2**40))
def test_a_share_is_exact(share: int, seed: int) -> None:
    assert len(chosen(f"{share}%", field(10, 10), seed)) == share


@given(count=st.integers(0, 24), seed=st.integers(0, 2**40))
def test_a_count_is_exact(count: int, seed: int) -> None:
    assert len(chosen(f"n:{count}", seed=seed)) == count


def test_the_same_seed_chooses_the_same_cells_and_another_others() -> None:
    where = field(20, 20)
    assert chosen("50%", where, 7) == chosen("50%", where, 7)
    assert chosen("50%", where, 7) != chosen("50%", where, 8)


def test_random_takes_each_with_its_probability() -> None:
    where = field(100, 100)
    assert chosen("random:0", where) == []
    assert len(chosen("random:1", where)) == 10_000
    assert abs(len(chosen("random:0.3", where)) - 3000) < 250


def test_an_intersection_chooses_among_what_the_left_part_left() -> None:
    where = field(10, 10, dead=tuple(range(50)))
    half = chosen("alive&50%", where)
    assert len(half) == 25 and all(cell >= 50 for cell in half)
    assert chosen("rect:0,0,0,5&cell:0,3", where) == [3]


def test_only_drawing_selectors_are_random() -> None:
    assert is_random("50%") and is_random("alive&n:3") and is_random("random:0.5")
    assert not is_random("all") and not is_random("half:left&circle:1,1,2")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "empty"),
        ("everything", "everything"),
        ("cell:1", "expected row,column"),
        ("cell:1,2,3", "expected row,column"),
        ("cell:1,2,9,9", "cell 9,9 is not on the 4x6 grid"),
        ("cell:9,9", "not on the 4x6 grid"),
        ("cell:1.5,2", "row is 1.5"),
        ("n:-1", "negative"),
        ("n:25", "asks for 25 cells, only 24"),
        ("120%", "between 0% and 100%"),
        ("x%", "'x'"),
        ("random:2", "between 0 and 1"),
        ("half:top", "'top'"),
        ("rect:3,3,1,1", "second corner"),
        ("circle:1,1,nan", "finite"),
        ("alive&nonsense", "part 'nonsense'"),
        ("all:3", "all:3"),
    ],
)
def test_a_wrong_selector_names_the_part_that_is_wrong(text: str, part: str) -> None:
    with pytest.raises(BadInput, match="selector") as error:
        chosen(text)
    assert part in str(error.value)
    assert "\n" not in str(error.value)


def test_a_path_chooses_the_cells_near_a_line() -> None:
    where = field(5, 8)
    row = [cell % 8 for cell in parse("path:0.5,2,1,2,5").cells(where, 1) if cell // 8 == 2]
    assert row == [1, 2, 3, 4, 5]
    assert parse("path:1,2,3").cells(where, 1).tolist() == parse("circle:2,3,1").cells(where, 1).tolist()
    bent = parse("path:0.4,0,0,0,3,3,3").cells(where, 1).tolist()
    assert bent == [0, 1, 2, 3, 11, 19, 27]


@pytest.mark.parametrize("text", ["path:", "path:1", "path:1,2", "path:1,2,3,4", "path:-1,2,3", "path:1,a,3"])
def test_a_path_that_is_none_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput, match="path"):
        parse(text)


def test_a_side_chooses_what_lies_left_of_a_line_as_one_walks_along_it() -> None:
    right = parse("side:2,0,2,5").cells(field(5, 6), 1)
    assert sorted({cell // 6 for cell in right.tolist()}) == [0, 1], "walking right, left is up"
    down = parse("side:0,3,4,3").cells(field(5, 6), 1)
    assert sorted({cell % 6 for cell in down.tolist()}) == [4, 5], "walking down, left is right of it"
    with pytest.raises(BadInput, match="differ"):
        parse("side:1,1,1,1")
