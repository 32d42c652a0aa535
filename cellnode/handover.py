"""From the native world to arrays: the same swarm, at the same moment, for what the native world does not know.

The one place that looks into both. The way back is not offered: what a PatchWorld has lived through may be something
the native world cannot hold. May import numpy and both worlds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cellnode.frame import LIFE_MAX
from cellnode.harm import HarmedEngine
from cellnode.mailbox import OWN, POSITIONS
from cellnode.mailboxes import Mailboxes
from cellnode.nativelib import counters_of
from cellnode.nativeworld import NativeWorld
from cellnode.patch import Patch
from cellnode.patchworld import PatchWorld


def to_arrays(world: NativeWorld, tag: int, now_ns: int) -> PatchWorld:
    """A PatchWorld that lives on exactly as `world` would have from `now_ns`."""
    made = PatchWorld(
        world.table,
        world.engine,
        world.rng_seed,
        world.interval_ns,
        world.epoch,
        world.log,
        world.others,
        tag,
        numbers=world.numbers,
        elsewhere=len(world.table) - world.count,
    )
    made.stand_still(world.cells["not_before_ns"])
    _fill_patch(made.patch, world.cells)
    _fill_mail(made.patch.mail, world.cells)
    everybody = np.arange(made.patch.count)
    made.patch._peek(everybody)
    made.patch._meet_anew(everybody)
    for part in world.parts:
        for cell in np.flatnonzero(world.cells["held"][part.first : part.end] >= 0).tolist():
            _fill_held(made, part.first + cell, part.held_of(int(world.cells["held"][part.first + cell])))
    for cell, one in world.struck.settle().items():
        made.patch.take_over(cell, one.engine if isinstance(one.engine, HarmedEngine) else None, one.faulty)
    made.set_faults(world.faults, now_ns)
    return made


def _fill_patch(patch: Patch, cells: NDArray[np.void]) -> None:
    patch.on[:-1] = cells["on"] != 0
    patch.next_wake_ns[:-1] = cells["next_wake_ns"]
    patch._incarnation[:-1] = cells["incarnation"]
    patch.next_within[:] = cells["next_within"]
    patch.hello_until_ns[:] = cells["hello_until_ns"]
    patch._lives[:] = cells["incarnation"] & LIFE_MAX
    patch._sequence[:] = cells["sequence"]
    patch._clock_key[:] = cells["clock_key"]
    patch._draws[:] = cells["draws"]
    patch._fixed[:] = cells["fixed"]
    patch._quiet[:] = cells["quiet"]
    patch._answered[:] = cells["answered"]
    patch.counters[:] = counters_of(cells).T


def _fill_mail(mail: Mailboxes, cells: NDArray[np.void]) -> None:
    slots = cells["slots"]
    mail.block[:, OWN] = cells["own"]
    mail.block[:, POSITIONS] = slots["state"]
    mail.changed[:] = cells["changed"]
    mail._look_at_ns[:] = cells["look_at_ns"]
    mail.sequences[:] = slots["sequence"]
    mail.incarnations[:] = slots["incarnation"]
    mail._heard_at_ns[:] = slots["heard_at_ns"]
    mail._next_within[:] = slots["next_within"]
    for name in ("greeted", "alive", "living", "filled"):
        bits = np.unpackbits(cells[name][:, None], axis=1, bitorder="little")
        getattr(mail, name)[:] = bits.astype(np.bool_)


def _fill_held(made: PatchWorld, cell: int, frames: NDArray[np.void]) -> None:
    fields = ("due_ns", "sender", "incarnation", "sequence", "copy", "slot", "hello", "next_within")
    late = []
    for frame in frames:
        *key, slot, hello, within = (int(frame[name]) for name in fields)
        due, sender, incarnation, sequence, again = key
        late.append((due, sender, incarnation, sequence, again, slot, bool(hello), within, frame["state"].copy()))
    made.links.take_late(cell, late)
