"""The lean client: JSON over HTTP/1.1 to one server.

A call costs a fraction of what `open_httpx_client` costs, and keeps the same promises.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import quote, urlsplit

import aiohttp
from pydantic_core import PydanticSerializationError, to_json
from yarl import URL

from coro_core.contract.errors import ConnectionFailed, ProviderError
from coro_core.kit.http.limits import MAX_REPLY_BYTES, Limits, request_headers
from coro_core.kit.http.reply import Reply, response_too_large
from coro_core.kit.http.session import open_session
from coro_core.kit.networking import DIRECT, Network

_JSON = "application/json"


class JsonClient:
    """JSON calls to one server, over connections that are kept between calls."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, max_reply_bytes: int) -> None:
        self._session = session
        path = quote(urlsplit(base_url).path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
        self._prefix = f"{URL(base_url).origin()}{path}"
        self._max_reply_bytes = max_reply_bytes

    async def get(self, path: str) -> Reply:
        """Return the reply to a GET. Raises `ConnectionFailed`, `Timeout` or `InvalidResponse`."""
        return await self._exchange("GET", path, None)

    async def post(self, path: str, content: object) -> Reply:
        """Return the reply to a POST of JSON. Raises the same."""
        body = aiohttp.BytesPayload(_to_json(content), content_type=_JSON)
        return await self._exchange("POST", path, body)

    async def _exchange(self, method: str, path: str, body: aiohttp.Payload | None) -> Reply:
        # Encoded already: a URL that is not would be taken apart for every call.
        url = URL(self._prefix + path, encoded=True)
        reply = await self._session.request(method, url, data=body, allow_redirects=False)
        try:
            content = await self._read(reply.content)
        except BaseException:
            reply.close()
            raise
        return Reply(reply.status, reply.raw_headers, content)

    async def _read(self, stream: aiohttp.StreamReader) -> bytes:
        try:
            content = await stream.readany()
            if len(content) <= self._max_reply_bytes and stream.at_eof():
                return content
            # One array: a list of many tiny parts takes forty times their size.
            body = bytearray(content)
            while len(body) <= self._max_reply_bytes:
                content = await stream.readany()
                if not content:
                    return bytes(body)
                body += content
        except ProviderError:
            raise
        except Exception:
            # The provider has done, and charged, the work: no retry once a reply has begun.
            raise ConnectionFailed(retryable=False) from None
        raise response_too_large(self._max_reply_bytes)


def _to_json(content: object) -> bytes:
    try:
        # A tenth of what `json.dumps` costs, for a long prompt as for a short one.
        return to_json(content)
    except PydanticSerializationError:
        # Half a surrogate pair, which only an escape can carry.
        return json.dumps(content, separators=(",", ":")).encode()


@asynccontextmanager
async def open_json_client(
    base_url: str,
    *,
    headers: Mapping[str, str] | None = None,
    max_reply_bytes: int = MAX_REPLY_BYTES,
    network: Network = DIRECT,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> AsyncIterator[JsonClient]:
    """Open one client for one server; it lives as long as the plugin's lifespan.

    Calls made with it raise `ConnectionFailed`, `Timeout` (connecting only) or `InvalidResponse`.
    There is no other time limit: the core cancels a call at its deadline, which closes the call's
    connection. `network` is what `coro_core.kit.network` returned.
    """
    async with open_session(
        base_url,
        network=network,
        limits=limits,
        max_reply_bytes=max_reply_bytes,
        headers={**request_headers(), **(headers or {})},
    ) as session:
        yield JsonClient(session, base_url, max_reply_bytes)
