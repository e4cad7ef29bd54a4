"""What the core's hot path may cost, in instructions: `python -m benchmarks.budget [--parts]`.

Counted by valgrind, so that neither the machine nor what else it does matters: runs differ by some
tenths of a percent. Two counts of requests are run, so that start-up falls out of the difference.
With `--parts` it also tells what the log's two lines are of that, and what a bare route takes.
Exits with 1 when the budget is exceeded: find out why, or raise it, with the reason in the commit.
"""

import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from benchmarks.processes import ROOT, python

BUDGET = 2_000_000
"""Instructions for one request to five models that answer at once: a tenth above what was measured
on 2026-11-22 (Python 3.11.7, fastapi 0.165.0, pydantic 2.14.3, structlog 26.1.0)."""
FEW, MANY = 20, 120
MINUTES = 5
ENVIRON = {"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "0"}


def instructions(count: int, level: str) -> int:
    """Return what a process executes that serves so many requests and logs from `level` on."""
    with tempfile.TemporaryDirectory() as scratch:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={scratch}/calls"]
        run = subprocess.run(  # noqa: S603 - our own arguments
            [*command, *python("-m", "benchmarks.hotpath", str(count), level)],
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
    cost = per_request("info")
    print(f"hot path: {cost:,} instructions a request; the budget is {BUDGET:,}")
    if "--parts" in sys.argv:
        print(f"of these {cost - per_request('error'):,} for the log")
        print(f"a bare FastAPI route with an equal body: {per_request('bare'):,}")
    sys.exit(cost > BUDGET)


def per_request(level: str) -> int:
    """Return what one request takes, logged from `level` on."""
    with ThreadPoolExecutor() as pool:
        few, many = pool.map(instructions, (FEW, MANY), (level, level))
    return (many - few) // (MANY - FEW)


if __name__ == "__main__":
    main()
