"""Calls to Groq: the only module that knows its SDK."""

import logging
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from groq import APIConnectionError, AsyncGroq, Omit, omit

from coro_core import ConnectionFailed, GenerateRequest, Generation, ProviderError
from coro_core.kit.http import chat_body, open_httpx_client, read_completion, read_model_ids
from coro_groq.error_mapping import map_error
from coro_groq.settings import Settings

# At DEBUG the SDK logs whole requests, with the prompt.
logging.getLogger("groq").setLevel(logging.WARNING)

_LEAST_THINKING: Mapping[str, Any] = {"reasoning_effort": "low", "include_reasoning": False}
_NO_THINKING: Mapping[str, Any] = {"reasoning_effort": "none"}

_FIELDS: Mapping[str, Mapping[str, Any]] = {
    # Cannot be switched off, and "none" is refused. Thinking is charged to max_completion_tokens,
    # yet nothing is added to what the caller asked for: max_tokens bounds what an answer costs, and
    # Groq holds all of it against the 8,000 tokens a minute of the free plan before it begins. A
    # budget that thinking used up is an `EmptyResponse`, which says to raise max_tokens.
    "openai/gpt-oss-120b": _LEAST_THINKING,
    "openai/gpt-oss-20b": _LEAST_THINKING,
    "qwen/qwen3.6-27b": _NO_THINKING,
    "qwen/qwen3.8-27b": _NO_THINKING,
}
"""What to send for each upstream name, by exact name; other models refuse these fields.

https://console.groq.com/docs/reasoning, read 2026-11-22.
"""

_UNTOLD: Mapping[str, str | Omit] = {
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
"""What the SDK says of this machine with every call, and a sixth of what a call costs."""


class Client:
    """One client of the SDK, for one key."""

    def __init__(self, client: AsyncGroq, address: str) -> None:
        self._client = client
        # Whole: it need not be put together, and taken apart again, for every call.
        self._chat = f"{address}/openai/v1/chat/completions"

    async def generate(self, request: GenerateRequest) -> Generation:
        """Return the answer to one prompt. Raises `ProviderError`."""
        fields = _FIELDS.get(request.model, {})
        body = chat_body(request, max_completion_tokens=request.max_tokens, **fields)
        # The SDK's own documented way below `chat.completions.create`: it skips a validation that
        # lets every wrong shape pass, at a cost, and read_completion does not.
        call = self._client.post(
            self._chat, body=body, cast_to=httpx.Response, options={"headers": _UNTOLD}
        )
        reply = await _answered(call)
        return read_completion(
            reply.content, map_error=lambda status: map_error(status, reply.headers, reply.content)
        )

    async def live_models(self) -> frozenset[str]:
        """Return the names that Groq serves to this key. Raises `ProviderError`."""
        call = self._client.get(
            "/openai/v1/models", cast_to=httpx.Response, options={"headers": _UNTOLD}
        )
        return read_model_ids((await _answered(call)).content)


@asynccontextmanager
async def open_client(settings: Settings) -> AsyncIterator[Client]:
    """Open the client for one key; it makes no retries, since the core makes the only one."""
    key, address = settings.key, settings.address
    async with open_httpx_client(address) as http_client:
        http_client.event_hooks = {"response": [_judge]}
        client = AsyncGroq(api_key=key, base_url=address, max_retries=0, http_client=http_client)
        yield Client(client, address)


async def _judge(response: httpx.Response) -> None:
    """Raise the error of a refusal, before the SDK parses it without a limit of its own.

    A success is a 200 alone.
    """
    if response.status_code != httpx.codes.OK:
        raise map_error(response.status_code, response.headers, await response.aread())


async def _answered(call: Awaitable[httpx.Response]) -> httpx.Response:
    """Return a success. Raises `ProviderError` otherwise."""
    try:
        return await call
    except APIConnectionError as exc:
        # The SDK wraps whatever the transport and the judge raise, and they say what it means.
        cause = exc.__cause__
        raise cause if isinstance(cause, ProviderError) else ConnectionFailed() from None
