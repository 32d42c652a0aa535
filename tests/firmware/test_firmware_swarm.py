"""A live swarm of processes: some cells are chips, a board at a serial port becomes one, and chips are harmed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from needs import needs

from cellnode.panel import Counter, map_all
from cellnode.runtime import Runtime
from coordinator import Swarm
from coordinator.cli.main import invoke
from firmware_sim.errors import BadInput

ROOT = Path(__file__).parents[2]
PLANARIA = [sys.executable, "-m", "coordinator.cli.main"]
pytestmark = [
    pytest.mark.system,
    pytest.mark.usefixtures("runtime_root"),
    pytest.mark.timeout(180),
    needs("atmega328p"),
    needs("cortex-m0"),
    needs("rv32imc"),
]


def test_chips_take_part_in_a_live_swarm_that_grows_the_same_picture(tmp_path: Path) -> None:
    wish = {"avr": "cell:10,10", "cortex-m0": 8, "rv32imc": 8}
    with Swarm.start("dot", (20, 20), interval_s=0.2, seed=7, chips=wish, out=tmp_path / "run") as swarm:
        swarm.wait(30)  # `dot` has grown after 10 to 16 T
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


class Simulated:
    """A board on the desk: `planaria firmware desk` in a process of its own, which can be unplugged."""

    def __init__(self, link: Path) -> None:
        self._link = link
        self._process: subprocess.Popen[str] | None = None

    def plug_in(self) -> None:
        command = [*PLANARIA, "firmware", "desk", "dot", "--link", str(self._link)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None and self._process.stdout.readline().strip() == str(self._link)

    def unplug(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            assert self._process.wait(20) == 130
            self._process = None


class Bridged:
    """`planaria bridge` of cell 4,4 in a process of its own."""

    def __init__(self, port: Path, run: Path) -> None:
        command = [*PLANARIA, "bridge", str(port), "--run", str(run), "--cell", "4,4", "--json"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def line(self) -> str:
        """What it tells next."""
        assert self.process.stderr is not None
        return self.process.stderr.readline()

    def until(self, words: str) -> None:
        said = []
        while words not in (line := self.line()):
            said.append(line)
            assert line, f"it ended without saying {words!r}, but {said}"

    def end(self, number: signal.Signals) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def test_a_board_at_a_serial_port_is_a_cell_until_it_is_given_back(tmp_path: Path) -> None:
    port, run, here = tmp_path / "uno", tmp_path / "run", 36
    board = Simulated(port)
    with Swarm.start("dot", (8, 8), interval_s=0.2, seed=7, out=run) as swarm:

        def count() -> int:
            return int(swarm.look().counters[here, Counter.UPDATES])

        until(lambda: count() > 5, 60, "as a process it has computed")
        board.plug_in()
        bridge = Bridged(port, run)
        try:
            bridge.until("is computed by the board")
            state = json.loads((run / "state.json").read_text())
            assert state["boards"] == {str(here): str(port)}, "a successor of the coordinator knows it"
            life = swarm.look().lives[here]
            until(lambda: count() > 3 and swarm.look().states[4, 4, 3] > 0.1, 60, "it holds its part of the picture")
            assert swarm.look().lives[here] == life
            swarm.pause()
            first = count()
            found = swarm.measure()
            assert found.chips == {"board": {"cells": [here], "updates": first}}, "the process before it does not count"
            swarm.resume()

            board.unplug()
            bridge.until("is silent until the board")
            assert not swarm.look().on[here]
            board.plug_in()
            bridge.until("again computed by the board")

            swarm.pause()
            second = count()
            assert second > 0
            status, out, err = bridge.end(signal.SIGINT)
            told = json.loads(out)
            assert (status, told["cell"], told["lost"]) == (130, [4, 4], 1) and "is given back" in err
            assert first + second <= told["updates"], "both lives of the board"
            swarm.resume()
            assert swarm.measure().chips == {}
            until(lambda: swarm.measure().verdict == "pass", 60, "the picture is whole")
        finally:
            bridge.close()
            board.unplug()


def test_a_board_stays_a_cell_when_the_agent_is_lost_and_ceases_to_be_one_when_its_bridge_is(tmp_path: Path) -> None:
    port, run, here = tmp_path / "uno", tmp_path / "run", 36
    board, said = Simulated(port), list[str]()
    with Swarm.start("dot", (8, 8), interval_s=0.2, seed=7, out=run, on_line=said.append) as swarm:
        board.plug_in()
        bridge = Bridged(port, run)
        try:
            bridge.until("is computed by the board")
            life = swarm.look().lives[here]
            os.kill(agent_of(swarm), signal.SIGKILL)
            until(
                lambda: swarm.look().alive == 64 and swarm.look().lives[here] > life, 60, "a new agent has placed all"
            )
            until(lambda: swarm.look().counters[here, Counter.UPDATES] > 1, 60, "by the board again, with a new life")
            assert swarm.measure().chips["board"]["cells"] == [here]

            life = swarm.look().lives[here]
            bridge.process.kill()  # it can do nothing about its cell any more
            until(lambda: swarm.measure().chips == {} and swarm.look().lives[here] > life, 60, "it is given back")
            until(lambda: json.loads((run / "state.json").read_text())["boards"] == {}, 30, "and that is written down")
            swarm.plant()
            until(lambda: swarm.look().states[4, 4, 3] > 0.1, 60, "a cell like any other")
            assert any("the bridge of the board at" in line for line in said)

            again = Bridged(port, run)
            try:
                again.until("is computed by the board")
                assert again.end(signal.SIGTERM)[0] != 0
                until(lambda: swarm.measure().chips == {}, 60, "its place can be taken again, and is given back again")
            finally:
                again.close()
        finally:
            bridge.close()
            board.unplug()


def test_what_is_no_port_or_no_cell_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for words, says in (
        (["/nonexistent/tty", "--cell", "1,1"], "cannot be opened"),
        (["/dev/null", "--cell", "1,1"], "no serial port"),
        (["/dev/null", "--cell", "one"], "expected ROW,COLUMN"),
    ):
        assert invoke(["bridge", *words]) == 2
        err = capfd.readouterr().err
        assert says in err and err.count("\n") == 1


def test_hardware_faults_reach_the_cells_that_can_suffer_them_and_are_counted_there(tmp_path: Path) -> None:
    wish = {"avr": "cell:3,3", "cortex-m0": "cell:3,4"}
    with Swarm.start("dot", (7, 7), interval_s=0.2, seed=7, chips=wish, out=tmp_path / "run") as swarm:
        swarm.wait(10)
        flipped = swarm.inject("bit_flip", "rect:2,2,4,4", count=2)
        assert len(flipped.cells) == 9 and flipped.missing == [] and flipped.proof["hits"] == 18
        brown = swarm.inject("brown_out", "all")
        assert brown.cells == [24] and brown.proof["hits"] == 1, "only one cell is a whole board"
        wrong = swarm.inject("genome_flip", "cell:3,4", count=500)
        assert wrong.missing == [] and wrong.proof["hits"] == 500
        noise = swarm.inject("line_noise", "cell:3,3", flip=0.002)
        swarm.wait(8)
        assert swarm.heal().missing == []
        hits = {fault.id: fault.hits for fault in swarm.faults()}
        assert hits[wrong.fault or 0] >= 500 and hits[noise.fault or 0] >= 1
        with pytest.raises(BadInput, match="none of these 1 cells runs on avr"):
            swarm.inject("ram_flip", "cell:0,0")
        swarm.plant()
        swarm.wait(40)
        measured = swarm.measure()
        assert measured.gain_log10 is not None and measured.gain_log10 > 1.2, "healed, the picture is there again"


def test_flipped_and_stuck_bits_and_bad_clocks_do_to_a_live_swarm_what_their_names_say(tmp_path: Path) -> None:
    stuck, flipped, upset = 24, 23, 17  # three boards in the middle of the picture
    chips = ["avr=cell:3,3", "avr=cell:3,2", "avr=cell:2,3"]
    with Swarm.start("dot", (7, 7), interval_s=0.3, seed=7, chips=chips, out=tmp_path / "run") as swarm:

        def alpha(cell: int) -> int:
            return round(float(swarm.look().states.reshape(49, -1)[cell, 3]) * 32)

        until(lambda: all(alpha(cell) > 20 for cell in (stuck, flipped, upset)), 60, "the picture has grown")
        bit = alpha(stuck).bit_length() - 1
        held = swarm.inject("stuck_bit", "cell:3,3", at=4, bit=bit, value=0)
        until(lambda: alpha(stuck) & 1 << bit == 0, 30, "the cell says its alpha without the bit that is stuck at 0")

        before = swarm.look()
        ram = swarm.inject("ram_flip", "cell:3,2", count=40)
        register = swarm.inject("register_flip", "cell:2,3", count=100)
        assert (ram.cells, ram.proof["hits"]) == ([flipped], 40)
        assert (register.cells, register.proof["hits"]) == ([upset], 100)

        def suffered(cell: int) -> bool:
            """It says something else, or its chip has crashed and the agent has started the next life."""
            now = swarm.look()
            other = now.states.reshape(49, -1)[cell] != before.states.reshape(49, -1)[cell]
            return bool(other.any() or now.lives[cell] > before.lives[cell])

        until(lambda: suffered(flipped) and suffered(upset), 60, "flips in RAM and registers are felt")

        slow = swarm.inject("clock_drift", "half:left", drift=3)
        began = swarm.look().counters[:, Counter.UPDATES].astype(int)
        lives = swarm.look().lives
        swarm.wait(12)
        sight = swarm.look()
        updates = sight.counters[:, Counter.UPDATES].astype(int) - began
        same = sight.lives == lives
        left = np.isin(np.arange(49), slow.cells)
        assert updates[left & same].mean() < 0.6 * updates[~left & same].mean()
        assert swarm.heal().missing == []
        hits = {fault.id: fault.hits for fault in swarm.faults()}
        assert hits[held.fault or 0] > 0 and hits[slow.fault or 0] > len(slow.cells)
        swarm.plant()
        until(lambda: swarm.measure().verdict == "pass", 90, "healed, the picture is there again")


def agent_of(swarm: Swarm) -> int:
    """The process id of its agent."""
    mapping, header, _ = map_all(Runtime(Path(swarm.info.runtime)).panel, writable=False)
    agent = int(header["agent_pid"])
    del header, _
    mapping.close()
    return agent


def until(what: Callable[[], bool], seconds: float, why: str) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {why}"
        time.sleep(0.05)
