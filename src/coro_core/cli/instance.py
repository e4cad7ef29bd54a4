"""An instance of CORO for one command."""

from collections.abc import Mapping

from coro_core.config.logs import configure_logs
from coro_core.config.settings import read_environ, read_settings
from coro_core.engine.engine import Engine, build_engine

DEMO: Mapping[str, str] = {"CORO_DEMO": "true"}
"""The variables that `--demo` stands for."""


def engine_from_environ(*, demo: bool = False, log_level: str) -> Engine:
    """Start the log, and build an instance from the environment and `.env`.

    Imports the plugins. Raises `SettingsError`.
    """
    environ = {**read_environ(), **(DEMO if demo else {})}
    configure_logs(format=read_settings(environ).log_format, level=log_level)
    return build_engine(environ)
