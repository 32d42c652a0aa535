"""What a coordinator and an agent say to each other, as types; the wire form is one msgpack map a message.

The coordinator binds one ROUTER, agents connect a DEALER each and keep reconnecting; a message is a single frame.
Nothing here reaches a cell: agents translate it into each cell's wanted state. This file does no I/O and may import
only msgspec. PROTOCOL.md explains every field; decoding is strict, so a message that does not fit is a
`msgspec.ValidationError` naming the field, which the receiver counts and drops.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec

PROTOCOL_VERSION = 1
REPORT_MAX = 8 << 20  # bytes of what an agent may say at a time; a sheet keeps within it
EPOCH_MAX = 1 << 31
LIVES_AHEAD = 1000  # a cell of another host may be reborn so often while nobody can tell its neighbours
Epoch = Annotated[int, msgspec.Meta(ge=0, lt=EPOCH_MAX)]  # with a counter below it, it makes a 64-bit command id
Message = TypeVar("Message")


class RulePayload(msgspec.Struct, frozen=True):
    """All a cell needs of a rule, by value, so that an agent needs no rule folder on its disk."""

    engine: str  # numpy | onnx | chip | native | unicorn | rv32imc | rv32ec | avr | board
    sha256: str  # of the rule folder, shown in join and beat
    blob: bytes  # numpy: w1,b1,w2,b2 as float32 in that order; chip: genome.bin; onnx: rule.onnx
    channels: int
    hidden: int
    limits: dict[str, str | float | None]  # firmware_sim.limits.Limits.to_dict()
    degrees: float  # rotation still to be applied by the engine (0 where the blob is turned already)
    port: str = ""  # board: the serial port at whose other end the chip is


class OtherEngine(msgspec.Struct, frozen=True):
    """Cells that run another engine of the same family: machine code on an emulated chip, or a board on a desk."""

    cells: list[int]
    rule: RulePayload


class LinkFault(msgspec.Struct, frozen=True):
    """One fault on the incoming edges of some cells; draws are pure in (seed, id, edge, incarnation, sequence).

    Or on their clocks ("drift", "jitter": cellnode/clockfault.py), or on what they compute and say ("stuck", "lie":
    cellnode/cellfault.py), which is wanted, held and repeated in the same way.
    """

    id: int
    kind: str  # loss burst delay reorder duplicate corrupt rate hold, drift jitter, stuck lie
    cells: list[int]  # victims: the incoming edges of these cells
    rate: float = 0.0  # probability that a frame is hit, 0..1 (burst: lost, within a burst). drift: 0.1 is 10 % slow.
    # jitter: each interval is within +- this share
    delay_intervals: float = 0.0  # in T. delay: longest (uniform) or mean; reorder: how late; duplicate: how far
    rng_seed: int = 0
    spread: float = 0.0  # drift: each cell's own is a uniform draw from rate +- this
    slots: list[int] = []  # one mask for each of `cells`: which of its 8 incoming edges; empty: all
    shape: str = "uniform"  # delay: one of cellnode.delays.SHAPES
    burst: float = 0.0  # burst: mean length of one, in frames of the sender
    gap: float = 0.0  # burst: mean length of what lies between two
    good: float = 0.0  # burst: probability that a frame between bursts is lost
    bits: int = 1  # corrupt: how many are flipped
    checked: bool = True  # corrupt: the receiver checks the CRC, and drops the frame
    per_interval: float = 0.0  # rate: frames in T that pass an edge
    places: int = 0  # rate: frames that wait for an edge; more are lost
    mode: str = ""  # lie: one of cellnode.cellfault.MODES
    lag: int = 1  # lie, mode "stale": how many frames ago
    channel: int = 0  # stuck: which of the 16
    level: float = 0.0  # stuck: at what value
    rule: RulePayload | None = None  # lie, mode "adversary": what its cells compute by, by value


class Placement(msgspec.Struct, frozen=True):
    """A block of the grid given to one host, and what to run there."""

    run: str  # 8 hex digits
    epoch: int  # placement epoch, stored durably by the coordinator before use; first half of every incarnation
    height: int
    width: int
    torus: bool
    cells: list[int]  # row-major cell ids of this host
    rule: RulePayload
    tag: int  # 32-bit hash of run and rule, in every frame
    rng_seed: int
    interval_ns: int  # mean wake interval T
    others: list[OtherEngine] = []  # cells that do not run `rule`'s engine
    record: str = ""  # folder that the agent writes a recording into; "": none is made
    patch: tuple[int, int] = (0, 0)  # rows and columns of cells that one process carries; (0, 0): a process a cell


class Door(msgspec.Struct, frozen=True, array_like=True):
    """Where a cell with neighbours on other hosts is found, and which incarnation of it there is."""

    cell: int
    endpoint: str  # tcp://ADDRESS:PORT
    epoch: int
    life: int
    on: bool  # it is bound
    key: str = ""  # public key of its host (CURVE, Z85); "": none is needed


# ---- coordinator -> agent. `id` is unique and rising, (coordinator epoch << 32) + counter; each gets one Done.


class Place(msgspec.Struct, frozen=True, tag_field="t", tag="place"):
    id: int
    placement: Placement


class Power(msgspec.Struct, frozen=True, tag_field="t", tag="power"):
    """on=False: SIGKILL these cells and keep them off. on=True: start them (again), empty, with a new life."""

    id: int
    cells: list[int]
    on: bool


class Fit(msgspec.Struct, frozen=True, tag_field="t", tag="fit"):
    """Start these cells anew, empty, with a new life, on this engine from now on; None: on that of most."""

    id: int
    cells: list[int]
    rule: RulePayload | None = None


class Freeze(msgspec.Struct, frozen=True, tag_field="t", tag="freeze"):
    """SIGSTOP (frozen=True) or SIGCONT these cells."""

    id: int
    cells: list[int]
    frozen: bool


class Poke(msgspec.Struct, frozen=True, tag_field="t", tag="poke"):
    """One-shot for these cells: kind "erase" (RAM lost), "seed" (state := `state`), "unmap" (give back the
    panel page: the cell goes on, and shows nothing any more), "map" (take it again), "harm" (a hardware fault)."""

    id: int
    kind: str
    cells: list[int]
    state: bytes = b""  # "seed": 16 values in the engine's dtype; "harm": a cellnode.harm.Harm in msgpack


class SetInterval(msgspec.Struct, frozen=True, tag_field="t", tag="interval"):
    id: int
    interval_ns: int


class SetPause(msgspec.Struct, frozen=True, tag_field="t", tag="pause"):
    """Stop or start all clocks by the word in the panel's header."""

    id: int
    paused: bool


class SetFaults(msgspec.Struct, frozen=True, tag_field="t", tag="faults"):
    """The whole wanted list of link faults (state, not an event): what is not in it is healed."""

    id: int
    faults: list[LinkFault]


class Wire(msgspec.Struct, frozen=True, tag_field="t", tag="wire"):
    """The whole list (state, not an event) of cells on other hosts that are neighbours of this agent's."""

    id: int
    doors: list[Door]


class Stop(msgspec.Struct, frozen=True, tag_field="t", tag="stop"):
    """Kill all cells, remove sockets and shared memory, answer, exit."""

    id: int


Command = Place | Power | Fit | Freeze | Poke | SetInterval | SetPause | SetFaults | Wire | Stop


# ---- agent -> coordinator


class Join(msgspec.Struct, frozen=True, tag_field="t", tag="join"):
    """Said on connecting and again whenever the coordinator was silent for 2 s (it may be a new one)."""

    version: int
    agent: str
    pid: int
    run: str
    coordinator_epoch: Epoch  # the highest it has obeyed
    placement_epoch: Epoch  # 0: has no placement, please place
    runtime: str
    panel: str  # path of the panel file, "" before a placement
    max_cells: int  # how many it could run (memory, processes, descriptors)
    interval_ns: int
    off: list[int]  # cells wanted off
    faults: list[LinkFault]


class Beat(msgspec.Struct, frozen=True, tag_field="t", tag="beat"):
    """Every 0.25 s: how far the host is. Counts are of this host's cells."""

    agent: str
    phase: str  # "idle" | "forking" | "binding" | "linking" | "running" | "stopping"
    placement_epoch: int
    wanted: int
    born: int
    bound: int
    linked: int
    dead: int
    behind: int  # cells that have not yet acknowledged their wanted state
    zygote_pid: int
    zygote_losses: int
    note: str = ""  # one line a person should see, e.g. which cells did not come up
    boards: list[int] = []  # cells whose place a board at a serial port has; one whose bridge died is not among them


class Done(msgspec.Struct, frozen=True, tag_field="t", tag="done"):
    """The one answer to a command, sent when all cells concerned have acknowledged, or names who has not."""

    id: int
    ok: bool
    error: str = ""
    missing: list[int] = []
    agent: str = ""


class Superseded(msgspec.Struct, frozen=True, tag_field="t", tag="superseded"):
    """The command came from a coordinator with a lower epoch than one already obeyed."""

    id: int
    coordinator_epoch: Epoch


class Doors(msgspec.Struct, frozen=True, tag_field="t", tag="doors"):
    """The whole list of this agent's cells that have neighbours on other hosts: said when it changes, and every 2 s."""

    agent: str
    placement_epoch: int
    doors: list[Door]


class Sheet(msgspec.Struct, frozen=True, tag_field="t", tag="sheet"):
    """What has changed in the agent's panel since the sheet that the coordinator names: `cellnode/sheets.py`. A large
    panel takes several, a round."""

    agent: str
    placement_epoch: int
    version: int  # of this sheet, rising
    asked_ns: int  # as in the `show` that it answers
    now_ns: int  # the agent's clock, in which the times on the panel are
    indices: bytes  # of the pages that differ, uint32 each
    pages: bytes  # their first `sheets.PART` bytes, one after the other, as a zlib stream
    base: int = 0  # version of the sheet that it builds upon; 0: on none, all pages follow anew
    left: int = 0  # pages that its round has not looked at yet; 0: it is the round's last


Report = Join | Beat | Done | Superseded | Doors | Sheet


class Welcome(msgspec.Struct, frozen=True, tag_field="t", tag="welcome"):
    """coordinator -> agent, every second: I am here (an agent that misses it for 2 s says Join again)."""

    coordinator_epoch: int


class Show(msgspec.Struct, frozen=True, tag_field="t", tag="show"):
    """coordinator -> agent: show me your panel; answered by one `Sheet`. The coordinator asks when it wants to see, so
    a slow line carries few sheets and never an old one."""

    asked_ns: int  # the coordinator's clock
    base: int  # version of the last sheet that it has; 0: none


_encoder = msgspec.msgpack.Encoder()
_commands: msgspec.msgpack.Decoder[Command | Welcome | Show] = msgspec.msgpack.Decoder(Command | Welcome | Show)
_reports: msgspec.msgpack.Decoder[Report] = msgspec.msgpack.Decoder(Report)


def encode(message: Command | Report | Welcome | Show) -> bytes:
    """The message's wire form (msgpack map with its tag under "t")."""
    return _encoder.encode(message)


def strictly(decoder: msgspec.msgpack.Decoder[Message], data: bytes) -> Message:
    """The message in `data`; msgspec.DecodeError for any other bytes whatsoever (a bare decoder also lets text that is
    no UTF-8 and arrays nested without end out as other errors)."""
    try:
        return decoder.decode(data)
    except msgspec.DecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from None


def decode_command(data: bytes) -> Command | Welcome | Show:
    """What an agent may receive. Raises msgspec.ValidationError or msgspec.DecodeError."""
    return strictly(_commands, data)


def decode_report(data: bytes) -> Report:
    """What a coordinator may receive. Raises msgspec.ValidationError or msgspec.DecodeError."""
    return strictly(_reports, data)
