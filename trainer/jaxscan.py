"""The peer in JAX: the article's step under `lax.scan`, differentiated and compiled whole, on states [B, H, W, C].

Written as one would write it for speed on a processor: perception as shifted sums (XLA's grouped convolutions are slow
there), both layers as matrix products, all steps in one compiled program. Only `planaria bench train` uses it. Imports
jax, numpy, firmware_sim, trainer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA
from firmware_sim.rule import Rule
from trainer.cells import SOBEL_X, SOBEL_Y
from trainer.episode import LOSS_SCALE, Episode

Array = Any


def _perceived(x: Array) -> Array:
    height, width = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    parts = [x]
    for terms in (SOBEL_X, SOBEL_Y):
        shifted = [padded[:, 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width] * (w / 8) for dy, dx, w in terms]
        parts.append(sum(shifted[1:], shifted[0]))
    return jnp.concatenate(parts, axis=-1)


def _living(x: Array) -> Array:
    loudest = lax.reduce_window(x[..., ALPHA], -jnp.inf, lax.max, (1, 3, 3), (1, 1, 1), "SAME")
    return (loudest > ALIVE_THRESHOLD)[..., None]


def value_and_gradients(rule: Rule, episode: Episode) -> Callable[[], tuple[Array, Array]]:
    """A call computes the mean loss and its gradients (w1, b1, w2, b2) anew."""

    def loss(weights: Array, x: Array, fires: Array, target: Array) -> Array:
        w1, b1, w2, b2 = weights

        def one(x: Array, fire: Array) -> tuple[Array, None]:
            before = _living(x)
            x = x + (jax.nn.relu(_perceived(x) @ w1 + b1) @ w2 + b2) * fire[..., None]
            return x * (before & _living(x)), None

        x, _ = lax.scan(one, x, fires)
        return ((x[..., :4] - target) ** 2).sum((1, 2, 3)).mean() * LOSS_SCALE

    compiled: Callable[..., tuple[Array, Array]] = jax.jit(jax.value_and_grad(loss))
    wait: Callable[[Any], tuple[Array, Array]] = jax.block_until_ready
    weights = tuple(jnp.asarray(w) for w in (rule.w1, rule.b1, rule.w2, rule.b2))
    given = [jnp.asarray(a) for a in (episode.states, episode.fire, episode.target)]

    def run() -> tuple[Array, Array]:
        return wait(compiled(weights, *given))

    return run


def step(rule: Rule, episode: Episode) -> Callable[[], float]:
    """One training step as bench.py times it."""
    run = value_and_gradients(rule, episode)
    return lambda: float(run()[0])
