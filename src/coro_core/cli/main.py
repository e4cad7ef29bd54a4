"""The command `coro`: start the server, and look at what is installed."""

import asyncio
import json
import os
import sys
from importlib.metadata import distribution, entry_points
from pathlib import Path
from typing import Annotated

import typer

from coro_core.api.serializers import model_list, plugin_list
from coro_core.cli.chat.command import chat
from coro_core.cli.chat.text import harmless_json
from coro_core.cli.plugin import app as plugin_app
from coro_core.cli.tables import findings, show
from coro_core.config.logs import configure_logs
from coro_core.config.settings import is_host, read_environ, read_settings
from coro_core.contract.errors import CoroError
from coro_core.contract.hookspecs import ENTRY_POINT_GROUP
from coro_core.engine.engine import Engine, build_engine
from coro_core.plugins.requirements import requirement

app = typer.Typer(
    help="CORO: one prompt, many language models, one answer each.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(plugin_app, name="plugin")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def main() -> None:
    """Run the command line; what the settings or the arguments got wrong is one line, exit 2."""
    try:
        code = app(sys.argv[1:] or ["--help"], prog_name="coro", standalone_mode=False)
    except CoroError as exc:
        typer.echo(f"coro: {exc}", err=True)
        sys.exit(2)
    except typer.Abort:
        # Ctrl-C, or the end of the input, at a question.
        typer.echo(err=True)
        sys.exit(130)
    except typer.TyperException as exc:
        what = " ".join(exc.format_message().split()).rstrip(".")
        typer.echo(f"coro: {what}. See coro --help.", err=True)
        sys.exit(2)
    sys.exit(code)


@app.command()
def serve(
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on.", show_default="CORO_HOST, or 127.0.0.1"),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port to listen on.", show_default="PORT, or 8000"),
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
    # Only here: this loads uvicorn.
    from coro_core.server.runner import serve_app

    if fail and not demo:
        raise typer.BadParameter("--fail goes with --demo")
    if reload and workers > 1:
        raise typer.BadParameter("--reload and --workers exclude each other")
    if host and not is_host(host):
        raise typer.BadParameter("--host takes the name or an address of a host")
    # The environment is how a worker or a reloaded process learns of it.
    os.environ |= {"CORO_DEMO": "true"} if demo else {}
    os.environ |= {"CORO_DEMO_FAIL": ",".join(fail)} if fail else {}
    settings = read_settings(read_environ())
    configure_logs(format=settings.log_format, level=settings.log_level)
    serve_app(
        "coro_core.web.app:create_app",
        host=host or settings.host,
        port=settings.port if port is None else port,
        workers=workers,
        reload=reload,
    )


app.command()(chat)


@app.command()
def models(as_json: AsJson = False) -> None:
    """List the models of every installed plugin."""
    listed = model_list(_looked_at().catalog).models
    columns = ["id", "name", "provider", "cost", "available", "upstream_model"]
    show(listed, as_json, columns, none="No plugin offers any model; coro plugins says why.")


@app.command("plugins")
def list_plugins(
    as_json: AsJson = False,
    requirements: Annotated[
        bool,
        typer.Option("--requirements", help="Print the lines of a requirements file instead."),
    ] = False,
) -> None:
    """List every installed plugin, its state, and the reason for it."""
    if requirements:
        typer.echo("\n".join(_requirements()))
        return
    engine = _looked_at()
    found = plugin_list(engine.plugins, engine.catalog).plugins
    columns = ["name", "distribution", "version", "state", "models"]
    show(found, as_json, columns, none="No plugin is installed.")


@app.command()
def check(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="MODEL", help="What to look at.", show_default="every model"),
    ] = None,
    generate: Annotated[
        bool, typer.Option("--generate", help="Send each model one short prompt.")
    ] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Look at the simulators instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask each provider whether the key is accepted, and what would answer for each model.

    Spends no tokens without --generate. The exit code is 1 if anything asked for is unusable.
    """
    # Only here: no other command looks at providers.
    from coro_core.cli.check import Checkup, check_up

    # What there is to say of keys and lists, the command itself says.
    engine = _built("error", **({"CORO_DEMO": "true"} if demo else {}))

    async def look() -> Checkup:
        async with engine.started():
            return await check_up(engine, ids or [], generate=generate)

    found = asyncio.run(look())
    if as_json:
        typer.echo(harmless_json(found.model_dump_json(indent=2)))
    else:
        typer.echo(findings(found))
    raise typer.Exit(0 if found.usable else 1)


@app.command("openapi")
def print_openapi() -> None:
    """Print the description of the API, as a server with the default settings publishes it."""
    # Only here: this loads FastAPI.
    from coro_core.web.openapi.description import describe
    from coro_core.web.routes import router

    typer.echo(json.dumps(describe(router.routes, read_settings({})), indent=2, sort_keys=True))


def _built(level: str, **more: str) -> Engine:
    """Return an instance with the settings of the environment and `.env`, and these."""
    environ = {**read_environ(), **more}
    configure_logs(format=read_settings(environ).log_format, level=level)
    return build_engine(environ)


def _looked_at() -> Engine:
    """Return an instance whose plugins are in the state that a server would have them in."""
    engine = _built("warning")

    async def open_and_close() -> None:
        async with engine.started():
            pass

    asyncio.run(open_and_close())
    return engine


def _requirements() -> list[str]:
    """Return what installs the core and every plugin as they are here; no plugin is imported."""
    points = entry_points(group=ENTRY_POINT_GROUP)
    found = {point.dist.name: point.dist for point in points if point.dist}
    plugins = [found[name] for name in sorted(found)]
    return [requirement(dist, Path.cwd()) for dist in (distribution("coro-core"), *plugins)]
