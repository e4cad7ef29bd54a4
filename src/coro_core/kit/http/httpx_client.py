"""An httpx client that bounds its server, for SDKs that take an `httpx.AsyncClient`.

httpx's interface over aiohttp's connections. It keeps the promises of `open_json_client`. Failures
are `ProviderError` leaves, so a plugin has nothing to translate.
"""

import functools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import aiohttp
import certifi  # noqa: F401 - httpx would load it when a client is opened, on the event loop
import httpx
from httpx_aiohttp import AiohttpTransport

from coro_core.contract.errors import ConnectionFailed, ProviderError
from coro_core.kit.http.limits import MAX_REPLY_BYTES, Limits, request_headers
from coro_core.kit.http.reply import response_too_large
from coro_core.kit.http.session import open_session
from coro_core.kit.networking import DIRECT, Network


@asynccontextmanager
async def open_httpx_client(
    base_url: str,
    *,
    headers: Mapping[str, str] | None = None,
    max_reply_bytes: int = MAX_REPLY_BYTES,
    network: Network = DIRECT,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> AsyncIterator[httpx.AsyncClient]:
    """Open one client for one provider; it lives as long as the plugin's lifespan.

    Calls made with it raise `ConnectionFailed`, `Timeout` (connecting only) or `InvalidResponse`.
    There is no other time limit: the core cancels a call at its deadline, which closes the call's
    connection. `network` is what `coro_core.kit.network` returned.
    """
    async with (
        open_session(
            base_url, network=network, limits=limits, max_reply_bytes=max_reply_bytes
        ) as session,
        _Client(
            base_url=base_url,
            headers={**request_headers(), **(headers or {})},
            transport=_BoundedTransport(session, limits.connect_seconds, max_reply_bytes),
            timeout=None,  # the core's deadline is the timeout
            trust_env=False,
            follow_redirects=False,
        ) as client,
    ):
        yield client


class _Client(httpx.AsyncClient):
    """httpx's client without cookies of its own.

    Looking for some in every reply, only to refuse them, would be a seventh of a call's cost.
    """

    @functools.cached_property
    def cookies(self) -> httpx.Cookies:
        return _NoCookies()


class _NoCookies(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        """Keep nothing."""


class _BoundedTransport(AiohttpTransport):
    """The shared session as a transport of httpx, with a limit on each body."""

    def __init__(
        self, session: aiohttp.ClientSession, connect_seconds: float, max_reply_bytes: int
    ) -> None:
        # `verify` is unused, since the session is given; `True` would read certificates here.
        super().__init__(verify=False, trust_env=False, client=session)
        self._timeout = {"connect": connect_seconds, "pool": connect_seconds}
        self._max_reply_bytes = max_reply_bytes

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # One place for the limit, whatever an SDK in between has put there.
        request.extensions["timeout"] = self._timeout
        try:
            response = await super().handle_async_request(request)
        except ProviderError:
            raise
        except Exception:
            # Raised before the session's own mapping, for example for an invalid address.
            raise ConnectionFailed(retryable=False) from None
        sanitize_headers(response.headers)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _CappedStream(response.stream, self._max_reply_bytes)
        return response


def sanitize_headers(headers: httpx.Headers) -> None:
    """Remove from a reply's headers what httpx acts on, and can fail at."""
    # httpx makes the next request of it although none is followed.
    headers.pop("location", None)
    # JSON is UTF-8 whatever the charset says, and Python knows some that cannot decode a text.
    if ";" in (media_type := headers.get("content-type", "")):
        headers["content-type"] = media_type.partition(";")[0]


class _CappedStream(httpx.AsyncByteStream):
    """A body that ends with an error instead of growing past the limit."""

    def __init__(self, stream: httpx.AsyncByteStream, max_bytes: int) -> None:
        self._stream = stream
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._max_bytes
        try:
            async for chunk in self._stream:
                left -= len(chunk)
                if left < 0:
                    raise response_too_large(self._max_bytes)
                yield chunk
        except ProviderError:
            raise
        except Exception:
            # The provider has done, and charged, the work: no retry once a reply has begun.
            raise ConnectionFailed(retryable=False) from None

    async def aclose(self) -> None:
        # The connection is closed either way, and the caller has its reply or its error already.
        with suppress(httpx.HTTPError, aiohttp.ClientError):
            await self._stream.aclose()
