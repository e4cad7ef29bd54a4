"""The published description: committed, complete, and true of the replies.

After an intended change, write it again with `make openapi`.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from coro_core.contract.errors import ERROR_CODES
from support.openapi import COMMITTED, OPENAPI, OPERATIONS, SCHEMAS
from support.plugins import NO_REAL_PLUGINS
from support.server import running

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMED = [f"{method} {path}" for method, path, _ in OPERATIONS]


async def published(**environ: str) -> Any:
    async with running({**NO_REAL_PLUGINS, **environ}) as client:
        return (await client.get("/openapi.json")).json()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def by_default() -> AsyncIterator[Any]:
    yield await published()


def nodes(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object of the description with the way to it."""
    if isinstance(node, dict):
        yield path, node
        for name, value in node.items():
            yield from nodes(value, f"{path}/{name}")
    elif isinstance(node, list):
        for place, value in enumerate(node):
            yield from nodes(value, f"{path}/{place}")


# --- the file


async def test_the_committed_description_is_the_published_one(by_default: Any) -> None:
    assert by_default == COMMITTED, "if the change is meant: make openapi"


async def test_the_committed_description_is_sorted_so_that_a_change_is_a_small_one() -> None:
    text = OPENAPI.read_text(encoding="utf-8")
    assert text == json.dumps(COMMITTED, indent=2, sort_keys=True) + "\n"


async def test_the_limits_of_a_server_are_in_its_description(by_default: Any) -> None:
    limits = {
        "CORO_MAX_MODELS": "3",
        "CORO_MAX_TOKENS": "77",
        "CORO_MAX_PROMPT_CHARS": "99",
    }
    other = (await published(**limits))["components"]["schemas"]
    for name in ("ChatRequest", "SingleChatRequest"):
        fields, usual = other[name]["properties"], SCHEMAS[name]["properties"]
        assert (fields["max_tokens"]["maximum"], usual["max_tokens"]["maximum"]) == (77, 8192)
        assert (fields["prompt"]["maxLength"], usual["prompt"]["maxLength"]) == (99, 100_000)
        fields["max_tokens"]["maximum"], fields["prompt"]["maxLength"] = 8192, 100_000
    models = other["ChatRequest"]["properties"]["models"]
    assert (models["maxItems"], SCHEMAS["ChatRequest"]["properties"]["models"]["maxItems"]) == (
        3,
        20,
    )
    models["maxItems"] = 20
    # Nothing else depends on them, and no server changes another's description.
    assert other == SCHEMAS == by_default["components"]["schemas"]


# --- for those who make clients from it


async def test_the_operations_have_stable_names() -> None:
    assert {f"{method} {path}": it["operationId"] for method, path, it in OPERATIONS} == {
        "get /health": "get_health",
        "get /models": "list_models",
        "get /plugins": "list_plugins",
        "post /chat": "chat",
        "post /chat/{model_id}": "chat_with_model",
    }


async def test_null_is_a_type_and_never_an_alternative() -> None:
    """Swift's generator drops fields that are `anyOf` with null."""
    assert re.match(r"3\.1\.", COMMITTED["openapi"])
    for path, node in nodes({"paths": COMMITTED["paths"], "components": COMMITTED["components"]}):
        assert not {"anyOf", "oneOf", "allOf", "nullable"} & node.keys(), path
        if isinstance(node.get("type"), list):
            kind, null = node["type"]
            assert null == "null", path
            assert kind in ("string", "integer", "number"), path
            assert ("enum" in node) is (None in node.get("enum", [])), path


@pytest.mark.parametrize("name", ["ChatRequest", "SingleChatRequest"])
async def test_a_field_of_a_request_is_there_or_absent_and_never_null(name: str) -> None:
    for field, described in SCHEMAS[name]["properties"].items():
        assert isinstance(described["type"], str), field


async def test_no_default_is_null() -> None:
    for path, node in nodes(SCHEMAS):
        assert node.get("default", 0) is not None, path


async def test_every_reference_leads_somewhere_and_every_component_is_referred_to() -> None:
    referred = {node["$ref"] for _, node in nodes(COMMITTED) if "$ref" in node}
    assert referred == {
        f"#/components/{kind}/{name}"
        for kind, named in COMMITTED["components"].items()
        for name in named
    }


@pytest.mark.parametrize("name", SCHEMAS)
async def test_every_schema_and_every_field_is_described(name: str) -> None:
    schema = SCHEMAS[name]
    assert schema["description"].endswith(".")
    assert "\n" not in schema["description"]
    for field, described in schema["properties"].items():
        assert re.fullmatch(r"[A-Z`].*\.", described.get("description", "")), field


@pytest.mark.parametrize("name", [name for name in SCHEMAS if not name.endswith("Request")])
async def test_a_reply_always_has_every_field(name: str) -> None:
    assert sorted(SCHEMAS[name]["required"]) == sorted(SCHEMAS[name]["properties"])


async def test_a_request_has_the_specifications_fields_and_defaults() -> None:
    fields = SCHEMAS["ChatRequest"]["properties"]
    assert SCHEMAS["ChatRequest"]["required"] == ["prompt", "models"]
    assert SCHEMAS["SingleChatRequest"]["required"] == ["prompt"]
    assert SCHEMAS["ChatRequest"]["additionalProperties"] is False
    assert {name: it.get("default") for name, it in fields.items()} == {
        "prompt": None,
        "models": None,
        "temperature": 0.7,
        "max_tokens": 512,
        "timeout": None,
        "on_retired": None,
    }
    assert {name: it["type"] for name, it in fields.items()} == {
        "prompt": "string",
        "models": "array",
        "temperature": "number",
        "max_tokens": "integer",
        "timeout": "number",
        "on_retired": "string",
    }
    assert (fields["temperature"]["minimum"], fields["temperature"]["maximum"]) == (0.0, 1.0)


async def test_the_error_codes_are_the_closed_set() -> None:
    codes = SCHEMAS["ModelResponse"]["properties"]["error_code"]["enum"]
    assert codes == [*ERROR_CODES, "unknown_model", None]


# --- what is said of every operation


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMED)
async def test_every_operation_is_described(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    assert operation["description"]
    assert operation["summary"]
    assert operation["tags"][0] in {tag["name"] for tag in COMMITTED["tags"]}
    for parameter in operation.get("parameters", []):
        assert parameter["description"]
    for reply in operation["responses"].values():
        assert reply["description"]


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        ("/chat", ["200", "408", "413", "422", "500", "503"]),
        ("/chat/{model_id}", ["200", "404", "408", "413", "422", "500", "503"]),
    ],
)
async def test_every_status_is_described_with_its_body(path: str, statuses: list[str]) -> None:
    replies = COMMITTED["paths"][path]["post"]["responses"]
    assert sorted(replies) == statuses
    body = "ChatResponse" if path == "/chat" else "ModelResponse"
    kinds = {"application/json": body, "application/problem+json": "Problem"}
    for status, reply in replies.items():
        expected = {
            "200": ["application/json"],
            "500": ["application/json"],
            # Too many requests are turned away before there are any rows.
            "503": ["application/json", "application/problem+json"],
        }.get(status, ["application/problem+json"])
        assert list(reply["content"]) == expected
        for media_type, content in reply["content"].items():
            assert content["schema"] == {"$ref": f"#/components/schemas/{kinds[media_type]}"}
            assert content["examples"]


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMED)
async def test_every_reply_describes_its_headers(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    for status, reply in operation["responses"].items():
        waits = ["Retry-After"] if status in ("500", "503") else []
        assert sorted(reply["headers"]) == [*waits, "X-Request-ID"]


async def test_every_number_has_a_range_and_every_time_a_format() -> None:
    for name, schema in SCHEMAS.items():
        for field, described in schema["properties"].items():
            if {"integer", "number"} & {*types_of(described)}:
                assert {"minimum", "exclusiveMinimum"} & described.keys(), (name, field)
            if "RFC 3339" in described["description"]:
                assert described["format"] == "date-time", (name, field)


def types_of(schema: dict[str, Any]) -> list[str]:
    types = schema.get("type", [])
    return types if isinstance(types, list) else [types]
