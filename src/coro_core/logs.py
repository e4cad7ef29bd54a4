"""Logging: readable lines on a terminal, one JSON object a line anywhere else, to standard error.

Everything goes through the standard library's handlers, whose failures (a closed or full output)
never reach a request. Prompts, answers and keys are never passed to a logger; exceptions of plugins
are described by class and place, because their text could hold either.
"""

import logging
import sys
from typing import Literal

import structlog
from structlog.typing import Processor

_NOISY = ("httpx", "httpcore", "aiohttp", "asyncio", "groq", "google", "grpc", "urllib3")


def configure_logs(
    *, format: Literal["auto", "json", "console"] = "auto", level: str = "info"
) -> None:
    """Set up structlog and the standard library's root logger for this process."""
    console = format == "console" or (format == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if console
        else [
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(ensure_ascii=True),
        ]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _NOISY:
        # They put addresses, and on DEBUG whole requests, into their lines.
        logging.getLogger(name).setLevel(logging.WARNING)
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
