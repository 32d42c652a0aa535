"""Between patches of different hosts: a listener gets the words that it asks for, by keys that are known, and counts
what is said in another's name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
import zmq
from toys import TAG, T

from cellnode.curve import KeyPair
from cellnode.frame import Frame, beginnings, encode
from cellnode.patchcontrol import Peer
from cellnode.patchsockets import Ears, Mouths, make_context

pytestmark = pytest.mark.system
PEER, ME = 7, 3  # patches
NEAR, NEEDED, OTHER = 50, 51, 200  # cells of the peer; a short and two long numbers on the wire


def frame(cell: int, sequence: int = 1, flags: int = 0) -> bytes:
    return encode(Frame(flags, TAG, cell, 1, 1, sequence, 1, bytes(16)))


def test_a_frame_begins_as_its_cells_frames_do_and_as_no_other_cells() -> None:
    for cell in (0, 1, 127, 128, 255, 256, 65_535, 65_536, 16_777_214):
        for flags in (0, 1):
            data = frame(cell, 9, flags)
            assert data.startswith(beginnings(TAG, cell))
            assert not any(data.startswith(beginnings(TAG, other)) for other in (cell + 1, 2, 300, 70_000))


class Line:
    """A patch of another host that speaks through its door, and our ears, which need two of its cells."""

    def __init__(self, keys: bool) -> None:
        self.mine, self.theirs = (KeyPair.fresh(), KeyPair.fresh()) if keys else (None, None)
        self.known = {self.mine.public} if self.mine else set()
        self.contexts = [make_context(), make_context()]
        self.mouths = Mouths(self.contexts[0], {}, [ME])
        self.port = self.mouths.open_door("127.0.0.1", 0, self.theirs, lambda key: key if key in self.known else None)
        self.ears = Ears(self.contexts[1], {PEER: [NEAR, NEEDED]}, TAG, 0, self.mine)
        self.spoofed = 0
        self.ears.on_spoofed = self._count
        self.heard: list[bytes] = []
        self.wire()

    def _count(self) -> None:
        self.spoofed += 1

    def wire(self) -> None:
        key = "" if self.theirs is None else self.theirs.public
        self.ears.wire([Peer(PEER, f"tcp://127.0.0.1:{self.port}", 1, key)], T)

    def speak(self, cells: list[int], done: Callable[[], bool], seconds: float = 15) -> bool:
        end = time.monotonic() + seconds
        while not done() and time.monotonic() < end:
            for cell in cells:
                self.mouths.say((ME,), frame(cell))
            time.sleep(0.02)
            self.heard += self.ears.drain()
        return done()

    def close(self) -> None:
        self.contexts[1].destroy(0)
        self.mouths.close()
        self.contexts[0].term()


@pytest.fixture(params=[False, True], ids=["open", "with keys"])
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    line = Line(request.param)
    yield line
    line.close()


def test_of_all_that_is_said_at_a_door_only_what_is_needed_crosses_the_line(line: Line) -> None:
    assert line.speak([OTHER, NEAR, OTHER, NEEDED], lambda: {frame(NEAR), frame(NEEDED)} <= set(line.heard))
    assert frame(OTHER) not in line.heard and line.spoofed == 0
    line.ears.wire([], T)
    line.heard.clear()
    assert not line.speak([NEAR], lambda: bool(line.heard), 0.3), "nobody there is a neighbour any more"


def test_a_host_that_is_not_known_hears_nothing_until_it_is() -> None:
    line = Line(True)
    line.known.clear()
    assert not line.speak([NEAR], lambda: bool(line.heard), 0.5)
    line.known.add(line.mine.public if line.mine else "")
    assert line.speak([NEAR], lambda: bool(line.heard)), "it tries again by itself"
    line.known.clear()
    assert line.mouths.readmit() == line.port
    line.ears.drain()
    line.heard.clear()
    assert not line.speak([NEAR], lambda: bool(line.heard), 1.0), "taken back, what stood is cut"
    line.close()


def test_what_a_host_says_unasked_for_a_cell_of_another_is_counted_and_not_heard() -> None:
    """A speaker that does not care what was asked for: a bare socket in the place of the door."""
    context, theirs = make_context(), KeyPair.fresh()
    liar = context.socket(zmq.XPUB)
    liar.setsockopt(zmq.LINGER, 0)
    liar.setsockopt(zmq.CURVE_SERVER, 1)
    liar.setsockopt_string(zmq.CURVE_SECRETKEY, theirs.secret)
    liar.setsockopt(zmq.XPUB_MANUAL, 1)
    port = liar.bind_to_random_port("tcp://127.0.0.1")
    spoofed: list[bool] = []
    ears = Ears(context, {PEER: [NEAR]}, TAG, 0, KeyPair.fresh())
    ears.on_spoofed = lambda: spoofed.append(True)
    ears.wire([Peer(PEER, f"tcp://127.0.0.1:{port}", 1, theirs.public)], T)
    assert liar.poll(10_000), "somebody has asked for something"
    while liar.poll(200):
        liar.recv()
        liar.setsockopt(zmq.SUBSCRIBE, b"")  # and gets everything
    heard, end = list[bytes](), time.monotonic() + 10
    while not (spoofed and heard) and time.monotonic() < end:
        for data in (frame(OTHER), frame(NEAR), b"no frame"):
            liar.send(data)
        time.sleep(0.02)
        heard += ears.drain()
    assert spoofed and set(heard) <= {frame(NEAR), b"no frame"}, "what is no frame is the patch's to count"
    context.destroy(0)
