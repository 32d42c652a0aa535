"""Performing: one action of the vocabulary, from its selector to its outcome. Writes nothing down; the conductor does.

May import the coordinator's hands, faults and clock.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from coordinator import faults
from coordinator.actions import (
    Action,
    Chosen,
    FaultReport,
    Freeze,
    Heal,
    Inject,
    Kill,
    Outcome,
    Pause,
    Plant,
    Resume,
    Thaw,
)
from coordinator.clock import Clock
from coordinator.faults import Record, plans
from coordinator.faults.board import Board
from coordinator.faults.plans import Plan, Plans
from coordinator.hands import Hands
from coordinator.observer import Observer
from coordinator.selector import is_random
from coordinator.store import Store
from coordinator.substrate import Cells, Substrate
from firmware_sim.errors import BadInput

ROUNDING = 1e-6  # of a T: clocks count nanoseconds, and a moment in T is no whole number of them


class Performer:
    """Not thread-safe: its owner performs one action at a time."""

    def __init__(
        self,
        substrate: Substrate,
        hands: Hands,
        observer: Observer,
        clock: Clock,
        store: Store,
        tell: Callable[[FaultReport], None] = lambda _report: None,
    ) -> None:
        self._substrate, self._hands, self._observer = substrate, hands, observer
        self._clock, self._store = clock, store
        self._plans = Plans(lambda planned: store.update(plans=planned))
        self._frozen: set[int] = set()
        self.board = Board(hands, lambda number, records: store.update(next_fault=number, faults=records), tell)

    def perform(self, action: Action) -> Outcome:
        """Carry it out and say what it hit."""
        if isinstance(action, Pause | Resume):
            return self._pause(isinstance(action, Pause))
        if isinstance(action, Heal):
            return self._heal(action)
        if isinstance(action, Inject):
            return self._plan(action) if plans.is_planned(action) else self._inject(action)
        return self._act(action)

    def adopt(self, records: list[Record], next_id: int, planned: list[Plan]) -> None:
        """Go on with the faults that an earlier coordinator began or planned."""
        self._plans.adopt(planned)
        self._hands.adopt_link_faults(faults.held(records))
        self.board.adopt(records, next_id)

    def reports(self) -> list[FaultReport]:
        """What has begun, and what is to begin."""
        return [*self.board.reports(), *(_planned(plan) for plan in self._plans.all())]

    def harm(self) -> tuple[str, ...]:
        """What goes on harming: faults that are on, that are to come, cells that stand still."""
        still = f"{len(self._frozen)} cells standing still"
        return (*self.board.going_on(), *self._plans.names(), *((still,) if self._frozen else ()))

    def next_change(self, t: float) -> float | None:
        """When after `t` there is something to do, in T."""
        t += ROUNDING
        moments = [moment for moment in (self.board.next_change(t), self._plans.next_t()) if moment is not None]
        return min((moment for moment in moments if moment > t), default=None)

    def due(self, t: float) -> list[Action]:
        """What is to be done now: end what is over, begin what is planned. Faults that change by themselves do."""
        t += ROUNDING
        self.board.change(t)
        return [*(Heal(id=fault.record.id) for fault in self.board.due(t)), *self._plans.due(t)]

    def _t(self) -> float:
        return self._clock.t(self._substrate.now_ns())

    def _pause(self, pausing: bool) -> Outcome:
        missing = self._substrate.set_paused(pausing)
        (self._clock.pause if pausing else self._clock.resume)(self._substrate.now_ns())
        self._store.keep_clock(self._clock)
        return Outcome(do="pause" if pausing else "resume", t=self._t(), missing=missing)

    def _heal(self, action: Heal) -> Outcome:
        dropped = self._plans.drop(action.id)
        if dropped and action.id is not None:
            return Outcome(do="heal", t=self._t(), fault=action.id, proof={"plans_dropped": 1})
        healed = self.board.heal(action.id, self._t() + ROUNDING)
        cells = sorted({cell for fault in healed for cell in fault.record.cells})
        missing = sorted({cell for fault in healed for cell in fault.missing})
        proof = {f"fault_{fault.record.id}_hits": fault.hits() for fault in healed}
        if dropped:
            proof["plans_dropped"] = len(dropped)
        return Outcome(do="heal", t=self._t(), cells=cells, missing=missing, fault=action.id, proof=proof)

    def _plan(self, action: Inject) -> Outcome:
        plans.check(action)
        faults.check(action.fault, action.parameters, action.duration)
        number = self._store.next_action()
        choose = self._hands.choose_links if faults.KINDS[action.fault].links else self._hands.choose
        rng_seed = choose(action.select, action.seed, number)[-1]  # cells that cannot be are refused now, not then
        if faults.KINDS[action.fault].network:
            self._carried(action, rng_seed)
        plan, t = plans.first(action, self.board.take_id(), self._t(), rng_seed), self._t()
        self._plans.add(plan)
        if plan.next_t <= t:
            outcomes = [self._inject(one) for one in self._plans.due(t)]
            return msgspec.structs.replace(outcomes[-1], proof={**outcomes[-1].proof, "plan": plan.id})
        proof = {"kind": action.fault, "planned": f"from {plan.next_t:.1f} T"}
        return Outcome(do="inject", t=t, selector=action.select, rng_seed=rng_seed, fault=plan.id, proof=proof)

    def _inject(self, action: Inject) -> Outcome:
        plans.check(action)
        parameters = faults.check(action.fault, action.parameters, action.duration)
        kind, number = faults.KINDS[action.fault], self._store.next_action()
        if kind.links:
            cells, slots, rng_seed = self._hands.choose_links(action.select, action.seed, number)
        else:
            (cells, rng_seed), slots = self._hands.choose(action.select, action.seed, number), []
        cells, slots = kind.place(cells, slots, self._hands.grid, parameters, rng_seed)
        if kind.network:
            cells = self._carried(action, rng_seed)
        cells = self._hands.able(action.fault, kind.engines, cells)
        if action.keep is not None:
            kept = self._hands.spare(cells, action.keep, rng_seed)
            slots = [mask for cell, mask in zip(cells.tolist(), slots, strict=True) if cell in kept] if slots else []
            cells = kept
        rule = kind.rule_of(parameters, self._hands.family, self._hands.degrees)
        t = self._t()
        fault = self.board.inject(
            action.fault, action.select, cells.tolist(), parameters, t, action.duration, rng_seed, slots, rule
        )
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

    def _carried(self, action: Inject, rng_seed: int) -> Cells:
        """The cells of the hosts that a fault of hosts means. BadInput where there are no such hosts."""
        network = self._hands.network()
        if action.keep is not None:
            raise BadInput(f"fault {action.fault}: keep spares cells, and a host has power or has not: leave keep out")
        return network.carried(faults.KINDS[action.fault].hosts_of(action.parameters, network.names, rng_seed))

    def _act(self, action: Chosen) -> Outcome:
        chosen, seed = self._hands.choose(action.select, action.seed, self._store.next_action())
        t = self._t()
        cells, missing, proof = self._hands.act(action, chosen)
        if isinstance(action, Freeze):
            self._frozen |= set(cells.tolist())
        elif isinstance(action, Thaw | Kill):
            self._frozen -= set(cells.tolist())
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


def _planned(plan: Plan) -> FaultReport:
    action = plan.action
    return FaultReport(
        id=plan.id,
        kind=action.fault,
        selector=action.select,
        parameters=action.parameters,
        rng_seed=plan.rng_seed,
        start=plan.next_t,
        duration=plan.next_for,
        cells=0,
        state="planned",
        hits=0,
    )
