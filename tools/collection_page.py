"""What the collection looks like: the table of all judged rules, and one picture of every shipped rule.

Reads docs/training-logs/collection and firmware_sim/rules; trains nothing. Used by tools/collection.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from firmware_sim import folder
from firmware_sim.cuts import CUTS, cut_masks
from firmware_sim.loss import loss_log10
from firmware_sim.rule import Rule, rgb_on_white, seed
from tools.collection_gates import STAGED, Kept, good, over_seeds
from trainer import rollout
from trainer.episode import Floats, Kernel
from trainer.fate import fate
from trainer.targets import EMOJI

BEGIN, END = "<!-- collection -->", "<!-- end of collection -->"
TILE, GAP, HEAD, COLOURS = 84, 4, 18, 128  # px; a palette keeps the picture small
INK = (90, 94, 100)

Strip = list[tuple[str, Floats]]  # caption, states


def write_table(logs: Path) -> None:
    """Put the table of everything judged between its marks in the README beside the logs."""
    page = logs.parent / "README.md"
    before, rest = page.read_text().split(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{table(logs)}{END}{rest.split(END)[1]}")


def table(logs: Path) -> str:
    """Markdown: how many motifs heal over all their seeds, and a line for each judged training."""
    judged = {
        path.name.removesuffix(".judged.json"): json.loads(path.read_text()) for path in logs.glob("*.judged.json")
    }
    judged = dict(sorted(judged.items(), key=lambda item: (item[1]["rule"], item[1]["rng_seed"], item[1]["longer"])))
    lines = [
        "| rule | training | steps | CPU s | empty | 48 T | 100 T | twin | worst cut, 200 T | 2,000 steps | good |",
        "|" + "---|" * 11,
    ]
    rows = [_line(key, kept) for key, kept in judged.items()]
    return "\n".join([_over_seeds([*judged.values()]), _in_the_end([*judged.values()]), "", *lines, *rows]) + "\n"


def _over_seeds(judged: list[Kept]) -> str:
    """A sentence: which motifs meet the gates by the median over the seeds there are."""
    motifs: dict[str, list[Kept]] = {}
    for kept in judged:
        if kept["regime"] == "regenerating" and kept["rule"] in EMOJI and kept["longer"] == STAGED:
            motifs.setdefault(kept["rule"], []).append(kept)
    met = [name for name, each in motifs.items() if good(over_seeds(each), name)]
    counts = sorted({len(each) for each in motifs.values()}) or [0]
    seeds = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    names = f": {', '.join(met)}" if met else ""
    return f"Regenerating, median over the seeds judged so far ({seeds}): {len(met)} of {len(motifs)} are good{names}."


def _in_the_end(judged: list[Kept]) -> str:
    """A sentence: which motifs heal after all rounds of training."""
    healing = [kept for kept in judged if kept["regime"] == "regenerating" and kept["rule"] in EMOJI]
    met = sorted({kept["rule"] for kept in healing if kept["good"]})
    return f"After further rounds {len(met)} of {len({kept['rule'] for kept in healing})} are: {', '.join(met)}."


def _line(key: str, kept: Kept) -> str:
    row, spent = kept["int8"], kept["spent"] or {}
    cuts = {name: row[f"cut_{name}_200T"] for name in CUTS if f"cut_{name}_200T" in row}
    worst = max(cuts, key=lambda name: cuts[name]) if cuts else ""
    healed = f"{cuts[worst]:.2f} ({worst})" if cuts else ""
    twin = kept["float_twin_48T" if kept["regime"] == "growing" else "float_twin_100T"]
    steps = f"{kept['steps']:,}{' more' if kept['longer'] not in (0, STAGED) else ''}"
    return (
        f"| {kept['rule']} | {key} | {steps} | {spent.get('cpu_s', '')} | {kept['blank']:.2f} | "
        f"{row['async_48T']:.2f} | {row['async_100T']:.2f} | {twin:.2f} | {healed} | {kept['fate_2000_steps']} | "
        f"{'yes' if kept['good'] else 'no'} |"
    )


def contact_sheet(kernel: Kernel, out: Path) -> None:
    """A row for each rule with a picture: its target, grown from a seed, and what its regime promises or does not."""
    shown: dict[str, Callable[[Kernel, Rule, Floats], Strip]]
    shown = {"growing": _to_its_end, "persistent": _kept, "regenerating": _hurt}
    rows = []
    for name in folder.builtin_names():
        found = folder.load(name)
        target = found.target()
        if target is not None and found.info.regime in shown:
            rows.append((name, [("target", target), *shown[found.info.regime](kernel, found.rule(), target)]))
    sheet(rows, out)


def _hurt(kernel: Kernel, rule: Rule, target: Floats) -> Strip:
    rng = np.random.default_rng(0)
    grown = _grown(kernel, rule, target, 100, rng)
    cut = np.repeat(grown[None], len(CUTS), axis=0)
    cut[cut_masks(grown.shape[0], grown.shape[1], len(target))] = 0
    healed = rollout.live(kernel, rule, cut, 200, rng)
    worst = int(np.argmax([loss_log10(grid, target) for grid in healed]))
    return [("100 T", grown), (f"{CUTS[worst]} cut", cut[worst]), ("+200 T", healed[worst])]


def _kept(kernel: Kernel, rule: Rule, target: Floats) -> Strip:
    rng = np.random.default_rng(0)
    grown = _grown(kernel, rule, target, 100, rng)
    return [("100 T", grown), ("400 T", rollout.live(kernel, rule, grown[None], 300, rng)[0])]


def _to_its_end(kernel: Kernel, rule: Rule, target: Floats) -> Strip:
    rng = np.random.default_rng(0)
    grown = _grown(kernel, rule, target, 48, rng)
    become = fate(kernel, rule, target, rng)
    return [("48 T", grown), (become.kind, become.states[-1])]


def _grown(kernel: Kernel, rule: Rule, target: Floats, intervals: float, rng: np.random.Generator) -> Floats:
    side = max(8, len(target))
    grown: Floats = rollout.live(kernel, rule, seed(side, side, rule.channels)[None], intervals, rng)[0]
    return grown


def sheet(rows: list[tuple[str, Strip]], out: Path) -> None:
    """Rows of captioned grids, the short ones two beside each other."""
    longest = max(len(strip) for _, strip in rows)
    width, height = longest * (TILE + GAP), TILE + HEAD + HEAD
    across = 2 if len(rows) > 8 else 1
    page = Image.new("RGB", (across * (width + TILE // 2), -(-len(rows) // across) * height), "white")
    pen = ImageDraw.Draw(page)
    for i, (name, strip) in enumerate(rows):
        left, top = i % across * (width + TILE // 2), i // across * height
        pen.text((left + 2, top + 2), name, fill="black")
        for column, (caption, states) in enumerate(strip):
            at = left + column * (TILE + GAP)
            page.paste(_tile(states), (at, top + HEAD))
            pen.text((at + 2, top + HEAD + TILE + 1), caption, fill=INK)
    out.parent.mkdir(parents=True, exist_ok=True)
    page.quantize(COLOURS).save(out, optimize=True)


def _tile(states: Floats) -> Image.Image:
    pixels = np.where(np.isfinite(states[..., :4]), states[..., :4], 0.5).astype(np.float32)
    image = Image.fromarray(np.rint(rgb_on_white(pixels) * 255).astype(np.uint8))
    scale = max(1, TILE // max(image.size))
    image = image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
    tile = Image.new("RGB", (TILE, TILE), (246, 246, 245))
    tile.paste(image, ((TILE - image.width) // 2, (TILE - image.height) // 2))
    return tile
