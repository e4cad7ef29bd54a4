"""The replies and error replies that Google may send, and their results on both SDKs.

Each is given in Gemini's JSON; over gRPC it is sent as a message.
"""

import pytest

from coro_core import (
    AuthenticationFailed,
    BadRequest,
    ContentBlocked,
    EmptyResponse,
    InvalidResponse,
    ModelUnavailable,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    Timeout,
    TooLarge,
    UpstreamError,
    Usage,
)
from coro_gemini.simulated_replies import error_detail, rpc_status


def reply(*texts, finish_reason="STOP", **fields):
    content = {"parts": [{"text": text} for text in texts]}
    return {"candidates": [{"content": content, "finishReason": finish_reason}], **fields}


def info(reason):
    return error_detail("ErrorInfo", reason=reason, domain="googleapis.com")


def quota(quota_id):
    return error_detail("QuotaFailure", violations=[{"quotaId": quota_id}])


ERROR_STATUSES = [
    ("INVALID_ARGUMENT", "API key expired.", [info("API_KEY_INVALID")], AuthenticationFailed),
    ("UNAUTHENTICATED", "x", [info("ACCESS_TOKEN_TYPE_UNSUPPORTED")], AuthenticationFailed),
    ("PERMISSION_DENIED", "Your API key was reported as leaked.", [], AuthenticationFailed),
    ("PERMISSION_DENIED", "x", [info("SERVICE_DISABLED")], AuthenticationFailed),
    ("INVALID_ARGUMENT", "Budget 0 is invalid.", [], BadRequest),
    ("FAILED_PRECONDITION", "User location is not supported for the API use.", [], BadRequest),
    ("NOT_FOUND", "This model is no longer available to new users.", [], ModelUnavailable),
    ("RESOURCE_EXHAUSTED", "Quota exceeded, limit: 0, model: x", [], ModelUnavailable),
    ("RESOURCE_EXHAUSTED", "Quota exceeded, limit: 0.5", [], RateLimited),
    ("RESOURCE_EXHAUSTED", "Resource has been exhausted.", [], RateLimited),
    ("RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.", [], QuotaExhausted),
    ("RESOURCE_EXHAUSTED", "x", [quota("RequestsPerMinute"), quota("PerDay")], QuotaExhausted),
    ("INVALID_ARGUMENT", "Request payload size exceeds the limit: 1 bytes", [], TooLarge),
    ("DEADLINE_EXCEEDED", "The request timed out.", [], Timeout),
    ("UNAVAILABLE", "The service is currently unavailable.", [], Overloaded),
    ("INTERNAL", "An internal error has occurred.", [], UpstreamError),
    ("UNKNOWN", "", [], UpstreamError),
    ("DATA_LOSS", "x", [], UpstreamError),
    ("CANCELLED", "The operation was cancelled.", [], UpstreamError),
    ("UNIMPLEMENTED", "Method not found!", [], InvalidResponse),
]


@pytest.mark.parametrize(("name", "text", "details", "kind"), ERROR_STATUSES)
async def test_an_error_reply_becomes_its_error_without_the_text_of_the_provider(
    name, text, details, kind, answering, request_for
):
    echo = f"{text} (key AQ.not-a-real-key, prompt What is 2+2?)"
    async with answering(rpc_status(name, echo, *details)) as plugin:
        with pytest.raises(kind) as caught:
            await plugin.coro_generate(request_for())
    assert type(caught.value) is kind
    assert "AQ.not-a-real-key" not in str(caught.value)
    assert "2+2" not in str(caught.value)


async def test_a_country_that_is_not_served_is_named_as_the_reason(answering, request_for):
    text = "User location is not supported for the API use."
    async with answering(rpc_status("FAILED_PRECONDITION", text)) as plugin:
        with pytest.raises(BadRequest, match="country that this server calls from"):
            await plugin.coro_generate(request_for())


async def test_a_disabled_api_is_distinguished_from_a_bad_key(answering, request_for):
    async with answering(rpc_status("PERMISSION_DENIED", "x", info("SERVICE_DISABLED"))) as plugin:
        with pytest.raises(AuthenticationFailed, match="Enable the Generative Language API"):
            await plugin.coro_generate(request_for())


@pytest.mark.parametrize(
    ("delay", "expected"),
    [("38s", 38.0), ("0.250s", 0.25), ("0.1s", 0.1), ("-5s", None), ("315576000000s", 86_400.0)],
)
async def test_a_retry_delay_of_any_size_is_read(delay, expected, answering, request_for):
    wait = error_detail("RetryInfo", retryDelay=delay)
    async with answering(rpc_status("RESOURCE_EXHAUSTED", "x", quota("PerMinute"), wait)) as plugin:
        with pytest.raises(RateLimited) as caught:
            await plugin.coro_generate(request_for())
    assert caught.value.retry_after == expected


async def test_a_retry_info_without_a_delay_gives_no_wait(answering, request_for):
    async with answering(
        rpc_status("RESOURCE_EXHAUSTED", "x", error_detail("RetryInfo"))
    ) as plugin:
        with pytest.raises(RateLimited) as caught:
            await plugin.coro_generate(request_for())
    assert caught.value.retry_after is None


async def test_text_parts_are_joined_and_the_model_is_the_one_named_in_the_reply(
    answering, request_for
):
    usage = {"promptTokenCount": 7}
    sent = reply("one ", "two", modelVersion="gemini-3.6-flash", usageMetadata=usage)
    async with answering(sent) as plugin:
        answer = await plugin.coro_generate(request_for())
    assert (answer.text, answer.model) == ("one two", "gemini-3.6-flash")
    assert answer.usage == Usage(input_tokens=7, output_tokens=0)


async def test_fields_that_the_reply_omits_are_none(answering, request_for):
    async with answering(reply("text")) as plugin:
        answer = await plugin.coro_generate(request_for())
    assert (answer.model, answer.usage) == (None, Usage())


@pytest.mark.parametrize(
    ("finish_reason", "expected"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("LANGUAGE", "other"),
        ("FINISH_REASON_UNSPECIFIED", "other"),
        (987, "other"),
    ],
)
async def test_a_text_is_kept_with_its_finish_reason(
    finish_reason, expected, answering, request_for
):
    async with answering(reply("half an ans", finish_reason=finish_reason)) as plugin:
        answer = await plugin.coro_generate(request_for())
    assert (answer.text, answer.finish_reason) == ("half an ans", expected)


@pytest.mark.parametrize(
    ("finish_reason", "kind", "words"),
    [
        ("MAX_TOKENS", EmptyResponse, "raise max_tokens"),
        ("SAFETY", ContentBlocked, "rephrase"),
        ("RECITATION", ContentBlocked, "rephrase"),
        ("STOP", EmptyResponse, "Try again"),
        (987, EmptyResponse, "Try again"),
    ],
)
@pytest.mark.parametrize("texts", [(), ("",), (" \n",)], ids=["no part", "empty", "blank"])
async def test_a_candidate_without_text_is_an_error(
    texts, finish_reason, kind, words, answering, request_for
):
    async with answering(reply(*texts, finish_reason=finish_reason)) as plugin:
        with pytest.raises(kind, match=words):
            await plugin.coro_generate(request_for())


@pytest.mark.parametrize("block_reason", ["SAFETY", "OTHER", "BLOCKLIST", 987])
async def test_a_blocked_prompt_is_blocked_for_any_reason(block_reason, answering, request_for):
    async with answering({"promptFeedback": {"blockReason": block_reason}}) as plugin:
        with pytest.raises(ContentBlocked):
            await plugin.coro_generate(request_for())


async def test_a_list_that_does_not_decode_is_an_invalid_response(answering):
    async with answering(b"\xff\xff\xff\xff") as plugin:
        with pytest.raises(InvalidResponse):
            await plugin.coro_live_models()


async def test_an_endless_list_is_read_up_to_a_limit(answering):
    model = {"name": "models/a", "supportedGenerationMethods": ["generateContent"]}
    async with answering({"models": [model], "nextPageToken": "again"}) as plugin:
        assert await plugin.coro_live_models() == {"a"}
