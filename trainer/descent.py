"""How weights go down: a cosine of learning rates over the steps, one Adam step on gradients of norm 1, the log as CSV.

What every learner here shares, whatever it learns. Holds no state. Imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import torch

from trainer.episode import Gradients


def cosine(step: int, steps: int, first: float, last: float) -> float:
    """The learning rate of this step: from `first` down to `last` along half a cosine, by steps and never by clock."""
    share = min(step / max(steps, 1), 1.0)
    return last + (first - last) * 0.5 * (1 + math.cos(math.pi * share))


def adam_step(
    adam: torch.optim.Adam, parameters: Mapping[str, torch.Tensor], gradients: Gradients, rate: float
) -> None:
    """One Adam step; each variable's gradient is first divided by its norm, as in the notebook."""
    for group in adam.param_groups:
        group["lr"] = rate
    for name, parameter in parameters.items():
        gradient = torch.from_numpy(getattr(gradients, name))
        parameter.grad = gradient / (gradient.norm() + 1e-8)
    adam.step()


def csv(loss: str, history: Sequence[tuple[int, float, float]], scored: Iterable[tuple[int, float]]) -> str:
    """A line for each (step, log10 loss, learning rate), with the score of the steps that were scored."""
    scores = dict(scored)
    rows = [f"step,{loss},learning_rate,score"]
    for step, value, rate in history:
        rows.append(f"{step},{value:.4f},{rate:.3g},{f'{scores[step]:.4f}' if step in scores else ''}")
    return "\n".join(rows) + "\n"
