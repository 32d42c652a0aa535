"""What a person sees: the curve, the report, the half blocks of the terminal, and what the demo chooses."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from cellnode.panel import COUNTERS, Phase
from coordinator import curve
from coordinator.camera import Sight
from coordinator.capacity import Machine
from coordinator.cli.demo import CELL_MIB, Choice, choose
from coordinator.terminal import View, half_blocks, phase_colours

GIB = 1 << 30


def rows(loss: float | None = -2.0) -> list[curve.Row]:
    row: curve.Row = {"loss_log10": loss, "loss_log10_shift1": loss, "alive": 100.0, "living": 30.0}
    return [{"t": float(t), **row} for t in range(20)]


def test_the_curve_is_well_formed_and_marks_events_by_name() -> None:
    text = curve.svg(rows(), [curve.Mark(5.0, "kill 50% <half>"), curve.Mark(5.1, "revive dead")])
    root = ElementTree.fromstring(text)
    labels = [element.text for element in root.iter("text")]
    assert "kill 50% <half>" in labels and "revive dead" in labels
    assert len(root.findall(".//polyline")) == 3


def test_without_a_target_only_the_cells_are_drawn() -> None:
    root = ElementTree.fromstring(curve.svg(rows(None), []))
    assert len(root.findall(".//polyline")) == 1


def test_too_short_a_run_has_no_curve() -> None:
    assert curve.svg(rows()[:1], []) == ""


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 164), (-6.5, -2.0), (0, 100_000)])
def test_ticks_are_round_and_few(low: float, high: float) -> None:
    found = curve.ticks(low, high, 6)
    assert 2 <= len(found) <= 14 and found[0] >= low and found[-1] <= high


def test_half_blocks_show_two_cells_a_character() -> None:
    colours = np.zeros((4, 3, 3), np.uint8)
    colours[0] = (255, 0, 0)
    colours[1] = (0, 0, 255)
    text = half_blocks(colours)
    assert text.plain == "▀▀▀\n▀▀▀"
    assert str(text.spans[0].style) == "rgb(255,0,0) on rgb(0,0,255)"


def test_an_odd_number_of_rows_ends_in_the_dark() -> None:
    assert half_blocks(np.full((3, 2, 3), 9, np.uint8)).plain.count("\n") == 1


def test_without_colour_light_is_told_by_signs() -> None:
    colours = np.array([[[0, 0, 0], [120, 0, 0], [0, 255, 0]]], np.uint8)
    assert half_blocks(colours, colour=False).plain == " =@"


def test_processes_light_up_as_they_connect() -> None:
    phases = np.array([Phase.OFF, Phase.BORN, Phase.BOUND, Phase.WIRED, Phase.LINKED, Phase.FAILED], np.uint32)
    light = phase_colours(_sight(phases)).reshape(6, 3).sum(axis=1)
    assert light[0] == 0 and list(light[:5]) == sorted(light[:5]) and light[4] > 600


def test_without_a_terminal_the_view_is_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with View(live=False) as view:
        view.say("hello")
        view.headline("growing")
    err = capsys.readouterr().err
    assert err == "hello\ngrowing\n"


@pytest.mark.parametrize(
    ("gib", "choice"),
    [
        (24, Choice("lizard-hardened", 40)),
        (13.5, Choice("lizard-hardened", 40)),
        (9, Choice("lizard-24", 32)),
        (8, Choice("lizard-24", 28)),
        (7, Choice("lizard-24", 28)),
        (2, Choice("dot", 14)),
    ],
)
def test_the_demo_takes_the_largest_grid_that_fits_half_of_the_memory(gib: float, choice: Choice) -> None:
    found = choose(_machine(gib), ["dot", "lizard-hardened", "lizard-24"])
    assert found == choice
    assert found.cells * CELL_MIB <= gib * 1024 / 2


def test_the_demo_heeds_what_others_use_and_the_number_of_processes() -> None:
    assert choose(replace(_machine(24), memory_available=2 * GIB), ["dot", "lizard"]) == Choice("dot", 14)
    assert choose(replace(_machine(24), tasks_free=2000), ["dot", "lizard"]) == Choice("dot", 14)


def _machine(gib: float) -> Machine:
    total = int(gib * GIB)
    return Machine(total, int(total * 0.95), "available", 30_000, "kernel.pid_max", 10**7, 20_000, 2.0)


def _sight(phases: np.ndarray) -> Sight:
    cells = phases.size
    return Sight(
        at_ns=1,
        on=phases > 0,
        pids=phases,
        phases=phases,
        lives=phases.astype(np.uint64),
        counters=np.zeros((cells, COUNTERS), np.uint64),
        states=np.zeros((2, 3, 16), np.float32),
        ages_intervals=np.zeros(0),
    )
