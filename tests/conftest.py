"""What tests share: the same random examples every time, a private runtime root, the proof that nothing was left in it.

`make test` draws the same examples wherever it runs, so that what passed here passes there;
`make campaign CAMPAIGN=fuzz` (tools/fuzz.py) draws others for as long as one likes, and a find becomes an example.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("repeated", derandomize=True)
settings.register_profile("explored", derandomize=False)
settings.load_profile(os.environ.get("PLANARIA_EXAMPLES", "repeated"))

# A shell that starts the tests in the background has them ignore Ctrl-C, and all whom they start inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def runtime_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runtime root of this test's own; nothing may be left in it at the end, neither file nor process."""
    root = Path(f"/dev/shm/pt-{os.getpid()}")
    monkeypatch.setenv("PLANARIA_RUNTIME_DIR", str(root))
    yield root
    left = sorted(str(path) for path in root.rglob("*")) if root.exists() else []
    for _ in range(50):  # an agent that has removed all its files still needs a moment to end
        processes = subprocess.run(["pgrep", "-af", str(root)], capture_output=True, text=True).stdout
        if not processes:
            break
        time.sleep(0.1)
    subprocess.run(["pkill", "-9", "-f", str(root)], check=False)
    subprocess.run(["rm", "-rf", str(root)], check=True)
    assert left == [], f"left behind: {left[:5]}"
    assert processes == "", f"left running: {processes}"
