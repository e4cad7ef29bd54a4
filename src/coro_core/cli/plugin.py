"""`coro plugin ...`: commands for plugin authors."""

from typing import Annotated

import typer

from coro_core.cli.options import AsJson
from coro_core.cli.scaffold.command import new

app = typer.Typer(help="Write a new plugin, and check one: for authors.")
app.command()(new)


@app.command()
def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The entry point's name: acme.")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A setting beside those of the plugin's simulator. Repeatable.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the conformance suite on an installed plugin and its own simulator.

    Needs no key and no network. The exit code is 1 if a check failed.
    """
    from coro_core.cli.conformance import print_conformance

    raise typer.Exit(print_conformance(name, settings or [], as_json))
