"""A stand-in for the base image `python:3.11-slim`, made from this machine's own Python, for where no registry is.

It holds that Python, a shell, a handful of commands, the libraries that these need, and the wheels of what the project
depends on, with a pip that looks nowhere else. So it proves what Dockerfile and compose file do, and nothing about the
real base image.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
from pathlib import Path

NAME = "python:3.11-slim"
COMMANDS = ("sh", "cat", "chmod", "chown", "cp", "env", "id", "ls", "mkdir", "rm", "sleep")
LEFT_OUT = ("test", "idlelib", "turtledemo", "site-packages", "dist-packages", "__pycache__", "tkinter")
PIP = "[global]\nno-index = true\nfind-links = /opt/wheels\n"
SETTINGS = ("ENV PATH=/usr/local/bin:/usr/bin", "ENV LANG=C.UTF-8", 'CMD ["python"]')


def fetch_wheels(root: Path, into: Path) -> str:
    """Download what pyproject.toml names, unless it is there; returns a digest of what was asked for."""
    project = tomllib.loads((root / "pyproject.toml").read_text())
    wanted = sorted([*project["project"]["dependencies"], *project["build-system"]["requires"]])
    digest = hashlib.sha256("\n".join([sys.version, *wanted]).encode()).hexdigest()[:12]
    stamp = into / f"{digest}.ready"
    if not stamp.exists():
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        command = [sys.executable, "-m", "pip", "download", "-q", "--only-binary", ":all:", "-d", str(into), *wanted]
        subprocess.run(command, check=True, timeout=600)
        stamp.touch()
    return digest


def make(tar: Path, wheels: Path) -> None:
    """The image's files as a tar, for `docker import`."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    python = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
    library = Path(sysconfig.get_path("stdlib"))
    binaries = [python, *(Path(shutil.which(name) or f"/bin/{name}").resolve() for name in COMMANDS)]
    needed = _libraries([*binaries, *library.glob("lib-dynload/*.so")])
    partial = tar.with_suffix(".partial")
    with tarfile.open(partial, "w") as image:
        for folder in ("usr/lib", "usr/lib64", "usr/bin", "usr/local/bin", "etc", "opt/wheels", "root", "proc", "sys"):
            image.addfile(_entry(folder, tarfile.DIRTYPE, 0o755))
        image.addfile(_entry("tmp", tarfile.DIRTYPE, 0o1777))
        for link, target in {"lib": "usr/lib", "lib64": "usr/lib64", "bin": "usr/bin"}.items():
            image.addfile(_entry(link, tarfile.SYMTYPE, 0o777, target))
        image.add(python, f"usr/local/bin/{version}")
        for link in ("python", "python3"):
            image.addfile(_entry(f"usr/local/bin/{link}", tarfile.SYMTYPE, 0o777, version))
        image.add(library, f"usr/local/lib/{version}", filter=_wanted)
        if Path("/usr/share/python-wheels").is_dir():  # where Debian's own Python keeps the pip of its environments
            image.add("/usr/share/python-wheels", "usr/share/python-wheels")
        for name, path in zip(COMMANDS, binaries[1:], strict=True):
            image.add(path, f"usr/bin/{name}")
        for path in needed:
            inside = str(path).lstrip("/").removeprefix("usr/")
            image.add(path.resolve(), f"usr/{inside}" if inside.startswith("lib") else f"usr/lib/{path.name}")
        for wheel in sorted(wheels.glob("*.whl")):
            image.add(wheel, f"opt/wheels/{wheel.name}")
        _write(image, "etc/pip.conf", PIP)
        _write(image, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
        _write(image, "etc/group", "root:x:0:\n")
    partial.replace(tar)


def _libraries(files: list[Path]) -> list[Path]:
    """Shared libraries that these files, or wheels, load."""
    said = subprocess.run(["ldd", *map(str, files)], capture_output=True, text=True, check=False).stdout
    found = set(re.findall(r"(?:=>\s*|^\s*)(/\S+)\s+\(0x", said, re.MULTILINE))
    known = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    for name in ("libstdc++.so.6", "libgcc_s.so.1", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1"):
        found |= set(re.findall(rf"{re.escape(name)} \(libc6.*\) => (\S+)", known)[:1])
    return sorted(map(Path, found))


def _wanted(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    name = os.path.basename(entry.name)  # noqa: PTH119 - a name inside the tar
    return None if name in LEFT_OUT or name.startswith("config-") or name.endswith(".a") else entry


def _entry(name: str, kind: bytes, mode: int, target: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.linkname = kind, mode, target
    return entry


def _write(image: tarfile.TarFile, name: str, text: str) -> None:
    entry = _entry(name, tarfile.REGTYPE, 0o644)
    entry.size = len(text.encode())
    image.addfile(entry, io.BytesIO(text.encode()))
