"""What somebody wants to run, and whether it can be: everything that can be checked before anything is made.

Reads the rule and the keys, makes nothing and starts nothing. May import cellnode, the words of the coordinator's
substrates, and firmware_sim.
"""

from __future__ import annotations

import math
import platform
import re
from dataclasses import dataclass
from pathlib import Path

from cellnode.curve import is_loopback
from cellnode.draws import MEAN_MAX_NS
from cellnode.patchlayout import grid
from cellnode.topology import neighbours
from coordinator import chips
from coordinator.keyring import Keyring
from coordinator.lab.tools import check as check_lab
from coordinator.liveness import WITHIN_T
from coordinator.rays.fleet import check as check_ray
from coordinator.substrate import REAL
from firmware_sim.errors import BadInput
from firmware_sim.folder import RuleFolder
from firmware_sim.limits import CHANNELS

SECOND = 1_000_000_000
SUBSTRATES = (*REAL, "virtual")
HOSTS_MAX = 64  # on one machine


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to run."""

    rule: str
    grid: tuple[int, int] | None = None  # height, width; None: what the target needs
    torus: bool = False
    substrate: str = "processes"
    patch: tuple[int, int] = (16, 16)  # rows and columns of cells that a process carries, on `patches`
    engine: str = "chip"
    interval_s: float = 0.5
    degrees: float = 0.0
    rng_seed: int | None = None
    out: Path | None = None
    command: tuple[str, ...] = ()
    record: bool = False  # write down every update
    within: float = WITHIN_T  # after the last harm the picture must be back by then
    chips: tuple[chips.Wanted, ...] = ()  # cells that run on chips instead of `engine`
    filmed: bool = True  # stills and losses are written into the run folder
    hosts: int = 0  # spread over so many; 0: one agent on this machine
    join: str = ""  # endpoint where they join; "": they are started on this machine
    capacity: int = 0  # room for cells of a host that is started for this run; 0: see `room`
    keys: Path | None = None  # the coordinator's folder of keys, for hosts beyond this machine
    netns: bool = False  # the hosts started here have a network of their own
    launch: str = ""  # who starts them elsewhere: "ray"; "": nobody, or they are started here
    insecure: bool = False  # let hosts join from elsewhere without keys


def check(wish: Wish, rule: RuleFolder) -> tuple[int, int]:
    """Height and width; BadInput for whatever cannot be."""
    if wish.substrate not in SUBSTRATES:
        raise BadInput(f"substrate is {wish.substrate!r}, expected {' or '.join(SUBSTRATES)}")
    if wish.substrate in REAL and platform.system() != "Linux":
        raise BadInput(
            f"--substrate {wish.substrate} needs Linux, this is {platform.system()}: use --substrate virtual, or run "
            "it in a container: docker run --rm -it -v $PWD:/planaria -w /planaria python:3.12 make demo"
        )
    if wish.substrate == "processes" and rule.info.channels != CHANNELS:
        raise BadInput(
            f"{rule.name} has {rule.info.channels} channels, cells in processes have {CHANNELS}: "
            "use --substrate virtual --engine numpy, or patches"
        )
    if not (math.isfinite(wish.within) and wish.within > 0):
        raise BadInput(f"within is {wish.within:g}, expected a number of T above 0")
    if wish.substrate == "patches":
        if wish.record or wish.chips:
            raise BadInput("--substrate patches records nothing and has no chips: leave that out, or use processes")
        grid(*(wish.grid or default_grid(rule)), wish.torus, wish.patch)
    if not math.isfinite(wish.interval_s) or not 1e-6 <= wish.interval_s <= MEAN_MAX_NS / SECOND:
        raise BadInput(f"interval is {wish.interval_s:g} s, expected 0.000001 to {MEAN_MAX_NS / SECOND:.0f} seconds")
    if not math.isfinite(wish.degrees):
        raise BadInput(f"angle is {wish.degrees}, expected degrees")
    if wish.rng_seed is not None and not 0 <= wish.rng_seed < 1 << 63:
        raise BadInput(f"seed is {wish.rng_seed}, expected 0 to 2**63 - 1")
    height, width = wish.grid or default_grid(rule)
    _check_hosts(wish, (height, width))
    neighbours(height, width, wish.torus)
    return height, width


def _check_hosts(wish: Wish, size: tuple[int, int]) -> None:
    cells = size[0] * size[1]
    if not wish.hosts and (wish.join or wish.capacity or wish.netns or wish.launch):
        raise BadInput(
            "--at, --netns, --launch and --capacity are for swarms over several hosts: say how many with --hosts N"
        )
    if not wish.hosts:
        return
    if wish.netns:
        if wish.join:
            raise BadInput("--netns makes hosts on this machine, --at waits for others: leave one of them out")
        check_lab()
    if wish.launch:
        _check_launch(wish)
    if wish.join:
        found = re.fullmatch(r"tcp://(\[?[^/]*\]?):([0-9]{1,5}|\*)", wish.join)
        if found is None:
            raise BadInput(f"--at is {wish.join!r}, expected tcp://ADDRESS:PORT, an address of this machine")
        if wish.keys is not None:
            Keyring(wish.keys)
        elif not is_loopback(found[1]) and not wish.insecure:
            raise BadInput(
                f"--at {wish.join} can be reached by others, and no keys are given: make them with `planaria keys new "
                "DIR` and say --keys DIR; --insecure goes without, where every machine on the network is trusted"
            )
    elif wish.keys is not None:
        raise BadInput("--keys is for hosts that join --at an address; those started here need none")
    if wish.substrate not in REAL:
        raise BadInput(f"--hosts spreads real processes, this run is on --substrate {wish.substrate}")
    most = cells if wish.substrate == "processes" else grid(*size, wish.torus, wish.patch).patches
    if not 1 <= wish.hosts <= min(HOSTS_MAX, most):
        what = f"{cells} cells" if wish.substrate == "processes" else f"{most} patches"
        raise BadInput(f"--hosts is {wish.hosts}, expected 1 to {min(HOSTS_MAX, most)} for {what}")
    if wish.record:
        raise BadInput("--record writes where the cells live; over several hosts that is not supported")
    if wish.capacity and wish.capacity * wish.hosts < cells:
        raise BadInput(
            f"no room for the grid: {wish.hosts} hosts with --capacity {wish.capacity} hold "
            f"{wish.capacity * wish.hosts} cells, the grid has {cells}"
        )


def _check_launch(wish: Wish) -> None:
    check_ray()
    if not wish.join:
        raise BadInput(
            "--launch ray starts hosts on other machines: say where they find this one with --at tcp://ADDRESS:*, an "
            "address of this machine that they reach"
        )


def room(wish: Wish, size: tuple[int, int]) -> int:
    """Cells that each host started for a run of that height and width has room for: what is asked for, or its share,
    in whole patches. On Ray also its part of one lost host's: those are started there at once, instead of when Ray has
    another host."""
    cells = size[0] * size[1]
    carriers = max(1, wish.hosts - 1 if wish.launch == "ray" else wish.hosts)
    if wish.substrate != "patches":
        return wish.capacity or -(-cells // carriers)
    cut = grid(*size, wish.torus, wish.patch)
    return wish.capacity or -(-cut.patches // carriers) * cut.rows * cut.columns


def default_grid(rule: RuleFolder) -> tuple[int, int]:
    """As large as the target, with a margin of 4 where it is smaller than the article's 40 pixels."""
    target = rule.target()
    side = 40 if target is None else max(target.shape[:2])
    return (side, side) if side >= 40 else (side + 8, side + 8)
