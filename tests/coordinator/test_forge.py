"""Forged frames: each kind is dropped by a cell's mailbox under the counter that it names, and changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from cellnode.mailbox import Mailbox
from cellnode.panel import COUNTERS, Counter
from coordinator.bench.forge import Kind, Speaker, forge

SPEAKER = Speaker(cell=7, epoch=2, life=3, tag=99, size=16)
BY_SOCKET = (Counter.DROP_SPOOFED,)  # counted before the mailbox is asked
PARTS = "two parts"  # no socket hands such a message on


def kinds(far: bool) -> list[Kind]:
    return [kind for kind in forge(SPEAKER, 8, 1, far) if kind.counter not in BY_SOCKET and kind.name != PARTS]


@pytest.mark.parametrize("kind", kinds(far=False), ids=lambda kind: kind.name)
def test_every_forged_frame_is_dropped_for_its_reason(kind: Kind) -> None:
    counters = [0] * COUNTERS
    mailbox = Mailbox([7, *[-1] * 7], 99, np.dtype(np.int8), 1_000_000, counters)
    mailbox.announce(0, 2, 3 + 1000, True)
    mailbox._incarnation[0] = 2 << 32 | 3  # met before, and forgotten since
    for (data,) in kind.messages:
        assert mailbox.receive(data, 1) == 0
    assert counters[kind.counter] == counters[Counter.RECEIVED] == len(kind.messages)
    assert mailbox.living == 0 and mailbox.sequences == [0] * 8 and not mailbox.block.any()


def test_a_host_that_speaks_for_another_s_cell_is_to_be_told_by_its_key() -> None:
    far, near = ({kind.name: kind.counter for kind in forge(SPEAKER, 8, 1, where)} for where in (True, False))
    assert far["another host's cell"] is Counter.DROP_SPOOFED
    assert near["another host's cell"] is Counter.DROP_CELL
    assert len(far) == 17
