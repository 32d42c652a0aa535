"""Many grids at once make the article's synchronous step, in float as `rule.step` and in int8 as single chips would."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firmware_sim import chip, folder, rule
from firmware_sim.limits import ALPHA
from firmware_sim.synchronous import ChipProposer, FloatProposer, Grids


def seeded(height: int, width: int, count: int) -> np.ndarray:
    return np.repeat(rule.seed(height, width)[None], count, axis=0)


@pytest.mark.parametrize("bias", [0.0, 0.3])
def test_float_grids_equal_the_reference_step(bias: float) -> None:
    """Also for a rule that would rise out of nothing: what happens amid nothing alive counts alike."""
    dot = folder.load("dot").rule()
    lifted = replace(dot, b2=dot.b2 + np.float32(bias) * (np.arange(dot.channels) == ALPHA))
    rng = np.random.default_rng(1)
    grids, plain = Grids(seeded(13, 11, 3), FloatProposer(lifted)), list(seeded(13, 11, 3))
    for _ in range(25):
        fire = rng.random((3, 13, 11)) < 0.5
        grids.step(fire)
        plain = [rule.step(lifted, grid, each) for grid, each in zip(plain, fire, strict=True)]
        np.testing.assert_allclose(grids.grids, plain, atol=2e-5)
    assert grids.grids.any()


def test_an_orphan_beside_a_cut_is_emptied_as_in_the_reference() -> None:
    dot = folder.load("dot").rule()
    rng = np.random.default_rng(2)
    grid = (rng.normal(0, 0.2, (9, 9, 16))).astype(np.float32)
    grids = Grids(grid[None], FloatProposer(dot))
    fire = rng.random((9, 9)) < 0.5
    grids.step(fire[None])
    np.testing.assert_allclose(grids.grids[0], rule.step(dot, grid, fire), atol=2e-5)


def test_what_is_planted_between_steps_lives_however_far_away() -> None:
    dot = folder.load("dot").rule()
    rng = np.random.default_rng(4)
    grids, plain = Grids(seeded(9, 40, 1), FloatProposer(dot)), seeded(9, 40, 1)[0]
    for at in range(40):
        if at == 10:
            grids.grids[0, 0, 39, 3:] = plain[0, 39, 3:] = 1
        if at == 30:
            grids.grids[0, :, :30] = plain[:, :30] = 0
        fire = rng.random((9, 40)) < 0.5
        grids.step(fire[None])
        plain = rule.step(dot, plain, fire)
        np.testing.assert_allclose(grids.grids[0], plain, atol=2e-5)
    assert plain[:, 30:].any() and not plain[:, :20].any()


def test_int8_grids_equal_a_step_computed_cell_by_cell() -> None:
    genome = folder.load("dot").genome()
    assert genome is not None
    rng, batch = np.random.default_rng(3), chip.Batch(genome)
    states = (seeded(10, 9, 2) * 32).astype(np.int8)
    grids = Grids(states, ChipProposer(genome))
    for _ in range(20):
        fire = rng.random((2, 10, 9)) < 0.5
        wanted = np.stack([one_step(batch, genome.alive, *pair) for pair in zip(states, fire, strict=True)])
        grids.step(fire)
        assert np.array_equal(grids.grids, wanted)
        states = wanted
    assert states.any()


def one_step(batch: chip.Batch, alive: int, grid: np.ndarray, fire: np.ndarray) -> np.ndarray:
    around = np.ascontiguousarray(rule.neighbourhoods(grid)).reshape(-1, 3, 3, 16)
    new = np.where(fire[..., None], batch.proposed(around).reshape(grid.shape), grid)
    masks = [rule.neighbourhoods(each[..., ALPHA:4]).max(axis=(2, 3, 4)) > alive for each in (grid, new)]
    return np.where((masks[0] & masks[1])[..., None], new, 0).astype(np.int8)


def test_a_copy_goes_its_own_way() -> None:
    grids = Grids(seeded(8, 8, 1), FloatProposer(folder.load("dot").rule()))
    twin = grids.copy()
    twin.grids[:] = 0
    assert grids.grids.any() and not twin.grids.any()
