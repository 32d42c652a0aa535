"""How fast training is: `python -m trainer.bench` times one training step at the article's setting for every kernel
here.

72x72 cells, 8 samples, 80 steps, fire rate 0.5, the untouched weights of a grown rule, forward and back. The plain port
is what most people write: convolutions over every cell, autograd. All in one process, so that the ratios hold on a busy
machine too. Imports torch, numpy, firmware_sim, trainer.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from firmware_sim import folder, published
from firmware_sim.native_build import NativeUnavailable
from firmware_sim.rule import Rule, seed
from trainer.episode import Episode, Kernel
from trainer.fast import TorchKernel
from trainer.model import CAModel, living
from trainer.native import NativeKernel

SIDE, SAMPLES, STEPS = 72, 8, 80


class PlainPort(torch.nn.Module):
    """The usual PyTorch port of the notebook."""

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self.model = CAModel.from_rule(rule)
        dx = torch.outer(torch.tensor([1.0, 2.0, 1.0]), torch.tensor([-1.0, 0.0, 1.0])) / 8.0
        own = torch.zeros(3, 3)
        own[1, 1] = 1.0
        self.kernels = torch.stack([own, dx, dx.T]).repeat(rule.channels, 1, 1)[:, None]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        before = living(x)
        y = F.conv2d(x, self.kernels, padding=1, groups=x.shape[1])
        change = self.model.second(F.relu(self.model.first(y)))
        x = x + change * (torch.rand(x[:, :1].shape) < 0.5)
        return x * (before & living(x))


def plain_step(port: PlainPort, episode: Episode) -> None:
    x = torch.from_numpy(episode.states).permute(0, 3, 1, 2).contiguous()
    for _ in range(STEPS):
        x = port(x)
    target = torch.from_numpy(episode.target).permute(0, 3, 1, 2)
    torch.mean((x[:, :4] - target) ** 2).backward()  # type: ignore[no-untyped-call]


def seconds(work: Callable[[], object], repeats: int) -> float:
    """The best of `repeats`, after one to warm up."""
    work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument(
        "--model", help="one of the article's JSON models, whose lizard has twice the living cells of ours"
    )
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    found = folder.load("lizard")
    rule = published.read_model(given.model)[0] if given.model else found.rule()
    target, rng = found.target(), np.random.default_rng(0)
    assert target is not None
    states = np.repeat(seed(SIDE, SIDE)[None], SAMPLES, axis=0)
    around = (SIDE - len(target)) // 2
    picture = np.pad(target, ((around, around), (around, around), (0, 0)))
    fire = rng.random((STEPS, SAMPLES, SIDE, SIDE)) < 0.5
    exists = np.ones(states.shape[:3], dtype=np.bool_)
    episode = Episode(states, exists, fire, np.repeat(picture[None], SAMPLES, axis=0))
    kernels: list[Kernel] = [TorchKernel()]
    try:
        kernels.append(NativeKernel(given.threads))
    except NativeUnavailable as reason:
        print(f"no native kernel: {reason}")
    port = PlainPort(rule)
    plain = seconds(lambda: plain_step(port, episode), 2)
    table = {"plain port": round(plain, 3)}
    for kernel in kernels:
        table[kernel.name] = round(seconds(lambda kernel=kernel: kernel.run(rule, episode), 5), 4)  # type: ignore[misc]
    ratios = {name: round(plain / value, 1) for name, value in table.items()}
    print(json.dumps({"threads": given.threads, "seconds": table, "times the plain port": ratios}, indent=1))


if __name__ == "__main__":
    main()
