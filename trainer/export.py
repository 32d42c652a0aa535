"""A trained rule as a rule folder: genome, the float rule its bytes mean, ONNX, target, golden vectors, losses.

For a quantised rule the float weights are those of the genome, so both mean one rule.  Before anything is written
the ONNX graph is run under onnxruntime against the float rule.  Imports torch (for its version), firmware_sim,
trainer.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from firmware_sim import folder, golden, onnx_rule
from firmware_sim.engines import OnnxEngine
from firmware_sim.errors import RunFailed
from firmware_sim.folder import RuleFolder
from firmware_sim.genome import Genome
from firmware_sim.limits import HIDDEN_RANGE
from firmware_sim.rule import Rule
from trainer.quantise import fits_a_chip
from trainer.settings import Settings
from trainer.targets import Target


def export(
    out: Path, name: str, rule: Rule, target: Target, settings: Settings, losses: Mapping[str, float], kernel: str
) -> RuleFolder:
    """Write the folder; RunFailed when the exported graph does not compute what was trained."""
    genome = None
    if settings.quantise and fits_a_chip(rule):
        genome = Genome.quantise(rule)
        rule = genome.dequantise(rule.limits.hidden_max or HIDDEN_RANGE)
    check_onnx(rule)
    trained = settings.to_dict() | {"kernel": kernel, "torch": str(torch.__version__)}
    return folder.save(
        out,
        name=name,
        rule=rule,
        genome=genome,
        target=target.pixels,
        target_source=target.origin,
        regime=settings.regime,
        losses=losses,
        origin="trained by planaria train",
        credit=target.credit,
        trained=trained,
    )


def check_onnx(rule: Rule) -> None:
    """The graph under onnxruntime against the float rule, on the vectors the rule folder will carry."""
    wrong = golden.mismatch(OnnxEngine(onnx_rule.write(rule), 0.0), golden.make(rule, None))
    if wrong is not None:
        raise RunFailed(f"the exported ONNX graph does not compute the trained rule ({wrong}); please report this")
