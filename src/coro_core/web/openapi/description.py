"""The published description of the API, and the page that lets one try it."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from coro_core.api.schemas import Problem
from coro_core.config.settings import Settings
from coro_core.contract.errors import MAX_RETRY_AFTER
from coro_core.web.middleware import REQUEST_ID
from coro_core.web.openapi import examples
from coro_core.web.openapi.replies import OF_OPERATION
from coro_core.web.pages.assets import STATIC, Assets, Page

_DIRECTORY = STATIC / "swagger-ui-5.35.0"
_PAGE = STATIC / "docs.html"
_REFERENCE = "#/components/schemas/{model}"

_DESCRIPTION = """\
One prompt, many language models, one answer each. Send a prompt to `POST /chat` and get **one row
per model**: its text or its error, its tokens, its latency. A model that is slow, broken or retired
costs its own row and nothing else.

Errors that are not rows are `application/problem+json` (RFC 9457). Every reply carries an
`X-Request-ID`, but for CORS preflights; send your own to find a request in the log again. What is
not HTTP at all is refused with a 400 in plain text.
"""

_RETRY_AFTER = "Retry-After"
_HEADERS = {
    REQUEST_ID: {
        "description": "Names this request in the log: the caller's own `X-Request-ID`, if it is 1"
        " to 64 letters, digits, `.`, `_` or `-`, else a new one.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
        "example": examples.REQUEST_ID,
    },
    _RETRY_AFTER: {
        "description": "Seconds to wait before the next try, from 1 to a day; absent when nobody"
        " can tell.",
        "schema": {"type": "integer", "minimum": 1, "maximum": int(MAX_RETRY_AFTER)},
        "example": 2,
    },
}

_TAGS = [
    {"name": "chat", "description": "Ask models."},
    {"name": "models", "description": "What can be asked."},
    {"name": "operation", "description": "How the server is."},
]


def install(app: FastAPI, settings: Settings) -> None:
    """Add `/docs` to `app`, and publish its description at `/openapi.json`."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe(app.routes, settings)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own documented way
    app.mount("/docs/assets", Assets(directory=_DIRECTORY))
    app.mount("/docs/page", Assets(directory=STATIC / "docs"))

    @app.api_route("/docs", methods=["GET", "HEAD"], include_in_schema=False)
    async def docs() -> Page:
        return Page(_PAGE.read_text("utf-8"))


def describe(routes: Sequence[BaseRoute], settings: Settings) -> dict[str, Any]:
    """Return the description of `routes`, with the limits that `settings` draw.

    There is no `anyOf` with null in it.
    """
    description = get_openapi(
        title="CORO",
        version=version("coro-core"),
        description=_DESCRIPTION,
        license_info={"name": "MIT", "url": "https://spdx.org/licenses/MIT.html"},
        servers=[{"url": "/", "description": "This server."}],
        tags=_TAGS,
        routes=routes,
    )
    schemas = description["components"]["schemas"]
    problem = Problem.model_json_schema(ref_template=_REFERENCE)
    schemas.update(problem.pop("$defs"), Problem=problem)
    description["components"]["headers"] = _HEADERS
    for name in ("ChatRequest", "SingleChatRequest"):
        properties = schemas[name]["properties"]
        properties["prompt"]["maxLength"] = settings.max_prompt_chars
        properties["max_tokens"]["maximum"] = settings.max_tokens
        if "models" in properties:
            properties["models"]["maxItems"] = settings.max_models
    tidied = _tidy(description)
    assert isinstance(tidied, dict)
    for item in tidied["paths"].values():
        for operation in item.values():
            _complete(operation)
    return {**tidied, "security": []}


def _complete(operation: dict[str, Any]) -> None:
    """Add the headers of replies, and the examples as they are.

    FastAPI leaves out whatever is null in an example.
    """
    for status, reply in OF_OPERATION[operation["operationId"]].items():
        described = operation["responses"][str(status)]
        for media_type, content in reply["content"].items():
            described["content"][media_type].update(content)
        names = (REQUEST_ID, _RETRY_AFTER) if status in (500, 503) else (REQUEST_ID,)
        described["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _tidy(node: Any) -> Any:
    """Write "or null" as a type array, and leave out a default that only means "absent".

    Apple's swift-openapi-generator drops fields that are `anyOf` with null
    (github.com/apple/swift-openapi-generator/issues/817).
    """
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "anyOf" not in node and node.get("default", ...) is None:
        node = {key: value for key, value in node.items() if key != "default"}
    options = node.get("anyOf", [])
    if len(options) == 2 and {"type": "null"} in options:
        [option] = [option for option in options if option != {"type": "null"}]
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        node = {**rest, **option, "type": [option["type"], "null"]}
        if "enum" in node:
            node["enum"] = [*node["enum"], None]
    return {key: _tidy(value) for key, value in node.items()}
