"""In virtual time C computes an int8 swarm under any fault that it can suffer there, but for three of links."""

from __future__ import annotations

import shutil

import msgspec
import pytest

from coordinator import faults
from coordinator.faults import KINDS
from coordinator.faults.prose import prose
from coordinator.quick import QuickSwarm
from firmware_sim import native_build
from firmware_sim.errors import BadInput

pytestmark = pytest.mark.skipif(
    not any(shutil.which(name) for name in native_build.CANDIDATES["c"]), reason="no C compiler: apt-get install gcc"
)
BY_ARRAYS = {"link_corrupt", "link_rate", "hold"}  # in virtual time
REFUSED = {
    *("agent_kill", "coordinator_kill", "host_off", "host_cut", "host_loss", "host_delay"),  # there is no host
    *("ram_flip", "register_flip", "brown_out", "stuck_bit", "line_noise"),  # nor a board, unless one is asked for
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_who_computes_a_swarm_under_this_fault(kind: str) -> None:
    swarm = QuickSwarm("dot", (16, 16))
    swarm.wait_until(20)
    example = faults.parse(prose()[kind].words)
    elsewhere = ":20,20" in example.select or example.select.startswith("part:")  # in a larger picture
    try:
        swarm.perform(msgspec.structs.replace(example, select="half:left") if elsewhere else example)
    except BadInput:
        assert kind in REFUSED
        return
    swarm.wait_until(30)
    assert kind not in REFUSED
    assert swarm._substrate._swarm.world == ("arrays" if kind in BY_ARRAYS else "native")
