"""Models retire, ids do not: three real plugins with simulators that withdraw their names."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import httpx
import pytest

from coro_core.testing import Behaviour
from support.server import ask, running

DEFAULT_MODELS = {
    "gemini": ("gemini", "gemini-1.5-flash", "gemini-3.5-flash-lite"),
    "llama-70b": ("groq", "llama-3.1-70b-versatile", "openai/gpt-oss-120b"),
    "llama-8b": ("groq", "llama-3.1-8b-instant", "openai/gpt-oss-20b"),
    "mixtral": ("groq", "mixtral-8x7b-32768", "qwen/qwen3.8-27b"),
    "deepseek": ("deepseek", "deepseek-chat", "deepseek-flash"),
}
"""Each id with its plugin, its first choice, and the fallback that answers today."""
CLASSES = {"gemini": "GeminiPlugin", "groq": "GroqPlugin", "deepseek": "DeepSeekPlugin"}
NO_DISCOVERY = {"CORO_DISCOVERY_INTERVAL": "0"}


@dataclass
class World:
    """A server with three simulated providers."""

    client: httpx.AsyncClient
    behaviours: Mapping[str, Behaviour] = field(default_factory=dict)

    async def row(self, model: str, **fields: Any) -> dict[str, Any]:
        [row] = (await ask(self.client, model, **fields)).json()["responses"]
        return dict(row)

    async def plugin(self, name: str) -> dict[str, Any]:
        plugins = (await self.client.get("/plugins")).json()["plugins"]
        return next(plugin for plugin in plugins if plugin["name"] == name)

    async def until_discovered(self) -> None:
        """Wait until every list was refreshed or failed."""
        async with asyncio.timeout(20):
            for name in CLASSES:
                while (await self.plugin(name))["traffic"]["last_discovery"] is None:
                    pass

    def called(self, plugin: str) -> list[str]:
        return [call.model for call in self.behaviours[plugin].calls]


@asynccontextmanager
async def world(
    environ: Mapping[str, str] | None = None,
    *,
    keys: Mapping[str, str] | None = None,
    **script: Any,
) -> AsyncIterator[World]:
    """Serve the three plugins, with these keys and simulators that follow one script."""
    behaviours = {name: Behaviour(**script) for name in CLASSES}
    settings: dict[str, str] = dict(environ or {})
    async with AsyncExitStack() as stack:
        for name, behaviour in behaviours.items():
            plugin = getattr(import_module(f"coro_{name}"), CLASSES[name])()
            settings |= await stack.enter_async_context(plugin.coro_simulator(behaviour))
        client = await stack.enter_async_context(running({**settings, **(keys or {})}))
        yield World(client, behaviours)


async def test_the_fallback_answers_for_every_retired_name_and_the_row_says_so() -> None:
    async with world(NO_DISCOVERY) as w:
        rows = (await ask(w.client, *DEFAULT_MODELS)).json()["responses"]
    for row, (_, first, fallback) in zip(rows, DEFAULT_MODELS.values(), strict=True):
        assert row["error"] is None
        assert (row["upstream_model"], row["substituted"]) == (fallback, True)
        assert row["note"] == f"{first} is no longer served; {fallback} answered."


async def test_discovery_knows_the_fallback_before_the_first_call() -> None:
    async with world() as w:
        await w.until_discovered()
        models = {m["id"]: m for m in (await w.client.get("/models")).json()["models"]}
        await ask(w.client, *DEFAULT_MODELS)
        for model_id, (plugin, first, fallback) in DEFAULT_MODELS.items():
            listed = models[model_id]
            assert (listed["upstream_model"], listed["substituted"]) == (fallback, True)
            assert listed["note"] == f"{first} is no longer served; {fallback} answers."
            assert first not in w.called(plugin)
            assert fallback in w.called(plugin)


@pytest.mark.parametrize("model", DEFAULT_MODELS)
async def test_a_name_that_is_served_is_not_replaced(model: str) -> None:
    plugin, first, _ = DEFAULT_MODELS[model]
    async with world(NO_DISCOVERY, served={first}) as w:
        row = await w.row(model)
        assert (row["upstream_model"], row["substituted"], row["note"]) == (first, False, None)
        assert w.called(plugin) == [first]


@pytest.mark.parametrize("model", DEFAULT_MODELS)
async def test_a_name_withdrawn_while_the_server_runs_costs_one_call(model: str) -> None:
    plugin, first, fallback = DEFAULT_MODELS[model]
    async with world(NO_DISCOVERY, served={first}) as w:
        assert (await w.row(model))["upstream_model"] == first
        w.behaviours[plugin].served = {fallback}
        for _ in range(3):
            row = await w.row(model)
            assert (row["error"], row["upstream_model"]) == (None, fallback)
        assert w.called(plugin).count(first) == 2


@pytest.mark.parametrize("model", DEFAULT_MODELS)
async def test_a_burst_that_meets_a_dead_name_calls_it_once(model: str) -> None:
    plugin, first, fallback = DEFAULT_MODELS[model]
    async with world(NO_DISCOVERY, served={fallback}) as w:
        answers = await asyncio.gather(*(w.row(model, timeout=60) for _ in range(100)))
        assert {(row["error"], row["upstream_model"]) for row in answers} == {(None, fallback)}
        assert w.called(plugin).count(first) == 1
        assert w.called(plugin).count(fallback) == 100


@pytest.mark.parametrize(
    "script",
    [
        {"list_error": "upstream_error"},
        {"list_error": "rate_limited"},
        {"list_error": "invalid_response"},
        {"listed": ()},
        {"listed": [f"name-{n}" for n in range(10_000)]},
        {"list_latency": 3600.0},
    ],
    ids=["down", "limited", "malformed", "empty", "long", "slow"],
)
async def test_a_useless_list_changes_nothing_for_calls(script: dict[str, Any]) -> None:
    firsts = {first for _, first, _ in DEFAULT_MODELS.values()}
    async with world(served=firsts, **script) as w:
        if "list_latency" not in script:
            await w.until_discovered()
        rows = (await ask(w.client, *DEFAULT_MODELS)).json()["responses"]
        listed = (await w.client.get("/models")).json()["models"]
    assert {row["upstream_model"] for row in rows if row["error"] is None} == firsts
    assert not any(row["substituted"] for row in rows)
    assert all(model["available"] for model in listed)


async def test_a_calls_verdict_beats_the_list() -> None:
    """The list holds the first name and the provider refuses it; the fallback is not listed."""
    _, first, fallback = DEFAULT_MODELS["llama-8b"]
    async with world(listed={first}, served={fallback}) as w:
        await w.until_discovered()
        assert (await w.row("llama-8b"))["upstream_model"] == fallback
        assert (await w.row("llama-8b"))["upstream_model"] == fallback
        assert w.called("groq").count(first) == 1


@pytest.mark.parametrize("model", DEFAULT_MODELS)
async def test_a_reply_from_another_model_is_marked(model: str) -> None:
    """Once the name has answered as itself: before, it may be an alias."""
    _, first, _ = DEFAULT_MODELS[model]
    async with world(NO_DISCOVERY, served={first}) as w:
        itself = await w.row(model)
        for behaviour in w.behaviours.values():
            behaviour.reroutes = {first: "something-newer"}
        row = await w.row(model)
        refused = await w.row(model, on_retired="error")
    assert (itself["upstream_model"], itself["substituted"]) == (first, False)
    assert (row["upstream_model"], row["substituted"]) == ("something-newer", True)
    assert row["note"] == f"{first} answered as something-newer."
    assert refused["error_code"] == "model_unavailable"
    assert "something-newer answered instead" in refused["error"]
    assert refused["response"] == ""


@pytest.mark.parametrize("model", DEFAULT_MODELS)
async def test_a_request_can_refuse_substitution_and_the_row_names_the_fallback(
    model: str,
) -> None:
    plugin, first, fallback = DEFAULT_MODELS[model]
    async with world() as w:
        await w.until_discovered()
        row = await w.row(model, on_retired="error")
        assert row["error_code"] == "model_unavailable"
        assert first in row["error"]
        assert f"{fallback} would answer: allow that with on_retired=substitute" in row["error"]
        assert w.called(plugin) == [first]


async def test_the_server_can_refuse_substitution_and_a_request_allow_it() -> None:
    async with world({**NO_DISCOVERY, "CORO_ON_RETIRED": "error"}) as w:
        assert (await w.row("mixtral"))["error_code"] == "model_unavailable"
        assert (await w.row("mixtral", on_retired="substitute"))["error"] is None


async def test_candidates_are_replaced_by_one_variable() -> None:
    environ = {**NO_DISCOVERY, "CORO_UPSTREAM_LLAMA_70B": "no-such-model, groq/compound"}
    async with world(environ) as w:
        row = await w.row("llama-70b")
        assert row["upstream_model"] == "groq/compound"
        assert row["note"] == "no-such-model is no longer served; groq/compound answered."
        assert w.called("groq") == ["no-such-model", "groq/compound"]


async def test_any_model_of_a_provider_is_reached_listed_or_not() -> None:
    async with world(served={"vendor/hidden:1"}, listed={"other"}) as w:
        row = await w.row("groq:vendor/hidden:1")
        single = await w.client.post("/chat/groq:vendor/hidden:1", json={"prompt": "Hello"})
        gone = await w.row("groq:vendor/gone")
    assert (row["upstream_model"], row["substituted"]) == ("vendor/hidden:1", False)
    assert single.json()["error"] is None
    assert gone["error_code"] == "model_unavailable"


async def test_all_live_models_are_listed_on_demand() -> None:
    async with world() as w:
        await w.until_discovered()
        few = (await w.client.get("/models")).json()["models"]
        every = {m["id"]: m for m in (await w.client.get("/models?all=true")).json()["models"]}
        assert len(few) == len(DEFAULT_MODELS)
        assert every["groq:groq/compound"]["provider"] == "Groq"
        assert "gemini:gemini-3.8-flash" in every
        assert "gemini:gemini-embedding-001" not in every
        assert "deepseek:deepseek-flash" in every
        row = await w.row("groq:groq/compound")
    assert row["upstream_model"] == "groq/compound"


@pytest.mark.parametrize("plugin", CLASSES)
async def test_a_refused_key_is_shown_everywhere_and_one_that_works_again_is_noticed(
    plugin: str,
) -> None:
    ids = [model_id for model_id, (owner, _, _) in DEFAULT_MODELS.items() if owner == plugin]
    async with world(error="authentication_failed") as w:
        await w.until_discovered()
        shown = await w.plugin(plugin)
        models = {m["id"]: m for m in (await w.client.get("/models")).json()["models"]}
        assert shown["state"] == "unconfigured"
        assert "refused the API key" in shown["reason"]
        assert f"{plugin.upper()}_API_KEY" in shown["reason"]
        assert "https://" in shown["reason"]
        for model_id in ids:
            assert (models[model_id]["available"], models[model_id]["reason"]) == (
                False,
                shown["reason"],
            )
        row = await w.row(ids[0])
        assert row["error_code"] == "authentication_failed"

        w.behaviours[plugin].error = None
        assert (await w.row(ids[0]))["error"] is None
        assert (await w.plugin(plugin))["state"] == "ready"
        assert (await w.plugin(plugin))["reason"] is None


async def test_a_refused_key_leaks_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    keys = {f"{name.upper()}_API_KEY": f"canary-of-{name}-7f3a9c2e" for name in CLASSES}
    async with world(keys=keys, key="another-key-that-is-the-right-one") as w:
        await w.until_discovered()
        bodies = [
            (await w.client.get(path)).text for path in ("/models?all=true", "/plugins", "/health")
        ]
        answers = await ask(w.client, *DEFAULT_MODELS)
        bodies.append(answers.text)
    assert answers.status_code == 500
    assert {row["error_code"] for row in answers.json()["responses"]} == {"authentication_failed"}
    printed = "".join(capfd.readouterr())
    assert "key refused" in printed
    for text in (*bodies, printed):
        assert "canary" not in text
        # DeepSeek's own message shows the end of the key.
        assert "9c2e" not in text


async def test_plugins_show_the_traffic_of_their_providers() -> None:
    async with world(NO_DISCOVERY) as w:
        assert (await w.plugin("groq"))["traffic"]["last_success"] is None
        await w.row("mixtral")
        w.behaviours["groq"].error = "bad_request"
        await w.row("mixtral")
        traffic = (await w.plugin("groq"))["traffic"]
        idle = (await w.plugin("deepseek"))["traffic"]
    assert traffic["last_success"].endswith("Z")
    assert traffic["last_error"].endswith("Z")
    assert traffic["last_error_code"] == "bad_request"
    counts = {"listed", "abandoned", "abandoned_running"}
    assert idle == {name: 0 if name in counts else None for name in idle}


async def test_no_provider_is_asked_for_health() -> None:
    async with world(NO_DISCOVERY) as w:
        for _ in range(5):
            assert (await w.client.get("/health")).json()["status"] == "ok"
        assert not any(b.calls or b.lists for b in w.behaviours.values())
