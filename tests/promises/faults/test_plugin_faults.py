"""Faults of a plugin: each costs its own row, and leaks no prompt."""

import asyncio
import contextvars
from typing import Any

import pytest

from coro_core import GenerateRequest, Generation, InvalidResponse, UpstreamError
from coro_core.contract.errors import ProviderError
from coro_core.web.app import create_app
from support.faults.canaries import KEYS, PROMPT, PROVIDER_TEXT, WATCH
from support.faults.harness import HURRIED, OVERRUN_MS, Level
from support.faults.report import FaultCases
from support.plugins import NO_REAL_PLUGINS, Echo, Installer, answer, model
from support.server import serving

PLUGIN = "any plugin"
_word: contextvars.ContextVar[str] = contextvars.ContextVar("word", default="")


class Healthy(Echo):
    models = (model("healthy"),)

    async def generate(self, request: GenerateRequest) -> Any:
        return answer("fine")


class Scripted(Echo):
    """Calls the test's function with the request."""

    models = (model("bad"),)
    script: Any = None

    async def generate(self, request: GenerateRequest) -> Any:
        return await type(self).script(request)


class AppUnderTest:
    """A server with one plugin that misbehaves and one that does not."""

    def __init__(self, app: Any, client: Any) -> None:
        self.app, self.client = app, client

    async def ask(self, timeout: float = HURRIED, prompt: str = PROMPT) -> dict[str, Any]:
        content = {"prompt": prompt, "models": ["bad", "healthy"], "timeout": timeout}
        response = await self.client.post("/chat", json=content)
        WATCH.search("a response", str(response.headers).encode() + response.content)
        assert response.status_code == 200
        bad, healthy = response.json()["responses"]
        assert healthy["response"] == "fine"
        assert response.json()["total_latency_ms"] <= timeout * 1000 + OVERRUN_MS
        return dict(bad)

    async def no_abandoned_calls(self) -> None:
        deadline = asyncio.get_running_loop().time() + 5
        while self.app.state.engine.fanout.abandoned_running:
            assert asyncio.get_running_loop().time() < deadline, "an abandoned call was left"
            await asyncio.sleep(0.01)


async def a_group_of_errors(request: GenerateRequest) -> Any:
    raise ExceptionGroup(request.prompt, [ValueError(request.prompt), InvalidResponse()])


async def errors_of_a_task_group(request: GenerateRequest) -> Any:
    async def fail() -> None:
        raise ValueError(request.prompt)

    async with asyncio.TaskGroup() as group:
        group.create_task(fail())
        group.create_task(fail())


async def a_message_of_10_mb(request: GenerateRequest) -> Any:
    raise ValueError((request.prompt + "x") * (10_000_000 // len(request.prompt)))


async def a_base_class(request: GenerateRequest) -> Any:
    raise ProviderError(request.prompt)


async def a_cause_and_a_note(request: GenerateRequest) -> Any:
    error = RuntimeError(request.prompt)
    error.add_note(KEYS["groq"])
    raise KeyError(KEYS["groq"]) from error


async def a_text_of_50_mb(request: GenerateRequest) -> Any:
    return answer("x" * 50_000_000)


class Text(str):
    __slots__ = ()


async def a_kind_of_str(request: GenerateRequest) -> Any:
    return Generation(text=Text("fine"))


async def a_coroutine(request: GenerateRequest) -> Any:
    return asyncio.sleep


async def cancelling_its_own_task(request: GenerateRequest) -> Any:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)


async def mutating_the_request(request: GenerateRequest) -> Any:
    request.prompt = "something else"  # type: ignore[misc]


FAULTS = {
    a_group_of_errors: "plugin_fault",
    errors_of_a_task_group: "plugin_fault",
    a_message_of_10_mb: "plugin_fault",
    a_base_class: "plugin_fault",
    a_cause_and_a_note: "plugin_fault",
    a_text_of_50_mb: "invalid_response",
    a_kind_of_str: "plugin_fault",
    a_coroutine: "plugin_fault",
    cancelling_its_own_task: "plugin_fault",
    mutating_the_request: "plugin_fault",
}


async def test_whatever_a_plugin_does_costs_its_own_row(install: Installer) -> None:
    install.add("bad", Scripted)
    install.add("healthy", Healthy)
    cases = FaultCases(PLUGIN)
    app = create_app(NO_REAL_PLUGINS)
    async with serving(app) as client:
        app_under_test = AppUnderTest(app, client)
        Scripted.script = well
        await app_under_test.ask()
        level = Level.now()
        for script, code in FAULTS.items():
            with cases.case(script.__name__.replace("_", " ")):
                Scripted.script = script
                row = await app_under_test.ask()
                assert row["error_code"] == code, f"{row['error_code']}: {row['error']}"
                assert row["response"] == ""
                assert 20 < len(row["error"]) <= 500
                Scripted.script = well
                assert (await app_under_test.ask())["response"] == "well"
                await app_under_test.no_abandoned_calls()
                assert Level.now().tasks <= level.tasks
    cases.raise_failures()


async def well(_: GenerateRequest) -> Any:
    return answer("well")


@pytest.fixture
async def app_under_test(install: Installer) -> Any:
    install.add("bad", Scripted)
    install.add("healthy", Healthy)
    app = create_app(NO_REAL_PLUGINS)
    async with serving(app) as client:
        yield AppUnderTest(app, client)


async def test_a_long_detail_is_cut_and_half_a_surrogate_pair_in_it_mended(
    app_under_test: AppUnderTest,
) -> None:
    async def long(_: GenerateRequest) -> Any:
        raise UpstreamError("\ud800" + "é" * 10_000_000)

    Scripted.script = long
    row = await app_under_test.ask()
    assert row["error_code"] == "upstream_error"
    assert "\ufffdé" in row["error"]
    assert len(row["error"]) == 500


async def test_a_late_answer_is_discarded_and_never_given_to_another_request(
    app_under_test: AppUnderTest,
) -> None:
    release, ended = asyncio.Event(), asyncio.Event()

    async def late(request: GenerateRequest) -> Any:
        if request.prompt != "the slow one":
            return answer(f"answer to {request.prompt}")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await release.wait()
        ended.set()
        return answer("answer to the slow one")

    Scripted.script = late
    assert (await app_under_test.ask(0.3, "the slow one"))["error_code"] == "timeout"
    assert app_under_test.app.state.engine.fanout.abandoned_running == 1
    waiting = asyncio.create_task(app_under_test.ask(5, "another"))
    release.set()
    assert (await waiting)["response"] == "answer to another"
    await ended.wait()
    await app_under_test.no_abandoned_calls()
    assert (await app_under_test.ask(5, "a third"))["response"] == "answer to a third"


async def test_context_variables_of_a_call_reach_no_other_call(
    app_under_test: AppUnderTest,
) -> None:
    seen: list[str] = []

    async def setting(_: GenerateRequest) -> Any:
        seen.append(_word.get())
        _word.set(PROVIDER_TEXT)
        return answer("well")

    Scripted.script = setting
    await app_under_test.ask()
    await app_under_test.ask()
    assert seen == ["", ""]
    assert _word.get() == ""


async def test_a_task_that_a_plugin_leaves_behind_costs_nobody_anything(
    app_under_test: AppUnderTest,
) -> None:
    left: list[asyncio.Task[None]] = []

    async def fail(words: str) -> None:
        raise ValueError(words)

    async def leaving(request: GenerateRequest) -> Any:
        left.append(asyncio.create_task(fail(request.prompt)))
        return answer("well")

    Scripted.script = leaving
    assert (await app_under_test.ask())["response"] == "well"
    await asyncio.wait(left)
    # asyncio logs its exception, without its text, when the task is collected.
    left.clear()
    assert (await app_under_test.ask())["response"] == "well"
    await asyncio.wait(left)
    assert isinstance(left[0].exception(), ValueError)
