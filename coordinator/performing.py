"""Performing: one action of the vocabulary, from its selector to its outcome. Writes nothing down; the conductor does.

May import the coordinator's hands, faults and clock.
"""

from __future__ import annotations

from coordinator import faults
from coordinator.actions import Action, Chosen, FaultReport, Heal, Inject, Outcome, Pause, Plant, Resume
from coordinator.clock import Clock
from coordinator.faults import Record
from coordinator.faults.board import Board
from coordinator.hands import Hands
from coordinator.observer import Observer
from coordinator.selector import is_random
from coordinator.store import Store
from coordinator.substrate import Substrate


class Performer:
    """Not thread-safe: its owner performs one action at a time."""

    def __init__(self, substrate: Substrate, hands: Hands, observer: Observer, clock: Clock, store: Store) -> None:
        self._substrate, self._hands, self._observer = substrate, hands, observer
        self._clock, self._store = clock, store
        self.board = Board(hands, lambda number, records: store.update(next_fault=number, faults=records))

    def perform(self, action: Action) -> Outcome:
        """Carry it out and say what it hit."""
        if isinstance(action, Pause | Resume):
            return self._pause(isinstance(action, Pause))
        if isinstance(action, Heal):
            return self._heal(action)
        if isinstance(action, Inject):
            return self._inject(action)
        return self._act(action)

    def adopt(self, records: list[Record], next_id: int) -> None:
        """Go on with the faults that an earlier coordinator began."""
        self._hands.adopt_link_faults(faults.held(records))
        self.board.adopt(records, next_id)

    def reports(self) -> list[FaultReport]:
        return self.board.reports()

    def _t(self) -> float:
        return self._clock.t(self._substrate.now_ns())

    def _pause(self, pausing: bool) -> Outcome:
        missing = self._substrate.set_paused(pausing)
        (self._clock.pause if pausing else self._clock.resume)(self._substrate.now_ns())
        self._store.keep_clock(self._clock)
        return Outcome(do="pause" if pausing else "resume", t=self._t(), missing=missing)

    def _heal(self, action: Heal) -> Outcome:
        healed = self.board.heal(action.id)
        cells = sorted({cell for fault in healed for cell in fault.record.cells})
        missing = sorted({cell for fault in healed for cell in fault.missing})
        proof = {f"fault_{fault.record.id}_hits": fault.hits() for fault in healed}
        return Outcome(do="heal", t=self._t(), cells=cells, missing=missing, fault=action.id, proof=proof)

    def _inject(self, action: Inject) -> Outcome:
        parameters = faults.check(action.fault, action.parameters, action.duration)
        number = self._store.next_action()
        cells, rng_seed = self._hands.choose(action.select, action.seed, number)
        cells = self._hands.able(action.fault, faults.KINDS[action.fault].engines, cells)
        t = self._t()
        fault = self.board.inject(action.fault, action.select, cells.tolist(), parameters, t, action.duration, rng_seed)
        return Outcome(
            do="inject",
            t=t,
            selector=action.select,
            rng_seed=rng_seed,
            cells=cells.tolist(),
            missing=fault.missing,
            fault=fault.record.id,
            proof={"kind": action.fault, "hits": fault.hits()},
        )

    def _act(self, action: Chosen) -> Outcome:
        chosen, seed = self._hands.choose(action.select, action.seed, self._store.next_action())
        t = self._t()
        cells, missing, proof = self._hands.act(action, chosen)
        if isinstance(action, Plant) and not self._clock.started:
            self._clock.begin(self._substrate.now_ns())
            self._store.keep_clock(self._clock)
            self._observer.zero()
            self._observer.see(0.0)
        return Outcome(
            do=str(type(action).__struct_config__.tag),
            t=t,
            selector=action.select,
            rng_seed=seed if is_random(action.select) else None,
            cells=cells.tolist(),
            missing=missing,
            proof=dict(proof),
        )
