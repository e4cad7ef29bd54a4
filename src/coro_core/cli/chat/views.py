"""The rows on a screen: a live table while they arrive, then cards, lines, Markdown or JSON.

Text of a model, a provider or a server is sanitized here. rich gets it as `Text`, in which square
brackets are not markup.
"""

import time
from collections.abc import Sequence

import typer
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from coro_core.api.schemas import ChatResponse, ModelResponse
from coro_core.cli.text import on_one_line, sanitize, sanitize_json

CARD_COLUMNS = 36
"""The narrowest readable card, in columns of the terminal."""


class LiveTable:
    """A row for each model, with a clock that runs until the model has answered."""

    def __init__(self) -> None:
        self._spinner = Spinner("dots")
        self._started = time.monotonic()
        self._rows: dict[str, ModelResponse | None] = {}

    def start(self, models: Sequence[str]) -> None:
        """Start the clocks."""
        self._started = time.monotonic()
        self._rows = dict.fromkeys(models)

    def put(self, row: ModelResponse) -> None:
        """Show the row of a model that has answered or failed, and stop its clock."""
        self._rows[row.model] = row

    def __rich__(self) -> RenderableType:
        """Draw the table as it stands."""
        if not self._rows:
            return Spinner("dots", Text("Getting ready ..."))
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, justify="right")
        table.add_column(no_wrap=True, overflow="ellipsis")
        clock = round((time.monotonic() - self._started) * 1000)
        for model, row in self._rows.items():
            mark: RenderableType = self._spinner
            if row is not None:
                mark = Text("✗", "red") if row.error_code else Text("✓", "green")
            seconds = f"{(row.latency_ms if row else clock) / 1000:.1f} s"
            text = "" if row is None else on_one_line(row.error or row.response)
            table.add_row(mark, Text(on_one_line(model), "bold"), Text(seconds), Text(text, "dim"))
        return table


def cards(body: ChatResponse, width: int) -> RenderableType:
    """Return the answers side by side, as many in a line as fit into `width` columns."""
    rows = body.responses
    height = -(-len(rows) // max(1, min(len(rows), width // CARD_COLUMNS)))
    across = -(-len(rows) // height)
    grid = Table.grid(expand=True)
    for _ in range(across):
        grid.add_column(ratio=1)
    for first in range(0, len(rows), across):
        grid.add_row(*(_card(row) for row in rows[first : first + across]))
    return Group(grid, Text(_summary(body), "dim"))


def _card(row: ModelResponse) -> Panel:
    parts: list[RenderableType] = [_answer(row), Text(" · ".join(_figures(row)), "dim")]
    if row.note:
        parts.append(Text(on_one_line(row.note), "dim italic"))
    return Panel(
        Group(*parts),
        title=Text(on_one_line(row.model), "bold"),
        title_align="left",
        border_style="red" if row.error_code else "green",
    )


def _answer(row: ModelResponse) -> Text:
    if row.error_code:
        return Text(_error(row), "red", overflow="fold")
    return Text(sanitize(row.response).strip("\n"), overflow="fold")


def lines(body: ChatResponse) -> str:
    """Return the answers one below the other, without decoration, for a pipe or a file."""
    parts = []
    for row in body.responses:
        heading = ", ".join([on_one_line(row.model), *_figures(row)])
        answer = f"error: {_error(row)}" if row.error_code else sanitize(row.response).strip("\n")
        note = [f"({on_one_line(row.note)})"] if row.note else []
        parts.append("\n".join([f"== {heading}", *note, answer]))
    return "\n\n".join([*parts, f"== {_summary(body)}"])


def markdown(body: ChatResponse) -> str:
    """Return the answers as a Markdown document.

    Each answer is a quotation, which closes any fence, tag or list that the answer leaves open.
    """
    parts = []
    for row in body.responses:
        answer = f"**{_error(row)}**" if row.error_code else sanitize(row.response).strip("\n")
        quoted = "\n".join(f"> {line}".rstrip() for line in answer.split("\n"))
        note = f"\n\n{on_one_line(row.note)}" if row.note else ""
        figures = f"\n\n{', '.join(_figures(row))}" if _figures(row) else ""
        parts.append(f"## {on_one_line(row.model)}{figures}{note}\n\n{quoted}")
    return "\n\n".join([*parts, _summary(body)])


def _error(row: ModelResponse) -> str:
    return on_one_line(row.error or row.error_code or "")


def _figures(row: ModelResponse) -> list[str]:
    """Return the upstream model, the latency and the tokens, as far as they are known."""
    figures = [on_one_line(row.upstream_model)] if row.upstream_model else []
    if row.latency_ms:
        figures.append(f"{row.latency_ms} ms")
    if row.tokens is not None:
        figures.append(f"{row.tokens} tokens")
        if row.latency_ms and row.tokens:
            figures.append(f"{row.tokens * 1000 / row.latency_ms:.0f} tokens/s")
    if row.finish_reason == "length":
        figures.append("cut off at max_tokens")
    if row.finish_reason == "content_filter":
        figures.append("cut by the content filter")
    return figures


def _summary(body: ChatResponse) -> str:
    return f"{body.succeeded} of {len(body.responses)} answered in {body.total_latency_ms} ms"


def show_answers(console: Console, body: ChatResponse) -> None:
    """Print the answers for people: cards on a terminal, lines elsewhere."""
    if console.is_terminal:
        console.print(cards(body, console.width))
    else:
        typer.echo(lines(body), console.file)


def show_markdown(console: Console, body: ChatResponse) -> None:
    """Print the answers as a Markdown document."""
    typer.echo(markdown(body), console.file)


def show_json(console: Console, body: ChatResponse) -> None:
    """Print the body of `POST /chat`."""
    typer.echo(sanitize_json(body.model_dump_json(indent=2)), console.file)
