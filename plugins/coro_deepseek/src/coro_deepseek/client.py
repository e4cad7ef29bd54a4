"""Calls to DeepSeek, on plain HTTP."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from coro_core import GenerateRequest, Generation, Overloaded
from coro_core.kit.http import chat_body, open_httpx_client, read_completion, read_model_ids
from coro_deepseek.error_mapping import map_error
from coro_deepseek.settings import Settings

_NO_THINKING: Mapping[str, Any] = {"thinking": {"type": "disabled"}}

_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "deepseek-flash": _NO_THINKING,
    "deepseek-v4-flash": _NO_THINKING,
    "deepseek-v4-pro": _NO_THINKING,
    # Older than the switch: one never thinks, and who names the other wants it to.
    "deepseek-chat": {},
    "deepseek-reasoner": {},
}
"""What to send for each upstream name, by exact name.

https://api-docs.deepseek.com/guides/thinking_mode, read 2026-11-22.
"""

_FIELDS_OF_A_NEW_NAME = _NO_THINKING
"""What to send for a name that is not in the table.

Models that came after the switch think unless told not to, and can use up all of max_tokens before
a word of the answer: github.com/deepseek-ai/DeepSeek-V3/issues/1610 (2026-08-27). If one refuses
the field, that is at least a clear error.
"""

_FAILURES = {"insufficient_system_resource": Overloaded}
"""https://api-docs.deepseek.com/api/create-chat-completion, read 2026-11-22: cut short."""


class Client:
    """One HTTP client, for one key."""

    def __init__(self, client: httpx.AsyncClient, address: str) -> None:
        self._client = client
        # Whole, and taken apart once: httpx would do it for every call.
        self._chat = httpx.URL(f"{address}/v1/chat/completions")

    async def generate(self, request: GenerateRequest) -> Generation:
        """Return the answer to one prompt. Raises `ProviderError`."""
        fields = _FIELDS.get(request.model, _FIELDS_OF_A_NEW_NAME)
        body = chat_body(request, max_tokens=request.max_tokens, **fields)
        reply = await self._client.post(self._chat, json=body)
        content = _content(reply)
        if not content.strip():
            # Blank lines keep a waiting request alive; with nothing after them, its turn never
            # came: github.com/deepseek-ai/DeepSeek-V3/issues/599, read 2026-11-22.
            raise Overloaded
        return read_completion(
            content,
            failures=_FAILURES,
            map_error=lambda status: map_error(status, reply.headers, content),
        )

    async def live_models(self) -> frozenset[str]:
        """Return the names that DeepSeek serves to this key. Raises `ProviderError`."""
        return read_model_ids(_content(await self._client.get("/models")))


@asynccontextmanager
async def open_client(settings: Settings) -> AsyncIterator[Client]:
    """Open the client for one key."""
    headers = {"Authorization": f"Bearer {settings.key}"}
    async with open_httpx_client(settings.address, headers=headers) as client:
        yield Client(client, settings.address)


def _content(reply: httpx.Response) -> bytes:
    """Return the body of a success, which is a 200 alone. Raises `ProviderError` otherwise."""
    if reply.status_code == httpx.codes.OK:
        return reply.content
    raise map_error(reply.status_code, reply.headers, reply.content)
