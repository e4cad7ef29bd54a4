"""A look at a plugin in a process that has not loaded it yet: what it costs, and what it loads."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coro_core.testing.conformance.failure import Failure

_SECONDS = 60.0
_PROGRAM = "from coro_core.testing.conformance.probe_child import main; main()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """What the process saw."""

    import_seconds: float
    import_megabytes: float | None
    """Growth of the resident set; `None` where the system does not tell."""
    open_seconds: float
    open_megabytes: float | None
    at_import: list[str]
    """Packages from elsewhere that the import and the list of models loaded."""
    without_key: list[str]
    """Packages from elsewhere that were loaded after an attempt to open without any setting."""
    on_loop: list[str]
    """Packages from elsewhere that opening loaded in the event loop's own thread."""
    printed: str
    """What it wrote to its standard output and error, SDK included."""


def look_afresh(plugin: Any, environ: Mapping[str, str], simulated: Mapping[str, str]) -> Fresh:
    """Import, open, call and close a plugin in a new process, before a simulator of this one.

    Raises `Failure` when that fails. Blocks for as long as it takes.
    """
    order = {
        "path": sys.path,
        "module": plugin.__module__,
        "name": plugin.__qualname__,
        "own": sorted({base.__module__.partition(".")[0] for base in plugin.__mro__}),
        "environ": dict(environ),
        "simulated": dict(simulated),
    }
    try:
        child = subprocess.run(  # noqa: S603 - this Python, with a program of ours
            [sys.executable, "-c", _PROGRAM],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Failure(f"A process that opens it is not done after {_SECONDS:g} s.") from None
    printed, mark, told = child.stdout.rpartition("\0")
    if not mark:
        last = (child.stderr.strip() or "nothing was said").splitlines()[-1]
        raise Failure(f"A process that opens it ends with {child.returncode}: {last}")
    return Fresh(**json.loads(told), printed=(printed + child.stderr).strip())
