"""The application: settings in, an ASGI app out."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

import structlog
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from coro_core.catalog import Catalog
from coro_core.errors import ERROR_CODES, AuthenticationFailed, SettingsError
from coro_core.fanout import FanOut
from coro_core.logs import configure_logs
from coro_core.plugins import PluginRecord, Plugins, State
from coro_core.settings import Settings, misspelt, read_environ, read_settings
from coro_core.web import docs, problems
from coro_core.web.container import Container
from coro_core.web.middleware import REQUEST_ID, RequestContext
from coro_core.web.routes import router

if TYPE_CHECKING:
    from coro_core.testing.behaviour import Behaviour

_log = structlog.get_logger("coro.app")


def create_app(environ: Mapping[str, str] | None = None) -> FastAPI:
    """Return a new application; it shares nothing with any other.

    `environ` holds its settings. When it is absent, as for a server, they are read from the
    environment and `.env`, and the logs of the process are set up; otherwise that is left to
    whoever embeds the application. Raises `SettingsError` when the settings cannot be used.
    """
    process_is_ours = environ is None
    environ = read_environ() if environ is None else environ
    settings = read_settings(environ)
    if process_is_ours:
        configure_logs(format=settings.log_format, level=settings.log_level)
    for sentence in misspelt(environ):
        _log.warning(sentence)
    plugins = Plugins(environ, disabled=settings.disabled_plugins)
    catalog = Catalog(plugins)
    container = Container(settings, plugins, catalog, FanOut(plugins, catalog))
    app = FastAPI(
        title="CORO",
        version=version("coro-core"),
        lifespan=lambda _: _lifespan(container),
        docs_url=None,
        redoc_url=None,
    )
    app.state.container = container
    app.include_router(router)
    docs.install(app, settings)
    problems.install(app)
    app.add_middleware(RequestContext)
    # The outermost, so that a browser may read errors as well.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(settings.cors_origins),
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        expose_headers=[REQUEST_ID, "Retry-After"],
    )
    return app


@asynccontextmanager
async def _lifespan(container: Container) -> AsyncIterator[None]:
    settings, plugins = container.settings, container.plugins
    demo = _demo(settings, plugins.records) if settings.demo else None
    if demo is not None:
        _log.warning("DEMO: every answer is simulated; no provider is asked")
    async with plugins.opened(timeout=settings.plugin_timeout, demo=demo):
        for record in plugins.records:
            _log_plugin(record)
        broken = [r.name for r in plugins.records if r.state in (State.FAILED, State.REJECTED)]
        if settings.strict_plugins and broken:
            raise SettingsError(
                f"CORO_STRICT_PLUGINS is set and these plugins are broken: {', '.join(broken)}."
            )
        if not any(record.state is State.READY for record in plugins.records):
            _log.warning("no plugin is ready: /chat answers 503 until one is")
        yield


def _log_plugin(record: PluginRecord) -> None:
    log = _log.info if record.state is State.READY else _log.warning
    log(
        "plugin",
        plugin=record.name,
        state=record.state.value,
        reason=record.reason,
        version=record.version,
        models=[model.id for model in record.models],
    )


def _demo(settings: Settings, records: Sequence[PluginRecord]) -> "dict[str, Behaviour]":
    """Return how each simulator is to behave: as its provider does, unless told to fail."""
    from coro_core.testing.behaviour import Behaviour  # not needed outside of the demo

    behaviours = {record.name: Behaviour(latency=None) for record in records}
    for entry in settings.demo_fail:
        name, _, code = entry.partition("=")
        code = code or AuthenticationFailed.code
        if name not in behaviours or code not in ERROR_CODES:
            raise SettingsError(
                f"CORO_DEMO_FAIL: {entry} is not a plugin, or not plugin=error_code with one of"
                f" {', '.join(ERROR_CODES)}."
            )
        behaviours[name].error = code
    return behaviours
