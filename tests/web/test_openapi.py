"""The published description: committed, complete, and true of the replies.

After a change that is meant, write it anew with `make openapi`.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import BaseModel, TypeAdapter

from coro_core.errors import ERROR_CODES
from coro_core.web import schemas
from support.plugins import NO_REAL_PLUGINS
from support.server import running

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[2]
COMMITTED = json.loads((ROOT / "openapi.json").read_text(encoding="utf-8"))
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
OPERATIONS = [
    (method, path, operation)
    for path, item in COMMITTED["paths"].items()
    for method, operation in item.items()
    if method in METHODS
]
NAMED = [f"{method} {path}" for method, path, _ in OPERATIONS]
SCHEMAS = COMMITTED["components"]["schemas"]


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


def examples() -> Iterator[tuple[str, str, Any]]:
    """Yield every example of a reply: what it is of, the name of its schema, and its value."""
    for method, path, operation in OPERATIONS:
        for status, reply in operation["responses"].items():
            for content in reply.get("content", {}).values():
                schema = content["schema"]["$ref"].rpartition("/")[2]
                named = {name: it["value"] for name, it in content.get("examples", {}).items()}
                if "example" in content:
                    named["example"] = content["example"]
                for name, value in named.items():
                    yield f"{method} {path} {status} {name}", schema, value


EXAMPLES = list(examples())


# --- the file


async def test_the_committed_description_is_the_published_one(by_default: Any) -> None:
    assert by_default == COMMITTED, "if the change is meant: make openapi"


async def test_the_committed_description_is_sorted_so_that_a_change_is_a_small_one() -> None:
    text = (ROOT / "openapi.json").read_text(encoding="utf-8")
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


async def test_no_default_is_null() -> None:
    for path, node in nodes(SCHEMAS):
        assert node.get("default", 0) is not None, path


async def test_every_reference_leads_somewhere_and_every_schema_is_referred_to() -> None:
    referred = {node["$ref"] for _, node in nodes(COMMITTED) if "$ref" in node}
    assert referred == {f"#/components/schemas/{name}" for name in SCHEMAS}


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
            assert "example" in content or content["examples"]


async def test_there_is_an_example_of_every_kind_of_row() -> None:
    rows = [
        row for _, schema, chat in EXAMPLES if schema == "ChatResponse" for row in rows_of(chat)
    ]
    assert {row["error_code"] for row in rows} >= {
        None,
        "rate_limited",
        "timeout",
        "unknown_model",
        "not_configured",
    }
    assert {row["substituted"] for row in rows} == {True, False}


def rows_of(chat: dict[str, Any]) -> list[dict[str, Any]]:
    rows = chat["responses"]
    assert isinstance(rows, list)
    return rows


@pytest.mark.parametrize(
    ("schema", "value"), [it[1:] for it in EXAMPLES], ids=[it[0] for it in EXAMPLES]
)
async def test_every_example_of_a_reply_is_one(schema: str, value: Any) -> None:
    kind = getattr(schemas, schema)
    assert issubclass(kind, BaseModel)
    # As strict as it can be: every field, none besides, and no type that would have to be turned.
    adapter = TypeAdapter(kind)
    told = adapter.validate_json(json.dumps(value), strict=True, extra="forbid")
    assert json.loads(told.model_dump_json()) == value
    if schema == "ChatResponse":
        failed = sum(row["error"] is not None for row in value["responses"])
        assert value["failed"] == failed
        assert value["succeeded"] == len(value["responses"]) - failed
        assert value["total_latency_ms"] >= max(row["latency_ms"] for row in value["responses"])


@pytest.mark.parametrize(
    ("what", "schema", "value"), EXAMPLES, ids=[what for what, _, _ in EXAMPLES]
)
async def test_every_example_fits_its_status(what: str, schema: str, value: Any) -> None:
    status = int(what.split()[2])
    if schema == "Problem":
        assert value["status"] == status
        return
    rows = [value] if schema == "ModelResponse" else value["responses"]
    answered = any(row["error"] is None for row in rows)
    assert answered is (status == 200)
    for row in rows:
        assert (row["error"] is None) is (row["error_code"] is None)
        assert (row["response"] == "") is (row["error"] is not None)
        assert row["tokens"] == row["usage"]["output_tokens"]


@pytest.mark.parametrize("name", ["ChatRequest", "SingleChatRequest"])
async def test_every_example_of_a_request_is_taken(name: str) -> None:
    kind = getattr(schemas, name)
    for example in SCHEMAS[name]["examples"]:
        assert kind.model_validate_json(json.dumps(example)).prompt == example["prompt"]


async def test_the_types_in_the_description_are_those_of_the_replies() -> None:
    """A reply that is built without validation could drift from what is said of it."""
    for _, schema, value in EXAMPLES:
        conforms(value, SCHEMAS[schema])


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
