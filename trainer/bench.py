"""`planaria bench train`: one training step at the article's setting by every kernel here, by plain PyTorch and by JAX.

72x72 cells, 8 samples, 80 steps, fire rate 0.5, the untouched weights of a grown rule, forward and back. The plain port
is what most people write: convolutions over every cell, autograd; the peer in JAX is jaxscan.py. They take turns in one
process and the best of the turns counts. On a crowded machine a step of seconds never has the cores to itself, one of a
tenth of a second now and then has: the ratio of processor time is the one that holds there. `python -m trainer.bench`
takes more options. Imports torch, numpy, firmware_sim, trainer.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from firmware_sim import folder, published
from firmware_sim.limits import Limits
from firmware_sim.native_build import NativeUnavailable
from firmware_sim.rule import Floats, Rule, seed
from trainer.episode import LOSS_SCALE, Episode
from trainer.fast import TorchKernel
from trainer.model import CAModel, living
from trainer.native import NativeKernel

SIDE, SAMPLES, STEPS = 72, 8, 80
TURNS_SLOW, TURNS_FAST = 2, 8  # after one turn of each to warm up
PLAIN = "plain PyTorch"
NOT_INSTALLED = "not installed"

Row = dict[str, Any]
Work = Callable[[], float]  # one training step; answers the mean loss


class Options(Protocol):
    """What `planaria bench` hands over and this benchmark reads."""

    @property
    def say(self) -> Callable[[str], None]: ...


@dataclass(frozen=True, slots=True)
class Task:
    """The rule and the episode that everybody computes."""

    rule: Rule
    episode: Episode


class PlainPort(torch.nn.Module):
    """The usual PyTorch port of the notebook."""

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self.model = CAModel.from_rule(rule)
        dx = torch.outer(torch.tensor([1.0, 2.0, 1.0]), torch.tensor([-1.0, 0.0, 1.0])) / 8.0
        own = torch.zeros(3, 3)
        own[1, 1] = 1.0
        self.kernels = torch.stack([own, dx, dx.T]).repeat(rule.channels, 1, 1)[:, None]
        # the port orders what is perceived by channel, the rule by kernel
        order = torch.arange(3 * rule.channels).reshape(3, rule.channels).T.reshape(-1)
        with torch.no_grad():
            self.model.first.weight.copy_(self.model.first.weight[:, order])

    def forward(self, x: torch.Tensor, fire: torch.Tensor) -> torch.Tensor:
        before = living(x)
        y = F.conv2d(x, self.kernels, padding=1, groups=x.shape[1])
        x = x + self.model.second(F.relu(self.model.first(y))) * fire
        return x * (before & living(x))


def plain_step(port: PlainPort, episode: Episode) -> float:
    port.zero_grad()
    x = torch.from_numpy(episode.states).permute(0, 3, 1, 2).contiguous()
    for fire in torch.from_numpy(episode.fire):
        x = port(x, fire[:, None])
    target = torch.from_numpy(episode.target).permute(0, 3, 1, 2)
    loss = ((x[:, :4] - target) ** 2).sum((1, 2, 3)).mean() * LOSS_SCALE
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach())


def task(rule: Rule, target: Floats, side: int = SIDE, samples: int = SAMPLES, steps: int = STEPS) -> Task:
    """Grown from one seed in every sample."""
    rng = np.random.default_rng(0)
    states = np.repeat(seed(side, side, rule.channels)[None], samples, axis=0)
    around = (side - len(target)) // 2
    picture = np.pad(target, ((around, side - len(target) - around),) * 2 + ((0, 0),))
    fire = rng.random((steps, samples, side, side)) < 0.5
    exists = np.ones(states.shape[:3], dtype=np.bool_)
    return Task(rule, Episode(states, exists, fire, np.repeat(picture[None], samples, axis=0)))


def contestants(given: Task, threads: int, say: Callable[[str], None]) -> dict[str, Work | None]:
    """By name; None is not there, and `say` has said why."""
    torch.set_num_threads(threads)
    port, kernel = PlainPort(given.rule), TorchKernel()
    works: dict[str, Work | None] = {
        PLAIN: lambda: plain_step(port, given.episode),
        "JAX scan": None,
        "our torch kernel": lambda: float(kernel.run(given.rule, given.episode).losses.mean()),
        "our C++ kernel": None,
    }
    if importlib.util.find_spec("jax") is None:
        say("JAX is not installed: pip install 'planaria[jax]' for its row")
    else:
        from trainer.jaxscan import step

        works["JAX scan"] = step(given.rule, given.episode)
    try:
        native = NativeKernel(threads)
        works["our C++ kernel"] = lambda: float(native.run(given.rule, given.episode).losses.mean())
    except NativeUnavailable as reason:
        say(f"no C++ kernel: {reason}")
    return works


def compare(works: dict[str, Work | None], turns_slow: int = TURNS_SLOW, turns_fast: int = TURNS_FAST) -> list[Row]:
    """Rows in the order of `works`; the two that others wrote have fewer turns, since they take seconds."""
    present = {name: work for name, work in works.items() if work is not None}
    losses = {name: work() for name, work in present.items()}
    best, least = dict.fromkeys(present, math.inf), dict.fromkeys(present, math.inf)
    for turn in range(max(turns_slow, turns_fast)):
        for name, work in present.items():
            if turn < (turns_fast if name.startswith("our") else turns_slow):
                began, used = time.perf_counter(), time.process_time()
                work()
                least[name] = min(least[name], time.process_time() - used)
                best[name] = min(best[name], time.perf_counter() - began)
    return [
        {
            "step": name,
            "seconds": round(best[name], 4) if name in best else NOT_INSTALLED,
            "times_plain": round(best[PLAIN] / best[name], 1) if name in best else None,
            "cpu_seconds": round(least[name], 4) if name in best else None,
            "times_plain_cpu": round(least[PLAIN] / least[name], 1) if name in best else None,
            "loss_log10": round(math.log10(losses[name]), 3) if name in best else None,
        }
        for name in works
    ]


def measure(options: Options) -> Iterator[Row]:
    """The benchmark behind `planaria bench train`, with the lizard that comes with the project."""
    found = folder.load("lizard")
    target = found.target()
    assert target is not None
    threads = min(2, _cores())
    options.say(
        f"{SIDE}x{SIDE}, batch {SAMPLES}, {STEPS} steps forward and back, threads: {threads}, best of the turns"
    )
    for row in compare(contestants(task(_open(found.rule()), target), threads, options.say)):
        yield row | {"threads": threads}


def _cores() -> int:
    """Those this process may use: under `taskset -c 0` one, and nobody waits for a thread that others crowd out."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _open(rule: Rule) -> Rule:
    """Without the chip's limits, which the ports do not know: so that all compute the same."""
    return replace(rule, limits=Limits())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=min(2, _cores()))
    parser.add_argument(
        "--model", help="one of the article's JSON models, whose lizard has twice the living cells of ours"
    )
    given = parser.parse_args()
    found = folder.load("lizard")
    rule = published.read_model(given.model)[0] if given.model else found.rule()
    target = found.target()
    assert target is not None
    rows = compare(contestants(task(_open(rule), target), given.threads, print))
    print(json.dumps({"threads": given.threads, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
