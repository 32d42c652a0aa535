"""The rule folder: written whole or not at all, read only if every part is what `rule.json` says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from samples import random_rule

from firmware_sim import folder, golden, onnx_rule
from firmware_sim.engines import ENGINE_NAMES, NumpyEngine, make_engine
from firmware_sim.errors import BadInput
from firmware_sim.genome import Genome
from firmware_sim.limits import Limits

TARGET = np.random.default_rng(0).integers(0, 256, (5, 7, 4)).astype(np.float32) / 255
RULE = random_rule(0, limits=Limits("round", hidden_max=2.0))


@pytest.fixture
def saved(tmp_path: Path) -> folder.RuleFolder:
    return folder.save(
        tmp_path / "blob",
        name="blob",
        rule=RULE,
        genome=Genome.quantise(RULE),
        target=TARGET,
        target_source="random",
        regime="growing",
        losses={"float@96": -3.0, "exploded": float("nan")},
        trained={"steps": 10, "seed": 1},
    )


def test_what_is_saved_is_loaded(saved: folder.RuleFolder) -> None:
    again = folder.load(saved.path)
    assert again.info == saved.info
    assert (again.name, again.info.regime, again.info.hidden) == ("blob", "growing", 32)
    assert again.limits == RULE.limits == again.rule().limits
    assert np.array_equal(again.rule().w1, RULE.w1)
    genome = again.genome()
    assert genome is not None
    assert genome.to_bytes() == Genome.quantise(RULE).to_bytes()
    assert np.array_equal(again.target(), TARGET)
    assert again.info.losses == {"float@96": -3.0, "exploded": None}
    assert again.sha256 == saved.sha256
    assert sorted(path.name for path in saved.path.iterdir()) == sorted(folder.MAX_FILE_BYTES)


def test_every_engine_reproduces_the_golden_vectors(saved: folder.RuleFolder) -> None:
    vectors = saved.golden()
    assert vectors is not None
    for name in ENGINE_NAMES:
        assert golden.mismatch(make_engine(name, saved), vectors) is None
    wrong = golden.mismatch(NumpyEngine(random_rule(9)), vectors)
    assert wrong is not None
    assert "golden sample" in wrong


def test_golden_vectors_hold_random_extreme_and_empty_samples(saved: folder.RuleFolder) -> None:
    vectors = saved.golden()
    assert vectors is not None
    assert vectors.int8_in is not None
    assert (vectors.int8_in == 127).all(axis=(1, 2, 3)).any()
    assert not vectors.int8_in[0].any()
    assert len(vectors.float_in) > 60
    assert 0.3 < vectors.float_out.any(axis=1).mean() < 1


def test_the_identity_is_the_content_not_the_place(saved: folder.RuleFolder, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(saved.path, tmp_path / "elsewhere"))
    assert folder.load(copied).sha256 == saved.sha256
    other = folder.save(tmp_path / "other", name="blob", rule=random_rule(1))
    assert other.sha256 != saved.sha256
    assert other.genome() is None
    assert other.target() is None


def test_a_folder_that_is_in_use_is_refused_and_an_empty_one_is_filled(tmp_path: Path) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "note.txt").write_text("mine")
    with pytest.raises(BadInput, match="exists already and is not empty"):
        folder.save(tmp_path / "used", name="x", rule=RULE)
    (tmp_path / "empty").mkdir()
    folder.save(tmp_path / "empty", name="x", rule=RULE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "used"], "no drafts are left behind"


@pytest.mark.parametrize("changes", [{"name": ""}, {"name": "a/b"}, {"regime": "wild"}])
def test_a_save_that_is_refused_leaves_nothing(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=next(iter(changes))):
        folder.save(tmp_path / "out", **{"name": "x", "rule": RULE, **changes})
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"):
        folder.save(tmp_path / "file" / "deeper", name="x", rule=RULE)


def test_a_bare_onnx_file_is_a_rule(saved: folder.RuleFolder) -> None:
    bare = folder.load(saved.path / "rule.onnx")
    assert bare.genome() is None
    assert bare.golden() is None
    assert np.array_equal(bare.rule().w1, RULE.w1)
    assert bare.limits == RULE.limits
    with pytest.raises(BadInput, match="this rule has no genome"):
        make_engine("chip", bare)


def test_other_channels_make_a_folder_without_a_genome(tmp_path: Path) -> None:
    rule = random_rule(0, channels=8)
    saved = folder.save(tmp_path / "c8", name="c8", rule=rule)
    vectors = saved.golden()
    assert saved.info.channels == 8
    assert vectors is not None
    assert golden.mismatch(make_engine("onnx", saved), vectors) is None


def rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    info = json.loads((path / "rule.json").read_text())
    change(info)
    (path / "rule.json").write_text(json.dumps(info))


def flip(name: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        blob = bytearray((path / name).read_bytes())
        blob[len(blob) // 2] ^= 1
        (path / name).write_bytes(blob)

    return change


def cut(name: str) -> Callable[[Path], None]:
    return lambda path: (path / name).write_bytes((path / name).read_bytes()[:-1]) and None


def remove(name: str) -> Callable[[Path], None]:
    return lambda path: (path / name).unlink()


def info(**values: Any) -> Callable[[Path], None]:
    return lambda path: rewrite(path, lambda found: found.update(values))


def consistent(name: str, blob: bytes) -> Callable[[Path], None]:
    """Another file with the right hash: what the hashes alone would not catch."""
    import hashlib

    def change(path: Path) -> None:
        (path / name).write_bytes(blob)
        rewrite(path, lambda found: found["files"].update({name: hashlib.sha256(blob).hexdigest()}))

    return change


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        *[(flip(name), f"{name}: its sha256 is not") for name in sorted(set(folder.MAX_FILE_BYTES) - {"rule.json"})],
        *[(cut(name), f"{name}: its sha256 is not") for name in ("rule.onnx", "genome.bin")],
        (remove("genome.bin"), "genome.bin is missing"),
        (remove("rule.onnx"), "rule.onnx is missing"),
        (remove("rule.json"), "rule.json is missing"),
        (lambda path: (path / "rule.json").write_text("{"), "rule.json: "),
        (lambda path: (path / "rule.json").write_bytes(b"\xff\xfe"), "rule.json: "),
        (lambda path: (path / "rule.json").write_bytes(b" " * 300_000), "larger than"),
        (info(colour="green"), "unknown field `colour`"),
        (info(format=2), "format 2, this program reads format 1"),
        (info(channels=12), "channels 12, but rule.onnx has 16"),
        (info(channels="16"), "Expected `int`"),
        (info(limits=Limits().to_dict()), "limits differ"),
        (info(limits={}), "key 'limit' is missing"),
        (info(regime="wild"), "regime 'wild'"),
        (info(quantisation=None), "quantisation differs"),
        (info(target={"height": 5, "width": 5}), "target is"),
        (consistent("genome.bin", b"PLN"), "too short"),
        (consistent("target.png", b"no picture"), "not an image"),
        (consistent("golden.npz", b"no archive"), "not readable as golden vectors"),
        (consistent("rule.onnx", b"no graph"), "not an ONNX file"),
        (consistent("rule.onnx", onnx_rule.write(random_rule(channels=12))), "channels 16, but rule.onnx has 12"),
    ],
)
def test_whatever_is_off_is_named_in_one_line(
    saved: folder.RuleFolder, damage: Callable[[Path], None], words: str
) -> None:
    damage(saved.path)
    with pytest.raises(BadInput, match=words) as caught:
        folder.load(saved.path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", ["no-such-rule", "no/such/folder", "x" * 5000, "a\0b"])
def test_what_is_no_rule_at_all_says_what_would_be(given: str) -> None:
    with pytest.raises(BadInput, match=r"give a rule folder, an \.onnx file or a built-in name"):
        folder.load(given)


def test_other_files_are_no_rule(tmp_path: Path) -> None:
    (tmp_path / "rule.txt").write_text("grow!")
    with pytest.raises(BadInput, match=r"a rule is a folder or an \.onnx file"):
        folder.load(tmp_path / "rule.txt")
