"""`planaria rules` and `planaria import`: which rules there are, and how to get more. Thin over firmware_sim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from coordinator.cli.options import json_option, show_json
from firmware_sim.folder import RuleFolder

CUT = "cut_"


def _facts(rule: RuleFolder) -> dict[str, Any]:
    from firmware_sim.fits import obstacles
    from firmware_sim.ledger import ledger

    target, genome = rule.target(), rule.genome()
    budget = ledger(genome or rule.rule())
    why = obstacles(budget, has_genome=genome is not None)
    return {
        "name": rule.name,
        "regime": rule.info.regime,
        "target": None if target is None else f"{target.shape[0]}x{target.shape[1]}",
        "channels": rule.info.channels,
        "hidden": rule.info.hidden,
        "genome_bytes": len(rule.files.get("genome.bin", b"")) or None,
        "losses": rule.info.losses,
        "scores": rule.info.scores,
        "fate": rule.info.fate or None,
        "budget": budget.to_dict(),
        "fits": [board for board, reason in why.items() if not reason],
        "does_not_fit": {board: reason for board, reason in why.items() if reason},
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

    Losses are log10, grown from one seed (48 T for growing rules, 100 T for others), and after the cut that heals
    worst. The budget of a cell: ROM for the genome, RAM of core (AVR/32 bit) and mailbox, multiply-adds an update.
    """
    from firmware_sim import folder

    found = [_facts(folder.load(name)) for name in folder.builtin_names()]
    if as_json:
        show_json({"rules": found})
        return 0
    rows = [_row(facts) for facts in found]
    head = ("rule", "regime", "picture", "grown", "worst cut", "ROM", "core RAM", "mailbox", "MACs", "fits")
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _row(facts: dict[str, Any]) -> tuple[str, ...]:
    budget, losses, scores = facts["budget"], facts["losses"], facts["scores"]
    grown = scores.get("async_48T" if facts["regime"] == "growing" else "async_100T", losses.get("grown"))
    worst = _worst_cut(scores) or _worst_cut(losses) or (f"({facts['fate']})" if facts["fate"] else "-")
    boards = ", ".join(facts["fits"]) or f"no chip: {next(iter(facts['does_not_fit'].values()))}"
    if facts["fits"] and not facts["does_not_fit"]:
        boards = f"all {len(facts['fits'])} boards"
    return (
        facts["name"],
        facts["regime"],
        facts["target"] or "none",
        "-" if grown is None else f"{grown:.2f}",
        worst,
        f"{budget['rom_genome']:,}",
        f"{budget['core_ram_avr']}/{budget['core_ram_32bit']}",
        str(budget["mailbox_ram"]),
        f"{budget['multiply_adds']:,}",
        boards,
    )


def _worst_cut(losses: dict[str, float | None]) -> str:
    """`-4.03 right`, from names such as cut_right or cut_right_100T."""
    cuts = [(value, name.removeprefix(CUT).partition("_")[0]) for name, value in losses.items()
            if name.startswith(CUT) and value is not None]  # fmt: skip
    return "{:.2f} {}".format(*max(cuts)) if cuts else ""


@click.command("import", short_help="Read one of the article's published models.")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the rule; must not exist.")
@click.option(
    "--target",
    type=click.Path(path_type=Path),
    default=None,
    help="The picture it grows, for the loss, or the article's strip of ten.",
)
@json_option
def import_(model: Path, out: Path, target: Path | None, as_json: bool) -> int:
    """Turn a published 8-bit model (JSON) into a rule folder: float ONNX and int8 genome.

    \b
    planaria import ex3_lizard.json --out lizard3 --target targets_10x40.png
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
