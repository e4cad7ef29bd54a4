"""The published description of the API, and the page that lets one try it."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from starlette.routing import BaseRoute

from coro_core.settings import Settings
from coro_core.web.assets import STATIC, Assets
from coro_core.web.examples import CHAT_RESPONSES, SINGLE_CHAT_RESPONSES
from coro_core.web.schemas import Problem

_ASSETS = "/docs/assets"
_DIRECTORY = STATIC / "swagger-ui-5.35.0"
_REFERENCE = "#/components/schemas/{model}"

_DESCRIPTION = """\
One prompt, many language models, one answer each. Send a prompt to `POST /chat` and get **one row
per model**: its text or its error, its tokens, its latency. A model that is slow, broken or retired
costs its own row and nothing else.

Errors that are not rows are `application/problem+json` (RFC 9457). Every reply carries an
`X-Request-ID`, but for CORS preflights; send your own to find a request in the log again. What is
not HTTP at all is refused with a 400 in plain text.
"""

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
    app.mount(_ASSETS, Assets(directory=_DIRECTORY))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="CORO",
            swagger_js_url=f"{_ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{_ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{_ASSETS}/favicon-32x32.png",
            swagger_ui_parameters={"tryItOutEnabled": True, "defaultModelsExpandDepth": 0},
        )


def describe(routes: Sequence[BaseRoute], settings: Settings) -> dict[str, Any]:
    """Return the description of `routes`, with the limits that `settings` draw.

    There is no `anyOf` with null in it.
    """
    description = get_openapi(
        title="CORO",
        version=version("coro-core"),
        description=_DESCRIPTION,
        tags=_TAGS,
        routes=routes,
    )
    schemas = description["components"]["schemas"]
    problem = Problem.model_json_schema(ref_template=_REFERENCE)
    schemas.update(problem.pop("$defs"), Problem=problem)
    for name in ("ChatRequest", "SingleChatRequest"):
        properties = schemas[name]["properties"]
        properties["prompt"]["maxLength"] = settings.max_prompt_chars
        properties["max_tokens"]["maximum"] = settings.max_tokens
        if "models" in properties:
            properties["models"]["maxItems"] = settings.max_models
    tidied = _tidy(description)
    assert isinstance(tidied, dict)
    for path, replies in (("/chat", CHAT_RESPONSES), ("/chat/{model_id}", SINGLE_CHAT_RESPONSES)):
        described = tidied["paths"][path]["post"]["responses"]
        for status, reply in replies.items():
            for media_type, content in reply["content"].items():
                # FastAPI left out whatever is null in an example.
                described[str(status)]["content"][media_type].update(content)
    return tidied


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
