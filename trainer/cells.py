"""What both torch kernels share: the Sobel weights, the limit, a border of zeros.  Imports torch and firmware_sim."""

from __future__ import annotations

import torch

from firmware_sim.limits import Limits

Tensor = torch.Tensor

SOBEL_X = ((-1, -1, -1), (-1, 1, 1), (0, -1, -2), (0, 1, 2), (1, -1, -1), (1, 1, 1))  # dy, dx, eighths
SOBEL_Y = tuple((dx, dy, weight) for dy, dx, weight in SOBEL_X)


def limit(value: Tensor, limits: Limits) -> tuple[Tensor, Tensor | None]:
    """The limited states and where they met no clamp (None: no clamp at all)."""
    if limits.limit == "identity":
        return value, None
    if limits.limit == "round":
        value = torch.round(value / limits.state_step) * limits.state_step
    return value.clamp(-limits.state_max, limits.state_max), value.abs() <= limits.state_max


def bordered(inner: Tensor) -> Tensor:
    """[B, H, W, ...] with a border of one cell of zeros around H and W."""
    out = inner.new_zeros((inner.shape[0], inner.shape[1] + 2, inner.shape[2] + 2, *inner.shape[3:]))
    out[:, 1:-1, 1:-1] = inner
    return out
