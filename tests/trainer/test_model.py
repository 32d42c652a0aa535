"""The torch model, the float rule and the exported graph are one rule."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from firmware_sim import onnx_rule
from firmware_sim import rule as float_rule
from firmware_sim.engines import OnnxEngine
from firmware_sim.limits import Limits
from firmware_sim.rule import Rule
from trainer.model import CAModel, limited

LIMITS = [Limits(), Limits("clamp", hidden_max=2.4), Limits("round", hidden_max=2.4)]


def some_rule(limits: Limits) -> Rule:
    rng = np.random.default_rng(1)
    shapes = {"w1": (48, 64), "b1": (64,), "w2": (64, 16), "b2": (16,)}
    return Rule(**{k: rng.normal(0, 0.2, shape).astype(np.float32) for k, shape in shapes.items()}, limits=limits)


def some_grid() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    steps = np.random.default_rng(2).integers(-40, 41, (9, 11, 16))
    return (steps / 32).astype(np.float32)


@pytest.mark.parametrize("limits", LIMITS, ids=lambda x: x.limit)
def test_the_torch_model_the_float_rule_and_the_graph_give_the_same_delta(limits: Limits) -> None:
    rule, grid = some_rule(limits), some_grid()
    around = float_rule.neighbourhoods(grid).reshape(-1, 3, 3, 16)
    expected = float_rule.delta(rule, around)
    with torch.no_grad():
        ours = CAModel.from_rule(rule).delta(torch.from_numpy(grid).permute(2, 0, 1)[None])
    ours_as_rows = ours[0].permute(1, 2, 0).reshape(-1, 16).numpy()
    graph = OnnxEngine(onnx_rule.write(rule), 0.0).update(around)
    same = np.abs(ours_as_rows - expected) < 1e-5
    assert same.mean() > 0.9999  # a sum on the very edge of a rounding may fall either way
    assert (np.abs(graph - float_rule.update(rule, around)) < 1e-5).mean() > 0.9999


def test_a_synchronous_step_of_the_model_is_the_reference_step_where_everything_lives() -> None:
    rule, grid = some_rule(LIMITS[2]), some_grid()
    grid[..., 3] = 1.0
    fire = np.random.default_rng(3).random(grid.shape[:2]) < 0.5
    expected = float_rule.step(rule, grid, fire)
    with torch.no_grad():
        found = CAModel.from_rule(rule)(
            torch.from_numpy(grid).permute(2, 0, 1)[None], torch.from_numpy(fire)[None, None]
        )
    np.testing.assert_allclose(found[0].permute(1, 2, 0).numpy(), expected, atol=1e-5)


def test_an_untrained_model_changes_nothing() -> None:
    x = torch.randn(1, 16, 5, 5)
    assert torch.equal(CAModel().delta(x), torch.zeros_like(x))


@pytest.mark.parametrize("limits", LIMITS, ids=lambda x: x.limit)
def test_limit_and_rounding_are_the_one_definition(limits: Limits) -> None:
    values = np.concatenate([np.linspace(-6, 6, 2001), (np.arange(-300, 300) + 0.5) / 32]).astype(np.float32)
    np.testing.assert_array_equal(limited(torch.from_numpy(values), limits).numpy(), limits.apply(values))


def test_the_gradient_passes_a_rounding_and_stops_at_the_clamp() -> None:
    x = torch.tensor([0.01, 1.0, 5.0, -5.0], requires_grad=True)
    limited(x, Limits("round")).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None and x.grad.tolist() == [1.0, 1.0, 0.0, 0.0]
