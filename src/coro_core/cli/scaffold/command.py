"""The command `coro plugin new`: its arguments and its help."""

from pathlib import Path
from typing import Annotated

import typer

from coro_core.cli.scaffold.dialect import Dialect


def new(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="The plugin's name: acme, for coro-acme."),
    ] = None,
    title: Annotated[
        str | None, typer.Option(help="The provider's name for people.", show_default="from NAME")
    ] = None,
    dialect: Annotated[
        Dialect | None,
        typer.Option(
            help="The provider's protocol: OpenAI's chat dialect, or its own.",
            show_default=Dialect.OPENAI.value,
        ),
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="The provider's address: https://api.acme.example/v1.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID[=UPSTREAM]", help="A model id, and the provider's name for it. Repeatable."
        ),
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="The key's variable.", show_default="NAME_API_KEY")
    ] = None,
    directory: Annotated[
        Path | None, typer.Option(help="The folder to write.", show_default="./coro-NAME")
    ] = None,
) -> None:
    """Write a new provider plugin: a distribution of its own that works, with tests.

    On a terminal it asks for everything that no option gives. Existing files are never changed.
    """
    from coro_core.cli.scaffold.asking import write_plugin

    write_plugin(
        name=name,
        title=title,
        dialect=dialect,
        base_url=base_url,
        models=model or [],
        key=key,
        directory=directory,
    )
