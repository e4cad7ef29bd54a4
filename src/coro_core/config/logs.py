"""Logging to standard error: readable lines on a terminal, one JSON object per line elsewhere.

CORO's lines go from structlog straight to the output. Lines of libraries pass the standard
library's loggers, which cost more. A closed, full or unread output delays no request
(`log_writer`). Prompts, answers and keys are never passed to a logger. An exception is logged by
class and place, because its text may contain them.
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
    # None if the process was started with a closed standard error.
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
                redact_exception,
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
    # Libraries log addresses, and on DEBUG whole requests.
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level.upper()]))
    for name in _OURS:
        logging.getLogger(name).setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # Its lines repeat ours, one per request.
    logging.getLogger("uvicorn.access").setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[*shared, redact_exception, *render[:-1], _or_dropped(render[-1])],
        logger_factory=lambda *_: _Output(handler),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Loggers are not cached, so that this function can be called again.
    )


class _Output:
    """The logger that structlog calls with a finished line, by the name of its level."""

    def __init__(self, handler: LineHandler) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = handler.write


def finish_logs() -> None:
    """Flush the log, within a bound, before the process ends. Later lines are written at once."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, ThreadedHandler):
            handler.begin_shutdown()


def _json(_: Any, __: str, event: EventDict) -> str:
    """Render a line as structlog does, with one encoder for all lines."""
    return _ENCODER.encode(event)


def _or_dropped(render: Processor) -> Processor:
    """Drop a line that cannot be rendered: the caller must not fail for it."""

    def rendered(logger: Any, name: str, event: EventDict) -> Any:
        try:
            return render(logger, name, event)
        except Exception:
            raise structlog.DropEvent from None

    return rendered


def _handler(root: logging.Logger) -> LineHandler:
    """Return the handler for standard error. Reuses the current one if logs are set up again."""
    for handler in root.handlers:
        if isinstance(handler, ThreadedHandler) and handler.stream is sys.stderr:
            return handler
    try:
        return ThreadedHandler(sys.stderr)
    except (AttributeError, OSError, ValueError):
        # Absent, closed, or in memory: a write cannot block.
        return LineHandler(sys.stderr)


def redact_exception(_: Any, __: str, event: EventDict) -> EventDict:
    """Replace a line's exception by its class and place."""
    info = event.pop("exc_info", None)
    exc = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(exc, BaseException):
        event["why"] = describe(exc)
    return event


def _first_line(_: Any, __: str, event: EventDict) -> EventDict:
    """Keep only the first line of asyncio's messages: the others quote tasks and exceptions."""
    if event["_record"].name == "asyncio":
        event["event"] = str(event["event"]).partition("\n")[0]
    return event


def _printable(_: Any, __: str, event: EventDict) -> EventDict:
    """Escape characters that move a terminal's cursor or start a new line."""
    return {
        name: value.strip().encode("unicode_escape").decode()
        if isinstance(value, str) and not value.isprintable()
        else value
        for name, value in event.items()
    }
