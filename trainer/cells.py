"""What both torch kernels share: the Sobel weights, the limit, a border of zeros, the way onto a device and back.

Imports torch, numpy and firmware_sim.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from firmware_sim.limits import Limits

Tensor = torch.Tensor

SOBEL_X = ((-1, -1, -1), (-1, 1, 1), (0, -1, -2), (0, 1, 2), (1, -1, -1), (1, 1, 1))  # dy, dx, eighths
SOBEL_Y = tuple((dx, dy, weight) for dy, dx, weight in SOBEL_X)


def on(device: torch.device, array: NDArray[Any]) -> Tensor:
    """A copy of the array on the device: the kernel may write into it."""
    return torch.from_numpy(np.array(array)).to(device)


def back(tensor: Tensor) -> NDArray[Any]:
    """The same numbers as an array of its own."""
    return np.array(tensor.cpu().numpy())


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
