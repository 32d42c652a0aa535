"""A browser for `bench page`, in a process of its own: headless chromium draws the page, and says how often.

`python -m coordinator.bench.browser SECONDS [webgl2 | 2d]`, the page's address on standard input; the painter is the
page's own choice unless it is named. Frames are counted by the page itself: those that it drew from data it had not
drawn before; processor time is that of all processes of the browser. Where there is no browser, one line says what is
missing. May import playwright, cellnode's list of children and the cost of a page.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import time
from typing import Any

from cellnode.zygote_link import children
from coordinator.bench.pagecost import cpu_s
from firmware_sim.errors import RunFailed

CHROMIUM = ("chromium", "chromium-browser")
AS_ROOT = ["--no-sandbox"]
WINDOW = {"width": 1280, "height": 800}
PATIENCE_S = 120.0
READY = "globalThis.planaria?.page.fresh > 1 && Boolean(planaria.page.hands)"
COUNT = """async ([ms, patience]) => {
  const page = planaria.page, from = performance.now(), drawn = page.fresh;
  let turns = 0, on = true;
  const turn = () => { turns += 1; if (on) requestAnimationFrame(turn); };
  requestAnimationFrame(turn);
  const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));
  await pause(ms);
  while (page.fresh === drawn && performance.now() - from < ms + patience) await pause(20); // a rate needs a frame
  on = false;
  const seconds = (performance.now() - from) / 1000;
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  return { frames_per_s: (page.fresh - drawn) / seconds, screen_turns_per_s: turns / seconds,
    first_paint_ms: paint ? paint.startTime : null, painter: planaria.painter };
}"""


def look(address: str, seconds: float, painter: str = "") -> dict[str, Any]:
    """Open the page once, with nothing in the cache, and let it draw for so long."""
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        return {"skipped": "no chromium on the path: install the Debian package chromium"}
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return {"skipped": "playwright is missing: pip install 'planaria[test]'"}
    sizes: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=AS_ROOT)
        try:
            page = browser.new_context(viewport=WINDOW).new_page()  # type: ignore[arg-type]
            page.set_default_timeout(PATIENCE_S * 1000)
            wire = page.context.new_cdp_session(page)
            wire.on("Network.loadingFinished", lambda told: sizes.append(told["encodedDataLength"]))
            wire.send("Network.enable")
            page.goto(address.replace("/#", f"/?painter={painter}#") if painter else address)
            _until_drawn(page)
            weight = sum(sizes)
            begun_s, used_s = time.monotonic(), _cpu_s_below(os.getpid())
            found: dict[str, Any] = page.evaluate(COUNT, [seconds * 1000, PATIENCE_S * 1000])
            used_s, lasted_s = _cpu_s_below(os.getpid()) - used_s, time.monotonic() - begun_s
            found["browser_ms_a_frame"] = 1000 * used_s / (found["frames_per_s"] * lasted_s)
        finally:
            browser.close()
    return {name: round(value, 1) if isinstance(value, float) else value for name, value in found.items()} | {
        "kib_until_drawn": round(weight / 1024, 1)
    }


def _cpu_s_below(pid: int) -> float:
    """Processor seconds of every process that this one has started, and that those have."""
    used_s = 0.0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        for child in children(pid):
            used_s += cpu_s(child) + _cpu_s_below(child)
    return used_s


def _until_drawn(page: Any) -> None:
    """Ask again and again: the page's policy lets nothing be evaluated that waits inside it."""
    deadline = time.monotonic() + PATIENCE_S
    while not page.evaluate(READY):
        if time.monotonic() > deadline:
            raise RunFailed(f"the page has drawn nothing within {PATIENCE_S:g} s")
        time.sleep(0.05)


if __name__ == "__main__":
    print(json.dumps(look(sys.stdin.read().strip(), float(sys.argv[1]), *sys.argv[2:])))
