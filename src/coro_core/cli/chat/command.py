"""The command `coro chat`: its arguments and its help."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from coro_core.cli.options import Demo


def chat(
    prompt: Annotated[
        str | None,
        typer.Argument(help="The prompt; - or nothing reads it from a pipe.", show_default=False),
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model", "-m", help="A model to ask. Repeatable. By default, every available one."
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Read the prompt from a file."),
    ] = None,
    temperature: Annotated[float, typer.Option(help="From 0.0, the most predictable, to 1.0.")] = (
        0.7
    ),
    max_tokens: Annotated[int, typer.Option(help="The longest answer wanted, in tokens.")] = 512,
    timeout: Annotated[
        float | None,
        typer.Option(
            help="Seconds to wait for answers, at most 60. By default, CORO_TIMEOUT;"
            " with --url, the server's own."
        ),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Ask a running server, such as http://localhost:8000.")
    ] = None,
    demo: Demo = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the body of POST /chat.")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a Markdown document.")
    ] = False,
) -> None:
    """Send one prompt to many models, and show their answers side by side.

    The exit code is 0 if every model answered, 1 if one or more failed, 2 if no model could be
    asked, and 130 after Ctrl-C, which cancels the calls.
    """
    if demo and url:
        raise typer.BadParameter("--demo and --url exclude each other")
    if as_json and as_markdown:
        raise typer.BadParameter("--json and --markdown exclude each other")

    from coro_core.cli.chat.request import read_prompt, validate_request
    from coro_core.cli.chat.session import run_chat

    request = validate_request(
        prompt=read_prompt(prompt, file),
        temperature=temperature,
        max_tokens=max_tokens,
        timeout=timeout,
    )
    form: Literal["json", "markdown", "people"] = (
        "json" if as_json else "markdown" if as_markdown else "people"
    )
    raise typer.Exit(run_chat(request, models or [], url=url, demo=demo, form=form))
