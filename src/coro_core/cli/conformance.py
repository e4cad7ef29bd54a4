"""`coro plugin check`: run the conformance suite on an installed plugin."""

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from rich.console import Console

from coro_core.cli.exit_codes import ExitCode
from coro_core.contract.errors import SettingsError
from coro_core.contract.hookspecs import ENTRY_POINT_GROUP
from coro_core.testing.conformance import report
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest
from coro_core.testing.conformance.suite import Contract


def print_conformance(name: str, settings: Sequence[str], as_json: bool) -> ExitCode:
    """Run every check, print the report, and return the exit code."""
    environ = dict(_pair(setting) for setting in settings)
    entry_point = _entry_point(name)
    contract = Contract(PluginUnderTest(_load(entry_point), name=name, environ=environ))
    with Console(stderr=True).status(f"Checking {name}"):
        passed = contract.passed
    if as_json:
        typer.echo(report.as_json(contract, entry_point))
    else:
        Console().print(report.table(contract))
        typer.echo(f"\n{report.summary(contract)}")
    return ExitCode.OK if passed else ExitCode.FAILED


def _pair(setting: str) -> tuple[str, str]:
    name, equals, value = setting.partition("=")
    if not name or not equals:
        raise typer.BadParameter("--set takes NAME=VALUE")
    return name, value


def _entry_point(name: str) -> EntryPoint:
    found = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    if name not in found:
        installed = ", ".join(sorted(found)) or "none"
        raise SettingsError(f"no plugin {name} is installed; installed: {installed}.")
    return found[name]


def _load(entry_point: EntryPoint) -> Any:
    try:
        return entry_point.load()
    except Exception as exc:
        # Show the text of the error: the reader is the author, and no key has been read yet.
        error = " ".join(f"{type(exc).__name__}: {exc}".split())
        raise SettingsError(f"{entry_point.value} cannot be loaded: {error}") from exc
