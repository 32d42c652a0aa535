"""The recorded tour of the live page: a real swarm, a real browser, a mouse that erases, kills, cuts and heals.

`python -m tools.tour [RULE] [HxW] [T in s] [OUT.webp]` (default: lizard-24 32x32 1 docs/pictures/tour.webp) starts the
processes and their page, drives chromium by playwright, and writes what the browser showed as a film, time-lapsed. It
draws nothing itself.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from coordinator import Swarm
from coordinator.serve import address, beside
from firmware_sim.errors import BadInput

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "pictures" / "tour.webp"
BYTES_MAX = 2_000_000
VIEWPORT = {"width": 1120, "height": 800}
WIDTH_PX = 840  # of the film
FRAME_MS, STROKE_MS, LAST_MS = 110, 170, 1800
BROWSER = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
READY = "globalThis.planaria?.page.drawn > 1 && Boolean(planaria.page.hands)"
PLACE = """([row, column]) => { const box = planaria.board.canvas.getBoundingClientRect(), view = planaria.board.view;
  return [box.left + view.left + (column + 0.5) * view.scale, box.top + view.top + (row + 0.5) * view.scale]; }"""


class Tour:
    """Scenes of one swarm; each is filmed as the browser shows it."""

    def __init__(self, swarm: Swarm, page: Page) -> None:
        self._swarm, self._page = swarm, page
        self._side = min(swarm.info.height, swarm.info.width)
        self._film: list[tuple[Image.Image, int]] = []

    def shoot(self, milliseconds: int = FRAME_MS) -> None:
        picture = Image.open(io.BytesIO(self._page.screenshot(scale="css"))).convert("RGB")
        height = round(picture.height * WIDTH_PX / picture.width)
        self._film.append((picture.resize((WIDTH_PX, height), Image.Resampling.LANCZOS), milliseconds))

    def live(self, intervals: float, frames: int) -> None:
        """Let it live for so many T, in so many pictures."""
        start = self._swarm.t
        for number in range(frames):
            self._swarm.wait_until(start + intervals * (number + 1) / frames)
            self.shoot()

    def tool(self, name: str, radius: int | None = None) -> None:
        self._page.click(f"#tool-{name}")
        if radius is not None:
            self._page.evaluate(
                "radius => { planaria.page.hands.radius = radius; planaria.board.radius = radius; }", radius
            )

    def stroke(self, *points: tuple[float, float]) -> None:
        """Draw along these points, given as shares of the grid."""
        places = [self._page.evaluate(PLACE, [y * self._side - 0.5, x * self._side - 0.5]) for y, x in points]
        mouse = self._page.mouse
        mouse.move(*places[0])
        self.shoot(STROKE_MS)
        mouse.down()
        for place in places[1:]:
            mouse.move(*place, steps=3)
            self.shoot(STROKE_MS)
        mouse.up()
        self.shoot(STROKE_MS)

    def press(self, name: str) -> None:
        self._page.click(f"#{name}")
        self.shoot(STROKE_MS)

    def until(self, true: Callable[[], bool], intervals: float, frames: int) -> None:
        """Let it live until this holds, at most so many T."""
        for _ in range(frames):
            if true():
                break
            self.live(intervals / frames, 1)

    def save(self, out: Path) -> int:
        """As WebP, of as good a quality as fits."""
        pictures, times = zip(*self._film, strict=True)
        for quality in (80, 70, 60, 50, 40, 30, 20):
            data = io.BytesIO()
            durations = [*times[:-1], LAST_MS]
            pictures[0].save(
                data,
                "WEBP",
                save_all=True,
                append_images=pictures[1:],
                duration=durations,
                loop=0,
                quality=quality,
                method=4,
            )
            if data.tell() <= BYTES_MAX:
                out.write_bytes(data.getvalue())
                return data.tell()
        raise BadInput(f"the tour takes {data.tell():,} bytes at the least quality, at most {BYTES_MAX:,} are good")


def scenes(tour: Tour, swarm: Swarm) -> None:
    """What is shown, in order."""
    tour.live(60, 30)
    tour.tool("erase", 3)
    tour.stroke((0.3, 0.3), (0.38, 0.42), (0.45, 0.5))
    tour.live(10, 5)
    tour.tool("kill", 2)
    tour.stroke((0.75, 0.2), (0.6, 0.4), (0.45, 0.6), (0.3, 0.8))
    tour.live(6, 3)
    tour.tool("cut")
    tour.stroke((0.1, 0.52), (0.5, 0.52), (0.9, 0.52))
    tour.live(8, 4)
    tour.press("heal")
    tour.until(lambda: (swarm.loss() or 0.0) < -3.2, 80, 32)
    tour.live(4, 2)


def main(arguments: list[str]) -> int:
    rule = arguments[0] if arguments else "lizard-24"
    height, _, width = (arguments[1] if len(arguments) > 1 else "32x32").partition("x")
    interval_s = float(arguments[2]) if len(arguments) > 2 else 1.0
    out = Path(arguments[3]) if len(arguments) > 3 else OUT
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise BadInput("there is no chromium here (Debian package chromium)")
    beside_it, began = beside.Page(address.Address(port=0)), time.monotonic()
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        try:
            with Swarm.start(
                rule,
                (int(height), int(width)),
                interval_s=interval_s,
                seed=1,
                out=f"{home}/run",
                on_folder=beside_it.open,
            ) as swarm:
                browser = playwright.chromium.launch(executable_path=chromium, args=BROWSER)
                page = browser.new_context(viewport=VIEWPORT, color_scheme="dark").new_page()  # type: ignore[arg-type]
                page.set_default_timeout(120_000)
                page.goto(beside_it.url)
                while not page.evaluate(READY):  # the page's policy forbids what wait_for_function does
                    time.sleep(0.1)
                page.click("#hint-close")
                tour = Tour(swarm, page)
                scenes(tour, swarm)
                print(swarm.measure().line)
                browser.close()
        finally:
            beside_it.close()
    size = tour.save(out)
    print(f"{out}: {size:,} bytes, {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
