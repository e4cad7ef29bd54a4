"""The API as its callers see it: what it lists, and what it does when we have a bug."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.datastructures import State

from coro_core.engine.engine import Engine
from coro_core.web.app import create_app
from support.api import Scripted, has_shape, installed
from support.plugins import NO_REAL_PLUGINS
from support.server import serving

pytestmark = pytest.mark.asyncio(loop_scope="module")


# --- GET /health


async def test_health_is_the_specifications_two_fields(client: httpx.AsyncClient) -> None:
    response = await client.get("/health")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert list(body) == ["status", "timestamp"]
    assert body["status"] == "ok"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body["timestamp"])
    age = datetime.now(UTC) - datetime.fromisoformat(body["timestamp"])
    assert timedelta(seconds=-1) <= age <= timedelta(minutes=1)


async def test_health_can_be_asked_for_without_a_body(client: httpx.AsyncClient) -> None:
    response = await client.head("/health")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == "application/json"


# --- GET /models and GET /plugins


async def test_models_have_the_specifications_fields_and_ours(client: httpx.AsyncClient) -> None:
    response = await client.get("/models")
    assert response.status_code == 200
    assert list(response.json()) == ["models"]
    for listed in response.json()["models"]:
        has_shape(
            listed,
            {
                "id": str,
                "name": str,
                "provider": str,
                "cost": str,
                "available": bool,
                "reason": str | None,
                "upstream_model": str,
                "substituted": bool,
                "note": str | None,
            },
        )
        assert listed["available"] is (listed["reason"] is None)


async def test_models_are_listed_by_plugin_whether_they_are_available_or_not(
    client: httpx.AsyncClient,
) -> None:
    models = (await client.get("/models")).json()["models"]
    assert [listed["id"] for listed in models] == [
        "locked",
        *(offered.id for offered in Scripted.models),
    ]
    assert models[0] == {
        "id": "locked",
        "name": "Locked",
        "provider": "Lock Ltd",
        "cost": "free",
        "available": False,
        "reason": "LOCK_API_KEY is not set; get one at https://lock.example/keys.",
        "upstream_model": "locked-1",
        "substituted": False,
        "note": None,
    }
    assert all(listed["available"] for listed in models[1:])


async def test_plugins_are_listed_with_state_reason_and_models(client: httpx.AsyncClient) -> None:
    response = await client.get("/plugins")
    assert response.status_code == 200
    plugins = {plugin["name"]: plugin for plugin in response.json()["plugins"]}
    assert list(plugins) == [
        "deepseek",
        "gemini",
        "groq",
        "keyless",
        "openai",
        "scripted",
        "unlisted",
    ]
    for plugin in plugins.values():
        has_shape(
            plugin,
            {
                "name": str,
                "distribution": str,
                "version": str,
                "state": str,
                "reason": str | None,
                "models": list,
                "traffic": dict,
            },
        )
        has_shape(
            plugin["traffic"],
            {
                "last_success": str | None,
                "last_error": str | None,
                "last_error_code": str | None,
                "last_discovery": str | None,
                "last_discovery_error_code": str | None,
                "listed": int,
                "abandoned": int,
                "abandoned_running": int,
            },
        )
    assert {**plugins["keyless"], "traffic": None} == {
        "name": "keyless",
        "distribution": "coro-keyless",
        "version": "2.1",
        "state": "unconfigured",
        "reason": "LOCK_API_KEY is not set; get one at https://lock.example/keys.",
        "models": ["locked"],
        "traffic": None,
    }
    assert plugins["scripted"]["state"] == "ready"
    assert plugins["scripted"]["reason"] is None
    assert plugins["unlisted"]["state"] == "failed"
    assert plugins["gemini"]["state"] == "disabled"


# --- the documentation


async def test_the_documentation_works_offline(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"(https?:)?//[a-z0-9]", page.text)
    references = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    script = await client.get("docs/page/docs.js")
    references += re.findall(r'\burl: "([^"]+)"', script.text)
    # Relative to the page, so that a path prefix does no harm.
    assert sorted(references) == [
        "docs/assets/favicon-32x32.png",
        "docs/assets/swagger-ui-bundle.js",
        "docs/assets/swagger-ui.css",
        "docs/page/docs.css",
        "docs/page/docs.js",
        "openapi.json",
    ]
    kinds = {"png": "image/png", "js": "text/javascript", "css": "text/css", "json": "application/"}
    for reference in references:
        served = await client.get(reference)
        assert served.status_code == 200
        assert served.headers["content-type"].startswith(kinds[reference.rpartition(".")[2]])
        assert len(served.content) > (100 if "/page/" in reference else 500)


@pytest.mark.parametrize("path", ["/redoc", "/docs/oauth2-redirect", "/metrics", "/admin"])
async def test_nothing_else_is_served(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


# --- bugs of our own


class BrokenState(State):
    """The state of an application with a bug."""

    @property
    def engine(self) -> Engine:
        raise RuntimeError("canary")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/models"), ("GET", "/plugins"), ("POST", "/chat"), ("POST", "/chat/a")],
)
async def test_a_bug_is_a_problem_that_a_page_can_read_and_that_shows_nothing(
    tmp_path_factory: pytest.TempPathFactory, method: str, path: str
) -> None:
    body = {"prompt": "canary"} | ({"models": ["a"]} if path == "/chat" else {})
    json_body = body if method == "POST" else None
    with installed(tmp_path_factory):
        app = create_app(NO_REAL_PLUGINS)
        async with serving(app) as client:
            working, app.state = app.state, BrokenState()
            response = await client.request(
                method, path, json=json_body, headers={"Origin": "https://app.example"}
            )
            app.state = working
            again = await client.request(method, path, json=json_body)
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.json() == {
        "type": "urn:coro:problem:internal-error",
        "title": "Internal error",
        "status": 500,
        "detail": "CORO failed to answer; please report it, with the request_id.",
        "request_id": response.headers["x-request-id"],
        "errors": [],
    }
    assert again.status_code == 200


async def test_a_websocket_is_turned_away_without_a_bug() -> None:
    """Asked of the application itself, since uvicorn knows WebSockets only with a library more."""
    app = create_app(NO_REAL_PLUGINS)
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/chat",
        "raw_path": b"/chat",
        "root_path": "",
        "scheme": "ws",
        "query_string": b"",
        "headers": [],
        "subprotocols": [],
    }
    await app(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]
