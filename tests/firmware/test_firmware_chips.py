"""Chosen cells of a swarm run as machine code on chips: who, that nothing else changes, and that it is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from firmware_inputs import ordinary_genome
from needs import needs
from samples import int8_samples

from cellnode import celltable
from cellnode.harm import Harm, encode
from cellnode.messages import OtherEngine, Placement
from cellnode.panel import Counter
from cellnode.payload import rule_payload
from cellnode.virtual import VirtualSwarm
from coordinator import Swarm, chips
from coordinator.capacity import CELL_MIB
from coordinator.cli.main import invoke
from firmware_sim import chip, folder
from firmware_sim.engines import CHIPS, ENGINE_NAMES, FAMILIES, make_engine
from firmware_sim.errors import BadInput

SEED = np.array([0, 0, 0, *[32] * 13], np.int8).tobytes()


def chosen(*words: str, engine: str = "chip", awake: np.ndarray | None = None) -> dict[str, list[int]]:
    return chips.choose(chips.parse(words), engine, 10, 10, False, 7, awake)


# ---- who


def test_counts_are_drawn_among_the_cells_that_will_be_awake() -> None:
    awake = np.zeros(100, np.bool_)
    awake[40:60] = True
    found = chosen("avr=1", "cortex-m0=8", "rv32imc=8", awake=awake)
    cells = [cell for members in found.values() for cell in members]
    assert [len(members) for members in found.values()] == [1, 8, 8] and next(iter(found)) == "atmega328p"
    assert len(set(cells)) == 17 and awake[cells].all()
    assert found == chosen("avr=1", "cortex-m0=8", "rv32imc=8", awake=awake), "the same again for the same seed"
    assert len(chosen("50", awake=awake)["cortex-m0"]) == 50, "where those do not suffice, among all"


def test_regions_are_selectors_and_no_cell_is_given_twice() -> None:
    found = chosen("rv32ec=cell:5,5", "cortex-m0=circle:5,5,1")
    assert found == {"rv32ec": [55], "cortex-m0": [45, 54, 56, 65]}


@pytest.mark.parametrize(
    ("words", "engine", "says"),
    [
        (["z80=3"], "chip", "'z80' is unknown"),
        (["0"], "chip", "expected 1 or more"),
        (["circle:1"], "chip", "expected row,column,radius"),
        (["200"], "chip", "only 100 are there"),
        (["all", "avr=cell:1,1"], "chip", "no cell is left"),
        (["8"], "numpy", "engine numpy in float"),
    ],
)
def test_what_cannot_be_meant_is_one_line(words: list[str], engine: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        chosen(*words, engine=engine)


def test_a_mixed_family_is_exit_code_2(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["run", "dot", "--engine", "numpy", "--chips", "8", "--out", str(tmp_path / "o")]
    assert invoke(words) == 2
    assert "use --engine chip" in capfd.readouterr().err and not (tmp_path / "o").exists()


def test_an_agent_refuses_what_does_not_belong_together() -> None:
    dot = folder.load("dot")
    rule, floats = rule_payload(dot, "chip"), rule_payload(dot, "numpy")

    def placed(*others: OtherEngine) -> Placement:
        return Placement("r", 1, 2, 2, False, [0, 1, 2, 3], rule, 1, 1, 1000, list(others))

    celltable.check(placed(OtherEngine([1], rule)))
    for bad, says in (
        ([OtherEngine([1], floats)], "cannot live among"),
        ([OtherEngine([1], rule), OtherEngine([1], rule)], "given already"),
        ([OtherEngine([9], rule)], "does not have"),
    ):
        with pytest.raises(BadInput, match=says):
            celltable.check(placed(*bad))


def test_every_kind_of_chip_is_an_engine_whose_memory_is_known() -> None:
    for name in CHIPS.values():
        assert name in ENGINE_NAMES and FAMILIES[name] == "int8" and name in CELL_MIB


# ---- nothing else changes


@needs("cortex-m0")
@needs("rv32imc")
@needs("atmega328p")
@pytest.mark.parametrize("oracle", [False, True])
def test_a_mixed_swarm_is_an_all_native_swarm_to_the_bit(oracle: bool) -> None:
    genome = folder.load("dot").genome()
    assert genome is not None
    cells = {"unicorn": [35, 44, 46, 55], "rv32imc": [34, 36, 54], "rv32ec": [56], "avr": [45]}
    grids = []
    for mixed in (False, True):
        others = [(members, make_engine(name, genome)) for name, members in cells.items()] if mixed else []
        swarm = VirtualSwarm(9, 10, False, make_engine("native", genome), 1, 5, oracle=oracle, others=others)
        swarm.poke("seed", [45], SEED)
        swarm.run_until(10.0)
        grids.append((swarm.states(), swarm.counters()))
    assert np.array_equal(grids[0][0], grids[1][0]) and np.array_equal(grids[0][1], grids[1][1])
    assert (grids[0][0][..., 3] > 3).sum() > 20


@needs("cortex-m0")
def test_a_run_tells_which_cells_ran_on_which_chip(tmp_path: Path) -> None:
    wish = {"cortex-m0": 3, "rv32ec": "cell:4,4"}
    with Swarm.start("dot", (10, 10), substrate="virtual", seed=3, chips=wish, out=tmp_path / "run") as swarm:
        swarm.wait(8)
    found = swarm.measure().to_dict()["chips"]
    assert [len(found[kind]["cells"]) for kind in wish] == [3, 1] and all(
        kind["updates"] > 3 for kind in found.values()
    )
    written = json.loads((tmp_path / "run" / "run.json").read_text())["chips"]
    assert written == {kind: found[kind]["cells"] for kind in wish} and written["rv32ec"] == [44]


@pytest.mark.parametrize("name", [pytest.param(n, marks=needs(n)) for n in ("rv32imc", "rv32ec")])
def test_the_risc_v_engines_are_the_chip_to_the_bit(name: str) -> None:
    genome = ordinary_genome(4)
    cells = int8_samples(2, 300 if name == "rv32imc" else 60)
    assert np.array_equal(make_engine(name, genome).update(cells), chip.update(genome, cells))


# ---- the flash is what is computed from


@needs("atmega328p")
def test_one_flipped_genome_byte_in_the_flash_changes_what_the_avr_says() -> None:
    from firmware_sim.boards.engine import AvrEngine

    genome = ordinary_genome(1)
    engine = AvrEngine(genome)
    cells = int8_samples(2, 1)
    assert np.array_equal(engine.update(cells), chip.update(genome, cells))
    avr = engine.line.avr
    first, size = avr.flash_span
    at = first + size - 40  # in the second layer's weights, or next to them: heard in every output
    avr.write_flash(at, bytes([avr.read_flash(at, 1)[0] ^ 0x40]))
    assert not np.array_equal(engine.update(cells), chip.update(genome, cells))
    avr.write_flash(at, bytes([avr.read_flash(at, 1)[0] ^ 0x40]))
    assert np.array_equal(engine.update(cells), chip.update(genome, cells))


@needs("atmega328p")
def test_a_board_that_began_anew_unnoticed_is_placed_again() -> None:
    from firmware_sim.boards.engine import AvrEngine

    genome = ordinary_genome(1)
    engine = AvrEngine(genome)
    cells = int8_samples(2, 2)
    first = engine.update(cells[:1])
    engine.line.avr.reset()
    after = cells[1:].copy()
    after[0, 1, 1] = first[0]
    assert np.array_equal(engine.update(after), chip.update(genome, after)) and engine.board.lives == 2


# ---- chips that are harmed, in virtual time


ORDERS: tuple[tuple[str, list[int], dict[str, float]], ...] = (
    ("bit_flip", [33, 44], {"count": 2}),
    ("genome_flip", [44, 46, 54, 66], {"count": 60}),
    ("line_noise", [45], {"lose": 0.001, "flip": 0.002, "insert": 0.001}),
    ("stuck_bit", [45], {"at": 5, "bit": 4, "value": 1}),
    ("ram_flip", [45], {"count": 4}),
    ("brown_out", [45], {"decay": 8}),
)


@needs("cortex-m0")
@needs("rv32imc")
@needs("atmega328p")
def test_hardware_faults_in_virtual_time_are_the_same_for_arrays_and_cells_and_harm_no_other_chip() -> None:
    rule = folder.load("dot")
    genome = rule.genome()
    assert genome is not None
    on = {"unicorn": [44, 43], "rv32imc": [46, 47], "avr": [45]}
    worlds = []
    for oracle in (True, False):
        others = [(members, make_engine(name, genome)) for name, members in on.items()]
        payload = rule_payload(rule, "native")
        it = VirtualSwarm(9, 10, False, make_engine("native", genome), 1, 5, oracle=oracle, others=others, rule=payload)
        it.poke("seed", [45], SEED)
        it.run_until(8)
        before = it.states().copy()
        for number, (kind, cells, given) in enumerate(ORDERS, 1):
            it.poke("harm", cells, encode(Harm(number, kind, given, 7)))
        it.run_until(11)
        harmed = it.counters()[:, Counter.HARMED]
        assert set(np.flatnonzero(harmed)) == {33, 44, 45, 46, 54, 66}, "counted at the victims and nowhere else"
        assert harmed[[33, 44, 46]].tolist() == [2, 62, 60] and harmed[45] > 5, "noise and the stuck bit, too"
        assert not np.array_equal(before, it.states())
        right = chip.update(genome, int8_samples(1, 1))
        assert all(np.array_equal(engine.update(int8_samples(1, 1)), right) for _, engine in others), (
            "shared: not harmed"
        )
        it.power([44, 45], False)
        it.poke("harm", [46, 54, 66], encode(Harm(2, "genome_flip", {"count": 60}, 7, heal=True)))
        it.power([44, 45], True)
        counted = it.counters()[:, Counter.HARMED].copy()
        it.run_until(14)
        assert np.array_equal(counted, it.counters()[:, Counter.HARMED]), "reborn or healed: whole chips again"
        worlds.append(it)
    assert worlds[0].states().tobytes() == worlds[1].states().tobytes()
    assert np.array_equal(worlds[0].counters(), worlds[1].counters())


@needs("atmega328p")
def test_a_chip_that_a_fault_has_silenced_is_replaced_in_virtual_time() -> None:
    rule = folder.load("dot")
    genome = rule.genome()
    assert genome is not None
    others = [([12], make_engine("avr", genome))]
    it = VirtualSwarm(
        5, 5, False, make_engine("native", genome), 1, 5, others=others, rule=rule_payload(rule, "native")
    )
    it.poke("seed", [12], SEED)
    it.poke("harm", [12], encode(Harm(1, "line_noise", {"lose": 1.0, "flip": 0.0, "insert": 0.0}, 1)))
    it.run_until(2)
    lost = it.counters()[12, Counter.HARMED]
    assert lost > 0 and not it.states().any(), "nothing came through, so nobody was told of the seed"
    it.poke("seed", [12], SEED)
    it.run_until(8)
    assert it.counters()[12, Counter.HARMED] == lost and (it.states()[..., 3] > 3).sum() > 5


@needs("atmega328p")
def test_hardware_faults_reach_chips_in_virtual_time_through_the_same_interface(tmp_path: Path) -> None:
    wish = {"avr": "cell:3,3", "cortex-m0": "cell:3,4"}
    with Swarm.start("dot", (7, 7), substrate="virtual", seed=7, chips=wish, out=tmp_path / "run") as swarm:
        swarm.wait(8)
        assert swarm.inject("brown_out", "all").cells == [24], "only one cell is a whole board"
        flipped = swarm.inject("genome_flip", "cell:3,4", count=500)
        assert flipped.cells == [25] and flipped.proof["hits"] == 500
        jumped = swarm.inject("clock_jump", "rect:0,0,0,6", by=1)
        assert len(jumped.cells) == 7 and jumped.proof["hits"] == 7
        slow = swarm.inject("clock_drift", "rect:0,6,6,6", drift=1)
        swarm.wait(3)
        swarm.heal()
        hits = {fault.kind: fault.hits for fault in swarm.faults()}
        assert hits["brown_out"] == 1 and hits["clock_drift"] >= 3 and len(slow.cells) == 7
        with pytest.raises(BadInput, match="none of these 1 cells runs on avr"):
            swarm.inject("ram_flip", "cell:0,0")
