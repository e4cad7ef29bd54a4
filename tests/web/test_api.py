"""The API as its callers see it: fields, types, status codes, headers."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx
import pytest
import pytest_asyncio

from coro_core import (
    AuthenticationFailed,
    GenerateRequest,
    Generation,
    ModelUnavailable,
    NotConfigured,
    Overloaded,
    RateLimited,
    Usage,
    errors,
    hookimpl,
)
from coro_core.web.app import create_app
from support.plugins import NO_REAL_PLUGINS, Echo, Installer, model
from support.server import ask, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROW = {
    "model": str,
    "response": str,
    "tokens": int | None,
    "latency_ms": int,
    "error": str | None,
    "error_code": str | None,
    "upstream_model": str | None,
    "substituted": bool,
    "note": str | None,
    "finish_reason": str | None,
    "usage": dict,
    "retry_after_s": float | int | None,
}
USAGE = {
    "input_tokens": int | None,
    "output_tokens": int | None,
    "reasoning_tokens": int | None,
}
CHAT = {
    "responses": list,
    "total_latency_ms": int,
    "succeeded": int,
    "failed": int,
    "request_id": str,
}
PROBLEM = {
    "type": str,
    "title": str,
    "status": int,
    "detail": str,
    "request_id": str,
    "errors": list,
}
OUR_ID = re.compile(r"[0-9a-f]{16}")


def has_shape(value: Any, shape: dict[str, Any]) -> None:
    """Check that an object has exactly these fields, of exactly these types."""
    assert list(value) == list(shape)
    for name, expected in shape.items():
        if value[name] is True or value[name] is False:
            assert expected is bool, name
        else:
            assert isinstance(value[name], expected), name


class Scripted(Echo):
    """Does what the name of the model says, and keeps the requests."""

    models = (
        *(model(name) for name in ("a", "b", "silent", "cut", "refused")),
        *(model(name) for name in ("soon", "later", "at-once", "never")),
        model("retired", "old-1", "new-1"),
        model("gone", "old-2", "old-3"),
    )
    seen: ClassVar[list[GenerateRequest]] = []
    waits: ClassVar[dict[str, Any]] = {"soon": 16.2, "later": 99, "never": None}

    async def generate(self, request: GenerateRequest) -> Any:
        self.seen.append(request)
        name = request.model.removesuffix("-upstream")
        if name.startswith("old-"):
            raise ModelUnavailable
        if name in self.waits:
            raise RateLimited(retry_after=self.waits[name], retryable=False)
        match name:
            case "refused":
                raise AuthenticationFailed("Check ACME_API_KEY.")
            case "at-once":
                raise Overloaded(retry_after=0, retryable=False)
            case "silent":
                return Generation(text="hm")
            case "cut":
                usage = Usage(input_tokens=2, output_tokens=3, reasoning_tokens=4)
                return Generation(text="and then", finish_reason="length", usage=usage)
        return await super().generate(request)


class Keyless(Echo):
    models = (model("locked", "locked-1", "locked-2", provider="Lock Ltd"),)

    @hookimpl
    def coro_lifespan(self, environ: Any) -> Any:
        raise NotConfigured("LOCK_API_KEY", help="get one at https://lock.example/keys")


class Unlisted(Echo):
    @hookimpl
    def coro_list_models(self) -> Any:
        return None


@asynccontextmanager
async def serving(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the plugins of this file."""
    installer = Installer(tmp_path_factory.mktemp("site"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(installer.directory)
        installer.add("scripted", Scripted)
        installer.add("keyless", Keyless, version="2.1")
        installer.add("unlisted", Unlisted)
        async with running(NO_REAL_PLUGINS) as client:
            yield client
    installer.remove_all()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """One server for all tests that do not need one of their own."""
    async with serving(tmp_path_factory) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A server of its own: one that was told to wait does not ask again at once."""
    async with serving(tmp_path_factory) as client:
        yield client


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
                "stragglers": int,
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


# --- POST /chat: what arrives at the plugin


async def test_the_specifications_defaults_arrive_at_the_plugin(client: httpx.AsyncClient) -> None:
    await ask(client, "a")
    request = Scripted.seen[-1]
    assert (request.model, request.prompt) == ("a-upstream", "Hello")
    assert (request.temperature, request.max_tokens) == (0.7, 512)
    assert 4.0 < request.timeout <= 5.0


@pytest.mark.parametrize(
    ("field", "sent", "arrives"),
    [
        ("temperature", "0", 0.0),
        ("temperature", "0.0", 0.0),
        ("temperature", "-0.0", 0.0),
        ("temperature", "1", 1.0),
        ("temperature", "1.0", 1.0),
        ("temperature", "1e-9", 1e-9),
        ("temperature", "0.9999999999999999", 0.9999999999999999),
        ("max_tokens", "1", 1),
        ("max_tokens", "8192", 8192),
        ("max_tokens", "512.0", 512),
        ("max_tokens", "1e3", 1000),
        ("prompt", '"."', "."),
        ("prompt", '" x "', " x "),
        ("prompt", r'"\u0000\u001b\u202e\ud83d\ude00"', "\x00\x1b\u202e\U0001f600"),
        ("prompt", '"' + "x" * 100_000 + '"', "x" * 100_000),
    ],
    ids=lambda value: str(value)[:24] if isinstance(value, str) else "",
)
async def test_a_value_at_the_edge_of_what_is_allowed_arrives_as_it_is(
    client: httpx.AsyncClient, field: str, sent: str, arrives: Any
) -> None:
    fields = {"prompt": '"Hello"', "models": '["a"]', field: sent}
    body = "{" + ", ".join(f'"{name}": {text}' for name, text in fields.items()) + "}"
    response = await client.post(
        "/chat", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 200
    arrived = getattr(Scripted.seen[-1], field)
    assert arrived == arrives
    assert type(arrived) is type(arrives)


@pytest.mark.parametrize("timeout", [0.5, 30, 60.0])
async def test_a_request_may_name_its_own_timeout(
    client: httpx.AsyncClient, timeout: float
) -> None:
    assert (await ask(client, "a", timeout=timeout)).status_code == 200
    assert timeout - 0.4 < Scripted.seen[-1].timeout <= timeout


async def test_as_many_models_as_are_allowed_are_asked(client: httpx.AsyncClient) -> None:
    models = [f"scripted:x{number}" for number in range(20)]
    response = await ask(client, *models)
    assert response.status_code == 200
    assert [row["model"] for row in response.json()["responses"]] == models


async def test_both_content_types_of_json_are_taken(client: httpx.AsyncClient) -> None:
    for content_type in ("application/json; charset=utf-8", "application/vnd.acme+json"):
        response = await client.post(
            "/chat",
            content=json.dumps({"prompt": "Hello", "models": ["a"]}),
            headers={"Content-Type": content_type},
        )
        assert response.status_code == 200


# --- POST /chat: the reply


@pytest.mark.parametrize(
    ("models", "status", "codes"),
    [
        (["a"], 200, [None]),
        (["a", "b"], 200, [None, None]),
        (["b", "a", "b"], 200, [None, None]),
        (["refused", "a"], 200, ["authentication_failed", None]),
        (["locked", "a"], 200, ["not_configured", None]),
        (["no-such", "a"], 200, ["unknown_model", None]),
        (["scripted:any", "scripted:x/y:z"], 200, [None, None]),
        (["refused"], 500, ["authentication_failed"]),
        (["refused", "soon"], 500, ["authentication_failed", "rate_limited"]),
        (["refused", "locked"], 500, ["authentication_failed", "not_configured"]),
        (["no-such", "refused"], 500, ["unknown_model", "authentication_failed"]),
        (["gone"], 500, ["model_unavailable"]),
        (["locked"], 503, ["not_configured"]),
        (["keyless:any"], 503, ["not_configured"]),
        (["unlisted:any"], 503, ["plugin_fault"]),
        (["gemini:any"], 503, ["not_configured"]),
        (["locked", "no-such"], 503, ["not_configured", "unknown_model"]),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) and all(value) else "",
)
async def test_the_status_says_whether_any_answered_and_the_body_is_the_same(
    client: httpx.AsyncClient, models: list[str], status: int, codes: list[str | None]
) -> None:
    response = await ask(client, *models)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    has_shape(body, CHAT)
    assert [row["model"] for row in body["responses"]] == list(dict.fromkeys(models))
    assert [row["error_code"] for row in body["responses"]] == codes
    assert body["succeeded"] == codes.count(None)
    assert body["failed"] == len(codes) - codes.count(None)
    assert body["total_latency_ms"] >= max(row["latency_ms"] for row in body["responses"])
    for row in body["responses"]:
        has_shape(row, ROW)
        has_shape(row["usage"], USAGE)
        if row["error_code"] is None:
            assert row["error"] is None
            assert row["response"] == "Hello"
        else:
            assert re.search(r"\w.*\.$", row["error"])
            assert (row["response"], row["tokens"], row["finish_reason"]) == ("", None, None)
            assert set(row["usage"].values()) == {None}


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a", {"response": "Hello", "tokens": 3, "finish_reason": "stop", "error": None}),
        ("silent", {"response": "hm", "tokens": None, "finish_reason": "stop"}),
        ("cut", {"response": "and then", "tokens": 3, "finish_reason": "length"}),
        ("cut", {"usage": {"input_tokens": 2, "output_tokens": 3, "reasoning_tokens": 4}}),
        ("a", {"usage": {"input_tokens": 2, "output_tokens": 3, "reasoning_tokens": None}}),
        ("a", {"upstream_model": "a-upstream", "substituted": False, "retry_after_s": None}),
        ("retired", {"upstream_model": "new-1", "substituted": True, "response": "Hello"}),
        ("scripted:free", {"upstream_model": "free", "substituted": False}),
        ("refused", {"error": "Acme refused the API key. Check ACME_API_KEY."}),
        ("refused", {"upstream_model": "refused-upstream", "retry_after_s": None}),
        ("soon", {"error": "Rate limit exceeded at Acme; try again in 17 s."}),
        ("soon", {"retry_after_s": 16.2, "error_code": "rate_limited"}),
        ("never", {"error": "Rate limit exceeded at Acme; try again a little later."}),
        ("locked", {"error": "LOCK_API_KEY is not set; get one at https://lock.example/keys."}),
        ("locked", {"upstream_model": None, "latency_ms": 0, "substituted": False}),
    ],
)
async def test_a_row_says_what_became_of_the_model(
    fresh: httpx.AsyncClient, name: str, expected: dict[str, Any], alone: bool
) -> None:
    if alone:
        row = (await fresh.post(f"/chat/{name}", json={"prompt": "Hello"})).json()
    else:
        [row] = (await ask(fresh, name)).json()["responses"]
    assert {field: row[field] for field in expected} == expected


@pytest.mark.parametrize(
    ("models", "status", "header"),
    [
        (["soon"], 500, "17"),
        (["later"], 500, "99"),
        (["soon", "later"], 500, "17"),
        (["later", "refused", "soon"], 500, "17"),
        (["at-once"], 500, "1"),
        (["never"], 500, None),
        (["refused"], 500, None),
        (["locked"], 503, None),
        (["soon", "a"], 200, None),
    ],
)
async def test_retry_after_is_the_shortest_wait_that_is_known_when_nothing_answered(
    fresh: httpx.AsyncClient, models: list[str], status: int, header: str | None
) -> None:
    response = await ask(fresh, *models)
    assert (response.status_code, response.headers.get("retry-after")) == (status, header)
    if len(models) == 1:
        single = await fresh.post(f"/chat/{models[0]}", json={"prompt": "Hello"})
        assert (single.status_code, single.headers.get("retry-after")) == (status, header)


async def test_when_every_id_is_unknown_that_is_a_problem_and_nobody_is_asked(
    client: httpx.AsyncClient,
) -> None:
    before = len(Scripted.seen)
    response = await ask(client, "no-such", "nobody:x", "scripted:", "no-such")
    assert response.status_code == 422
    body = response.json()
    has_shape(body, PROBLEM)
    assert body["type"] == "urn:coro:problem:unknown-model"
    message = "No installed plugin offers this model; GET /models lists those there are."
    assert body["errors"] == [
        {"field": f"models.{place}", "message": message} for place in range(3)
    ]
    assert "no-such" not in response.text
    assert len(Scripted.seen) == before


async def test_of_many_unknown_ids_the_first_ten_are_told(client: httpx.AsyncClient) -> None:
    response = await ask(client, *(f"no-such-{number}" for number in range(20)))
    assert response.status_code == 422
    fields = [error["field"] for error in response.json()["errors"]]
    assert fields == [f"models.{place}" for place in range(10)]


# --- POST /chat/{model_id}


@pytest.mark.parametrize(
    ("model_id", "status"),
    [("a", 200), ("scripted:x/y:z", 200), ("refused", 500), ("locked", 503), ("keyless:x", 503)],
)
async def test_a_single_model_is_answered_with_its_row(
    client: httpx.AsyncClient, model_id: str, status: int
) -> None:
    response = await client.post(f"/chat/{model_id}", json={"prompt": "Hello"})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    has_shape(response.json(), ROW)
    assert response.json()["model"] == model_id


@pytest.mark.parametrize("model_id", ["no-such", "", "A", "nobody:x", "a/b", "a%00", "%f0%9f"])
async def test_a_single_model_that_does_not_exist_is_a_problem(
    client: httpx.AsyncClient, model_id: str
) -> None:
    response = await client.post(f"/chat/{model_id}", json={"prompt": "Hello"})
    assert response.status_code == 404
    has_shape(response.json(), PROBLEM)
    assert response.json()["type"] == "urn:coro:problem:unknown-model"
    assert "no-such" not in response.text


async def test_a_single_model_takes_the_same_fields_but_for_models(
    client: httpx.AsyncClient,
) -> None:
    body = {"prompt": "Hello", "temperature": 0.25, "max_tokens": 7, "timeout": 3.0}
    assert (await client.post("/chat/a", json=body)).status_code == 200
    request = Scripted.seen[-1]
    assert (request.temperature, request.max_tokens) == (0.25, 7)
    refused = await client.post("/chat/a", json={**body, "models": ["a"]})
    assert refused.status_code == 422
    assert refused.json()["errors"] == [{"field": "models", "message": "there is no such field"}]


async def test_the_name_of_a_single_model_has_a_longest_length_as_in_a_list(
    client: httpx.AsyncClient,
) -> None:
    longest = "scripted:" + "x" * 191
    assert (await client.post(f"/chat/{longest}", json={"prompt": "Hello"})).status_code == 200
    assert (await ask(client, longest)).status_code == 200
    refused = await client.post(f"/chat/{longest}x", json={"prompt": "Hello"})
    assert (refused.status_code, (await ask(client, f"{longest}x")).status_code) == (422, 422)
    assert refused.json()["errors"][0]["field"] == "model_id"


# --- what a plugin says reaches the wire only as what the wire can carry


class Careless(Echo):
    models = tuple(model(name) for name in ("text", "nan", "huge", "half", "long", "nameless"))

    async def generate(self, request: GenerateRequest) -> Any:
        error: errors.ProviderError = errors.Overloaded(retryable=False)
        match request.model.removesuffix("-upstream"):
            case "text":
                error.retry_after = "17"  # type: ignore[assignment]
            case "nan":
                error.retry_after = float("nan")
            case "huge":
                error = RateLimited(retry_after=10**400)
            case "half":
                error = errors.BadRequest("half \ud83d")
            case "long":
                error = errors.BadRequest("x" * 10_000)
            case "nameless":
                return Generation(text="hm", model="")
        raise error


async def test_a_careless_error_costs_its_own_row(install: Installer) -> None:
    install.add("careless", Careless)
    install.add("echo", Echo)
    async with running(NO_REAL_PLUGINS) as client:
        response = await ask(client, "echo", *(offered.id for offered in Careless.models))
        assert response.status_code == 200
        rows = {row["model"]: row for row in response.json()["responses"]}
        assert rows["echo"]["response"] == "Hello"
        assert rows["text"]["error_code"] == "plugin_fault"
        assert (rows["nan"]["error_code"], rows["nan"]["retry_after_s"]) == ("overloaded", None)
        assert rows["huge"]["retry_after_s"] == 86_400
        assert rows["half"]["error"] == "Acme refused the request for half-upstream. half \ufffd"
        assert len(rows["long"]["error"]) == 500
        assert rows["nameless"]["upstream_model"] == "nameless-upstream"
        assert rows["nameless"]["substituted"] is False
        failed = await ask(client, "nan", "text")
    assert (failed.status_code, failed.headers.get("retry-after")) == (500, None)


# --- X-Request-ID


@pytest.mark.parametrize(
    "given", ["a", "0", "A.b_c-9", "x" * 64, "3e4666bf-d5e5-4aa7-b8ce-cefe41c7568a", "..", "-"]
)
async def test_a_harmless_request_id_is_kept(client: httpx.AsyncClient, given: str) -> None:
    response = await client.post(
        "/chat", json={"prompt": "Hello", "models": ["a"]}, headers={"X-Request-ID": given}
    )
    assert response.headers.get_list("x-request-id") == [given]
    assert response.json()["request_id"] == given
    problem = await client.get("/no-such", headers={"X-Request-ID": given})
    assert problem.headers["x-request-id"] == problem.json()["request_id"] == given


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"x" * 65,
        b"x" * 10_000,
        b"a b",
        b"a\tb",
        b"a/b",
        b"a:b",
        b"a,b",
        b"<script>",
        b"caf\xc3\xa9",
        b"\xe2\x80\xa8",
        b"\xff",
        b'{"a":1}',
    ],
    ids=lambda given: ascii(given)[:24],
)
async def test_any_other_request_id_is_replaced(client: httpx.AsyncClient, given: bytes) -> None:
    response = await client.get("/no-such", headers=[(b"X-Request-ID", given)])
    assert response.status_code == 404
    assert OUR_ID.fullmatch(response.headers["x-request-id"])
    assert response.json()["request_id"] == response.headers["x-request-id"]


async def test_every_request_gets_an_id_of_its_own(client: httpx.AsyncClient) -> None:
    ids = {(await client.get("/health")).headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20


# --- headers that every reply has


REPLIES = [
    ("GET", "/health", None, 200),
    ("HEAD", "/health", None, 200),
    ("GET", "/models", None, 200),
    ("GET", "/plugins", None, 200),
    ("GET", "/openapi.json", None, 200),
    ("GET", "/docs", None, 200),
    ("GET", "/docs/assets/swagger-ui.css", None, 200),
    ("GET", "/", None, 200),
    ("GET", "/ui/main.js", None, 200),
    ("GET", "/no-such", None, 404),
    ("GET", "/docs/assets/no-such.js", None, 404),
    ("GET", "/docs/assets/..%2f..%2fapp.py", None, 404),
    ("GET", "/docs/assets/%00", None, 404),
    ("GET", f"/docs/assets/{'x' * 3000}", None, 404),
    ("GET", "/chat", None, 405),
    ("PUT", "/chat", None, 405),
    ("DELETE", "/models", None, 405),
    ("POST", "/health", None, 405),
    ("POST", "/chat", {"prompt": "Hello", "models": ["a"]}, 200),
    ("POST", "/chat", {"prompt": "Hello", "models": ["refused"]}, 500),
    ("POST", "/chat", {"prompt": "Hello", "models": ["locked"]}, 503),
    ("POST", "/chat", {"prompt": "Hello", "models": ["no-such"]}, 422),
    ("POST", "/chat", {}, 422),
    ("POST", "/chat", {"prompt": "x" * 2_000_000}, 413),
    ("POST", "/chat/a", {"prompt": "Hello"}, 200),
    ("POST", "/chat/refused", {"prompt": "Hello"}, 500),
    ("POST", "/chat/locked", {"prompt": "Hello"}, 503),
    ("POST", "/chat/no-such", {"prompt": "Hello"}, 404),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    REPLIES,
    ids=[f"{method} {path[:24]} {status}" for method, path, _, status in REPLIES],
)
async def test_every_reply_may_be_read_by_any_page_without_credentials_and_is_careful(
    client: httpx.AsyncClient, method: str, path: str, body: Any, status: int
) -> None:
    for more in ({}, {"Cookie": "session=1"}, {"Authorization": "Bearer x"}):
        headers = {"Origin": "https://app.example", **more}
        response = await client.request(method, path, json=body, headers=headers)
        assert response.status_code == status
        assert response.headers.get_list("access-control-allow-origin") == ["*"]
        assert "access-control-allow-credentials" not in response.headers
        exposed = response.headers["access-control-expose-headers"].lower().split(", ")
        assert sorted(exposed) == ["retry-after", "x-request-id"]
        assert OUR_ID.fullmatch(response.headers["x-request-id"])
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        kept = status == 200 and path.startswith(("/ui/", "/docs/assets/"))
        assert response.headers["cache-control"] == ("no-cache" if kept else "no-store")
        if status in (404, 405, 413, 422):
            assert response.headers["content-type"] == "application/problem+json"
            has_shape(response.json(), PROBLEM)
            assert response.json()["status"] == status
        if status == 405:
            assert method not in response.headers["allow"]


@pytest.mark.parametrize("path", ["/chat", "/chat/a", "/models", "/health", "/no-such"])
@pytest.mark.parametrize("more", [{}, {"Cookie": "session=1"}], ids=["plain", "cookie"])
async def test_a_preflight_is_answered_for_every_origin_without_credentials(
    client: httpx.AsyncClient, path: str, more: dict[str, str]
) -> None:
    response = await client.options(
        path,
        headers={
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type, x-request-id",
            **more,
        },
    )
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["access-control-allow-methods"] == "GET, POST"
    assert response.headers["access-control-allow-headers"] == "content-type, x-request-id"
    assert "access-control-allow-credentials" not in response.headers


async def test_the_origins_can_be_named(install: Installer) -> None:
    install.add("echo", Echo)
    origins = "https://app.example, http://localhost:3000"
    async with running({**NO_REAL_PLUGINS, "CORO_CORS_ORIGINS": origins}) as client:
        for origin, allowed in [
            ("https://app.example", "https://app.example"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("https://app.example.evil.example", None),
            ("http://app.example", None),
            ("null", None),
        ]:
            for path in ("/health", "/no-such"):
                response = await client.get(path, headers={"Origin": origin, "Cookie": "a=1"})
                assert response.headers.get("access-control-allow-origin") == allowed
                assert "access-control-allow-credentials" not in response.headers
                assert "origin" in response.headers["vary"].lower()


# --- the documentation


async def test_the_documentation_works_offline(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"(https?:)?//[a-z0-9]", page.text)
    references = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    references += re.findall(r"\burl: '([^']+)'", page.text)
    assert sorted(references) == [
        "/docs/assets/favicon-32x32.png",
        "/docs/assets/swagger-ui-bundle.js",
        "/docs/assets/swagger-ui.css",
        "/openapi.json",
    ]
    kinds = {"png": "image/png", "js": "text/javascript", "css": "text/css", "json": "application/"}
    for reference in references:
        served = await client.get(reference)
        assert served.status_code == 200
        assert served.headers["content-type"].startswith(kinds[reference.rpartition(".")[2]])
        assert len(served.content) > 500


@pytest.mark.parametrize("path", ["/redoc", "/docs/oauth2-redirect", "/metrics", "/admin"])
async def test_nothing_else_is_served(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


# --- bugs of our own


@pytest.mark.parametrize(
    ("method", "path", "function"),
    [
        ("GET", "/models", "model_list"),
        ("GET", "/plugins", "plugin_list"),
        ("POST", "/chat", "chat_response"),
        ("POST", "/chat/a", "model_response"),
    ],
)
async def test_a_bug_is_a_problem_that_a_page_can_read_and_that_shows_nothing(
    client: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    path: str,
    function: str,
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("canary")

    body = {"prompt": "canary"} | ({"models": ["a"]} if path == "/chat" else {})
    json_body = body if method == "POST" else None
    with monkeypatch.context() as patch:
        patch.setattr(f"coro_core.web.routes.{function}", broken)
        response = await client.request(
            method, path, json=json_body, headers={"Origin": "https://app.example"}
        )
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
    assert (await client.request(method, path, json=json_body)).status_code == 200


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
