"""Faults on one interface: begun, ended in time, proved at the victim, and healed by a successor."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from cellnode.messages import LinkFault
from cellnode.panel import COUNTERS, Counter
from coordinator import faults
from coordinator.actions import Inject
from coordinator.faults.base import Record
from coordinator.faults.board import Board
from firmware_sim.errors import BadInput


class Ward:
    """A target that remembers: nine cells, all running life 1."""

    def __init__(self) -> None:
        self.life = np.ones(9, np.uint64)
        self.on = np.ones(9, np.bool_)
        self.links: dict[int, LinkFault] = {}
        self.counters = np.zeros((9, COUNTERS), np.uint64)

    def power(self, cells: np.ndarray, on: bool) -> list[int]:
        self.life[cells[~self.on[cells]]] += np.uint64(on)
        self.on[cells] = on
        return []

    def poke(self, kind: str, cells: np.ndarray, state: bytes = b"") -> list[int]:
        assert kind == "erase"
        self.counters[cells, Counter.ERASED] += np.uint64(1)
        return []

    def add_link_fault(self, fault: LinkFault) -> list[int]:
        self.links[fault.id] = fault
        return []

    def remove_link_fault(self, fault_id: int) -> list[int]:
        self.links.pop(fault_id)
        return []

    def totals(self) -> np.ndarray:
        return self.counters

    def lives(self) -> np.ndarray:
        return np.where(self.on, self.life, np.uint64(0))


class Ledger:
    """Stands for state.json."""

    def __init__(self) -> None:
        self.next_id, self.records = 1, list[Record]()

    def __call__(self, next_id: int, records: list[Record]) -> None:
        self.next_id, self.records = next_id, records


def begun(ward: Ward, kind: str, cells: list[int], duration: float | None = None, **parameters: float) -> Board:
    board = Board(ward, Ledger())
    board.inject(kind, "some", cells, faults.check(kind, parameters, duration), 10.0, duration, 7)
    return board


def test_however_many_faults_go_on_the_counters_are_read_once_to_store_them() -> None:
    class Read(Ward):
        times = 0

        def totals(self) -> np.ndarray:
            self.times += 1
            return super().totals()

    ward, ledger = Read(), Ledger()
    board = Board(ward, ledger)
    each = []
    for number in range(20):
        before = ward.times
        board.inject("link_loss", "some", [1, 2], faults.check("link_loss", {"rate": 0.5}, 5.0), 0.0, 5.0, number)
        each.append(ward.times - before)
    assert each[-1] == each[1] and len(ledger.records) == 20


def test_a_crash_kills_and_is_proved_by_lives_that_ended() -> None:
    ward = Ward()
    board = begun(ward, "crash", [1, 2])
    assert not ward.on[[1, 2]].any() and ward.on.sum() == 7
    assert board.reports()[0].hits == 2 and board.reports()[0].state == "active"


def test_a_fault_that_is_asked_about_while_it_begins_is_injecting_with_no_hits() -> None:
    told = []

    class Asked(Ward):
        def totals(self) -> np.ndarray:
            if not told:
                told.extend(board.reports())  # as another thread may, just then
            return super().totals()

    board = Board(Asked(), Ledger())
    board.inject("link_loss", "some", [3], faults.check("link_loss", {"rate": 0.5}, None), 10.0, None, 7)
    assert [(report.state, report.hits) for report in told] == [("injecting", 0)]


def test_a_fault_may_begin_while_another_is_asked_about() -> None:
    class Meanwhile(Ward):
        armed = False

        def lives(self) -> np.ndarray:
            if self.armed:
                self.armed = False
                board.inject("crash", "some", [3], {}, 10.0, None, 7)  # as another thread may, just then
            return super().lives()

    ward = Meanwhile()
    board = begun(ward, "crash", [1])
    ward.armed = True
    assert [report.id for report in board.reports()] == [1]
    assert [report.id for report in board.reports()] == [1, 2]


def test_a_fault_ends_when_its_time_is_up() -> None:
    ward = Ward()
    board = begun(ward, "crash", [1, 2], duration=4)
    assert board.next_end() == 14.0 and not board.due(13.9)
    for fault in board.due(14.0):
        board.heal(fault.record.id, 14.0)
    assert ward.on.all() and board.reports()[0].state == "finished"
    assert board.reports()[0].hits == 2, "the proof stays"


def test_a_crash_without_an_end_is_dead_for_ever() -> None:
    board = begun(Ward(), "crash", [1])
    assert board.next_end() is None and not board.due(1e9)


def test_cells_that_another_crash_holds_down_stay_down() -> None:
    ward = Ward()
    board = begun(ward, "crash", [1, 2], duration=4)
    board.inject("crash", "some", [2, 3], {}, 11.0, None, 8)
    board.heal(1)
    assert ward.on[1] and not ward.on[[2, 3]].any()


def test_an_erasure_is_over_at_once_and_proved_by_the_victims_counter() -> None:
    ward = Ward()
    (report,) = begun(ward, "erase", [4, 5]).reports()
    assert report.state == "finished" and report.hits == 2


def test_link_loss_is_proved_by_the_frames_its_victims_discarded() -> None:
    ward = Ward()
    ward.counters[3, Counter.FAULT_LOST] = 100
    board = begun(ward, "link_loss", [3], rate=0.5)
    assert ward.links[1] == LinkFault(id=1, kind="loss", cells=[3], rate=0.5, rng_seed=7)
    ward.counters[3, Counter.FAULT_LOST] += np.uint64(5)
    ward.counters[4, Counter.FAULT_LOST] += np.uint64(50)
    assert board.reports()[0].hits == 5
    board.heal(None)
    ward.counters[3, Counter.FAULT_LOST] += np.uint64(50)
    assert not ward.links and board.reports()[0].hits == 5


def test_link_delay_is_in_t() -> None:
    ward = Ward()
    begun(ward, "link_delay", [3], delay=2.0)
    assert ward.links[1].kind == "delay" and ward.links[1].delay_intervals == 2.0


def test_bad_clocks_are_held_like_bad_links_and_proved_by_the_intervals_they_bent() -> None:
    ward, ledger = Ward(), Ledger()
    board = Board(ward, ledger)
    board.inject(
        "clock_drift", "some", [3, 4], faults.check("clock_drift", {"drift": 0.5, "spread": 0.1}, None), 0, 4, 7
    )
    board.inject("clock_jitter", "some", [3], faults.check("clock_jitter", {"jitter": 0.2}, None), 0, None, 8)
    board.inject("link_loss", "some", [3], {"rate": 0.5}, 0, None, 9)
    drift = LinkFault(id=1, kind="drift", cells=[3, 4], rate=0.5, rng_seed=7, spread=0.1)
    assert ward.links[1] == drift and ward.links[2] == LinkFault(2, "jitter", [3], 0.2, rng_seed=8)
    assert faults.held(ledger.records) == list(ward.links.values()), "what a successor tells a new agent"
    ward.counters[[3, 4], Counter.FAULT_CLOCK] += np.uint64(6)
    board.heal(1)
    assert [report.hits for report in board.reports()] == [12, 6, 0]
    assert [fault.id for fault in faults.held(ledger.records)] == [2, 3]


def test_what_an_order_ends_is_healed_and_what_time_ends_is_finished() -> None:
    board = begun(Ward(), "crash", [1], duration=4)
    board.heal(1, 12.0)
    assert board.reports()[0].state == "healed"


def test_a_fault_that_has_hit_nothing_is_unproven_once_it_had_its_time() -> None:
    ward = Ward()
    board = begun(ward, "hold", [3])
    assert board.reports()[0].state == "injecting" and not board.unproven(10.5)
    assert [report.id for report in board.unproven(11.0)] == [1]
    ward.counters[3, Counter.FAULT_HELD] += np.uint64(1)
    assert board.reports()[0].state == "active" and not board.unproven(11.0)


def test_every_change_of_a_fault_is_told() -> None:
    told: list[tuple[int, str]] = []
    board = Board(Ward(), Ledger(), lambda report: told.append((report.id, report.state)))
    board.inject("erase", "some", [1], {}, 0.0, None, 1)
    board.inject("hold", "some", [1], {}, 0.0, None, 1)
    board.heal(2)
    assert told == [(1, "active"), (1, "finished"), (2, "injecting"), (2, "healed")]


def test_words_of_the_catalogue_become_words_of_the_wire() -> None:
    def wire(kind: str, **parameters: float | str) -> LinkFault:
        board = begun(ward := Ward(), kind, [3], None, **parameters)  # type: ignore[arg-type]
        assert len(board.reports()) == 1
        return ward.links[1]

    assert wire("link_burst") == LinkFault(1, "burst", [3], 1.0, rng_seed=7, burst=5.0, gap=20.0)
    assert wire("link_delay", delay=2, shape="pareto").shape == "pareto"
    assert wire("link_reorder", rate=0.1, by=3) == LinkFault(1, "reorder", [3], 0.1, 3.0, 7)
    assert wire("link_duplicate", rate=0.1) == LinkFault(1, "duplicate", [3], 0.1, 1.0, 7)
    assert wire("link_corrupt", rate=0.1, crc="off") == LinkFault(1, "corrupt", [3], 0.1, rng_seed=7, checked=False)
    assert wire("link_rate", frames=0.5) == LinkFault(1, "rate", [3], rng_seed=7, per_interval=0.5, places=4)
    assert wire("partition").kind == "loss" and wire("partition").rate == 1.0


def test_two_partitions_at_once_have_no_meaning() -> None:
    board = begun(Ward(), "partition", [1])
    with pytest.raises(BadInput, match="partition: fault 1 is one already"):
        board.inject("partition", "some", [2], faults.check("partition", {}, None), 11.0, None, 8)
    board.heal(1)
    board.inject("partition", "some", [2], faults.check("partition", {}, None), 11.0, None, 8)


def test_a_successor_tells_agents_of_every_link_fault_that_is_on() -> None:
    ledger = Ledger()
    board = Board(Ward(), ledger)
    for kind in ("link_loss", "crash", "hold"):
        board.inject(
            kind, "some", [1, 2], faults.check(kind, {"rate": 0.5} if kind == "link_loss" else {}, None), 0, 9, 1
        )
    board.heal(3)
    assert faults.held(ledger.records) == [LinkFault(1, "loss", [1, 2], 0.5, rng_seed=1)]


def test_a_successor_ends_what_its_predecessor_began() -> None:
    ward, ledger = Ward(), Ledger()
    board = Board(ward, ledger)
    board.inject("crash", "some", [1], {}, 0.0, 5.0, 1)
    successor = Board(ward, Ledger())
    successor.adopt(ledger.records, ledger.next_id)
    assert successor.next_end() == 5.0
    successor.heal(1)
    assert ward.on.all() and successor.next_id == 2


def test_a_fault_is_stored_before_it_begins() -> None:
    class Fragile(Ward):
        def power(self, cells: np.ndarray, on: bool) -> list[int]:
            raise RuntimeError("the coordinator dies here")

    ledger = Ledger()
    with pytest.raises(RuntimeError):
        Board(Fragile(), ledger).inject("crash", "some", [1], {}, 0.0, 5.0, 1)
    assert ledger.records[0].cells == [1] and not ledger.records[0].finished


def test_healing_what_is_not_there_names_what_is() -> None:
    with pytest.raises(BadInput, match="fault 9 is unknown, this run has: 1"):
        begun(Ward(), "crash", [1]).heal(9)


def test_the_text_form() -> None:
    words = ["link_loss", "select=half:left", "for=4", "seed=7", "rate=0.25"]
    expected = Inject(fault="link_loss", select="half:left", duration=4.0, seed=7, parameters={"rate": 0.25})
    assert faults.parse(words) == expected
    assert faults.parse(["partition", "select=all", "name=ring"]).parameters["name"] == "ring"
    assert faults.parse(["crash", "select=50%"]) == Inject(fault="crash", select="50%")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "which fault"),
        (["crash"], "which cells"),
        (["crash", "50%"], "'50%' is no name=value"),
        (["gremlins", "select=all"], "'gremlins' is unknown"),
        (["crash", "select=all", "rate=1"], "unknown parameter 'rate'"),
        (["link_loss", "select=all"], "rate is missing"),
        (["link_loss", "select=all", "rate=2"], "rate is 2, expected 0 to 1"),
        (["link_loss", "select=all", "rate=x"], "'x', expected a number"),
        (["byzantine", "select=all", "mode=adversary"], "mode is adversary, which needs rule=FOLDER"),
        (["byzantine", "select=all", "mode=adversary", "rule=nowhere"], "nowhere: no such rule"),
        (["byzantine", "select=all", "mode=adversary", "rule=7"], "7: no such rule"),
        (["byzantine", "select=all", "mode=frozen", "rule=dot"], "rule belongs to mode=adversary, this is mode=frozen"),
        (["link_delay", "select=all", "delay=1", "shape=flat"], "shape is 'flat', expected one of uniform"),
        (["crash", "select=all", "for=-3"], "cannot last -3"),
        (["clock_drift", "select=all"], "neither drift nor spread"),
        (["clock_drift", "select=all", "drift=-0.8", "spread=0.2"], "leaves the range of -0.9 to 7"),
        (["clock_jitter", "select=all", "jitter=2"], "expected 0 to 1"),
        (["clock_jump", "select=all"], "by is missing (how far, in T)"),
        (["crash", "select=all", "seed=-3"], "seed is '-3'"),
    ],
)
def test_a_wrong_text_form_names_the_word_that_is_wrong(words: list[str], says: str) -> None:
    with pytest.raises(BadInput) as error:
        faults.parse(words)
    assert says in str(error.value)


def test_an_adversary_is_stored_with_its_rule_so_that_a_successor_needs_no_folder() -> None:
    given = faults.check("byzantine", {"mode": "adversary", "rule": "lizard"}, None)
    kind = faults.KINDS["byzantine"]
    (chip, numpy) = (kind.rule_of(given, family, 0.0) for family in ("int8", "float"))
    assert chip is not None and numpy is not None and (chip.engine, numpy.engine) == ("chip", "numpy")
    record = Record(id=3, kind="byzantine", selector="all", parameters=given, start=0.0, duration=None, rng_seed=1,
                    cells=[4], rule=chip)  # fmt: skip
    kept = msgspec.json.decode(msgspec.json.encode(record), type=Record)
    assert kept == record and faults.held([kept])[0].rule == chip
    assert "rule" not in faults.check("byzantine", {}, None) and kind.rule_of({"mode": "stale"}, "int8", 0.0) is None
