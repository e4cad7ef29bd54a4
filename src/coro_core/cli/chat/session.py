"""One run of `coro chat`: open the backend, ask each model, show the rows, and close."""

import asyncio
import io
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from typing import Literal

from rich.console import Console
from rich.live import Live

from coro_core.api.schemas import ChatResponse, ModelResponse, SingleChatRequest
from coro_core.cli.chat.backends import Backend, CannotAskError, in_process
from coro_core.cli.chat.views import LiveTable, show_answers, show_json, show_markdown
from coro_core.cli.event_loop import run
from coro_core.cli.exit_codes import ExitCode
from coro_core.cli.instance import engine_from_environ

FRAMES_PER_SECOND = 10

Form = Literal["people", "json", "markdown"]
Show = Callable[[Console, ChatResponse], None]

_SHOWS: Mapping[Form, Show] = {
    "people": show_answers,
    "json": show_json,
    "markdown": show_markdown,
}


def run_chat(
    request: SingleChatRequest, models: Sequence[str], *, url: str | None, demo: bool, form: Form
) -> ExitCode:
    """Send the request to these models, or to every available one, and show the rows."""
    request_id = secrets.token_hex(8)
    if url:
        # Import here: an HTTP client takes a while to load.
        from coro_core.cli.chat.remote import remote

        backend = remote(url, request, request_id)
    else:
        # The rows have the warnings on models and keys, so the log is left to errors. Import the
        # plugins before the event loop runs: there, Ctrl-C would wait for the end of the import.
        backend = in_process(engine_from_environ(demo=demo, log_level="error"), request)
    return run(Session(backend, models, request_id, _SHOWS[form]).run())


class Session:
    """One request to a backend."""

    def __init__(
        self,
        backend: AbstractAsyncContextManager[Backend],
        models: Sequence[str],
        request_id: str,
        show: Show,
    ) -> None:
        """Take a backend that is not open yet; no models stand for every available one."""
        self._opening = backend
        self._models = tuple(dict.fromkeys(models))
        self._request_id = request_id
        self._show = show

    async def run(self) -> ExitCode:
        """Ask, show and close. Raises `CannotAskError` when no model can be asked.

        A cancellation cancels the calls, so that no provider works on an answer without a reader.
        """
        console = _console()
        table = LiveTable()
        async with AsyncExitStack() as stack:
            with _live(table, console):
                backend = await stack.enter_async_context(self._opening)
                models = self._models or backend.available
                if not models:
                    raise CannotAskError(
                        "No model is available; coro plugins says why. --demo needs no key."
                    )
                table.start(models)
                body = await self._ask(backend, models, table.put)
            # Before the plugins are closed, which takes time that the reader need not wait.
            self._show(console, body)
        return ExitCode.FAILED if body.failed else ExitCode.OK

    async def _ask(
        self, backend: Backend, models: Sequence[str], on_row: Callable[[ModelResponse], None]
    ) -> ChatResponse:
        """Ask each model by itself, all at once, so that each row is shown when it is ready."""
        started = time.monotonic()

        async def ask(model_id: str) -> ModelResponse:
            row = await backend.ask(model_id)
            on_row(row)
            return row

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(ask(model_id)) for model_id in models]
        except ExceptionGroup as problems:
            # An error that fails one request in this way fails every request.
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
    """Return a console on standard output; a character that it cannot encode becomes `?`."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return Console(markup=False, highlight=False, emoji=False)


@contextmanager
def _live(table: LiveTable, console: Console) -> Iterator[None]:
    """Show the table while the models answer, if the console is a terminal."""
    if not (console.is_interactive and console.file.isatty()):
        yield
        return
    with Live(table, console=console, transient=True, refresh_per_second=FRAMES_PER_SECOND):
        yield
