"""When a cell that died by itself is started again."""

from __future__ import annotations

from cellnode.supervision import FIRST_PAUSE_NS, FORGIVEN_AFTER_NS, LONGEST_PAUSE_NS, Supervision


def pauses_of_a_cell_that_keeps_dying(times: int) -> list[int]:
    watch, now_ns, pauses = Supervision(1), 0, []
    for _ in range(times):
        watch.born(0, now_ns)
        watch.died(0, now_ns)
        begun_ns = now_ns
        while not len(watch.due(now_ns)):
            now_ns += FIRST_PAUSE_NS
        pauses.append(now_ns - begun_ns)
    return pauses


def test_the_first_rebirth_is_soon_and_the_next_ever_later_up_to_a_limit() -> None:
    pauses = pauses_of_a_cell_that_keeps_dying(12)
    assert pauses[:4] == [FIRST_PAUSE_NS, 2 * FIRST_PAUSE_NS, 4 * FIRST_PAUSE_NS, 8 * FIRST_PAUSE_NS]
    assert pauses[-1] == LONGEST_PAUSE_NS


def test_a_long_life_clears_the_record() -> None:
    watch = Supervision(1)
    for _ in range(6):
        watch.born(0, 0)
        watch.died(0, 0)
        watch.due(LONGEST_PAUSE_NS)
    watch.born(0, 0)
    watch.died(0, FORGIVEN_AFTER_NS + 1)
    assert watch.due(FORGIVEN_AFTER_NS + 1 + FIRST_PAUSE_NS).tolist() == [0]


def test_a_due_cell_is_handed_out_once() -> None:
    watch = Supervision(3)
    watch.died(1, 0)
    assert watch.due(FIRST_PAUSE_NS).tolist() == [1]
    assert watch.due(FIRST_PAUSE_NS).tolist() == []


def test_a_cell_switched_off_is_not_due_any_more() -> None:
    watch = Supervision(2)
    watch.died(0, 0)
    watch.died(1, 0)
    watch.forget(0)
    assert watch.due(LONGEST_PAUSE_NS).tolist() == [1]


def test_a_cell_that_its_launch_gave_up_is_tried_again_after_the_longest_pause() -> None:
    watch = Supervision(1)
    watch.gave_up(0, 0)
    assert watch.due(LONGEST_PAUSE_NS - 1).tolist() == []
    assert watch.due(LONGEST_PAUSE_NS).tolist() == [0]
