"""The Groq plugin against its own simulator, over real sockets and through the real SDK."""

import asyncio
import subprocess
import sys
import textwrap

import httpx
import pytest
from groq import APIStatusError, AsyncGroq

from coro_core import (
    CONTRACT_VERSION,
    NotConfigured,
    ProviderError,
    ProviderPlugin,
    RateLimited,
)
from coro_core.testing import CANARY_KEY, Behaviour, Fault
from coro_groq import GroqPlugin
from coro_groq.simulator import TODAY

TOLD = {
    "authentication_failed": False,
    "rate_limited": True,
    "quota_exhausted": False,
    "model_unavailable": False,
    "bad_request": False,
    "too_large": False,
    "content_blocked": False,
    "empty_response": False,
    "invalid_response": False,
    "timeout": True,
    "connection_failed": True,
    "overloaded": True,
    "upstream_error": True,
}
"""Each error code that Groq can cause, and whether the core may try again."""

FAULTS = {
    Fault.DISCONNECT: ("connection_failed", True),
    Fault.RESET: ("connection_failed", False),
    Fault.TRUNCATE: ("connection_failed", False),
    Fault.GARBAGE: ("connection_failed", False),
    Fault.HEADER_FLOOD: ("connection_failed", False),
    Fault.BAD_CHUNKS: ("connection_failed", False),
    Fault.NOT_JSON: ("invalid_response", False),
    Fault.WRONG_SHAPE: ("invalid_response", False),
    Fault.EMPTY_BODY: ("invalid_response", False),
    Fault.OVERSIZED: ("invalid_response", False),
    Fault.COMPRESSED_BOMB: ("invalid_response", False),
    Fault.REDIRECT: ("upstream_error", False),
}
ENDLESS = {Fault.HANG, Fault.DRIP, Fault.SLOW_HEADERS}


def test_it_fulfils_the_contract():
    plugin: ProviderPlugin = GroqPlugin()
    assert isinstance(plugin, ProviderPlugin)
    assert plugin.coro_contract == CONTRACT_VERSION


def test_it_offers_the_three_models_of_the_specification():
    offered = {
        model.id: (model.name, model.provider, model.cost, model.candidates)
        for model in GroqPlugin().coro_list_models()
    }
    assert offered == {
        "llama-70b": (
            "Llama 3.1 70B",
            "Groq",
            "free",
            ("llama-3.1-70b-versatile", "llama-3.3-70b-versatile", "openai/gpt-oss-120b"),
        ),
        "llama-8b": (
            "Llama 3.1 8B",
            "Groq",
            "free",
            ("llama-3.1-8b-instant", "openai/gpt-oss-20b"),
        ),
        "mixtral": (
            "Mixtral 8x7B",
            "Groq",
            "free",
            ("mixtral-8x7b-32768", "qwen/qwen3.8-27b", "qwen/qwen3.6-27b"),
        ),
    }


async def test_a_prompt_is_answered(plugin, request_for):
    answer = await plugin.coro_generate(request_for())
    assert "2 + 2 = 4" in answer.text
    assert (answer.model, answer.finish_reason) == ("openai/gpt-oss-120b", "stop")
    assert answer.usage.input_tokens == 3


async def test_the_simulator_speaks_like_groq(behaviour, simulator):
    # Groq's own SDK, used as its documentation says, takes the simulator for Groq.
    async with AsyncGroq(
        api_key=CANARY_KEY, base_url=simulator["GROQ_BASE_URL"], http_client=httpx.AsyncClient()
    ) as sdk:
        reply = await sdk.chat.completions.with_raw_response.create(
            model="openai/gpt-oss-20b", messages=[{"role": "user", "content": "Hello"}]
        )
        assert reply.headers["x-ratelimit-limit-tokens"] == "8000"
        assert (await reply.parse()).x_groq.id == "req_simulated"
        assert {model.id for model in (await sdk.models.list()).data} == set(TODAY)
        behaviour.error = "too_large"
        with pytest.raises(APIStatusError) as caught:
            await sdk.with_options(max_retries=0).chat.completions.create(
                model="openai/gpt-oss-20b", messages=[{"role": "user", "content": "Hello"}]
            )
        assert caught.value.status_code == 413
        assert caught.value.body["error"]["code"] == "rate_limit_exceeded"


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("openai/gpt-oss-120b", {"reasoning_effort": "low", "include_reasoning": False}),
        ("openai/gpt-oss-20b", {"reasoning_effort": "low", "include_reasoning": False}),
        ("qwen/qwen3.6-27b", {"reasoning_effort": "none"}),
        ("qwen/qwen3.8-27b", {"reasoning_effort": "none"}),
        ("llama-3.3-70b-versatile", {}),
        ("openai/gpt-oss-120b-new", {}),
        ("groq/compound", {}),
    ],
)
async def test_each_name_gets_its_own_parameters(behaviour, plugin, request_for, model, fields):
    behaviour.served = [model]
    await plugin.coro_generate(request_for(model))
    assert behaviour.calls[0].path == "/openai/v1/chat/completions"
    assert behaviour.calls[0].body == {
        "model": model,
        "messages": [{"role": "user", "content": "What is 2+2?"}],
        "temperature": 0.5,
        "max_completion_tokens": 64,
        **fields,
    }


async def test_the_key_travels_in_its_header_only(behaviour, plugin, request_for):
    await plugin.coro_generate(request_for())
    call = behaviour.calls[0]
    holders = {name for name, value in call.headers.items() if CANARY_KEY in value}
    assert holders == {"authorization"}
    assert call.headers["authorization"] == f"Bearer {CANARY_KEY}"
    assert CANARY_KEY not in f"{call.path} {call.body}"


async def test_every_name_of_today_answers_and_is_listed(plugin, request_for):
    assert set(await plugin.coro_live_models()) == set(TODAY)
    for name in TODAY:
        assert (await plugin.coro_generate(request_for(name))).model == name


async def test_the_last_candidate_of_every_model_is_served_today():
    for model in GroqPlugin().coro_list_models():
        assert model.candidates[-1] in TODAY


@pytest.mark.parametrize(
    "name",
    [
        "llama-3.1-70b-versatile",
        "mixtral-8x7b-32768",
        "llama-3.3-70b-versatile",
        "llama-3.1-8b-instant",
        "no-such-model",
    ],
)
async def test_a_retired_name_is_unavailable(behaviour, plugin, request_for, name):
    with pytest.raises(ProviderError) as caught:
        await plugin.coro_generate(request_for(name))
    assert caught.value.code == "model_unavailable"
    assert len(behaviour.calls) == 1


@pytest.mark.parametrize(("code", "retryable"), TOLD.items())
async def test_each_error_is_told_by_its_code_after_one_call(
    behaviour, plugin, request_for, code, retryable
):
    behaviour.error = code
    behaviour.retry_after = 2.0
    with pytest.raises(ProviderError) as caught:
        await plugin.coro_generate(request_for())
    error = caught.value
    assert (error.code, error.retryable) == (code, retryable)
    assert error.retry_after == (2.0 if code in {"rate_limited", "quota_exhausted"} else None)
    assert len(behaviour.calls) == 1
    assert CANARY_KEY not in f"{error} {error!r}"
    assert error.__suppress_context__ or error.__context__ is None


@pytest.mark.parametrize("fault", Fault)
async def test_each_fault_of_the_transport_costs_one_call(behaviour, plugin, request_for, fault):
    behaviour.fault = fault
    call = asyncio.wait_for(plugin.coro_generate(request_for()), 0.2 if fault in ENDLESS else 5)
    if fault is Fault.BLANK_LINES:
        assert "2 + 2 = 4" in (await call).text
    elif fault in ENDLESS:
        with pytest.raises(TimeoutError):
            await call
    else:
        with pytest.raises(ProviderError) as caught:
            await call
        assert (caught.value.code, caught.value.retryable) == FAULTS[fault]
    assert len(behaviour.calls) == 1
    behaviour.fault = None
    assert "2 + 2 = 4" in (await plugin.coro_generate(request_for())).text


async def test_calls_run_side_by_side(behaviour, plugin, request_for):
    barrier = asyncio.Barrier(20)
    behaviour.gate = lambda call: barrier.wait()
    async with asyncio.timeout(5):
        await asyncio.gather(*(plugin.coro_generate(request_for()) for _ in range(20)))
    assert len(behaviour.calls) == 20


async def test_a_cancelled_call_is_cancelled_at_groq(behaviour, plugin, request_for):
    asked, given_up = asyncio.Event(), asyncio.Event()

    async def gate(call):
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    behaviour.gate = gate
    call = asyncio.create_task(plugin.coro_generate(request_for()))
    await asked.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.wait_for(given_up.wait(), 0.5)
    assert (behaviour.cancelled, len(behaviour.calls)) == (1, 1)


async def test_two_plugins_in_one_process_share_nothing(request_for):
    plugins = GroqPlugin(), GroqPlugin()
    scripts = Behaviour(key="key-one"), Behaviour(key="key-two")
    async with (
        plugins[0].coro_simulator(scripts[0]) as first,
        plugins[1].coro_simulator(scripts[1]) as second,
        plugins[0].coro_lifespan({**first, "GROQ_API_KEY": "key-one"}),
        plugins[1].coro_lifespan({**second, "GROQ_API_KEY": "key-two"}),
    ):
        await asyncio.gather(*(plugin.coro_generate(request_for()) for plugin in plugins))
    assert [len(script.calls) for script in scripts] == [1, 1]


async def test_a_wrong_key_is_refused_with_a_way_out(behaviour, plugin, request_for):
    behaviour.key = "another"
    for call in (plugin.coro_live_models, lambda: plugin.coro_generate(request_for())):
        with pytest.raises(ProviderError) as caught:
            await call()
        assert caught.value.code == "authentication_failed"
        words = "Check GROQ_API_KEY, or get one at https://console.groq.com/keys."
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({}, "GROQ_API_KEY is not set; get one at https://console.groq.com/keys."),
        (
            {"GROQ_API_KEY": " "},
            "GROQ_API_KEY is set but blank; get one at https://console.groq.com/keys.",
        ),
        (
            {"GROQ_API_KEY": "k", "GROQ_BASE_URL": "http://groq.example"},
            "GROQ_BASE_URL is plain http to another machine, which would show the key to the"
            " network; use an address such as https://api.groq.com.",
        ),
    ],
)
async def test_what_is_not_configured_is_said_in_a_sentence(environ, sentence):
    with pytest.raises(NotConfigured) as caught:
        async with GroqPlugin().coro_lifespan(environ):
            pytest.fail("it opened")
    assert str(caught.value) == sentence


def test_what_is_heavy_is_loaded_when_configured_only_and_off_the_event_loop():
    script = """
    import asyncio, importlib.abc, sys, threading
    from coro_core import NotConfigured

    class Watch(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path, target=None):
            if name in {"aiohttp", "groq", "httpx", "pydantic"}:
                where = "on" if threading.current_thread() is threading.main_thread() else "off"
                print(name, where, "the loop")

    sys.meta_path.insert(0, Watch())
    from coro_groq import GroqPlugin

    async def main():
        plugin = GroqPlugin()
        plugin.coro_list_models()
        try:
            async with plugin.coro_lifespan({}):
                raise SystemExit("it opened")
        except NotConfigured:
            print("not configured")
        async with plugin.coro_lifespan({"GROQ_API_KEY": "k"}):
            print("open")

    asyncio.run(main())
    """
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert child.stderr == ""
    first, *loaded, last = child.stdout.splitlines()
    assert (first, last) == ("not configured", "open")
    assert sorted(loaded) == [
        "aiohttp off the loop",
        "groq off the loop",
        "httpx off the loop",
        "pydantic off the loop",
    ]


def test_the_lifespan_can_be_opened_again_on_another_loop(request_for):
    plugin = GroqPlugin()

    async def once():
        behaviour = Behaviour()
        async with plugin.coro_simulator(behaviour) as environ, plugin.coro_lifespan(environ):
            return await plugin.coro_generate(request_for())

    assert [asyncio.run(once()).finish_reason for _ in range(3)] == ["stop"] * 3


async def test_a_refusal_in_a_charset_that_cannot_decode_is_read_all_the_same(
    answering, request_for
):
    body, kind = b'{"error": {"message": "Limit"}}', "application/json; charset=idna"
    async with answering(body, 429, {"content-type": kind}) as plugin:
        with pytest.raises(RateLimited):
            await plugin.coro_generate(request_for())
