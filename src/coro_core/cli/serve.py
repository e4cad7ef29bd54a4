"""`coro serve`."""

import os
from collections.abc import Sequence

import typer

from coro_core.cli.instance import DEMO
from coro_core.config.logs import configure_logs
from coro_core.config.settings import is_host, read_environ, read_settings
from coro_core.server.runner import serve_app


def run_server(
    host: str | None,
    port: int | None,
    *,
    workers: int,
    demo: bool,
    fail: Sequence[str],
    reload: bool,
) -> None:
    """Serve until a signal stops the server.

    Raises `SettingsError` and `typer.BadParameter` before anything is opened.
    """
    if fail and not demo:
        raise typer.BadParameter("--fail goes with --demo")
    if reload and workers > 1:
        raise typer.BadParameter("--reload and --workers exclude each other")
    if host and not is_host(host):
        raise typer.BadParameter("--host takes the name or an address of a host")
    # Workers and reloaded processes read these from the environment.
    os.environ |= DEMO if demo else {}
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
