"""Logging: readable lines on a terminal, one JSON object a line anywhere else, to standard error.

Our own lines go from structlog straight to the output; those of libraries come by the standard
library's loggers, which cost more. Neither an output that is closed or full nor one that nobody
reads ever reaches a request (`log_writer`). Prompts, answers and keys are never passed to a
logger; exceptions, of libraries and plugins as well, are described by class and place, because
their text could hold either.
"""

import json
import logging
import sys
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor

from coro_core.config.log_writer import LineHandler, ThreadedHandler
from coro_core.contract.errors import describe

_OURS = ("coro", "coro_core", "uvicorn")
_ENCODER = json.JSONEncoder(default=repr)


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
            _json,
        ]
    )
    root = logging.getLogger()
    handler = _handler(root)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                _without_quotes,
                _first_line,
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
        processors=[*shared, _without_quotes, *render[:-1], _or_dropped(render[-1])],
        logger_factory=lambda *_: _Output(handler),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Loggers are not cached, so that logs can be set up again.
    )


class _Output:
    """What structlog calls with a line that is ready, by the name of its level."""

    def __init__(self, handler: LineHandler) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = handler.write


def finish_logs() -> None:
    """Wait for the lines that are not written yet, within a bound; the process is ending."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, ThreadedHandler):
            handler.finish()


def _json(_: Any, __: str, event: EventDict) -> str:
    """Render a line. As structlog does, but for one encoder that is made once."""
    return _ENCODER.encode(event)


def _or_dropped(render: Processor) -> Processor:
    """Drop a line that cannot be rendered: it must not cost whoever writes it."""

    def rendered(logger: Any, name: str, event: EventDict) -> Any:
        try:
            return render(logger, name, event)
        except Exception:
            raise structlog.DropEvent from None

    return rendered


def _handler(root: logging.Logger) -> LineHandler:
    """Return what writes to standard error: what did so before, if logs are set up again."""
    for handler in root.handlers:
        if isinstance(handler, ThreadedHandler) and handler.stream is sys.stderr:
            return handler
    try:
        return ThreadedHandler(sys.stderr)
    except (AttributeError, OSError, ValueError):
        # Absent, closed, or in memory: there is nothing to wait for.
        return LineHandler(sys.stderr)


def _without_quotes(_: Any, __: str, event: EventDict) -> EventDict:
    """Describe an exception that goes with a line, instead of quoting it."""
    told = event.pop("exc_info", None)
    exc = sys.exc_info()[1] if told is True else told[1] if isinstance(told, tuple) else told
    if isinstance(exc, BaseException):
        event["why"] = describe(exc)
    return event


def _first_line(_: Any, __: str, event: EventDict) -> EventDict:
    """Leave out what asyncio says behind its first line: tasks, and what they raised."""
    if event["_record"].name == "asyncio":
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
