"""The one who coordinates a swarm: brings it up, performs actions, keeps time, ends faults, notices losses, writes it
down.

On real processes a thread of its own keeps the beat; in virtual time the beat is part of waiting. May import the rest
of the coordinator, except the API, the command line and the pictures of reports.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable

import msgspec

from cellnode.messages import LinkFault
from coordinator import chips
from coordinator.actions import DISTURBING, Action, FaultReport, Inject, Outcome, Plant
from coordinator.calibrate import Calibration, calibrate
from coordinator.camera import Sight
from coordinator.faults import held
from coordinator.frames import Frame
from coordinator.hands import Hands
from coordinator.measure import Measure, measure
from coordinator.observer import Observer
from coordinator.performing import Performer
from coordinator.picture import Picture
from coordinator.probe import machine_factor
from coordinator.recording import seals
from coordinator.rerun import By, Check
from coordinator.runfolder import RunFolder
from coordinator.store import Store
from coordinator.substrate import OnProgress, Substrate
from coordinator.virtual import VirtualSubstrate
from firmware_sim.engines import FAMILIES, Engine
from firmware_sim.errors import BadInput, PlanariaError, RunFailed

SECOND = 1_000_000_000
REST = 4.0  # times what a beat takes of a processor: on the largest grids that is more than the pause between two

OnLine = Callable[[str], None]


class Conductor:
    """Owner of one running swarm; all public methods may be called from any thread."""

    def __init__(
        self,
        substrate: Substrate,
        folder: RunFolder,
        store: Store,
        picture: Picture | None,
        engine: Engine,
        on_line: OnLine,
        *,
        real_time: bool,
        filmed: bool = True,
    ) -> None:
        self.info = folder.info
        info = self.info
        self._substrate, self._store, self._say = substrate, store, on_line
        self.folder, self.path = folder, folder.path
        self.clock = store.clock(round(info.interval_s * SECOND))
        self.observer = Observer(
            lambda: substrate.look(ages=True),
            info.height,
            info.width,
            picture,
            folder if filmed else None,
            family=FAMILIES[info.engine],
            within=info.within,
            harm=self._harm,
        )
        hands = Hands(
            substrate,
            self.observer,
            info.height,
            info.width,
            info.torus,
            engine,
            info.rng_seed,
            self._engines,
            picture.part if picture is not None else None,
            info.degrees,
        )
        self._performer = Performer(substrate, hands, self.observer, self.clock, store, self._tell_fault)
        self._board = self._performer.board
        self._acting = threading.RLock()
        self._real_time, self._beat = real_time, threading.Event()
        self._thread: threading.Thread | None = None
        self.ended = False
        self._loss_asked_for = False  # the agent was killed by a fault
        self._failure = ""  # why the run cannot go on
        self.last: Measure | None = None  # as it was at the end
        self._picture = picture
        self.undone: list[str] = []  # what was planned and could not be done when its time had come

    def _engines(self) -> list[str]:
        info = self.info
        return chips.engines(info.chips, self._substrate.boards(), info.height * info.width, info.engine)

    # ---- bringing it up, or taking it over

    def launch(self, cores: float, on_progress: OnProgress) -> None:
        """Start all cells, choose T, plant the seed in the centre: t = 0."""
        self._substrate.launch(on_progress)
        self._event("launched", processes=self._substrate.processes())
        if self._real_time:
            self._calibrate(cores)
        self._store.keep_clock(self.clock)
        row, column = self.info.height // 2, self.info.width // 2
        self.perform(Plant(select=f"cell:{row},{column}"))
        self._start_beat()

    def take_over(self, on_progress: OnProgress) -> None:
        """Go on where an earlier coordinator was, even if its agent died too, and the cells with it."""
        self._event("attached", coordinator_epoch=self._store.state.coordinator_epoch)
        if self._substrate.lost():
            self._recover(on_progress)
        self.observer.resume(self.clock.zero_ns if self.clock.started else self._substrate.now_ns())
        state = self._store.state
        self._performer.adopt(state.faults, state.next_fault, state.plans)
        self._start_beat()

    def _calibrate(self, cores: float) -> None:
        cells = self.info.height * self.info.width if self._picture is None else self._picture.cells_awake()
        cost_us = self._substrate.cpu_us_per_update()
        factor = machine_factor() if cost_us is None else 1.0
        found = calibrate(self.info.interval_s, cost_us, self.info.engine, cells, cores, factor)
        self._event("calibrated", **_plain(found))
        self._say(found.line)
        if found.raised:
            self.clock.interval_ns = round(found.chosen_s * SECOND)
            self._substrate.set_interval(self.clock.interval_ns)

    def _start_beat(self) -> None:
        if self._real_time and self._thread is None:
            self._thread = threading.Thread(target=self._keep_beat, name="planaria-beat", daemon=True)
            self._thread.start()

    # ---- time

    @property
    def t(self) -> float:
        return self.clock.t(self._substrate.now_ns())

    @property
    def interval_s(self) -> float:
        return self.clock.interval_ns / SECOND

    def wait_until(self, t: float) -> None:
        """Let the swarm live until `t`. Raises RunFailed if it is stopped meanwhile."""
        if self.clock.paused:
            raise BadInput("the swarm is paused, its time stands still: resume it before waiting")
        while not self.reached(t):
            if self.ended or self._failure:
                raise RunFailed(self._failure or "the swarm was stopped meanwhile")
            now, now_ns = self.t, self._substrate.now_ns()
            if self._real_time:
                self._substrate.advance(min(self.clock.at(t), now_ns + SECOND // 5))
                continue
            with self._acting:
                change = self._performer.next_change(now)
            until_ns = self.clock.at(min(t, now + 1.0, t if change is None else change))
            self._substrate.advance(max(until_ns, now_ns + 1))  # a change less than a nanosecond away is one away
            self.beat()

    def reached(self, t: float) -> bool:
        """Whether it is `t` by now, to the nanosecond."""
        return self.clock.reached(t, self._substrate.now_ns())

    def beat(self) -> None:
        """What is due now: look, count, write, end faults whose time is up, notice what was lost."""
        if self.ended or self._failure or not self.clock.started:
            return
        if self._real_time and self._substrate.lost():
            self._recover(lambda _progress: None)
        t = self.t
        self.observer.see(t)
        for trouble in self._substrate.troubles():
            self.observer.disturbed_unasked(t)
            self._event("trouble", line=trouble)
            self._say(trouble)
        if self._acting.acquire(blocking=not self._real_time):
            try:
                self._keep_boards()
                for action in self._performer.due(t):
                    self._perform_due(action, t)
            finally:
                self._acting.release()

    def _keep_beat(self) -> None:
        spent_s = 0.0
        while not self._beat.wait(max(min(0.5, max(0.1, self.interval_s / 2)), REST * spent_s)):
            began_s = time.thread_time()
            try:
                self.beat()
            except PlanariaError as error:
                if not self.ended:
                    self._say(f"beat: {error}")
            spent_s = time.thread_time() - began_s

    def _recover(self, on_progress: OnProgress) -> None:
        with self._acting:
            if self.ended:
                return
            self._event("agent lost")
            self._say("the agent was lost and its cells with it; starting its successor")
            if self._loss_asked_for:
                self.observer.disturbed(self.t)
            else:
                self.observer.disturbed_unasked(self.t)
            self._loss_asked_for = False
            try:
                self._substrate.recover(on_progress)
            except PlanariaError as error:
                self._failure = f"the agent was lost and cannot be replaced: {error}"
                self._event("failed", error=self._failure)
                raise RunFailed(self._failure) from error
            self._event("agent replaced", placement_epoch=self._store.state.placement_epoch)
            self._say(f"a new agent has started the cells again, empty (epoch {self._store.state.placement_epoch})")

    # ---- actions

    def perform(self, action: Action) -> Outcome:
        """Carry out one action, write it down, and say what it hit."""
        return self._carry_out(action, asked=True)

    def _carry_out(self, action: Action, *, asked: bool) -> Outcome:
        """`asked`: by somebody, and not because its time had come."""
        with self._acting:
            if self.ended:
                raise RunFailed("the swarm was stopped")
            began_ns = self._substrate.now_ns()
            outcome = self._performer.perform(action)
            if isinstance(action, Inject) and action.fault == "agent_kill" and outcome.proof.get("hits"):
                self._loss_asked_for = True
            if (off := self._substrate.held_off()) != self._store.state.off:
                self._store.update(off=off)
            self._keep_boards()
            facts = _plain(outcome)
            details = {name: value for name, value in facts.items() if name == "t" or (value and name != "do")}
            self._event(outcome.do, began_ns=began_ns, **details, asked=_asked(action, outcome) if asked else None)
            if outcome.do in DISTURBING and outcome.cells:
                self.observer.disturbed(outcome.t or 0.0)
            if outcome.do in ("kill", "revive", "erase", "seed", "inject"):
                self.observer.see(self.t, keep=True)
            return outcome

    def _keep_boards(self) -> None:
        if (boards := self._substrate.boards()) != self._store.state.boards:
            self._store.update(boards=boards)

    def _perform_due(self, action: Action, t: float) -> None:
        """Nobody waits for the answer: what cannot be done is written down."""
        try:
            self._carry_out(action, asked=False)
        except BadInput as error:
            self._event("not done", line=str(error))
            self.undone.append(f"t {t:.1f} T: {error}")
            self._say(f"t {t:.1f} T: {error}")

    def faults(self) -> list[FaultReport]:
        return self._performer.reports()

    def wanted_links(self) -> list[LinkFault]:
        """The link faults that stand in state.json."""
        return held(self._store.state.faults)

    # ---- seeing

    def look(self, *, ages: bool = False) -> Sight:
        return self._substrate.look(ages=ages)

    glance = look

    def frame(self) -> Frame:
        return self.observer.frame(self._substrate.look(), self.t)

    def measure(self) -> Measure:
        """All numbers now, or as they were at the end."""
        if self.last is not None:
            return self.last
        t = self.t
        sight, out = self.observer.see(t), str(self.folder.path)
        unproven = bool(self._board.unproven(t))
        return measure(
            self.info,
            self.observer,
            sight,
            t,
            self._substrate,
            self.interval_s,
            out,
            unproven=unproven,
        )

    def broken(self) -> list[str]:
        """What must never be, and is: a line each."""
        self.observer.see(self.t)
        return self.observer.safety.broken()

    def _harm(self, sight: Sight) -> tuple[str, ...]:
        """What is being done to the swarm now, or is to be done."""
        dark = sight.on.size - sight.alive
        return (*self._performer.harm(), *((f"{dark} cells without power",) if dark else ()))

    def again(self, by: By) -> Check:
        """Live it all a second time, computed `by` whom, and compare the bytes; in virtual time only."""
        if not isinstance(self._substrate, VirtualSubstrate):
            raise BadInput("a run of real processes cannot be repeated to the byte: --check needs --substrate virtual")
        check = self._substrate.again(by)
        self._event("checked", **check.to_dict())
        return check

    # ---- the end

    def stop(self) -> None:
        """End the swarm for good, leaving nothing behind but the run folder."""
        self._end(self._substrate.stop, stopped=True)

    def leave(self) -> None:
        """Let the swarm go on without us."""
        self._end(self._substrate.leave, stopped=False)

    def _end(self, end: Callable[[], None], *, stopped: bool) -> None:
        with self._acting:
            if self.ended:
                return
            self.ended = True
            self._beat.set()
        try:
            beat = self._thread  # not alive: interrupted while it was being started, and it ends by itself
            if beat is not None and beat.is_alive() and beat is not threading.current_thread():
                beat.join(10)
            self._write_last(stopped)
            self._substrate.keep_log(self.path)
        finally:
            end()
            if stopped:
                self._store.update(stopped=True)
                if self.info.record:
                    self._event("recorded", seals=seals(self.folder))

    def _write_last(self, stopped: bool) -> None:
        """The last look, so that the numbers of the end can be asked for when nothing is left to measure."""
        if not self.clock.started:
            return
        self.observer.see(self.t, keep=stopped)
        self.last = self.measure()
        if stopped:
            for report in self._board.unproven(self.t):
                self._say(f"fault {report.id} ({report.kind} on {report.selector}) has hit nothing: verdict unknown")
            for line in self.last.broken:
                self._event("broken", line=line)
                self._say(f"this must never be: {line}")
            self.folder.save_json("measure.json", self.last.to_dict())
        self._event("stopped" if stopped else "left")

    def _tell_fault(self, report: FaultReport) -> None:
        """A fault has begun, or is over: an event like any other."""
        facts = msgspec.structs.asdict(report)
        self._event("fault", fault=facts.pop("id"), **facts)

    def _event(self, name: str, **details: object) -> None:
        """Write it down with the time in T, unless `details` knows it better."""
        t = details.pop("t", None)
        when = t if isinstance(t, float) else (self.t if self.clock.started else None)
        self.folder.event(name, when, ns=self._substrate.now_ns(), **details)


def _asked(action: Action, outcome: Outcome) -> dict[str, object]:
    """The action with the seed that was used, so that the log can be played again."""
    asked: dict[str, object] = msgspec.to_builtins(action)
    return asked if outcome.rng_seed is None else {**asked, "seed": outcome.rng_seed}


def _plain(value: Outcome | Calibration) -> dict[str, object]:
    return dataclasses.asdict(value) if isinstance(value, Calibration) else dict(msgspec.structs.asdict(value))
