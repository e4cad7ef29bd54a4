"""What the plugin makes of replies and refusals that Google may send, word for word or broken."""

import pytest

from coro_core import (
    AuthenticationFailed,
    BadRequest,
    ConnectionFailed,
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
from coro_gemini.dialect import trailing_metadata
from coro_gemini.refusal import Refusal, error_for
from coro_gemini.sdk import error_details, grpc, protos

Code = grpc.StatusCode
Reply = protos.GenerateContentResponse
STOPPED = protos.Candidate.FinishReason


def reply(*texts, finish_reason=STOPPED.STOP, **fields):
    content = protos.Content(parts=[protos.Part(text=text) for text in texts])
    candidate = protos.Candidate(content=content, finish_reason=finish_reason)
    return Reply.serialize(Reply(candidates=[candidate], **fields))


def info(reason):
    return error_details.ErrorInfo(reason=reason, domain="googleapis.com")


def quota(quota_id):
    violation = error_details.QuotaFailure.Violation(quota_id=quota_id)
    return error_details.QuotaFailure(violations=[violation])


REFUSED = [
    (Code.INVALID_ARGUMENT, "API key expired.", [info("API_KEY_INVALID")], AuthenticationFailed),
    (Code.UNAUTHENTICATED, "x", [info("ACCESS_TOKEN_TYPE_UNSUPPORTED")], AuthenticationFailed),
    (Code.PERMISSION_DENIED, "Your API key was reported as leaked.", [], AuthenticationFailed),
    (Code.PERMISSION_DENIED, "x", [info("SERVICE_DISABLED")], AuthenticationFailed),
    (Code.INVALID_ARGUMENT, "Budget 0 is invalid.", [], BadRequest),
    (Code.FAILED_PRECONDITION, "User location is not supported for the API use.", [], BadRequest),
    (Code.NOT_FOUND, "This model is no longer available to new users.", [], ModelUnavailable),
    (Code.RESOURCE_EXHAUSTED, "Quota exceeded, limit: 0, model: x", [], ModelUnavailable),
    (Code.RESOURCE_EXHAUSTED, "Quota exceeded, limit: 0.5", [], RateLimited),
    (Code.RESOURCE_EXHAUSTED, "Resource has been exhausted.", [], RateLimited),
    (Code.RESOURCE_EXHAUSTED, "Your prepayment credits are depleted.", [], QuotaExhausted),
    (Code.RESOURCE_EXHAUSTED, "x", [quota("RequestsPerMinute"), quota("PerDay")], QuotaExhausted),
    (Code.INVALID_ARGUMENT, "Request payload size exceeds the limit: 1 bytes", [], TooLarge),
    (Code.DEADLINE_EXCEEDED, "The request timed out.", [], Timeout),
    (Code.UNAVAILABLE, "The service is currently unavailable.", [], Overloaded),
    (Code.INTERNAL, "An internal error has occurred.", [], UpstreamError),
    (Code.UNKNOWN, "", [], UpstreamError),
    (Code.DATA_LOSS, "x", [], UpstreamError),
    (Code.CANCELLED, "The operation was cancelled.", [], UpstreamError),
    (Code.UNIMPLEMENTED, "Method not found!", [], InvalidResponse),
]


@pytest.mark.parametrize(("status", "text", "details", "kind"), REFUSED)
async def test_a_refusal_becomes_its_kind_and_keeps_none_of_its_words(
    status, text, details, kind, answering, request_for
):
    echo = f"{text} (key AQ.not-a-real-key, prompt What is 2+2?)"
    async with answering((status, echo, details)) as plugin:
        with pytest.raises(kind) as caught:
            await plugin.coro_generate(request_for())
    assert type(caught.value) is kind
    assert "AQ.not-a-real-key" not in str(caught.value)
    assert "2+2" not in str(caught.value)


async def test_a_country_that_is_not_served_is_named_as_the_reason(answering, request_for):
    text = "User location is not supported for the API use."
    async with answering((Code.FAILED_PRECONDITION, text, [])) as plugin:
        with pytest.raises(BadRequest, match="country that this server calls from"):
            await plugin.coro_generate(request_for())


async def test_a_disabled_api_is_told_from_a_bad_key(answering, request_for):
    async with answering((Code.PERMISSION_DENIED, "x", [info("SERVICE_DISABLED")])) as plugin:
        with pytest.raises(AuthenticationFailed, match="Enable the Generative Language API"):
            await plugin.coro_generate(request_for())


@pytest.mark.parametrize(
    ("seconds", "nanos", "expected"),
    [(38, 0, 38.0), (0, 250_000_000, 0.25), (-5, 0, None), (315_576_000_000, 0, 86_400.0)],
)
async def test_a_retry_delay_of_any_size_is_read(seconds, nanos, expected, answering, request_for):
    wait = error_details.RetryInfo()
    wait.retry_delay.seconds, wait.retry_delay.nanos = seconds, nanos
    async with answering((Code.RESOURCE_EXHAUSTED, "x", [quota("PerMinute"), wait])) as plugin:
        with pytest.raises(RateLimited) as caught:
            await plugin.coro_generate(request_for())
    assert caught.value.retry_after == expected


async def test_a_retry_info_without_a_delay_is_no_delay(answering, request_for):
    refused = (Code.RESOURCE_EXHAUSTED, "x", [error_details.RetryInfo()])
    async with answering(refused) as plugin:
        with pytest.raises(RateLimited) as caught:
            await plugin.coro_generate(request_for())
    assert caught.value.retry_after is None


@pytest.mark.parametrize(
    "details",
    [
        b"\xff\xff\xff",
        trailing_metadata((Code.NOT_FOUND, "another", [info("X")]))[0][1],
        trailing_metadata((Code.UNAVAILABLE, "another text", [info("X")]))[0][1],
    ],
    ids=["undecodable", "another status", "another text"],
)
async def test_broken_error_details_are_an_invalid_response(details, answering, request_for):
    async with answering((Code.UNAVAILABLE, "text", details)) as plugin:
        with pytest.raises(InvalidResponse):
            await plugin.coro_generate(request_for())


@pytest.mark.parametrize(
    ("message", "retryable"),
    [
        ("failed to connect to all addresses; last error: UNKNOWN: Connection refused", True),
        ("errors resolving x.invalid:443: [field:hostname lookup error]", True),
        ("Stream removed (Socket closed)", True),
        ("recvmsg:Connection reset by peer (104)", True),
        ("Tls handshake failed: CERTIFICATE_VERIFY_FAILED: self signed certificate", False),
    ],
)
def test_a_failure_of_the_connection_is_not_taken_for_the_servers_own(message, retryable):
    error = error_for(Refusal(status="UNAVAILABLE", message=message))
    assert isinstance(error, ConnectionFailed)
    assert error.retryable is retryable


async def test_text_parts_are_joined_and_the_model_is_the_one_named_in_the_reply(
    answering, request_for
):
    usage = Reply.UsageMetadata(prompt_token_count=7)
    sent = reply("one ", "two", model_version="gemini-3.6-flash", usage_metadata=usage)
    async with answering(sent) as plugin:
        answer = await plugin.coro_generate(request_for())
    assert (answer.text, answer.model) == ("one two", "gemini-3.6-flash")
    assert answer.usage == Usage(input_tokens=7, output_tokens=0)


async def test_what_the_reply_does_not_say_is_none(answering, request_for):
    async with answering(reply("text")) as plugin:
        answer = await plugin.coro_generate(request_for())
    assert (answer.model, answer.usage) == (None, Usage())


@pytest.mark.parametrize(
    ("finish_reason", "expected"),
    [
        (STOPPED.STOP, "stop"),
        (STOPPED.MAX_TOKENS, "length"),
        (STOPPED.SAFETY, "content_filter"),
        (STOPPED.RECITATION, "content_filter"),
        (STOPPED.BLOCKLIST, "content_filter"),
        (STOPPED.PROHIBITED_CONTENT, "content_filter"),
        (STOPPED.SPII, "content_filter"),
        (STOPPED.IMAGE_SAFETY, "content_filter"),
        (STOPPED.LANGUAGE, "other"),
        (STOPPED.FINISH_REASON_UNSPECIFIED, "other"),
        (987, "other"),
    ],
)
async def test_a_text_is_kept_with_the_reason_it_stopped(
    finish_reason, expected, answering, request_for
):
    async with answering(reply("half an ans", finish_reason=finish_reason)) as plugin:
        answer = await plugin.coro_generate(request_for())
    assert (answer.text, answer.finish_reason) == ("half an ans", expected)


@pytest.mark.parametrize(
    ("finish_reason", "kind", "words"),
    [
        (STOPPED.MAX_TOKENS, EmptyResponse, "raise max_tokens"),
        (STOPPED.SAFETY, ContentBlocked, "rephrase"),
        (STOPPED.RECITATION, ContentBlocked, "rephrase"),
        (STOPPED.STOP, EmptyResponse, "Try again"),
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


@pytest.mark.parametrize("block_reason", [1, 2, 3, 4, 5, 987])
async def test_a_blocked_prompt_is_blocked_for_any_reason(block_reason, answering, request_for):
    feedback = Reply.PromptFeedback(block_reason=block_reason)
    async with answering(Reply.serialize(Reply(prompt_feedback=feedback))) as plugin:
        with pytest.raises(ContentBlocked):
            await plugin.coro_generate(request_for())


async def test_a_list_that_does_not_decode_is_an_invalid_response(answering):
    async with answering(b"\xff\xff\xff\xff") as plugin:
        with pytest.raises(InvalidResponse):
            await plugin.coro_live_models()


async def test_a_list_without_end_is_read_to_a_limit(answering):
    page = protos.ListModelsResponse(
        models=[protos.Model(name="models/a", supported_generation_methods=["generateContent"])],
        next_page_token="again",
    )
    async with answering(protos.ListModelsResponse.serialize(page)) as plugin:
        assert await plugin.coro_live_models() == {"a"}
