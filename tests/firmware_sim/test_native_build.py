"""Native code is built once, is private, and its absence is one line and never fatal."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from firmware_sim.native_build import NativeUnavailable, build, cache_dir, compiler, load

SOURCE = "int answer(void) { return 42; }\n"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    try:
        compiler("c")
    except NativeUnavailable as reason:
        pytest.skip(str(reason))
    path = tmp_path / "answer.c"
    path.write_text(SOURCE)
    return path


def right(library: ctypes.CDLL) -> bool:
    return int(library.answer()) == 42


def test_a_source_is_compiled_once_and_loaded(source: Path) -> None:
    library = build(source)
    made = library.stat().st_mtime_ns
    assert load(source, self_test=right).answer() == 42
    assert library.stat().st_mtime_ns == made and library.parent == cache_dir()
    assert [path.name for path in cache_dir().iterdir()] == [library.name]


def test_a_changed_source_or_flag_is_another_library(source: Path) -> None:
    names = {build(source).name, build(source, flags=("-O1",)).name}
    source.write_text(SOURCE.replace("42", "43"))
    names.add(build(source).name)
    assert len(names) == 3
    with pytest.raises(NativeUnavailable, match="self-test"):
        load(source, self_test=right)


def test_a_compile_error_is_one_line_and_leaves_nothing(source: Path) -> None:
    source.write_text("int answer(void) { return nonsense; }\n")
    with pytest.raises(NativeUnavailable, match="could not compile") as caught:
        build(source)
    assert "\n" not in str(caught.value) and list(cache_dir().iterdir()) == []


def test_a_cache_that_others_can_write_to_is_not_used(source: Path) -> None:
    cache_dir().chmod(0o777)
    with pytest.raises(NativeUnavailable, match="chmod 700"):
        build(source)


def test_no_compiler_or_switched_off_is_said(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(NativeUnavailable, match="no-such-compiler"):
        build(source)
    monkeypatch.setenv("PLANARIA_NATIVE", "0")
    with pytest.raises(NativeUnavailable, match="switched off"):
        build(source)


def test_a_damaged_library_in_the_cache_is_not_loaded(source: Path) -> None:
    build(source).write_bytes(b"not a library")
    with pytest.raises(NativeUnavailable, match="could not be loaded"):
        load(source)
