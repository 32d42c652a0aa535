"""The sealed chain: any byte changed is found, any end cut off leaves all whole chunks."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellnode.chunks import HEADER, Damaged, Kind, Writer, last, read
from firmware_sim.errors import BadInput

BODIES = (b"head", b"first rows", b"", b"more rows")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    writer = Writer(tmp_path / "one.rec")
    for number, body in enumerate(BODIES):
        writer.write(Kind.HEAD if not number else Kind.ROWS, body, number, 10 * number, 10 * number + 5)
    writer.close()
    return tmp_path / "one.rec"


def test_chunks_come_back_as_they_were_written(path: Path) -> None:
    found = list(read(path))
    assert tuple(chunk.body for chunk in found) == BODIES
    assert [(chunk.rows, chunk.from_ns, chunk.to_ns) for chunk in found] == [
        (0, 0, 5),
        (1, 10, 15),
        (2, 20, 25),
        (3, 30, 35),
    ]
    assert [chunk.kind for chunk in found] == [Kind.HEAD] + 3 * [Kind.ROWS]
    assert last(path) == (Kind.ROWS, found[-1].seal)


def test_every_changed_byte_is_found_and_what_lies_before_it_still_counts(path: Path) -> None:
    whole = path.read_bytes()
    starts = [chunk.at for chunk in read(path)]
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        seen = []
        with pytest.raises(BadInput) as caught:
            for chunk in read(path):
                seen.append(chunk)
        own = max(start for start in starts if start <= place)
        assert [chunk.at for chunk in seen] == [start for start in starts if start < own]
        assert isinstance(caught.value, Damaged) and caught.value.at == own


def test_a_file_cut_off_anywhere_is_whole_up_to_its_last_whole_chunk(path: Path) -> None:
    whole = path.read_bytes()
    ends = [chunk.at + HEADER + len(chunk.body) for chunk in read(path)]
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert len(list(read(path))) == sum(end <= length for end in ends)


def test_a_chunk_of_another_chain_does_not_fit(path: Path, tmp_path: Path) -> None:
    other = Writer(tmp_path / "two.rec")
    other.write(Kind.HEAD, b"another head")
    other.write(Kind.ROWS, BODIES[1], 1, 10, 15)
    other.close()
    at = next(chunk.at for chunk in read(tmp_path / "two.rec") if chunk.number == 1)
    stolen = (tmp_path / "two.rec").read_bytes()[at:]
    head = path.read_bytes()[: HEADER + len(BODIES[0])]
    path.write_bytes(head + stolen)
    with pytest.raises(Damaged, match="another chain"):
        list(read(path))


def test_a_file_is_never_written_over(path: Path) -> None:
    with pytest.raises(FileExistsError):
        Writer(path)
