"""The notebooks of the documentation: kept without outputs, and run from top to bottom with what they find."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "docs" / "notebooks"
NAMES = ("api", "own_rule", "fault_experiment")
CELL_S = 240  # a cell may take so long on a machine with much else to do


def lived(name: str, folder: Path) -> dict[str, Any]:
    """What the last cell shows once all have been run in `folder`; an error in any of them is raised here."""
    book = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    NotebookClient(book, timeout=CELL_S, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    shown: dict[str, Any] = ast.literal_eval(book.cells[-1].outputs[-1]["data"]["text/plain"])
    return shown


@pytest.fixture
def kernel_folder(runtime_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to live in, with nothing of the user's own Jupyter or IPython settings."""
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    return tmp_path


def test_the_folder_holds_these_notebooks_and_no_other() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_kept_without_outputs_counts_and_traces_of_a_machine(name: str) -> None:
    book = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    nbformat.validate(book)
    for cell in book.cells:
        assert cell.cell_type == "markdown" or (cell.outputs == [] and cell.execution_count is None), cell.id
        assert cell.metadata == {}, f"{cell.id} carries {cell.metadata}"
    assert set(book.metadata) == {"kernelspec", "language_info"}
    assert book.metadata.kernelspec.name == "python3" and set(book.metadata.language_info) == {"name"}


@pytest.mark.parametrize("name", NAMES)
def test_what_a_notebook_links_to_is_there(name: str) -> None:
    book = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        assert link.startswith("https://") or (NOTEBOOKS / link).exists(), f"{name} links to {link}"


@pytest.mark.system
def test_the_notebook_of_the_api_breaks_swarms_and_sees_them_heal(kernel_folder: Path) -> None:
    found = lived("api", kernel_folder)
    assert found["same_bytes"] and found["recovered"] == [True] * 3 and found["hits"] == [True] * 3
    assert found["mended"] < -5
    assert (found["processes"], found["killed"]) == (64, 32)
    assert found["healed"] and found["broken"] == []


@pytest.mark.system
def test_the_notebook_of_an_own_rule_makes_one_that_every_engine_grows(kernel_folder: Path) -> None:
    found = lived("own_rule", kernel_folder)
    assert found["same_as_dot"], "exchanged colours change no arithmetic"
    assert set(found["losses"]) == {"chip", "numpy", "onnx", "imported"}
    assert max(*found["losses"].values(), found["swarm"]) < -4.5
    assert found["processes"] == 64 and "atmega328p" in found["chips"]


@pytest.mark.system
def test_the_notebook_of_an_experiment_finds_where_the_dot_breaks(kernel_folder: Path) -> None:
    found = lived("fault_experiment", kernel_folder)
    assert found["verdicts"] == ["pass", "pass", "unknown"] and found["recovered"] == [20, 20, 14]
    assert found["censored"] == [0, 0, 6]
    low, high = found["interval"]
    assert 0.9 < low < found["threshold"] < high < 1.0 and high - low <= 0.06
    assert found["swarms"] <= 200
