"""The command `coro`: the table of its commands.

A command imports its work when it runs, so that `coro --help` starts at once and only `coro serve`
and `coro openapi` load the web framework.
"""

import signal
import sys
from typing import Annotated

import typer

from coro_core.cli.chat.command import chat
from coro_core.cli.exit_codes import ExitCode
from coro_core.cli.options import AsJson, Demo
from coro_core.cli.plugin import app as plugin_app
from coro_core.contract.errors import CoroError

app = typer.Typer(
    help="CORO: one prompt, many language models, one answer each.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


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
    demo: Demo = False,
    fail: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PLUGIN[=CODE]",
            help="With --demo: let a provider fail, by default for a refused key. Repeatable.",
        ),
    ] = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Restart when the source changes.")
    ] = False,
) -> None:
    """Serve the HTTP API."""
    from coro_core.cli.serve import run_server

    run_server(host, port, workers=workers, demo=demo, fail=fail or [], reload=reload)


app.command()(chat)


@app.command()
def models(as_json: AsJson = False) -> None:
    """List the models of every installed plugin."""
    from coro_core.cli.listings import print_models

    raise typer.Exit(print_models(as_json))


@app.command()
def plugins(
    as_json: AsJson = False,
    requirements: Annotated[
        bool,
        typer.Option("--requirements", help="Print the lines of a requirements file instead."),
    ] = False,
) -> None:
    """List every installed plugin, its state, and the reason for the state."""
    from coro_core.cli.listings import print_plugins, print_requirements

    if requirements:
        print_requirements()
    else:
        raise typer.Exit(print_plugins(as_json))


@app.command()
def check(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="MODEL", help="A model to check.", show_default="every model"),
    ] = None,
    generate: Annotated[
        bool, typer.Option("--generate", help="Send each model one short prompt.")
    ] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Check the simulators instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask each provider whether it accepts the key, and which upstream models it serves.

    Spends no tokens without --generate. The exit code is 1 if a checked model is unusable.
    """
    from coro_core.cli.check import print_check

    raise typer.Exit(print_check(ids or [], generate=generate, demo=demo, as_json=as_json))


@app.command()
def openapi() -> None:
    """Print the description of the API, as a server with the default settings publishes it."""
    from coro_core.cli.listings import print_description

    print_description()


app.add_typer(plugin_app, name="plugin")


def main() -> None:
    """Run the command line, and exit.

    An error in the settings or the arguments is one line and exit code 2. Ctrl-C is exit code 130.
    """
    try:
        code = _run()
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    # The process is ending: a second Ctrl-C kills it, and prints no traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(code)


def _run() -> int:
    try:
        return int(app(sys.argv[1:] or ["--help"], prog_name="coro", standalone_mode=False) or 0)
    except CoroError as exc:
        typer.echo(f"coro: {exc}", err=True)
    except typer.Abort:
        # Ctrl-C, or the end of the input, at a question. End the line of the question.
        typer.echo(err=True)
        return ExitCode.INTERRUPTED
    except typer.TyperException as exc:
        message = " ".join(exc.format_message().split()).rstrip(".")
        typer.echo(f"coro: {message}. See coro --help.", err=True)
    return ExitCode.INVALID
