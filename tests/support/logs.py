"""Setting up logs within a test, and having them as they were afterwards."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

_NAMES = ("", "coro", "coro_core", "py.warnings", "uvicorn", "uvicorn.error", "uvicorn.access")


@contextmanager
def logging_as_it_was() -> Iterator[None]:
    """Put back what `configure_logs` changes for the whole process."""
    loggers = [logging.getLogger(name) for name in _NAMES]
    before = [(it, it.level, it.propagate, list(it.handlers)) for it in loggers]
    raise_exceptions = logging.raiseExceptions
    showwarning = warnings.showwarning
    configured, config = structlog.is_configured(), structlog.get_config()
    yield
    logging.captureWarnings(False)
    warnings.showwarning = showwarning
    logging.raiseExceptions = raise_exceptions
    for logger, level, propagate, handlers in before:
        for handler in set(logger.handlers) - set(handlers):
            # Writes what is waiting, and ends the thread of one that has one.
            handler.close()
        logger.setLevel(level)
        logger.propagate = propagate
        logger.handlers[:] = handlers
    structlog.reset_defaults()
    if configured:
        structlog.configure(**config)
