"""One genome for the tests that need any."""

from __future__ import annotations

import pytest
from firmware_inputs import ordinary_genome

from firmware_sim.genome import Genome


@pytest.fixture(scope="session")
def genome() -> Genome:
    return ordinary_genome()
