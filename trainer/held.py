"""The torch kernel for an episode with faults: cells act on what they hold of their neighbours.

Each update makes a new row of state, and a slot of a cell names the row it last heard on that edge, so that an old
state costs an index and the gradient flows to the very row that was read (native/held.hpp is the same in C++).
Imports torch, firmware_sim, trainer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA, OFFSETS
from firmware_sim.rule import Rule
from trainer.cells import Tensor, back, bordered, limit, on
from trainer.episode import LOSS_SCALE, Episode, Gradients, Outcome

# What each of the eight slots (NW, N, NE, W, E, SW, S, SE) adds to the gradients along x and down y, in eighths.
ALONG = (-1, 0, 1, -2, 2, -1, 0, 1)
DOWN = (-1, -2, -1, 0, 0, 1, 2, 1)


@dataclass(frozen=True, slots=True)
class _Step:
    """What the way back needs: the first row made, whose rows were read, what they became, what met no limit."""

    made: int
    own: Tensor  # [n]
    heard: Tensor  # [n, 8]
    perceived: Tensor
    hidden: Tensor
    free: Tensor | None


def run(rule: Rule, episode: Episode, backward: bool, device: torch.device) -> Outcome:
    """`Kernel.run` for an episode that has faults."""
    assert episode.faults is not None
    samples, _, width, channels = episode.states.shape
    w1, b1, w2, b2 = (on(device, w) for w in (rule.w1, rule.b1, rule.w2, rule.b2))
    exists = bordered(on(device, episode.exists))
    shape, there = exists.shape, exists.reshape(-1)
    offsets = torch.tensor([dy * (width + 2) + dx for dy, dx in OFFSETS], device=device)
    start = bordered(on(device, episode.states)).reshape(-1, channels)
    rows = torch.cat([start.new_zeros(1, channels), start * there[:, None]])  # row 0 is silence
    current = torch.where(there, torch.arange(1, len(there) + 1, device=device), 0)
    inside = bordered(torch.ones_like(exists[:, 1:-1, 1:-1])).reshape(-1).nonzero()[:, 0]
    now = torch.zeros((len(there), 8), dtype=torch.int64, device=device)
    now[inside] = current[inside[:, None] + offsets]
    planes, tape = [now], list[_Step]()
    faults = episode.faults
    for t, fire in enumerate(on(device, episode.fire)):
        late, lost, forget = (
            bordered(on(device, part[t])).reshape(-1) for part in (faults.late, faults.lost, faults.forget)
        )
        emptied = forget & there
        current[emptied] = 0
        for plane in planes:
            plane[emptied] = 0
        fired = (bordered(fire).reshape(-1) & there).nonzero()[:, 0]
        age = late[fired].long().clamp(max=t)
        heard = torch.stack(planes[::-1])[age, fired]
        around = rows[:, ALPHA][heard].amax(1)
        busy = torch.maximum(around, rows[current[fired], ALPHA]) > ALIVE_THRESHOLD
        current[fired[~busy]] = 0
        cells, heard, around = fired[busy], heard[busy], around[busy]
        own = current[cells]
        perceived = _perceive(rows, own, heard)
        hidden = torch.addmm(b1, perceived, w1).clamp_(min=0)
        if rule.limits.hidden_max is not None:
            hidden.clamp_(max=rule.limits.hidden_max)
        new, free = limit(rows[own] + torch.addmm(b2, hidden, w2), rule.limits)
        made = len(rows)
        rows = torch.cat([rows, new])
        alive = torch.maximum(around, new[:, ALPHA]) > ALIVE_THRESHOLD
        current[cells] = torch.where(alive, torch.arange(made, len(rows), device=device), 0)
        following = planes[-1].clone()
        for k in range(8):
            receivers = fired - offsets[k]
            reached = there[receivers] & ((lost[receivers] >> k & 1) == 0)
            following[receivers[reached], k] = current[fired[reached]]
        planes = [*planes, following][-(int(faults.late.max(initial=0)) + 1) :]
        if backward:
            tape.append(_Step(made, own, heard, perceived, hidden, free))
    inner = rows[current].reshape(*shape, channels)[:, 1:-1, 1:-1]
    error = inner[..., :4] - on(device, episode.target)
    losses = back((error.double().square().sum((1, 2, 3)) * LOSS_SCALE).float())
    states = back(inner.contiguous())
    if not backward:
        return Outcome(states, losses, None)
    last = rows.new_zeros(*shape, channels)
    last[:, 1:-1, 1:-1, :4] = error * (2 * LOSS_SCALE / samples)
    flow = torch.zeros_like(rows).index_add_(0, current, last.reshape(-1, channels))
    return Outcome(states, losses, _backward(rule, (w1, w2), tape, flow))


def _perceive(rows: Tensor, own: Tensor, heard: Tensor) -> Tensor:
    around = rows[heard]
    sums = [torch.einsum("nkc,k->nc", around, rows.new_tensor(weights) / 8) for weights in (ALONG, DOWN)]
    return torch.cat([rows[own], *sums], 1)


def _backward(rule: Rule, weights: tuple[Tensor, Tensor], tape: list[_Step], flow: Tensor) -> Gradients:
    """When a step is reached, all who read the rows it made have already added to their gradients."""
    w1, w2 = weights
    g1, g1b, g2, g2b = (flow.new_zeros(w.shape) for w in (rule.w1, rule.b1, rule.w2, rule.b2))
    along, down = (flow.new_tensor(weights) / 8 for weights in (ALONG, DOWN))
    ceiling = rule.limits.hidden_max
    for step in reversed(tape):
        d = flow[step.made : step.made + len(step.own)]
        if step.free is not None:
            d = d * step.free
        through = step.hidden > 0
        if ceiling is not None:
            through &= step.hidden < ceiling
        dh = (d @ w2.T) * through
        g2.addmm_(step.hidden.T, d)
        g2b += d.sum(0)
        g1.addmm_(step.perceived.T, dh)
        g1b += dh.sum(0)
        own, gx, gy = torch.split(dh @ w1.T, rule.channels, dim=1)
        flow.index_add_(0, step.own, d + own)
        around = along[:, None] * gx[:, None] + down[:, None] * gy[:, None]
        flow.index_add_(0, step.heard.reshape(-1), around.reshape(-1, rule.channels))
    return Gradients(back(g1), back(g1b), back(g2), back(g2b))
