"""Calls to Gemini through google-generativeai: its asyncio gRPC transports, no global state.

This SDK cannot set how much a model thinks. `gemini-3.5-flash-lite` and `gemini-3.1-flash-lite`
think minimally by default; thinking is charged to `max_tokens`.
Source: https://ai.google.dev/gemini-api/docs/thinking and users' reports, read 2026-11-22.
"""

from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlsplit

from coro_core import GenerateRequest, Generation, InvalidResponse, ProviderError
from coro_core.kit import Network
from coro_gemini.generation import to_generation
from coro_gemini.grpc.error_mapping import map_error
from coro_gemini.grpc.replies import read_reply
from coro_gemini.grpc.sdk import grpc, protos, services
from coro_gemini.settings import Settings

_Reply = TypeVar("_Reply")
_Options = tuple[tuple[str, Any], ...]

_MAX_REPLY_BYTES = 256 * 1024
"""The largest reply. A larger one is an `InvalidResponse`.

The limit is twice the size of 8,192 tokens, the most that a request may ask for by default. A token
is about four characters (https://ai.google.dev/gemini-api/docs/tokens, read 2026-11-22), and a
character at most four bytes. In English the limit holds 65,536 tokens, as many as a Gemini model
writes. A message of empty candidates takes fifty times its size in memory and cannot be inspected
before it is decoded, so the limit is no higher.
"""
_LIST_SECONDS = 30.0
_PAGE_SIZE = 200
"""A model's entry has a text of a few hundred bytes, and a page is limited like any reply."""
_MAX_PAGES = 20
"""Further pages are not read."""

_Request = protos.GenerateContentRequest.pb()
"""The plain protobuf class: the SDK's wrapper of it takes ten times as long to fill."""

_CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", _MAX_REPLY_BYTES),
    # Identity only: a small reply must not inflate to a large one.
    ("grpc.compression_enabled_algorithms_bitset", 1),
    # The environment's proxy, which CORO does not obey.
    ("grpc.enable_http_proxy", 0),
    # The core makes the only retry.
    ("grpc.enable_retries", 0),
    # Otherwise channels of one process share connections, and the backoff after a failed one.
    ("grpc.use_local_subchannel_pool", 1),
    # The minimum also bounds the duration of one attempt to connect.
    ("grpc.min_reconnect_backoff_ms", 3000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # Networks drop idle connections without notice; a new connection costs a handshake.
    ("grpc.client_idle_timeout_ms", 60_000),
)


class Client:
    """The SDK's transports on one channel, for one key."""

    def __init__(self, key: str, channel: grpc.aio.Channel) -> None:
        # The transports, and not the layers above them. GenerativeModel is one for the process and
        # fails on a reply that does not decode. The clients read the environment, and by default
        # retry for 600 s whatever their timeout.
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
            # Google's front end routes by the second header, which its own clients send as well.
            metadata=(self._key, ("x-goog-request-params", f"model={quote(model)}")),
        )
        return to_generation(read_reply(await _reply_of(call)))

    async def live_models(self) -> frozenset[str]:
        """Return the names that this key can generate with. Raises `ProviderError`."""
        names: set[str] = set()
        request = protos.ListModelsRequest(page_size=_PAGE_SIZE)
        for _ in range(_MAX_PAGES):
            page: protos.ListModelsResponse = await _reply_of(
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
async def open_client(settings: Settings, network: Network) -> AsyncIterator[Client]:
    """Open one channel for the running event loop, and close it at the end.

    Plain http leads to loopback only: `coro_core.kit.base_url` rejects other addresses.
    """
    parts = urlsplit(settings.address)
    secure = parts.scheme == "https"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    server = f"{host}:{parts.port or (443 if secure else 80)}"
    if secure:
        # The certificates of CORO's other clients. By default gRPC reads a variable of its own.
        credentials = grpc.ssl_channel_credentials(network.root_certificates())
        target, options = _through_proxy(network.proxy, server)
        channel = grpc.aio.secure_channel(
            target, credentials, options=(*_CHANNEL_OPTIONS, *options)
        )
    else:
        channel = grpc.aio.insecure_channel(f"dns:///{server}", options=_CHANNEL_OPTIONS)
    async with channel:
        yield Client(settings.key, channel)


def _through_proxy(proxy: str | None, server: str) -> tuple[str, _Options]:
    """Return the target to connect to, and the options that lead on to `server`.

    gRPC's own way, `grpc.http_proxy`, gives way to the environment's `no_proxy`; these options are
    what gRPC derives from it.
    """
    if proxy is None:
        return f"dns:///{server}", ()
    parts = urlsplit(proxy)
    options = [("grpc.http_connect_server", server), ("grpc.default_authority", server)]
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        token = b64encode(user.encode("latin-1")).decode()
        options.append(("grpc.http_connect_headers", f"Proxy-Authorization:Basic {token}"))
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"dns:///{host}:{parts.port}", tuple(options)


async def _reply_of(call: Awaitable[_Reply]) -> _Reply:
    """Await a call of the SDK and return the reply. Raises `ProviderError`.

    The error is raised outside the handlers, so that no chain of exceptions leads to the SDK's
    objects.
    """
    error: ProviderError
    try:
        reply = await call
    except grpc.aio.AioRpcError as exc:
        error = map_error(exc)
    else:
        if reply is not None:
            return reply
        # grpc.aio returns `None` for a reply that does not decode.
        error = InvalidResponse("It does not decode.")
    raise error
