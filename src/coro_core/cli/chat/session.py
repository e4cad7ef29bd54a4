"""One run of `coro chat`: open what answers, ask, show, and leave in order."""

import asyncio
import io
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager, suppress
from enum import IntEnum

from rich.console import Console
from rich.live import Live

from coro_core.api.schemas import ChatResponse, ModelResponse
from coro_core.cli.chat.backends import CannotAskError, Source
from coro_core.cli.chat.views import Board

FRAMES_PER_SECOND = 10


class ExitCode(IntEnum):
    """What the shell gets to see; 2, for what could not be asked at all, comes from `main`."""

    ALL_ANSWERED = 0
    SOME_FAILED = 1
    INTERRUPTED = 130


class Session:
    """Asks models, shows what they say, and is gone."""

    def __init__(
        self,
        opening: AbstractAsyncContextManager[Source],
        models: Sequence[str],
        request_id: str,
        show: Callable[[Console, ChatResponse], None],
    ) -> None:
        """Take what answers, not yet open; no models stand for every available one."""
        self._opening = opening
        self._models = tuple(dict.fromkeys(models))
        self._request_id = request_id
        self._show = show
        self._source: Source | None = None

    def run(self) -> ExitCode:
        """Do all of it. Raises `CannotAskError` when nothing can be asked.

        An interrupt (Ctrl-C) cancels the calls, so that no provider goes on for nobody.
        """
        runner = asyncio.Runner()
        try:
            code = runner.run(self._run())
        except KeyboardInterrupt:
            code = ExitCode.INTERRUPTED
        except BaseException:
            runner.close()
            raise
        if self._source and self._source.stragglers:
            # A plugin does not heed its cancellation, and asyncio would wait for it without end.
            for stream in (sys.stdout, sys.stderr):
                with suppress(AttributeError, OSError):
                    stream.flush()
            os._exit(code)
        runner.close()
        return code

    async def _run(self) -> ExitCode:
        console = _console()
        board = Board()
        async with AsyncExitStack() as stack:
            with _live(board, console):
                self._source = await stack.enter_async_context(self._opening)
                models = self._models or self._source.available
                if not models:
                    raise CannotAskError(
                        "No model is available; coro plugins says why. --demo needs no key."
                    )
                board.start(models)
                body = await self._ask(self._source, models, board.put)
            # Before the plugins are closed, which nobody wants to wait for.
            self._show(console, body)
        return ExitCode.SOME_FAILED if body.failed else ExitCode.ALL_ANSWERED

    async def _ask(
        self, source: Source, models: Sequence[str], on_row: Callable[[ModelResponse], None]
    ) -> ChatResponse:
        """Ask each model by itself, all at once, so that each row shows as soon as it is there."""
        started = time.monotonic()

        async def ask(model_id: str) -> ModelResponse:
            row = await source.ask(model_id)
            on_row(row)
            return row

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(ask(model_id)) for model_id in models]
        except ExceptionGroup as problems:
            # Whatever meets one request in this way meets them all.
            raise problems.exceptions[0] from None
        rows = [task.result() for task in tasks]
        failed = sum(row.error_code is not None for row in rows)
        return ChatResponse.model_construct(
            responses=rows,
            total_latency_ms=round((time.monotonic() - started) * 1000),
            succeeded=len(rows) - failed,
            failed=failed,
            request_id=self._request_id,
        )


def _console() -> Console:
    """Return the terminal, or whatever stands in for it; a character it lacks becomes a `?`."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return Console(markup=False, highlight=False, emoji=False)


@contextmanager
def _live(board: Board, console: Console) -> Iterator[None]:
    """Show the board for as long as models answer, where there is a terminal to show it on."""
    if not (console.is_interactive and console.file.isatty()):
        yield
        return
    with Live(board, console=console, transient=True, refresh_per_second=FRAMES_PER_SECOND):
        yield
