"""The examples of the published description: one of every kind, each as the server would say it."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, TypeAdapter

from coro_core import ModelUnavailable, NotConfigured, ProviderError, RateLimited, Timeout
from coro_core.api import schemas
from coro_core.api.problems import PROBLEM_TYPES
from coro_core.web.openapi import examples
from support.openapi import OPERATIONS, SCHEMAS
from support.plugins import NO_REAL_PLUGINS
from support.server import running


def replies() -> Iterator[tuple[str, str, Any]]:
    """Yield every example of a reply: what it is of, the name of its schema, and its value."""
    for method, path, operation in OPERATIONS:
        for status, reply in operation["responses"].items():
            for content in reply["content"].values():
                schema = content["schema"]["$ref"].rpartition("/")[2]
                for name, example in content["examples"].items():
                    yield f"{method} {path} {status} {name}", schema, example["value"]


REPLIES = list(replies())
NAMED = [what for what, _, _ in REPLIES]


def rows_of(schema: str, value: Any) -> list[dict[str, Any]]:
    match schema:
        case "ChatResponse":
            assert isinstance(value["responses"], list)
            return value["responses"]
        case "ModelResponse":
            return [value]
        case _:
            return []


# --- which there are


@pytest.mark.parametrize("kind", ["ChatResponse", "ModelResponse"])
def test_there_is_an_example_of_every_kind_of_row(kind: str) -> None:
    rows = [row for _, schema, value in REPLIES if schema == kind for row in rows_of(schema, value)]
    codes = {None, "rate_limited", "timeout", "model_unavailable", "not_configured"}
    # Of a model alone that is unknown there is no row, but a problem.
    assert {row["error_code"] for row in rows} == codes | (
        {"unknown_model"} if kind == "ChatResponse" else set()
    )
    answered = [row for row in rows if row["error_code"] is None]
    assert {row["substituted"] for row in answered} == {True, False}


def test_there_is_an_example_of_every_kind_of_problem() -> None:
    shown = {value["type"] for _, schema, value in REPLIES if schema == "Problem"}
    # A bug, and an address or a method that no operation has, are described with no operation.
    assert shown == {*PROBLEM_TYPES.values()} - {"about:blank", "urn:coro:problem:internal-error"}


# --- their form


@pytest.mark.parametrize(("what", "schema", "value"), REPLIES, ids=NAMED)
def test_every_example_of_a_reply_is_one(what: str, schema: str, value: Any) -> None:
    kind = getattr(schemas, schema)
    assert issubclass(kind, BaseModel)
    # As strict as it can be: every field, none besides, and no type that would have to be turned.
    adapter = TypeAdapter(kind)
    reported = adapter.validate_json(json.dumps(value), strict=True, extra="forbid")
    assert json.loads(reported.model_dump_json()) == value
    # A reply that is built without validation could drift from what is said of it.
    conforms(value, SCHEMAS[schema])


@pytest.mark.parametrize(("what", "schema", "value"), REPLIES, ids=NAMED)
def test_every_example_fits_its_status(what: str, schema: str, value: Any) -> None:
    status = int(what.split()[2])
    rows = rows_of(schema, value)
    if schema == "Problem":
        assert value["status"] == status
    elif rows:
        assert any(row["error"] is None for row in rows) is (status == 200)
    else:
        assert status == 200


@pytest.mark.parametrize(("what", "schema", "value"), REPLIES, ids=NAMED)
def test_every_example_agrees_with_itself(what: str, schema: str, value: Any) -> None:
    rows = rows_of(schema, value)
    for row in rows:
        assert (row["error"] is None) is (row["error_code"] is None)
        assert (row["response"] == "") is (row["error"] is not None)
        assert row["tokens"] == row["usage"]["output_tokens"]
    if schema == "ChatResponse":
        failed = sum(row["error"] is not None for row in rows)
        assert (value["failed"], value["succeeded"]) == (failed, len(rows) - failed)
        assert value["total_latency_ms"] >= max(row["latency_ms"] for row in rows)


def conforms(value: Any, schema: dict[str, Any]) -> None:
    """Check a value against as much of JSON Schema as the description uses."""
    if "$ref" in schema:
        conforms(value, SCHEMAS[schema["$ref"].rpartition("/")[2]])
        return
    kinds = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "null": type(None),
        "array": list,
        "object": dict,
    }
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    assert any(isinstance(value, kinds[name]) for name in types)  # type: ignore[arg-type]
    assert value in schema.get("enum", [value])
    if isinstance(value, list):
        for item in value:
            conforms(item, schema["items"])
    if isinstance(value, dict):
        assert sorted(value) == sorted(schema["properties"])
        for name, item in value.items():
            conforms(item, schema["properties"][name])


# --- their truth


@pytest.mark.parametrize(
    ("row", "error", "provider"),
    [
        (examples.RATE_LIMITED, RateLimited(retry_after=16.8), "Groq"),
        (examples.TIMED_OUT, Timeout(), "DeepSeek"),
        (
            examples.RETIRED,
            ModelUnavailable(
                "gemini-3.5-flash-lite would answer: allow that with on_retired=substitute."
            ),
            "Google",
        ),
        (
            examples.NOT_CONFIGURED,
            NotConfigured("GEMINI_API_KEY", help="get one at https://aistudio.google.com/apikey"),
            "Google",
        ),
    ],
)
def test_the_example_of_a_row_has_the_sentence_of_its_error(
    row: dict[str, Any], error: ProviderError, provider: str
) -> None:
    error.provider, error.model = provider, row["upstream_model"] or ""
    assert (row["error"], row["error_code"]) == (error.message, error.code)
    assert row["retry_after_s"] == error.retry_after


CHAT = {"prompt": "What is 2+2?", "models": ["no-such-model"]}


@pytest.mark.parametrize(
    ("method", "path", "sent", "example"),
    [
        ("POST", "/chat/no-such-model", {"json": {"prompt": "Hello"}}, examples.NO_SUCH_MODEL),
        ("POST", "/chat", {"json": {**CHAT, "temperature": 3}}, examples.OUT_OF_RANGE),
        ("POST", "/chat", {"json": {"models": ["gemini"]}}, examples.MISSING),
        ("POST", "/chat", {"json": {**CHAT, "temprature": 1}}, examples.MISSPELT),
        ("POST", "/chat", {"content": b"{"}, examples.NOT_JSON),
        ("POST", "/chat", {"json": CHAT}, examples.NONE_KNOWN),
        ("POST", "/chat", {"content": b" " * 1048577}, examples.TOO_LARGE),
        ("GET", "/models?all=maybe", {}, examples.NOT_A_BOOLEAN),
    ],
)
async def test_the_example_of_a_problem_is_what_the_server_says(
    method: str, path: str, sent: dict[str, Any], example: dict[str, Any]
) -> None:
    headers = {"Content-Type": "application/json", "X-Request-ID": examples.REQUEST_ID}
    async with running(NO_REAL_PLUGINS) as client:
        reply = await client.request(method, path, **sent, headers=headers)
    assert (reply.status_code, reply.json()) == (example["status"], example)


async def test_every_example_of_a_request_is_answered_by_the_demo() -> None:
    """As "Try it out" sends them: each body, to each model that is named for the path."""
    async with running({"CORO_DEMO": "true"}) as client:
        for method, path, operation in OPERATIONS:
            if method == "get":
                assert (await client.get(path)).status_code == 200
                continue
            bodies = operation["requestBody"]["content"]["application/json"]["examples"]
            for address in addresses(path, operation):
                for body in bodies.values():
                    all_answered(await client.post(address, json=body["value"]))


def addresses(path: str, operation: dict[str, Any]) -> list[str]:
    """Return a path with each example of its parameter in its place."""
    if not operation.get("parameters"):
        return [path]
    [parameter] = operation["parameters"]
    place = f"{{{parameter['name']}}}"
    return [path.replace(place, it["value"]) for it in parameter["examples"].values()]


def all_answered(reply: httpx.Response) -> None:
    body = reply.json()
    rows = body.get("responses", [body])
    assert [row["error"] for row in rows] == [None] * len(rows)
