"""Bad requests: each is a short problem that repeats nothing, and the next request is served."""

import asyncio
import contextlib
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from coro_core import BadRequest, GenerateRequest, NotConfigured, hookimpl
from support.plugins import NO_REAL_PLUGINS, Echo, Installer, model
from support.server import running

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = "application/json"
PATIENCE = 20.0
"""Seconds after which a test gives up on a reply; never waited for when all is well."""


class Answering(Echo):
    models = (model("a"), model("b"), model("bad"))

    async def generate(self, request: GenerateRequest) -> Any:
        if request.model == "bad-upstream":
            raise BadRequest
        return await super().generate(request)


class Keyless(Echo):
    models = (model("locked"),)

    @hookimpl
    def coro_lifespan(self, environ: Any) -> Any:
        raise NotConfigured("LOCK_API_KEY", help="get one at https://lock.example/keys")


@contextlib.asynccontextmanager
async def serving(
    tmp_path_factory: pytest.TempPathFactory, **environ: str
) -> AsyncIterator[httpx.AsyncClient]:
    installer = Installer(tmp_path_factory.mktemp("site"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(installer.directory)
        installer.add("answering", Answering)
        installer.add("keyless", Keyless)
        async with running({**NO_REAL_PLUGINS, **environ}) as client:
            yield client
    installer.remove_all()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A server with the limits as they are by default."""
    async with serving(tmp_path_factory, CORO_BODY_TIMEOUT="20") as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hasty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A server that takes small bodies only, and waits for them but a moment."""
    limits = {"CORO_MAX_BODY_BYTES": "2048", "CORO_BODY_TIMEOUT": "0.3"}
    async with serving(tmp_path_factory, **limits) as client:
        yield client


@pytest.fixture(autouse=True)
def _no_bug_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.ERROR, logger="uvicorn.error"):
        yield
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []


def checked(response: httpx.Response, *statuses: int) -> dict[str, Any]:
    """Check that a reply is a problem as it should be; return it."""
    assert response.status_code in statuses
    assert response.headers["content-type"] == "application/problem+json"
    assert len(response.content) < 2048
    assert "canary" not in response.text.lower()
    problem = response.json()
    assert list(problem) == ["type", "title", "status", "detail", "request_id", "errors"]
    assert problem["status"] == response.status_code
    assert re.search(r"\w.*\.$", problem["detail"], re.DOTALL)
    assert problem["detail"].isprintable()
    assert len(problem["errors"]) <= 10
    for error in problem["errors"]:
        assert list(error) == ["field", "message"]
        assert error["field"].isascii()
        assert error["field"].isprintable()
    return problem


# --- what is not JSON, or is none that can be used


PARSED = "it cannot be parsed"
ENCODED = "it is not UTF-8 text"
CONSTANT = "NaN and Infinity are not JSON"
TWICE = "a field is named twice"


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * depth + closing * depth).encode()


def around(field: str, value: str) -> bytes:
    """Return a request that would be taken, if it were not for one value, written as it is."""
    fields = {"prompt": '"canary"', "models": '["a"]', field: value}
    return ("{" + ", ".join(f'"{name}": {text}' for name, text in fields.items()) + "}").encode()


NOT_JSON: dict[str, tuple[bytes, str]] = {
    "half an object": (b'{"prompt": "canary"', PARSED),
    "a bracket": (b"{", PARSED),
    "a word": (b"canary", PARSED),
    "white space": (b" \n", PARSED),
    "a comma too many": (b'{"prompt": "canary", "models": ["a"],}', PARSED),
    "single quotes": (b"{'prompt': 'canary'}", PARSED),
    "a comment": (b'{"prompt": "canary" /* canary */}', PARSED),
    "two objects": (b'{"prompt": "canary"}{"prompt": "canary"}', PARSED),
    "a form": (b"prompt=canary&models=a", PARSED),
    "a number with a plus": (around("temperature", "+0.5"), PARSED),
    "a number with a zero": (around("max_tokens", "01"), PARSED),
    "a number in hex": (around("max_tokens", "0x10"), PARSED),
    "a number of 5,000 digits": (around("max_tokens", "9" * 5000), PARSED),
    "a prompt of 5,000 digits": (around("prompt", "9" * 5000), PARSED),
    "a stranger of 5,000 digits": (around("canary", "-" + "9" * 5000), PARSED),
    "100,000 lists": (nested(100_000), PARSED),
    "100,000 objects": (nested(100_000, '{"a":', "}"), PARSED),
    "100,000 lists as models": (around("models", nested(100_000).decode()), PARSED),
    "100,000 brackets": (b"[" * 100_000, PARSED),
    "a real NUL": (b'{"prompt": "a\x00canary", "models": ["a"]}', PARSED),
    "a real line break": (b'{"prompt": "a\ncanary", "models": ["a"]}', PARSED),
    "a NUL behind": (around("temperature", "0.5") + b"\x00", PARSED),
    "a byte order mark": (b"\xef\xbb\xbf" + around("temperature", "0.5"), PARSED),
    "NaN": (around("temperature", "NaN"), CONSTANT),
    "Infinity": (around("temperature", "Infinity"), CONSTANT),
    "-Infinity": (around("temperature", "-Infinity"), CONSTANT),
    "NaN as max_tokens": (around("max_tokens", "NaN"), CONSTANT),
    "NaN as timeout": (around("timeout", "NaN"), CONSTANT),
    "NaN as the prompt": (around("prompt", "NaN"), CONSTANT),
    "NaN as a model": (around("models", "[NaN]"), CONSTANT),
    "NaN as a stranger": (around("canary", "NaN"), CONSTANT),
    "NaN deep within": (around("canary", '{"a": [[{"b": NaN}]]}'), CONSTANT),
    "NaN alone": (b"NaN", CONSTANT),
    "a prompt twice": (b'{"prompt": "canary", "prompt": "canary", "models": ["a"]}', TWICE),
    "a prompt twice by escape": (b'{"prompt": "canary", "\\u0070rompt": "x"}', TWICE),
    "a stranger twice": (b'{"canary": 1, "prompt": "x", "models": ["a"], "canary": 2}', TWICE),
    "a field twice within": (around("models", '[{"a": 1, "a": 2}]'), TWICE),
    "half a pair": (around("prompt", r'"canary \ud83d"'), ENCODED),
    "the other half": (around("prompt", r'"\ude00 canary"'), ENCODED),
    "a pair in disorder": (around("prompt", r'"\ude00\ud83d"'), ENCODED),
    "half a pair as a model": (around("models", r'["a", "\ud800"]'), ENCODED),
    "half a pair as a stranger": (around(r"canary\ud800", "1"), ENCODED),
    "half a pair within": (around("models", r'[{"a": ["\udfff"]}]'), ENCODED),
    "bytes that are no text": (around("prompt", '"canary"').replace(b"y", b"\xff"), ENCODED),
    "a text cut short": (b'{"prompt": "caf\xc3"}', ENCODED),
    "a long form": (b'{"prompt": "\xc0\xafcanary"}', ENCODED),
    "half a pair in bytes": (b'{"prompt": "\xed\xa0\x80canary"}', ENCODED),
    "latin-1": ('{"prompt": "canary \u00e9"}'.encode("latin-1"), ENCODED),
    "UTF-16": (around("temperature", "0.5").decode().encode("utf-16"), ENCODED),
    "UTF-16 without a mark": (around("temperature", "0.5").decode().encode("utf-16-le"), PARSED),
    "UTF-32": (around("temperature", "0.5").decode().encode("utf-32"), ENCODED),
    "compressed": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", ENCODED),
}


@pytest.mark.parametrize(("body", "why"), NOT_JSON.values(), ids=NOT_JSON)
@pytest.mark.parametrize("path", ["/chat", "/chat/a"])
async def test_what_is_not_json_is_refused_with_the_reason(
    client: httpx.AsyncClient, path: str, body: bytes, why: str
) -> None:
    response = await client.post(path, content=body, headers={"Content-Type": JSON})
    problem = checked(response, 422)
    assert problem["type"] == "urn:coro:problem:invalid-request"
    assert problem["detail"] == f"The body is not JSON that can be used: {why}."
    assert problem["errors"] == [{"field": "body", "message": why}]


# --- what is JSON, and not a request


OBJECT = "must be a JSON object sent with Content-Type: application/json"
REQUIRED = "this field is required"
STRANGER = "there is no such field"
TEXT = "should be a valid string"
NUMBER = "should be a valid number"
INTEGER = "should be a valid integer"
LIST = "should be a valid list"

NOT_A_REQUEST: dict[str, tuple[bytes, str, str]] = {
    "a list": (b'["canary"]', "body", OBJECT),
    "an empty list": (b"[]", "body", OBJECT),
    "a text": (b'"canary"', "body", OBJECT),
    "a number": (b"7", "body", OBJECT),
    "true": (b"true", "body", OBJECT),
    "null": (b"null", "body", OBJECT),
    "nothing": (b"", "body", REQUIRED),
    "100 lists": (nested(100), "body", OBJECT),
    "900 lists": (nested(900), "body", OBJECT),
    "an empty object": (b"{}", "prompt", REQUIRED),
    "no prompt": (b'{"models": ["a"]}', "prompt", REQUIRED),
    "no models": (b'{"prompt": "canary"}', "models", REQUIRED),
    "an empty prompt": (around("prompt", '""'), "prompt", "at least 1 character"),
    "a blank prompt": (around("prompt", r'" \n\t\r "'), "prompt", "more than white space"),
    "what some call blank": (
        around("prompt", r'"\u0085\ufeff\u001c"'),
        "prompt",
        "more than white space",
    ),
    "a wide blank": (around("prompt", r'"\u3000\u00a0\u2028"'), "prompt", "more than white space"),
    "a number as the prompt": (around("prompt", "7"), "prompt", TEXT),
    "null as the prompt": (around("prompt", "null"), "prompt", TEXT),
    "a list as the prompt": (around("prompt", '["canary"]'), "prompt", TEXT),
    "an object as the prompt": (around("prompt", '{"canary": 1}'), "prompt", TEXT),
    "100 lists as the prompt": (around("prompt", nested(100).decode()), "prompt", TEXT),
    "a long prompt": (
        around("prompt", '"' + "canary" * 16_667 + '"'),
        "prompt",
        "must have at most 100000 characters",
    ),
    "a text as models": (around("models", '"a"'), "models", LIST),
    "an object as models": (around("models", '{"canary": 1}'), "models", LIST),
    "null as models": (around("models", "null"), "models", LIST),
    "no model": (around("models", "[]"), "models", "at least 1 item"),
    "an empty model": (around("models", '["a", ""]'), "models.1", "at least 1 character"),
    "null as a model": (around("models", '[null, "a"]'), "models.0", TEXT),
    "a number as a model": (around("models", "[7]"), "models.0", TEXT),
    "a list as a model": (around("models", '[["canary"]]'), "models.0", TEXT),
    "900 lists as a model": (around("models", nested(900).decode()), "models.0", TEXT),
    "a long model": (around("models", f'["{"x" * 201}"]'), "models.0", "at most 200 characters"),
    "a model of 1 MB": (
        around("models", f'["{"canary" * 170_000}"]'),
        "models.0",
        "at most 200 characters",
    ),
    "21 models": (
        around("models", json.dumps([f"canary{n}" for n in range(21)])),
        "models",
        "at most 20 models",
    ),
    "21 times a model": (around("models", json.dumps(["a"] * 21)), "models", "at most 20 models"),
    "10,000 models": (
        around("models", json.dumps([f"canary{n}" for n in range(10_000)])),
        "models",
        "at most 20 models",
    ),
    "10,000 that are none": (around("models", json.dumps([1] * 10_000)), "models.0", TEXT),
    "a text as temperature": (around("temperature", '"0.7"'), "temperature", NUMBER),
    "nan as a text": (around("temperature", '"nan"'), "temperature", NUMBER),
    "true as temperature": (around("temperature", "true"), "temperature", NUMBER),
    "null as temperature": (around("temperature", "null"), "temperature", NUMBER),
    "a list as temperature": (around("temperature", "[0.7]"), "temperature", NUMBER),
    "temperature below": (around("temperature", "-0.01"), "temperature", "or equal to 0"),
    "just below": (around("temperature", "-5e-324"), "temperature", "or equal to 0"),
    "temperature above": (around("temperature", "1.01"), "temperature", "or equal to 1"),
    "just above": (around("temperature", "1.0000000000000002"), "temperature", "or equal to 1"),
    "temperature far above": (around("temperature", "1e999"), "temperature", "or equal to 1"),
    "temperature far below": (around("temperature", "-1e999"), "temperature", "or equal to 0"),
    "4,000 digits as temperature": (around("temperature", "9" * 4000), "temperature", NUMBER),
    "a text as max_tokens": (around("max_tokens", '"512"'), "max_tokens", INTEGER),
    "true as max_tokens": (around("max_tokens", "true"), "max_tokens", INTEGER),
    "null as max_tokens": (around("max_tokens", "null"), "max_tokens", INTEGER),
    "half a token": (around("max_tokens", "1.5"), "max_tokens", INTEGER),
    "far too many": (around("max_tokens", "1e999"), "max_tokens", INTEGER),
    "no token": (around("max_tokens", "0"), "max_tokens", "or equal to 1"),
    "fewer than none": (around("max_tokens", "-1"), "max_tokens", "or equal to 1"),
    "one too many": (around("max_tokens", "8193"), "max_tokens", "must be at most 8192"),
    "more than a word holds": (around("max_tokens", str(2**64)), "max_tokens", "at most 8192"),
    "4,000 digits as max_tokens": (
        around("max_tokens", "9" * 4000),
        "max_tokens",
        "must be at most 8192",
    ),
    "a text as timeout": (around("timeout", '"5"'), "timeout", NUMBER),
    "true as timeout": (around("timeout", "true"), "timeout", NUMBER),
    "null as timeout": (around("timeout", "null"), "timeout", NUMBER),
    "no time": (around("timeout", "0"), "timeout", "greater than 0"),
    "time gone": (around("timeout", "-1"), "timeout", "greater than 0"),
    "too much time": (around("timeout", "60.1"), "timeout", "or equal to 60"),
    "all the time": (around("timeout", "1e999"), "timeout", "or equal to 60"),
    "a slip": (around("temprature", '"canary"'), "temprature", STRANGER),
    "an address": (around("base_url", '"http://canary"'), "base_url", STRANGER),
    "streaming": (around("stream", "true"), "stream", STRANGER),
    "another's messages": (around("messages", '[{"content": "canary"}]'), "messages", STRANGER),
    "a field in capitals": (around("Prompt", '"canary"'), "Prompt", STRANGER),
    "an empty name": (around("", '"canary"'), "body", STRANGER),
    "100 lists as a stranger": (around("x", nested(100).decode()), "x", STRANGER),
    "900 objects": (
        around("x", nested(900, '{"a":', "}").replace(b":}", b":1}").decode()),
        "x",
        "",
    ),
    "an emoji as a name": (around("\U0001f600", "1"), r"\U0001f600", STRANGER),
    "a line break as a name": (around(r"a\nb\u001b[2J", "1"), r"a\nb\x1b[2J", STRANGER),
    "a long name": (around("x" * 5000, "1"), "x" * 40, STRANGER),
}


@pytest.mark.parametrize(
    ("body", "field", "message"), NOT_A_REQUEST.values(), ids=NOT_A_REQUEST.keys()
)
async def test_what_is_not_a_request_is_refused_by_field(
    client: httpx.AsyncClient, body: bytes, field: str, message: str
) -> None:
    response = await client.post("/chat", content=body, headers={"Content-Type": JSON})
    problem = checked(response, 422)
    assert problem["type"] == "urn:coro:problem:invalid-request"
    errors = {error["field"]: error["message"] for error in problem["errors"]}
    assert message in errors[field]
    assert field in problem["detail"]


async def test_every_field_that_is_wrong_is_named_at_once(client: httpx.AsyncClient) -> None:
    body = {"prompt": 1, "models": ["a", 7, ""], "temperature": "x", "max_tokens": 0, "user": 1}
    problem = checked(await client.post("/chat", json=body), 422)
    assert {error["field"] for error in problem["errors"]} == {
        "prompt",
        "models.1",
        "models.2",
        "temperature",
        "max_tokens",
        "user",
    }


@pytest.mark.parametrize(
    "name",
    [
        "x" * 200,
        '"' * 200,
        "\\" * 200,
        "\x00" * 200,
        "\u00e9" * 200,
        "\U0001f600" * 200,
        "a.b" * 70,
    ],
    ids=lambda name: ascii(name[:3]),
)
async def test_of_very_many_mistakes_the_first_few_are_told_however_they_are_written(
    client: httpx.AsyncClient, name: str
) -> None:
    body = {f"{number}{name}": "canary" for number in range(500)}
    problem = checked(await client.post("/chat", json=body), 422)
    assert len(problem["errors"]) == 10


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "canary",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=canary",
        "application/jsonp",
        "application/octet-stream",
        "json",
        "/",
        "application/json/canary",
    ],
)
async def test_another_content_type_than_json_is_refused_with_the_one_to_use(
    client: httpx.AsyncClient, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    body = around("temperature", "0.5")
    problem = checked(await client.post("/chat", content=body, headers=headers), 422)
    assert problem["errors"] == [{"field": "body", "message": OBJECT}]


async def test_a_body_over_the_cap_is_refused_before_it_is_looked_at(
    client: httpx.AsyncClient,
) -> None:
    for body in (b"x" * 1_048_577, b"\xff" * 5_000_000, around("prompt", f'"{"x" * 1_048_576}"')):
        problem = checked(await client.post("/chat", content=body), 413)
        assert problem["type"] == "urn:coro:problem:body-too-large"
        assert "1048576 bytes" in problem["detail"]


async def test_a_body_at_the_cap_is_looked_at(client: httpx.AsyncClient) -> None:
    body = around("temperature", "0.5")
    body += b" " * (1_048_576 - len(body))
    response = await client.post("/chat", content=body, headers={"Content-Type": JSON})
    assert response.status_code == 200


# --- below HTTP's surface


def head(target: str = "POST /chat", *headers: str, version: str = "1.1") -> bytes:
    lines = [f"{target} HTTP/{version}", "Host: coro.example", "Content-Type: application/json"]
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1")


BODY = b'{"prompt": "canary", "models": ["a"]}'
CLOSE = "Connection: close"
LENGTH = f"Content-Length: {len(BODY)}"
CHUNKED = "Transfer-Encoding: chunked"
CHUNK = b"%x\r\n%b\r\n" % (len(BODY), BODY)
END = b"0\r\n\r\n"


async def exchanged(client: httpx.AsyncClient, *parts: bytes | float, eof: bool = False) -> bytes:
    """Send bytes over a connection of their own, with pauses; return all that comes back."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(
            client.base_url.host, client.base_url.port, limit=2**24
        )
        received = asyncio.create_task(received_until_the_end(reader))
        try:
            for part in parts:
                if isinstance(part, bytes):
                    writer.write(part)
                    await writer.drain()
                else:
                    await asyncio.sleep(part)
            if eof:
                writer.write_eof()
            return await received
        except ConnectionError:
            return await received
        finally:
            received.cancel()
            writer.close()


async def received_until_the_end(reader: asyncio.StreamReader) -> bytes:
    received = bytearray()
    try:
        while data := await reader.read(65536):
            received += data
    except ConnectionError:
        pass  # What had come before it counts.
    return bytes(received)


def statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})[ \r]", received)]


ODD: dict[str, tuple[list[bytes], list[int]]] = {
    "a plain request": ([head("POST /chat", LENGTH, CLOSE), BODY], [200]),
    "two in a row": (
        [head("POST /chat", LENGTH) + BODY + head("GET /health", CLOSE)],
        [200, 200],
    ),
    "a good one behind a bad one": (
        [head("POST /chat", "Content-Length: 1") + b"{" + head("GET /health", CLOSE)],
        [422, 200],
    ),
    "chunks": ([head("POST /chat", CHUNKED, CLOSE), CHUNK, END], [200]),
    "single bytes": ([bytes([byte]) for byte in head("GET /health", CLOSE)], [200]),
    "chunks with a trailer": (
        [head("POST /chat", CHUNKED, CLOSE), CHUNK + b"0\r\nX-Trailer: canary\r\n\r\n"],
        [200],
    ),
    "HTTP/1.0": ([head("GET /health", version="1.0")], [200]),
    "HTTP/1.0 with a body": ([head("POST /chat", LENGTH, version="1.0") + BODY], [200]),
    "HTTP/1.0 and no host": ([b"GET /health HTTP/1.0\r\n\r\n"], [200]),
    "an address in full": ([head("GET http://evil.example/health", CLOSE)], [200]),
    "the wrong address in full": ([head("GET http://evil.example/canary", CLOSE)], [404]),
    "expecting to go on": (
        [head("POST /chat", LENGTH, CLOSE, "Expect: 100-continue"), BODY],
        [100, 200],
    ),
    "expecting with too much": (
        [head("POST /chat", "Content-Length: 1048577", CLOSE, "Expect: 100-continue")],
        [413],
    ),
    "more than the cap": (
        [head("POST /chat", "Content-Length: 1048577", CLOSE), b"x" * 1_048_577],
        [413],
    ),
    "chunks of more than the cap": (
        [head("POST /chat", CHUNKED, CLOSE), b"180000\r\n", b"x" * 0x180000, b"\r\n", END],
        [413],
    ),
    # What is left over is the beginning of another request, and cuts the first one off.
    "a length that is too short": (
        [head("POST /chat", f"Content-Length: {len(BODY) - 9}") + BODY],
        [400],
    ),
    "length and chunks": ([head("POST /chat", LENGTH, CHUNKED, CLOSE), CHUNK, END], [400]),
    "chunks and length": ([head("POST /chat", CHUNKED, "Content-Length: 4"), CHUNK, END], [400]),
    "two lengths": ([head("POST /chat", LENGTH, "Content-Length: 7", CLOSE), BODY], [400]),
    "a length below nothing": ([head("POST /chat", "Content-Length: -1", CLOSE)], [400]),
    "a length in words": ([head("POST /chat", "Content-Length: canary", CLOSE)], [400]),
    "a length beyond words": ([head("POST /chat", f"Content-Length: {'9' * 40}", CLOSE)], [400]),
    "a length twice over": ([head("POST /chat", "Content-Length: 3, 3", CLOSE)], [400]),
    "a chunk without a size": ([head("POST /chat", CHUNKED), b"canary\r\n"], [400]),
    "a chunk beyond words": ([head("POST /chat", CHUNKED), b"f" * 40 + b"\r\n"], [400]),
    "a chunk that is longer": ([head("POST /chat", CHUNKED), b"1\r\ncanary\r\n"], [400]),
    "another encoding": ([head("POST /chat", "Transfer-Encoding: canary", CLOSE), BODY], [400]),
    "no method at all": ([head("CANARY /chat", CLOSE)], [400]),
    "a method in small letters": ([head("get /health", CLOSE)], [400]),
    "a method of another trade": ([head("PROPFIND /health", CLOSE)], [405]),
    "TRACE": ([head("TRACE /health", CLOSE)], [405]),
    "PATCH": ([head("PATCH /chat", LENGTH, CLOSE), BODY], [405]),
    "a body where none belongs": ([head("GET /health", LENGTH, CLOSE), BODY], [200]),
    "the first HTTP": ([b"GET /health\r\n\r\n"], [200]),
    "an HTTP to come": ([head("GET /health", CLOSE, version="9.9")], [400]),
    "no HTTP at all": ([b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03canary\r\n\r\n"], [400]),
    "a header without a colon": ([head("GET /health", "canary", CLOSE)], [400]),
    "a space before the colon": ([head("GET /health", "X-Canary : 1", CLOSE)], [400]),
    "a NUL in a header": ([head("GET /health", "X-Canary: a\x00b", CLOSE)], [400]),
    "bytes in a header": ([head("GET /health", "X-Canary: \xff\xfe", CLOSE)], [200]),
    "a long header": ([head("GET /health", f"X-Canary: {'x' * 60_000}", CLOSE)], [200]),
    "many headers": ([head("GET /health", *["X-Canary: 1"] * 2000, CLOSE)], [200]),
    "a host that is none": ([head("GET /health/", CLOSE).replace(b"coro.example", b"[")], [404]),
    "no host": ([f"GET /health HTTP/1.1\r\n{CLOSE}\r\n\r\n".encode()], [200]),
    "a path that is none": ([head("GET /%ff%fe%c0%af", CLOSE)], [404]),
    "an id that is none": ([head("POST /chat/%ff%00", LENGTH, CLOSE), BODY], [422]),
    "a path that climbs": ([head("GET /docs/assets/../../../../etc/passwd", CLOSE)], [404]),
    "a query": ([head("GET /health?canary=%ff&%00=[]", CLOSE)], [200]),
    "a websocket": (
        [head("GET /chat", "Upgrade: websocket", "Connection: upgrade", "Sec-WebSocket-Key: x")],
        [405],
    ),
}


@pytest.mark.parametrize(("parts", "expected"), ODD.values(), ids=ODD)
async def test_an_odd_request_gets_its_answer_and_the_next_one_is_served(
    client: httpx.AsyncClient, parts: list[bytes], expected: list[int]
) -> None:
    received = await exchanged(client, *parts, eof=expected[-1] == 405)
    assert statuses(received) == expected
    assert b"Traceback" not in received
    assert b"evil.example" not in received
    if max(expected) >= 400:
        assert b"canary" not in received
    assert (await client.get("/health")).status_code == 200


# Neither is a request by HTTP/1.1's own rules; whatever becomes of it, it is no fault of ours.
UNHEARD_OF = {
    "a tunnel": head("CONNECT coro.example:443", CLOSE),
    "the server itself": head("OPTIONS *", CLOSE),
    "a star": head("GET *", CLOSE),
    "no path": head("GET ", CLOSE),
    "no slash": head("GET health", CLOSE),
    "a path in bytes": head("GET /\xff\xfe", CLOSE),
    "a path with a space": head("GET /a b", CLOSE),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "half a line": b"GET /hea",
    "line breaks": b"\r\n" * 1000,
    "a line of 1 MB": b"GET /" + b"x" * 1_000_000 + b" HTTP/1.1\r\n\r\n",
    "a fold": head("GET /health", "X-Canary: a\r\n b", CLOSE),
}


@pytest.mark.parametrize("sent", UNHEARD_OF.values(), ids=UNHEARD_OF)
async def test_what_is_hardly_http_is_never_our_fault_and_the_next_one_is_served(
    client: httpx.AsyncClient, sent: bytes
) -> None:
    received = await exchanged(client, sent, eof=True)
    assert all(status < 500 for status in statuses(received))
    assert b"Traceback" not in received
    assert (await client.get("/health")).status_code == 200


SLOW: dict[str, tuple[list[bytes | float], list[int]]] = {
    "nothing of the body": ([head("POST /chat", LENGTH)], [408]),
    "half of the body": ([head("POST /chat", LENGTH), BODY[:9]], [408]),
    "nothing of the chunks": ([head("POST /chat", CHUNKED)], [408]),
    "no last chunk": ([head("POST /chat", CHUNKED), CHUNK], [408]),
    "a drip": ([head("POST /chat", LENGTH), *[BODY[:1], 0.05] * 20], [408]),
    "a drip of chunks": ([head("POST /chat", CHUNKED), *[b"1\r\n{\r\n", 0.05] * 20], [408]),
    "expecting to go on": ([head("POST /chat", LENGTH, "Expect: 100-continue")], [100, 408]),
    "nothing of too much": ([head("POST /chat", "Content-Length: 2049")], [413]),
    "half of too much": ([head("POST /chat", "Content-Length: 2049"), b"x" * 1000], [413]),
    "chunks of too much and no last": (
        [head("POST /chat", CHUNKED), *[b"400\r\n" + b"x" * 1024 + b"\r\n"] * 3],
        [413],
    ),
}


async def test_a_body_that_does_not_come_to_an_end_is_not_waited_for(
    hasty: httpx.AsyncClient,
) -> None:
    replies = await asyncio.gather(*(exchanged(hasty, *parts) for parts, _ in SLOW.values()))
    for (name, (_, expected)), received in zip(SLOW.items(), replies, strict=True):
        assert statuses(received) == expected, name
        assert b"application/problem+json" in received, name
        assert b"\r\nconnection: close\r\n" in received, name
        assert b"canary" not in received, name
    assert b"did not arrive within 0.3 s" in replies[0]
    assert (await hasty.get("/health")).status_code == 200


async def test_a_body_without_an_end_is_cut_off_after_a_while(client: httpx.AsyncClient) -> None:
    megabyte = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    most, sent = 200, 0
    async with asyncio.timeout(PATIENCE):
        _, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        writer.write(head("POST /chat", CHUNKED))
        with contextlib.suppress(ConnectionError):
            while sent < most:
                writer.write(megabyte)
                await writer.drain()
                sent += 1
        writer.close()
    # Ten times the cap are read for nothing; more lies on the way.
    assert 0 < sent < most
    assert (await client.get("/health")).status_code == 200


async def test_a_client_that_leaves_in_the_middle_of_its_body_costs_nothing(
    client: httpx.AsyncClient,
) -> None:
    sent = head("POST /chat", LENGTH) + BODY[:9]
    received = await asyncio.gather(*(exchanged(client, sent, eof=True) for _ in range(20)))
    assert all(status < 500 for reply in received for status in statuses(reply))
    assert (await client.get("/health")).status_code == 200


# --- anything at all


ANY_TEXT = st.text(st.characters(codec=None), max_size=12)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)
MODEL = st.sampled_from(["a", "b", "bad", "locked", "no-such", "answering:x", "keyless:x"])
ANY_REQUEST = st.fixed_dictionaries(
    {},
    optional={
        "prompt": ANY_TEXT | ANY_JSON,
        "models": st.lists(MODEL | ANY_TEXT, max_size=4) | ANY_JSON,
        "temperature": st.floats() | st.floats(0, 1) | ANY_JSON,
        "max_tokens": st.integers() | st.integers(1, 8192) | ANY_JSON,
        "timeout": st.floats(0.5, 60) | ANY_JSON,
    },
)
LIKELY_REQUEST = st.fixed_dictionaries(
    {"prompt": ANY_TEXT, "models": st.lists(MODEL | ANY_TEXT, min_size=1, max_size=4)},
    optional={"temperature": st.floats(0, 1), "max_tokens": st.integers(1, 8192)},
)

many = settings(max_examples=150, derandomize=True, deadline=None, database=None)


async def is_answered(client: httpx.AsyncClient, path: str, body: bytes) -> None:
    response = await client.post(path, content=body, headers={"Content-Type": JSON})
    reply = json.loads(response.content.decode(), parse_constant=pytest.fail)
    if response.headers["content-type"] == JSON:
        assert response.status_code in (200, 500, 503)
        if path == "/chat":
            assert reply["succeeded"] + reply["failed"] == len(reply["responses"]) > 0
            assert (response.status_code == 200) is (reply["succeeded"] > 0)
    else:
        checked(response, 404, 413, 422)


@many
@given(body=st.binary(max_size=200))
async def test_any_bytes_are_answered(client: httpx.AsyncClient, body: bytes) -> None:
    await is_answered(client, "/chat", body)


@many
@given(value=ANY_JSON)
async def test_any_json_is_answered(client: httpx.AsyncClient, value: Any) -> None:
    await is_answered(client, "/chat", json.dumps(value).encode())


@many
@given(value=ANY_REQUEST)
async def test_anything_like_a_request_is_answered(client: httpx.AsyncClient, value: Any) -> None:
    await is_answered(client, "/chat", json.dumps(value).encode())


@many
@given(value=LIKELY_REQUEST)
async def test_any_text_and_any_id_is_answered(client: httpx.AsyncClient, value: Any) -> None:
    await is_answered(
        client, "/chat", json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    )


@many
@given(model_id=st.text(st.characters(codec="utf-8"), max_size=20))
async def test_any_id_in_a_path_is_answered(client: httpx.AsyncClient, model_id: str) -> None:
    path = "/chat/" + "".join(f"%{byte:02x}" for byte in model_id.encode())
    await is_answered(client, path, b'{"prompt": "Hello"}')
