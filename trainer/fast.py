"""The kernel without a compiler, and the choice of kernel.

Computes only the cells that live AND fire: they are gathered into one matrix product, and the way back is written by
hand over a tape of what each step perceived (8 to 10 times the plain port, measured by bench.py). It runs on any device
of torch; weights and optimiser stay where they are. `choose` prefers a graphics card, then the C++ kernel, and says in
one line when it cannot have that. Imports torch, firmware_sim and its neighbours.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812

from firmware_sim.errors import BadInput
from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA
from firmware_sim.native_build import NativeUnavailable
from firmware_sim.rule import Rule
from trainer import held
from trainer.cells import SOBEL_X, SOBEL_Y, Tensor, back, bordered, limit, on
from trainer.episode import LOSS_SCALE, Episode, Gradients, Kernel, Outcome
from trainer.native import NativeKernel


def choose(threads: int, say: Callable[[str], None], device: str = "cpu") -> Kernel:
    """The kernel for a `device` of torch; `auto` is the graphics card if torch has one, `cpu` the C++ kernel or torch.
    BadInput when there is no such device."""
    torch.set_num_threads(threads)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device != "cpu":
        say(f"training in torch on {device}")
        return TorchKernel(_device(device))
    try:
        return NativeKernel(threads)
    except NativeUnavailable as reason:
        say(f"training in plain torch, a fifth as fast: {reason}")
        return TorchKernel()


def _device(name: str) -> torch.device:
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # or cuBLAS sums in another order each time
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        why = str(error).partition("\n")[0]
        raise BadInput(f"torch cannot compute on device {name!r} here ({why}); leave --device out") from error
    torch.use_deterministic_algorithms(True)  # the same seed must give the same rule there, too
    return device


@dataclass(frozen=True, slots=True)
class _Step:
    """What the way back needs of a step: who was updated, what they perceived, what met no limit, who lived on."""

    cells: Tensor
    perceived: Tensor
    hidden: Tensor
    free: Tensor | None
    alive: Tensor


class TorchKernel:
    """All grids side by side in one flat array with a border of zeros; an index is a cell."""

    def __init__(self, device: torch.device | None = None) -> None:
        self.device = device or torch.device("cpu")
        self.name = "torch" if self.device.type == "cpu" else f"torch on {self.device.type}"

    @torch.no_grad()
    def run(self, rule: Rule, episode: Episode, backward: bool = True) -> Outcome:
        if episode.faults is not None:
            return held.run(rule, episode, backward, self.device)
        samples, _, width, channels = episode.states.shape
        w1, b1, w2, b2 = (on(self.device, w) for w in (rule.w1, rule.b1, rule.w2, rule.b2))
        exists = bordered(on(self.device, episode.exists))
        grid = bordered(on(self.device, episode.states)).reshape(-1, channels)
        grid *= exists.reshape(-1, 1)
        shape, wide = exists.shape, width + 2
        tape: list[_Step] = []
        before = _living(grid, shape)
        for fire in on(self.device, episode.fire):
            cells = (before & exists & bordered(fire)).reshape(-1).nonzero()[:, 0]
            perceived = _perceive(grid, cells, wide)
            hidden = torch.addmm(b1, perceived, w1).clamp_(min=0)
            if rule.limits.hidden_max is not None:
                hidden.clamp_(max=rule.limits.hidden_max)
            new, free = limit(grid[cells] + torch.addmm(b2, hidden, w2), rule.limits)
            grid[cells] = new
            after = _living(grid, shape)
            alive = (before & after & exists).reshape(-1, 1)
            grid *= alive
            before = after  # what was zeroed had alpha <= 0.1 and kept nobody alive
            if backward:
                tape.append(_Step(cells, perceived, hidden, free, alive))
        inner = grid.reshape(*shape, channels)[:, 1:-1, 1:-1]
        error = inner[..., :4] - on(self.device, episode.target)
        losses = back((error.double().square().sum((1, 2, 3)) * LOSS_SCALE).float())
        states = back(inner.contiguous())
        if not backward:
            return Outcome(states, losses, None)
        flow = torch.zeros_like(grid).reshape(*shape, channels)
        flow[:, 1:-1, 1:-1, :4] = error * (2 * LOSS_SCALE / samples)
        return Outcome(states, losses, _backward(rule, (w1, w2), tape, flow.reshape(-1, channels), wide))


def _backward(rule: Rule, weights: tuple[Tensor, Tensor], tape: list[_Step], flow: Tensor, wide: int) -> Gradients:
    w1, w2 = weights
    channels = rule.channels
    g1, g1b = torch.zeros_like(w1), w1.new_zeros(rule.hidden)
    g2, g2b = torch.zeros_like(w2), w2.new_zeros(channels)
    ceiling = rule.limits.hidden_max
    for step in reversed(tape):
        flow *= step.alive
        d = flow[step.cells]
        if step.free is not None:
            d *= step.free
            flow[step.cells] = d
        through = step.hidden > 0
        if ceiling is not None:
            through &= step.hidden < ceiling
        dh = (d @ w2.T) * through
        g2.addmm_(step.hidden.T, d)
        g2b += d.sum(0)
        g1.addmm_(step.perceived.T, dh)
        g1b += dh.sum(0)
        own, gx, gy = torch.split(dh @ w1.T, channels, dim=1)
        flow.index_add_(0, step.cells, own)
        for terms, gradient in ((SOBEL_X, gx), (SOBEL_Y, gy)):
            for dy, dx, weight in terms:
                flow.index_add_(0, step.cells + dy * wide + dx, gradient, alpha=weight / 8)
    return Gradients(back(g1), back(g1b), back(g2), back(g2b))


def _perceive(grid: Tensor, cells: Tensor, wide: int) -> Tensor:
    parts = [grid[cells]]
    for terms in (SOBEL_X, SOBEL_Y):
        gradient = torch.zeros_like(parts[0])
        for dy, dx, weight in terms:
            gradient.add_(grid[cells + dy * wide + dx], alpha=weight / 8)
        parts.append(gradient)
    return torch.cat(parts, dim=1)


def _living(grid: Tensor, shape: torch.Size) -> Tensor:
    alpha = grid[:, ALPHA].reshape(shape)[:, None]
    return F.max_pool2d(alpha, 3, stride=1, padding=1)[:, 0] > ALIVE_THRESHOLD
