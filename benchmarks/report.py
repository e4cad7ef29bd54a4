"""The figures as a table, as JSON, and in docs/performance.md."""

import json
import os
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.goals import goals
from benchmarks.processes import ROOT

DOCUMENT = ROOT / "docs" / "performance.md"
RESULTS = ROOT / "docs" / "performance.json"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
LIBRARIES = ("fastapi", "uvicorn", "uvloop", "httptools", "aiohttp", "httpx", "groq", "grpcio")


def environment() -> dict[str, Any]:
    """Return what the figures depend on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": model,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }


def progress(figures: Any) -> None:
    """Show that it goes on."""
    print(
        f"{figures.case:8} {figures.server:6} {figures.delay_ms:4} ms x{figures.concurrent:<4}"
        f" CPU {_ms(figures.cpu_ms, 3)}, p50 {_ms(figures.added_p50_ms)},"
        f" p99 {_ms(figures.added_p99_ms)}, {figures.per_second}/s, {figures.errors} errors",
        file=sys.stderr,
        flush=True,
    )


def tables(results: Mapping[str, Any], *, with_goals: bool = True) -> str:
    """Return the goals and the figures as Markdown; each server beside CORO on the same work."""
    lines = ["| goal | limit | measured | |", "| --- | ---: | ---: | --- |"] if with_goals else []
    lines += map(str, goals(results)) if with_goals else ()
    lines += [
        "",
        "| case | delay | clients | server | CPU a request | CORO / it | added p50 | added p99 |"
        " answers/s | errors |",
        "| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    loads = results["loads"]
    coro = {
        (it["case"], it["delay_ms"], it["concurrent"]): it["cpu_ms"]
        for it in loads
        if it["server"] == "coro"
    }
    for it in loads:
        ours = coro[it["case"], it["delay_ms"], it["concurrent"]]
        theirs = None if it["server"] == "coro" else it["cpu_ms"]
        lines.append(
            f"| {it['case']} | {it['delay_ms']} ms | {it['concurrent']} | {it['server']}"
            f" | {_ms(it['cpu_ms'], 2)} | {f'{ours / theirs:.2f}' if ours and theirs else ''}"
            f" | {_ms(it['added_p50_ms'])} | {_ms(it['added_p99_ms'])}"
            f" | {it['per_second']:.0f} | {it['errors']} |"
        )
    lines += [
        "",
        "| case | server | start to /health | memory idle | after the load | peak |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {it['case']} | {it['server']} | {it['start_ms']:.0f} ms | {it['idle_mib']:.0f} MiB"
        f" | {it['after_mib']:.0f} MiB | {it['peak_mib']:.0f} MiB |"
        for it in results["processes"]
    ]
    return "\n".join(lines)


def _ms(value: float | None, digits: int = 1) -> str:
    return "none" if value is None else f"{value:.{digits}f} ms"


def write(results: Mapping[str, Any]) -> None:
    """Write the JSON, and the tables between their marks in the document."""
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    facts = ", ".join(f"{name} {value}" for name, value in results["environment"].items())
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{facts}.\n\n{tables(results)}\n\n{END}{after}")
