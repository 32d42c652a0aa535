"""Verification: every update of a recorded run computed again, each input taken from the record of whoever said it.

An update is right when the run's rule, applied to what the record says it used, gives what the record says came of it.
Int8 must agree to the bit on any machine; float to the bit where the arithmetic is the same, else within a tolerance.
What an order in the run's log explains is declared, what cannot be computed for want of a record is a gap, and any
other difference is a mismatch. Changes nothing. May import the recording, its index, what is declared, cellnode's rows
and firmware_sim.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.book import arithmetic
from cellnode.chunks import Damaged
from cellnode.mailbox import POSITIONS, legal_values
from cellnode.payload import engine_from
from cellnode.rows import Flag, Rows
from cellnode.topology import neighbours
from coordinator.declared import Declared, Order
from coordinator.hands import seed_state
from coordinator.heardorder import HeardOrder
from coordinator.recording import Recording, Segment, is_wake
from coordinator.runfolder import RunFolder
from coordinator.saidindex import Places, SaidIndex
from firmware_sim.engines import FAMILIES, Engine, make_engine
from firmware_sim.folder import RuleFolder
from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA, CHANNELS, SLOT_NAMES, Limits

BATCH = 1 << 14  # updates computed at once
TOLERANCE = 1e-4  # of a float state, where the arithmetic is another machine's


@dataclass(slots=True)
class Finding:
    """One difference."""

    time_ns: int
    facts: dict[str, Any]


@dataclass(slots=True)
class Verdict:
    """What came of it. `updates` = `recomputed` + `gaps`; `declared` of the recomputed differ, and were ordered."""

    updates: int = 0
    recomputed: int = 0
    gaps: int = 0
    declared: int = 0
    mismatches: int = 0
    first_mismatch: dict[str, Any] | None = None
    declared_by: dict[str, int] = field(default_factory=dict)  # order -> updates it explains
    closed: bool = True  # every file of the recording ends as it was meant to
    exact: bool = True  # compared to the bit
    t: tuple[float, float] = (0.0, 0.0)

    @property
    def verdict(self) -> str:
        """pass | fail | unknown"""
        if self.mismatches:
            return "fail"
        return "unknown" if self.gaps or not self.recomputed else "pass"


def verify(folder: RunFolder, rule: RuleFolder) -> Verdict:
    """All of a run's recording, up to its last whole chunk. BadInput when there is none."""
    try:
        recording = Recording.open(folder)
    except Damaged as damage:  # from its first byte on
        return Verdict(mismatches=1, first_mismatch=_damaged(damage), closed=False)
    return Verifier(recording, folder, rule).run()


class Verifier:
    """One pass over one recording."""

    def __init__(self, recording: Recording, folder: RunFolder, rule: RuleFolder) -> None:
        self._recording, self._folder, info = recording, folder, recording.info
        self._declared = Declared(folder.events())
        self._index = SaidIndex(recording.rows)
        self._table = neighbours(info.height, info.width, info.torus).astype(np.int64)
        self._engine = _engine(rule, info.engine, info.degrees)
        self._adversaries = {
            record.id: engine_from(record.rule) for record in folder.state().faults if record.rule is not None
        }
        self._limits, self._rule_sha256 = rule.limits, rule.sha256
        self._order = HeardOrder(info.height * info.width)
        self._epoch = 0  # of the block under examination
        self._state = recording.rows["state"]
        self._whole = recording.closed and not recording.damage and not recording.gaps["lost"].sum()
        self._findings: list[Finding] = []
        machines = {segment.head["machine"] for segment in recording.segments}
        self.verdict = Verdict(
            closed=recording.closed,
            exact=self._engine.family == "int8" or machines == {arithmetic()},
            t=recording.span,
        )

    def run(self) -> Verdict:
        verdict = self.verdict
        for at, segment, rows in self._recording.blocks():
            for begin in range(0, len(rows), BATCH):
                self._check(at + begin, segment, rows[begin : begin + BATCH])
        lost = int(self._recording.gaps["lost"].sum())
        verdict.updates, verdict.gaps = verdict.updates + lost, verdict.gaps + lost
        self._check_given()
        self._check_lies()
        self._check_files()
        if self._findings:
            first = min(self._findings, key=lambda finding: finding.time_ns)
            verdict.mismatches, verdict.first_mismatch = len(self._findings), first.facts
        return verdict

    # ---- updates

    def _check(self, at: int, segment: Segment, rows: Rows) -> None:
        wakes = is_wake(rows)
        rows, places = rows[wakes], at + np.flatnonzero(wakes)
        self._epoch = segment.epoch
        if not len(rows):
            return
        self.verdict.updates += len(rows)
        own = self._own(segment, rows)
        older = self._order.older(segment.epoch, rows)
        for which in np.flatnonzero(older.any(axis=1)):
            self._differs(rows[which], "older", _heard(rows[which], older[which], self._table, "older_than_met"))
        used, impossible, missing = self._used(rows)
        for which in np.flatnonzero(impossible.any(axis=1)):
            self._differs(rows[which], "heard", _heard(rows[which], impossible[which], self._table, "never_said"))
        known = (own >= -1) & ~missing.any(axis=1) & ~impossible.any(axis=1) & (rows["flags"] & Flag.CLIPPED == 0)
        self.verdict.gaps += int((~known & ~impossible.any(axis=1)).sum())
        self.verdict.recomputed += int((known | impossible.any(axis=1)).sum())
        if known.any():
            self._compute(rows[known], places[known], own[known], used[known])

    def _own(self, segment: Segment, rows: Rows) -> Places:
        """The row of the state that each update began from; -1: a newborn's, empty; -2: not known."""
        epochs = np.full(len(rows), segment.epoch)
        lives, before = self._index.life(rows["cell"], epochs, rows["life"]), rows["sequence"].astype(np.int64) - 1
        given = self._index.begun(lives, before)
        said = self._index.came(lives, before)
        own = np.where(given >= 0, given, said)
        own[(own < 0) & (before > 0)] = -2
        own[rows["flags"] & Flag.AFTER_GAP != 0] = -2  # a state given from outside may be lost, too
        return own

    def _used(self, rows: Rows) -> tuple[Places, NDArray[np.bool_], NDArray[np.bool_]]:
        """Rows of the states used [n, 8] (-1: an empty slot), slots that cannot be, slots whose record is missing."""
        speakers = self._table[rows["cell"]]
        full = rows["used_sequence"] != 0
        lives = self._index.life(np.maximum(speakers, 0), rows["used_epoch"], rows["used_life"])
        used = np.where(full & (speakers >= 0), self._index.said(lives, rows["used_sequence"]), -1)
        missing = full & (speakers >= 0) & (used < 0)
        impossible = full & (speakers < 0)
        if self._whole:  # nothing is lost: what has no record was never said
            impossible |= missing
        return used, impossible, missing & ~impossible

    def _compute(self, rows: Rows, places: Places, own: Places, used: Places) -> None:
        blocks = np.zeros((len(rows), 9, self._state.shape[1]), np.uint8)
        blocks[:, 4] = np.where((own >= 0)[:, None], self._state[np.maximum(own, 0)], 0)
        slots = np.array(POSITIONS)
        blocks[:, slots] = np.where((used >= 0)[:, :, None], self._state[np.maximum(used, 0)], 0)
        found = self._recording.rows["state"][places]
        expected = self._update(blocks, self._engine)
        wrong = (expected != found).any(axis=1)
        for which in np.flatnonzero(wrong):
            if self.verdict.exact or not _close(expected[which], found[which], self._limits):
                self._judge(rows[which], expected[which], blocks[which : which + 1])

    def _update(self, blocks: NDArray[np.uint8], engine: Engine) -> NDArray[np.uint8]:
        """[n, 9, bytes] -> [n, bytes], as the cells' own processes compute it: one float update at a time."""
        shaped = blocks.view(engine.dtype).reshape(len(blocks), 3, 3, CHANNELS)
        if engine.family == "int8":
            return np.ascontiguousarray(engine.update(shaped)).view(np.uint8)
        new = np.empty(blocks[:, 0].shape, np.uint8)
        for which in range(len(blocks)):
            values = engine.update(shaped[which : which + 1]).astype(engine.dtype).tobytes()
            new[which] = np.frombuffer(values if legal_values(values, len(values)) else bytes(len(values)), np.uint8)
        return new

    def _judge(self, row: Any, expected: NDArray[np.uint8], block: NDArray[np.uint8]) -> None:
        order = self._declared.harm(int(row["cell"]), int(row["at_ns"]))
        adversary = self._adversaries.get(order.fault) if order is not None and order.fault is not None else None
        if adversary is not None and self._declared.only(order, int(row["cell"]), int(row["at_ns"])):
            expected = self._update(block, adversary)[0]  # declared is what it would compute, and nothing else
            if not np.array_equal(expected, row["state"]) and (
                self.verdict.exact or not _close(expected, row["state"], self._limits)
            ):
                order = None
        if order is not None:
            self._declare(order)
            return
        facts = {"expected": _shown(expected, self._engine), "found": _shown(row["state"], self._engine)}
        self._differs(row, "state", facts)

    # ---- what is no update

    def _check_given(self) -> None:
        """Each state given from outside must be one that an order in the log could have given."""
        rows = self._recording.rows
        begun = np.flatnonzero(rows["flags"] & Flag.BEGUN != 0)
        lives = self._index.life(rows["cell"][begun], rows["epoch"][begun], rows["life"][begun])
        before = self._index.came(lives, rows["sequence"][begun])
        planted = np.frombuffer(seed_state(self._engine), np.uint8)
        for place, last in zip(begun.tolist(), before.tolist(), strict=True):
            row = rows[place]
            kinds = {"bit_flip", "state_flip"}
            if np.array_equal(row["state"], planted):
                kinds.add("seed")
            if not row["state"].any():
                kinds.add("erase")
            cell, at_ns = int(row["cell"]), int(row["at_ns"])
            after_ns = int(rows["at_ns"][last]) if last >= 0 else 0
            if self._declared.given(cell, after_ns, at_ns, kinds) is None and self._declared.harm(cell, at_ns) is None:
                self._differs(row, "given", {"found": _shown(row["state"], self._engine)})

    def _check_lies(self) -> None:
        """Each word that was not the speaker's state must be one that an order in the log asked for."""
        rows = self._recording.rows
        for row in rows[rows["flags"] & Flag.LIED != 0]:
            order = self._declared.harm(int(row["cell"]), int(row["at_ns"]))
            if order is None:
                self._differs(row, "said", {"found": _shown(row["state"], self._engine)})
            else:
                self._declare(order)

    def _check_files(self) -> None:
        """Files that are damaged, or that are not those which the run's log names."""
        recording, latest_ns = self._recording, 1 << 62
        self._findings += [Finding(latest_ns, _damaged(damage)) for damage in recording.damage]
        there = {segment.path.name: segment.seal for segment in recording.segments}
        damaged = {damage.path.name for damage in recording.damage}
        for event in self._folder.events():
            for name, seal in event.get("seals", {}).items() if event["event"] == "recorded" else ():
                if name not in damaged and there.get(name) != seal:
                    why = "it is not there" if name not in there else "it does not end as the log says"
                    self._findings.append(Finding(latest_ns, {"what": "file", "file": name, "why": why}))
        for segment in recording.segments:
            if segment.head["rule_sha256"] != self._rule_sha256:
                facts = {"what": "rule", "file": segment.path.name, "why": "the folder's rule is not the one recorded"}
                self._findings.append(Finding(latest_ns, facts))

    # ---- what is found

    def _declare(self, order: Order) -> None:
        verdict = self.verdict
        verdict.declared += 1
        verdict.declared_by[order.name] = verdict.declared_by.get(order.name, 0) + 1

    def _differs(self, row: Any, what: str, facts: dict[str, Any]) -> None:
        info, at_ns = self._recording.info, int(row["at_ns"])
        who = {
            "what": what,
            "cell": int(row["cell"]),
            "row": int(row["cell"]) // info.width,
            "column": int(row["cell"]) % info.width,
            "epoch": int(row["epoch"]) if "epoch" in (row.dtype.names or ()) else self._epoch,
            "life": int(row["life"]),
            "sequence": int(row["sequence"]),
            "t": round(self._recording.times.t(at_ns), 3),
            "time_ns": at_ns,
        }
        self._findings.append(Finding(at_ns, who | facts))


def _damaged(damage: Damaged) -> dict[str, Any]:
    return {"what": "file", "file": damage.path.name, "byte": damage.at, "why": damage.why}


def _engine(rule: RuleFolder, name: str, degrees: float) -> Engine:
    """The fastest of the cells' own family; floats by the very engine that they ran."""
    return make_engine("native" if FAMILIES[name] == "int8" else name, rule, degrees)


def _heard(row: Any, wrong: NDArray[np.bool_], table: NDArray[np.int64], what: str) -> dict[str, Any]:
    slot = int(np.flatnonzero(wrong)[0])
    word = (int(row["used_epoch"][slot]), int(row["used_life"][slot]), int(row["used_sequence"][slot]))
    return {"slot": SLOT_NAMES[slot], "speaker": int(table[row["cell"], slot]), what: word}


def _shown(state: NDArray[np.uint8], engine: Engine) -> list[float]:
    values: list[float] = np.ascontiguousarray(state).view(engine.dtype).tolist()
    return values


def _close(expected: NDArray[np.uint8], found: NDArray[np.uint8], limits: Limits) -> bool:
    """Whether two float states are the same but for another machine's rounding."""
    one, two = (np.ascontiguousarray(state).view("<f4") for state in (expected, found))
    room = TOLERANCE + (limits.state_step if limits.limit == "round" else 0.0)
    if bool(one.any()) != bool(two.any()):  # only one of them lives: a narrow decision?
        return bool(abs(max(one[ALPHA], two[ALPHA]) - ALIVE_THRESHOLD) <= room)
    return bool((np.abs(one - two) <= room * np.maximum(1.0, np.abs(one))).all())
