"""An episode with two rules: honest cells run the victim's, traitors the adversary's, and the gradient is his alone.

Asynchrony as in the swarm, in small steps: who fires hears what its neighbours last said, and only who fires may die.
Plain torch and autograd, on the chip's own numbers (states rounded and clamped, straight through). Draws nothing.
Imports torch, firmware_sim and trainer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA, OFFSETS, Limits
from firmware_sim.loss import FLOOR
from firmware_sim.rule import Rule
from trainer.cells import SOBEL_X, SOBEL_Y, Tensor, back
from trainer.episode import LOSS_SCALE, Floats, Gradients, Mask
from trainer.model import limited


@dataclass(frozen=True, slots=True)
class Betrayal:
    """B grids [B, H, W, C], which cells are traitors [B, H, W], who fires [T, B, H, W], the victim's target."""

    states: Floats
    traitors: Mask
    fire: Mask
    target: Floats  # [H, W, 4]


@dataclass(frozen=True, slots=True)
class Harm:
    """States after the last step, the loss over the honest cells of each sample [B] (not yet log10), and the gradients
    of minus the mean of their logarithms: whoever descends them does harm."""

    states: Floats
    losses: Floats
    gradients: Gradients | None


class _Weights:
    """A rule as tensors; `learning`: with a gradient."""

    def __init__(self, rule: Rule, *, learning: bool = False) -> None:
        self.tensors = [torch.from_numpy(np.array(w)).requires_grad_(learning) for w in _parts(rule)]
        self.limits = rule.limits

    def __call__(self, perceived: Tensor) -> Tensor:
        w1, b1, w2, b2 = self.tensors
        hidden = F.relu(torch.addmm(b1, perceived, w1))
        if self.limits.hidden_max is not None:
            hidden = hidden.clamp(max=self.limits.hidden_max)
        return torch.addmm(b2, hidden, w2)


def run(victim: Rule, adversary: Rule, given: Betrayal, backward: bool = True) -> Harm:
    """Let them live, and find what would have harmed more."""
    honest, traitor = _Weights(victim), _Weights(adversary, learning=backward)
    grid = F.pad(torch.from_numpy(np.array(given.states)), (0, 0, 1, 1, 1, 1))
    false = torch.from_numpy(np.array(given.traitors))
    with torch.set_grad_enabled(backward):
        for fire in torch.from_numpy(np.ascontiguousarray(given.fire)):
            grid = _step(grid, fire, false, honest, traitor, victim.limits)
        inner = grid[:, 1:-1, 1:-1]
        error = (inner[..., :4] - torch.from_numpy(np.array(given.target))).square().sum(-1) * ~false
        losses = error.sum((1, 2)) * LOSS_SCALE
        if backward:
            (-torch.log(losses + FLOOR)).mean().backward()  # type: ignore[no-untyped-call]
    gradients = None
    if backward:
        slopes: list[Floats] = [back(torch.zeros_like(w) if w.grad is None else w.grad) for w in traitor.tensors]
        gradients = Gradients(*slopes)
    return Harm(back(inner.detach()), back(losses.detach()), gradients)


def _step(grid: Tensor, fire: Tensor, false: Tensor, honest: _Weights, traitor: _Weights, limits: Limits) -> Tensor:
    """One moment: grid [B, H + 2, W + 2, C] with its border of zeros."""
    inner = grid[:, 1:-1, 1:-1]
    around = torch.stack([_seen(grid[..., ALPHA].detach(), dy, dx) for dy, dx in OFFSETS]).amax(0)  # [B, H, W]
    before = torch.maximum(around, inner[..., ALPHA].detach()) > ALIVE_THRESHOLD
    perceived = torch.cat([inner, *(_sobel(grid, terms) for terms in (SOBEL_X, SOBEL_Y))], -1)
    flat = inner.reshape(-1, inner.shape[-1])
    rows = perceived.reshape(len(flat), -1)
    gone = (fire & ~before).reshape(-1).nonzero()[:, 0]
    flat = flat.index_fill(0, gone, 0.0)
    for who, mind in ((~false, honest), (false, traitor)):
        cells = (fire & before & who).reshape(-1).nonzero()[:, 0]
        new = limited(flat[cells] + mind(rows[cells]), limits)
        alive = torch.maximum(around.reshape(-1)[cells], new[:, ALPHA].detach()) > ALIVE_THRESHOLD
        flat = flat.index_copy(0, cells, new * alive[:, None])
    return F.pad(flat.reshape(inner.shape), (0, 0, 1, 1, 1, 1))


def _seen(padded: Tensor, dy: int, dx: int) -> Tensor:
    height, width = padded.shape[1] - 2, padded.shape[2] - 2
    return padded[:, 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]


def _sobel(grid: Tensor, terms: tuple[tuple[int, int, int], ...]) -> Tensor:
    total = torch.zeros_like(grid[:, 1:-1, 1:-1])
    for dy, dx, weight in terms:
        total = total + _seen(grid, dy, dx) * (weight / 8)
    return total


def _parts(rule: Rule) -> tuple[Floats, ...]:
    return rule.w1, rule.b1, rule.w2, rule.b2
