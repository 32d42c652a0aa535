"""What the fixture `start` is: a function that starts a swarm, in a module of its own for `conftest` is everybody's."""

from __future__ import annotations

from collections.abc import Callable

from coordinator import Swarm

Start = Callable[..., Swarm]
