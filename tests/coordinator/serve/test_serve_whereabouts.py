"""Where a cell is: the host, process and engine that the page shows are those of state and panel, also after a move."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from servedrun import HEIGHT, TOKEN, WIDTH, Client, ServedRun, info, served
from websockets.sync.client import ClientConnection, connect

from coordinator.camera import Camera, Sight
from coordinator.hosts.roster import Tenure
from coordinator.runfolder import RunState
from coordinator.serve import wire
from coordinator.serve.source import Source
from coordinator.serve.whereabouts import HERE, NOWHERE, runs, whereabouts

CELLS = HEIGHT * WIDTH


@pytest.fixture
def run(tmp_path: Path) -> Iterator[ServedRun]:
    made = ServedRun(Path(f"/dev/shm/pw-{os.getpid()}"), tmp_path)
    yield made
    made.remove()
    made.runtime.path.parent.rmdir()


def spread(told: list[list[int]]) -> list[int]:
    return [value for value, length in told for _ in range(length)]


def test_runs_say_the_values_again() -> None:
    values = np.array([4, 4, 4, 0, 7, 7])
    assert runs(values) == [[4, 3], [0, 1], [7, 2]]
    assert spread(runs(values)) == values.tolist()


def test_on_this_machine_every_cell_has_its_process_and_one_that_is_dead_has_none(run: ServedRun) -> None:
    run.reap(7)
    sight: Sight = Camera(run.runtime.panel, HEIGHT, WIDTH, False).look()
    told = whereabouts(run.folder.info, RunState(), sight)
    assert (told["host_names"], told["hosts"]) == ([HERE], [[0, CELLS]])
    assert spread(told["pids"]) == [0 if cell == 7 else 1000 + cell for cell in range(CELLS)]


def test_cells_are_on_the_host_whose_tenure_has_them_and_move_with_it() -> None:
    first = Tenure(1, "h1", "a", list(range(10)))
    state = RunState(tenures=[first, Tenure(2, "h10", "b", list(range(10, 15)))])
    told = whereabouts(info(""), state, None)
    assert told["host_names"] == ["h1", "h10"]
    assert spread(told["hosts"]) == [0] * 10 + [1] * 5 + [NOWHERE] * 5
    state.tenures = [Tenure(3, "h2", "c", first.cells), state.tenures[1]]
    told = whereabouts(info(""), state, None)
    assert told["host_names"] == ["h2", "h10"], "by number, not by letter"
    assert spread(told["hosts"])[:10] == [0] * 10


def test_a_board_in_a_cell_s_place_is_its_engine() -> None:
    told = whereabouts(info(""), RunState(boards={3: "/dev/ttyUSB0"}), None)
    assert told["engine_names"] == ["chip", "board"]
    assert spread(told["engines"]) == [int(cell == 3) for cell in range(CELLS)]


def test_the_first_viewer_is_not_told_of_cells_that_nobody_has_looked_at(
    run: ServedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(source: Source, look: Callable[[Source], Any] = Source.see) -> Any:
        time.sleep(0.3)
        return look(source)

    monkeypatch.setattr(Source, "see", slowly)
    with served(run) as client, viewer(client) as line:
        assert spread(note(line)["pids"])[5] == 1005


def test_viewers_are_told_once_and_again_when_a_process_has_another_number(run: ServedRun) -> None:
    with served(run) as client, viewer(client) as line:
        assert spread(note(line)["pids"])[5] == 1005
        run.pages["pid"][5] = 2005
        assert spread(note(line)["pids"])[5] == 2005


@contextmanager
def viewer(client: Client) -> Iterator[ClientConnection]:
    with connect(f"ws://127.0.0.1:{client.port}/live") as line:
        line.send(json.dumps({"token": TOKEN}))
        yield line


def note(line: ClientConnection) -> dict[str, Any]:
    """The next one about places, frames acknowledged meanwhile."""
    while True:
        data = line.recv(30)
        if isinstance(data, bytes):
            line.send(json.dumps({"seen": wire.decode(data)[0].number}))
        elif (found := json.loads(data))["type"] == "whereabouts":
            return dict(found)
