"""Where the pictures of a pool belong: what settled aside is taught there, what heals is held to where it was hurt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trainer import places
from trainer.episode import Episode, Gradients, Outcome
from trainer.learner import Learner
from trainer.settings import Settings
from trainer.targets import resolve
from trainer.train import training_step

TARGET = np.pad(resolve("dot", 6).pixels, ((2, 2), (2, 2), (0, 0)))


def at(rows: int, columns: int) -> np.ndarray:
    picture = np.roll(TARGET, (rows, columns), (0, 1))
    return np.concatenate([picture, np.zeros((*picture.shape[:2], 12), np.float32)], axis=2)


def test_a_picture_stands_where_it_fits_best_and_no_further_than_it_may() -> None:
    assert places.standing(at(0, 0), TARGET, 1) == (0, 0)
    assert places.standing(at(1, -1), TARGET, 1) == (1, -1)
    assert places.standing(at(0, 2), TARGET, 1) == (0, 1)
    assert places.standing(0 * at(0, 0), TARGET, 1) == (0, 0), "where it fits alike, the least moved"
    assert np.array_equal(places.moved(TARGET, 1, -1), at(1, -1)[..., :4])


def test_a_seed_is_held_to_its_place_for_as_many_episodes_as_it_takes_to_settle() -> None:
    mine, aside = places.fresh(1), at(1, 0)[None]
    for episode in range(1, places.HELD + 3):  # the first is the one that it is a seed in
        assert (mine[0, :2].tolist() == [0, 0]) is (episode <= places.HELD)
        mine = places.of_today(mine, aside, TARGET, 1)
    assert mine[0].tolist() == [1, 0, 0]


class Still:
    """A kernel under which nothing happens; remembers what was asked for."""

    name = "still"

    def run(self, rule: object, episode: Episode, backward: bool = True) -> Outcome:
        self.asked = episode.target.copy()
        zeros = [np.zeros_like(getattr(rule, name)) for name in ("w1", "b1", "w2", "b2")]
        return Outcome(episode.states, np.ones(len(episode.states), np.float32), Gradients(*zeros))


def test_a_picture_that_is_hurt_is_to_come_back_where_it_stood() -> None:
    settings = Settings(size=6, pad=2, batch=4, damaged=2, pool=4, warm=0, hidden=16, aside=1, episode_max=65)
    learner, kernel = Learner(replace(settings, halves=1.0), resolve("dot", 6).pixels), Still()
    learner.pool.write(np.arange(4), np.stack([at(1, 0)] * 4), np.ones((4, 10, 10), np.bool_))
    training_step(learner, kernel)
    taught = learner.pool.places[:, :2].tolist()
    assert sorted(taught) == [[0, 0], [0, 0], [1, 0], [1, 0]], "a seed, one held to its place still, two that were hurt"
    assert (learner.pool.places[:, 2] >= places.HELD - 1).all()
    assert sum(np.array_equal(asked, at(1, 0)[..., :4]) for asked in kernel.asked) == 2
