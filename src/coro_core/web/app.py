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

_log = structlog.get_logger("coro")


def create_app(environ: Mapping[str, str] | None = None) -> FastAPI:
    """Return a new application; it shares nothing with any other.

    `environ` holds its settings. When it is absent, as for a server, they are read from the
    environment and `.env`, and the logs of the process and its end are taken care of; otherwise
    those are left to whoever embeds the application. Raises `SettingsError` when the settings
    cannot be used.
    """
    process_is_ours = environ is None
    # Before any plugin is imported, which may put its own in their place.
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
        # They would lead to whatever the Host header names.
        redirect_slashes=False,
    )
    app.state.engine = engine
    app.include_router(router)
    docs.install(app, engine.settings)
    ui.install(app, engine.settings)
    error_handlers.install(app)
    app.add_middleware(LoadShedder, admission=admission)
    app.add_middleware(RequestContext)
    # The outermost, so that a browser may read errors as well.
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
    """Open and close the parts; with `stopping`, the end of the process is ours too."""
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
        # The server answers meanwhile, and who asks a model waits for its plugin.
        settling = asyncio.create_task(_settle(engine.plugins, freeze=stopping is not None))
        try:
            with stopping or nullcontext():
                yield
        finally:
            settling.cancel()
            admission.tell()
    if stopping is not None:
        # The signal that ends the server ends the process, without a chance to write more.
        finish_logs()


async def _settle(plugins: PluginRegistry, *, freeze: bool) -> None:
    """Say in the log what becomes of each plugin, as soon as that is known.

    What is there by then stays. With `freeze`, the garbage collector no longer goes through it time
    and again, which holds up every request for tens of milliseconds.
    """

    async def tell(record: PluginRecord) -> None:
        if record.state is State.STARTING:
            await record.start_finished.wait()
        _log_plugin(record)

    await asyncio.gather(*map(tell, plugins.records))
    if not any(record.callable for record in plugins.records):
        _log.warning("no plugin is ready: /chat answers 503 until one is")
    if freeze:
        gc.freeze()


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
