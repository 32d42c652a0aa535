"""A training on disk: one file, written beside and renamed, so that a kill at any moment leaves the last good one.

Holds tensors and plain values only and is read with `weights_only`, so a stranger's checkpoint runs no code.
Refuses another version, other settings or another target.  Imports torch, firmware_sim's errors and its neighbours.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import pickle
from pathlib import Path
from typing import Any, Protocol

import torch

from firmware_sim.errors import BadInput, RunFailed
from trainer.episode import Floats

VERSION = 4
NAME, LOG = "checkpoint.pt", "losses.csv"


class Settled(Protocol):
    """What decides a training's weights."""

    def to_dict(self) -> dict[str, Any]: ...


class Kept(Protocol):
    """What a checkpoint can hold: whatever learns, a rule or an adversary."""

    @property
    def settings(self) -> Settled: ...

    @property
    def target(self) -> Floats: ...

    def log(self) -> str: ...

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


def save(folder: Path, learner: Kept) -> None:
    """Write the learner and its log; RunFailed on a full or unwritable disk, the last checkpoint staying intact."""
    path = folder / NAME
    content = {
        "version": VERSION,
        "settings": learner.settings.to_dict(),
        "target": _digest(learner),
        "learner": learner.state(),
    }
    whole = io.BytesIO()  # torch writing to a full disk itself says nothing of the disk
    torch.save(content, whole)
    try:
        _put(path, whole.getvalue())
        _put(folder / LOG, learner.log().encode())
    except OSError as error:
        left = "the last one is intact: make room" if path.exists() else "there was none before: make room"
        raise RunFailed(
            f"could not write the checkpoint {path}: {error.strerror}; {left}, then the same command goes on"
        ) from error


def _put(path: Path, content: bytes) -> None:
    """The file is there whole or as it was."""
    beside = path.with_name(path.name + ".part")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def load(path: Path, learner: Kept) -> None:
    """Bring `learner`, of the same settings and target, to where the checkpoint stands; BadInput if it cannot."""
    remedy = f"delete {path.parent} to start anew or choose another --out"
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise BadInput(f"{path} is not a checkpoint of this program (damaged?); {remedy}") from error
    if not isinstance(content, dict) or content.get("version") != VERSION:
        found = content.get("version") if isinstance(content, dict) else None
        raise BadInput(f"{path} has checkpoint version {found!r}, this program reads {VERSION}; {remedy}")
    if content.get("target") != _digest(learner):
        raise BadInput(f"{path} belongs to another target; {remedy}")
    theirs, ours = content.get("settings"), learner.settings.to_dict()
    if theirs != ours:
        known = theirs if isinstance(theirs, dict) else {}
        names = {**ours, **known}
        other = [f"{k} {known.get(k)} there, {ours.get(k)} asked for" for k in names if known.get(k) != ours.get(k)]
        raise BadInput(f"{path} was made with other settings ({'; '.join(other)}); {remedy}")
    try:
        learner.restore(content["learner"])
    except (KeyError, RuntimeError, ValueError, AttributeError) as error:
        raise BadInput(f"{path} lacks a part of the training; {remedy}") from error


def _digest(learner: Kept) -> str:
    return hashlib.sha256(learner.target.tobytes()).hexdigest()
