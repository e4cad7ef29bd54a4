"""Calls to DeepSeek, on plain HTTP."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from coro_core import GenerateRequest, Generation, Overloaded
from coro_core.kit import Network
from coro_core.kit.http import chat_body, open_httpx_client, read_completion, read_model_ids
from coro_deepseek.error_mapping import map_error
from coro_deepseek.settings import Settings

_NO_THINKING: Mapping[str, Any] = {"thinking": {"type": "disabled"}}

_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "deepseek-flash": _NO_THINKING,
    "deepseek-v4-flash": _NO_THINKING,
    "deepseek-v4-pro": _NO_THINKING,
    # Older than the switch. deepseek-chat never thinks. The choice of
    # deepseek-reasoner is the choice to think.
    "deepseek-chat": {},
    "deepseek-reasoner": {},
}
"""The additional fields of each upstream model, by exact name.

https://api-docs.deepseek.com/guides/thinking_mode, read 2026-11-22.
"""

_DEFAULT_FIELDS = _NO_THINKING
"""The additional fields of a model that is not in the table.

Newer models think by default, and can use up all of max_tokens before a word of the answer:
github.com/deepseek-ai/DeepSeek-V3/issues/1610 (2026-08-27). If a model rejects the field, the row
is at least a clear error.
"""

_FAILURES = {"insufficient_system_resource": Overloaded}
"""Finish reasons that are failures: DeepSeek cut the answer short.

https://api-docs.deepseek.com/api/create-chat-completion, read 2026-11-22.
"""


class Client:
    """One HTTP client, for one key."""

    def __init__(self, client: httpx.AsyncClient, settings: Settings) -> None:
        self._client = client
        self._list_paths = settings.list_paths
        # A whole URL, parsed once: otherwise httpx joins and parses it for every call.
        self._chat_url = httpx.URL(f"{settings.address}/v1/chat/completions")

    async def generate(self, request: GenerateRequest) -> Generation:
        """Return the answer to one prompt. Raises `ProviderError`."""
        fields = _FIELDS.get(request.model, _DEFAULT_FIELDS)
        body = chat_body(request, max_tokens=request.max_tokens, **fields)
        reply = await self._client.post(self._chat_url, json=body)
        content = _content(reply)
        if not content.strip():
            # Blank lines keep a queued request alive. If nothing follows them, DeepSeek never
            # served the request: github.com/deepseek-ai/DeepSeek-V3/issues/599, read 2026-11-22.
            raise Overloaded
        return read_completion(
            content,
            failures=_FAILURES,
            map_error=lambda status: map_error(status, reply.headers, content),
            address_setting="DEEPSEEK_BASE_URL",
        )

    async def live_models(self) -> frozenset[str]:
        """Return the upstream models served to this key. Raises `ProviderError`."""
        first, second = self._list_paths
        reply = await self._client.get(first)
        if reply.status_code == httpx.codes.NOT_FOUND:
            reply = await self._client.get(second)
        return read_model_ids(_content(reply))


@asynccontextmanager
async def open_client(settings: Settings, network: Network) -> AsyncIterator[Client]:
    """Open the client for one key."""
    headers = {"Authorization": f"Bearer {settings.key}"}
    async with open_httpx_client(settings.address, headers=headers, network=network) as client:
        yield Client(client, settings)


def _content(reply: httpx.Response) -> bytes:
    """Return the body of a 200. Raises `ProviderError` for any other status."""
    if reply.status_code == httpx.codes.OK:
        return reply.content
    raise map_error(reply.status_code, reply.headers, reply.content)
