"""Eight growing rules of one picture from eight seeds, and what becomes of each in 2,000 steps, as the article shows.

`python -m tools.eight_fates [PICTURE] [SIZE]` (default: butterfly 40) trains what is missing under runs/fates and
writes docs/pictures/growing-fates.png. A growing rule learns nothing of what comes after its picture, so each seed may
lead to another end.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import torch

from firmware_sim import folder
from tools.collection_page import Strip, sheet
from trainer import session
from trainer.cli import Stopper
from trainer.fast import choose
from trainer.fate import SHOWN, fate
from trainer.settings import Settings, quick
from trainer.targets import Target, resolve

ROOT = Path(__file__).parents[1]
RUNS = Path(os.environ.get("COLLECTION_RUNS", ROOT / "runs")) / "fates"
OUT = ROOT / "docs" / "pictures" / "growing-fates.png"
SEEDS = range(1, 9)


def main(arguments: list[str]) -> int:
    given, size = arguments[0] if arguments else "butterfly", int(arguments[1]) if len(arguments) > 1 else 40
    target = resolve(given, size)
    torch.set_num_threads(1)
    kernel = choose(min(2, len(os.sched_getaffinity(0))), print)
    rows: list[tuple[str, Strip]] = []
    with Stopper() as stopper:
        for rng_seed in SEEDS:
            out = trained(target, rng_seed, stopper)
            if out is None:
                return 130
            become = fate(kernel, folder.load(out).rule(), target.pixels, np.random.default_rng(rng_seed))
            print(f"seed {rng_seed}: {become.kind}, gains {become.gains}", flush=True)
            captions = [f"{at:,} steps" for at in SHOWN]
            rows.append((f"seed {rng_seed}: {become.kind}", list(zip(captions, become.states, strict=True))))
    sheet(rows, OUT)
    return 0


def trained(target: Target, rng_seed: int, stopper: Stopper) -> Path | None:
    """The growing rule of that seed, trained unless it is there; None when asked to stop."""
    out = RUNS / f"{target.name}-{rng_seed}"
    if out.exists():
        return out
    size = len(target.pixels)
    chosen = quick("growing") | {"size": size, "regime": "growing", "rng_seed": rng_seed}
    done = session.run(
        target, Settings(**chosen), out, threads=min(2, len(os.sched_getaffinity(0))), say=print,
        show=lambda now: None, stop=stopper.asked,
    )  # fmt: skip
    return None if done is None else out


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
