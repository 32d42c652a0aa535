"""Earshot: what counts as silence is what was not said while we listened."""

from __future__ import annotations

from coordinator.earshot import KEPT, STALL_S, Earshot


def listened(*moments: float) -> Earshot:
    found = Earshot(0.0)
    for moment in moments:
        found.listening(moment)
    return found


def test_who_always_listens_is_never_deaf() -> None:
    found = listened(*(0.2 * number for number in range(1, 100)))
    assert found.deaf_s(0.0, 19.9) == 0


def test_while_we_stand_still_nobody_is_silent_for_longer_than_a_moment() -> None:
    found = listened(0.2)
    assert found.deaf_s(0.1, 60.2) == 60 - STALL_S
    found.listening(60.2)
    assert found.deaf_s(0.1, 60.3) == 60 - STALL_S, "nor afterwards"


def test_what_was_silent_only_later_is_not_excused_by_it() -> None:
    found = listened(0.2, 60.2)
    assert found.deaf_s(60.3, 60.4) == 0


def test_with_a_listener_that_is_always_slow_a_lost_host_is_found_late_but_found() -> None:
    found, silence = Earshot(0.0), []
    for number in range(1, 4 * KEPT):
        found.listening(2.0 * number)
        silence.append(2.0 * number - found.deaf_s(0.0, 2.0 * number))
    assert silence[:3] == [1, 2, 3]
    assert silence == sorted(silence)
