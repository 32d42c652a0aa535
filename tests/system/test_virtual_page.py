"""The live page of a swarm in virtual time, in a real browser: a pace to choose, a step of one T, exact strokes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browsing import CHROMIUM, Visit, drag, until

from coordinator import Swarm
from coordinator.serve import address, within

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (Debian package chromium)"),
]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Swarm, within.Page]]:
    """A swarm of 8x8 that lives in another thread, at 2 T a second, and its page."""
    page, enough = within.Page(address.Address(port=0), 2.0), threading.Event()
    with Swarm.start("dot", (8, 8), substrate="virtual", seed=3, out=tmp_path / "run") as swarm:
        page.show(swarm)
        living = threading.Thread(target=page.pace.live, args=(swarm, None, lambda: None, enough.is_set))
        living.start()
        yield swarm, page
        enough.set()
        living.join(20)
        page.close()


def test_virtual_time_is_watched_at_a_chosen_pace_and_acted_on(visit: Visit, served: tuple[Swarm, within.Page]) -> None:
    swarm, server = served
    page, wrong = visit(server.url)
    assert "cells in virtual time" in page.locator("#facts").inner_text()
    assert not page.is_visible("#speed"), "nobody's clock is changed in order to see more of it"
    page.focus("#pace")
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    until(lambda: server.pace.t_per_s > 10, "a faster pace")
    until(lambda: page.evaluate("planaria.page.cells.t") > 12, "a grown dot")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    page.focus("#grid")
    page.keyboard.press("Space")
    until(lambda: swarm.paused and page.locator("#state").inner_text() == "paused", "a pause")
    t = swarm.t
    page.keyboard.press(".")
    until(lambda: swarm.t > t, "a step")
    assert swarm.t == pytest.approx(t + 1, abs=1e-8), "of one T exactly"
    drag(page, "kill", [(0, 1), (0, 4)])
    until(lambda: not swarm.look().on[1:5].any(), "the loss of their power")
    shown = "Array.from(planaria.page.cells.values)"

    def lit() -> np.ndarray:  # a stroke is as wide as its brush, and comes in pieces
        return np.where(swarm.look().on[:, None], swarm.frame().states.reshape(64, 16), 0).reshape(-1)

    until(lambda: np.allclose(page.evaluate(shown), lit()), "exactly these cells on the screen")
    assert page.locator("#view-host").count() == 0, "virtual time has no hosts"
    assert wrong == []
