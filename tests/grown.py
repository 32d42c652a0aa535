"""How well `dot` does, the rule that most tests of swarms use: when its picture is there, by the loss."""

from __future__ import annotations

from coordinator import Swarm

# An empty grid reads -2.65. Grown it reads -4 after 10 T and -5.9 from 25 T on; so it does again, T for T, when half of
# its cells were dark for up to 10 T (the worst of 12 virtual swarms: -3.6 after 10 T, -5.0 after 20 T).
GROWN = -3.5


def loss_of(swarm: Swarm) -> float:
    loss = swarm.loss()
    assert loss is not None, "`dot` has a target"
    return loss


def grown(swarm: Swarm, within: float = 90.0) -> bool:
    """Whether the picture is there within so many T, which a starved machine may need; a free one needs 10 to 20."""
    end = swarm.t + within
    while loss_of(swarm) >= GROWN and swarm.t < end:
        swarm.wait(1)
    return loss_of(swarm) < GROWN
