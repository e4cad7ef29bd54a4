"""`coro plugin ...`: for authors of plugins."""

from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any

import typer
from rich.console import Console

from coro_core.cli.scaffold.command import new
from coro_core.contract.errors import SettingsError
from coro_core.contract.hookspecs import ENTRY_POINT_GROUP

app = typer.Typer(help="Begin a plugin, and check one: for authors.")
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
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Hold an installed plugin against the whole contract, before its own simulator.

    Needs no key and no network. The exit code is 1 if a promise is broken.
    """
    # Only here: no other command needs the suite.
    from coro_core.testing.conformance import report
    from coro_core.testing.conformance.plugin_under_test import PluginUnderTest
    from coro_core.testing.conformance.suite import Contract

    environ = dict(_pair(setting) for setting in settings or [])
    entry_point = _entry_point(name)
    contract = Contract(PluginUnderTest(_loaded(entry_point), name=name, environ=environ))
    with Console(stderr=True).status(f"Checking {name}"):
        kept = contract.kept
    if as_json:
        typer.echo(report.as_json(contract, entry_point))
    else:
        Console().print(report.table(contract))
        typer.echo(f"\n{report.summary(contract)}")
    raise typer.Exit(0 if kept else 1)


def _pair(setting: str) -> tuple[str, str]:
    name, equals, value = setting.partition("=")
    if not name or not equals:
        raise typer.BadParameter("--set takes NAME=VALUE")
    return name, value


def _entry_point(name: str) -> EntryPoint:
    found = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    if name not in found:
        installed = ", ".join(sorted(found)) or "none"
        raise SettingsError(f"no plugin {name} is installed; there is {installed}.")
    return found[name]


def _loaded(entry_point: EntryPoint) -> Any:
    try:
        return entry_point.load()
    except Exception as exc:
        # What goes wrong at import is the author's to read; no key has been seen yet.
        what = " ".join(f"{type(exc).__name__}: {exc}".split())
        raise SettingsError(f"{entry_point.value} cannot be loaded: {what}") from exc
