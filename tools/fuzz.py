"""Property tests with random examples, round after round: `python -m tools.fuzz [ROUNDS]` (default 20).

Runs every unit test that uses hypothesis with examples it has not seen; stops at the first round that fails and leaves
pytest's words, with the falsifying example, on the terminal. Such an example belongs into its test as `@example`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def property_tests() -> list[str]:
    """Files of tests that draw examples, relative to the checkout."""
    found = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(path.relative_to(ROOT)) for path in found if "from hypothesis import" in path.read_text()]


def main(arguments: list[str]) -> int:
    """Exit code of the first round that failed, 0 if none did."""
    rounds = int(arguments[0]) if arguments else 20
    env = os.environ | {"PLANARIA_EXAMPLES": "explored", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not system", "-n", str(os.cpu_count() or 1)]
    for number in range(1, rounds + 1):
        print(f"== round {number} of {rounds}", flush=True)
        code = subprocess.run([*command, *property_tests()], cwd=ROOT, env=env, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
