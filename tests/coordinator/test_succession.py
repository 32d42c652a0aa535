"""Another pattern in the place of a running swarm: what can be asked for, and how one is asked for at a time."""

from __future__ import annotations

import pytest

from coordinator.picture import Picture
from coordinator.succession import Begin, Heir, grid_for, wish_for
from coordinator.wish import Wish
from firmware_sim import folder
from firmware_sim.errors import BadInput

BEFORE = Wish(rule="dot", grid=(9, 9), substrate="virtual", interval_s=0.2, rng_seed=7, record=True)


def test_the_next_swarm_is_like_the_one_before_but_for_picture_seed_and_folder() -> None:
    wish = wish_for(BEFORE, Begin(rule="lizard-24", angle=90))
    assert (wish.rule, wish.degrees, wish.grid) == ("lizard-24", 90, (32, 32))
    assert (wish.substrate, wish.interval_s, wish.record) == ("virtual", 0.2, True)
    assert (wish.rng_seed, wish.out) == (None, None)


def test_a_turned_picture_gets_the_grid_that_it_needs() -> None:
    rule = folder.load("lizard")
    assert grid_for(rule, 0, False) == (40, 40)
    height, width = grid_for(rule, 45, False)
    target = rule.target()
    assert target is not None
    Picture(target, height, width, False, 45)  # it fits
    with pytest.raises(BadInput, match="too small"):
        Picture(target, 40, 40, False, 45)


@pytest.mark.parametrize(
    ("begin", "word"),
    [
        (Begin(rule="../dot"), "no pattern"),
        (Begin(rule="dot", angle=float("nan")), "angle"),
        (Begin(rule="dot", angle=float("inf")), "angle"),
        (Begin(rule="dot", grid=(0, 5)), "grid"),
        (Begin(rule="dot", angle=90, grid=(6, 7)), "too small for this picture turned by 90 degrees"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_ends(begin: Begin, word: str) -> None:
    heir = Heir(BEFORE)
    with pytest.raises(BadInput, match=word):
        heir.ask(begin)
    assert not heir.asked


def test_one_at_a_time_and_each_follows_the_one_before() -> None:
    heir = Heir(BEFORE)
    assert heir.take() is None
    heir.ask(Begin(rule="lizard-24"))
    assert heir.asked
    with pytest.raises(BadInput, match="lizard-24 is being started already"):
        heir.ask(Begin(rule="dot"))
    taken = heir.take()
    assert taken is not None and taken.rule == "lizard-24"
    assert not heir.asked
    heir.ask(Begin(rule="dot", angle=12.5))
    taken = heir.take()
    assert taken is not None and (taken.rule, taken.degrees) == ("dot", 12.5)
