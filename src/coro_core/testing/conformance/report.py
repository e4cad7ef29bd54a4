"""What was found, for people and for programs."""

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
    Verdict.EXCEPTED: "yellow",
    Verdict.NOT_RUN: "dim",
}


def table(contract: Contract) -> Table:
    """Return a line for every check; one that failed says what it is about."""
    shown = Table(box=None, header_style="bold", pad_edge=False)
    shown.add_column("check", no_wrap=True)
    shown.add_column("verdict", no_wrap=True)
    shown.add_column("detail", overflow="fold")
    for finding in contract.findings():
        failed = finding.verdict is Verdict.FAILED
        detail = f"{finding.detail} ({finding.promise})" if failed else finding.detail
        # As Text, in which square brackets are not markup.
        verdict = Text(finding.verdict, _STYLES[finding.verdict])
        shown.add_row(finding.name, verdict, Text(detail))
    return shown


def summary(contract: Contract) -> str:
    """Say in a line how it went and, where that was seen, what it costs to have the plugin."""
    counts = Counter(str(finding.verdict) for finding in contract.findings())
    parts = [", ".join(f"{count} {verdict}" for verdict, count in counts.items())]
    if seen := contract.subject.seen:
        parts.append(f"import {cost(seen.import_seconds, seen.import_megabytes)}")
        parts.append(f"opening {cost(seen.open_seconds, seen.open_megabytes)}")
    return "; ".join(parts) + "."


def as_json(contract: Contract, entry_point: EntryPoint) -> str:
    """Return all of it as JSON."""
    dist, seen = entry_point.dist, contract.subject.seen
    report = {
        "plugin": entry_point.name,
        "distribution": dist.name if dist else None,
        "version": dist.version if dist else None,
        "core": version("coro-core"),
        "kept": contract.kept,
        "costs": asdict(seen) if seen else None,
        "checks": [asdict(finding) for finding in contract.findings()],
    }
    return json.dumps(report, indent=2)
