"""A patch's clockwork in injected time: what a tick says and hears, when the next one is due, what a pause leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from toys import TAG, Fading, T, Toy, state

from cellnode import panel
from cellnode.frame import Frame, decode, encode
from cellnode.panel import Counter, Phase
from cellnode.patchheart import TICK_MIN_NS, PatchHeart
from cellnode.patchlayout import grid, layout
from cellnode.patchpages import PatchPages
from cellnode.realm import Realm
from firmware_sim import folder
from firmware_sim.engines import Engine, make_engine

LONG = 40 * TICK_MIN_NS  # an interval of so many of the shortest ticks: a tick is two of them


class Bench:
    """The middle patch of a 6x6 grid in patches of 2x2, with everything around it in a test's hands."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        panel.create(folder / "panel", 36, 1, 16)
        it = layout(grid(6, 6, False, (2, 2)), 4)
        pages = PatchPages(folder / "panel", it.cells, it.cells, 1)
        realm = Realm(it, engine, TAG, 1, 3, LONG, 0, pages.show_said)
        realm.side.show_on(pages.addresses)
        self.said: list[tuple[tuple[int, ...], bytes]] = []
        self.inbox: list[bytes] = []
        self.cpu_ns = 0
        self.heart = PatchHeart(realm, pages, self._say, self._drain, lambda: self.cpu_ns)
        realm.power(np.ones(4, np.int64))
        pages.show_birth(range(4), realm.lives)
        self.meet(True)
        self.folder, self.realm = folder, realm

    def meet(self, on: bool) -> None:
        around = len(self.heart.realm.layout.around)
        self.heart.realm.meet(np.ones(around, np.int64), np.full(around, on))

    def _say(self, peers: Sequence[int], frame: bytes) -> None:
        self.said.append((tuple(peers), frame))

    def _drain(self) -> list[bytes]:
        found, self.inbox = self.inbox, []
        return found

    def pages(self) -> np.ndarray:
        mapping, header, pages = panel.map_all(self.folder / "panel", writable=False)
        copy = pages.copy()
        del header, pages
        mapping.close()
        return copy


@pytest.fixture(params=["C", "arrays"])
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    yield Bench(tmp_path, make_engine("chip", folder.load("dot")) if request.param == "C" else Toy("int8"))


def test_each_cell_is_said_to_the_patches_beside_it_and_to_no_others(bench: Bench) -> None:
    for now_ns in range(0, 2 * LONG, LONG // 20):
        bench.heart.tick(now_ns)
    heard = {frame.cell: peers for peers, data in bench.said if isinstance(frame := decode(data, TAG), Frame)}
    assert heard == {14: (0, 1, 3), 15: (1, 2, 5), 20: (3, 6, 7), 21: (5, 7, 8)}


def test_a_page_shows_what_its_cell_said_and_what_it_had_heard(bench: Bench) -> None:
    bench.realm.seed([0], state(50, 20))
    bench.inbox = [encode(Frame(0, TAG, 7, 1, 1, 9, 1, state(60, 5)))]
    bench.heart.tick(1)
    for now_ns in range(LONG // 20, 3 * LONG, LONG // 20):
        bench.heart.tick(now_ns)
    last = {frame.cell: frame for _, data in bench.said if isinstance(frame := decode(data, TAG), Frame)}
    pages = bench.pages()
    for place, cell in enumerate(bench.realm.layout.cells.tolist()):
        page = pages[cell]
        copy = page["copies"][page["flip"]]
        assert copy["begin"] == copy["end"] == copy["sequence"] == last[cell].sequence
        assert bytes(copy["state"].tobytes())[:16] == last[cell].values == bench.realm.states()[place].tobytes()
        assert page["say_times"][last[cell].sequence % panel.RING] == copy["said_at_ns"] == copy["used_at_ns"] > 0
        assert page["counters"][Counter.SAID] == last[cell].sequence
    assert pages[14]["copies"][pages[14]["flip"]]["used_sequence"][0] == 9, "cell 7 lies north-west of cell 14"
    assert pages[14]["copies"][pages[14]["flip"]]["used_life"][[0, 4]].tolist() == [1, 1]
    strangers = np.delete(np.arange(36), bench.realm.layout.cells)
    assert not pages[strangers]["counters"].any(), "nobody else's page is touched"


def test_a_tick_is_due_twenty_times_an_interval_while_something_happens(bench: Bench) -> None:
    due_ns = bench.heart.tick(5)
    assert due_ns is not None and due_ns >= 5 + LONG // 20


def test_a_patch_that_sleeps_waits_for_a_word_alone(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Fading("int8"))
    bench.meet(False)
    due_ns: int | None = 0
    for now_ns in range(0, 60 * LONG, LONG // 4):
        due_ns = bench.heart.tick(now_ns)
    assert due_ns is None
    bench.inbox = [encode(Frame(0, TAG, 7, 1, 1, 1, 1, state(60)))]
    assert bench.heart.tick(60 * LONG) is not None


def test_nobody_is_late_for_having_been_paused(bench: Bench) -> None:
    bench.heart.tick(LONG)
    bench.heart.stand(1000 * LONG)
    bench.heart.tick(1001 * LONG + LONG // 2)
    counters = bench.realm.counters()
    assert counters[:, Counter.MISSED_WAKES].sum() == 0
    assert counters[:, Counter.SAID].max() > 0
    shown_ns = bench.pages()["say_times"][bench.realm.layout.cells].max(axis=1)
    assert shown_ns.max() > 1000 * LONG, "what is shown is of real time"


def test_linked_is_a_cell_that_has_heard_every_neighbour_that_is_on(bench: Bench) -> None:
    for now_ns in range(0, 2 * LONG, LONG // 20):
        bench.heart.tick(now_ns)
    assert (bench.pages()["phase"][bench.realm.layout.cells] == Phase.WIRED).all()
    around = bench.realm.layout.around.tolist()
    bench.inbox = [encode(Frame(0, TAG, cell, 1, 1, 1, 1, bytes(16))) for cell in around if cell != around[0]]
    bench.heart.tick(2 * LONG)
    assert (bench.pages()["phase"][[14, 15, 20, 21]]).tolist() == [Phase.WIRED, *[Phase.LINKED] * 3]


def test_what_the_process_uses_is_shared_among_its_cells(bench: Bench) -> None:
    bench.cpu_ns = 4_000_003
    bench.heart.tick(LONG)
    assert bench.realm.counters()[:, Counter.CPU_NS].tolist() == [1_000_000] * 4


def test_the_shortest_tick_is_bounded(bench: Bench) -> None:
    bench.realm.set_interval(T)
    assert bench.heart.tick_ns == TICK_MIN_NS
