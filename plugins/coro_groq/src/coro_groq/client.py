"""Calls to Groq, through its SDK. No other module imports the SDK."""

import logging
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from groq import APIConnectionError, AsyncGroq, Omit, omit

from coro_core import ConnectionFailed, GenerateRequest, Generation, ProviderError
from coro_core.kit import Network
from coro_core.kit.http import chat_body, open_httpx_client, read_completion, read_model_ids
from coro_groq.error_mapping import map_error
from coro_groq.settings import Settings

# At DEBUG the SDK logs whole requests, with the prompt.
logging.getLogger("groq").setLevel(logging.WARNING)

_LEAST_THINKING: Mapping[str, Any] = {"reasoning_effort": "low", "include_reasoning": False}
_NO_THINKING: Mapping[str, Any] = {"reasoning_effort": "none"}

_FIELDS: Mapping[str, Mapping[str, Any]] = {
    # Thinking cannot be switched off: Groq rejects "none". Thinking is charged to
    # max_completion_tokens. The caller's max_tokens is sent unchanged all the same: max_tokens
    # bounds the cost of an answer, and Groq counts all of it in advance against the free plan's
    # 8,000 tokens a minute. If thinking uses up the budget, the row is an `EmptyResponse`, which
    # advises to raise max_tokens.
    "openai/gpt-oss-120b": _LEAST_THINKING,
    "openai/gpt-oss-20b": _LEAST_THINKING,
    "qwen/qwen3.6-27b": _NO_THINKING,
    "qwen/qwen3.8-27b": _NO_THINKING,
}
"""The additional fields of each upstream model, by exact name. Other models reject them.

https://console.groq.com/docs/reasoning, read 2026-11-22.
"""

_WITHOUT_MACHINE_HEADERS: Mapping[str, str | Omit] = {
    f"X-Stainless-{name}": omit
    for name in (
        "Arch",
        "Async",
        "Lang",
        "OS",
        "Package-Version",
        "Read-Timeout",
        "Retry-Count",
        "Runtime",
        "Runtime-Version",
    )
}
"""Omits the headers in which the SDK describes this machine.

The headers make up a sixth of a call's cost.
"""


class Client:
    """One client of the SDK, for one key."""

    def __init__(self, client: AsyncGroq, address: str) -> None:
        self._client = client
        # A whole URL: otherwise httpx joins and parses it for every call.
        self._chat_url = f"{address}/openai/v1/chat/completions"

    async def generate(self, request: GenerateRequest) -> Generation:
        """Return the answer to one prompt. Raises `ProviderError`."""
        fields = _FIELDS.get(request.model, {})
        body = chat_body(request, max_completion_tokens=request.max_tokens, **fields)
        # `post` is the SDK's documented layer below `chat.completions.create`. The upper layer
        # validates at a cost and lets every wrong shape pass; read_completion rejects wrong shapes.
        call = self._client.post(
            self._chat_url,
            body=body,
            cast_to=httpx.Response,
            options={"headers": _WITHOUT_MACHINE_HEADERS},
        )
        reply = await _reply_of(call)
        return read_completion(
            reply.content,
            map_error=lambda status: map_error(status, reply.headers, reply.content),
            address_setting="GROQ_BASE_URL",
        )

    async def live_models(self) -> frozenset[str]:
        """Return the upstream models served to this key. Raises `ProviderError`."""
        call = self._client.get(
            "/openai/v1/models",
            cast_to=httpx.Response,
            options={"headers": _WITHOUT_MACHINE_HEADERS},
        )
        return read_model_ids((await _reply_of(call)).content)


@asynccontextmanager
async def open_client(settings: Settings, network: Network) -> AsyncIterator[Client]:
    """Open the client for one key. The client makes no retries: the core makes the only one."""
    async with open_httpx_client(settings.address, network=network) as http_client:
        http_client.event_hooks = {"response": [_raise_for_error]}
        client = AsyncGroq(
            api_key=settings.key,
            base_url=settings.address,
            max_retries=0,
            http_client=http_client,
        )
        yield Client(client, settings.address)


async def _raise_for_error(response: httpx.Response) -> None:
    """Raise the error of an error reply, before the SDK parses it without a size limit.

    Only a 200 is a success.
    """
    if response.status_code != httpx.codes.OK:
        raise map_error(response.status_code, response.headers, await response.aread())


async def _reply_of(call: Awaitable[httpx.Response]) -> httpx.Response:
    """Await a call of the SDK and return the reply. Raises `ProviderError`."""
    try:
        return await call
    except APIConnectionError as exc:
        # The SDK wraps every error of the transport and of `_raise_for_error`.
        cause = exc.__cause__
        raise cause if isinstance(cause, ProviderError) else ConnectionFailed() from None
