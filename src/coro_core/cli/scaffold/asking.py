"""Collect a new plugin's inputs from options and from questions on the terminal, and write it."""

import sys
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import TypeVar

import typer

from coro_core.cli.scaffold import writing
from coro_core.cli.scaffold.dialect import Dialect
from coro_core.cli.scaffold.inputs import (
    PluginInputs,
    default_title,
    prefix,
    validate_base_url,
    validate_dialect,
    validate_key,
    validate_models,
    validate_name,
    validate_title,
)
from coro_core.cli.terminal import read_line
from coro_core.contract.errors import CoroError, SettingsError
from coro_core.contract.hookspecs import ENTRY_POINT_GROUP

_T = TypeVar("_T")

_NEXT = """\
{directory} holds a working plugin with its own simulator and tests. Next:

  cd {directory}
  pip install --editable .
  coro plugin check {name}
  coro chat "What is 2+2?" --demo -m {model}

Read its README.md for the rest."""


def write_plugin(
    *,
    name: str | None,
    title: str | None,
    dialect: Dialect | None,
    base_url: str | None,
    models: Sequence[str],
    key: str | None,
    directory: Path | None,
) -> None:
    """Write the plugin, and print the next steps.

    Raises `SettingsError` for an input that cannot be used, and for a missing one if standard input
    and output are not a terminal.
    """
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    if not interactive and not (name and base_url and models):
        raise SettingsError(
            "give NAME, --base-url and --model: no terminal is open to ask for them."
        )

    def value(
        given: str | None, question: str, validate: Callable[[str], _T], default: str = ""
    ) -> _T:
        if given is not None:
            return validate(given)
        return _ask(question, validate, default) if interactive else validate(default)

    name = value(name, "Name, such as acme", validate_name)
    title = value(title, "Provider, for people", validate_title, default_title(name))
    inputs = PluginInputs(
        name=name,
        title=title,
        dialect=value(dialect, "Dialect (openai, own)", validate_dialect, Dialect.OPENAI),
        base_url=value(base_url, "Base URL", validate_base_url),
        models=value(
            ",".join(models) if models else None,
            "Models as id=upstream-name, separated by commas",
            lambda entries: validate_models(entries.split(","), title),
        ),
        key=value(
            key,
            "Variable of the key",
            lambda variable: validate_key(variable, name),
            f"{prefix(name)}_API_KEY",
        ),
    )
    directory = directory or Path(inputs.distribution)
    writing.write(writing.distribution(inputs), directory)
    typer.echo(_NEXT.format(directory=directory, name=name, model=inputs.models[0].id))
    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        owner = point.dist.name if point.dist else "Another distribution"
        typer.echo(
            f"{owner} has a plugin {name} already. CORO loads only one of that name;"
            f" uninstall {owner}, or choose another name.",
            err=True,
        )


def _ask(question: str, validate: Callable[[str], _T], default: str) -> _T:
    """Ask until the answer is valid, and print each time why it is not."""
    shown = f" [{default}]" if default else ""
    while True:
        typer.echo(f"{question}{shown}: ", nl=False)
        answer = read_line() or default
        if not answer:
            continue
        try:
            return validate(answer)
        except CoroError as exc:
            typer.echo(f"Error: {exc}")
