"""400 real processes grow a picture, lose half of their number to SIGKILL, then all of it, and grow it again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from grown import grown

from coordinator import Swarm

pytestmark = pytest.mark.system
Start = Callable[..., Swarm]


@pytest.mark.parametrize("engine", ["numpy", "onnx", "chip"])
def test_a_swarm_of_20x20_grows_and_heals_with_each_engine(start: Start, engine: str) -> None:
    swarm = start(grid=(20, 20), interval_s=0.4, engine=engine)  # 200 are born again within 15 T, or `dot` is gone
    assert grown(swarm)
    killed = swarm.kill("50%")
    assert killed.proof["dead_process_ids"] == 200
    swarm.kill("cell:10,10")  # the seed cell is among them
    swarm.revive("dead")
    assert grown(swarm)
    assert swarm.look().alive == 400


def test_of_a_swarm_that_lost_every_cell_nothing_is_left_and_a_new_seed_regrows_it(start: Start) -> None:
    swarm = start(grid=(20, 20), interval_s=0.2)
    swarm.wait(25)
    swarm.kill("all")
    empty = swarm.look()
    assert empty.alive == 0
    assert not empty.states.any()
    swarm.revive("dead")
    swarm.wait(10)
    assert not swarm.look().states.any(), "nothing comes of nothing"
    swarm.plant()
    assert grown(swarm)


def test_several_seeds_grow_several_pictures(start: Start) -> None:
    swarm = start(grid=(12, 24), interval_s=0.2)  # planted in the centre
    swarm.kill("all")
    swarm.revive("dead")
    swarm.plant("cell:6,6")
    swarm.plant("cell:6,18")
    swarm.wait(30)
    living = swarm.look().states[..., 3] > 0.1
    assert living[:, :12].sum() > 15
    assert living[:, 12:].sum() > 15
