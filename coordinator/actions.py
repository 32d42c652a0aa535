"""The vocabulary of what can be done to a running swarm, as types shared by API, scenarios and other commands.

One action is one msgspec Struct with its name under "do"; an Outcome says what it hit. Carries nothing out itself.
May import msgspec only.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Chosen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"):
    """An action on the cells of a selector; `seed` decides its random draws (drawn and told when left out)."""

    select: str
    seed: int | None = None


class Kill(Chosen, frozen=True, tag="kill"):
    """SIGKILL, and stay dead."""


class Revive(Chosen, frozen=True, tag="revive"):
    """Start again, empty, with a new life."""


class Erase(Chosen, frozen=True, tag="erase"):
    """The cells' memory is lost, their processes live on."""


class Plant(Chosen, frozen=True, tag="seed"):
    """Put a seed cell's state there."""


class Freeze(Chosen, frozen=True, tag="freeze"):
    """SIGSTOP."""


class Thaw(Chosen, frozen=True, tag="thaw"):
    """SIGCONT."""


class Unmap(Chosen, frozen=True, tag="unmap"):
    """Have the cells give back their panel page: they go dark for the camera and must behave the same."""


class Bridge(Chosen, frozen=True, tag="bridge"):
    """A board at this serial port takes the place of one cell, with a new life."""

    port: str


class Unbridge(Chosen, frozen=True, tag="unbridge"):
    """Cells that boards had taken are given back, empty, with a new life."""


class Inject(Chosen, frozen=True, tag="inject", rename={"duration": "for"}):
    """Begin a fault; it heals itself after `duration` T (never, when None). Or plan it (coordinator/faults/plans.py);
    `keep`: leave at least so many living cells alone."""

    fault: str
    duration: float | None = None
    keep: int | None = None
    begin: float | None = None
    every: float | None = None
    times: int | None = None
    swing: float | None = None
    up: float | None = None
    down: float | None = None
    min_up: float | None = None
    min_down: float | None = None
    parameters: dict[str, float | str] = {}


class Heal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="heal"):
    """End one fault, or all."""

    id: int | None = None


class Pause(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="pause"):
    """Stop all clocks."""


class Resume(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="resume"):
    """Let all clocks go on."""


Action = Kill | Revive | Erase | Plant | Freeze | Thaw | Unmap | Bridge | Unbridge | Inject | Heal | Pause | Resume
ACTIONS: dict[str, type[Action]] = {
    "kill": Kill,
    "revive": Revive,
    "erase": Erase,
    "seed": Plant,
    "freeze": Freeze,
    "thaw": Thaw,
    "unmap": Unmap,
    "bridge": Bridge,
    "unbridge": Unbridge,
    "inject": Inject,
    "heal": Heal,
    "pause": Pause,
    "resume": Resume,
}


DISTURBING = ("kill", "erase", "inject", "freeze")  # those that harm: from then on, healing is judged


class FaultReport(msgspec.Struct, frozen=True, kw_only=True):
    """One fault as it stands: what, on whom, since when, and the proof counted at its victims."""

    id: int
    kind: str
    selector: str
    parameters: dict[str, float | str]
    rng_seed: int
    start: float  # T
    duration: float | None  # T
    cells: int
    state: str  # planned | injecting (has not hit yet) | active | healed (by an order) | finished (its time was up)
    hits: int
    links: int = 0  # edges, where it lies on some edges of its cells only

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.state in ("healed", "finished")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What an action did. `missing` are cells that have not acknowledged in time."""

    do: str
    t: float | None
    selector: str = ""
    rng_seed: int | None = None
    cells: list[int] = []
    missing: list[int] = []
    fault: int | None = None
    proof: dict[str, Any] = {}

    @property
    def line(self) -> str:
        """One line for a person."""
        what = " ".join(filter(None, (self.do, self.proof.get("kind", ""), self.selector)))
        text = f"{what}: {len(self.cells)} cell{'' if len(self.cells) == 1 else 's'}"
        if self.fault is not None:
            text += f", fault {self.fault}"
        if self.proof:
            text += ", " + ", ".join(
                f"{name.replace('_', ' ')} {value}" for name, value in self.proof.items() if name != "kind"
            )
        if self.rng_seed is not None:
            text += f" (seed {self.rng_seed})"
        if self.missing:
            text += f"; NOT acknowledged by {len(self.missing)}: {', '.join(map(str, self.missing[:10]))}"
        return text
