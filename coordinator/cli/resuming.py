"""Going on with a run over hosts that join, where the coordinator that was killed has left it: `planaria run --resume`.

Starts no cell and prints no results. May import coordinator.locate, the swarm and cli.live.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator import locate
from coordinator.swarm import Swarm
from coordinator.terminal import View
from firmware_sim import folder as rules
from firmware_sim.errors import BadInput

if TYPE_CHECKING:
    from coordinator.cli.live import Page, Plan


def take_up(plan: Plan, view: View, page: Page | None) -> Swarm | None:
    """Coordinate the newest such run of the plan's rule and grid; None: there is none to go on with."""
    folder = locate.orphan(rules.load(plan.rule).name, plan.grid)
    if folder is None:
        return None
    view.headline(f"{folder.info.rule}, run {folder.info.run}: its coordinator was lost, going on")
    swarm = Swarm.attach(str(folder.path), on_line=view.say)
    if not swarm.coordinates:
        swarm.leave()
        raise BadInput(f"{folder.path}: another coordinator has this run; `planaria attach {folder.path}` watches it")
    if page is not None:
        page.open(folder.path)
        view.say(f"page: {page.url}")
    return swarm
