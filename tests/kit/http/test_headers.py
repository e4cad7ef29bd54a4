"""Headers of a reply that httpx would act on, and fail at."""

import pytest

from coro_core.kit.http import open_httpx_client


@pytest.mark.parametrize(
    "address", ["//[", "http://[::1", "http://a:b/", "/\x1f", "https://", "::"]
)
async def test_a_redirect_to_nowhere_is_a_reply_like_any_other(raw_server, address):
    reply = f"HTTP/1.1 302 Found\r\nlocation: {address}\r\ncontent-length: 0\r\n\r\n"
    async with raw_server(reply.encode()) as server, open_httpx_client(server.url) as client:
        assert (await client.post("/", json={})).status_code == 302


@pytest.mark.parametrize("charset", ["idna", "undefined", "hex", "punycode", "utf-16", "none"])
async def test_a_text_is_utf_8_whatever_charset_it_claims(raw_server, charset):
    kind = f"application/json; charset={charset}"
    reply = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: 4\r\n\r\n".encode()
    async with raw_server(reply + b'"\xc3\xa9"') as server, open_httpx_client(server.url) as client:
        response = await client.get("/")
    assert response.text == '"\u00e9"'
    assert response.headers["content-type"] == "application/json"
