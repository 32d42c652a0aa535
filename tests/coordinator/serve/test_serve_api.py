"""What the server tells and does: frames to viewers, the same vocabulary as the command line, the log as a scenario."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from servedrun import HEIGHT, TOKEN, WIDTH, Client, ServedRun, served
from websockets.sync.client import ClientConnection, connect

from coordinator import faults, scenario
from coordinator.actions import ACTIONS, FaultReport, Kill, Outcome
from coordinator.clientmessages import Answer, Ask
from coordinator.serve import metrics, openapi, wire
from coordinator.serve.events import Events
from coordinator.serve.vocabulary import vocabulary

NAME = re.compile(r"planaria_\w+")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[ServedRun]:
    made = ServedRun(Path(f"/dev/shm/pv-{os.getpid()}"), tmp_path)
    yield made
    made.remove()
    made.runtime.path.parent.rmdir()


@pytest.fixture
def client(run: ServedRun) -> Iterator[Client]:
    with served(run) as found:
        yield found


@contextmanager
def viewer(client: Client) -> Iterator[ClientConnection]:
    with connect(f"ws://127.0.0.1:{client.port}/live") as line:
        line.send(json.dumps({"token": TOKEN}))
        yield line


def note(line: ClientConnection, kind: str) -> dict[str, Any]:
    """The next note of this kind."""
    while True:
        data = line.recv(30)
        if isinstance(data, str) and (found := json.loads(data))["type"] == kind:
            return dict(found)


def frame(line: ClientConnection) -> tuple[wire.Head, list[int], wire.Cells]:
    """The next frame, with its receipt."""
    while True:
        data = line.recv(30)
        if isinstance(data, bytes):
            head, chosen, cells = wire.decode(data)
            line.send(json.dumps({"seen": head.number}))
            return head, chosen.tolist(), cells


def test_a_viewer_is_told_the_run_then_gets_all_cells_then_only_changes(run: ServedRun, client: Client) -> None:
    run.say(3, 1, 32, -16)
    with viewer(client) as line:
        hello = note(line, "hello")
        assert (hello["rule"], hello["height"], hello["width"], hello["value_bytes"]) == ("dot", HEIGHT, WIDTH, 1)
        assert not {"runtime", "command", "versions"} & set(hello), "what a page need not know is not told"
        head, chosen, cells = frame(line)
        assert (head.base, chosen) == (0, list(range(HEIGHT * WIDTH)))
        assert cells.values[3, :2].tolist() == [32, -16]
        run.say(11, 1, 7)
        head, chosen, cells = frame(line)
        assert (head.base, chosen, cells.values[0, 0]) == (head.number - 1, [11], 7)


def test_a_cell_that_is_reaped_goes_dark_and_its_next_life_is_seen(run: ServedRun, client: Client) -> None:
    run.say(3, 1, 32)
    with viewer(client) as line:
        frame(line)
        run.reap(3)
        _, chosen, cells = frame(line)
        assert (chosen, cells.phases[0], cells.values[0, 0]) == ([3], 0, 0)
        run.start(3, life=2)
        _, chosen, cells = frame(line)
        assert (chosen, cells.lives[0]) == ([3], 2)


def test_one_who_says_nothing_gets_two_frames_and_then_only_what_is_newest(run: ServedRun, client: Client) -> None:
    with viewer(client) as slow, viewer(client) as quick:
        frame(quick)
        for number in range(1, 6):
            run.say(number, 1, number)
            frame(quick)
        got = []
        while len(got) < 2:
            data = slow.recv(30)
            if isinstance(data, bytes):
                got.append(wire.decode(data)[0].number)
        slow.send(json.dumps({"seen": got[-1]}))
        head, chosen, _ = frame(slow)
        assert head.base == got[-1], "it continues where it was"
        assert set(chosen) == set(range(got[-1], 6)), "all that it missed is in one frame"


def test_events_reach_viewers_as_they_are_written(run: ServedRun, client: Client) -> None:
    run.folder.event("launched", None, processes=20)
    with viewer(client) as line:
        note(line, "hello")
        run.folder.event("kill", 3.5, selector="50%", cells=[1, 2])
        while (found := note(line, "event"))["event"]["event"] != "kill":
            pass
        assert (found["number"], found["event"]["t"], found["event"]["cells"]) == (1, 3.5, [1, 2])
    assert [each["number"] for each in client.json("/api/events?after=0")] == [1]


def test_the_numbers_are_those_of_run_json(run: ServedRun, client: Client) -> None:
    with viewer(client) as line:
        found = note(line, "numbers")
    assert found["measure"]["alive"] == HEIGHT * WIDTH
    assert {"loss_log10", "updates_per_s", "verdict", "stale_age_p99"} <= set(found["measure"])
    assert {"updates_per_s", "stale_age_p99", "paused", "faults"} <= set(found["now"])
    assert client.json("/api/numbers")["measure"]["rule"] == "dot"


def test_the_inspector_tells_all_there_is_of_a_cell(run: ServedRun, client: Client) -> None:
    run.say(6, 1, 32, -16)
    found = client.json("/api/cells/6")
    assert (found["row"], found["column"], found["pid"], found["epoch"], found["life"]) == (1, 1, 1006, 1, 1)
    assert found["state"][:3] == [1.0, -0.5, 0.0]
    assert [each["cell"] for each in found["neighbours"]] == [0, 1, 2, 5, 7, 10, 11, 12]
    assert found["log"] == []
    assert found["counters"]["updates"] == 1


def test_an_action_goes_to_the_coordinator_as_it_is_and_its_outcome_comes_back(run: ServedRun, client: Client) -> None:
    asked: list[Ask] = []

    def answer(ask: Ask) -> Answer:
        asked.append(ask)
        return Answer(ask.id, outcome=Outcome(do="kill", t=2.0, selector="50%", rng_seed=7, cells=[1, 2]))

    with run.coordinator(answer):
        outcome = client.json("/api/actions", {"do": "kill", "select": "50%", "seed": 7})
    assert (outcome["do"], outcome["cells"], outcome["rng_seed"]) == ("kill", [1, 2], 7)
    assert [ask.action for ask in asked] == [Kill(select="50%", seed=7)]


def test_what_the_coordinator_refuses_is_told_in_its_words(run: ServedRun, client: Client) -> None:
    with run.coordinator(lambda ask: Answer(ask.id, error="selector 'x': unknown", bad_input=True)):
        assert client.error("/api/actions", {"do": "kill", "select": "x"}) == (400, "selector 'x': unknown")


def test_without_a_coordinator_one_can_look_but_not_act(run: ServedRun, client: Client) -> None:
    status, error = client.error("/api/actions", {"do": "pause"})
    assert status == 503
    assert "nobody coordinates" in error
    assert client.json("/api/faults") == []
    assert client.json("/api/cells/0")["on"]


def test_the_log_can_be_had_as_a_scenario_file_that_reads_back(run: ServedRun, client: Client, tmp_path: Path) -> None:
    run.folder.event("seed", 0.0, asked={"do": "seed", "select": "cell:2,2"})
    run.folder.event("kill", 3.25, asked={"do": "kill", "select": "path:2,1,1,3,3", "seed": 5})
    parameters = {"rate": 0.25}
    inject = {"do": "inject", "select": "all", "fault": "link_loss", "for": 4.0, "parameters": parameters, "seed": 9}
    run.folder.event("inject", 5.0, asked=inject)
    run.folder.event("pause", 6.0, asked={"do": "pause"})
    status, _, data = client.ask("/api/scenario")
    assert status == 200
    assert [table["t"] for table in tomllib.loads(data.decode())["at"]] == [3.25, 5.0]
    path = tmp_path / "again.toml"
    path.write_bytes(data)
    steps = scenario.load(path)
    assert steps[0] == scenario.Step(3.25, Kill(select="path:2,1,1,3,3", seed=5))
    assert (steps[1].action.parameters, steps[1].action.duration) == (parameters, 4.0)  # type: ignore[union-attr]


def test_the_vocabulary_is_that_of_the_catalogue() -> None:
    words = vocabulary()
    assert set(words["actions"]) == set(ACTIONS)
    assert set(words["faults"]) == set(faults.KINDS)
    assert words["faults"]["link_loss"]["parameters"]["rate"]["high"] == 1.0


def test_the_openapi_document_names_every_path_and_every_reference_is_there(client: Client) -> None:
    document = client.json("/api/openapi.json")
    assert document == json.loads(json.dumps(openapi.document()))
    text = json.dumps(document)
    for name in text.split('"#/components/schemas/')[1:]:
        assert name.split('"')[0] in document["components"]["schemas"]
    assert "kill" in text
    for path in document["paths"]:
        asked = path.replace("{number}", "0").replace("{t}", "0").replace("{kind}", "golden").replace("{name}", "dot")
        expected = (400,) if "twins/" in path else (200, 405)  # this run's rule is empty, it has no twin
        assert client.ask(asked)[0] in expected, path


def test_events_are_read_whole_lines_only_and_from_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    events = Events(path)
    assert events.more() == []
    path.write_text('{"event":"a"}\n{"eve')
    assert events.more() == [(0, '{"event":"a"}')]
    with path.open("a") as file:
        file.write('nt":"b"}\n')
    assert events.more() == [(1, '{"event":"b"}')]
    assert events.after(0) == [(1, '{"event":"b"}')]
    assert events.more() == []


def test_prometheus_finds_every_series_of_the_dashboard(run: ServedRun, client: Client) -> None:
    fault = FaultReport(
        id=3,
        kind="link_loss",
        selector="all",
        parameters={"rate": 0.5},
        rng_seed=1,
        start=1.0,
        duration=None,
        cells=20,
        state="injecting",
        hits=41,
    )
    with run.coordinator(lambda ask: Answer(ask.id, faults=[fault])):
        status, headers, data = client.ask("/metrics")
    assert (status, headers["content-type"].split(";")[0]) == (200, "text/plain")
    series = {family.name: family for family in text_string_to_metric_families(data.decode())}
    assert series["planaria_alive_cells"].samples[0].value == HEIGHT * WIDTH
    assert series["planaria_alive_cells"].samples[0].labels == {"run": "00c0ffee", "rule": "dot", "engine": "chip"}
    assert series["planaria_fault_hits"].samples[0].value == 41
    names = {sample.name for family in series.values() for sample in family.samples}
    board = json.loads((Path(__file__).parents[3] / "docs" / "grafana" / "planaria.json").read_text())
    asked = {name for panel in board["panels"] for each in panel["targets"] for name in NAME.findall(each["expr"])}
    without_target = {"planaria_loss_log10", "planaria_stale_age_p99_intervals", "planaria_cpu_microseconds_per_update"}
    assert asked - without_target <= names
    assert {name.removeprefix("planaria_") for name in without_target} <= set(metrics.GAUGES)


def test_what_was_shown_earlier_can_be_fetched_and_what_nobody_saw_cannot(run: ServedRun, client: Client) -> None:
    run.say(3, 1, 32)
    with viewer(client) as line:
        frame(line)
        status, headers, data = client.ask("/api/frames/0")
    assert (status, headers["content-type"]) == (200, "application/octet-stream")
    head, chosen, cells = wire.decode(data)
    assert (head.base, len(chosen), cells.values[3, 0]) == (0, HEIGHT * WIDTH, 32)
    assert client.json("/api/cells/3/values")[0][1][0] == 1.0
    assert client.error("/api/frames/soon")[0] == 400
    assert client.error("/api/cells/99/values")[0] == 404


def test_recoveries_are_told_and_twins_that_cannot_be_are_refused(run: ServedRun, client: Client) -> None:
    run.folder.loss_row(t=1.0, loss_log10=-4.0, gain_log10=2.5, alive=20, living=12)
    run.folder.event("kill", 2.0, cells=[1, 2])
    run.folder.loss_row(t=9.0, loss_log10=-4.0, gain_log10=2.5, alive=18, living=12)
    (wound,) = client.json("/api/recoveries")
    assert (wound["harms"], wound["took"], wound["took_s"]) == ({"kill": 2}, 7.0, 3.5)
    assert set(client.json("/api/twins")) == {"golden", "reference"}
    status, error = client.error("/api/twins/evil/frames/3")
    assert (status, "expected golden or reference" in error) == (400, True)
