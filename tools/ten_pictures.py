"""Ten pictures nobody had tried: `python -m tools.ten_pictures WHEELS` trains each and writes docs/ten-pictures.md.

WHEELS is a folder with the wheels that hold the photographs:
`pip download --no-deps -d WHEELS scikit-image matplotlib`.
Resumable with the same command: a training goes on from its checkpoint, what is finished is not trained again; rules
stay under runs/ten-pictures (or $TEN_RUNS). What is said of each picture on the page was seen and is written here.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from firmware_sim import folder
from firmware_sim.loss import blank_loss_log10
from firmware_sim.rule import seed
from tools.collection_page import Strip, sheet
from trainer import rollout, session
from trainer.cli import Stopper
from trainer.episode import Kernel
from trainer.fast import choose
from trainer.settings import Settings, quick
from trainer.targets import Target, resolve

ROOT = Path(__file__).parents[1]
RUNS = Path(os.environ.get("TEN_RUNS", ROOT / "runs" / "ten-pictures"))
PAGE, SHEET = ROOT / "docs" / "ten-pictures.md", ROOT / "docs" / "pictures" / "ten-pictures.png"
SIZE, STEPS = 20, 1000
GROWN_GAIN, HEALED_GAIN = 1.4, 1.2
GROW_T, HEAL_T = 100, 200


@dataclass(frozen=True, slots=True)
class Picture:
    """`given` is what `planaria train` is given: a file in a wheel, or an emoji."""

    name: str
    given: str
    origin: str
    seen: str = ""


SKIMAGE, MATPLOTLIB = "skimage/data/", "matplotlib/mpl-data/sample_data/"
PICTURES = (
    Picture(
        "astronaut",
        SKIMAGE + "astronaut.png",
        "Eileen Collins; NASA, public domain",
        "recognised at once; heals a little blurred",
    ),
    Picture(
        "cat",
        SKIMAGE + "chelsea.png",
        "Chelsea the cat; Stefan van der Walt, CC0",
        "fur and eyes are gone, the nose stays; the lower cut heals badly",
    ),
    Picture(
        "coffee",
        SKIMAGE + "coffee.png",
        "a cup seen from above; Rachel Michetti, CC0",
        "cup and rim are there, blurred",
    ),
    Picture(
        "rocket",
        SKIMAGE + "rocket.jpg",
        "a Falcon 9 at night; SpaceX, public domain",
        "the sky is right, the rocket is lost; healed, its right edge is bent",
    ),
    Picture(
        "hopper",
        MATPLOTLIB + "grace_hopper.jpg",
        "Grace Hopper; US Navy, public domain",
        "recognised; healed, the edge frays and the face blurs",
    ),
    Picture(
        "galaxies",
        SKIMAGE + "hubble_deep_field.jpg",
        "the Hubble deep field; NASA, public domain",
        "a dark rectangle: noise cannot be learned, its mean can",
    ),
    Picture(
        "eye-ground",
        SKIMAGE + "retina.jpg",
        "the inside of an eye; Häggström (Wikimedia Commons), CC0",
        "the disc heals whole; its bright spot is lost",
    ),
    Picture(
        "horse",
        SKIMAGE + "horse.png",
        "a silhouette in black and white; Andreas Preuss, CC0",
        "neck and head are good, hind legs grey; after cuts it crumbles",
    ),
    Picture("t-rex", "🦖", "Noto Color Emoji, OFL", "all but perfect; without its lower half it does not come back"),
    Picture("kite", "🪁", "Noto Color Emoji, OFL", "good, the tail too; heals"),
)


def main(arguments: list[str]) -> int:
    """Train what is missing, then write page and contact sheet from what there is."""
    names = arguments[1:]
    with Stopper() as stopper:
        for each in PICTURES:
            if (not names or each.name in names) and not _train(each, Path(arguments[0]), stopper):
                return 130
    if not names:
        write(choose(1, print))
    return 0


def _target(each: Picture, wheels: Path) -> Target:
    if not each.given.isascii():
        return resolve(each.given, SIZE)
    kept = RUNS / "pictures" / each.given.rpartition("/")[2]
    if not kept.exists():
        wheel = next(path for path in wheels.glob("*.whl") if each.given in zipfile.ZipFile(path).namelist())
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(zipfile.ZipFile(wheel).read(each.given))
    return resolve(str(kept), SIZE)


def _train(each: Picture, wheels: Path, stopper: Stopper) -> bool:
    """False when it was asked to stop."""
    out = RUNS / each.name
    if out.exists():
        return True
    target, before = _target(each, wheels), _cpu_s()
    settings = Settings(**(quick("regenerating", STEPS) | {"size": SIZE}))
    print(f"{each.name}: {'; '.join(target.notes)}", flush=True)
    done = session.run(
        target, settings, out, threads=1, say=lambda line: print(f"  {line}", flush=True),
        show=lambda now: None, stop=stopper.asked,
    )  # fmt: skip
    if done is not None:
        notes = {"cpu_s": round(_cpu_s() - before), "notes": target.notes}
        (session.training_folder(out) / "spent.json").write_text(json.dumps(notes))
        print(f"  {done.loss_log10}, {notes['cpu_s']} s", flush=True)
    return done is not None


def write(kernel: Kernel) -> None:
    """Page and contact sheet of all that are trained."""
    rows: list[tuple[str, Strip]] = []
    lines = []
    for each in PICTURES:
        if not (RUNS / each.name).exists():
            continue
        found = folder.load(RUNS / each.name)
        rule, target, rng = found.rule(), found.target(), np.random.default_rng(0)
        assert target is not None
        grown = rollout.live(kernel, rule, seed(SIZE, SIZE, rule.channels)[None], GROW_T, rng)
        hurt = grown.copy()
        hurt[:, :, SIZE // 2 :] = 0
        healed = rollout.live(kernel, rule, hurt, HEAL_T, rng)
        rows.append((each.name, [("target", target), ("grown", grown[0]), ("cut", hurt[0]), ("healed", healed[0])]))
        spent = json.loads((RUNS / f"{each.name}.training" / "spent.json").read_text())
        lines.append(_line(each, found.info.losses, blank_loss_log10(target), spent))
    sheet(rows, SHEET)
    before, _, rest = PAGE.read_text().partition("<!-- table -->\n")
    after = rest.partition("<!-- end of table -->\n")[2]
    head = "| picture | origin | gain grown | gain healed, worst cut | CPU | what came out |\n|---|---|---|---|---|---|"
    PAGE.write_text(f"{before}<!-- table -->\n{head}\n{''.join(lines)}<!-- end of table -->\n{after}")


def _line(each: Picture, losses: dict[str, float | None], blank: float, spent: dict[str, Any]) -> str:
    grown = blank - (losses["grown"] or 0)
    cuts = {name[4:]: blank - (value or 0) for name, value in losses.items() if name.startswith("cut_")}
    worst = min(cuts, key=lambda name: cuts[name])
    marks = "" if grown >= GROWN_GAIN else " (too little)", "" if cuts[worst] >= HEALED_GAIN else " (too little)"
    return (
        f"| {each.name} | {each.origin} | {grown:.2f}{marks[0]} | {cuts[worst]:.2f} {worst}{marks[1]} "
        f"| {spent['cpu_s']} s | {each.seen} |\n"
    )


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
