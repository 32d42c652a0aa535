"""Trains the built-in collection, one rule after another: `python -m tools.collection` (`--table`, `--pictures`).

Resumable at any moment with the same command: a training goes on from its checkpoint, what is finished is skipped.
Started twice (`taskset -c 0`, `taskset -c 1`) two share the list, a sixth faster than one on both cores.
Checkpoints and rules stay under runs/collection (or $COLLECTION_RUNS); a rule that meets its gates, and whose name is
not yet taken, is copied to firmware_sim/rules. Log and judgement of every training go to docs/training-logs/collection.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from firmware_sim import folder
from firmware_sim.loss import blank_loss_log10
from tools import collection_page
from tools.collection_gates import LADYBUG, ROUNDS, STAGED, good, shipped
from trainer import session
from trainer.cli import Stopper
from trainer.fast import choose
from trainer.fate import fate
from trainer.judge import growth, judge
from trainer.settings import Settings, quick
from trainer.targets import EMOJI, resolve
from trainer.train import Progress

ROOT = Path(__file__).parents[1]
RUNS = Path(os.environ.get("COLLECTION_RUNS", ROOT / "runs" / "collection"))
LOGS = ROOT / "docs" / "training-logs" / "collection"
DRAWS, JUDGE_SEED, FATE_STREAM = 5, 1000, 5
WORM: dict[str, Any] = {  # twice as far from the seed to its ends; and it will be cut in three
    "steps": 7000,
    "episode_min": 56,
    "episode_max": 88,
    "pieces": 0.5,
    "pad": 16,  # with less it measures itself by the border, and runs away where that is far
}
WORM_ON: dict[str, Any] = {"steps": 5000, "rate": 2e-3}
ONE_STAGE: dict[str, Any] = {  # --quick, before
    "grow": 0,
    "stay": 0,
    "squares": 0.0,
    "aside": 0,
    "score_from": 0.6,
    "score_every": 500,
}
HEALS: dict[str, Any] = {"steps": 7000, "halves": 0.4}  # growing, staying and healing at once, in as many minutes
ROOM: dict[str, Any] = {"pad": 8}  # for a picture that fills its square, or the border alone teaches it to stop
FULL = ("smiley",)
LONGER: dict[str, Any] = {"steps": 5000, "halves": 0.6, "rate": 1.5e-3}  # what a rule gets that misses its gates
HEALS_ON: dict[str, Any] = {"steps": 7000, "halves": 0.6, "rate": 2e-3, "pad": 8}  # a persistent rule learns to heal
LAST: dict[str, Any] = {"steps": 5000, "halves": 0.2, "rate": 1.5e-3, "pad": 8}  # then it is the square that is missing
SQUARES: dict[str, Any] = LAST | {"squares": 0.6}  # and it was not enough
BOTH: dict[str, Any] = SQUARES | {"halves": 0.4, "squares": 0.5}  # what forgot its halves over the squares
MOVED: dict[str, Any] = BOTH | {"damaged": 3, "steps": 7000, "rate": 2e-3}  # begun with another motif's weights
MOVED_GROWING: dict[str, Any] = {"steps": 4000, "rate": 2e-3, "score_from": 0.4}
GROWS_ON: dict[str, Any] = {"steps": 4000, "rate": 3e-3}  # the same for a growing one
GOES_ON: dict[str, Any] = {  # a persistent rule begins with the weights of the growing one, which can draw already
    "steps": 1500,
    "rate": 1e-3,
    "score_every": 250,
}


@dataclass(frozen=True, slots=True)
class Training:
    """One line of the list; `other` are its settings where they differ from --quick."""

    motif: str
    regime: str = "regenerating"
    rng_seed: int = 1
    other: dict[str, Any] = field(default_factory=dict)
    round: int = 0

    @property
    def settings(self) -> dict[str, Any]:
        """What it is trained with where that is not the default; the size is the picture's."""
        room = ROOM if self.motif in FULL else {}
        stages = ONE_STAGE if self.regime == "regenerating" and self.round != STAGED else {}
        return quick(self.regime) | stages | {"regime": self.regime, "rng_seed": self.rng_seed} | room | self.other

    @property
    def begins_with(self) -> str:
        """The key of the training that must be finished before this one; empty for one from scratch."""
        if self.round == STAGED:
            return ""
        if self.round in (LADYBUG, LADYBUG + 1):  # it has no picture of its own to begin with, and this one is as round
            before = f"{self.motif}{'-ladybug' if self.round > LADYBUG else '-persistent-ladybug'}"
            other = {"growing": "ladybug-growing", "persistent": f"{self.motif}-growing-ladybug"}
            return f"{other.get(self.regime, before)}-seed{self.rng_seed}"
        if self.name == self.motif and ROUNDS[self.round] == "-healing" and self.motif != "worm":
            return f"{self.motif}-persistent-seed{self.rng_seed}"
        if self.round:
            return f"{self.name}{ROUNDS[self.round - 1]}-seed{self.rng_seed}"
        if self.regime != "persistent":
            return ""
        longer = f"{self.motif}-growing-longer-seed{self.rng_seed}"
        return longer if (RUNS / longer).exists() else f"{self.motif}-growing-seed{self.rng_seed}"

    @property
    def name(self) -> str:
        return self.motif if self.regime == "regenerating" else f"{self.motif}-{self.regime}"

    @property
    def key(self) -> str:
        return f"{self.name}{ROUNDS[self.round]}-seed{self.rng_seed}"


def trainings() -> list[Training]:
    """All of it, the most wanted first."""
    motifs = [*(name for name in EMOJI if name != "lizard"), "lizard"]  # one of longer training is there already
    listed = [Training(motif, other=HEALS) for motif in motifs] + [Training("worm", other=WORM)]
    for round, more in enumerate((LONGER, HEALS_ON, LAST, SQUARES, BOTH, BOTH), 1):
        listed += [Training(motif, other=more, round=round) for motif in motifs]
        listed += [Training("worm", other=WORM | WORM_ON, round=round)]
    listed += [Training(motif, "growing") for motif in motifs]
    listed += [Training(motif, "growing", other=GROWS_ON, round=1) for motif in motifs]
    listed += [Training(motif, "persistent", other=GOES_ON) for motif in motifs]
    listed += [
        Training("smiley", "growing", other=MOVED_GROWING, round=LADYBUG),
        Training("smiley", "persistent", other=GOES_ON, round=LADYBUG),
        Training("smiley", other=MOVED, round=LADYBUG),
        Training("smiley", other=MOVED | {"steps": 5000}, round=LADYBUG + 1),
    ]
    return listed + [Training(motif, rng_seed=n, round=STAGED) for n in (1, 2, 3) for motif in motifs]


def main(arguments: list[str]) -> int:
    """Train what is missing, or only make the table and the pictures anew; with names, those keys, even if done."""
    threads = min(2, len(os.sched_getaffinity(0)))  # `taskset -c 0` for one of two side by side
    if "--pictures" in arguments:
        collection_page.contact_sheet(choose(threads, print), ROOT / "docs" / "pictures" / "collection.png")
        return 0
    names = [word for word in arguments if not word.startswith("--")]
    torch.set_num_threads(1)
    with Stopper() as stopper:
        for each in trainings():
            if "--table" in arguments or (each.key not in names if names else _log(each).exists()):
                continue
            if each.round not in (0, STAGED) and (folder.BUILT_IN / each.name).exists():
                continue
            if each.begins_with and not (RUNS / each.begins_with).exists():
                print(f"{each.key} waits for {each.begins_with}", flush=True)
                continue
            with claimed(each) as ours:
                if not ours:
                    continue
                if not _train(each, threads, stopper):
                    return 130
                _judge(each, threads)
                ship(each)
    collection_page.write_table(LOGS)
    return 0


@contextmanager
def claimed(each: Training) -> Iterator[bool]:
    """Whether this training is ours: False while another process works on it; free again however that one ends."""
    RUNS.mkdir(parents=True, exist_ok=True)
    with (RUNS / f"{each.key}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _log(each: Training) -> Path:
    """The judgement of a training that is done, kept in the repository; without it the training is done anew."""
    return LOGS / f"{each.key}.judged.json"


def _train(each: Training, threads: int, stopper: Stopper) -> bool:
    """False when it was asked to stop; nothing to do when the rule is there."""
    out = RUNS / each.key
    if out.exists():
        return True
    target = resolve(each.motif)
    chosen = each.settings | {"size": len(target.pixels)}
    first = None
    if each.begins_with:
        first, chosen["start"] = session.starting_point(str(RUNS / each.begins_with))
    print(f"{time.strftime('%H:%M:%S')} {each.key}", flush=True)
    began, used = time.monotonic(), _cpu_s()
    resumed = (session.training_folder(out) / "checkpoint.pt").exists()
    done = session.run(
        target, Settings(**chosen), out, threads=threads,
        say=lambda line: print(" ", line, flush=True), show=_show, stop=stopper.asked,
        start=first,
    )  # fmt: skip
    if done is not None:
        spent = {"wall_s": round(time.monotonic() - began), "cpu_s": round(_cpu_s() - used), "resumed": resumed}
        (session.training_folder(out) / "spent.json").write_text(json.dumps(spent))
    return done is not None


def _judge(each: Training, threads: int) -> None:
    """Judge a rule with draws that no checkpoint was chosen by, and keep what came of it with its log."""
    LOGS.mkdir(parents=True, exist_ok=True)
    at, out = _log(each), RUNS / each.key
    found, work = folder.load(out), session.training_folder(out)
    rule, target = found.rule(), found.target()
    assert target is not None
    twin = replace(rule, limits=replace(rule.limits, limit="clamp"))  # the same weights without rounding
    growing = each.regime == "growing"  # beyond 48 T it promises nothing
    row = (growth if growing else judge)(rule, target, DRAWS, JUDGE_SEED, int8=True)
    if each.regime == "persistent":
        row = {name: value for name, value in row.items() if not name.startswith(("cut", "half"))}
    become = fate(choose(threads, print), rule, target, np.random.default_rng([JUDGE_SEED, FATE_STREAM]))
    twin_row = growth(twin, target, DRAWS, JUDGE_SEED, int8=False)
    spent_at = work / "spent.json"
    kept = {
        "rule": each.name, "sha256": found.sha256, "draws": DRAWS, "seed": JUDGE_SEED, "regime": each.regime,
        "rng_seed": each.rng_seed, "longer": each.round, "blank": round(blank_loss_log10(target), 2), "int8": row,
        "float_twin_48T": twin_row["async_48T"], "float_twin_100T": twin_row["async_100T"],
        "fate_2000_steps": become.kind, "gains": list(become.gains), "steps": found.info.trained.get("steps"),
        "spent": json.loads(spent_at.read_text()) if spent_at.exists() else None,
    }  # fmt: skip
    kept["good"] = good(kept, each.motif)
    (LOGS / f"{each.key}.csv").write_text((work / "losses.csv").read_text())
    at.write_text(json.dumps(kept, indent=1) + "\n")
    print(" ", json.dumps(kept), flush=True)


def ship(each: Training) -> None:
    """Copy a rule that may be shipped to where the built-in ones live, unless one of that name is there."""
    kept = json.loads(_log(each).read_text())
    to = folder.BUILT_IN / each.name
    if not shipped(kept, each.motif) or to.exists():
        return
    beside = to.with_name(f".{each.name}")
    shutil.copytree(RUNS / each.key, beside)
    info = json.loads((beside / folder.INFO).read_text())
    info["name"] = each.name
    (beside / folder.INFO).write_text(json.dumps(info, indent=2, ensure_ascii=False) + "\n")
    beside.rename(to)


def _show(now: Progress) -> None:
    if now.step % 500 == 0:
        print(f"  {now.step} loss {now.loss_log10:.2f} best {now.best_score:.2f} restarts {now.restarts}", flush=True)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
