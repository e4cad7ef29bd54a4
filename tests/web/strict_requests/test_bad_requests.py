"""Bad requests: each is a short problem that repeats nothing, and the next request is served."""

import json

import httpx
import pytest

from support.problems import JSON, checked

pytestmark = pytest.mark.asyncio(loop_scope="module")


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
    "an unknown field of 5,000 digits": (around("canary", "-" + "9" * 5000), PARSED),
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
    "NaN as an unknown field": (around("canary", "NaN"), CONSTANT),
    "NaN deep within": (around("canary", '{"a": [[{"b": NaN}]]}'), CONSTANT),
    "NaN alone": (b"NaN", CONSTANT),
    "a prompt twice": (b'{"prompt": "canary", "prompt": "canary", "models": ["a"]}', TWICE),
    "a prompt twice by escape": (b'{"prompt": "canary", "\\u0070rompt": "x"}', TWICE),
    "an unknown field twice": (
        b'{"canary": 1, "prompt": "x", "models": ["a"], "canary": 2}',
        TWICE,
    ),
    "a field twice within": (around("models", '[{"a": 1, "a": 2}]'), TWICE),
    "half a pair": (around("prompt", r'"canary \ud83d"'), ENCODED),
    "the other half": (around("prompt", r'"\ude00 canary"'), ENCODED),
    "a pair in disorder": (around("prompt", r'"\ude00\ud83d"'), ENCODED),
    "half a pair as a model": (around("models", r'["a", "\ud800"]'), ENCODED),
    "half a pair as an unknown field": (around(r"canary\ud800", "1"), ENCODED),
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
async def test_a_body_that_is_not_json_is_rejected_with_the_reason(
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
NO_SUCH_FIELD = "there is no such field"
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
    "a slip": (around("temprature", '"canary"'), "temprature", NO_SUCH_FIELD),
    "an address": (around("base_url", '"http://canary"'), "base_url", NO_SUCH_FIELD),
    "streaming": (around("stream", "true"), "stream", NO_SUCH_FIELD),
    "another's messages": (
        around("messages", '[{"content": "canary"}]'),
        "messages",
        NO_SUCH_FIELD,
    ),
    "a field in capitals": (around("Prompt", '"canary"'), "Prompt", NO_SUCH_FIELD),
    "an empty name": (around("", '"canary"'), "body", NO_SUCH_FIELD),
    "100 lists as an unknown field": (around("x", nested(100).decode()), "x", NO_SUCH_FIELD),
    "900 objects": (
        around("x", nested(900, '{"a":', "}").replace(b":}", b":1}").decode()),
        "x",
        "",
    ),
    "an emoji as a name": (around("\U0001f600", "1"), r"\U0001f600", NO_SUCH_FIELD),
    "a line break as a name": (around(r"a\nb\u001b[2J", "1"), r"a\nb\x1b[2J", NO_SUCH_FIELD),
    "a long name": (around("x" * 5000, "1"), "x" * 40, NO_SUCH_FIELD),
}


@pytest.mark.parametrize(
    ("body", "field", "message"), NOT_A_REQUEST.values(), ids=NOT_A_REQUEST.keys()
)
async def test_an_invalid_request_is_rejected_with_the_field(
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
async def test_only_the_first_ten_of_many_mistakes_are_reported(
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
