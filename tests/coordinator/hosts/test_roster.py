"""Who carries which block: hosts are lost, come back with their cells or without, and epochs only rise."""

from __future__ import annotations

from cellnode.patchlayout import grid
from coordinator.hosts.roster import Roster, Seen, Tenure


class Book:
    """Hands out epochs and keeps what is stored."""

    def __init__(self) -> None:
        self.epoch = 0
        self.kept: list[Tenure] = []
        self.roster = Roster(self._next, self._keep)
        self.hosts = {"a": Seen("a1", 4, False), "b": Seen("b1", 4, False)}
        self.roster.begin({"a": [0, 1], "b": [2, 3]}, self.hosts)

    def _next(self) -> int:
        self.epoch += 1
        return self.epoch

    def _keep(self, tenures: list[Tenure]) -> None:
        self.kept = tenures

    def carriers(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for tenure in self.roster.tenures.values():
            found[tenure.host] = sorted(found.get(tenure.host, []) + tenure.cells)
        return found


def test_each_block_has_an_epoch_of_its_own_and_is_stored() -> None:
    book = Book()
    assert [(tenure.epoch, tenure.host, tenure.cells) for tenure in book.kept] == [(1, "a", [0, 1]), (2, "b", [2, 3])]


def test_a_silent_host_s_block_goes_to_one_with_room_under_a_higher_epoch() -> None:
    book = Book()
    changes = book.roster.look(book.hosts | {"a": Seen("a1", 4, True)})
    assert [tenure.epoch for tenure, _ in changes.ended] == [1]
    assert [(tenure.epoch, tenure.host, tenure.cells) for tenure in changes.begun] == [(3, "b", [0, 1])]
    assert book.roster.of("a") == [], "its old epoch is revoked when it returns"
    assert book.kept == list(book.roster.tenures.values())


def test_without_room_elsewhere_a_silent_host_keeps_its_block_and_returns_with_it() -> None:
    book = Book()
    small = {"b": Seen("b1", 3, False)}
    assert book.roster.look({"a": Seen("a1", 4, True)} | small).ended == []
    changes = book.roster.look({"a": Seen("a1", 4, False)} | small)
    assert (changes.ended, changes.begun) == ([], [])
    assert book.roster.of("a") == [1]


def test_a_host_that_was_started_anew_gets_its_block_again_under_a_higher_epoch() -> None:
    book = Book()
    changes = book.roster.look({"a": Seen("a2", 4, False), "b": Seen("b1", 2, False)})
    assert [(tenure.epoch, tenure.host) for tenure in changes.begun] == [(3, "a")]


def test_an_agent_that_died_by_itself_is_replaced() -> None:
    book = Book()
    changes = book.roster.look(book.hosts | {"a": Seen("a1", 2, False, frozenset({1}))})
    assert [why for _, why in changes.ended] == ["its agent on a has died"]
    assert [tenure.cells for tenure in changes.begun] == [[0, 1]]


def test_a_block_is_divided_where_no_single_host_has_room() -> None:
    book = Book()
    hosts = {"a": Seen("a1", 4, True), "b": Seen("b1", 3, False), "c": Seen("c1", 1, False)}
    begun = book.roster.look(hosts).begun
    assert sorted(cell for tenure in begun for cell in tenure.cells) == [0, 1]
    assert sorted(tenure.host for tenure in begun) == ["b", "c"]
    assert len({tenure.epoch for tenure in begun} | {2}) == 3


def test_what_nobody_has_room_for_waits_until_somebody_has() -> None:
    book = Book()
    lost = {"a": Seen("a2", 0, False), "b": Seen("b1", 2, False)}
    book.roster.look(lost)
    assert book.roster.homeless == 2
    changes = book.roster.look(lost | {"c": Seen("c1", 2, False)})
    assert [(tenure.host, tenure.cells) for tenure in changes.begun] == [("c", [0, 1])]
    assert book.roster.homeless == 0


def test_a_new_coordinator_goes_on_with_what_was_stored() -> None:
    book = Book()
    other = Roster(book._next, book._keep)
    other.adopt(book.kept[:1], 4)
    assert other.homeless == 2, "cells that nobody carried"
    changes = other.look(book.hosts)
    assert [(tenure.epoch, tenure.cells) for tenure in changes.begun] == [(3, [2, 3])]


def test_a_lost_host_s_patches_are_divided_among_the_others_each_of_them_whole() -> None:
    epochs = iter(range(1, 100))
    roster = Roster(lambda: next(epochs), lambda _tenures: None, grid(4, 6, False, (2, 2)))
    top = [cell for cell in range(24) if cell // 6 < 2]  # three patches
    hosts = {"a": Seen("a1", 12, False), "b": Seen("b1", 19, False), "c": Seen("c1", 11, False)}
    roster.begin({"a": top, "b": [cell for cell in range(24) if cell // 6 >= 2]}, hosts)
    begun = roster.look(hosts | {"a": Seen("a1", 12, True)}).begun
    assert {tenure.host: tenure.cells for tenure in begun} == {"c": [0, 1, 2, 3, 6, 7, 8, 9], "b": [4, 5, 10, 11]}


def test_patches_that_fit_nowhere_wait_though_there_is_room_for_as_many_cells() -> None:
    epochs = iter(range(1, 100))
    roster = Roster(lambda: next(epochs), lambda _tenures: None, grid(2, 4, False, (2, 2)))
    roster.begin({"a": list(range(8))}, {"a": Seen("a1", 8, False)})
    lost = {"a": Seen("a2", 0, False), "b": Seen("b1", 7, False), "c": Seen("c1", 3, False)}
    assert roster.look(lost).begun == [] and roster.homeless == 8
    begun = roster.look(lost | {"c": Seen("c1", 4, False)}).begun
    assert sorted(tenure.host for tenure in begun) == ["b", "c"] and roster.homeless == 0
