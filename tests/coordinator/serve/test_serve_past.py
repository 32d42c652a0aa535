"""Past runs: found by id only, told as their folders have them; a report is fetched by a link that is good once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from servedrun import TOKEN, Client, info, served_past

from coordinator import render
from coordinator.locate import Seen
from coordinator.runfolder import RunFolder
from coordinator.serve.past import Past
from coordinator.serve.tickets import GOOD_FOR_S, KEPT, Tickets
from coordinator.serve.trials import Trials


def make(home: Path, run: str) -> RunFolder:
    source = home / f"source-{run}"
    source.mkdir()
    (source / "rule.json").write_text("{}")
    folder = RunFolder.create(home / "runs" / "dot" / run, info(run=run), source)
    folder.save_json("measure.json", {"verdict": "pass", "intervals": 60.0, "loss_log10": -5.5})
    folder.event("kill", 3.0, cells=[1, 2], selector="50%")
    folder.loss_row(t=1.0, loss_log10=-2.0, loss_log10_shift1=-2.0, gain_log10=0.0, alive=20, living=3)
    for t in (0.0, 5.5):
        render.save(np.full((4, 5, 3), round(t), np.uint8), folder.frames / f"t{t:09.2f}.png", 4)
    return folder


def experiment(home: Path, name: str, moment: str, verdict: str | None) -> Path:
    path = home / "runs" / "experiments" / name / moment
    path.mkdir(parents=True)
    (path / "plan.json").write_text(json.dumps({"seed": 9, "rules": {"dot": "ab12"}}))
    (path / "rows.jsonl").write_text("{}\n{}\n")
    if verdict is not None:
        points = [{"verdict": "pass"}, {"verdict": verdict}]
        result = {"verdict": verdict, "hypothesis": "Hypothesis: it heals.", "replicates": 20, "failed": 1}
        (path / "result.json").write_text(json.dumps({**result, "points": points}))
        (path / "report.html").write_text(f"<h1>{name}</h1>")
    return path


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    home = tmp_path_factory.mktemp("past")
    folders = [make(home, run) for run in ("aaaa0001", "aaaa0002")]
    (home / "runs" / "secret.txt").write_text("nobody's business")
    experiment(home, "crash", "20260101-000000", "fail")
    experiment(home, "crash", "20260102-000000", None)
    (home / "runs" / "experiments" / "crash" / "latest").symlink_to("20260102-000000")
    trials = Trials(home / "runs" / "experiments")
    with served_past(Past(lambda: [Seen(folder, False, False) for folder in folders], trials)) as found:
        yield found


def test_runs_are_listed_the_newest_first(client: Client) -> None:
    rows = client.json("/api/runs")
    assert [row["run"] for row in rows] == ["aaaa0002", "aaaa0001"]
    assert (rows[0]["verdict"], rows[0]["loss_log10"], rows[0]["stills"]) == ("pass", -5.5, 2)


def test_a_run_is_told_with_numbers_losses_events_and_times_of_its_stills(client: Client) -> None:
    found = client.json("/api/runs/aaaa0001")
    assert found["measure"]["intervals"] == 60.0
    assert found["losses"][0]["alive"] == 20
    assert found["events"][0]["event"] == "kill"
    assert found["stills"] == [0.0, 5.5]
    assert found["interval_s"] == 0.5
    assert found["repeat"].startswith("planaria run ")


def test_two_runs_have_a_page_side_by_side(client: Client) -> None:
    status, headers, data = client.ask("/compare?a=aaaa0001&b=aaaa0002", Authorization="")
    assert (status, headers["content-type"].split(";")[0]) == (200, "text/html")
    assert b"compare.js" in data


def test_a_still_is_a_picture(client: Client) -> None:
    for place in ("0", "-1"):
        status, headers, data = client.ask(f"/api/runs/aaaa0001/stills/{place}")
        assert (status, headers["content-type"], data[:4]) == (200, "image/png", b"\x89PNG")
    assert client.error("/api/runs/aaaa0001/stills/2")[0] == 400
    assert client.error("/api/runs/aaaa0001/stills/-2")[0] == 400


@pytest.mark.parametrize("run", ["nothere", "..", "%2e%2e%2f", "..%2fsecret.txt", "dot%2Faaaa0001", "a" * 500])
def test_a_run_is_found_by_its_id_and_by_nothing_else(client: Client, run: str) -> None:
    status, _, data = client.ask(f"/api/runs/{run}")
    assert status in (400, 404)
    assert b"nobody" not in data


def test_past_runs_need_the_token_as_well(client: Client) -> None:
    for path in ("/api/runs", "/api/runs/aaaa0001", "/api/runs/aaaa0001/stills/0"):
        assert client.error(path, Authorization="Bearer wrong")[0] == 401


def test_a_report_comes_by_a_link_that_is_good_once_and_may_run_no_script(client: Client) -> None:
    path = client.json("/api/runs/aaaa0001/report", {})["path"]
    assert TOKEN not in path
    status, headers, data = client.ask(path, Authorization="")
    assert (status, headers["content-type"].split(";")[0]) == (200, "text/html")
    assert b"aaaa0001" in data
    policy = headers["content-security-policy"]
    assert "sandbox" in policy
    assert "script" not in policy
    assert client.error(path, Authorization="")[0] == 404
    assert client.error("/reports/guessed", Authorization="")[0] == 404


def test_experiments_are_listed_with_their_verdicts_the_newest_first(client: Client) -> None:
    going, over = client.json("/api/experiments")
    assert (going["time"], going["verdict"], going["replicates"], going["report"]) == (
        "20260102-000000",
        None,
        2,
        False,
    )
    assert (over["name"], over["verdict"], over["points"]) == ("crash", "fail", ["pass", "fail"])
    assert (over["replicates"], over["failed"], over["seed"], over["rules"]) == (20, 1, 9, ["dot"])


def test_the_report_of_an_experiment_comes_by_a_link_that_is_good_once(client: Client) -> None:
    path = client.json("/api/experiments/crash/20260101-000000/report", {})["path"]
    status, headers, data = client.ask(path, Authorization="")
    assert (status, data) == (200, b"<h1>crash</h1>")
    assert "sandbox" in headers["content-security-policy"]
    assert client.error(path, Authorization="")[0] == 404


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("crash/20260102-000000", "is not over"),
        ("crash/latest", "there is no experiment"),
        ("..%2f..%2fdot/aaaa0001", ""),
        ("%2e%2e/secret.txt", ""),
    ],
)
def test_an_experiment_is_found_by_its_name_and_time_and_by_nothing_else(client: Client, path: str, says: str) -> None:
    status, _, data = client.ask(f"/api/experiments/{path}/report", {})
    assert status in (400, 404, 405) and says.encode() in data and b"nobody" not in data


def test_an_experiment_that_cannot_be_read_is_told_and_spoils_no_other(tmp_path: Path) -> None:
    experiment(tmp_path, "good", "1", "pass")
    (experiment(tmp_path, "bad", "2", "pass") / "result.json").write_text("{")
    rows = Trials(tmp_path / "runs" / "experiments").list()
    assert "trouble" in rows[0] and rows[1]["verdict"] == "pass"
    assert Trials(None).list() == []


def test_a_folder_that_cannot_be_read_is_told_and_spoils_no_other(tmp_path: Path) -> None:
    good, bad = make(tmp_path, "aaaa0003"), make(tmp_path, "aaaa0004")
    (bad.path / "measure.json").write_text("{")
    rows = Past(lambda: [Seen(good, False, False), Seen(bad, False, False)]).list()
    assert "trouble" in rows[0]
    assert rows[1]["run"] == "aaaa0003"
    assert json.dumps(rows)


def test_a_ticket_is_good_once_in_time_and_few_are_kept() -> None:
    tickets = Tickets()
    first = tickets.issue("a", 0.0)
    assert tickets.redeem(first, GOOD_FOR_S - 1) == "a"
    assert tickets.redeem(first, 0.0) is None
    late = tickets.issue("b", 0.0)
    assert tickets.redeem(late, GOOD_FOR_S) is None
    names = [tickets.issue(str(number), 0.0) for number in range(KEPT + 1)]
    assert tickets.redeem(names[0], 0.0) is None
    assert tickets.redeem(names[1], 0.0) == "1"
