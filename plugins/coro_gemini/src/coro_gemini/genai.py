"""Calls to Gemini through google-genai: REST over our own guarded client, and nothing global.

The SDK reads a dozen variables of the environment for what it is not told: it is told everything.
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
from coro_core.kit.http import check_values, open_httpx_client
from coro_gemini.reply import generation
from coro_gemini.rest_replies import error_from, read_reply

_Reply = TypeVar("_Reply")

# It says which of the environment's keys it would prefer, although it is given one.
logging.getLogger("google_genai").setLevel(logging.ERROR)

_LIST_SECONDS = 30.0
_PAGE_SIZE = 1000
_MAX_PAGES = 20

_LEAST_THINKING: Mapping[str, types.ThinkingConfig] = {
    name: types.ThinkingConfig(thinking_level=level)
    for name, level in {
        "gemini-3.1-flash-lite": types.ThinkingLevel.MINIMAL,
        "gemini-3.5-flash-lite": types.ThinkingLevel.MINIMAL,
        "gemini-3.6-flash": types.ThinkingLevel.LOW,
        "gemini-3.8-flash": types.ThinkingLevel.LOW,
    }.items()
}
"""The least that each upstream name takes, by exact name; others refuse what they do not know.

https://ai.google.dev/gemini-api/docs/thinking, read 2026-11-22. 3.7 and 3.8 Flash refuse `minimal`
(github.com/BerriAI/litellm-docs/pull/1505, 2026-09-16); reports differ on 3.6 Flash, which takes
`low` for certain (fishjar/kiss-translator/pull/1051, 2026-08-21).
"""

_CONFIG = types.GenerateContentConfig(
    automatic_continuation=False,
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    # The reply as it came: the SDK's own reading of it costs more, and fails in many ways on what
    # has another shape.
    should_return_http_response=True,
)


class Client:
    """One client of the SDK, for one key."""

    def __init__(self, client: genai.Client) -> None:
        self._models = client.aio.models

    async def generate(self, request: GenerateRequest) -> Generation:
        """Return the answer to one prompt. Raises `ProviderError`."""
        if ".." in request.model:
            # The SDK refuses such a name by a ValueError, and Gemini has none.
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
        response = (await _answered(call, request.timeout)).sdk_http_response
        return generation(read_reply((response and response.body) or ""))

    async def live_models(self) -> frozenset[str]:
        """Return the names that this key can generate with. Raises `ProviderError`."""
        return await _answered(self._listed(), _LIST_SECONDS)

    async def _listed(self) -> frozenset[str]:
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
            pass  # the pager's way to say that this was the last
        except (ValueError, TypeError, AttributeError, RecursionError):
            # The SDK's ways to stumble over JSON of another shape.
            raise InvalidResponse("It holds no list of models.") from None
        return frozenset(names)


@asynccontextmanager
async def open_client(key: str, address: str) -> AsyncIterator[Client]:
    """Open the client for one key; it makes no retries, since the core makes the only one."""
    async with open_httpx_client(address) as http_client:
        http_client.event_hooks = {"response": [_judge]}
        # In a thread: it loads what is left of the SDK.
        yield Client(await asyncio.to_thread(_client, key, address, http_client))


def _client(key: str, address: str, http_client: httpx.AsyncClient) -> genai.Client:
    return genai.Client(
        vertexai=False,
        api_key=key,
        debug_config=DebugConfig(client_mode=None, replays_directory=None, replay_id=None),
        http_options=types.HttpOptions(
            base_url=address,
            # What google-generativeai speaks, too.
            api_version="v1beta",
            httpx_async_client=http_client,
            # Neither is ever used; left out, they are made, from the environment's proxies and
            # certificates.
            httpx_client=httpx.Client(transport=httpx.BaseTransport(), trust_env=False),
            async_client_args={"ssl": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)},
        ),
    )


async def _judge(response: httpx.Response) -> None:
    """Raise the error of a refusal, before the SDK makes its own of it.

    Text of another encoding than UTF-8 is refused as well, which the SDK would mend in silence, and
    a list of models that would take up far more memory than one can.
    """
    content = await response.aread()
    if response.status_code != httpx.codes.OK:
        raise error_from(response.status_code, response.headers, content)
    try:
        content.decode()
    except UnicodeDecodeError:
        raise InvalidResponse("It is not UTF-8.") from None
    check_values(content)


async def _answered(call: Awaitable[_Reply], seconds: float) -> _Reply:
    """Await a call of the SDK for so long and return the reply. Raises `ProviderError`.

    It is raised outside the handlers, so that no chain of exceptions leads to the SDK's objects.
    """
    error: ProviderError
    try:
        async with asyncio.timeout(seconds):
            return await call
    except TimeoutError:
        # No time is left for another call.
        error = Timeout(retryable=False)
    except ProviderError as exc:
        error = exc.with_traceback(None)
        error.__context__ = None
    raise error
