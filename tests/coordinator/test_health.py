"""The health check of a container: it asks whoever runs there, and is content with nothing but their own answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellnode.hatch import Hatch
from coordinator import health
from coordinator.clientmessages import Answer, Ask
from coordinator.link import Link


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLANARIA_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def answered(home: Path, facts: dict[str, object]) -> list[tuple[bool, str]]:
    """What is seen of a host that answers so."""
    (home / "host-attic").mkdir()
    hatch = Hatch(home / "host-attic")
    stop = threading.Event()

    def live() -> None:
        while not stop.wait(0.01):
            hatch.answer(facts)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        return health.look(home)
    finally:
        stop.set()
        thread.join()
        hatch.close()


def test_where_nothing_runs_all_is_not_well(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert health.main() == 1
    assert capsys.readouterr().out == "nothing runs here\n"


def test_a_host_that_has_joined_is_well(home: Path) -> None:
    assert answered(home, {"joined": True, "blocks": 2}) == [(True, "host attic has joined and carries 2 blocks")]


def test_a_host_that_nobody_has_let_in_is_not(home: Path) -> None:
    assert answered(home, {"joined": False}) == [(False, "host attic waits for a coordinator to let it in")]


def test_a_host_that_is_gone_or_hangs_is_not(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellnode.hatch.WAIT_S", 0.2)
    (home / "host-attic").mkdir()
    hatch = Hatch(home / "host-attic")
    assert "host attic does not answer" in health.look(home)[0][1]
    hatch.close()
    found = health.look(home)
    assert [well for well, _ in found] == [False]


@pytest.fixture
def line(home: Path) -> Iterator[list[Answer]]:
    """A coordinator's line and what it answers with."""
    answers: list[Answer] = []
    (home / "7e57").mkdir()

    def answer(ask: Ask) -> Answer:
        assert ask.what == "status"
        return answers[0]

    link = Link(f"ipc://{home}/7e57/coordinator.sock", 1, on_ask=answer)
    link.start()
    yield answers
    link.close()


@pytest.mark.system
def test_a_coordinator_is_well_once_its_swarm_is_up(line: list[Answer], home: Path) -> None:
    line.append(Answer(1, error="the swarm is still starting: try again in a moment"))
    assert health.look(home) == [(False, "coordinator of run 7e57: the swarm is still starting: try again in a moment")]
    line[0] = Answer(1)
    assert health.look(home) == [(True, "coordinator of run 7e57: answers")]
    assert health.main() == 0
