"""Calls to Gemini through google-generativeai: its asyncio gRPC clients, and nothing global.

This SDK cannot set how much a model thinks. `gemini-3.5-flash-lite` and `gemini-3.1-flash-lite`
think minimally unless told otherwise; thinking is charged to `max_tokens`.
Source: https://ai.google.dev/gemini-api/docs/thinking and users' reports, read 2026-11-22.
"""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import certifi

from coro_core import GenerateRequest, Generation, InvalidResponse, ProviderError
from coro_gemini.grpc_replies import error_from, read_reply
from coro_gemini.grpc_sdk import grpc, protos, services
from coro_gemini.reply import generation

_Reply = TypeVar("_Reply")

_MAX_REPLY_BYTES = 256 * 1024
"""Twice what 8,192 tokens take, the most that a request may ask for unless an operator says more.

A token is about four characters (https://ai.google.dev/gemini-api/docs/tokens, read 2026-11-22),
and a character four bytes at most; in English this is room for 65,536 tokens, as many as a Gemini
model writes. It is no more, since a message of empty candidates takes up fifty times its size, and
cannot be looked into before.
"""
_LIST_SECONDS = 30.0
_PAGE_SIZE = 200
"""A model's entry has a text of a few hundred bytes, and a page is a reply as well."""
_MAX_PAGES = 20

_Request = protos.GenerateContentRequest.pb()
"""The plain protobuf class: the SDK's wrappers of it take ten times as long to fill."""

_CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", _MAX_REPLY_BYTES),
    # Identity only: a small reply must not inflate to a large one.
    ("grpc.compression_enabled_algorithms_bitset", 1),
    ("grpc.enable_http_proxy", 0),
    # The core makes the only retry.
    ("grpc.enable_retries", 0),
    # Otherwise channels of one process share connections, and the wait after a failed one.
    ("grpc.use_local_subchannel_pool", 1),
    # The least also bounds how long one attempt to connect may take.
    ("grpc.min_reconnect_backoff_ms", 3000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # Networks forget silent connections without a word; a new one costs a handshake.
    ("grpc.client_idle_timeout_ms", 60_000),
)


class Client:
    """The SDK's transports on one channel, for one key."""

    def __init__(self, key: str, channel: grpc.aio.Channel) -> None:
        # Not GenerativeModel, which is one for the process and fails on a reply that does not
        # decode; nor the clients that it calls, which read the environment and, unless told, try
        # again for 600 s whatever their timeout says. The transports are what these call.
        generative: Any = services.GenerativeServiceAsyncClient.get_transport_class("grpc_asyncio")
        models: Any = services.ModelServiceAsyncClient.get_transport_class("grpc_asyncio")
        self._generate_content = generative(channel=channel).generate_content
        self._list_models = models(channel=channel).list_models
        self._key = ("x-goog-api-key", key)

    async def generate(self, request: GenerateRequest) -> Generation:
        """Return the answer to one prompt. Raises `ProviderError`."""
        model = f"models/{request.model}"
        message = _Request(
            model=model,
            contents=[{"role": "user", "parts": [{"text": request.prompt}]}],
            generation_config={
                "temperature": request.temperature,
                "max_output_tokens": request.max_tokens,
            },
        )
        call = self._generate_content(
            protos.GenerateContentRequest.wrap(message),
            timeout=request.timeout,
            # The second tells Google's front where to send it, as its clients do.
            metadata=(self._key, ("x-goog-request-params", f"model={quote(model)}")),
        )
        return generation(read_reply(await _answered(call)))

    async def live_models(self) -> frozenset[str]:
        """Return the names that this key can generate with. Raises `ProviderError`."""
        names: set[str] = set()
        request = protos.ListModelsRequest(page_size=_PAGE_SIZE)
        for _ in range(_MAX_PAGES):
            page: protos.ListModelsResponse = await _answered(
                self._list_models(request, timeout=_LIST_SECONDS, metadata=(self._key,))
            )
            names.update(
                model.name.removeprefix("models/")
                for model in page.models
                if "generateContent" in model.supported_generation_methods
            )
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
        return frozenset(names)


@asynccontextmanager
async def open_client(key: str, address: str) -> AsyncIterator[Client]:
    """Open one channel to `address`, for the running event loop, and close it at the end.

    Plain http is for loopback, as `coro_core.kit.base_url` has seen to; a path is not sent.
    """
    parts = urlsplit(address)
    secure = parts.scheme == "https"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    target = f"dns:///{host}:{parts.port or (443 if secure else 80)}"
    if secure:
        # Those of every other client of CORO's; left out, a variable of gRPC's may name others.
        credentials = grpc.ssl_channel_credentials(certifi.contents().encode())
        channel = grpc.aio.secure_channel(target, credentials, options=_CHANNEL_OPTIONS)
    else:
        channel = grpc.aio.insecure_channel(target, options=_CHANNEL_OPTIONS)
    async with channel:
        yield Client(key, channel)


async def _answered(call: Awaitable[_Reply]) -> _Reply:
    """Await a call of the SDK and return the reply. Raises `ProviderError`.

    It is raised outside the handlers, so that no chain of exceptions leads to the SDK's objects.
    """
    error: ProviderError
    try:
        reply = await call
    except grpc.aio.AioRpcError as exc:
        error = error_from(exc)
    else:
        if reply is not None:
            return reply
        # What does not decode comes out of grpc.aio as nothing at all.
        error = InvalidResponse("It does not decode.")
    raise error
