"""What the core's hot path may cost, in instructions: `python -m benchmarks.budget`.

Counted by valgrind, so that neither the machine nor what else it does matters: runs differ by some
tenths of a percent. Two counts of requests are run, so that start-up falls out of the difference.
What a FastAPI route costs that answers an equal body at once is told beside it. Exits with 1 when
the budget is exceeded: find out why, or raise it, with the reason in the commit.
"""

import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from benchmarks.processes import ROOT, python

BUDGET = 2_270_000
"""Instructions for one request to five models that answer at once: a tenth above what was measured
on 2026-11-22 (Python 3.11.7, fastapi 0.165.0, pydantic 2.14.3, structlog 26.1.0)."""
FEW, MANY = 20, 120
MINUTES = 5
ENVIRON = {"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "0"}


def instructions(count: int) -> int:
    """Return what a process executes that serves so many requests."""
    with tempfile.TemporaryDirectory() as scratch:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={scratch}/calls"]
        run = subprocess.run(  # noqa: S603 - our own arguments
            [*command, *python("-m", "benchmarks.hotpath", str(count))],
            cwd=ROOT,
            env=ENVIRON,
            capture_output=True,
            text=True,
            timeout=MINUTES * 60,
            check=True,
        )
    found = re.search(r"refs:\s+([\d,]+)", run.stderr)
    if found is None:
        raise RuntimeError(f"valgrind counted nothing: {run.stderr[-500:]}")
    return int(found[1].replace(",", ""))


def main() -> None:
    """Count, tell, and judge."""
    # Once without counting: whoever comes first compiles the modules.
    warm = python("-m", "benchmarks.hotpath", "1")
    subprocess.run(warm, cwd=ROOT, env=ENVIRON, check=True)  # noqa: S603 - our own arguments
    with ThreadPoolExecutor() as pool:
        few, many = pool.map(instructions, (FEW, MANY))
    cost = (many - few) // (MANY - FEW)
    print(f"hot path: {cost:,} instructions a request; the budget is {BUDGET:,}")
    sys.exit(cost > BUDGET)


if __name__ == "__main__":
    main()
