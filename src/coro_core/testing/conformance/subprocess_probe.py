"""A probe in a new process: what importing and opening a plugin costs and loads."""

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
class ProbeResult:
    """The measurements of the new process."""

    import_seconds: float
    import_megabytes: float | None
    """Growth of the resident set; `None` where the system does not report it."""
    open_seconds: float
    open_megabytes: float | None
    at_import: list[str]
    """Third-party packages that the import and the list of models loaded."""
    without_key: list[str]
    """Third-party packages that were loaded after opening without any setting."""
    on_loop: list[str]
    """Third-party packages that opening loaded on the event loop."""
    printed: str
    """Text that the plugin or its SDK wrote to standard output and error."""


def probe_in_subprocess(
    plugin_class: Any, environ: Mapping[str, str], simulated: Mapping[str, str]
) -> ProbeResult:
    """Import, open, call and close a plugin in a new process. Blocks until it ends.

    The simulator runs in this process. Raises `Failure` when the new process fails.
    """
    order = {
        "path": sys.path,
        "module": plugin_class.__module__,
        "name": plugin_class.__qualname__,
        "own": sorted({base.__module__.partition(".")[0] for base in plugin_class.__mro__}),
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
        raise Failure(
            f"A process that opens the plugin did not end within {_SECONDS:g} s."
        ) from None
    printed, mark, result = child.stdout.rpartition("\0")
    if not mark:
        last = (child.stderr.strip() or "it printed nothing").splitlines()[-1]
        raise Failure(f"A process that opens the plugin ended with {child.returncode}: {last}")
    return ProbeResult(**json.loads(result), printed=(printed + child.stderr).strip())
