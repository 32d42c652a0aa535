"""The lookout: what there is to see of all hosts together, from sheets that their agents are asked for.

A slow host is not waited for; what it showed last is seen. Sheets come in on the link's thread, looks are made on any.
May import the link, the steward, the mosaic and the camera.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time

from cellnode.messages import Placement, Sheet
from cellnode.runtime import Runtime
from cellnode.sheets import MOST
from coordinator.camera import Camera, Sight
from coordinator.hosts.mosaic import Mosaic
from coordinator.hosts.steward import Steward
from coordinator.link import Link
from firmware_sim.engines import FAMILIES
from firmware_sim.errors import BadInput

LOOK_S = 0.5  # how long a look waits for the slowest host's next sheet
OWED_NS = 5_000_000_000  # an answer that has not come by then is taken for lost


class Lookout:
    """Construct it while holding the run's lock: it makes the panel in which all sheets come together."""

    def __init__(self, runtime: Runtime, placement: Placement) -> None:
        self._runtime, self._placement = runtime, placement
        values = 16 if FAMILIES[placement.rule.engine] == "int8" else 64
        self.mosaic = Mosaic(runtime.panel, placement.height * placement.width, values, os.getpid())
        self._camera: Camera | None = None
        self._seen = threading.Condition()
        self._looked_s = 0.0
        self._asked: dict[str, int] = {}  # agent -> when it was last asked for a sheet
        self._answered: dict[str, int] = {}  # ... and when for the last one that has come
        self._round: dict[str, int] = {}  # ... and when for the first one of the round under way
        self._shown: dict[str, int] = {}  # ... and when for the first one of the last whole round
        self._steps = 0  # sheets that were not the last of their round

    def take(self, sheet: Sheet) -> None:
        """A sheet has come in."""
        with contextlib.suppress(BadInput):
            self.mosaic.take(sheet, time.monotonic_ns())
        name = sheet.agent
        with self._seen:
            self._answered[name] = max(self._answered.get(name, 0), sheet.asked_ns)
            begun_ns = self._round.pop(name, sheet.asked_ns)
            first_ns = begun_ns if sheet.base else sheet.asked_ns
            if sheet.left:
                self._round[name] = first_ns
                self._steps += 1
            else:
                self._shown[name] = max(self._shown.get(name, 0), first_ns)
            self._seen.notify_all()

    def look(self, link: Link, steward: Steward, *, ages_ns: int = 0, fresh_s: float = 0.0) -> Sight:
        """All cells; sheets are asked for unless that was done `fresh_s` ago. `ages_ns`: T, to see stale ages, too."""
        placement = self._placement
        if time.monotonic() - self._looked_s > fresh_s:
            self._ask(link, steward)
        if self._camera is None:
            self._camera = Camera(self._runtime.panel, placement.height, placement.width, placement.torus)
        return self._camera.look(ages_ns)

    def _ask(self, link: Link, steward: Steward) -> None:
        """For sheets of all hosts that are heard. One that still owes an answer is asked again when that has come: a
        question meanwhile would be by an old sheet, and be answered with all pages instead of those that differ."""
        begun_ns, begun_s = time.monotonic_ns(), time.monotonic()
        sheets = 1 + self._placement.height * self._placement.width // MOST
        deadline_s, steps = begun_s + LOOK_S, self._steps
        agents = {post.tenure.agent: epoch for epoch, post in list(steward.posts.items()) if not post.silent}
        heard = [name for name in agents if name in link.agents]
        with self._seen:
            while late := [name for name in heard if self._shown.get(name, 0) < begun_ns]:
                for name in late:
                    now_ns, asked_ns = time.monotonic_ns(), self._asked.get(name, 0)
                    if asked_ns <= self._answered.get(name, 0) or now_ns - asked_ns >= OWED_NS:
                        self._asked[name] = now_ns
                        link.show(name, now_ns, self.mosaic.base(agents[name]))
                if not self._seen.wait(max(0.0, deadline_s - time.monotonic())):
                    break
                if self._steps != steps:  # whoever goes on showing is not slow, as long as there can be more to show
                    deadline_s, steps = min(time.monotonic() + LOOK_S, begun_s + LOOK_S * sheets), self._steps
        self._looked_s = time.monotonic()

    def expect_news(self) -> None:
        """What was seen before is old now."""
        self._looked_s = 0.0

    def close(self) -> None:
        if self._camera is not None:
            self._camera.close()
            self._camera = None
        self.mosaic.close()
