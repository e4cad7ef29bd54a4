"""ChatResult from a server somewhere, through its HTTP API."""

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
from coro_core.cli.chat.backends import CannotAskError, Source, available
from coro_core.cli.chat.text import on_one_line
from coro_core.contract.errors import ConnectionFailed, Overloaded, Timeout
from coro_core.dispatch.result import UNKNOWN_MODEL, ModelResult

PATIENCE_SECONDS = 90.0
"""How long a server may keep us waiting: the longest timeout, and the time that a host on a free
plan takes to wake up."""

POLL_SECONDS = 0.2
"""How often a server that has only just started is asked whether its plugins are open."""

Form = TypeVar("Form", bound=BaseModel)

_TURNED_AWAY = {404: UNKNOWN_MODEL, 503: Overloaded.code}
"""The problems that concern one model's request; any other would meet all of them."""


class _There:
    """A server somewhere."""

    stragglers = 0

    def __init__(
        self, client: httpx.AsyncClient, name: str, available: Sequence[str], question: str
    ) -> None:
        self._client = client
        self._name = name
        self._question = question
        self.available = available

    async def ask(self, model_id: str) -> ModelResponse:
        path = f"chat/{quote(model_id, safe='')}"
        try:
            reply = await self._client.post(path, content=self._question)
        except httpx.TimeoutException:
            return _failed(model_id, f"{self._name} did not answer in time.", Timeout.code)
        except httpx.TransportError:
            sentence = f"{self._name} hung up before it had answered."
            return _failed(model_id, sentence, ConnectionFailed.code)
        try:
            return ModelResponse.model_validate_json(reply.content)
        except ValidationError:
            pass
        if (code := _TURNED_AWAY.get(reply.status_code)) and (detail := _detail(reply)):
            return _failed(model_id, detail, code)
        _refuse(reply, self._name)


@asynccontextmanager
async def there(url: str, question: SingleChatRequest, request_id: str) -> AsyncIterator[Source]:
    """Open a connection to a server. Raises `CannotAskError` when it is none, or is not there."""
    address, name = _address(url)
    headers = {"Content-Type": "application/json", "X-Request-ID": request_id}
    async with httpx.AsyncClient(
        base_url=address, headers=headers, timeout=PATIENCE_SECONDS
    ) as client:
        # First of all: this finds out whether it is there, and wakes it if its host let it sleep.
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while await _starting(client, name):  # noqa: ASYNC110 - another machine's state
                    await asyncio.sleep(POLL_SECONDS)
                models = _parsed(await client.get("models"), ModelList, name)
        except (httpx.TimeoutException, TimeoutError):
            raise CannotAskError(
                f"{name} was not ready within {PATIENCE_SECONDS:g} s; try again later."
            ) from None
        except httpx.TransportError:
            raise CannotAskError(
                f"{name} cannot be reached; is the server running, and the address right?"
            ) from None
        yield _There(client, name, available(models), question.model_dump_json(exclude_none=True))


async def _starting(client: httpx.AsyncClient, name: str) -> bool:
    """Tell whether any plugin of a server is not open yet."""
    plugins = _parsed(await client.get("plugins"), PluginList, name).plugins
    return any(plugin.state == "starting" for plugin in plugins)


def _parsed(reply: httpx.Response, form: type[Form], name: str) -> Form:
    """Return a server's reply. Raises `CannotAskError` when it is not what CORO answers."""
    try:
        return form.model_validate_json(reply.content)
    except ValidationError:
        _refuse(reply, name)


def _address(url: str) -> tuple[httpx.URL, str]:
    """Return a server's address, and how it is called: without the password that it may hold."""
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        address = httpx.URL()
    if address.scheme not in ("http", "https") or not address.host:
        raise CannotAskError("--url takes an address like http://localhost:8000.")
    return address, on_one_line(str(address.copy_with(userinfo=b"", query=None, fragment=None)))


def _refuse(reply: httpx.Response, name: str) -> NoReturn:
    """Say in a sentence why a server's reply is of no use."""
    raise CannotAskError(
        _detail(reply)
        or f"{name} answered {reply.status_code} with something that is not CORO's;"
        " is the address right?"
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
    """Return the row of a model that the server did not ask."""
    row = model_response(ModelResult(model=model_id, error=error, error_code=code))
    return ModelResponse.model_validate(row)
