"""docs/faults.md and docs/faults hold the catalogue: they are made from it, and their examples are understood."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator import faults, scenario
from coordinator.actions import Inject
from coordinator.faults import handbook
from coordinator.faults.prose import prose
from coordinator.verbs import Verbs

DOCS = Path(__file__).parents[2] / "docs"
AGAIN = "the catalogue has changed: run python -m coordinator.faults.handbook docs"


class Asked(Verbs):
    """A swarm that keeps what it is asked to do."""

    centre = "cell:20,20"

    def perform(self, action: Inject) -> Inject:  # type: ignore[override]
        return action


def test_the_table_is_made_from_the_catalogue() -> None:
    page = (DOCS / "faults.md").read_text()
    assert handbook.with_table(page) == page, AGAIN


def test_there_is_a_page_for_every_kind_and_no_other() -> None:
    kept = {path.name: path.read_text() for path in (DOCS / "faults").iterdir()}
    assert kept == handbook.pages(handbook.results(DOCS)), AGAIN


def test_every_kind_is_described_and_nothing_else() -> None:
    assert set(prose()) == set(faults.KINDS)


@pytest.mark.parametrize("kind", list(faults.KINDS))
def test_the_example_of_a_kind_means_the_same_as_command_in_a_scenario_and_in_python(kind: str, tmp_path: Path) -> None:
    told = prose()[kind]
    asked = faults.parse(told.words)
    assert asked.fault == kind and told.about.strip() and told.counted and told.expect.strip()
    page = (DOCS / "faults" / f"{kind}.md").read_text()
    assert f"planaria inject latest {told.example}\n" in page
    file = tmp_path / "scenario.toml"
    file.write_text(page.partition("```toml\n")[2].partition("```")[0])
    (step,) = scenario.load(file)
    line = page.partition("```python\n")[2].partition("```")[0]
    written = eval(line, {"swarm": Asked()})  # the line stands in our own page
    for action in (step.action, written):
        assert isinstance(action, Inject) and complete(action) == complete(asked)


def complete(action: Inject) -> tuple[object, ...]:
    """What it means, with the parameters that are left out filled in."""
    parameters = faults.check(action.fault, action.parameters, action.duration)
    return action.fault, action.select, action.duration, action.keep, action.up, action.down, parameters
