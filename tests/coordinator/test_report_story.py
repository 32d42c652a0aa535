"""What a report tells of a run's events: marks, bands of harm, blows, the table with its proof, losses and returns."""

from __future__ import annotations

import numpy as np
import pytest

from coordinator import heat
from coordinator.curve import Band
from coordinator.report import events, recovery, story

LOG = [
    {"t": None, "event": "launched", "processes": 9},
    {"t": 0.0, "event": "seed", "selector": "cell:1,1", "cells": [4]},
    {"t": 60.0, "event": "kill", "selector": "50%", "cells": [0, 1, 2, 3], "rng_seed": 7,
     "proof": {"dead_process_ids": 4}},
    {"t": 62.0, "event": "erase", "selector": "cell:2,2", "cells": [8]},
    {"t": 64.0, "event": "revive", "selector": "dead", "cells": [0, 1, 2, 3], "proof": {"alive": 9}},
    {"t": 90.0, "event": "fault", "fault": 1, "kind": "link_loss", "selector": "all", "parameters": {"rate": 0.5},
     "duration": 20.0, "cells": 9, "state": "injecting", "hits": 0, "links": 0},
    {"t": 90.0, "event": "inject", "selector": "all", "cells": list(range(9)), "fault": 1,
     "proof": {"kind": "link_loss", "hits": 0}, "missing": [3]},
    {"t": 110.0, "event": "fault", "fault": 1, "kind": "link_loss", "selector": "all", "parameters": {"rate": 0.5},
     "duration": 20.0, "cells": 9, "state": "finished", "hits": 777, "links": 0},
]  # fmt: skip


def test_bands_say_when_harm_was_on() -> None:
    assert story.bands(LOG, 200.0) == [
        Band(60.0, 64.0, "without power"),
        Band(90.0, 110.0, "link_loss all"),
    ]


def test_what_never_ended_lasts_to_the_end() -> None:
    assert story.bands(LOG[:6], 200.0)[-1] == Band(90.0, 200.0, "link_loss all")
    assert story.bands(LOG[:4], 200.0) == [Band(60.0, 200.0, "without power")]


def test_near_blows_are_one_and_their_cells_are_known() -> None:
    first, second = story.blows(LOG)
    assert (first.t, first.cells) == (60.0, frozenset({0, 1, 2, 3, 8}))
    assert "kill 50%" in first.text and "erase" in first.text
    assert (second.t, len(second.cells)) == (90.0, 9)


def test_of_many_blows_the_first_and_the_last_are_shown() -> None:
    many = [story.Blow(10.0 * n, str(n), frozenset({n})) for n in range(9)]
    assert [blow.t for blow in story.chosen(many)] == [0.0, 10.0, 20.0, 80.0]


def test_each_event_stands_with_its_proof() -> None:
    page, columns = events.table(LOG), events.columns(LOG)
    assert "hits 777, finished" in page and "dead process ids 4" in page and "rate 0.5, for 20 T" in page
    assert columns["proof"][6] == "hits 0, not acknowledged by 1"
    assert columns["cells"] == [0, 1, 4, 1, 4, 9, 9, 9]
    assert {len(values) for values in columns.values()} == {len(LOG)}


def gains(*values: float) -> list[dict[str, float | None]]:
    return [{"t": float(t), "gain_log10": gain} for t, gain in enumerate(values)]


def test_a_picture_that_is_lost_and_comes_back_is_timed() -> None:
    rows = gains(0.0, 0.9, 1.5, 1.3, 0.4, 0.5, 1.25, 1.6, 0.1, 0.2)
    assert recovery.losses(rows) == [recovery.Loss(4.0, 6.0, 6.0), recovery.Loss(8.0, None, 9.0)]


def test_a_picture_that_never_grew_was_never_lost() -> None:
    assert recovery.losses(gains(0.0, 0.5, 1.3, 0.2)) == []


def test_three_losses_make_a_survival_curve_with_the_censored_counted() -> None:
    pytest.importorskip("scipy")
    up, down = 1.5, 0.2
    page = recovery.section(gains(up, down, up, down, down, up, down), [story.Blow(1.0, "kill all", frozenset({1}))])
    assert "2 came back, 1 not while watched" in page and "Kaplan-Meier" in page
    assert "kill all" in page


def test_colours_of_a_map_rise_in_lightness_and_stop_at_the_ends() -> None:
    shown = heat.colours(np.linspace(-0.5, 1.5, 41)[None], 0.0, 1.0).astype(int)
    light = shown[0] @ np.array([299, 587, 114])
    assert (np.diff(light) >= 0).all()
    assert (shown[0, 0] == shown[0, 10]).all() and (shown[0, 30] == shown[0, 40]).all()


def test_hit_cells_carry_a_dot_and_dead_ones_a_stroke() -> None:
    blank = np.zeros((2, 2, 3), np.uint8)
    hit = np.array([[True, False], [False, False]])
    dead = np.array([[False, False], [False, True]])
    found = heat.picture(blank, hit, dead)
    half = len(found) // 2
    assert (found[:half, :half] == heat.HIT).all(axis=-1).any()
    assert (found[half:, half:] == heat.DEAD).all(axis=-1).sum() == half
    assert not found[:half, half:].any() and not found[half:, :half].any()
