"""A live swarm of processes in which some cells are chips: 400 processes, of them 1 AVR, 8 Cortex-M0+ and 8 RISC-V."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from needs import needs

from cellnode.panel import Counter
from coordinator import Swarm

pytestmark = [pytest.mark.system, needs("atmega328p"), needs("cortex-m0"), needs("rv32imc")]


@pytest.fixture(autouse=True)
def own_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    root = Path(f"/dev/shm/pc-{os.getpid()}")
    monkeypatch.setenv("PLANARIA_RUNTIME_DIR", str(root))
    yield root
    left = subprocess.run(["pgrep", "-af", str(root)], capture_output=True, text=True).stdout
    assert left == "" and not list(root.rglob("*")), f"left behind: {left}"


def test_chips_take_part_in_a_live_swarm_that_grows_the_same_picture(tmp_path: Path) -> None:
    wish = {"avr": "cell:10,10", "cortex-m0": 8, "rv32imc": 8}
    with Swarm.start("dot", (20, 20), interval_s=0.2, seed=7, chips=wish, out=tmp_path / "run") as swarm:
        swarm.wait(22)
        sight, measured = swarm.look(), swarm.measure()
    assert measured.processes == 400 and measured.verdict == "pass"
    assert measured.gain_log10 is not None and measured.gain_log10 > 1.4
    assert [len(found["cells"]) for found in measured.chips.values()] == [1, 8, 8]
    living = sight.states[..., 3].reshape(-1) > 0.1
    for kind, found in measured.chips.items():
        cells = found["cells"]
        assert (sight.counters[cells, Counter.UPDATES] > 3).all(), f"{kind}: all of its cells have updated"
        assert found["updates"] > 5 * len(cells) and living[cells].any(), f"{kind}: cells of the picture are on it"
    assert len(np.unique(sight.pids)) == 400
