"""Faults of hosts and of their network: whom they mean, what they lay, and what takes it back."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from coordinator import faults
from coordinator.faults.base import Cells, Record
from coordinator.faults.network import chosen
from firmware_sim.errors import BadInput

NAMES = ["h1", "h2", "h3", "h4"]


class Lab:
    """A target that is its own network, and remembers what was done to it."""

    def __init__(self) -> None:
        self.names, self.coordinator = NAMES, "c"
        self.off: dict[str, int] = {}
        self.expected: set[str] = set()
        self.laid: dict[int, tuple[set[tuple[str, str]], float]] = {}
        self.late: dict[str, float] = {}
        self.lost = 0

    def network(self) -> Lab:
        return self

    def carried(self, names: Iterable[str]) -> Cells:
        return np.asarray([NAMES.index(name) for name in names], np.int64)

    def expect(self, names: Iterable[str]) -> None:
        self.expected.update(names)

    def power(self, names: Iterable[str], on: bool, fault: int) -> list[str]:
        for name in names:
            if on:
                self.off.pop(name)
            else:
                self.off[name] = fault
        return list(self.off)

    def drop(self, fault: int, pairs: Iterable[tuple[str, str]], rate: float = 1.0) -> None:
        self.laid[fault] = set(pairs), rate

    def pass_again(self, fault: int) -> None:
        self.laid.pop(fault)

    def dropped(self, fault: int) -> int:
        return self.lost if fault in self.laid else 0

    def slow(self, name: str, delay_s: float) -> None:
        self.late[name] = delay_s

    def delayed(self, name: str) -> int:
        return 0


def fault(kind: str, seed: int = 5, **parameters: float | str) -> faults.Fault:
    given = faults.check(kind, parameters, None)
    return faults.restore(
        Record(
            id=7, kind=kind, selector="all", parameters=given, start=0.0, duration=None, rng_seed=seed, cells=[], hits=0
        )
    )


def test_hosts_are_meant_by_name_or_as_a_number_that_is_drawn() -> None:
    assert chosen("h3,h1,h3", NAMES, 1) == ["h1", "h3"]
    assert chosen("2", NAMES, 1) == chosen("2", NAMES, 1)
    draws = {tuple(chosen("2", NAMES, seed)) for seed in range(40)}
    assert len(draws) == 6, "every pair comes up"
    assert chosen("4", NAMES, 3) == NAMES


def test_hosts_that_are_not_there_are_refused_by_name() -> None:
    with pytest.raises(BadInput, match=r"there is no 'h9', expected names among h1, h2, h3, h4"):
        chosen("h1,h9", NAMES, 1)
    with pytest.raises(BadInput, match="hosts is 5, expected 1 to 4"):
        chosen("5", NAMES, 1)
    with pytest.raises(BadInput, match=r"fault host_off: hosts is 'h1;h2', expected names as h1,h3"):
        faults.check("host_off", {"hosts": "h1;h2"}, None)


def test_power_goes_off_is_proved_by_what_is_gone_and_comes_on_again() -> None:
    lab, one = Lab(), fault("host_off", hosts="h2,h4")
    one.apply(lab)  # type: ignore[arg-type]
    assert lab.off == {"h2": 7, "h4": 7} and lab.expected == {"h2", "h4"} and one.hits() == 2
    one.heal()
    assert lab.off == {} and one.hits() == 2


def test_a_successor_of_the_coordinator_means_the_same_drawn_hosts_when_it_heals() -> None:
    lab = Lab()
    fault("host_off", hosts="1").apply(lab)  # type: ignore[arg-type]
    assert list(lab.off) == chosen("1", NAMES, 5)
    successor = fault("host_off", hosts="1")
    successor.adopt(lab)  # type: ignore[arg-type]
    assert len(lab.off) == 1
    successor.heal()
    assert lab.off == {}


@pytest.mark.parametrize(
    ("where", "mine", "theirs"),
    [
        ("other", ["h1", "h2"], ["h3", "h4", "c"]),
        ("theirs", ["h1", "h2", "c"], ["h3", "h4"]),
        ("both", ["h1", "h2"], ["h3", "h4"]),
    ],
)
def test_a_cut_runs_between_the_chosen_and_the_others_with_the_coordinator_where_it_was_put(
    where: str, mine: list[str], theirs: list[str]
) -> None:
    out = {(sender, hearer) for sender in mine for hearer in theirs}
    back = {(hearer, sender) for sender, hearer in out}
    for way, expected in (("both", out | back), ("out", out), ("in", back)):
        lab, one = Lab(), fault("host_cut", hosts="h1,h2", way=way, coordinator=where)
        one.apply(lab)  # type: ignore[arg-type]
        assert lab.laid == {7: (expected, 1.0)}
        lab.lost = 30
        assert one.hits() == 30
        one.heal()
        assert lab.laid == {} and one.hits() == 30


def test_loss_lies_on_every_way_from_and_to_the_hosts_and_on_no_other() -> None:
    lab = Lab()
    fault("host_loss", hosts="h3", rate=0.25).apply(lab)  # type: ignore[arg-type]
    pairs, rate = lab.laid[7]
    assert rate == 0.25 and pairs == {(a, b) for x in ("h1", "h2", "h4", "c") for a, b in ((x, "h3"), ("h3", x))}


def test_a_slow_line_is_given_in_milliseconds_and_taken_back() -> None:
    lab, one = Lab(), fault("host_delay", hosts="h1,h3", delay=50)
    one.apply(lab)  # type: ignore[arg-type]
    assert lab.late == {"h1": 0.05, "h3": 0.05}
    one.heal()
    assert lab.late == {"h1": 0.0, "h3": 0.0}
