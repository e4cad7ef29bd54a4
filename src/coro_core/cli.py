"""The command `coro`: start the server, and look at what is installed."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from coro_core.catalog import Catalog
from coro_core.errors import SettingsError
from coro_core.logs import configure_logs
from coro_core.plugins import Plugins
from coro_core.settings import Settings, read_environ, read_settings
from coro_core.web.docs import describe
from coro_core.web.presenters import model_list, plugin_list
from coro_core.web.routes import router

_HEADER_BYTES = 32 * 1024
_KEEP_ALIVE_SECONDS = 75
"""Longer than the minute that proxies keep a connection, so that they, not we, close it."""

app = typer.Typer(
    help="CORO: one prompt, many language models, one answer each.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def main() -> None:
    """Run the command line; what the settings or the arguments got wrong is one line, exit 2."""
    try:
        app()
    except SettingsError as exc:
        typer.echo(f"coro: {exc}", err=True)
        sys.exit(2)


@app.command()
def serve(
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on. [default: CORO_HOST, or 127.0.0.1]"),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port to listen on. [default: PORT, or 8000]"),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes to serve from.")] = 1,
    demo: Annotated[
        bool, typer.Option("--demo", help="Simulate every provider: answers without any key.")
    ] = False,
    fail: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PLUGIN[=CODE]",
            help="With --demo: let a provider fail, by default for a refused key. Repeatable.",
        ),
    ] = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Start again when the source changes.")
    ] = False,
) -> None:
    """Serve the HTTP API."""
    import uvicorn  # the other commands do without

    if fail and not demo:
        raise typer.BadParameter("--fail goes with --demo")
    # The environment is how a worker or a reloaded process learns of it.
    os.environ |= {"CORO_DEMO": "true"} if demo else {}
    os.environ |= {"CORO_DEMO_FAIL": ",".join(fail)} if fail else {}
    settings = read_settings(read_environ())
    configure_logs(format=settings.log_format, level=settings.log_level)
    uvicorn.run(
        "coro_core.web.app:create_app",
        factory=True,
        host=host or settings.host,
        port=settings.port if port is None else port,
        workers=workers,
        reload=reload,
        log_config=None,
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=_HEADER_BYTES,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.shutdown_grace,
    )


@app.command()
def models(as_json: AsJson = False) -> None:
    """List the models of every installed plugin."""
    listed = model_list(Catalog(_looked_at())).models
    _show(listed, as_json, none="No plugin offers any model; coro plugins says why.")


@app.command("plugins")
def list_plugins(as_json: AsJson = False) -> None:
    """List every installed plugin, its state, and the reason for it."""
    _show(plugin_list(_looked_at()).plugins, as_json, none="No plugin is installed.")


@app.command("openapi")
def print_openapi() -> None:
    """Print the description of the API, as a server with the default settings publishes it."""
    typer.echo(json.dumps(describe(router.routes, read_settings({})), indent=2, sort_keys=True))


def _looked_at() -> Plugins:
    """Return the plugins in the state that a server would have them in."""
    environ = read_environ()
    settings = read_settings(environ)
    configure_logs(format=settings.log_format, level=settings.log_level)
    plugins = Plugins(environ, disabled=settings.disabled_plugins)
    asyncio.run(_open_and_close(plugins, settings))
    return plugins


async def _open_and_close(plugins: Plugins, settings: Settings) -> None:
    async with plugins.opened(timeout=settings.plugin_timeout):
        pass


def _show(items: Sequence[BaseModel], as_json: bool, none: str) -> None:
    rows = [item.model_dump() for item in items]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    elif not rows:
        typer.echo(none)
    else:
        Console().print(_table(rows))


def _table(rows: Sequence[Mapping[str, object]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        # As Text, in which square brackets are not markup.
        table.add_row(*(Text(_cell(value)) for value in row.values()))
    return table


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
