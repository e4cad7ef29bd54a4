"""Run a command's coroutine, and end the process on time."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from coro_core.cli.exit_codes import ExitCode

CANCEL_SECONDS = 0.5
"""Time for cancelled tasks to end. The process exits without the tasks that take longer."""


def run(command: Coroutine[Any, Any, ExitCode]) -> ExitCode:
    """Run a command and return its exit code; Ctrl-C cancels the command.

    A plugin's call can ignore its cancellation, and asyncio would wait for that call without end.
    In that case this function ends the process itself, so the command has to print its results.
    """
    runner = asyncio.Runner()
    try:
        code = runner.run(command)
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except BaseException:
        runner.close()
        raise
    try:
        if _tasks_end(runner.get_loop()):
            runner.close()
            return code
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError):
            stream.flush()
    os._exit(code)


def _tasks_end(loop: asyncio.AbstractEventLoop) -> bool:
    """Cancel every task, and return whether all end in time."""
    tasks = asyncio.all_tasks(loop)
    if not tasks:
        return True
    for task in tasks:
        task.cancel()
    _, running = loop.run_until_complete(asyncio.wait(tasks, timeout=CANCEL_SECONDS))
    return not running
