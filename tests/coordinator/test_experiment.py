"""Experiments: the file and what is wrong with it, and a small one carried out, interrupted, judged and shown."""

from __future__ import annotations

import json
import os
import signal
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from pyarrow import parquet

from coordinator.cli.experiment import STANDARD
from coordinator.cli.main import invoke
from coordinator.experiment import carry, replicate, spec, verdict
from coordinator.experiment.replicate import Job, Row
from coordinator.experiment.rows import Folder
from firmware_sim.errors import BadInput

SMALL = """name = "small"
rule = "dot"
grid = "12x12"
replicates = 3
watch = 25

[hypothesis]
measure = "recovered"
at_least = 0.3

[sweep]
share = ["20%", "100%"]

[[at]]
t = 35
do = "inject"
fault = "crash"
select = "$share"
for = 2
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "experiment.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("watch = 25", "watch = 25\nwhatch = 3", "experiment.toml:6: key 'whatch': unknown key"),
        ("at_least = 0.3", "at_leest = 0.3", "experiment.toml:9: key 'at_leest': unknown key"),
        ("at_least = 0.3", "", "experiment.toml:7: expected one of at_least and at_most"),
        ('rule = "dot"', "", "key 'rule' is missing"),
        ("replicates = 3", "replicates = 0", "experiment.toml:4: key 'replicates' is 0"),
        ('"$share"', '"all"', "experiment.toml:12: $share stands nowhere in the file"),
        ('"$share"', '"$shore"', "$shore is unknown, known: $share"),
        ('"20%", "100%"', '"20%", "20%"', "experiment.toml:12: share has a value twice"),
        ('"20%", "100%"', '"20%", "sometimes"', "experiment.toml:18: key 'select'"),
        ('"crash"', '"crush"', "experiment.toml:17"),
        ('"12x12"', '"12"', "experiment.toml:3: key 'grid' is '12'"),
        ("[sweep]", "[search]\nvariable = 'share'\nlow = 0.1\nhigh = 0.5\n[sweep]", "not both"),
        ("[hypothesis]", "[hypothesis", "is no TOML"),
        ("watch = 25", 'substrate = "clouds"', "experiment.toml:5: key 'substrate' is 'clouds', expected virtual or"),
        ("watch = 25", 'patch = "16"', "experiment.toml:5: key 'patch' is '16', expected HEIGHTxWIDTH such as 16x16"),
        ("watch = 25", 'engine = "steam"', "experiment.toml:5: key 'engine' is 'steam', expected numpy"),
        ("watch = 25", "processes_replicates = -1", "experiment.toml:5: key 'processes_replicates' is -1"),
        ('"recovered"', '"happiness"', "experiment.toml:8: key 'measure'"),
    ],
)
def test_what_is_wrong_is_named_with_file_line_and_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        spec.load(written(tmp_path, SMALL.replace(old, new)))
    assert says in str(caught.value) and "\n" not in str(caught.value)


CUTS = """
[[at]]
t = 40
do = "inject"
fault = "partition"
select = "all"
name = "halves"
for = 20

[[at]]
t = 50
do = "inject"
fault = "partition"
select = "all"
name = "ring"
for = 20
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"$share"', '"$share&cell:3,12"', "experiment.toml:18: key 'select': selector '20%&cell:3,12'"),
        ('"$share"', '"$share&part:wing"', "experiment.toml:18: key 'select': selector '20%&part:wing'"),
        ("for = 2\n", "begin = 30000\nevery = 2\n", "experiment.toml:19: key 'begin'"),
        ("for = 2\n", "for = 2\n" + CUTS, "experiment.toml:32: key 'fault': a second partition at 50 T"),
        ('"dot"', '"nobody"', "experiment.toml:2: "),
        ('"12x12"', '"4000x4000"\nsubstrate = "processes"', "experiment.toml:4: key 'substrate': "),
        ('"12x12"', '"4000x4000"\nprocesses_replicates = 1', "experiment.toml:4: key 'processes_replicates': "),
        ('"12x12"', '"12x12"\nsubstrate = "patches"\npatch = "0x4"', "experiment.toml:5: key 'patch': patches are 0x4"),
        ('"12x12"', '"4000x4000"\nsubstrate = "patches"\npatch = "1x1"', "experiment.toml:4: key 'substrate': 16,000,"),
    ],
)
def test_what_a_grid_or_a_machine_cannot_do_is_named_before_anything_is_made(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], old: str, new: str, says: str
) -> None:
    path = written(tmp_path, SMALL.replace(old, new))
    assert invoke(["experiment", str(path), "--out", str(tmp_path / "out")]) == 2
    assert says in capfd.readouterr().err and not (tmp_path / "out").exists()


def test_every_standard_experiment_is_good_and_says_what_it_asks() -> None:
    found = [spec.load(path) for path in sorted(STANDARD.glob("*.toml"))]
    assert len(found) >= 5
    for experiment in found:
        assert experiment.document.about.endswith("?") or "." in experiment.document.about
        assert experiment.document.name == experiment.path.stem


def test_an_experiment_is_judged_point_by_point_and_goes_on_where_it_stood(tmp_path: Path) -> None:
    experiment = spec.load(written(tmp_path, SMALL))
    folder = Folder.create(experiment, tmp_path / "out", 1)
    first = carry.Runner(folder, 1, 1, lambda _row: None)
    mild, _ = experiment.points()
    first.run(mild, [0, 1])
    with (tmp_path / "out" / "rows.jsonl").open("a") as file:
        file.write('{"point":0,"replicate":2,"se')  # a row that a kill cut off
    runner = carry.Runner(Folder.create(experiment, tmp_path / "out", 1), 1, 1, lambda _row: None)
    judged = carry.sweep(experiment, runner, 3)
    assert runner.computed == 4, "two of six were there"
    assert [one.recovered for one in judged] == [3, 0] and judged[1].fates == {"dead": 3}
    assert [one.verdict for one in judged] == [verdict.PASS, verdict.UNKNOWN], "0 of 3 does not exclude 0.3"
    assert verdict.overall(judged) == verdict.UNKNOWN
    seeds = {row["seed"] for row in runner.rows}
    assert len(seeds) == 3, "points are compared on the same draws, replicates differ"
    again = carry.Runner(Folder.create(experiment, tmp_path / "again", 1), 1, 1, lambda _row: None)
    row = again.run(mild, [1])[0]
    assert {**row, "seconds": 0} == {**runner.rows_of(mild)[1], "seconds": 0}, "the same seed, the same row"
    with pytest.raises(BadInput, match="holds another experiment"):
        Folder.create(experiment, tmp_path / "out", 2)


EVERYTHING = """
[[at]]
t = 35.5
do = "inject"
fault = "link_loss"
select = "part:picture"
rate = 0.3
for = 5
every = 8
times = 2

[[at]]
t = 41
do = "inject"
fault = "bit_flip"
select = "n:6"
count = 2

[[at]]
t = 44
do = "inject"
fault = "crash"
select = "10%"
up = 4
down = 2
min_up = 1
"""


def test_a_swarm_that_is_only_computed_gives_the_row_of_one_whose_film_is_kept(tmp_path: Path) -> None:
    text = SMALL.replace('["20%", "100%"]', '["20%"]').replace("replicates = 3", "replicates = 3\ninterval = 0.3")
    (point,) = spec.load(written(tmp_path, text + EVERYTHING)).points()
    quick = replicate.run(replicate.Job(point, 1, 77))
    whole = replicate.run(replicate.Job(point, 1, 77, keep=tmp_path / "film"))
    assert "error" not in quick and quick["hits"] > 0 and len(quick["curve"]["t"]) > 60
    assert {**quick, "seconds": 0} == {**whole, "seconds": 0}
    assert (tmp_path / "film" / "events.jsonl").exists()


def test_the_number_of_workers_changes_no_row(tmp_path: Path) -> None:
    experiment, found = spec.load(written(tmp_path, SMALL)), []
    for workers in (1, 3):
        runner = carry.Runner(Folder.create(experiment, tmp_path / f"out{workers}", 1), 1, workers, lambda _row: None)
        with runner:
            carry.sweep(experiment, runner, 3)
        found.append([{**row, "seconds": 0} for row in runner.rows])
    assert found[0] == found[1] and len(found[0]) == 6


def test_no_more_swarms_of_a_point_live_once_its_interval_is_narrow(tmp_path: Path) -> None:
    stopped = SMALL.replace('["20%", "100%"]', '["100%"]').replace("[sweep]", "[stop]\nwidth = 0.3\n\n[sweep]")
    experiment = spec.load(written(tmp_path, stopped))
    runner = carry.Runner(Folder.create(experiment, tmp_path / "out", 1), 1, 1, lambda _row: None)
    (one,) = carry.sweep(experiment, runner, 1000)
    assert one.replicates == carry.ROUND, "0 of 10 is 0 to 0.28"


def test_rows_are_kept_as_csv_and_with_their_curves_as_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder.create(spec.load(written(tmp_path, SMALL)), tmp_path / "out", 1)
    lived = {
        "point": 0,
        "$x": 1,
        "loss": -3.5,
        "unproven": ["a", "b"],
        "curve": {"t": [1.0, 2.0], "loss": [-1.5, -3.5]},
    }
    rows = [lived, {"point": 1, "$x": "many", "error": "no memory"}, {"point": 2, "$x": 0.5, "loss": -3}]
    assert [path.name for path in folder.save_table(rows)] == ["rows.csv", "rows.parquet"]
    assert (folder.path / "rows.csv").read_text().splitlines() == [
        "point,$x,loss,unproven,error", "0,1,-3.5,a; b,", "1,many,,,no memory", "2,0.5,-3,,"]  # fmt: skip
    table = parquet.read_table(folder.path / "rows.parquet").to_pydict()
    assert table["loss"] == [-3.5, None, -3.0] and table["$x"] == ["1", "many", "0.5"]
    assert table["curve_t"] == [[1.0, 2.0], None, None] and table["curve_loss"][0] == [-1.5, -3.5]
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert [path.name for path in folder.save_table(rows)] == ["rows.csv"], "without pyarrow"


def test_a_replicate_that_fails_is_recorded_and_passed_over(tmp_path: Path) -> None:
    early = SMALL.replace("t = 35", "t = 2")
    experiment = spec.load(written(tmp_path, early))
    runner = carry.Runner(Folder.create(experiment, tmp_path / "out", 1), 1, 1, lambda _row: None)
    judged = carry.sweep(experiment, runner, 1)
    assert [one.failed for one in judged] == [1, 1] and verdict.overall(judged) == verdict.UNKNOWN
    assert "had not grown" in runner.rows[0]["error"]


def deadly() -> Callable[[Job], Row]:
    """A worker that the kernel kills while it computes the first of all swarms."""

    def work(job: Job) -> Row:
        if job.keep is not None:
            job.keep.mkdir(parents=True)  # its film has begun
            os.kill(os.getpid(), signal.SIGKILL)
        return replicate.run(job)

    return work


def test_a_replicate_whose_worker_is_killed_is_recorded_and_passed_over_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(carry, "_worker", deadly)
    path, out = written(tmp_path, SMALL.replace('["20%", "100%"]', '["20%"]')), tmp_path / "out"
    command = ["experiment", str(path), "--workers", "2", "--out", str(out), "--json"]
    assert invoke(command) == 0, "two of two are enough for 0.3"
    told = capsys.readouterr()
    assert "replicate 0 failed: the process that computed it was killed (SIGKILL)" in told.err
    found = json.loads(told.out)
    assert (found["replicates"], found["failed"]) == (2, 1)
    assert not (out / "films" / "point0").exists(), "a film that breaks off anywhere is none"
    assert (out / "report.html").exists() and "was killed (SIGKILL)" in (out / "rows.csv").read_text()
    assert invoke(command) == 0, "what is recorded is not tried again"
    assert json.loads(capsys.readouterr().out)["failed"] == 1


def test_a_fault_that_hit_nothing_proves_nothing(tmp_path: Path) -> None:
    idle = SMALL.replace('fault = "crash"', 'fault = "link_loss"\nrate = 0.0').replace('["20%", "100%"]', '["20%"]')
    experiment = spec.load(written(tmp_path, idle))
    runner = carry.Runner(Folder.create(experiment, tmp_path / "out", 1), 1, 1, lambda _row: None)
    (one,) = carry.sweep(experiment, runner, 2)
    assert one.unproven == 2 and one.verdict == verdict.UNKNOWN and one.recovered == 2


def test_the_command_leaves_rows_page_and_junit_and_its_exit_code_is_the_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = written(tmp_path, SMALL.replace('["20%", "100%"]', '["100%"]')), tmp_path / "out"
    command = ["experiment", str(path), "--replicates", "12", "--workers", "2", "--out", str(out), "--json"]
    assert invoke(command) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "fail" and found["replicates"] == 12 and found["estimate"] == 0
    assert found["confidence_interval"][1] < 0.3 and found["points"][0]["fates"] == {"dead": 12}
    names = {file.name for file in out.iterdir()}
    assert {
        "experiment.toml",
        "plan.json",
        "rows.jsonl",
        "rows.csv",
        "result.json",
        "report.html",
        "junit.xml",
    } <= names
    page = (out / "report.html").read_text()
    assert "Kaplan-Meier" in page and "data:image/png" in page and "http" not in page.replace("http-equiv", "")
    suite = ET.parse(out / "junit.xml").getroot()
    assert suite.get("failures") == "1" and suite[0].find("failure") is not None


def test_a_failing_schedule_is_shrunk_to_what_is_guilty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = "".join(f'[[at]]\nt = {35 + n}\ndo = "erase"\nselect = "cell:0,{n}"\n' for n in range(4))
    guilty = '[[at]]\nt = 45\ndo = "erase"\nselect = "all"\n'
    head = SMALL.split("[sweep]")[0]
    assert invoke(["experiment", str(written(tmp_path, head + steps + guilty)), "--shrink", "--json",
                   "--out", str(tmp_path / "out")]) == 0  # fmt: skip
    found = json.loads(capsys.readouterr().out)
    assert found["kept"] == [{"number": 5, "t": 45.0}] and found["steps"] == 5


def test_a_million_swarms_are_not_begun_by_mistake(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, SMALL)
    assert invoke(["experiment", str(path), "--replicates", "600000", "--out", str(tmp_path / "out")]) == 2
    err = capfd.readouterr().err
    assert "1,200,000 swarms" in err and "--yes" in err and not (tmp_path / "out").exists()
    assert invoke(["experiment", "nothing-of-that-name"]) == 2
    assert "neither a file nor one of" in capfd.readouterr().err
