"""Behaviour that only REST has: JSON of any shape, bare HTTP statuses, thinking levels."""

import json

import pytest

from coro_core import (
    AuthenticationFailed,
    EmptyResponse,
    InvalidResponse,
    ModelUnavailable,
    Overloaded,
    RateLimited,
    UpstreamError,
    Usage,
)
from coro_core.testing import HttpReply, json_reply


@pytest.fixture
def sdk():
    return "google-genai"


def reply(part, **fields):
    return {"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}], **fields}


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gemini-3.5-flash-lite", {"thinking_level": "MINIMAL"}),
        ("gemini-3.1-flash-lite", {"thinking_level": "MINIMAL"}),
        ("gemini-3.6-flash", {"thinking_level": "LOW"}),
        ("gemini-3.8-flash", {"thinking_level": "LOW"}),
        ("gemini-3.8-flash-lite", {}),
    ],
)
async def test_each_model_gets_its_lowest_thinking_level_by_its_exact_name(
    model, expected, plugin, behaviour, request_for
):
    behaviour.served = {model}
    await plugin.coro_generate(request_for(model))
    asked = {"prompt": "What is 2+2?", "temperature": 0.5, "max_output_tokens": 64}
    assert behaviour.calls[-1].body == {**asked, **expected}


async def test_thinking_is_counted_apart_and_is_not_part_of_the_answer(answering, request_for):
    content = {"parts": [{"text": "hmm", "thought": True}, {"text": "four"}, {"inlineData": {}}]}
    sent = {
        "candidates": [{"content": content}],
        "usageMetadata": {"promptTokenCount": 7, "thoughtsTokenCount": 30},
    }
    async with answering(sent) as plugin:
        answer = await plugin.coro_generate(request_for())
    assert answer.text == "four"
    assert answer.usage == Usage(input_tokens=7, output_tokens=0, reasoning_tokens=30)


@pytest.mark.parametrize("value", [-1, 1.5, "7", True, None, 2**53, float("nan")])
async def test_a_value_that_is_no_count_is_dropped(value, answering, request_for):
    usage = {"promptTokenCount": value, "candidatesTokenCount": 3}
    async with answering(reply({"text": "four"}, usageMetadata=usage)) as plugin:
        answer = await plugin.coro_generate(request_for())
    assert answer.usage == Usage(input_tokens=None, output_tokens=3)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"<html>oh</html>",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"error": {"code": 500}}',
        b'{"candidates": 7}',
        b'{"candidates": {"0": 1}}',
        b'{"candidates": [null]}',
        b'{"candidates": [{"content": "four"}]}',
        b'{"candidates": [{"content": {"parts": "four"}}]}',
        b'{"candidates": [{"content": {"parts": [7]}}]}',
        b'{"candidates": [{"content": {"parts": [{"text": 7}]}}]}',
        b'{"candidates": [{"content": {"parts": [{"text": "\xff\xfe"}]}}]}',
    ],
)
async def test_json_of_another_shape_is_an_invalid_response(body, answering, request_for):
    async with answering(body) as plugin:
        with pytest.raises(InvalidResponse):
            await plugin.coro_generate(request_for())


@pytest.mark.parametrize(
    "body",
    [
        b'{"candidates": [], "usageMetadata": {}}',
        b'{"usageMetadata": {"promptTokenCount": 3}}',
        b'{"candidates": [{}]}',
        b'{"candidates": [{"content": null}]}',
        b'{"candidates": [{"content": {"parts": null}, "finishReason": 7}]}',
        b'{"promptFeedback": {}}',
    ],
)
async def test_an_answer_without_text_is_an_empty_response(body, answering, request_for):
    async with answering(body) as plugin:
        with pytest.raises(EmptyResponse):
            await plugin.coro_generate(request_for())


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (204, UpstreamError),
        (302, UpstreamError),
        (401, AuthenticationFailed),
        (404, InvalidResponse),
        (429, RateLimited),
        (500, UpstreamError),
        (503, Overloaded),
    ],
)
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>oh</html>", b'{"error": "oh"}', b'[{"error": {}}]', b"\xff", b"[" * 99_999],
)
async def test_an_error_reply_without_a_status_of_google_is_mapped_by_its_http_status(
    status, kind, body, answering, request_for
):
    async with answering(HttpReply(body if status != 204 else b"", status)) as plugin:
        with pytest.raises(kind) as caught:
            await plugin.coro_generate(request_for())
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    "details",
    [7, [7], [{}], [{"@type": 7}], [{"@type": "type.googleapis.com/google.rpc.ErrorInfo"}]],
)
async def test_malformed_details_do_not_hide_an_error_status(details, answering, request_for):
    error = {"code": 503, "status": "UNAVAILABLE", "message": "x", "details": details}
    async with answering(json_reply({"error": error}, status=503)) as plugin:
        with pytest.raises(Overloaded):
            await plugin.coro_generate(request_for())


async def test_the_retry_after_header_counts_without_a_retry_info(answering, request_for):
    error = {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "x"}
    sent = json_reply({"error": error}, status=429, headers={"retry-after": "7"})
    async with answering(sent) as plugin:
        with pytest.raises(RateLimited) as caught:
            await plugin.coro_generate(request_for())
    assert caught.value.retry_after == 7


async def test_an_unknown_status_is_an_upstream_error(answering, request_for):
    error = {"code": 404, "status": "SOMETHING_NEW", "message": "x"}
    async with answering(json_reply({"error": error}, status=404)) as plugin:
        with pytest.raises(UpstreamError):
            await plugin.coro_generate(request_for())


@pytest.mark.parametrize(
    "body",
    [b"7", b'"models"', b'{"models": 7}', b'{"models": [7]}', b'{"models": [{"name": {}}]}', b"{"],
)
async def test_a_list_of_another_shape_is_an_invalid_response(body, answering):
    async with answering(body) as plugin:
        with pytest.raises(InvalidResponse):
            await plugin.coro_live_models()


async def test_a_missing_list_route_is_distinguished_from_a_missing_model(answering):
    async with answering(HttpReply(b"", 404)) as plugin:
        with pytest.raises(InvalidResponse, match="GEMINI_BASE_URL"):
            await plugin.coro_live_models()


async def test_half_a_surrogate_pair_does_not_break_the_answer(answering, request_for):
    body = json.dumps(reply({"text": "fine \ud83d"})).encode()
    async with answering(body) as plugin:
        assert (await plugin.coro_generate(request_for())).text.startswith("fine")


async def test_a_missing_model_is_model_unavailable(plugin, request_for):
    with pytest.raises(ModelUnavailable):
        await plugin.coro_generate(request_for("gemini-1.5-flash"))
