"""A call gives an answer or a proper error for any bytes over gRPC."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import strategies as st

from coro_gemini import GeminiPlugin
from coro_gemini.grpc.sdk import Status, error_details, grpc, protos
from support.faults.canaries import KEYS
from support.faults.grpc_answers import saying
from support.faults.grpc_server import Answer, Context, ScriptedGemini, scripted_gemini, well
from support.faults.harness import SDKS
from support.fuzz import fuzz
from support.protobuf import TEXT, damaged, filled
from support.provider_calls import keeps_the_contract, lists_or_fails, request_for

REPLY = type(protos.GenerateContentResponse.pb(protos.GenerateContentResponse()))
LIST = type(protos.ListModelsResponse.pb(protos.ListModelsResponse()))
DETAILS = [
    error_details.ErrorInfo,
    error_details.QuotaFailure,
    error_details.RetryInfo,
    error_details.LocalizedMessage,
    error_details.BadRequest,
]
STATUSES = [status for status in grpc.StatusCode if status is not grpc.StatusCode.OK]


@st.composite
def replies(draw: st.DrawFn, kind: Any) -> bytes:
    """Return the bytes of a reply: a proper one with more in it, one of anything, or anything."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    reply = kind()
    if kind is REPLY and draw(st.booleans()):
        reply = kind.FromString(well())
    reply.MergeFrom(draw(filled(kind)))
    return draw(damaged(reply.SerializeToString()))


@st.composite
def refusals(draw: st.DrawFn) -> tuple[Any, str, bytes]:
    """Return a status, its text and the bytes of its details, which may speak of another status."""
    status, words = draw(st.sampled_from(STATUSES)), draw(TEXT)
    number = status.value[0] if draw(st.integers(0, 4)) else draw(st.integers(-9, 99))
    message = Status(code=number, message=words if draw(st.integers(0, 4)) else draw(TEXT))
    for detail in draw(st.lists(st.sampled_from(DETAILS).flatmap(filled), max_size=3)):
        message.details.add().Pack(detail)
    return status, words, draw(damaged(message.SerializeToString()))


@dataclass(slots=True)
class Provider:
    """The plugin, started before a scripted server."""

    plugin: GeminiPlugin
    script: ScriptedGemini
    runner: asyncio.Runner


@asynccontextmanager
async def opened(runner: asyncio.Runner) -> AsyncIterator[Provider]:
    async with scripted_gemini() as (script, address):
        plugin = GeminiPlugin()
        environ = {"GEMINI_API_KEY": KEYS["gemini"], "GEMINI_BASE_URL": address}
        environ["GEMINI_SDK"] = SDKS["gemini"]
        async with plugin.coro_lifespan(environ):
            yield Provider(plugin, script, runner)


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with asyncio.Runner() as runner:
        opening = opened(runner)
        yield runner.run(opening.__aenter__())
        runner.run(opening.__aexit__(None, None, None))


def refuses(refusal: tuple[Any, str, bytes]) -> Answer:
    async def answer(_: str, context: Context) -> bytes:
        status, words, details = refusal
        await context.abort(status, words, (("grpc-status-details-bin", details),))
        raise AssertionError("abort raises")

    return answer


@fuzz(answer=replies(REPLY).map(saying) | refusals().map(refuses))
def test_what_gemini_sends_is_an_answer_or_a_proper_error(
    provider: Provider, answer: Answer
) -> None:
    provider.script.answer = answer
    call = provider.plugin.coro_generate
    provider.runner.run(keeps_the_contract(lambda: call(request_for("m"))))


@fuzz(answer=replies(LIST).map(saying) | refusals().map(refuses))
def test_what_gemini_lists_are_names_or_a_proper_error(provider: Provider, answer: Answer) -> None:
    provider.script.answer = answer
    provider.runner.run(lists_or_fails(provider.plugin.coro_live_models))
