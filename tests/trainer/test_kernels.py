"""Every kernel computes the oracle's mathematics: states, losses and gradients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from firmware_sim.errors import BadInput, RunFailed
from firmware_sim.limits import Limits
from firmware_sim.native_build import NativeUnavailable
from firmware_sim.rule import Rule, seed
from trainer.episode import Episode, Faults, Kernel
from trainer.fast import TorchKernel, choose
from trainer.model import Oracle
from trainer.native import NativeKernel

LIMITS = [Limits(), Limits("clamp", state_max=1.5, hidden_max=0.6), Limits("round", state_max=1.5, hidden_max=0.6)]
SHAPES = [(16, 128), (8, 24), (20, 50)]


def lively_rule(channels: int, hidden: int, limits: Limits) -> Rule:
    """Random weights under which a seed spreads, cells meet both clamps, and cells die."""
    rng = np.random.default_rng(channels)
    shapes = {"w1": (3 * channels, hidden), "b1": (hidden,), "w2": (hidden, channels), "b2": (channels,)}
    spread = {"w1": 0.35, "b1": 0.1, "w2": 0.25, "b2": 0.0}
    w = {name: rng.normal(0, spread[name], shape).astype(np.float32) for name, shape in shapes.items()}
    return Rule(w["w1"], w["b1"], w["w2"], w["b2"], limits)


def some_episode(channels: int, steps: int = 12) -> Episode:
    rng = np.random.default_rng(7)
    states = np.stack([seed(15, 17, channels)] * 3)
    states[1] = np.rint(rng.normal(0, 0.6, states[1].shape) * 32) / 32  # a sample that is damaged all over
    exists = np.ones((3, 15, 17), dtype=np.bool_)
    exists[2, :, :6] = False
    exists[2, 9, 9] = False  # a cell dead for ever in the middle
    target = rng.random((3, 15, 17, 4)).astype(np.float32)
    return Episode(states.astype(np.float32), exists, rng.random((steps, 3, 15, 17)) < 0.5, target)


def some_faults(episode: Episode) -> Faults:
    """Everything at once: reading up to 4 steps late, 40 % of the messages lost, 3 % of the memories in each step."""
    rng, shape = np.random.default_rng(3), episode.fire.shape
    lost = np.packbits(rng.random((*shape, 8)) < 0.4, axis=-1)[..., 0]
    return Faults(rng.integers(0, 5, shape).astype(np.uint8), lost, rng.random(shape) < 0.03)


@pytest.fixture(params=["torch", "native"])
def kernel(request: pytest.FixtureRequest) -> Kernel:
    if request.param == "torch":
        return TorchKernel()
    try:
        return NativeKernel(2)
    except NativeUnavailable as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("faulty", [False, True], ids=["", "faulty"])
@pytest.mark.parametrize("limits", LIMITS, ids=lambda x: x.limit)
@pytest.mark.parametrize(("channels", "hidden"), SHAPES)
def test_states_losses_and_gradients_are_those_of_the_oracle(
    kernel: Kernel, limits: Limits, channels: int, hidden: int, faulty: bool
) -> None:
    rule, episode = (
        lively_rule(channels, hidden, limits),
        some_episode(channels, 6 if limits.limit == "identity" else 12),
    )
    if faulty:
        episode = replace(episode, faults=some_faults(episode))
    expected, found = Oracle().run(rule, episode), kernel.run(rule, episode)
    np.testing.assert_allclose(found.states, expected.states, atol=1e-4 * np.abs(expected.states).max())
    np.testing.assert_allclose(found.losses, expected.losses, rtol=1e-4)
    assert expected.gradients is not None and found.gradients is not None
    for name in ("w1", "b1", "w2", "b2"):
        theirs, ours = getattr(expected.gradients, name), getattr(found.gradients, name)
        assert np.abs(theirs).max() > 0
        np.testing.assert_allclose(ours, theirs, atol=2e-5 * np.abs(theirs).max())


def faultless(episode: Episode, **parts: object) -> Episode:
    shape = episode.fire.shape
    nothing = Faults(np.zeros(shape, np.uint8), np.zeros(shape, np.uint8), np.zeros(shape, np.bool_))
    return replace(episode, faults=replace(nothing, **parts))  # type: ignore[arg-type]


def test_where_nothing_fails_and_all_fire_a_step_is_the_article_s(kernel: Kernel) -> None:
    """Where everything lives the swarm's masks and the article's agree."""
    episode = some_episode(16, 2)
    rng = np.random.default_rng(1)
    states = (np.rint(rng.normal(0, 0.3, episode.states.shape) * 32) / 32).astype(np.float32)
    states[..., 3] = 1.0
    episode = replace(episode, states=states, exists=np.ones_like(episode.exists), fire=np.ones_like(episode.fire))
    rule = replace(lively_rule(16, 32, LIMITS[2]), b2=np.eye(16, dtype=np.float32)[3])  # alpha stays up
    plain, held = kernel.run(rule, episode), kernel.run(rule, faultless(episode))
    np.testing.assert_allclose(held.states, plain.states, atol=1e-6)


def test_a_cell_whose_messages_are_all_lost_works_with_what_it_held_at_the_start(kernel: Kernel) -> None:
    episode = some_episode(16, 8)
    everything = np.full(episode.fire.shape, 255, np.uint8)
    deaf = kernel.run(lively_rule(16, 32, LIMITS[2]), faultless(episode, lost=everything)).states
    grown = (deaf[0] != 0).any(axis=-1)
    y, x = np.nonzero(grown)
    # The seed's eight neighbours hold its first state; nobody further out ever hears of life.
    assert len(y) > 1 and y.min() >= 6 and y.max() <= 8 and x.min() >= 7 and x.max() <= 9


def test_a_cell_that_forgets_is_empty_until_it_hears_again(kernel: Kernel) -> None:
    episode = some_episode(16, 8)
    forget = np.zeros(episode.fire.shape, np.bool_)
    forget[-1] = True
    assert (kernel.run(lively_rule(16, 32, LIMITS[2]), faultless(episode, forget=forget)).states == 0).all()


def test_a_cell_that_does_not_exist_holds_zeros_and_never_fires(kernel: Kernel) -> None:
    episode = some_episode(16)
    outcome = kernel.run(lively_rule(16, 128, LIMITS[2]), episode)
    assert (outcome.states[~episode.exists] == 0).all()
    assert (outcome.states[2] != 0).any()


def test_without_a_backward_pass_there_are_no_gradients(kernel: Kernel) -> None:
    rule, episode = lively_rule(16, 32, LIMITS[2]), some_episode(16)
    outcome = kernel.run(rule, episode, backward=False)
    assert outcome.gradients is None
    np.testing.assert_array_equal(outcome.states, kernel.run(rule, episode).states)


def test_the_thread_count_changes_no_bit_of_the_native_kernel() -> None:
    try:
        one, two = NativeKernel(1), NativeKernel(2)
    except NativeUnavailable as reason:
        pytest.skip(str(reason))
    rule, episode = lively_rule(16, 128, LIMITS[2]), some_episode(16)
    first, second = one.run(rule, episode).gradients, two.run(rule, episode).gradients
    assert first is not None and second is not None
    for name in ("w1", "b1", "w2", "b2"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_arrays_that_do_not_belong_together_are_refused_before_native_code_sees_them() -> None:
    episode = some_episode(16)
    wrong = Episode(episode.states, episode.exists[:, :-1], episode.fire, episode.target)
    try:
        kernel = NativeKernel(1)
    except NativeUnavailable as reason:
        pytest.skip(str(reason))
    with pytest.raises(RunFailed, match="belong together"):
        kernel.run(lively_rule(16, 32, LIMITS[0]), wrong)
    faults = some_faults(some_episode(16, 5))
    with pytest.raises(RunFailed, match="do not belong"):
        kernel.run(lively_rule(16, 32, LIMITS[0]), replace(episode, faults=faults))


def test_without_native_code_the_choice_is_torch_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANARIA_NATIVE", "0")
    said: list[str] = []
    assert choose(1, said.append).name == "torch"
    assert len(said) == 1 and "PLANARIA_NATIVE" in said[0]


@pytest.mark.parametrize("faulty", [False, True], ids=["", "faulty"])
def test_the_torch_kernel_makes_every_tensor_on_its_own_device(faulty: bool) -> None:
    """Whatever it made without naming its device would be made on `meta` here, where there are no numbers."""
    rule, episode = lively_rule(8, 24, Limits("round", hidden_max=0.6)), some_episode(8)
    if faulty:
        episode = replace(episode, faults=some_faults(episode))
    expected = TorchKernel().run(rule, episode)
    with torch.device("meta"):
        found = TorchKernel(torch.device("cpu")).run(rule, episode)
    np.testing.assert_array_equal(found.states, expected.states)
    assert found.gradients is not None and expected.gradients is not None
    np.testing.assert_array_equal(found.gradients.w1, expected.gradients.w1)


def test_the_device_is_chosen_and_one_that_is_not_there_is_one_line() -> None:
    said: list[str] = []
    assert choose(1, said.append, "auto").name in ("native", "torch", "torch on cuda")
    for name in ("nonsense", "cuda:99"):
        with pytest.raises(BadInput, match="leave --device out") as caught:
            choose(1, said.append, name)
        assert "\n" not in str(caught.value)
