"""Plans: when faults begin, at times or by chance, as a pure function of the seed; what was missed comes late, once."""

from __future__ import annotations

import pytest

from coordinator.actions import Inject
from coordinator.faults import plans
from coordinator.faults.plans import Plan, Plans, first, following
from firmware_sim.errors import BadInput


def asked(**more: float | None) -> Inject:
    return Inject(fault="erase", select="all", **more)  # type: ignore[arg-type]


def moments(action: Inject, count: int, t: float = 0.0, seed: int = 1) -> list[tuple[float, float | None]]:
    plan: Plan | None = first(action, 1, t, seed)
    found = []
    while plan is not None and len(found) < count:
        found.append((plan.next_t, plan.next_for))
        plan = following(plan)
    return found


def test_every_so_often_and_so_many_times() -> None:
    assert moments(asked(every=5.0, times=3), 9, t=2.0) == [(2.0, None), (7.0, None), (12.0, None)]
    assert moments(asked(begin=10.0, duration=4.0), 9) == [(10.0, 4.0)]
    assert len(moments(asked(every=5.0), 50)) == 50, "without times: for ever"


def test_swing_delays_each_by_a_draw_and_does_not_add_up() -> None:
    found = [at for at, _ in moments(asked(every=5.0, swing=2.0), 40)]
    late = [at - 5 * k for k, at in enumerate(found)]
    assert all(0 <= one <= 2 for one in late) and len(set(late)) > 30


def test_by_chance_up_and_down_times_have_their_means_and_least_values() -> None:
    found = moments(asked(up=10.0, down=4.0, min_up=2.0, min_down=1.0), 2000)
    downs = [lasts for _, lasts in found if lasts is not None]
    ends = [at + (lasts or 0) for at, lasts in found]
    ups = [at - before for (at, _), before in zip(found[1:], ends, strict=False)]
    assert min(downs) >= 1 and min(ups) >= 2 - 1e-9
    assert abs(sum(downs) / len(downs) - 4) < 0.3 and abs(sum(ups) / len(ups) - 10) < 0.8


def test_moments_follow_the_seed_and_nothing_else() -> None:
    action = asked(up=10.0, down=4.0)
    assert moments(action, 20) == moments(action, 20) != moments(action, 20, seed=2)


def test_what_is_due_comes_once_with_a_seed_of_its_own_and_is_stored() -> None:
    stored: list[list[Plan]] = []
    it = Plans(stored.append)
    it.add(first(asked(every=5.0, times=2), 1, 0.0, 1))
    begun = [it.due(0.0), it.due(4.9), it.due(5.0), it.due(100.0)]
    assert [len(some) for some in begun] == [1, 0, 1, 0]
    assert begun[0][0].seed != begun[2][0].seed and not plans.is_planned(begun[0][0])
    assert stored[-1] == [] and it.next_t() is None


def test_a_successor_goes_on_with_what_was_planned_and_skips_what_is_over() -> None:
    stored: list[list[Plan]] = []
    it = Plans(stored.append)
    it.add(first(asked(every=5.0, duration=1.0), 7, 0.0, 1))
    successor = Plans(lambda _plans: None)
    successor.adopt(stored[-1])
    assert len(successor.due(52.0)) == 1, "eleven were missed: one comes, late"
    assert successor.next_t() == 55.0
    assert [plan.id for plan in successor.drop(7)] == [7] and successor.next_t() is None


def test_when_the_last_is_over() -> None:
    assert plans.last_end(asked(begin=10.0, every=5.0, times=3, duration=2.0, swing=1.0), 0.0) == 23.0
    assert plans.last_end(asked(every=5.0), 0.0) is None


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"every": -1.0}, "every is -1"),
        ({"swing": 1.0}, "needs begin=T or every=T"),
        ({"down": 1.0}, "go together"),
        ({"up": 5.0, "down": 1.0, "duration": 3.0}, "leave every and `for` out"),
        ({"min_up": 5.0}, "min_up needs up=T"),
    ],
)
def test_an_impossible_plan_is_refused(more: dict[str, float], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        plans.check(asked(**more))
