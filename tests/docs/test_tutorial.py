"""The tutorial is true: every command of it is run, in order, in an empty folder beside the documentation.

The one thing changed is the number of training steps; what the rest of the page is tried on is the rule that was made
by the very command of the page and lies beside it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tutorialpage import Block, blocks

from coordinator import Swarm
from firmware_sim import folder
from firmware_sim.boards.catalog import BOARDS, MAIN_BOARDS
from trainer import targets
from trainer.settings import Settings, quick

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
BESIDE = ROOT / "docs" / "tutorial"
FEW_STEPS = "20"
PATIENCE_S = 240.0  # on a machine with much else to do


def typed() -> list[Block]:
    return [block for block in blocks(PAGE.read_text()) if block.kind == "sh"]


def test_every_block_of_the_page_is_one_that_the_test_knows_how_to_read() -> None:
    found = blocks(PAGE.read_text())
    assert len(found) == PAGE.read_text().count("```") / 2, "a fence was not understood"
    assert {block.kind for block in found} == {"sh", "toml", ""}
    assert all(block.mark("file") for block in found if block.kind == "toml")
    marks = {mark.split(" ")[0] for block in found for mark in block.marks}
    assert marks == {"steps", "instead", "exactly", "beside", "below", "file", "ends"}


def test_the_rule_beside_the_tutorial_is_what_its_command_makes() -> None:
    (command,) = (block.text for block in typed() if block.text.startswith("planaria train"))
    found = re.fullmatch(r"planaria train (\S+) --quick --size (\d+) --steps (\d+) --out boat\n", command)
    assert found is not None, command
    size, steps = int(found[2]), int(found[3])
    settings = Settings(size=size, **quick("regenerating", steps))
    shipped = folder.load(BESIDE / "boat")
    assert settings.to_dict() == {k: v for k, v in shipped.info.trained.items() if k not in ("kernel", "torch")}
    target = shipped.target()
    assert target is not None
    np.testing.assert_allclose(target, targets.resolve(str(ROOT / found[1]), size).pixels, atol=1e-6)


def test_the_picture_is_the_one_that_its_script_draws() -> None:
    spec = importlib.util.spec_from_file_location("draw_boat", BESIDE / "draw_boat.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    pictures = (script.draw(), Image.open(BESIDE / "boat.png"))
    drawn, kept = (np.asarray(picture.convert("RGBA"), float) for picture in pictures)
    assert drawn.shape == kept.shape and np.abs(drawn - kept).mean() < 1


class Reader:
    """Types what the page says, in a folder with nothing but `docs` in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "docs").symlink_to(ROOT / "docs")
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        python = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        self._environment = {**os.environ, "PATH": path, "PYTHONPATH": python, "NO_COLOR": "1", "COLUMNS": "120"}
        self.beside: subprocess.Popen[str] | None = None
        self.said = ""  # by the last command

    def do(self, block: Block) -> None:
        if (name := block.mark("file")) is not None:
            (self.home / name).write_text(block.text)
        elif block.kind == "sh":
            self._type(block)
        elif block.kind == "" and block.mark("exactly") is not None:
            shown = [line.rstrip() for line in block.text.splitlines() if line.strip() not in ("", "...")]
            lines = [line.rstrip() for line in self.said.splitlines()]
            assert [line for line in shown if line not in lines] == [], f"the page shows other than this:\n{self.said}"

    def _type(self, block: Block) -> None:
        text = block.text
        if (steps := block.mark("steps")) is not None:
            assert f"--steps {steps} " in text
            text = text.replace(f"--steps {steps} ", f"--steps {FEW_STEPS} ")
        if (made := block.mark("instead")) is not None:
            assert (self.home / made / "rule.json").is_file(), "the command before made a rule, too"
            (self.home / made).rename(self.home / f"{made}-of-few-steps")
        if (loss := block.mark("below")) is not None:
            self._wait_until_below(float(loss))
        if block.mark("beside") is not None:
            out = (self.home / "beside.txt").open("w")
            self.beside = subprocess.Popen(
                text, shell=True, cwd=self.home, env=self._environment, stdout=out, stderr=out, text=True,
                start_new_session=True,
            )  # fmt: skip
            return
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.home, env=self._environment, capture_output=True, text=True, timeout=PATIENCE_S,
        )  # fmt: skip
        self.said = done.stdout
        print(f"$ {text}{done.stdout}{done.stderr[-600:]}")
        assert done.returncode == int(block.mark("ends") or 0), f"{text}{done.stdout}{done.stderr}"

    def _wait_until_below(self, loss: float) -> None:
        """The boat is there and no fault is on, as a reader sees on the screen. (An empty grid has -2.0.)"""
        run = self.home / "runs" / "boat" / "latest"
        end = time.monotonic() + PATIENCE_S
        while not (run / "events.jsonl").is_file() or '"seed"' not in (run / "events.jsonl").read_text():
            assert time.monotonic() < end, (self.home / "beside.txt").read_text()
            time.sleep(0.2)
        with Swarm.attach(str(run.resolve())) as swarm:
            while not (swarm.loss() or 0) < loss or any(fault.state == "active" for fault in swarm.faults()):
                assert time.monotonic() < end, swarm.measure().line
                time.sleep(0.2)

    def ended(self) -> int:
        assert self.beside is not None
        return self.beside.wait(PATIENCE_S)


@pytest.fixture
def reader(tmp_path: Path, runtime_root: Path) -> Any:
    reader = Reader(tmp_path)
    yield reader
    if reader.beside is not None and reader.beside.poll() is None:
        subprocess.run([Path(sys.executable).parent / "planaria", "stop", "latest"], cwd=tmp_path, check=False)
        reader.beside.wait(PATIENCE_S)


@pytest.mark.system
@pytest.mark.timeout(1200)
def test_all_that_the_tutorial_says_can_be_done_and_comes_out_as_it_says(reader: Reader) -> None:
    chips_here = all(subprocess.run(["which", BOARDS[name].compiler], capture_output=True).returncode == 0
                     for name in MAIN_BOARDS)  # fmt: skip
    for block in blocks(PAGE.read_text()):
        if "firmware" in block.text and not chips_here:
            continue
        reader.do(block)
    assert reader.ended() == 0, (reader.home / "beside.txt").read_text()
    measure = json.loads((reader.home / "runs" / "boat" / "latest" / "measure.json").read_text())
    assert measure["verdict"] == "pass" and measure["broken"] == []
