"""Lists on the command line: JSON, or a table with remarks below."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from coro_core.cli.text import sanitize

_WHOLE = ("id", "upstream_model")
"""Columns that people copy from; other columns are broken first."""


def print_list(
    items: Sequence[BaseModel], as_json: bool, columns: Sequence[str], none: str
) -> None:
    """Print items as JSON, or as a table of these fields with the remarks below; or `none`."""
    rows = [item.model_dump() for item in items]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    elif not rows:
        typer.echo(none)
    else:
        Console().print(_table(rows, columns))
        if remarks := _remarks(rows, columns[0]):
            typer.echo(sanitize("\n" + "\n".join(remarks)))


def _table(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        table.add_column(name.replace("_", " "), no_wrap=name in _WHOLE, overflow="fold")
    for row in rows:
        # As Text, in which square brackets are not markup.
        table.add_row(*(Text(_cell(row[name])) for name in columns))
    return table


def _remarks(rows: Sequence[Mapping[str, object]], name: str) -> list[str]:
    """Return each reason or note once, after the names of all rows that have it."""
    names = defaultdict(list)
    for row in rows:
        if remark := row["reason"] or row.get("note"):
            names[remark].append(row[name])
    return [f"{', '.join(map(str, found))}: {remark}" for remark, found in names.items()]


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
