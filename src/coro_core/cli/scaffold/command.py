"""`coro plugin new`."""

import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from coro_core.cli.scaffold.inputs import (
    Dialect,
    PluginInputs,
    judged_base_url,
    judged_key,
    judged_models,
    judged_name,
    judged_title,
    prefix,
    usual_title,
)
from coro_core.contract.errors import CoroError, SettingsError
from coro_core.contract.hookspecs import ENTRY_POINT_GROUP

_T = TypeVar("_T")

_NEXT = """\
{directory} holds a plugin that works, with its own simulator and tests. What comes next:

  cd {directory}
  pip install --editable .
  coro plugin check {name}
  coro chat "What is 2+2?" --demo -m {model}

Its README.md says more."""


def new(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="The plugin's name: acme, for coro-acme."),
    ] = None,
    title: Annotated[
        str | None, typer.Option(help="The provider, for people.", show_default="from NAME")
    ] = None,
    dialect: Annotated[
        Dialect | None,
        typer.Option(
            help="What it speaks: OpenAI's chat dialect, or one of its own.",
            show_default=Dialect.OPENAI.value,
        ),
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="Where it is: https://api.acme.example/v1.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="ID[=UPSTREAM]", help="A model, and its name there. Repeatable."),
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="The key's variable.", show_default="NAME_API_KEY")
    ] = None,
    directory: Annotated[
        Path | None, typer.Option(help="Where to write it.", show_default="./coro-NAME")
    ] = None,
) -> None:
    """Write a provider plugin to begin with: a distribution of its own, whole and tested.

    On a terminal it asks for what no option says. What is there already is never changed.
    """
    # Only here: the templates are of no use to any other command.
    from coro_core.cli.scaffold import writing

    asks = sys.stdin.isatty() and sys.stdout.isatty()
    if not asks and not (name and base_url and model):
        raise SettingsError("NAME, --base-url and --model must be given: no terminal is there.")

    def value(given: str | None, question: str, judge: Callable[[str], _T], usual: str = "") -> _T:
        if given is not None:
            return judge(given)
        return _ask(question, judge, usual) if asks else judge(usual)

    name = value(name, "Name, such as acme", judged_name)
    title = value(title, "Provider, for people", judged_title, usual_title(name))
    answers = PluginInputs(
        name=name,
        title=title,
        dialect=value(dialect, "Dialect", _dialect, Dialect.OPENAI),
        base_url=value(base_url, "Base URL", judged_base_url),
        models=value(
            ",".join(model) if model else None,
            "Models as id=upstream-name, with commas between",
            lambda entries: judged_models(entries.split(","), title),
        ),
        key=value(
            key,
            "Variable of the key",
            lambda variable: judged_key(variable, name),
            f"{prefix(name)}_API_KEY",
        ),
    )
    directory = directory or Path(answers.distribution)
    writing.write(writing.distribution(answers), directory)
    typer.echo(_NEXT.format(directory=directory, name=name, model=answers.models[0].id))
    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        holder = point.dist.name if point.dist else "Another distribution"
        typer.echo(f"{holder} brings a plugin {name} already: only one can be used.", err=True)


def _dialect(name: str) -> Dialect:
    if name not in list(Dialect):
        raise SettingsError(f"a dialect is {' or '.join(Dialect)}.")
    return Dialect(name)


def _ask(question: str, judge: Callable[[str], _T], usual: str) -> _T:
    """Ask until what is said will do, and say each time why it does not."""

    def judged(said: str) -> _T:
        try:
            return judge(said)
        except CoroError as exc:
            raise typer.BadParameter(str(exc)) from None

    answer: _T = typer.prompt(question, default=usual or None, value_proc=judged)
    return answer
