"""Logging: readable lines on a terminal, one JSON object a line anywhere else, to standard error.

Everything goes through the standard library's handlers, whose failures (a closed or full output)
never reach a request; nor does an output that nobody reads (`coro_core.sink`). Prompts, answers and
keys are never passed to a logger; exceptions, of libraries and plugins as well, are described by
class and place, because their text could hold either.
"""

import logging
import sys
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor

from coro_core.errors import describe
from coro_core.sink import ThreadedHandler

_OURS = ("coro", "coro_core", "uvicorn")


def configure_logs(
    *, format: Literal["auto", "json", "console"] = "auto", level: str = "info"
) -> None:
    """Set up structlog and the standard library's root logger for this process."""
    # None when the process was started with its standard error closed.
    terminal = sys.stderr is not None and sys.stderr.isatty()
    console = format == "console" or (format == "auto" and terminal)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[Processor] = (
        [_printable, structlog.dev.ConsoleRenderer(colors=terminal)]
        if console
        else [
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(ensure_ascii=True),
        ]
    )
    root = logging.getLogger()
    handler = _handler(root)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                _without_quotes,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *render,
            ],
        )
    )
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    for other in root.handlers:
        if isinstance(other, ThreadedHandler) and other is not handler:
            other.close()
    root.handlers[:] = [handler]
    # Others put addresses, and on DEBUG whole requests, into their lines.
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level.upper()]))
    for name in _OURS:
        logging.getLogger(name).setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # Its lines say once more what ours say, down to one a request.
    logging.getLogger("uvicorn.access").setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def finish_logs() -> None:
    """Wait for the lines that are not written yet, within a bound; the process is ending."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, ThreadedHandler):
            handler.finish()


def _handler(root: logging.Logger) -> logging.Handler:
    """Return what writes to standard error: what did so before, if logs are set up again."""
    for handler in root.handlers:
        if isinstance(handler, ThreadedHandler) and handler.stream is sys.stderr:
            return handler
    try:
        sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        # Absent, or in memory: there is nothing to wait for.
        return logging.StreamHandler(sys.stderr)
    return ThreadedHandler(sys.stderr)


def _without_quotes(_: Any, __: str, event: EventDict) -> EventDict:
    """Describe an exception that goes with a line, instead of quoting it."""
    told = event.pop("exc_info", None)
    exc = sys.exc_info()[1] if told is True else told[1] if isinstance(told, tuple) else told
    if isinstance(exc, BaseException):
        event["why"] = describe(exc)
    if event["_record"].name == "asyncio":
        # Behind its first line it quotes tasks and what they raised.
        event["event"] = str(event["event"]).partition("\n")[0]
    return event


def _printable(_: Any, __: str, event: EventDict) -> EventDict:
    """Escape what would move the cursor of a terminal, or start a line of its own."""
    return {
        name: value.strip().encode("unicode_escape").decode()
        if isinstance(value, str) and not value.isprintable()
        else value
        for name, value in event.items()
    }
