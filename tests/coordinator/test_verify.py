"""Verification: a true recording passes whatever happened in it; one wrong bit, state, order or file is named."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from recorded import Recorded

from cellnode.chunks import Chunk, Kind, Writer, read
from cellnode.payload import rule_payload
from cellnode.rows import NO_WAKE, Rows, pack, unpack
from coordinator import Swarm
from coordinator.opening import copy_of_rule
from coordinator.recording import Recording
from coordinator.runfolder import RunFolder
from coordinator.verify import Verdict, verify
from firmware_sim import folder as rule_folder
from firmware_sim.engines import Engine

CENTRE = 12


def verified(folder: RunFolder) -> Verdict:
    return verify(folder, copy_of_rule(folder))


def grown(where: Path, **settings: Any) -> Recorded:
    """A 5x5 swarm, its seed planted at t = 2."""
    run = Recorded(where, **settings)
    run.run(2)
    run.seed(CENTRE)
    run.run(18)
    return run


def the_file(folder: RunFolder) -> Path:
    (path,) = folder.recording.glob("*.rec")
    return path


def rewritten(folder: RunFolder, change: Callable[[list[Rows]], None]) -> None:
    """The same recording after `change`, under seals that fit, as somebody would forge it; the log names none."""
    path = the_file(folder)
    found: list[Chunk] = list(read(path))
    blocks = {c.number: unpack(c.body, json.loads(found[0].body)["values"], 1, c.from_ns) for c in found if c.rows}
    change([rows for rows, _ in blocks.values()])
    path.unlink()
    writer = Writer(path)
    for chunk in found:
        rows, gaps = blocks.get(chunk.number, (None, None))
        body = chunk.body if rows is None or gaps is None else pack(rows, gaps, 1, chunk.from_ns)
        writer.write(chunk.kind, body, chunk.rows, chunk.from_ns, chunk.to_ns)
    writer.close()
    edit_log(folder, lambda event: event["event"] != "recorded")


def edit_log(folder: RunFolder, keep: Callable[[dict[str, Any]], bool]) -> None:
    lines = [line for line in folder.events() if keep(line)]
    (folder.path / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


class Wrong:
    """An engine that is wrong by one step in one channel, from its `after`-th living update on."""

    def __init__(self, engine: Engine, after: int) -> None:
        self._engine, self._left = engine, after
        self.name, self.family, self.dtype, self.channels = engine.name, engine.family, engine.dtype, engine.channels

    def update(self, neighbourhood: NDArray[Any]) -> NDArray[Any]:
        new = self._engine.update(neighbourhood).copy()
        if new.any():
            self._left -= 1
            if self._left < 0:
                new[0, 9] ^= 1
        return new


def eighth_is_wrong(cell: int, engine: Engine) -> Engine:
    return Wrong(engine, 4) if cell == 8 else engine


@pytest.mark.parametrize("engine", ["chip", "numpy", "onnx"])
def test_a_true_recording_agrees_to_the_bit_through_pokes_deaths_and_new_lives(tmp_path: Path, engine: str) -> None:
    run = grown(tmp_path, engine=engine)
    run.erase(CENTRE + 1)
    run.kill(7)
    run.run(15)
    run.revive(7)
    run.run(10)
    found = verified(run.stop())
    assert (found.verdict, found.updates, found.recomputed) == ("pass", len(run.said), len(run.said))
    assert (found.gaps, found.declared, found.mismatches, found.first_mismatch) == (0, 0, 0, None)
    assert found.exact and found.closed and any(any(state) for _, _, state in run.said[-20:]), "something lived"


def test_a_cell_that_computes_wrongly_is_named_with_its_first_wrong_word(tmp_path: Path) -> None:
    run = grown(tmp_path, engine_of=eighth_is_wrong)
    found = verified(run.stop())
    first = found.first_mismatch
    assert found.verdict == "fail" and first is not None
    assert (first["what"], first["cell"], first["row"], first["column"]) == ("state", 8, 1, 3)
    assert [a != b for a, b in zip(first["expected"], first["found"], strict=True)] == [c == 9 for c in range(16)]
    at_ns, _, _ = [said for said in run.said if said[1] == 8 and any(said[2])][4]
    assert first["time_ns"] == at_ns and first["life"] == 1


def test_one_byte_changed_anywhere_in_the_file_is_found_a_hundred_times_of_a_hundred(tmp_path: Path) -> None:
    folder = grown(tmp_path).stop()
    path, draw = the_file(folder), random.Random(4)
    whole = path.read_bytes()
    assert verified(folder).verdict == "pass"
    for _ in range(100):
        place = draw.randrange(len(whole))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ draw.randrange(1, 256)]) + whole[place + 1 :])
        found = verified(folder)
        assert found.verdict == "fail" and found.first_mismatch is not None
        assert found.first_mismatch["file"] == path.name and found.first_mismatch["byte"] <= place


def test_one_byte_of_a_state_changed_under_fitting_seals_is_found_a_hundred_times_of_a_hundred(tmp_path: Path) -> None:
    folder = grown(tmp_path).stop()
    path, draw = the_file(folder), random.Random(5)
    whole, log = path.read_bytes(), (folder.path / "events.jsonl").read_text()
    for _ in range(100):
        changed: list[Any] = []

        def forge(blocks: list[Rows], changed: list[Any] = changed) -> None:
            rows = draw.choice(blocks)
            row = draw.choice(np.flatnonzero(rows["flags"] & NO_WAKE == 0).tolist())
            rows["state"][row, draw.randrange(16)] ^= draw.randrange(1, 256)
            changed.extend((int(rows["cell"][row]), int(rows["sequence"][row])))

        rewritten(folder, forge)
        first = verified(folder).first_mismatch
        assert first is not None and [first["cell"], first["sequence"]] == changed
        path.write_bytes(whole)
        (folder.path / "events.jsonl").write_text(log)


def test_a_word_that_its_sender_never_said_is_a_difference(tmp_path: Path) -> None:
    folder = grown(tmp_path).stop()

    def forge(blocks: list[Rows]) -> None:
        rows = blocks[-1]
        row = np.flatnonzero(rows["used_sequence"][:, 3] > 0)[-1]
        rows["used_sequence"][row, 3] = 10_000

    rewritten(folder, forge)
    first = verified(folder).first_mismatch
    assert first is not None and first["what"] == "heard"
    assert first["slot"] == "W" and first["speaker"] == first["cell"] - 1 and first["never_said"][2] == 10_000


@pytest.mark.parametrize("what", ["seed", "erase"])
def test_a_state_that_no_order_in_the_log_gave_is_a_difference(tmp_path: Path, what: str) -> None:
    run = grown(tmp_path)
    (run.seed if what == "seed" else run.erase)(CENTRE, declared=False)
    run.run(10)
    found = verified(run.stop())
    assert found.mismatches == 1 and found.first_mismatch is not None
    assert (found.first_mismatch["what"], found.first_mismatch["cell"]) == ("given", CENTRE)


def test_what_a_declared_fault_does_is_reported_and_fails_only_when_it_is_not_declared(tmp_path: Path) -> None:
    run = grown(tmp_path, engine_of=eighth_is_wrong)
    fault = {"cells": [8], "fault": 1, "proof": {"kind": "genome_flip", "hits": 1}}
    run.folder.event("inject", 0.0, ns=run.now_ns, began_ns=0, **fault)
    folder = run.stop()
    found = verified(folder)
    assert (
        found.verdict == "pass"
        and found.declared > 5
        and found.declared_by == {"genome_flip (fault 1)": found.declared}
    )
    assert found.recomputed == found.updates == len(run.said)
    edit_log(folder, lambda event: event["event"] != "inject")
    assert verified(folder).verdict == "fail"


def test_a_fault_excuses_nobody_before_it_began_after_it_was_healed_or_elsewhere(tmp_path: Path) -> None:
    run = grown(tmp_path, engine_of=eighth_is_wrong)
    fault = {"fault": 1, "proof": {"kind": "genome_flip"}}
    late = run.now_ns
    run.run(10)
    folder = run.stop()
    for cells, began_ns, healed_ns in (([7], 0, None), ([8], late, None), ([8], 0, 1)):
        edit_log(folder, lambda event: event["event"] not in ("inject", "heal"))
        folder.event("inject", 0.0, ns=began_ns, began_ns=began_ns, cells=cells, **fault)
        if healed_ns is not None:
            folder.event("heal", 0.0, ns=healed_ns, fault=1)
        found = verified(folder)
        assert found.verdict == "fail" and found.mismatches, (cells, began_ns, healed_ns)


def test_rows_lost_by_a_ring_are_gaps_and_no_difference(tmp_path: Path) -> None:
    run = grown(tmp_path)
    run.keeping = False  # the agent was stopped, the cells go on
    run.run(60)
    run.keeping = True
    run.run(10)
    found = verified(run.stop())
    assert (found.verdict, found.mismatches) == ("unknown", 0) and found.gaps > 100
    assert found.updates == found.recomputed + found.gaps == len(run.said)


def test_a_recording_cut_off_anywhere_is_verified_up_to_its_last_whole_chunk(tmp_path: Path) -> None:
    run = grown(tmp_path)
    run.kill(CENTRE)
    run.run(20)
    run.folder.event("agent lost", run.t)
    path, draw = the_file(run.folder), random.Random(6)
    whole = path.read_bytes()  # as it lies there while the run goes on
    counts = set()
    for length in sorted(draw.randrange(len(whole) // 3, len(whole)) for _ in range(20)):
        path.write_bytes(whole[:length])
        found = verified(run.folder)
        assert (found.verdict, found.gaps, found.mismatches, found.closed) == ("pass", 0, 0, False)
        counts.add(found.updates)
    assert len(counts) > 1 and max(counts) <= len(run.said)


def test_an_end_taken_away_from_a_run_that_was_stopped_is_found(tmp_path: Path) -> None:
    folder = grown(tmp_path).stop()
    path = the_file(folder)
    ends = [chunk.at for chunk in read(path) if chunk.kind is Kind.END]
    path.write_bytes(path.read_bytes()[: ends[0]])
    found = verified(folder)
    assert found.verdict == "fail" and found.first_mismatch is not None
    assert found.first_mismatch["why"] == "it does not end as the log says"
    path.unlink()
    (folder.recording / "000002-0.rec").write_bytes(b"")
    with pytest.raises(Exception, match="no whole chunk"):
        verified(folder)


def test_a_recording_that_reached_its_size_ends_there_and_verifies(tmp_path: Path) -> None:
    run = grown(tmp_path, size_max=1 << 14)
    run.run(150)
    assert "reached" in run.keeper.ended
    found = verified(run.stop())
    assert found.verdict == "pass" and found.updates < len(run.said) and found.t[1] < run.t - 10


@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_a_run_in_virtual_time_is_recorded_and_verified_the_same_way(tmp_path: Path, engine: str) -> None:
    run = tmp_path / "run"
    with Swarm.start("dot", (10, 10), substrate="virtual", engine=engine, seed=3, record=True, out=run) as swarm:
        swarm.wait(15)
        swarm.kill("n:20", seed=1)
        swarm.inject("link_loss", "all", duration=10, rate=0.4, seed=2)
        swarm.wait(5)
        swarm.revive("dead")
        swarm.erase("circle:5,5,1")
        swarm.wait(15)
        shown, t = swarm.frame(), swarm.t
    folder = RunFolder.open(run)
    found = verified(folder)
    assert (found.verdict, found.gaps, found.declared, found.closed, found.exact) == ("pass", 0, 0, True, True)
    assert found.recomputed == found.updates > 2000
    frame = Recording.open(folder).frame(t)
    assert (frame.states == shown.states).all() and (frame.on == shown.on).all()


@pytest.mark.parametrize("mode", ["random", "stale", "gradient"])
def test_a_liar_is_reported_as_declared_and_whoever_believes_it_is_right(tmp_path: Path, mode: str) -> None:
    run = tmp_path / "run"
    with Swarm.start("dot", (10, 10), substrate="virtual", seed=3, record=True, out=run) as swarm:
        swarm.wait(15)
        liars = swarm.inject("byzantine", "circle:5,5,1", duration=8, seed=2, mode=mode).cells
        swarm.wait(20)
    folder = RunFolder.open(run)
    found = verified(folder)
    assert (found.verdict, found.gaps, found.mismatches) == ("pass", 0, 0)
    assert found.declared > 10 and found.declared_by == {"byzantine (fault 1)": found.declared}
    edit_log(folder, lambda event: event["event"] != "inject")
    hidden = verified(folder)
    assert hidden.mismatches == found.declared, "nobody but the liars is blamed"
    assert hidden.first_mismatch is not None and hidden.first_mismatch["cell"] in liars
    assert hidden.first_mismatch["what"] == ("state" if mode == "gradient" else "said")


@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_a_state_in_which_bits_flipped_is_as_it_was_declared(tmp_path: Path, engine: str) -> None:
    run = tmp_path / "run"
    with Swarm.start("dot", (10, 10), substrate="virtual", engine=engine, seed=3, record=True, out=run) as swarm:
        swarm.wait(15)
        hit = swarm.inject("state_flip", "circle:5,5,1", seed=2, count=3).cells
        swarm.wait(10)
    folder = RunFolder.open(run)
    found = verified(folder)
    assert (found.verdict, found.gaps, found.declared) == ("pass", 0, 0), "who uses it computes rightly"
    edit_log(folder, lambda event: event["event"] != "inject")
    hidden = verified(folder)
    assert hidden.mismatches == len(hit) and hidden.first_mismatch is not None
    assert hidden.first_mismatch["what"] == "given" and hidden.first_mismatch["cell"] in hit


def test_updates_with_flipped_sums_are_declared_and_no_others(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with Swarm.start("dot", (10, 10), substrate="virtual", seed=3, record=True, out=run) as swarm:
        swarm.wait(15)
        hit = swarm.inject("accumulator_flip", "circle:5,5,1", duration=8, seed=2, rate=0.5, count=3).cells
        swarm.wait(20)
        (fault,) = swarm.faults()
    folder = RunFolder.open(run)
    found = verified(folder)
    assert (found.verdict, found.gaps) == ("pass", 0)
    assert 0 < found.declared <= fault.hits // 3, "low bits do not show"
    edit_log(folder, lambda event: event["event"] != "inject")
    hidden = verified(folder)
    assert hidden.mismatches == found.declared and hidden.first_mismatch is not None
    assert hidden.first_mismatch["cell"] in hit


@pytest.mark.parametrize("engine", ["chip", "numpy"])
def test_of_an_adversary_nothing_is_excused_but_what_its_own_rule_computes(tmp_path: Path, engine: str) -> None:
    run = tmp_path / "run"
    with Swarm.start("dot", (10, 10), substrate="virtual", engine=engine, seed=3, record=True, out=run) as swarm:
        swarm.wait(15)
        traitors = swarm.inject("byzantine", "circle:5,5,1", duration=8, mode="adversary", rule="lizard").cells
        swarm.wait(20)
    folder = RunFolder.open(run)
    found = verified(folder)
    assert (found.verdict, found.gaps, found.mismatches) == ("pass", 0, 0)
    assert found.declared > 10 and found.declared_by == {"byzantine (fault 1)": found.declared}
    (record,) = folder.state().faults
    other = msgspec.structs.replace(record, rule=rule_payload(rule_folder.load("lizard-24"), engine))
    (run / "state.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(folder.state(), faults=[other])))
    swapped = verified(RunFolder.open(run))
    assert swapped.verdict == "fail" and swapped.first_mismatch is not None
    assert swapped.first_mismatch["cell"] in traitors and swapped.first_mismatch["what"] == "state"
