"""The request of `coro chat`: its prompt, read from one of three places, and its validation."""

import sys
from pathlib import Path

import typer
from pydantic import ValidationError

from coro_core.api.problems import describe_validation_error
from coro_core.api.schemas import SingleChatRequest
from coro_core.cli.chat.backends import CannotAskError

MAX_PROMPT_BYTES = 40_000_000
"""Ten million characters of UTF-8, the highest value of CORO_MAX_PROMPT_CHARS; more is refused."""


def validate_request(**fields: object) -> SingleChatRequest:
    """Return the request, validated as a server validates it; fields that are None are left out.

    Raises `typer.BadParameter`.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        return SingleChatRequest.model_validate(given)
    except ValidationError as exc:
        problems = (
            f"{str(error['loc'][0]).replace('_', '-')}: {describe_validation_error(error)}"
            for error in exc.errors()
        )
        raise typer.BadParameter("; ".join(problems)) from None


def read_prompt(prompt: str | None, file: Path | None) -> str:
    """Return the prompt from the argument, the file or the pipe, without its last line break.

    Raises `typer.BadParameter` and `CannotAskError`.
    """
    if prompt is not None and file is not None:
        raise typer.BadParameter("give the prompt either as an argument or with --file")
    if prompt not in (None, "-"):
        return prompt
    if file is not None:
        with file.open("rb") as stream:
            content = stream.read(MAX_PROMPT_BYTES + 1)
    elif sys.stdin is None or (prompt is None and sys.stdin.isatty()):
        raise typer.BadParameter(
            "the prompt is missing: give it as an argument, with --file, or through a pipe"
        )
    else:
        content = sys.stdin.buffer.read(MAX_PROMPT_BYTES + 1)
    if len(content) > MAX_PROMPT_BYTES:
        raise CannotAskError(f"The prompt is larger than {MAX_PROMPT_BYTES} bytes; shorten it.")
    try:
        text = content.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise CannotAskError("The prompt is not UTF-8 text.") from None
    if not text.strip():
        raise CannotAskError("The prompt is empty.")
    return text
