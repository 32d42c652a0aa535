"""The oracle: the article's model as plain PyTorch convolutions and autograd, exact and slow.

Every faster kernel is held to this one, in loss and in gradients.  It follows the notebook (one fire draw per cell,
no rescaling, both living masks), and firmware_sim.limits for limit and rounding.  Straight-through rules of the
gradient: rounding passes it on unchanged; a value that met the clamp, of state or of hidden unit, passes nothing.
One deliberate narrowing: a cell that is not alive does not fire.  In the notebook it is computed and then masked,
but its would-be alpha may still keep a neighbour alive for a step; a cell of ours that is dead says zero. Imports
torch, firmware_sim and episode.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA, OFFSETS, Limits
from firmware_sim.rule import Rule
from trainer.episode import LOSS_SCALE, Episode, Gradients, Outcome


class CAModel(torch.nn.Module):
    """Perception, two 1x1 convolutions, limit, masks; states are [B, C, H, W] as torch likes them."""

    def __init__(self, channels: int = 16, hidden: int = 128, limits: Limits | None = None) -> None:
        super().__init__()
        self.limits = limits or Limits()
        self.first = torch.nn.Conv2d(3 * channels, hidden, 1)
        self.second = torch.nn.Conv2d(hidden, channels, 1)
        torch.nn.init.zeros_(self.second.weight)  # the last layer starts at zero: an untrained rule changes nothing
        torch.nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]
        dx = torch.outer(torch.tensor([1.0, 2.0, 1.0]), torch.tensor([-1.0, 0.0, 1.0])) / 8.0
        self.register_buffer("sobel", torch.stack([dx, dx.T]).repeat_interleave(channels, 0)[:, None])

    @staticmethod
    def from_rule(rule: Rule) -> CAModel:
        model = CAModel(rule.channels, rule.hidden, rule.limits)
        with torch.no_grad():
            model.first.weight.copy_(torch.from_numpy(rule.w1.T.copy())[:, :, None, None])
            model.second.weight.copy_(torch.from_numpy(rule.w2.T.copy())[:, :, None, None])
            model.first.bias.copy_(torch.from_numpy(rule.b1.copy()))  # type: ignore[union-attr]
            model.second.bias.copy_(torch.from_numpy(rule.b2.copy()))  # type: ignore[union-attr]
        return model

    def perceive(self, x: torch.Tensor) -> torch.Tensor:
        sobel = self.get_buffer("sobel")
        gradients = F.conv2d(torch.cat([x, x], 1), sobel, padding=1, groups=2 * x.shape[1])
        return torch.cat([x, gradients], 1)

    def changed(self, x: torch.Tensor, heard: torch.Tensor) -> torch.Tensor:
        """limit(x + d) where each cell holds its own eight neighbours, [B, 8, C, H, W] in slot order; without masks."""
        kernel = self.get_buffer("sobel")[[0, -1], 0]  # along x, down y
        weights = [kernel[:, 1 + dy, 1 + dx] for dy, dx in OFFSETS]
        gradients = [torch.stack([w[i] * heard[:, k] for k, w in enumerate(weights)]).sum(0) for i in range(2)]
        hidden = F.relu(self.first(torch.cat([x, *gradients], 1)))
        if self.limits.hidden_max is not None:
            hidden = torch.where(hidden < self.limits.hidden_max, hidden, self.limits.hidden_max)
        return limited(x + self.second(hidden), self.limits)

    def delta(self, x: torch.Tensor) -> torch.Tensor:
        """limit(x + d) - x, without masks."""
        hidden = F.relu(self.first(self.perceive(x)))
        if self.limits.hidden_max is not None:
            hidden = torch.where(hidden < self.limits.hidden_max, hidden, self.limits.hidden_max)
        return limited(x + self.second(hidden), self.limits) - x

    def forward(self, x: torch.Tensor, fire: torch.Tensor) -> torch.Tensor:
        """One synchronous step; `fire` bool [B, 1, H, W], already False where no cell exists."""
        before = living(x)
        new = torch.where(fire & before, x + self.delta(x), x)
        return new * (before & living(new))


def living(x: torch.Tensor) -> torch.Tensor:
    return F.max_pool2d(x[:, ALPHA : ALPHA + 1], 3, stride=1, padding=1) > ALIVE_THRESHOLD


def limited(x: torch.Tensor, limits: Limits) -> torch.Tensor:
    """Limits.apply with the straight-through gradient."""
    if limits.limit == "identity":
        return x
    if limits.limit == "round":
        rounded = torch.round(x.detach() / limits.state_step) * limits.state_step
        x = x + (rounded - x.detach())
        x = torch.where(x.detach().abs() <= limits.state_max, x, x.detach())
    return torch.where(x > limits.state_max, limits.state_max, torch.where(x < -limits.state_max, -limits.state_max, x))


def _seen(grid: torch.Tensor, slot: int) -> torch.Tensor:
    """The neighbour in this slot of every cell of [B, C, H, W]; zeros beyond the border."""
    dy, dx = OFFSETS[slot]
    height, width = grid.shape[2:]
    return F.pad(grid, (1, 1, 1, 1))[:, :, 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]


class Oracle:
    """The model as a `Kernel`."""

    name = "oracle"

    @staticmethod
    def _steps(model: CAModel, x: torch.Tensor, exists: torch.Tensor, episode: Episode) -> torch.Tensor:
        for fire in torch.from_numpy(np.ascontiguousarray(episode.fire)):
            x = model(x, fire[:, None] & exists) * exists
        return x

    @staticmethod
    def _held(model: CAModel, x: torch.Tensor, exists: torch.Tensor, episode: Episode) -> torch.Tensor:
        """With faults: `spoken[n]` is the grid as it was said after step n - 1 (0: silence), and an edge's slot holds
        the n that was last heard on it, [B, 8, H, W]."""
        assert episode.faults is not None
        silence = torch.zeros_like(x)
        spoken, slots = [silence, x], [torch.ones((len(x), 8, *x.shape[2:]), dtype=torch.int64)]
        late, lost, forget = (
            torch.from_numpy(np.ascontiguousarray(part))
            for part in (episode.faults.late, episode.faults.lost, episode.faults.forget)
        )
        for t, fire in enumerate(torch.from_numpy(np.ascontiguousarray(episode.fire))):
            emptied = forget[t][:, None]
            x = torch.where(emptied, silence, x)
            slots = [torch.where(emptied, 0, slot) for slot in slots]
            ago = late[t].long().clamp(max=t)[:, None].expand(-1, 8, -1, -1)
            read = torch.stack(slots[::-1]).gather(0, ago[None])[0]
            heard = torch.stack(
                [
                    torch.stack([_seen(said, k) for said in spoken]).gather(
                        0, read[None, :, k : k + 1].expand(-1, -1, x.shape[1], -1, -1)
                    )[0]
                    for k in range(8)
                ],
                dim=1,
            )
            loudest = heard[:, :, ALPHA].amax(1, keepdim=True)
            before = torch.maximum(loudest, x[:, ALPHA : ALPHA + 1]) > ALIVE_THRESHOLD
            new = model.changed(x, heard)
            after = torch.maximum(loudest, new[:, ALPHA : ALPHA + 1]) > ALIVE_THRESHOLD
            awake = fire[:, None] & exists
            x = torch.where(awake, new * (before & after), x)
            spoken.append(x)
            arrives = [_seen(awake, k)[:, 0] & (lost[t] >> k & 1 == 0) & exists[:, 0] for k in range(8)]
            slots.append(torch.where(torch.stack(arrives, 1), t + 2, slots[-1]))
        return x

    def run(self, rule: Rule, episode: Episode, backward: bool = True) -> Outcome:
        model = CAModel.from_rule(rule)
        exists = torch.from_numpy(np.ascontiguousarray(episode.exists))[:, None]
        x = torch.from_numpy(episode.states.copy()).permute(0, 3, 1, 2) * exists
        target = torch.from_numpy(episode.target.copy()).permute(0, 3, 1, 2)
        with torch.set_grad_enabled(backward):
            x = (
                self._steps(model, x, exists, episode)
                if episode.faults is None
                else self._held(model, x, exists, episode)
            )
            losses = ((x[:, :4] - target) ** 2).sum((1, 2, 3)) * LOSS_SCALE
            if backward:
                losses.mean().backward()  # type: ignore[no-untyped-call]
        states = x.detach().permute(0, 2, 3, 1).contiguous().numpy()
        if not backward:
            return Outcome(states, losses.detach().numpy(), None)
        w1, b1, w2, b2 = (
            p.grad.detach().numpy()  # type: ignore[union-attr]
            for p in (model.first.weight, model.first.bias, model.second.weight, model.second.bias)
        )
        gradients = Gradients(w1[:, :, 0, 0].T.copy(), b1.copy(), w2[:, :, 0, 0].T.copy(), b2.copy())
        return Outcome(states, losses.detach().numpy(), gradients)
