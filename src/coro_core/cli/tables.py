"""What the command line prints of lists: JSON, or a table and the remarks on it; and findings."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from coro_core.cli.chat.text import harmless

if TYPE_CHECKING:
    from coro_core.cli.check import Checkup

_WHOLE = ("id", "upstream_model")
"""What is copied from a table, and not broken while there is something else to break."""


def show(items: Sequence[BaseModel], as_json: bool, columns: Sequence[str], none: str) -> None:
    """Print items as JSON; or as a table of these fields, and below it what there is to say."""
    rows = [item.model_dump() for item in items]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    elif not rows:
        typer.echo(none)
    else:
        Console().print(_table(rows, columns))
        if remarks := _remarks(rows, columns[0]):
            typer.echo(harmless("\n" + "\n".join(remarks)))


def _table(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        table.add_column(name.replace("_", " "), no_wrap=name in _WHOLE, overflow="fold")
    for row in rows:
        # As Text, in which square brackets are not markup.
        table.add_row(*(Text(_cell(row[name])) for name in columns))
    return table


def _remarks(rows: Sequence[Mapping[str, object]], name: str) -> list[str]:
    """Return each reason or note once, behind the names of all that it is about."""
    about = defaultdict(list)
    for row in rows:
        if remark := row["reason"] or row.get("note"):
            about[remark].append(row[name])
    return [f"{', '.join(map(str, names))}: {remark}" for remark, names in about.items()]


def findings(found: "Checkup") -> str:
    """Put a checkup into lines: a provider each, then a model each."""
    lines = []
    for provider in found.providers:
        served = f", {provider.served} models served" if provider.served is not None else ""
        reason = f": {provider.reason}" if provider.reason else ""
        lines.append(f"{provider.plugin:12} key {provider.key}{served}{reason}")
    lines.append("")
    for model in found.models:
        verdict = "ok" if model.usable else "unusable"
        lines.append(f"{model.model:12} {verdict:9} {model.upstream_model}")
        if model.latency_ms is not None and model.usable:
            lines[-1] += f"  {model.latency_ms} ms"
        lines += [f"{'':12} {text}" for text in (model.reason, model.response) if text]
    # Names and answers are what strangers say.
    return harmless("\n".join(lines))


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)
