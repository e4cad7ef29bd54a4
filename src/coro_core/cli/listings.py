"""`coro models`, `coro plugins` and `coro openapi`: facts about this installation."""

import json
from collections.abc import Callable
from importlib.metadata import distribution, entry_points
from pathlib import Path

import typer

from coro_core.api.serializers import model_list, plugin_list
from coro_core.cli.event_loop import run
from coro_core.cli.exit_codes import ExitCode
from coro_core.cli.instance import engine_from_environ
from coro_core.cli.tables import print_list
from coro_core.config.settings import read_settings
from coro_core.contract.hookspecs import ENTRY_POINT_GROUP
from coro_core.engine.engine import Engine
from coro_core.plugins.requirements import requirement


def print_models(as_json: bool) -> ExitCode:
    """Print the models of every installed plugin."""
    columns = ["id", "name", "provider", "cost", "available", "upstream_model"]
    none = "No plugin offers any model; coro plugins says why."

    def show(engine: Engine) -> None:
        print_list(model_list(engine.catalog).models, as_json, columns, none=none)

    return inspect(show)


def print_plugins(as_json: bool) -> ExitCode:
    """Print every installed plugin and its state."""
    columns = ["name", "distribution", "version", "state", "models"]

    def show(engine: Engine) -> None:
        found = plugin_list(engine.plugins, engine.catalog).plugins
        print_list(found, as_json, columns, none="No plugin is installed.")

    return inspect(show)


def print_requirements() -> None:
    """Print a requirements file for the installed core and plugins. No plugin is imported."""
    points = entry_points(group=ENTRY_POINT_GROUP)
    found = {point.dist.name: point.dist for point in points if point.dist}
    plugins = [found[name] for name in sorted(found)]
    for dist in (distribution("coro-core"), *plugins):
        typer.echo(requirement(dist, Path.cwd()))


def print_description() -> None:
    """Print the OpenAPI description of a server with the default settings."""
    # Import here: no other listing needs FastAPI.
    from coro_core.web.openapi.description import describe
    from coro_core.web.routes import router

    typer.echo(json.dumps(describe(router.routes, read_settings({})), indent=2, sort_keys=True))


def inspect(show: Callable[[Engine], None]) -> ExitCode:
    """Open and close every plugin, so that its state is known, then show the instance."""
    engine = engine_from_environ(log_level="warning")

    async def open_and_show() -> ExitCode:
        async with engine.started():
            pass
        show(engine)
        return ExitCode.OK

    return run(open_and_show())
