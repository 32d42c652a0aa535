"""A real browser (Debian's chromium, by playwright) on a page of ours: how tests find a cell, draw, and wait."""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Error, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_S = 60
READY = "globalThis.planaria?.page.drawn > 1 && Boolean(planaria.page.hands)"
AS_ROOT = ["--no-sandbox"]
Visit = Callable[..., tuple[Page, list[str]]]


@contextmanager
def chromium() -> Iterator[Browser]:
    """One browser."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=AS_ROOT)
        yield found
        found.close()


@contextmanager
def visiting(browser: Browser) -> Iterator[Visit]:
    """Opens a page and waits until it is drawn; the list takes what should not be: errors, requests to elsewhere.

    `before` may do something to the empty page first."""
    contexts = []

    def go(
        url: str, ready: str = READY, before: Callable[[Page], None] = lambda _page: None, **settings: Any
    ) -> tuple[Page, list[str]]:
        contexts.append(browser.new_context(**settings))
        page, wrong = contexts[-1].new_page(), []
        before(page)
        page.set_default_timeout(PATIENCE_S * 1000)
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        home = url.split("/")[2]
        page.on("request", lambda request: wrong.append(request.url) if home not in request.url else None)
        page.goto(url)
        until(lambda: page.evaluate(ready), "a picture")
        return page, wrong

    yield go
    for context in contexts:
        context.close()


def until(true: Callable[[], Any], what: str) -> Any:
    """Wait for a condition, not for a time."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := true()):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)
    return found


def says(page: Page, expression: str) -> Any:
    """What a page says; None while it is being loaded anew."""
    try:
        return page.evaluate(expression)
    except Error:
        return None


def place(page: Page, row: float, column: float) -> tuple[float, float]:
    """Where the centre of a cell lies in the window."""
    x, y = page.evaluate(
        """([row, column]) => { const box = planaria.board.canvas.getBoundingClientRect(), view = planaria.board.view;
        const ratio = devicePixelRatio; return [box.left + (view.left + (column + 0.5) * view.scale) / ratio,
        box.top + (view.top + (row + 0.5) * view.scale) / ratio]; }""",
        [row, column],
    )
    return float(x), float(y)


def drag(page: Page, tool: str, line: list[tuple[float, float]]) -> None:
    page.click(f"#tool-{tool}")
    page.mouse.move(*place(page, *line[0]))
    page.mouse.down()
    for point in line[1:]:
        page.mouse.move(*place(page, *point), steps=3)
    page.mouse.up()


def shown(page: Page, height: int, width: int) -> np.ndarray:
    """The colour on the screen at the centre of every cell."""
    picture = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)
    rows = [[place(page, row, column) for column in range(width)] for row in range(height)]
    return np.array([[picture[round(y), round(x)] for x, y in row] for row in rows])
