"""POST /chat as its callers see it: what arrives at a plugin, and what comes back."""

import json
import re
from typing import Any

import httpx
import pytest

from support.api import CHAT, PROBLEM, ROW, USAGE, Scripted, has_shape
from support.server import ask

pytestmark = pytest.mark.asyncio(loop_scope="module")


# --- what arrives at the plugin


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


# --- the reply


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
async def test_a_row_shows_the_result_of_its_model(
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


async def test_only_the_first_ten_of_many_unknown_ids_are_reported(
    client: httpx.AsyncClient,
) -> None:
    response = await ask(client, *(f"no-such-{number}" for number in range(20)))
    assert response.status_code == 422
    fields = [error["field"] for error in response.json()["errors"]]
    assert fields == [f"models.{place}" for place in range(10)]
