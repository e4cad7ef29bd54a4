"""The plugin against its own simulator, over real sockets."""

import asyncio
import subprocess
import sys
import textwrap

import pytest

from coro_core import CONTRACT_VERSION, ProviderError, ProviderPlugin
from coro_core.testing import CANARY_KEY, Behaviour, Fault
from coro_openai import OpenAIPlugin
from coro_openai.simulator import TODAY

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
"""Each error code that a service can cause, and whether the core may try again."""

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
    plugin: ProviderPlugin = OpenAIPlugin()
    assert isinstance(plugin, ProviderPlugin)
    assert plugin.coro_contract == CONTRACT_VERSION


async def test_a_prompt_is_answered(behaviour, plugin, request_for):
    answer = await plugin.coro_generate(request_for())
    assert "2 + 2 = 4" in answer.text
    assert (answer.model, answer.finish_reason) == ("openai/gpt-4.1-nano", "stop")
    assert answer.usage.input_tokens == 3
    assert behaviour.calls[0].path == "/v1/chat/completions"


async def test_a_name_that_is_not_served_is_unavailable(behaviour, plugin, request_for):
    with pytest.raises(ProviderError) as caught:
        await plugin.coro_generate(request_for("openai/gpt-3"))
    assert caught.value.code == "model_unavailable"
    assert len(behaviour.calls) == 1


async def test_in_the_demo_the_simulator_stands_for_every_service_and_is_all_that_is_asked(
    request_for,
):
    configured = {
        "CORO_OPENAI_MISTRAL_API_KEY": "real",
        "CORO_OPENAI_MISTRAL_MODELS": "mistral-small-latest",
        "CORO_OPENAI_BOX_MODELS": "llama",
    }
    behaviour, plugin = Behaviour(latency=None), OpenAIPlugin()
    async with (
        plugin.coro_simulator(behaviour) as environ,
        plugin.coro_lifespan({**configured, **environ}),
    ):
        for name in ("mistral/mistral-small-latest", "box/llama", "openai/gpt-4.1-nano"):
            assert (await plugin.coro_generate(request_for(name))).model == name
        assert all(service.reason is None for service in plugin.coro_services().values())
    assert {call.headers["authorization"] for call in behaviour.calls} == {f"Bearer {CANARY_KEY}"}


async def test_the_key_travels_in_its_header_only(behaviour, plugin, request_for):
    await plugin.coro_generate(request_for())
    call = behaviour.calls[0]
    holders = {name for name, value in call.headers.items() if CANARY_KEY in value}
    assert holders == {"authorization"}
    assert call.headers["authorization"] == f"Bearer {CANARY_KEY}"
    assert CANARY_KEY not in f"{call.path} {call.body}"


async def test_every_name_of_today_answers_and_is_listed(plugin, request_for):
    names = {f"openai/{name}" for name in TODAY}
    assert set(await plugin.coro_live_models()) == names
    for name in names:
        assert (await plugin.coro_generate(request_for(name))).model == name


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


async def test_a_cancelled_call_is_cancelled_at_the_service(behaviour, plugin, request_for):
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
    plugins = OpenAIPlugin(), OpenAIPlugin()
    scripts = Behaviour(), Behaviour()
    async with (
        plugins[0].coro_simulator(scripts[0]) as first,
        plugins[1].coro_simulator(scripts[1]) as second,
        plugins[0].coro_lifespan({**first, "CORO_OPENAI_ONE_MODELS": "m"}),
        plugins[1].coro_lifespan({**second, "CORO_OPENAI_TWO_MODELS": "m"}),
    ):
        await asyncio.gather(*(plugin.coro_generate(request_for()) for plugin in plugins))
    assert [len(script.calls) for script in scripts] == [1, 1]


async def test_a_wrong_key_is_refused_with_a_way_out(behaviour, plugin, request_for):
    behaviour.key = "another"
    for call in (plugin.coro_live_models, lambda: plugin.coro_generate(request_for())):
        with pytest.raises(ProviderError) as caught:
            await call()
        assert caught.value.code == "authentication_failed"
        words = (
            "Check CORO_OPENAI_OPENAI_API_KEY, or get one at https://platform.openai.com/api-keys."
        )
        assert str(caught.value) == f"OpenAI refused the API key. {words}"


def test_what_is_heavy_is_loaded_when_configured_only_and_off_the_event_loop():
    script = """
    import asyncio, importlib.abc, sys, threading
    from coro_core import NotConfigured

    class Watch(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path, target=None):
            if name in {"aiohttp", "httptools", "httpx", "pydantic"}:
                where = "on" if threading.current_thread() is threading.main_thread() else "off"
                print(name, where, "the loop")

    sys.meta_path.insert(0, Watch())
    from coro_openai import OpenAIPlugin

    async def main():
        plugin = OpenAIPlugin()
        plugin.coro_list_models({})
        try:
            async with plugin.coro_lifespan({}):
                raise SystemExit("it opened")
        except NotConfigured:
            print("not configured")
        async with plugin.coro_lifespan({"CORO_OPENAI_MISTRAL_API_KEY": "k"}):
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
    assert loaded == ["httptools off the loop"]


def test_the_lifespan_can_be_opened_again_on_another_loop(request_for):
    plugin = OpenAIPlugin()

    async def once():
        behaviour = Behaviour()
        async with plugin.coro_simulator(behaviour) as environ, plugin.coro_lifespan(environ):
            return await plugin.coro_generate(request_for())

    assert [asyncio.run(once()).finish_reason for _ in range(3)] == ["stop"] * 3
