"""The API: start a swarm, let it live, break it, look at it, stop it. Synchronous; for scripts and notebooks alike.

    with Swarm.start("lizard", grid=(40, 40)) as swarm:
        swarm.wait(60)
        swarm.kill("50%")
        swarm.wait(4)
        swarm.revive("dead")
        swarm.wait(100)
        swarm.frame().save("healed.png")
        print(swarm.loss(), swarm.measure().verdict)

Times are in T, the mean wake interval, and count from the seed. Everything done is also written to the run folder.
This is a thin face over conductor (coordinates) and guest (another coordinator lives); it may import the rest of the
coordinator.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from coordinator import opening
from coordinator.actions import Action, FaultReport, Outcome
from coordinator.camera import Sight
from coordinator.chips import Asked, wishes
from coordinator.clientmessages import Answer, Ask
from coordinator.conductor import Conductor
from coordinator.frames import Frame
from coordinator.guest import Guest
from coordinator.liveness import WITHIN_T
from coordinator.measure import Measure
from coordinator.rerun import By, Check
from coordinator.runfolder import RunInfo
from coordinator.substrate import REAL, Progress
from coordinator.succession import Begin, OnBegin
from coordinator.verbs import Verbs
from coordinator.wish import Wish
from firmware_sim.errors import BadInput, PlanariaError, RunFailed

OnLine = Callable[[str], None]
OnProgress = Callable[[Progress], None]


class Swarm(Verbs):
    """One running swarm. As a context manager it is stopped at the end (a merely attached one is left running)."""

    def __init__(self) -> None:
        self._body: Conductor | Guest | None = None
        self._attached = False
        self._on_begin: OnBegin | None = None
        self._finished = threading.Event()
        self._ending = threading.Lock()

    @staticmethod
    def start(
        rule: str | Path,
        grid: tuple[int, int] | None = None,
        *,
        interval_s: float = 0.5,
        engine: str = "chip",
        substrate: str = "processes",
        patch: tuple[int, int] = (16, 16),
        seed: int | None = None,
        degrees: float = 0.0,
        torus: bool = False,
        chips: Asked = 0,
        record: bool = False,
        within: float = WITHIN_T,
        hosts: int = 0,
        netns: bool = False,
        launch: str = "",
        join: str = "",
        capacity: int = 0,
        keys: str | Path | None = None,
        insecure: bool = False,
        out: str | Path | None = None,
        on_line: OnLine = lambda _line: None,
        on_progress: OnProgress = lambda _progress: None,
        on_folder: Callable[[Path], None] = lambda _path: None,
        on_begin: OnBegin | None = None,
        command: tuple[str, ...] = (),
    ) -> Swarm:
        """Bring up a swarm and plant the seed in its centre.

        `rule`: a built-in name, a rule folder or an .onnx file; `grid`: (height, width); `chips`: cells that run as
        machine code, e.g. `{"avr": 1, "cortex-m0": "circle:20,20,5"}` (coordinator/chips.py);
        `patch`: rows and columns of cells that a process carries, on substrate "patches";
        `record`: write down every update, for `planaria verify` and `replay`; `within`: T after the last harm by which
        the picture must be back; `hosts`: spread over so many, each with an agent of its own (`capacity`: cells each
        has room for), started on this machine (`netns`: in a network of their own, as root), or coming by themselves,
        or by `launch="ray"`, to the endpoint `join` (with `keys` from `planaria keys new`, or `insecure`). Raises
        BadInput before anything was started, RunFailed when the launch failed (all is swept up). `on_line` gets what a
        person should know, `on_folder` the run folder before the first process is there, `on_begin` that another
        pattern is wanted in its place (None: that cannot be).
        """
        swarm = Swarm()
        swarm._on_begin = on_begin
        wish = Wish(
            rule=str(rule),
            grid=grid,
            torus=torus,
            substrate=substrate,
            patch=patch,
            engine=engine,
            interval_s=interval_s,
            degrees=degrees,
            rng_seed=seed,
            out=None if out is None else Path(out),
            command=command,
            chips=wishes(chips),
            record=record,
            within=within,
            hosts=hosts,
            netns=netns,
            launch=launch,
            join=join,
            capacity=capacity,
            keys=None if keys is None else Path(keys),
            insecure=insecure,
        )
        swarm._body = opening.start(wish, swarm._answer, on_line, on_progress, on_folder)
        return swarm

    @staticmethod
    def attach(
        run: str, *, on_line: OnLine = lambda _line: None, on_progress: OnProgress = lambda _progress: None
    ) -> Swarm:
        """Join a run: become its coordinator if none lives, else a guest of it. `run`: folder, id, rule or `latest`."""
        swarm = Swarm()
        swarm._attached = True
        swarm._body = opening.attach(run, swarm._answer, on_line, on_progress)
        return swarm

    # ---- time

    @property
    def t(self) -> float:
        """T since the seed."""
        return self._here.t

    @property
    def interval_s(self) -> float:
        """T in seconds, as calibrated."""
        return self._here.interval_s

    def wait(self, intervals: float) -> None:
        """Let the swarm live for this many T."""
        self._here.wait_until(self._here.t + intervals)

    def wait_until(self, t: float) -> None:
        """Let the swarm live until `t` T after the seed."""
        self._here.wait_until(t)

    def reached(self, t: float) -> bool:
        """Whether it is `t` by now, to the nanosecond that clocks count."""
        return self._here.reached(t)

    # ---- acting (kill, revive, erase, plant, freeze, thaw, inject, heal, pause, resume: in verbs.py)

    def perform(self, action: Action) -> Outcome:
        """Any action of the vocabulary (coordinator/actions.py)."""
        return self._here.perform(action)

    def begin(self, begin: Begin) -> None:
        """Have whoever owns this run end it and begin another pattern. BadInput where nobody does that."""
        if self._on_begin is None:
            raise BadInput(
                "this run was not started to be followed by another pattern: `planaria run RULE --serve`, without "
                "--for, --scenario, --out, --check and --hosts, is"
            )
        self._on_begin(begin)

    def faults(self) -> list[FaultReport]:
        """All faults of this run, with the proof counted at their victims."""
        return self._here.faults()

    @property
    def centre(self) -> str:
        """The selector of the cell on which a picture starts."""
        info = self._any.info
        return f"cell:{info.height // 2},{info.width // 2}"

    # ---- seeing

    def frame(self) -> Frame:
        """What the grid shows now."""
        return self._here.frame()

    def look(self, *, ages: bool = False) -> Sight:
        """Everything the camera sees now: processes, phases, counters, states; `ages`, in virtual time: also how old
        what the cells used was, and what each has heard."""
        if ages and not self.real_time:
            return self._here.look(ages=True)
        return self._here.look()

    def loss(self) -> float | None:
        """log10 loss against the target now; None without a target."""
        losses = self._here.observer.losses(self._here.look())
        return None if losses is None else losses.loss_log10

    def measure(self) -> Measure:
        """All numbers of the run, as in `planaria run --json`; after the end, as they were at the end."""
        body = self._body
        if isinstance(body, Conductor) and body.last is not None:
            return body.last
        return self._here.measure()

    def again(self, by: By = "same") -> Check:
        """In virtual time: live everything so far a second time, computed by the "same" or by "native", "arrays" or
        "cells", and compare every state and counter."""
        body = self._here
        if not isinstance(body, Conductor):
            raise BadInput("a guest cannot repeat a run: it lives elsewhere")
        return body.again(by)

    # ---- who we are

    @property
    def run(self) -> str:
        """The run's id."""
        return self._any.info.run

    @property
    def info(self) -> RunInfo:
        """What run.json says."""
        return self._any.info

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self._any.path

    @property
    def real_time(self) -> bool:
        """Whether time passes by itself (processes), or only while somebody waits (virtual)."""
        return self._any.info.substrate in REAL

    @property
    def paused(self) -> bool:
        """Whether all clocks stand still."""
        return self._here.clock.paused

    @property
    def coordinates(self) -> bool:
        """Whether this is the run's coordinator (not a guest)."""
        return isinstance(self._body, Conductor)

    @property
    def ended(self) -> bool:
        """Whether the swarm was stopped or left, by us or by another command."""
        return self._body is None or self._body.ended

    # ---- the end

    def stop(self) -> None:
        """End the run: no process, socket or shared memory is left; film and report are in the run folder."""
        from coordinator import report

        with self._ending:
            if self._body is not None and not self._finished.is_set():
                self._body.stop()
                if isinstance(self._body, Conductor):
                    report.finish(self._body.folder)
                self._finished.set()

    def leave(self) -> None:
        """Let the swarm go on without us; `Swarm.attach` finds it again."""
        with self._ending:
            if self._body is not None and not self._finished.is_set():
                self._body.leave()
                self._finished.set()

    def __enter__(self) -> Swarm:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        if self._attached:
            self.leave()
        else:
            self.stop()

    @property
    def _any(self) -> Conductor | Guest:
        if self._body is None:
            raise RunFailed("this swarm is not up yet")
        return self._body

    @property
    def _here(self) -> Conductor | Guest:
        if self.ended:
            raise RunFailed("this swarm has been stopped or let go")
        return self._any

    def _answer(self, ask: Ask) -> Answer:
        """What another command asked of us; runs on the link's worker thread."""
        body = self._body
        if not isinstance(body, Conductor):
            return Answer(ask.id, error="the swarm is still starting: try again in a moment")
        if body.ended:
            return Answer(ask.id, error="" if ask.what == "stop" else "the swarm is being stopped")
        try:
            if ask.what == "stop":
                threading.Thread(target=self.stop, name="planaria-stop").start()
                return Answer(ask.id)
            if ask.what == "begin" and ask.begin is not None:
                self.begin(ask.begin)
                return Answer(ask.id)
            outcome = body.perform(ask.action) if ask.what == "do" and ask.action is not None else None
            return Answer(ask.id, outcome=outcome, faults=body.faults())
        except PlanariaError as error:
            return Answer(ask.id, error=str(error), bad_input=isinstance(error, BadInput))
