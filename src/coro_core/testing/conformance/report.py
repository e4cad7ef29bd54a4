"""The findings as a table, a sentence and JSON."""

import json
from collections import Counter
from dataclasses import asdict
from importlib.metadata import EntryPoint, version

from rich.table import Table
from rich.text import Text

from coro_core.testing.conformance.import_checks import cost
from coro_core.testing.conformance.suite import Contract, Verdict

_STYLES = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "bold red",
    Verdict.WAIVED: "yellow",
    Verdict.NOT_RUN: "dim",
}


def table(contract: Contract) -> Table:
    """Return a table with a row for every check; a failed check shows its promise."""
    shown = Table(box=None, header_style="bold", pad_edge=False)
    shown.add_column("check", no_wrap=True)
    shown.add_column("verdict", no_wrap=True)
    shown.add_column("detail", overflow="fold")
    for finding in contract.findings():
        failed = finding.verdict is Verdict.FAILED
        detail = f"{finding.detail} ({finding.promise})" if failed else finding.detail
        # In a Text, square brackets are not markup.
        verdict = Text(finding.verdict, _STYLES[finding.verdict])
        shown.add_row(finding.name, verdict, Text(detail))
    return shown


def summary(contract: Contract) -> str:
    """Return one line with the counts and, where measured, the costs of the plugin."""
    counts = Counter(str(finding.verdict) for finding in contract.findings())
    parts = [", ".join(f"{count} {verdict}" for verdict, count in counts.items())]
    if seen := contract.plugin.probed:
        parts.append(f"import {cost(seen.import_seconds, seen.import_megabytes)}")
        parts.append(f"opening {cost(seen.open_seconds, seen.open_megabytes)}")
    return "; ".join(parts) + "."


def as_json(contract: Contract, entry_point: EntryPoint) -> str:
    """Return every finding and cost as JSON."""
    dist, seen = entry_point.dist, contract.plugin.probed
    report = {
        "plugin": entry_point.name,
        "distribution": dist.name if dist else None,
        "version": dist.version if dist else None,
        "core": version("coro-core"),
        "passed": contract.passed,
        "costs": asdict(seen) if seen else None,
        "checks": [asdict(finding) for finding in contract.findings()],
    }
    return json.dumps(report, indent=2)
