"""Calls to Gemini through google-genai: REST over the kit's httpx client, no global state.

The SDK reads a dozen environment variables for options that are left out, so every option is set.
As of google-genai 3.4.0.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar
from urllib.parse import quote

import httpx
from google import genai
from google.genai import types
from google.genai.client import DebugConfig

from coro_core import (
    GenerateRequest,
    Generation,
    InvalidResponse,
    ModelUnavailable,
    ProviderError,
    Timeout,
)
from coro_core.kit import Network
from coro_core.kit.http import check_values, open_httpx_client
from coro_gemini.generation import to_generation
from coro_gemini.rest.error_mapping import map_error
from coro_gemini.rest.replies import read_reply
from coro_gemini.settings import Settings

_Reply = TypeVar("_Reply")

# The SDK warns about keys in the environment, although it is given a key.
logging.getLogger("google_genai").setLevel(logging.ERROR)

_LIST_SECONDS = 30.0
_PAGE_SIZE = 1000
_MAX_PAGES = 20
"""Further pages are not read."""

_LEAST_THINKING: Mapping[str, types.ThinkingConfig] = {
    name: types.ThinkingConfig(thinking_level=level)
    for name, level in {
        "gemini-3.1-flash-lite": types.ThinkingLevel.MINIMAL,
        "gemini-3.5-flash-lite": types.ThinkingLevel.MINIMAL,
        "gemini-3.6-flash": types.ThinkingLevel.LOW,
        "gemini-3.8-flash": types.ThinkingLevel.LOW,
    }.items()
}
"""The lowest level of each upstream model, by exact name. Other models reject unknown levels.

https://ai.google.dev/gemini-api/docs/thinking, read 2026-11-22. 3.7 and 3.8 Flash reject `minimal`
(github.com/BerriAI/litellm-docs/pull/1505, 2026-09-16); reports differ on 3.6 Flash, which accepts
`low` for certain (fishjar/kiss-translator/pull/1051, 2026-08-21).
"""

_CONFIG = types.GenerateContentConfig(
    automatic_continuation=False,
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    # Return the raw reply: the SDK's own parser costs more, and fails in many ways on JSON of
    # another shape.
    should_return_http_response=True,
)


class Client:
    """One client of the SDK, for one key."""

    def __init__(self, client: genai.Client) -> None:
        self._models = client.aio.models

    async def generate(self, request: GenerateRequest) -> Generation:
        """Return the answer to one prompt. Raises `ProviderError`."""
        if ".." in request.model:
            # The SDK raises a ValueError for such a name, and no model of Gemini's has one.
            raise ModelUnavailable()
        config = _CONFIG.model_copy(
            update={
                "temperature": request.temperature,
                "max_output_tokens": request.max_tokens,
                "thinking_config": _LEAST_THINKING.get(request.model),
            }
        )
        call = self._models.generate_content(
            model=f"models/{quote(request.model, safe='')}",
            contents=request.prompt,
            config=config,
        )
        response = (await _reply_of(call, request.timeout)).sdk_http_response
        return to_generation(read_reply((response and response.body) or ""))

    async def live_models(self) -> frozenset[str]:
        """Return the names that this key can generate with. Raises `ProviderError`."""
        return await _reply_of(self._list_models(), _LIST_SECONDS)

    async def _list_models(self) -> frozenset[str]:
        names: set[str] = set()
        try:
            pager = await self._models.list(config={"page_size": _PAGE_SIZE})
            for _ in range(_MAX_PAGES):
                names.update(
                    (model.name or "").removeprefix("models/")
                    for model in pager.page
                    if "generateContent" in (model.supported_actions or ())
                )
                await pager.next_page()
        except IndexError:
            pass  # raised by the pager after the last page
        except (ValueError, TypeError, AttributeError, RecursionError):
            # Raised by the SDK for JSON of another shape.
            raise InvalidResponse("It holds no list of models.") from None
        return frozenset(names)


@asynccontextmanager
async def open_client(settings: Settings, network: Network) -> AsyncIterator[Client]:
    """Open the client for one key. The client makes no retries: the core makes the only one."""
    async with open_httpx_client(settings.address, network=network) as http_client:
        http_client.event_hooks = {"response": [_raise_for_error]}
        # In a thread: the constructor loads the rest of the SDK.
        yield Client(await asyncio.to_thread(_sdk_client, settings, http_client))


def _sdk_client(settings: Settings, http_client: httpx.AsyncClient) -> genai.Client:
    return genai.Client(
        vertexai=False,
        api_key=settings.key,
        debug_config=DebugConfig(client_mode=None, replays_directory=None, replay_id=None),
        http_options=types.HttpOptions(
            base_url=settings.address,
            # The version that google-generativeai uses, too.
            api_version="v1beta",
            httpx_async_client=http_client,
            # Neither is ever used. By default the SDK makes both, from the environment's proxies
            # and certificates.
            httpx_client=httpx.Client(transport=httpx.BaseTransport(), trust_env=False),
            async_client_args={"ssl": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)},
        ),
    )


async def _raise_for_error(response: httpx.Response) -> None:
    """Raise the error of an error reply, before the SDK raises an error of its own.

    Raise `InvalidResponse` for text that is not UTF-8, which the SDK would repair in silence, and
    for JSON that would take up too much memory.
    """
    content = await response.aread()
    if response.status_code != httpx.codes.OK:
        raise map_error(response.status_code, response.headers, content)
    try:
        content.decode()
    except UnicodeDecodeError:
        raise InvalidResponse("It is not UTF-8.") from None
    check_values(content)


async def _reply_of(call: Awaitable[_Reply], timeout_seconds: float) -> _Reply:
    """Await a call of the SDK within a timeout and return the reply. Raises `ProviderError`.

    The error is raised outside the handlers, so that no chain of exceptions leads to the SDK's
    objects.
    """
    error: ProviderError
    try:
        async with asyncio.timeout(timeout_seconds):
            return await call
    except TimeoutError:
        # No time is left for another call.
        error = Timeout(retryable=False)
    except ProviderError as exc:
        error = exc.with_traceback(None)
        error.__context__ = None
    raise error
