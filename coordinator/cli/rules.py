"""`planaria rules` and `planaria import`: which rules there are, and how to get more. Thin over firmware_sim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from coordinator.cli.options import json_option, show_json
from firmware_sim.folder import RuleFolder


def _facts(rule: RuleFolder) -> dict[str, Any]:
    target = rule.target()
    return {
        "name": rule.name,
        "regime": rule.info.regime,
        "target": None if target is None else f"{target.shape[0]}x{target.shape[1]}",
        "hidden": rule.info.hidden,
        "genome_bytes": len(rule.files.get("genome.bin", b"")) or None,
        "losses": rule.info.losses,
        "sha256": rule.sha256,
        "path": str(rule.path),
    }


@click.command(short_help="List the built-in rules.")
@json_option
def rules(as_json: bool) -> int:
    """The rules that come with Planaria; any of them can be given to `planaria run`.

    \b
    planaria rules
    planaria run lizard
    """
    from firmware_sim import folder

    found = [_facts(folder.load(name)) for name in folder.builtin_names()]
    if as_json:
        show_json({"rules": found})
        return 0
    for facts in found:
        losses = ", ".join(f"{name} {value:.2f}" for name, value in facts["losses"].items() if value is not None)
        click.echo(f"{facts['name']:12s} {facts['regime']:13s} picture {facts['target'] or 'none':8s} {losses}")
    return 0


@click.command("import", short_help="Read one of the article's published models.")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the rule; must not exist.")
@click.option("--target", type=click.Path(path_type=Path), default=None, help="The picture it grows, for the loss.")
@json_option
def import_(model: Path, out: Path, target: Path | None, as_json: bool) -> int:
    """Turn a published 8-bit model (JSON) into a rule folder: float ONNX and int8 genome.

    \b
    planaria import ex3_lizard.json --out lizard3 --target lizard.png
    planaria run lizard3
    """
    from firmware_sim import published

    rule = published.import_model(model, out, target)
    if as_json:
        show_json(_facts(rule))
    else:
        genome = f"{len(rule.files['genome.bin'])} bytes" if "genome.bin" in rule.files else "none"
        click.echo(f"{rule.path}: {rule.name}, {rule.info.regime}, {rule.info.hidden} hidden units, genome {genome}")
    return 0
