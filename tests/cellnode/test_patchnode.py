"""Patches as processes: many cells each, driven by messages to their agent alone, as single cells are."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from routerclient import RouterClient, alive, gone, payload, router_client, seed_state

from cellnode.messages import Freeze, LinkFault, SetFaults, SetInterval, SetPause
from cellnode.panel import Counter, Phase
from cellnode.payload import rule_payload
from firmware_sim import folder
from firmware_sim.limits import Limits
from firmware_sim.rule import Rule

pytestmark = pytest.mark.system
H, W = 8, 10
CELLS = list(range(H * W))
DROPS = [counter for counter in Counter if counter.name.startswith("DROP_")]


def first_patch() -> list[int]:
    return [row * W + column for row in range(4) for column in range(4)]


@pytest.fixture
def swarm() -> Iterator[RouterClient]:
    """8x10 in six patches of 4x4 or less, float, launched and linked, nothing seeded."""
    with router_client() as client:
        client.start_agent()
        client.place(H, W, patch=(4, 4))
        client.until_linked()
        yield client


def test_one_seed_fills_a_grid_of_patches_and_every_cell_has_its_page(swarm: RouterClient) -> None:
    pages = swarm.pages()
    assert len(set(pages["pid"].tolist())) == 6 and pages["cell"].tolist() == CELLS
    assert len({int(pages["pid"][cell]) for cell in first_patch()}) == 1
    assert Path(f"/proc/{pages['pid'][0]}/comm").read_text() == "patch-0\n"
    swarm.seed(45)
    swarm.until_grown()
    swarm.until(lambda: bool((swarm.counter(Counter.SAID) > 5).all()), 20, "everybody to have spoken")
    assert sum(int(swarm.counter(counter).sum()) for counter in DROPS) == 0
    assert (swarm.counter(Counter.HEARD) > 0).all()
    beat = swarm.beat
    assert beat is not None and (beat.wanted, beat.born, beat.dead) == (H * W, H * W, 0)


def test_a_cell_loses_power_within_its_patch_and_comes_back_empty_with_its_next_life(swarm: RouterClient) -> None:
    swarm.seed(45)
    swarm.until_grown()
    pids, lives = swarm.pids(), swarm.pages()["life"]
    swarm.power([5, 6, 44], on=False)
    assert swarm.phases()[[5, 6, 44]].tolist() == [Phase.OFF] * 3
    assert (swarm.alphas()[[5, 6, 44]] == 0).all() and swarm.pids()[5] == 0
    assert alive(pids[5]), "its patch goes on"
    swarm.power([5, 6, 44], on=True)
    swarm.until_linked()
    swarm.until_grown()
    assert swarm.pids() == pids
    assert (swarm.pages()["life"] - lives)[[4, 5, 6, 44]].tolist() == [0, 1, 1, 1]


def test_a_patch_none_of_whose_cells_has_power_has_no_process(swarm: RouterClient) -> None:
    before = swarm.pids()
    swarm.power(first_patch(), on=False)
    assert gone([before[0]]) and swarm.pids()[0] == 0
    assert not list((swarm.runtime / "c").glob("0-*")), "its sockets are gone, too"
    assert alive(before[5])
    swarm.power([0, 1], on=True)
    assert swarm.pids()[0] not in (0, before[0]) and swarm.pids()[2] == 0
    swarm.power(CELLS, on=True)
    swarm.until_linked()


def test_a_patch_that_is_killed_takes_its_cells_with_it_and_all_are_born_again(swarm: RouterClient) -> None:
    swarm.seed(45)
    swarm.until_grown()
    victim = swarm.pids()[0]
    os.kill(victim, signal.SIGKILL)
    swarm.until(lambda: swarm.pids()[0] not in (0, victim), 20, "its successor")
    swarm.until_linked()
    swarm.until_grown(20)
    lives = swarm.pages()["life"]
    assert lives[first_patch()].tolist() == [2] * 16 and lives.sum() == H * W + 16


def test_frozen_cells_stand_still_and_the_others_of_their_patch_go_on(swarm: RouterClient) -> None:
    swarm.seed(45)
    swarm.until_grown()
    swarm.order(SetFaults(swarm.next_id(), [LinkFault(1, "loss", CELLS, rate=0.1)]))
    swarm.order(Freeze(swarm.next_id(), [5, 6], True))
    before = swarm.counter(Counter.SAID)
    swarm.until(lambda: bool((np.delete(swarm.counter(Counter.SAID) - before, [5, 6]) > 2).all()), 20, "the others")
    assert (swarm.counter(Counter.SAID) == before)[[5, 6]].all()
    assert swarm.counter(Counter.STILL)[[4, 5, 6]].tolist() == [0, 1, 1]
    assert not swarm.poke("erase", [5], ok=False).ok, "who stands still misses what is done to him"
    swarm.order(Freeze(swarm.next_id(), [5, 6], False))
    swarm.until(lambda: bool((swarm.counter(Counter.SAID) > before)[[5, 6]].all()), 20, "them to go on")


def test_erasing_pausing_link_faults_and_another_interval_reach_every_cell(swarm: RouterClient) -> None:
    swarm.seed(45)
    swarm.until_grown()
    swarm.order(SetFaults(swarm.next_id(), [LinkFault(1, "loss", CELLS, rate=1.0)]))
    swarm.until(lambda: bool((swarm.counter(Counter.FAULT_LOST) > 0).all()), 20, "the fault to hit every cell")
    swarm.order(SetFaults(swarm.next_id(), []))
    swarm.poke("erase", [0, 39])
    assert swarm.counter(Counter.ERASED)[[0, 1, 39]].tolist() == [1, 0, 1]
    swarm.until_grown()
    swarm.order(SetPause(swarm.next_id(), True))
    before = swarm.counter(Counter.SAID)
    swarm.hear(500)
    assert (swarm.counter(Counter.SAID) == before).all()
    swarm.order(SetInterval(swarm.next_id(), 20_000_000))
    swarm.order(SetPause(swarm.next_id(), False))
    swarm.until(lambda: bool((swarm.counter(Counter.SAID) > before).all()), 20, "all to go on")


def test_patches_of_an_int8_rule_are_computed_in_c_and_stop_leaves_nothing() -> None:
    with router_client() as client:
        client.start_agent()
        rule = rule_payload(folder.load("dot"), "chip")
        client.place(H, W, patch=(8, 5), rule=rule, torus=True)
        client.until_linked()
        client.poke("seed", [45], np.array([0] * 3 + [32] * 13, np.int8).tobytes())

        def alive_ones() -> int:
            pages = client.pages()
            copies = pages["copies"][np.arange(len(pages)), pages["flip"]]
            states = np.frombuffer(copies["state"].tobytes(), np.int8).reshape(len(pages), 64)
            return int((states[:, 3] > 3).sum())

        client.until(lambda: alive_ones() > 12, 20, "a dot")
        pids = client.pids()
        assert client.stop() == 0
        assert gone(pids) and not client.runtime.exists()


def test_what_a_patch_cannot_do_and_what_no_cell_can_be_are_refused_in_one_line(swarm: RouterClient) -> None:
    assert "for processes of one cell" in swarm.poke("unmap", [3], ok=False).error
    assert swarm.poke("seed", [3], seed_state()[:8], ok=False).error.startswith("seed state is 8 bytes")


def test_a_rule_of_24_channels_grows_in_patches_and_shows_its_first_16() -> None:
    w1, w2 = np.zeros((72, 4), np.float32), np.zeros((4, 24), np.float32)
    w2[0, 3] = w2[0, 23] = 0.25
    b1 = np.array([1, 0, 0, 0], np.float32)
    wide = Rule(w1, b1, w2, np.zeros(24, np.float32), Limits("clamp", state_max=1.0))
    with router_client() as client:
        client.start_agent()
        client.place(H, W, patch=(4, 4), rule=payload(wide))
        seed = np.zeros(24, np.float32)
        seed[3:] = 1
        client.poke("seed", [45], seed.tobytes())
        client.until_grown()
        assert sum(int(client.counter(counter).sum()) for counter in DROPS) == 0
