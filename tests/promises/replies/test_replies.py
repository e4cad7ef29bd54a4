"""Replies that services were seen to give, each with the row that is right: over real sockets.

`replies.json` holds the replies, in our own words and with invented names.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from coro_core.testing import HttpReply, HttpRequest, json_reply, serve_http
from support.plugins import NO_REAL_PLUGINS
from support.server import running

CASES: Mapping[str, Any] = json.loads(
    Path(__file__).with_name("replies.json").read_text(encoding="utf-8")
)
OTHERS = {"deepseek", "gemini", "groq", "openai"}


def completion(model: str = "m", content: str = "4", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}}
    return {"model": model, "choices": [{**choice, "finish_reason": "stop"}], **more}


class Provider:
    """A server that answers as a case says, and what it was asked."""

    def __init__(self, reply: HttpReply, *, others: HttpReply | None = None) -> None:
        self._reply = reply
        self._others = others
        self.bodies: list[dict[str, Any]] = []

    async def __call__(self, request: HttpRequest) -> HttpReply:
        if request.method == "GET":
            return json_reply({"data": [{"id": "a"}, {"id": "b"}]})
        body = json.loads(request.body)
        self.bodies.append(body)
        if self._others is not None and body["model"] == "b":
            return self._others
        return self._reply


def settings(plugin: str, address: str, candidates: str) -> dict[str, str]:
    """Return the settings by which a plugin asks `address` for the model `m`."""
    off = {"CORO_DISABLED_PLUGINS": ",".join(sorted(OTHERS - {plugin}))}
    environ = {**NO_REAL_PLUGINS, **off, "CORO_DISCOVERY_INTERVAL": "0"}
    match plugin:
        case "openai":
            names = ",".join(f"lab/{name}" for name in candidates.split(","))
            return {
                **environ,
                "CORO_OPENAI_LAB_BASE_URL": f"{address}/v1",
                "CORO_OPENAI_LAB_API_KEY": "a-key",
                "CORO_OPENAI_LAB_MODELS": "m=a",
                "CORO_UPSTREAM_M": names,
            }
        case "groq":
            id = {"CORO_UPSTREAM_LLAMA_8B": candidates}
        case _:
            id = {"CORO_UPSTREAM_DEEPSEEK": candidates}
    variable = plugin.upper()
    return {
        **environ,
        **id,
        f"{variable}_BASE_URL": address,
        f"{variable}_API_KEY": "a-key",
    }


IDS = {"openai": "m", "groq": "llama-8b", "deepseek": "deepseek"}


@asynccontextmanager
async def asked(
    plugin: str, provider: Provider, candidates: str = "a", **environ: str
) -> AsyncIterator[dict[str, Any]]:
    """Yield the row of one model whose provider answers as the case says."""
    async with (
        serve_http(provider) as address,
        running({**settings(plugin, address, candidates), **environ}) as client,
    ):
        yield await row_of(client, plugin)


async def row_of(client: httpx.AsyncClient, plugin: str) -> dict[str, Any]:
    body = {"prompt": "What is 2+2?", "models": [IDS[plugin]]}
    reply = await client.post("/chat", json=body)
    row: dict[str, Any] = reply.json()["responses"][0]
    return row


def cases(*kinds: str, plugins: tuple[str, ...] = ("openai",)) -> list[Any]:
    return [
        pytest.param(case, plugin, id=f"{case.get('name') or case['asked']}: {plugin}")
        for kind in kinds
        for case in CASES[kind]
        for plugin in case.get("plugins", plugins)
    ]


def reply_of(case: Mapping[str, Any]) -> HttpReply:
    headers = {name.lower(): value for name, value in case.get("headers", {}).items()}
    return json_reply(case["body"], status=case["status"], headers=headers)


def check(row: Mapping[str, Any], provider: Provider, want: Mapping[str, Any]) -> None:
    """Compare a row with what the case wants of it."""
    for field in ("error_code", "response", "retry_after_s", "tokens", "substituted"):
        if field in want:
            assert row[field] == want[field], row
    for field in ("input_tokens", "reasoning_tokens"):
        if field in want:
            assert row["usage"][field] == want[field], row
    if "says" in want:
        assert want["says"] in row["error"]
    if "calls" in want:
        assert len(provider.bodies) == want["calls"]
    if "request_has" in want:
        assert want["request_has"].items() <= provider.bodies[0].items()


@pytest.mark.parametrize(("case", "plugin"), cases("usage", plugins=("openai", "groq", "deepseek")))
async def test_usage_is_read_whatever_its_names(case: Mapping[str, Any], plugin: str) -> None:
    provider = Provider(json_reply(completion(usage=case["usage"])))
    async with asked(plugin, provider) as row:
        check(row, provider, case["want"])


@pytest.mark.parametrize(
    ("case", "plugin"),
    cases("max_tokens_is_not_the_field", "no_money_is_no_bad_key", "bad_key_is_a_bad_key"),
)
async def test_an_error_reply_is_the_error_that_it_means(
    case: Mapping[str, Any], plugin: str
) -> None:
    provider = Provider(reply_of(case))
    async with asked(plugin, provider) as row:
        check(row, provider, case["want"])


@pytest.mark.parametrize(("case", "plugin"), cases("no_such_model"))
async def test_a_model_that_does_not_exist_gives_way_to_the_next(
    case: Mapping[str, Any], plugin: str
) -> None:
    provider = Provider(reply_of(case), others=json_reply(completion("b")))
    async with asked(plugin, provider, "a,b") as row:
        if case["want"].get("next_candidate_asked"):
            assert row["error"] is None
            assert [body["model"] for body in provider.bodies] == ["a", "b"]
        else:
            check(row, provider, case["want"])


@pytest.mark.parametrize(
    ("case", "plugin"), cases("a_name_is_not_retired_because_the_reply_names_another")
)
@pytest.mark.parametrize("on_retired", ["substitute", "error"])
async def test_a_reply_that_names_another_model_is_no_retirement(
    case: Mapping[str, Any], plugin: str, on_retired: str
) -> None:
    provider = Provider(json_reply(completion(case["reply_model"])))
    async with asked(plugin, provider, case["asked"], CORO_ON_RETIRED=on_retired) as row:
        assert row["error"] is None, row
        assert row["substituted"] is False
        assert "no longer served" not in (row["note"] or "")
        if expected := case["want"].get("upstream_model"):
            assert row["upstream_model"].endswith(expected)


@pytest.mark.parametrize(("case", "plugin"), cases("shapes"))
async def test_a_reply_of_an_odd_shape_is_read_or_named(
    case: Mapping[str, Any], plugin: str
) -> None:
    if "content" in case and "content_type" not in case:
        reply = json_reply(completion(content=case["content"]))
    elif "body" in case:
        reply = reply_of(case)
    elif "content_type" in case:
        reply = HttpReply(b"<!doctype html><p>Welcome", 200, {"content-type": case["content_type"]})
    else:
        reply = json_reply(completion())
    provider = Provider(reply)
    async with asked(plugin, provider) as row:
        check(row, provider, case["want"])
