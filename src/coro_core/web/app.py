"""The application: settings in, an ASGI app out."""

import asyncio
import gc
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from importlib.metadata import version

import structlog
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from coro_core.config.logs import configure_logs, finish_logs
from coro_core.config.settings import read_environ, read_settings
from coro_core.contract.errors import SettingsError
from coro_core.engine.engine import Engine, build_engine
from coro_core.plugins.record import PluginRecord, State
from coro_core.plugins.registry import PluginRegistry
from coro_core.server.admission import Admission
from coro_core.server.draining import draining, stop_handlers
from coro_core.web import error_handlers
from coro_core.web.load_shedding import LoadShedder
from coro_core.web.middleware import REQUEST_ID, RequestContext
from coro_core.web.openapi import description as docs
from coro_core.web.pages import compare as ui
from coro_core.web.routes import router

GC_THRESHOLDS = (10_000, 10, 10)
"""Allocations before a collection of the youngest generation, then collections per generation."""

_log = structlog.get_logger("coro")


def create_app(environ: Mapping[str, str] | None = None) -> FastAPI:
    """Return a new application; it shares nothing with any other.

    `environ` holds its settings. Without it, as for a server, the settings come from the
    environment and `.env`, and the application sets up the process as well: its logs, its signal
    handlers, its garbage collector. With it, those belong to the embedding program. Raises
    `SettingsError` if a setting is invalid.
    """
    process_is_ours = environ is None
    # Before any plugin is imported: a plugin may install handlers of its own.
    handlers = stop_handlers()
    if environ is None:
        environ = read_environ()
        settings = read_settings(environ)
        configure_logs(format=settings.log_format, level=settings.log_level)
    engine = build_engine(environ)
    admission = Admission(engine.settings.max_in_flight)
    grace = engine.settings.shutdown_grace
    stopping = draining(admission, grace, handlers) if process_is_ours else None
    app = FastAPI(
        title="CORO",
        version=version("coro-core"),
        lifespan=lambda _: _lifespan(engine, admission, stopping),
        docs_url=None,
        redoc_url=None,
        # A redirect would lead to the host that the Host header names.
        redirect_slashes=False,
    )
    app.state.engine = engine
    app.include_router(router)
    docs.install(app, engine.settings)
    ui.install(app, engine.settings)
    error_handlers.install(app)
    app.add_middleware(LoadShedder, admission=admission)
    app.add_middleware(RequestContext)
    # The outermost, so that browsers can read errors as well.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(engine.settings.cors_origins),
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        expose_headers=[REQUEST_ID, "Retry-After"],
    )
    return app


@asynccontextmanager
async def _lifespan(
    engine: Engine, admission: Admission, stopping: AbstractContextManager[None] | None
) -> AsyncIterator[None]:
    """Open and close the engine. With `stopping`, the process is ours: drain it and tune it."""
    async with engine.start(), engine.discovery.running():
        if engine.settings.strict_plugins:
            await engine.plugins.wait_ready()
            broken = [
                record.name
                for record in engine.plugins.records
                if record.state in (State.FAILED, State.REJECTED)
            ]
            if broken:
                raise SettingsError(
                    f"CORO_STRICT_PLUGINS is set and these plugins are broken: {', '.join(broken)}."
                )
        # The server answers meanwhile; a chat request waits for its models' plugins.
        starting = asyncio.create_task(_finish_start(engine.plugins, tune=stopping is not None))
        try:
            with stopping or nullcontext():
                yield
        finally:
            starting.cancel()
            admission.report()
    if stopping is not None:
        # The signal that ends the server ends the process: write the last lines now.
        finish_logs()


async def _finish_start(plugins: PluginRegistry, *, tune: bool) -> None:
    """Log the state of each plugin as soon as it is known; then tune the garbage collector."""

    async def report(record: PluginRecord) -> None:
        if record.state is State.STARTING:
            await record.start_finished.wait()
        _log_plugin(record)

    await asyncio.gather(*map(report, plugins.records))
    if not any(record.callable for record in plugins.records):
        _log.warning("no plugin is ready: /chat answers 503 until one is")
    if tune:
        _tune_garbage_collector()


def _tune_garbage_collector() -> None:
    """Spend less time on garbage collection, for the whole process.

    Objects that exist after the start stay, so the collector skips them. A request allocates many
    objects and few cycles, so the youngest generation is collected less often than by default
    (700). A larger threshold saves more processor time, but failed calls then keep their bodies
    longer: under large error replies the peak is 156 MiB by default, 178 with 10,000 and 190 with
    50,000.
    """
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _log_plugin(record: PluginRecord) -> None:
    log = _log.info if record.state is State.READY else _log.warning
    log(
        "plugin",
        plugin=record.name,
        state=record.state.value,
        reason=record.explanation,
        version=record.version,
        models=[model.id for model in record.models],
    )
