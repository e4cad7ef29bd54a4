"""Rows from a CORO server, through its HTTP API."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from coro_core.api.schemas import (
    ModelList,
    ModelResponse,
    PluginList,
    SingleChatRequest,
)
from coro_core.api.serializers import model_response
from coro_core.cli.chat.backends import Backend, CannotAskError, available_ids
from coro_core.cli.text import on_one_line
from coro_core.contract.errors import ConnectionFailed, Overloaded, Timeout
from coro_core.dispatch.result import UNKNOWN_MODEL, ModelResult

SERVER_SECONDS = 90.0
"""Limit for one reply, then the command gives up.

The longest timeout of a request is 60 s, and a host on a free plan takes up to 30 s to wake up.
"""

POLL_SECONDS = 0.2
"""Time between two requests to a server whose plugins are still starting."""

Body = TypeVar("Body", bound=BaseModel)

_ROW_PROBLEMS = {404: UNKNOWN_MODEL, 503: Overloaded.code}
"""Statuses that fail one row. Any other problem would meet every row."""


class _Remote:
    """A CORO server, and one prompt for it."""

    def __init__(
        self, client: httpx.AsyncClient, name: str, available: Sequence[str], body: str
    ) -> None:
        self._client = client
        self._name = name
        self._body = body
        self.available = available

    async def ask(self, model_id: str) -> ModelResponse:
        path = f"chat/{quote(model_id, safe='')}"
        try:
            reply = await self._client.post(path, content=self._body)
        except httpx.TimeoutException:
            sentence = f"{self._name} did not answer within {SERVER_SECONDS:g} s; try again later."
            return _failed(model_id, sentence, Timeout.code)
        except httpx.TransportError:
            sentence = f"{self._name} closed the connection before it answered; try again."
            return _failed(model_id, sentence, ConnectionFailed.code)
        try:
            return ModelResponse.model_validate_json(reply.content)
        except ValidationError:
            pass
        if (code := _ROW_PROBLEMS.get(reply.status_code)) and (detail := _detail(reply)):
            return _failed(model_id, detail, code)
        _raise_problem(reply, self._name)


@asynccontextmanager
async def remote(url: str, request: SingleChatRequest, request_id: str) -> AsyncIterator[Backend]:
    """Open a client for a server.

    Raises `CannotAskError` when the server cannot be reached, or is not CORO.
    """
    address, name = _address(url)
    headers = {"Content-Type": "application/json", "X-Request-ID": request_id}
    async with httpx.AsyncClient(
        base_url=address, headers=headers, timeout=SERVER_SECONDS
    ) as client:
        # Ask for the plugins first: this wakes a host that put the server to sleep.
        try:
            async with asyncio.timeout(SERVER_SECONDS):
                while await _starting(client, name):  # noqa: ASYNC110 - another machine's state
                    await asyncio.sleep(POLL_SECONDS)
                models = _parse(await client.get("models"), ModelList, name)
        except (httpx.TimeoutException, TimeoutError):
            raise CannotAskError(
                f"{name} was not ready within {SERVER_SECONDS:g} s; try again later."
            ) from None
        except httpx.TransportError:
            raise CannotAskError(
                f"{name} cannot be reached; check the address, and that the server is running."
            ) from None
        body = request.model_dump_json(exclude_none=True)
        yield _Remote(client, name, available_ids(models), body)


async def _starting(client: httpx.AsyncClient, name: str) -> bool:
    """Return True while any plugin of a server is starting."""
    plugins = _parse(await client.get("plugins"), PluginList, name).plugins
    return any(plugin.state == "starting" for plugin in plugins)


def _parse(reply: httpx.Response, body: type[Body], name: str) -> Body:
    """Return the body of a reply. Raises `CannotAskError` when CORO did not write it."""
    try:
        return body.model_validate_json(reply.content)
    except ValidationError:
        _raise_problem(reply, name)


def _address(url: str) -> tuple[httpx.URL, str]:
    """Return a server's address, and its name in messages, which has no password in it."""
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        address = httpx.URL()
    if address.scheme not in ("http", "https") or not address.host:
        raise CannotAskError("--url takes an address like http://localhost:8000.")
    return address, on_one_line(str(address.copy_with(userinfo=b"", query=None, fragment=None)))


def _raise_problem(reply: httpx.Response, name: str) -> NoReturn:
    """Raise `CannotAskError` with the sentence of the problem, if the reply has one."""
    raise CannotAskError(
        _detail(reply)
        or f"{name} answered {reply.status_code} with a reply that is not CORO's;"
        " check the address."
    )


def _detail(reply: httpx.Response) -> str | None:
    """Return the sentence of a problem document, if it is one."""
    try:
        problem: Any = json.loads(reply.content)
    except (ValueError, RecursionError):
        return None
    detail = problem.get("detail") if isinstance(problem, dict) else None
    return on_one_line(detail) if isinstance(detail, str) else None


def _failed(model_id: str, error: str, code: str) -> ModelResponse:
    """Return the row of a model that the server did not call."""
    row = model_response(ModelResult(model=model_id, error=error, error_code=code))
    return ModelResponse.model_validate(row)
