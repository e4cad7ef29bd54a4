"""The command `coro chat`: reads the prompt, asks, and shows the answers."""

import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from coro_core.api.problems import describe_validation_error
from coro_core.api.schemas import SingleChatRequest
from coro_core.cli.chat.backends import CannotAskError, here
from coro_core.config.logs import configure_logs
from coro_core.config.settings import read_environ, read_settings

MAX_PROMPT_BYTES = 40_000_000
"""Ten million characters, which is the most that CORO_MAX_PROMPT_CHARS may be."""


def chat(
    prompt: Annotated[
        str | None,
        typer.Argument(help="What to ask; - or nothing reads it from a pipe.", show_default=False),
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
    demo: Annotated[
        bool, typer.Option("--demo", help="Simulate every provider: answers without any key.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what POST /chat answers.")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a Markdown document.")
    ] = False,
) -> None:
    """Ask many models one thing, and see their answers side by side.

    The exit code is 0 if every model answered, 1 if one or more failed, 2 if nothing could be
    asked, and 130 if it was interrupted, which cancels the calls.
    """
    # Only here: what draws on a terminal is of no use to any other command.
    from coro_core.cli.chat.session import Session
    from coro_core.cli.chat.views import show_answers, show_json, show_markdown

    if demo and url:
        raise typer.BadParameter("--demo and --url exclude each other")
    if as_json and as_markdown:
        raise typer.BadParameter("--json and --markdown exclude each other")
    question = _question(
        prompt=_read(prompt, file), temperature=temperature, max_tokens=max_tokens, timeout=timeout
    )
    request_id = secrets.token_hex(8)
    if url:
        # Only here: an HTTP client takes a while to load.
        from coro_core.cli.chat.remote import there

        source = there(url, question, request_id)
    else:
        environ = {**read_environ(), **({"CORO_DEMO": "true"} if demo else {})}
        # What there is to say of models and keys, the rows say.
        configure_logs(format=read_settings(environ).log_format, level="error")
        source = here(environ, question)
    show = show_json if as_json else show_markdown if as_markdown else show_answers
    raise typer.Exit(Session(source, models or [], request_id, show).run())


def _question(**fields: object) -> SingleChatRequest:
    """Return what is asked, judged as a server judges a request, but for what is not given."""
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        return SingleChatRequest.model_validate(given)
    except ValidationError as exc:
        problems = (
            f"{str(error['loc'][0]).replace('_', '-')}: {describe_validation_error(error)}"
            for error in exc.errors()
        )
        raise typer.BadParameter("; ".join(problems)) from None


def _read(prompt: str | None, file: Path | None) -> str:
    """Return the prompt, from wherever it comes; a line break at its end is not part of it."""
    if prompt is not None and file is not None:
        raise typer.BadParameter("give the prompt either as an argument or with --file")
    if prompt not in (None, "-"):
        return prompt
    if file is not None:
        with file.open("rb") as stream:
            content = stream.read(MAX_PROMPT_BYTES + 1)
    elif sys.stdin is None or (prompt is None and sys.stdin.isatty()):
        raise typer.BadParameter(
            "there is no prompt: give it as an argument, with --file, or through a pipe"
        )
    else:
        content = sys.stdin.buffer.read(MAX_PROMPT_BYTES + 1)
    if len(content) > MAX_PROMPT_BYTES:
        raise CannotAskError(f"The prompt is larger than {MAX_PROMPT_BYTES} bytes.")
    try:
        text = content.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise CannotAskError("The prompt is not UTF-8 text.") from None
    if not text.strip():
        raise CannotAskError("The prompt is empty.")
    return text
