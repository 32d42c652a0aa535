"""The C++ kernel behind the `Kernel` interface: 27 to 30 times the plain PyTorch port on two idle cores (`planaria
bench train`).

Hands numpy arrays to native/episode.cpp and knows none of its mathematics. Raises `NativeUnavailable` where there is no
compiler; fast.py then computes the same in torch. Imports numpy, ctypes and firmware_sim only.
"""

from __future__ import annotations

import ctypes
import hashlib
import math
import weakref
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firmware_sim.errors import RunFailed
from firmware_sim.limits import LIMIT_KINDS
from firmware_sim.native_build import load
from firmware_sim.rule import Rule
from trainer.episode import LOSS_SCALE, Episode, Floats, Gradients, Outcome

SOURCE = Path(__file__).parent / "native" / "episode.cpp"
INCLUDED = ("held.hpp", "linear.hpp")
FLAGS = ("-O3", "-march=native", "-std=c++17", "-pthread")
INTEGERS = ("samples", "height", "width", "steps", "channels", "hidden", "limit", "backward", "late_max")
REALS = ("hidden_max", "state_step", "state_max", "loss_scale")
POINTERS = (
    "w1",
    "b1",
    "w2",
    "b2",
    "states",
    "exists",
    "fire",
    "late",
    "lost",
    "forget",
    "target",
    "losses",
    "gradients",
)
MAX_CHANNELS = 32  # one bit a channel in the kernel's record of clamped values


class _Problem(ctypes.Structure):
    """Mirror of `struct Problem` in episode.cpp."""

    _fields_ = (
        [(name, ctypes.c_int32) for name in INTEGERS]
        + [(name, ctypes.c_float) for name in REALS]
        + [(name, ctypes.c_void_p) for name in POINTERS]
    )


class NativeKernel:
    """The compiled kernel with the scratch memory of its threads; not to be used from two threads at once."""

    name = "native"

    def __init__(self, threads: int) -> None:
        self._library = load(SOURCE, language="c++", flags=(*FLAGS, _included()), self_test=_works)
        self._scratch = _open(self._library, threads)
        weakref.finalize(self, self._library.planaria_close, self._scratch)

    def run(self, rule: Rule, episode: Episode, backward: bool = True) -> Outcome:
        return _run(self._library, self._scratch, rule, episode, backward)


def _included() -> str:
    """The compiler's cache sees only episode.cpp: this covers what it includes."""
    content = b"".join((SOURCE.parent / name).read_bytes() for name in INCLUDED)
    return f"-DPLANARIA_SOURCES=0x{hashlib.sha256(content).hexdigest()[:15]}"


def _open(library: ctypes.CDLL, threads: int) -> ctypes.c_void_p:
    library.planaria_open.restype = ctypes.c_void_p
    library.planaria_close.argtypes = [ctypes.c_void_p]
    library.planaria_episode.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    return ctypes.c_void_p(library.planaria_open(threads))


def _run(library: ctypes.CDLL, scratch: ctypes.c_void_p, rule: Rule, episode: Episode, backward: bool) -> Outcome:
    samples, height, width, channels = episode.states.shape
    if channels != rule.channels or channels > MAX_CHANNELS:
        raise RunFailed(f"the episode has {channels} channels, the rule {rule.channels} (at most {MAX_CHANNELS})")
    shape = (samples, height, width)
    if episode.exists.shape != shape or episode.fire.shape[1:] != shape or episode.target.shape != (*shape, 4):
        raise RunFailed("the arrays of an episode do not belong together")
    states = np.array(episode.states, dtype=np.float32, order="C")
    exists = np.ascontiguousarray(episode.exists, dtype=np.bool_)
    fire = np.ascontiguousarray(episode.fire, dtype=np.bool_)
    target = np.ascontiguousarray(episode.target, dtype=np.float32)
    faults = _faults(episode)
    losses = np.zeros(samples, dtype=np.float32)
    sizes = [rule.w1.size, rule.b1.size, rule.w2.size, rule.b2.size]
    gradients = np.zeros((samples, sum(sizes)), dtype=np.float32)
    limits = rule.limits
    problem = _Problem(
        samples, height, width, fire.shape[0], channels, rule.hidden, LIMIT_KINDS.index(limits.limit), int(backward),
        int(faults[0].max(initial=0)) if faults else 0,
        math.inf if limits.hidden_max is None else limits.hidden_max, limits.state_step, limits.state_max, LOSS_SCALE,
        *(array.ctypes.data for array in (rule.w1, rule.b1, rule.w2, rule.b2)),
        *(array.ctypes.data for array in (states, exists, fire)),
        *((array.ctypes.data for array in faults) if faults else (None, None, None)),
        *(array.ctypes.data for array in (target, losses, gradients)),
    )  # fmt: skip
    if library.planaria_episode(ctypes.byref(problem), scratch) != 0:
        raise RunFailed("not enough memory for the training episode: use a smaller batch or size")
    if not backward:
        return Outcome(states, losses, None)
    w1, b1, w2, b2 = np.split(gradients.sum(axis=0, dtype=np.float32), np.cumsum(sizes)[:-1])
    shaped = Gradients(w1.reshape(rule.w1.shape), b1, w2.reshape(rule.w2.shape), b2)
    return Outcome(states, losses, shaped)


def _faults(episode: Episode) -> tuple[NDArray[np.uint8], ...] | None:
    """`late`, `lost`, `forget` as the kernel reads them."""
    if episode.faults is None:
        return None
    given = (episode.faults.late, episode.faults.lost, episode.faults.forget)
    if any(array.shape != episode.fire.shape for array in given):
        raise RunFailed("the faults of an episode do not belong to it")
    return tuple(np.ascontiguousarray(array, dtype=np.uint8) for array in given)


def _works(library: ctypes.CDLL) -> bool:
    """One step of one cell whose result and gradient are known by hand: a bias of 1 moves red from 0 to 1."""
    zeros, one = np.zeros((48, 16), np.float32), np.eye(16, dtype=np.float32)[0]
    rule = Rule(zeros, zeros[0], zeros[:16], one)
    states: Floats = np.zeros((1, 3, 3, 16), dtype=np.float32)
    states[0, 1, 1, 3] = 1.0
    everywhere = np.ones((1, 3, 3), dtype=np.bool_)
    fire = np.zeros((1, 1, 3, 3), dtype=np.bool_)
    fire[0, 0, 1, 1] = True
    scratch = _open(library, 1)
    outcome = _run(library, scratch, rule, Episode(states, everywhere, fire, np.zeros((1, 3, 3, 4), np.float32)), True)
    library.planaria_close(scratch)
    red, gradients = outcome.states[0, 1, 1, 0], outcome.gradients
    expected = 2 * LOSS_SCALE
    return bool(red == 1.0 and gradients is not None and abs(gradients.b2[0] - expected) < 1e-6 * expected)
