"""The rule folder: `rule.onnx`, `genome.bin`, `rule.json`, `target.png`, `golden.npz`, read, checked and written.

Everything is read once and hashed, and what was hashed is what is used.  `load` takes a folder, a bare ONNX file from
anybody, or the name of a built-in rule; `save` writes a folder whole or not at all.  It never computes an update.
Imports: msgspec, errors, genome, golden, limits, onnx_check, onnx_rule, rule, ruleinfo, targets.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from firmware_sim import golden as golden_vectors
from firmware_sim import onnx_rule, targets
from firmware_sim.errors import BadInput
from firmware_sim.genome import MAX_GENOME_BYTES, Genome
from firmware_sim.golden import MAX_GOLDEN_BYTES, Golden
from firmware_sim.limits import Limits
from firmware_sim.onnx_check import MAX_BYTES as MAX_ONNX_BYTES
from firmware_sim.rule import Floats, Rule
from firmware_sim.ruleinfo import FORMAT, REGIMES, RuleInfo, Scalar, TargetInfo, quantisation_of

ONNX, GENOME, INFO, TARGET, GOLDEN = "rule.onnx", "genome.bin", "rule.json", "target.png", "golden.npz"
MAX_FILE_BYTES = {  # one byte more than this is not read
    ONNX: MAX_ONNX_BYTES,
    GENOME: MAX_GENOME_BYTES,
    INFO: 1 << 18,
    TARGET: 1 << 22,
    GOLDEN: MAX_GOLDEN_BYTES,
}
BUILT_IN = Path(__file__).parent / "rules"
ADVERSARIES = Path(__file__).parent / "adversaries"  # rules that grow nothing: they are found by name, and not listed


@dataclass(frozen=True, eq=False, slots=True)
class RuleFolder:
    """A rule that passed every check.  `files` are the bytes by name, `path` where they came from."""

    path: Path
    info: RuleInfo
    files: Mapping[str, bytes]

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def limits(self) -> Limits:
        return Limits.from_dict(self.info.limits)

    @property
    def sha256(self) -> str:
        """One hash over the names and hashes of the parts, `rule.json` aside: the identity of what is computed."""
        lines = [f"{name} {digest}\n" for name, digest in sorted(self.info.files.items())]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def onnx_bytes(self) -> bytes:
        return self.files[ONNX]

    def rule(self) -> Rule:
        """The float rule; BadInput if the graph is somebody else's, whose weights we cannot read."""
        rule = onnx_rule.read_rule(self.files[ONNX], str(self.path))
        if rule is None:
            raise BadInput(f"{self.path}: a graph of another kind than ours, only engine onnx can run it")
        return rule

    def genome(self) -> Genome | None:
        blob = self.files.get(GENOME)
        return None if blob is None else Genome.from_bytes(blob, str(self.path / GENOME))

    def target(self) -> Floats | None:
        """float32 [h, w, 4], premultiplied, unpadded."""
        blob, info = self.files.get(TARGET), self.info.target
        if blob is None:
            return None
        return targets.from_png(blob, str(self.path / TARGET), premultiplied=info is None or info.premultiplied)

    def golden(self) -> Golden | None:
        blob = self.files.get(GOLDEN)
        return None if blob is None else golden_vectors.from_bytes(blob, self.info.channels, str(self.path / GOLDEN))


def builtin_names() -> list[str]:
    """The rules that come with the project."""
    return sorted(path.parent.name for path in BUILT_IN.glob(f"*/{INFO}"))


def adversary_names() -> list[str]:
    """The adversaries that come with the project."""
    return sorted(path.parent.name for path in ADVERSARIES.glob(f"*/{INFO}"))


def load(path_or_name: str | Path) -> RuleFolder:
    """A rule from a folder, a bare `.onnx` file or a built-in name.  BadInput, in one line, on anything off."""
    path = Path(path_or_name)
    try:
        is_file, is_folder, has_info = path.is_file(), path.is_dir(), (path / INFO).is_file()
    except OSError:  # a name too long for any file
        is_file = is_folder = has_info = False
    if is_file:
        return _load_bare(path)
    if has_info:
        return _load_folder(path)
    if str(path_or_name) in builtin_names():
        return _load_folder(BUILT_IN / str(path_or_name))
    if str(path_or_name) in adversary_names():
        return _load_folder(ADVERSARIES / str(path_or_name))
    if is_folder:
        raise BadInput(f"{path}: no rule folder, {INFO} is missing")
    known = ", ".join(builtin_names()) or "none"
    raise BadInput(
        f"{str(path_or_name)[:200]}: no such rule; give a rule folder, an .onnx file or a built-in name ({known})"
    )


def save(
    out_dir: str | Path,
    *,
    name: str,
    rule: Rule,
    genome: Genome | None = None,
    target: Floats | None = None,
    target_source: str = "",
    regime: str = "unknown",
    losses: Mapping[str, float] | None = None,
    origin: str = "",
    credit: str = "",
    trained: Mapping[str, Scalar] | None = None,
) -> RuleFolder:
    """Write a rule folder, with golden vectors, and load it again.  `target` is [h, w, 4], premultiplied.

    BadInput if `out_dir` exists and is not empty.  Written beside it and renamed, so that it is there whole or not.
    """
    out = Path(out_dir)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{out}: exists already and is not empty; give another --out or remove it")
    files = {ONNX: onnx_rule.write(rule)}
    if genome is not None:
        files[GENOME] = genome.to_bytes()
    if target is not None:
        files[TARGET] = targets.to_png(target)
    files[GOLDEN] = golden_vectors.to_bytes(golden_vectors.make(rule, genome))
    info = RuleInfo(
        name=name,
        regime=regime,
        channels=rule.channels,
        hidden=rule.hidden,
        limits=rule.limits.to_dict(),
        target=None if target is None else TargetInfo(height=len(target), width=target.shape[1], source=target_source),
        losses={key: value if math.isfinite(value) else None for key, value in (losses or {}).items()},
        quantisation=None if genome is None else quantisation_of(genome),
        files={part: hashlib.sha256(blob).hexdigest() for part, blob in files.items()},
        versions=_versions(),
        origin=origin,
        credit=credit,
        trained=dict(trained or {}),
    )
    files[INFO] = msgspec.json.format(msgspec.json.encode(info), indent=2) + b"\n"
    _check(RuleFolder(out, info, files))
    _write(out, files)
    return load(out)


def _load_bare(path: Path) -> RuleFolder:
    if path.suffix != ".onnx":
        raise BadInput(f"{path}: a rule is a folder or an .onnx file")
    blob = onnx_rule.read_file(path)
    rule = onnx_rule.read_rule(blob, str(path))
    info = RuleInfo(
        name=path.stem,
        channels=onnx_rule.channels_of(blob),
        hidden=None if rule is None else rule.hidden,
        limits=(onnx_rule.read_limits(blob) or Limits()).to_dict(),
        files={ONNX: hashlib.sha256(blob).hexdigest()},
    )
    return RuleFolder(path, info, {ONNX: blob})


def _load_folder(path: Path) -> RuleFolder:
    files = {part: _read(path / part, limit) for part, limit in MAX_FILE_BYTES.items() if (path / part).exists()}
    try:
        info = msgspec.json.decode(files[INFO], type=RuleInfo)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{path / INFO}: {error}") from error
    folder = RuleFolder(path, info, files)
    _check(folder)
    return folder


def _check(folder: RuleFolder) -> None:
    """All that `load` promises; BadInput names the file."""
    info, path = folder.info, folder.path
    if info.format != FORMAT:
        raise BadInput(f"{path / INFO}: format {info.format}, this program reads format {FORMAT}")
    if info.regime not in REGIMES:
        raise BadInput(f"{path / INFO}: regime {info.regime!r}, expected one of {', '.join(REGIMES)}")
    if not info.name or len(info.name) > 64 or not info.name.isprintable() or "/" in info.name:
        raise BadInput(f"{path / INFO}: name {info.name[:64]!r}, expected 1 to 64 printable characters without /")
    parts = set(folder.files) - {INFO}
    if ONNX not in parts:
        raise BadInput(f"{path}: {ONNX} is missing")
    for part in sorted(parts | set(info.files)):
        if part not in parts:
            raise BadInput(f"{path}: {part} is missing, {INFO} names it")
        if info.files.get(part) != hashlib.sha256(folder.files[part]).hexdigest():
            raise BadInput(f"{path / part}: its sha256 is not the one in {INFO}; the file was changed or damaged")
    _check_parts(folder)


def _check_parts(folder: RuleFolder) -> None:
    info, path = folder.info, folder.path
    blob = onnx_rule.validate(folder.files[ONNX], str(path / ONNX))
    if onnx_rule.channels_of(blob) != info.channels:
        raise BadInput(f"{path / INFO}: channels {info.channels}, but {ONNX} has {onnx_rule.channels_of(blob)}")
    limits = onnx_rule.read_limits(blob)
    if limits is not None and limits != folder.limits:
        raise BadInput(f"{path / INFO}: limits differ from those in {ONNX}")
    genome = folder.genome()
    if info.quantisation != (None if genome is None else quantisation_of(genome)):
        raise BadInput(f"{path / INFO}: quantisation differs from the header of {GENOME}")
    target = folder.target()
    size = None if info.target is None else (info.target.height, info.target.width)
    if (None if target is None else target.shape[:2]) != size:
        raise BadInput(
            f"{path / INFO}: target is {size}, but {TARGET} is {None if target is None else target.shape[:2]}"
        )
    folder.golden()


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            blob = file.read(limit + 1)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from error
    if len(blob) > limit:
        raise BadInput(f"{path}: larger than {limit} bytes")
    return blob


def _write(out: Path, files: Mapping[str, bytes]) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise BadInput(f"{out}: cannot be written ({error.strerror})") from error
    try:
        for name, blob in files.items():
            (draft / name).write_bytes(blob)
        draft.chmod(0o755)
        os.rename(draft, out)  # noqa: PTH104 - onto an empty folder too, which Path.rename documents less clearly
    except OSError as error:
        raise BadInput(f"{out}: cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _versions() -> dict[str, str]:
    versions: dict[str, Any] = {"numpy": np.__version__}
    for package in ("onnx", "planaria"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "source"
    return versions
