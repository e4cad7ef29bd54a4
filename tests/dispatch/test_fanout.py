"""One prompt to many models: isolation, deadlines, order, concurrency."""

import asyncio
from typing import Any

import pytest

from coro_core import (
    GenerateRequest,
    Generation,
    ModelUnavailable,
    Usage,
)
from coro_core.contract import errors as coro_errors
from support.plugins import NO_REAL_PLUGINS, Echo, Installer, Rendezvous, answer, model
from support.server import ask, running

DEADLINE_MS = 400
OVERRUN_MS = 250


def rows_of(response: Any) -> dict[str, dict[str, Any]]:
    return {row["model"]: row for row in response.json()["responses"]}


async def test_all_models_are_in_flight_at_once(install: Installer) -> None:
    class Meeting(Rendezvous):
        models = tuple(model(f"m{n}") for n in range(20))

    install.add("meeting", Meeting)
    async with running(NO_REAL_PLUGINS) as client:
        response = await ask(client, *(m.id for m in Meeting.models))
    assert [row["response"] for row in response.json()["responses"]] == ["met"] * 20


async def test_rows_come_in_the_order_asked_and_a_model_named_twice_is_called_once(
    install: Installer,
) -> None:
    called: list[str] = []

    class Counting(Echo):
        models = (model("a"), model("b"), model("c"))

        async def generate(self, request: GenerateRequest) -> Any:
            called.append(request.model)
            return answer("ok")

    install.add("counting", Counting)
    async with running(NO_REAL_PLUGINS) as client:
        response = await ask(client, "c", "a", "c", "b", "a")
    assert [row["model"] for row in response.json()["responses"]] == ["c", "a", "b"]
    assert sorted(called) == ["a-upstream", "b-upstream", "c-upstream"]


async def swallow_cancellation() -> None:
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        await asyncio.sleep(1.5)


async def cancel_itself() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(3600)


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class OwnKindOfError(coro_errors.ProviderError):
    code = "something_else"
    sentence = "Not one of the leaves."


RAISED = [
    ValueError("secret-prompt"),
    SystemExit(3),
    KeyboardInterrupt(),
    GeneratorExit(),
    asyncio.CancelledError(),
    StopAsyncIteration(),
    BaseExceptionGroup("many", [SystemExit(1), ValueError()]),
    UnprintableError(),
    OwnKindOfError(),
    MemoryError(),
]

RETURNED = [
    None,
    {"text": "hello"},
    b"hello",
    "hello",
    Generation(text=None),  # type: ignore[arg-type]
    Generation(text=b"hello"),  # type: ignore[arg-type]
    Generation(text="a", usage=None),  # type: ignore[arg-type]
    Generation(text="a", usage=Usage(output_tokens=float("nan"))),  # type: ignore[arg-type]
    Generation(text="a", usage=Usage(input_tokens=-1)),
    Generation(text="a", usage=Usage(output_tokens=2**53)),
    Generation(text="a", finish_reason="because"),  # type: ignore[arg-type]
    Generation(text="a", model=7),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("raised", RAISED, ids=lambda exc: type(exc).__name__)
async def test_an_exception_of_a_plugin_costs_its_own_row(
    install: Installer, raised: BaseException
) -> None:
    class Raising(Echo):
        models = (model("bad"),)

        async def generate(self, request: GenerateRequest) -> Any:
            raise raised

    await _costs_only_its_row(install, Raising, "plugin_fault")


@pytest.mark.parametrize("returned", RETURNED, ids=repr)
async def test_whatever_a_plugin_returns_costs_its_own_row(
    install: Installer, returned: Any
) -> None:
    class Returning(Echo):
        models = (model("bad"),)

        async def generate(self, request: GenerateRequest) -> Any:
            return returned

    await _costs_only_its_row(install, Returning, "plugin_fault")


async def test_a_generate_that_is_not_awaitable_costs_its_own_row(install: Installer) -> None:
    class NotAwaitable(Echo):
        models = (model("bad"),)

        def coro_generate(self, request: GenerateRequest) -> Any:
            return "hello"

        coro_generate.coro_impl = Echo.coro_generate.coro_impl  # type: ignore[attr-defined]

    await _costs_only_its_row(install, NotAwaitable, "plugin_fault")


@pytest.mark.parametrize("misbehave", [swallow_cancellation, cancel_itself])
async def test_a_plugin_that_plays_with_cancellation_costs_its_own_row(
    install: Installer, misbehave: Any
) -> None:
    class Misbehaving(Echo):
        models = (model("bad"),)

        async def generate(self, request: GenerateRequest) -> Any:
            await misbehave()

    code = "timeout" if misbehave is swallow_cancellation else "plugin_fault"
    await _costs_only_its_row(install, Misbehaving, code)


async def _costs_only_its_row(install: Installer, plugin: type, code: str) -> None:
    install.add("bad", plugin)
    install.add("echo", Echo)
    async with running(NO_REAL_PLUGINS) as client:
        for _ in range(2):
            response = await ask(client, "bad", "echo", timeout=DEADLINE_MS / 1000)
            assert response.status_code == 200
            rows = rows_of(response)
            assert rows["echo"]["response"] == "Hello"
            assert rows["echo"]["error"] is None
            assert rows["bad"]["error_code"] == code
            assert rows["bad"]["error"]
            assert rows["bad"]["response"] == ""
            assert "secret" not in response.text
            assert response.json()["total_latency_ms"] <= DEADLINE_MS + OVERRUN_MS
        assert (await client.get("/health")).status_code == 200


async def test_the_rows_that_are_ready_are_returned_at_the_deadline(install: Installer) -> None:
    class Hanging(Echo):
        models = (model("slow"),)

        async def generate(self, request: GenerateRequest) -> Any:
            assert 0 < request.timeout <= DEADLINE_MS / 1000
            await asyncio.sleep(3600)

    install.add("hanging", Hanging)
    install.add("echo", Echo)
    async with running(NO_REAL_PLUGINS) as client:
        response = await ask(client, "slow", "echo", timeout=DEADLINE_MS / 1000)
    rows = rows_of(response)
    assert rows["echo"]["response"] == "Hello"
    assert rows["slow"]["error_code"] == "timeout"
    assert rows["slow"]["upstream_model"] == "slow-upstream"
    assert DEADLINE_MS <= rows["slow"]["latency_ms"] <= DEADLINE_MS + OVERRUN_MS


async def test_the_servers_own_limits_hold_when_a_request_names_none(install: Installer) -> None:
    class Hanging(Echo):
        async def generate(self, request: GenerateRequest) -> Any:
            await asyncio.sleep(3600)

    install.add("hanging", Hanging)
    async with running({**NO_REAL_PLUGINS, "CORO_TIMEOUT": "0.2"}) as client:
        response = await ask(client, "echo")
    assert rows_of(response)["echo"]["error_code"] == "timeout"


async def test_text_that_cannot_be_encoded_is_mended(install: Installer) -> None:
    class Broken(Echo):
        async def generate(self, request: GenerateRequest) -> Any:
            return answer("half \ud83d, whole \ud83d\ude00, plain é")

    install.add("broken", Broken)
    async with running(NO_REAL_PLUGINS) as client:
        response = await ask(client, "echo")
    assert rows_of(response)["echo"]["response"] == "half \ufffd, whole 😀, plain é"


async def test_an_answer_of_white_space_is_an_empty_response(install: Installer) -> None:
    class Blank(Echo):
        async def generate(self, request: GenerateRequest) -> Any:
            return answer(" \n")

    install.add("blank", Blank)
    async with running(NO_REAL_PLUGINS) as client:
        response = await ask(client, "echo")
    assert rows_of(response)["echo"]["error_code"] == "empty_response"


class Retiring(Echo):
    """Serves only the last of three names, and counts the calls for each."""

    models = (model("old", "first", "second", "third"),)

    def __init__(self) -> None:
        self.served = {"third"}
        self.calls: list[str] = []
        type(self).instance = self

    instance: "Retiring"

    async def generate(self, request: GenerateRequest) -> Any:
        self.calls.append(request.model)
        if request.model not in self.served:
            raise ModelUnavailable
        return answer("ok")


async def test_candidates_are_tried_in_order_and_the_row_says_which_answered(
    install: Installer,
) -> None:
    install.add("retiring", Retiring)
    async with running(NO_REAL_PLUGINS) as client:
        row = rows_of(await ask(client, "old"))["old"]
        assert (row["response"], row["upstream_model"], row["substituted"]) == ("ok", "third", True)
        assert Retiring.instance.calls == ["first", "second", "third"]
        # A retired name is not called again at once.
        await ask(client, "old")
        assert Retiring.instance.calls == ["first", "second", "third", "third"]
        [listed] = (await client.get("/models")).json()["models"]
        assert (listed["upstream_model"], listed["substituted"]) == ("third", True)


async def test_if_every_candidate_is_retired_the_row_says_so_and_a_return_is_noticed(
    install: Installer,
) -> None:
    install.add("retiring", Retiring)
    async with running(NO_REAL_PLUGINS) as client:
        Retiring.instance.served.clear()
        assert rows_of(await ask(client, "old"))["old"]["error_code"] == "model_unavailable"
        Retiring.instance.served.add("first")
        row = rows_of(await ask(client, "old"))["old"]
    assert (row["upstream_model"], row["substituted"]) == ("first", False)


async def test_any_model_of_a_provider_is_reached_by_the_providers_own_name(
    install: Installer,
) -> None:
    seen: list[str] = []

    class Open(Echo):
        async def generate(self, request: GenerateRequest) -> Any:
            seen.append(request.model)
            return answer("ok")

    install.add("open", Open)
    async with running(NO_REAL_PLUGINS) as client:
        response = await ask(client, "open:vendor/new:model-9")
        single = await client.post("/chat/open:vendor/new:model-9", json={"prompt": "Hello"})
    assert rows_of(response)["open:vendor/new:model-9"]["upstream_model"] == "vendor/new:model-9"
    assert single.json()["response"] == "ok"
    assert seen == ["vendor/new:model-9"] * 2


async def test_a_reply_that_names_another_model_is_marked(install: Installer) -> None:
    class Rerouted(Echo):
        models = (model("echo", "acme-1"),)

        async def generate(self, request: GenerateRequest) -> Any:
            return Generation(text="ok", model=request.prompt)

    install.add("rerouted", Rerouted)
    async with running(NO_REAL_PLUGINS) as client:
        for named, upstream, substituted in [
            ("acme-1", "acme-1", False),
            ("models/acme-1-001", "acme-1", False),
            ("acme-1-mini", "acme-1-mini", True),
            ("acme-2", "acme-2", True),
        ]:
            row = rows_of(await ask(client, "echo", prompt=named))["echo"]
            assert (row["upstream_model"], row["substituted"]) == (upstream, substituted)


async def test_a_client_that_leaves_cancels_its_calls(install: Installer) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    class Waiting(Echo):
        async def generate(self, request: GenerateRequest) -> Any:
            started.set()
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                cancelled.set()
                raise

    install.add("waiting", Waiting)
    async with running(NO_REAL_PLUGINS) as client:
        request = asyncio.create_task(ask(client, "echo", timeout=60))
        await started.wait()
        request.cancel()
        async with asyncio.timeout(10):
            await cancelled.wait()
        assert (await client.get("/health")).status_code == 200
