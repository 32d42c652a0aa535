"""Views that say where a cell is and what it would cost, in a real browser beside a swarm over two hosts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from browsing import CHROMIUM, Visit, until
from playwright.sync_api import Page
from starting import Start

from coordinator import Swarm
from coordinator.runfolder import RunFolder
from coordinator.serve import address, beside
from coordinator.serve.spent import NEEDED, chips_of, counted

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (Debian package chromium)"),
]


@pytest.fixture
def served(start: Start) -> Iterator[tuple[Swarm, str]]:
    page = beside.Page(address.Address(port=0))
    try:
        swarm = start("dot", (4, 6), hosts=2, capacity=24)
        page.open(swarm.folder)
        yield swarm, page.url
    finally:
        page.close()


def legend(page: Page) -> str:
    return " ".join(page.inner_text("#legend").split())


def test_hosts_are_named_and_followed_and_energy_is_that_of_the_chosen_chip(
    visit: Visit, served: tuple[Swarm, str]
) -> None:
    swarm, url = served
    page, wrong = visit(url)
    page.click("#view-host")
    until(lambda: "h1 (12) h2 (12)" in legend(page), "both hosts with their cells")
    pids = swarm.look().pids.tolist()
    until(lambda: page.evaluate("Array.from(planaria.page.views.pids)") == pids, "each cell's process")

    page.click("#view-energy")
    page.select_option("#legend select", label="CH32V003")
    until(lambda: "mJ" in legend(page), "the unit")
    until(lambda: "CH32V003: mJ" in page.inner_text("#charts"), "the chart of the same chip")
    swarm.pause()
    until(lambda: page.evaluate("planaria.page.cells.paused"), "the pause")
    chip = next(each for each in chips_of(RunFolder.open(swarm.folder)) if each["chip"] == "CH32V003")
    computed, line = counted(*swarm.look().counters.T[NEEDED])
    millijoules = (computed * chip["uj_update"] + line * chip["uj_byte"]) / 1000
    assert millijoules.max() > 0
    drawn = "Array.from({ length: 24 }, (_, cell) => planaria.page.views.energy(planaria.page.cells, cell))"
    until(lambda: np.allclose(page.evaluate(drawn), millijoules), "what the cells' own counters say")
    swarm.resume()

    page.click("#view-host")
    swarm.inject("agent_kill", select="all")
    until(lambda: legend(page).startswith("h2 (24)"), "all cells on the host that is left")
    assert wrong == []
