"""Calls to Gemini through google-generativeai: its asyncio gRPC clients, and nothing global.

This SDK cannot set how much a model thinks. `gemini-3.5-flash-lite` and `gemini-3.1-flash-lite`
think minimally unless told otherwise; thinking is charged to `max_tokens`.
Source: https://ai.google.dev/gemini-api/docs/thinking and users' reports, read 2026-11-22.
"""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TypeVar
from urllib.parse import urlsplit

from coro_core import GenerateRequest, Generation, InvalidResponse, ProviderError
from coro_gemini.grpc_replies import error_from, read_reply
from coro_gemini.grpc_sdk import DecodeError, GoogleAPICallError, grpc, protos, services
from coro_gemini.reply import generation

_Reply = TypeVar("_Reply")

_MAX_REPLY_BYTES = 256 * 1024
"""Four bytes for each of the 65,536 tokens that a Gemini model writes at most.

A message of empty candidates takes up fifty times its size, and cannot be looked into before.
https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/gemini/2-5-flash-lite, read
2026-11-22, for the tokens.
"""
_LIST_SECONDS = 30.0
_PAGE_SIZE = 1000
_MAX_PAGES = 20

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


class Wire:
    """The SDK's clients on one channel, for one key."""

    def __init__(self, key: str, channel: grpc.aio.Channel) -> None:
        # Not GenerativeModel: it takes a client of one's own by a private attribute only, and fails
        # on a reply that does not decode. This is the public client that it calls itself.
        self._generative = services.GenerativeServiceAsyncClient(
            transport=services.GenerativeServiceAsyncClient.get_transport_class("grpc_asyncio")(
                channel=channel
            )
        )
        self._models = services.ModelServiceAsyncClient(
            transport=services.ModelServiceAsyncClient.get_transport_class("grpc_asyncio")(
                channel=channel
            )
        )
        self._metadata = (("x-goog-api-key", key),)

    async def generate(self, request: GenerateRequest) -> Generation:
        """Return the answer to one prompt. Raises `ProviderError`."""
        message = protos.GenerateContentRequest(
            model=f"models/{request.model}",
            contents=[protos.Content(role="user", parts=[protos.Part(text=request.prompt)])],
            generation_config=protos.GenerationConfig(
                temperature=request.temperature, max_output_tokens=request.max_tokens
            ),
        )
        # Without `retry=None` the SDK tries for 600 s, whatever the timeout says.
        call = self._generative.generate_content(
            message, retry=None, timeout=request.timeout, metadata=self._metadata
        )
        return generation(read_reply(await _answered(call)))

    async def live_models(self) -> frozenset[str]:
        """Return the names that this key can generate with. Raises `ProviderError`."""
        names: set[str] = set()
        request = protos.ListModelsRequest(page_size=_PAGE_SIZE)
        for _ in range(_MAX_PAGES):
            page = await _answered(
                self._models.list_models(
                    request, retry=None, timeout=_LIST_SECONDS, metadata=self._metadata
                )
            )
            # The pager passes on what its reply has; one that did not decode has nothing.
            models = getattr(page, "models", None)
            if models is None:
                raise InvalidResponse("It holds no list of models.")
            names.update(
                model.name.removeprefix("models/")
                for model in models
                if "generateContent" in model.supported_generation_methods
            )
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
        return frozenset(names)


@asynccontextmanager
async def open_wire(key: str, address: str) -> AsyncIterator[Wire]:
    """Open one channel to `address`, for the running event loop, and close it at the end.

    Plain http is for loopback, as `coro_core.environ.base_url` has seen to; a path is not sent.
    """
    parts = urlsplit(address)
    secure = parts.scheme == "https"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    target = f"dns:///{host}:{parts.port or (443 if secure else 80)}"
    if secure:
        credentials = grpc.ssl_channel_credentials()
        channel = grpc.aio.secure_channel(target, credentials, options=_CHANNEL_OPTIONS)
    else:
        channel = grpc.aio.insecure_channel(target, options=_CHANNEL_OPTIONS)
    async with channel:
        yield Wire(key, channel)


async def _answered(call: Awaitable[_Reply]) -> _Reply:
    """Await a call of the SDK and return the reply. Raises `ProviderError`.

    It is raised outside the handlers, so that no chain of exceptions leads to the SDK's objects.
    """
    error: ProviderError
    try:
        reply = await call
    except GoogleAPICallError as exc:
        error = error_from(exc)
    except (DecodeError, ValueError):
        # Error details that do not decode, or that contradict the status they come with.
        error = InvalidResponse()
    else:
        if reply is not None:
            return reply
        # What does not decode comes out of grpc.aio as nothing at all.
        error = InvalidResponse("It does not decode.")
    raise error
