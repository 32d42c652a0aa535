"""The watch: looks at the run while somebody watches, at most thirty times a second, and stirs the viewers.

Looks, numbers and actions each have a thread of their own, so that none waits for another. When looking is dear (a
large grid) it looks less often: at most two fifths of one core. When nobody watches it looks about once a T, so that
one can scrub back to what one missed. May import serve's stage, history, story and viewer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from coordinator.camera import Sight
from coordinator.serve.history import History
from coordinator.serve.inside import Shown
from coordinator.serve.stage import Stage
from coordinator.serve.story import Story
from coordinator.serve.viewer import Viewer
from firmware_sim.errors import PlanariaError

LOOKS_PER_S = 30
LOOK_SHARE = 0.4  # of one core: 65,536 cells take 16 ms a look, and so are looked at 25 times a second
ALONE_EVERY_S = 1.0  # at least, between two looks when nobody watches
NUMBERS_EVERY_S = 1.0
EVENTS_EVERY_S = 0.1
VIEWERS_MAX = 128
HANDS_QUEUE = 16
Result = TypeVar("Result")


class FullError(Exception):
    """So many are waiting already that nobody more is taken."""


class Watch:
    """`run()` as a task for as long as the server lives; everything else from the same event loop."""

    def __init__(self, source: Shown) -> None:
        self.source = source
        self.stage = Stage(source.info.height * source.info.width, source.value_bytes)
        self.history = History()
        self.story = Story(source.folder.path)
        self.looks, self.look_s = 0, 0.0
        self.over = False
        self._viewers: dict[Viewer, asyncio.Event] = {}
        self._somebody = asyncio.Event()
        self._hurry = asyncio.Event()
        self._eyes, self._clerk, self._hands = (
            ThreadPoolExecutor(1, f"planaria-{name}") for name in ("eyes", "clerk", "hands")
        )
        self._acting = 0
        self._last: list[Callable[[], None]] = []
        self._latest: dict[str, str] = {}  # for those who join

    # ---- who watches

    def join(self) -> tuple[Viewer, asyncio.Event]:
        """A new viewer, and the event that says there is something for it. Raises FullError."""
        if len(self._viewers) >= VIEWERS_MAX:
            raise FullError(f"{VIEWERS_MAX} viewers watch already")
        viewer, stirred = Viewer(), asyncio.Event()
        self._viewers[viewer] = stirred
        self._somebody.set()
        for kind, text in self._latest.items():
            viewer.tell_latest(kind, text)
        stirred.set()
        self._hurry.set()
        return viewer, stirred

    def leave(self, viewer: Viewer) -> None:
        self._viewers.pop(viewer, None)
        if not self._viewers:
            self._somebody.clear()

    @property
    def viewers(self) -> int:
        return len(self._viewers)

    def about(self) -> dict[str, float]:
        """Of the page itself: for who watches the watchers."""
        return {
            "viewers": float(self.viewers),
            "looks": float(self.looks),
            "look_seconds": self.look_s,
            "frames": float(self.stage.number),
            "encodings": float(self.stage.encodings),
        }

    # ---- what others ask

    async def act(self, work: Callable[[], Result]) -> Result:
        """Do it in the hands' thread, one after the other, and look at once when it is done. Raises FullError."""
        if self._acting >= HANDS_QUEUE:
            raise FullError(f"{HANDS_QUEUE} actions are waiting already")
        self._acting += 1
        try:
            return await self.in_thread(self._hands, work)
        finally:
            self._acting -= 1
            self._hurry.set()

    async def ask(self, work: Callable[[], Result]) -> Result:
        """Do it in the clerk's thread."""
        return await self.in_thread(self._clerk, work)

    async def in_thread(self, pool: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
        """Do it in this thread."""
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    def at_close(self, last: Callable[[], None]) -> None:
        """To be called before the run is let go of."""
        self._last.append(last)

    async def peer(self, work: Callable[[], Result]) -> Result:
        """Do it in the eyes' thread, between two looks."""
        return await self.in_thread(self._eyes, work)

    async def look_once(self) -> None:
        """Make sure that there is a sight no older than the rounds allow, though nobody may be watching."""
        if not self._viewers or self.source.sight is None:
            self._take(*await self.peer(self.source.see))

    def catch_up(self) -> None:
        """Read what events there are now."""
        self._pass_on(self.story.more())

    # ---- the rounds

    async def run(self) -> None:
        """Look, count and read until cancelled."""
        rounds = [asyncio.create_task(each()) for each in (self._look, self._count, self._read)]
        try:
            await asyncio.gather(*rounds)
        except Exception as error:  # an error of ours: it must not stand still without a word
            self._tell("trouble", {"line": f"the page stands still, its server has failed ({error!r}): see page.log"})
            traceback.print_exc()
            raise
        finally:
            for task in rounds:
                task.cancel()

    def close(self) -> None:
        """After `run` has ended: wait for what is being done, then let go of the run."""
        for last in self._last:
            last()
        for pool in (self._eyes, self._clerk, self._hands):
            pool.shutdown(wait=True, cancel_futures=True)
        self.source.close()

    async def _look(self) -> None:
        due = time.monotonic()
        while True:
            await self._somebody_or(max(self.source.info.interval_s, ALONE_EVERY_S))
            self._hurry.clear()
            begun, cost = time.monotonic(), 0.0
            try:
                seen, cost = await self.peer(self._see)
                mine = time.thread_time()
                if self._take(*seen):
                    self._stir()
                cost += time.thread_time() - mine
            except PlanariaError as error:
                self._tell("trouble", {"line": str(error)})
            self.looks, self.look_s = self.looks + 1, cost
            every = max(1 / LOOKS_PER_S, cost / LOOK_SHARE)
            due = min(max(due, begun - every), begun) + every  # a late look does not make all later ones late
            await self._pause(max(due - time.monotonic(), every / 10))

    async def _somebody_or(self, seconds: float) -> None:
        """Until somebody watches, or for so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._somebody.wait(), seconds)

    def _take(self, sight: Sight, t: float, paused: bool) -> bool:
        """On the stage with it, and into the history; True when anything changed."""
        changed = self.stage.take(sight, t, paused)
        self.history.keep(t, self.stage.cells)
        return changed

    def _see(self) -> tuple[tuple[Sight, float, bool], float]:
        """A sight, and the CPU seconds that it took."""
        begun = time.thread_time()
        return self.source.see(), time.thread_time() - begun

    async def _pause(self, seconds: float) -> None:
        """Sleep, unless somebody has acted and wants to see it."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), seconds)

    async def _count(self) -> None:
        while True:
            await self._somebody.wait()
            try:
                numbers = await self.ask(self.source.numbers)
                wounds = self.story.wounds(numbers["now"]["interval_s"])
                self._tell("numbers", {**numbers, "wounds": wounds, "history": self.history.span})
                await self.look_once()  # else the first to watch is told that no cell has a process
                self._tell_changed("whereabouts", await self.ask(self.source.whereabouts))
                if await self.ask(lambda: self.source.over) and not self.over:
                    self.over = True
                    self._tell("over", {})
            except PlanariaError as error:
                self._tell("trouble", {"line": str(error)})
            await asyncio.sleep(NUMBERS_EVERY_S)

    async def _read(self) -> None:
        while True:
            self.catch_up()
            await asyncio.sleep(EVENTS_EVERY_S if self._viewers else NUMBERS_EVERY_S)

    def _pass_on(self, fresh: list[tuple[int, str]]) -> None:
        for number, line in fresh:
            text = f'{{"type":"event","number":{number},"event":{line}}}'
            for viewer in self._viewers:
                viewer.tell(text)
        if fresh:
            self._stir()

    def _tell(self, kind: str, facts: dict[str, Any]) -> None:
        text = self._latest[kind] = json.dumps({"type": kind, **facts}, separators=(",", ":"))
        for viewer in self._viewers:
            viewer.tell_latest(kind, text)
        self._stir()

    def _tell_changed(self, kind: str, facts: dict[str, Any]) -> None:
        """Only when it is not what was told last: it may be long."""
        if json.dumps({"type": kind, **facts}, separators=(",", ":")) != self._latest.get(kind):
            self._tell(kind, facts)

    def _stir(self) -> None:
        for stirred in self._viewers.values():
            stirred.set()
