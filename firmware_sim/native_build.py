"""Compile one C or C++ source with the system's compiler into the user's cache, and load it.

Native code is always optional: whoever calls `load` catches `NativeUnavailable`, says its one line and does the
same work slower in NumPy or torch. The file name holds a hash of source, compiler, flags and processor, so a
changed source is built anew and a shared home directory never hands one machine's code to another; it is written by
rename, so two processes that build at once both end well. Never downloads, never writes outside the cache. Imports
the standard library only.

`PLANARIA_NATIVE=0` switches all native code off; `CC` and `CXX` choose the compilers.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from firmware_sim.errors import PlanariaError

COMPILE_TIMEOUT_S = 180
CANDIDATES = {"c": ("cc", "gcc", "clang"), "c++": ("c++", "g++", "clang++")}


class NativeUnavailable(PlanariaError):  # noqa: N818 - reads as a sentence where it is raised
    """There is no native code here and why, in one line; never fatal."""


def cache_dir() -> Path:
    """The private folder compiled code lives in, made if missing; refused when somebody else could write there."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "planaria" / "native"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise NativeUnavailable(f"no cache folder for native code at {folder}: {error.strerror}") from error
    if found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NativeUnavailable(f"{folder} can be written by others: make it yours (chmod 700) to use native code")
    return folder


def compiler(language: str) -> str:
    """Path of the compiler for "c" or "c++"."""
    named = os.environ.get("CC" if language == "c" else "CXX")
    for name in (named,) if named else CANDIDATES[language]:
        found = shutil.which(name)
        if found:
            return found
    raise NativeUnavailable(f"no {language} compiler found (tried {named or ', '.join(CANDIDATES[language])})")


def build(source: Path, *, language: str = "c", flags: Sequence[str] = ("-O2",)) -> Path:
    """Path of the shared library made from `source`, compiled only if the cache has none yet."""
    if os.environ.get("PLANARIA_NATIVE") == "0":
        raise NativeUnavailable("native code is switched off (PLANARIA_NATIVE=0)")
    tool = compiler(language)
    command = [tool, *flags, "-shared", "-fPIC"]
    name = f"{source.stem}-{_fingerprint(source, command)}.so"
    library = cache_dir() / name
    if library.exists():
        return library
    handle, made = tempfile.mkstemp(dir=library.parent, prefix=f".{source.stem}-", suffix=".so")
    os.close(handle)
    try:
        done = subprocess.run(
            [*command, str(source), "-o", made], capture_output=True, text=True, timeout=COMPILE_TIMEOUT_S, check=False
        )
        if done.returncode != 0:
            raise NativeUnavailable(f"{tool} could not compile {source.name}: {_first_error(done.stderr)}")
        Path(made).replace(library)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NativeUnavailable(f"{tool} could not compile {source.name}: {error}") from error
    finally:
        Path(made).unlink(missing_ok=True)
    return library


def load(
    source: Path,
    *,
    language: str = "c",
    flags: Sequence[str] = ("-O2",),
    self_test: Callable[[ctypes.CDLL], bool] | None = None,
) -> ctypes.CDLL:
    """The compiled and loaded library; `self_test` must answer True, or the library is not used."""
    path = build(source, language=language, flags=flags)
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise NativeUnavailable(f"{path.name} could not be loaded: {error}") from error
    if self_test is not None and not self_test(library):
        raise NativeUnavailable(f"{path.name} failed its self-test and is not used")
    return library


def _fingerprint(source: Path, command: Sequence[str]) -> str:
    version = subprocess.run(
        [command[0], "--version"], capture_output=True, timeout=COMPILE_TIMEOUT_S, check=False
    ).stdout
    parts = (source.read_bytes(), version, "\0".join(command).encode(), _processor().encode())
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()[:20]


def _processor() -> str:
    """What -march=native depends on: machine and, on Linux, the instruction sets of the first processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    kept: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "flags", "Features"):
            kept.setdefault(key.strip(), value.strip())
    return f"{platform.system()} {platform.machine()} {sorted(kept.items())}"


def _first_error(text: str) -> str:
    lines = [line for line in text.splitlines() if "error" in line.lower()] or text.splitlines() or ["no message"]
    return lines[0].strip()[:200]
