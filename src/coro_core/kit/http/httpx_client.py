"""An httpx client that is safe to point at a stranger.

httpx's interface, which SDKs take too, over aiohttp's connections: the measurements behind that
choice are in docs/decisions.md. It follows no redirect, keeps no cookie, obeys no proxy variable,
asks for uncompressed replies and refuses others, and stops reading at a cap. Failures come out as
`ProviderError` leaves, so that a plugin has nothing to translate.
"""

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import aiohttp
import certifi  # noqa: F401 - httpx would load it when a client is opened, on the event loop
import httpx
from httpx_aiohttp import AiohttpTransport

from coro_core.contract.errors import ConnectionFailed, InvalidResponse, ProviderError, Timeout
from coro_core.kit.http import limits


@asynccontextmanager
async def open_httpx_client(
    base_url: str,
    *,
    headers: Mapping[str, str] | None = None,
    max_reply_bytes: int = limits.MAX_REPLY_BYTES,
) -> AsyncIterator[httpx.AsyncClient]:
    """Open one client for one provider; it lives as long as the plugin's lifespan.

    Calls made with it raise `ConnectionFailed`, `Timeout` (connecting only) or `InvalidResponse`,
    however the other side behaves. There is no other time limit: the core cancels a call at its
    deadline, which closes the call's connection.
    """
    secure = base_url.lower().startswith("https:")
    context = await asyncio.to_thread(limits.ssl_context) if secure else False
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=limits.MAX_CONNECTIONS,
            keepalive_timeout=limits.IDLE_SECONDS,
            ssl=context,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        trust_env=False,
    )
    async with _Client(
        base_url=base_url,
        headers={**limits.headers(), **(headers or {})},
        transport=_GuardedTransport(session, context, max_reply_bytes),
        timeout=None,  # the core's deadline is the timeout
        trust_env=False,
        follow_redirects=False,
    ) as client:
        yield client


class _Client(httpx.AsyncClient):
    """httpx's client without the cookies that it keeps of its own, whatever aiohttp does.

    To look for some in every reply, and to refuse them, would be a seventh of what a call costs.
    """

    @functools.cached_property
    def cookies(self) -> httpx.Cookies:
        return _NoCookies()


class _NoCookies(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        """Keep nothing."""


class _GuardedTransport(AiohttpTransport):
    """aiohttp's connections with our limits, and our errors in place of a translation of theirs.

    httpx-aiohttp reports a refused and a dropped connection as a timeout (version 0.2.0), hence the
    look at the cause.
    """

    def __init__(
        self, session: aiohttp.ClientSession, context: ssl.SSLContext | bool, max_reply_bytes: int
    ) -> None:
        super().__init__(verify=context, trust_env=False, client=session)
        self._max_reply_bytes = max_reply_bytes

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # One place for the limit, whatever an SDK in between has put there.
        request.extensions["timeout"] = {
            "connect": limits.CONNECT_SECONDS,
            "pool": limits.CONNECT_SECONDS,
        }
        try:
            response = await super().handle_async_request(request)
        except Exception as exc:
            raise _provider_error(exc) from None
        _disarm(response.headers)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _CappedStream(response.stream, self._max_reply_bytes)
        if response.headers.get("content-encoding", "").strip().lower() not in {"", "identity"}:
            await response.stream.aclose()
            raise InvalidResponse("It was compressed although that was not asked for.")
        return response


def _disarm(headers: httpx.Headers) -> None:
    """Take out of a reply's headers what httpx acts on, and can fail at."""
    # It makes the next request of it although none is followed.
    headers.pop("location", None)
    # JSON is UTF-8 whatever the charset says, and some that Python knows cannot decode a text.
    if ";" in (media_type := headers.get("content-type", "")):
        headers["content-type"] = media_type.partition(";")[0]


class _CappedStream(httpx.AsyncByteStream):
    """A body that ends with an error instead of growing past the cap."""

    def __init__(self, stream: httpx.AsyncByteStream, max_bytes: int) -> None:
        self._stream = stream
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._max_bytes
        try:
            async for chunk in self._stream:
                left -= len(chunk)
                if left < 0:
                    raise InvalidResponse(f"It was larger than {self._max_bytes} bytes.")
                yield chunk
        except ProviderError:
            raise
        except Exception:
            # The provider has done, and charged, the work: no retry once a reply has begun.
            raise ConnectionFailed(retryable=False) from None

    async def aclose(self) -> None:
        # The connection is gone either way, and the caller has its reply or its error already.
        with suppress(httpx.HTTPError, aiohttp.ClientError):
            await self._stream.aclose()


def _provider_error(exc: Exception) -> ProviderError:
    """Say what went wrong on the wire before a reply began."""
    cause = exc.__cause__ or exc
    if isinstance(cause, TimeoutError):
        return Timeout("The connection could not be made in time.")
    if isinstance(cause, aiohttp.ClientSSLError):
        return ConnectionFailed(limits.NOT_TRUSTED, retryable=False)
    # What came back but is not HTTP would come back again. `exc`, since aiohttp gives its parser's
    # error as the cause of this one.
    return ConnectionFailed(retryable=not isinstance(exc, aiohttp.ClientResponseError))
