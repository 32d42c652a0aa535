"""When a planned fault begins, and for how long: at a time, every so often, or by chance. Begins nothing itself.

    begin=T                 first then, not now             every=T times=N    again every T; N times (0: for ever)
    swing=T                 each up to T later, by a draw   up=T down=T        by chance: off for `up` T in the mean,
    min_up=T min_down=T     never shorter than this         then on for `down` T, and so on; both exponential

Every moment is a pure function of (seed, plan, count), in millionths of T, so that a successor of the coordinator goes
on with the same ones. May import the actions and the draws.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from cellnode.draws import Purpose, draw64, interval_ns, share
from coordinator.actions import Inject
from firmware_sim.errors import BadInput

MICRO = 1_000_000  # of T: the unit of every moment
LONGEST = 1e6  # T
SHORTEST = 0.01  # T


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan as stored in state.json: what to inject, and which moment comes next."""

    id: int
    action: Inject
    rng_seed: int
    begun: int = 0  # how often it has
    next_t: float
    next_for: float | None


def check(action: Inject) -> None:
    """BadInput naming the word of a schedule that cannot be meant."""
    what = f"fault {action.fault}"
    for name in ("begin", "every", "swing", "up", "down", "min_up", "min_down"):
        value = getattr(action, name)
        if value is not None and not 0 <= value <= LONGEST:
            raise BadInput(f"{what}: {name} is {value:g}, expected 0 to {LONGEST:g} T")
    if action.keep is not None and action.keep < 0:
        raise BadInput(f"{what}: keep is {action.keep}, expected a number of cells")
    if action.times is not None and (action.times < 0 or (action.every is None and action.up is None)):
        raise BadInput(f"{what}: times is {action.times}, which needs every=T, and 0 (for ever) or more")
    if action.every is not None and action.every < SHORTEST:
        raise BadInput(f"{what}: every is {action.every:g}, expected at least {SHORTEST:g} T")
    if action.swing is not None and action.every is None and action.begin is None:
        raise BadInput(f"{what}: swing moves a planned beginning; it needs begin=T or every=T")
    if (action.up is None) != (action.down is None):
        raise BadInput(f"{what}: up and down go together, e.g. up=20 down=4")
    for name in ("up", "down"):
        mean, least = getattr(action, name), getattr(action, f"min_{name}")
        if mean is None and least is not None:
            raise BadInput(f"{what}: min_{name} needs {name}=T")
        if mean is not None and (mean < SHORTEST or mean < (least or 0.0)):
            raise BadInput(f"{what}: {name} is {mean:g}, expected at least {max(SHORTEST, least or 0):g} T in the mean")
    if action.up is not None and (action.every is not None or action.duration is not None):
        raise BadInput(f"{what}: up and down say when it is on; leave every and `for` out")


def is_planned(action: Inject) -> bool:
    """Whether it does not simply begin now."""
    return action.begin is not None or action.every is not None or action.up is not None


def first(action: Inject, number: int, t: float, rng_seed: int) -> Plan:
    """The plan with its first moment; planned at `t`."""
    begin = t if action.begin is None else max(action.begin, t)
    plan = Plan(id=number, action=action, rng_seed=rng_seed, next_t=begin, next_for=action.duration)
    return _moment(plan, begin)


def following(plan: Plan) -> Plan | None:
    """After the next moment has come: the plan with the one after it; None when that was the last."""
    action, begun = plan.action, plan.begun + 1
    if action.up is None and action.every is None:
        return None
    if action.times and begun >= action.times:
        return None
    after = msgspec.structs.replace(plan, begun=begun)
    if action.every is not None:
        return _moment(after, plan.next_t - _swung(plan) + action.every)
    return _moment(after, plan.next_t + (plan.next_for or 0.0))


def seed_of(plan: Plan) -> int:
    """The seed of the fault that begins next."""
    return draw64(plan.rng_seed, plan.id, Purpose.SCHEDULE, 4 * plan.begun + 3) >> 33


def last_end(action: Inject, t: float) -> float | None:
    """When it is over at the latest if it is asked for at `t`; None: it goes on for ever, or nobody knows."""
    if action.up is not None or (action.every is not None and not action.times):
        return None
    begin = t if action.begin is None else max(t, action.begin)
    begin += ((action.times or 1) - 1) * (action.every or 0.0) + (action.swing or 0.0)
    return begin + (action.duration or 0.0)


def _moment(plan: Plan, base: float) -> Plan:
    action = plan.action
    if action.up is None or action.down is None:
        return msgspec.structs.replace(plan, next_t=base + _swung(plan))
    up = _exponential(plan, 0, action.up, action.min_up or 0.0)
    down = _exponential(plan, 1, action.down, action.min_down or 0.0)
    return msgspec.structs.replace(plan, next_t=base + up, next_for=max(down, SHORTEST))


def _swung(plan: Plan) -> float:
    return share(_bits(plan, 2), round((plan.action.swing or 0.0) * MICRO)) / MICRO


def _exponential(plan: Plan, which: int, mean: float, least: float) -> float:
    rest = round((mean - least) * MICRO)
    return least + (interval_ns(_bits(plan, which), rest) / MICRO if rest else 0.0)


def _bits(plan: Plan, which: int) -> int:
    return draw64(plan.rng_seed, plan.id, Purpose.SCHEDULE, 4 * plan.begun + which)


class Plans:
    """The plans of one run; `changed` is called with all of them whenever one comes, goes or moves on."""

    def __init__(self, changed: Callable[[list[Plan]], None]) -> None:
        self._changed = changed
        self._plans: dict[int, Plan] = {}

    def adopt(self, plans: list[Plan]) -> None:
        """Go on with what an earlier coordinator had planned."""
        self._plans = {plan.id: plan for plan in plans}

    def add(self, plan: Plan) -> None:
        self._plans[plan.id] = plan
        self._store()

    def drop(self, number: int | None) -> list[Plan]:
        """Forget one, or all; returns those."""
        gone = [plan for plan in self._plans.values() if number in (None, plan.id)]
        for plan in gone:
            del self._plans[plan.id]
        if gone:
            self._store()
        return gone

    def names(self) -> tuple[str, ...]:
        """What is to come, in words."""
        return tuple(f"{plan.action.fault} to come at {plan.next_t:.1f} T" for plan in self.all())

    def next_t(self) -> float | None:
        """When the next fault is to begin."""
        return min((plan.next_t for plan in self._plans.values()), default=None)

    def due(self, t: float) -> list[Inject]:
        """What is to begin now: plain injections, each with its own seed. What was missed comes late, and once."""
        found = []
        for plan in list(self._plans.values()):
            if plan.next_t > t:
                continue
            found.append(plain(plan))
            after = following(plan)
            while after is not None and after.next_t + (after.next_for or 0.0) <= t:
                after = following(after)  # over before it could have begun
            if after is None:
                del self._plans[plan.id]
            else:
                self._plans[plan.id] = after
        if found:
            self._store()
        return found

    def all(self) -> list[Plan]:
        """May be asked from any thread while another adds or drops one."""
        return list(self._plans.values())

    def _store(self) -> None:
        self._changed(list(self._plans.values()))


def plain(plan: Plan) -> Inject:
    """What begins at the next moment of a plan."""
    action = plan.action
    return Inject(
        fault=action.fault,
        select=action.select,
        duration=plan.next_for,
        seed=seed_of(plan),
        parameters=action.parameters,
        keep=action.keep,
    )
