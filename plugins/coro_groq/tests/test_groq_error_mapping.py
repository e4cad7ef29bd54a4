"""The error replies of Groq, and the errors that they map to."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coro_core import ProviderError
from coro_core.testing.fixtures import error_of
from coro_groq.error_mapping import map_error

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Without time limits: a busy machine must not fail an example."""

HTML = b"<!DOCTYPE html><title>Attention Required! | Cloudflare</title>"
SECRET = "gsk_secret"


def error(code=None, message=f"the key {SECRET} is in here", kind="invalid_request_error"):
    return json.dumps({"error": {"message": message, "type": kind, "code": code}}).encode()


MINUTE = "Rate limit reached on tokens per minute (TPM): Limit 8000, Used 7900, Requested 600."
DAY = "Rate limit reached on tokens per day (TPD): Limit 200000, Used 199900, Requested 600."
REQUESTS = "Rate limit reached on requests per day (RPD): Limit 1000, Used 1000, Requested 1."

ERROR_REPLIES = [
    (400, error("model_decommissioned"), "model_unavailable", False, "does not serve"),
    (400, error("context_length_exceeded"), "too_large", False, "shorten"),
    (400, error("organization_restricted"), "authentication_failed", False, "restricted"),
    (400, error(), "bad_request", False, "refused the request"),
    (400, HTML, "bad_request", False, "refused the request"),
    (401, error("invalid_api_key"), "authentication_failed", False, "Check GROQ_API_KEY"),
    (401, b"", "authentication_failed", False, "https://console.groq.com/keys"),
    (403, error("permission_denied"), "authentication_failed", False, "Check GROQ_API_KEY"),
    (403, error("model_permission_blocked_org"), "model_unavailable", False, "settings"),
    (403, error("model_permission_blocked_project"), "model_unavailable", False, "settings"),
    (403, HTML, "upstream_error", False, "gateway"),
    (404, error("model_not_found"), "model_unavailable", False, "does not serve"),
    (404, error("unknown_url"), "bad_request", False, "GROQ_BASE_URL"),
    (404, HTML, "bad_request", False, "GROQ_BASE_URL"),
    (413, error("rate_limit_exceeded", MINUTE, "tokens"), "too_large", False, "lower max_tokens"),
    (422, error(), "bad_request", False, "refused"),
    (424, error(), "bad_request", False, "refused"),
    (429, error("rate_limit_exceeded", MINUTE, "tokens"), "rate_limited", True, "3 s"),
    (429, error("rate_limit_exceeded", DAY, "tokens"), "quota_exhausted", False, "daily"),
    (429, error("rate_limit_exceeded", REQUESTS, "requests"), "quota_exhausted", False, "daily"),
    (
        429,
        error(None, "No requests per day are left"),
        "quota_exhausted",
        False,
        "daily",
    ),
    (429, HTML, "rate_limited", True, "3 s"),
    (498, error("capacity_exceeded"), "overloaded", True, "overloaded"),
    (499, error(), "bad_request", False, "refused"),
    (500, error(), "upstream_error", True, "of its own"),
    (502, HTML, "upstream_error", True, "of its own"),
    (503, error(), "overloaded", True, "overloaded"),
    (504, HTML, "timeout", True, "in time"),
    (307, b"", "upstream_error", False, "of its own"),
]


@pytest.mark.parametrize(("status", "body", "code", "retryable", "words"), ERROR_REPLIES)
async def test_an_error_reply_becomes_its_error_without_the_text_of_the_provider(
    answering, request_for, status, body, code, retryable, words
):
    async with answering(body, status, {"retry-after": "2.5"}) as plugin:
        for raised in (
            await error_of(plugin.coro_generate(request_for())),
            await error_of(plugin.coro_live_models()),
        ):
            assert (raised.code, raised.retryable) == (code, retryable)
            assert words in str(raised)
            assert SECRET not in f"{raised} {raised!r} {raised.args}"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("2", 2.0), ("900", 900.0), ("90000", 86_400.0), ("nan", None), ("-1", None), ("3m36s", None)],
)
async def test_the_wait_comes_from_the_retry_after_header(answering, request_for, header, seconds):
    body = error("rate_limit_exceeded", MINUTE, "tokens")
    async with answering(body, 429, {"retry-after": header}) as plugin:
        raised = await error_of(plugin.coro_generate(request_for()))
    assert raised.retry_after == seconds


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"{}", b"{", HTML, b'{"choices": []}'])
async def test_a_success_without_an_answer_is_an_invalid_response(answering, request_for, body):
    # The SDK alone would return a list, a text or an object full of None for these.
    async with answering(body) as plugin:
        assert (await error_of(plugin.coro_generate(request_for()))).code == "invalid_response"
        assert (await error_of(plugin.coro_live_models())).code == "invalid_response"


async def test_an_inactive_model_is_not_live(answering):
    entries = [{"id": "a", "active": True}, {"id": "b", "active": False}, {"id": "whisper"}]
    async with answering(json.dumps({"object": "list", "data": entries}).encode()) as plugin:
        assert set(await plugin.coro_live_models()) == {"a", "whisper"}


async def test_reasoning_is_counted_apart(answering, request_for):
    details = {"reasoning_tokens": 30}
    body = {
        "model": "openai/gpt-oss-120b",
        "choices": [{"message": {"content": "4"}, "finish_reason": "stop"}],
        "usage": {"completion_tokens": 31, "completion_tokens_details": details},
    }
    async with answering(json.dumps(body).encode()) as plugin:
        usage = (await plugin.coro_generate(request_for())).usage
    assert (usage.output_tokens, usage.reasoning_tokens) == (1, 30)


@PATIENT
@given(st.integers(100, 999), st.dictionaries(st.text(), st.text()), st.binary())
def test_any_error_reply_maps_to_a_provider_error(status, headers, content):
    assert isinstance(map_error(status, headers, content), ProviderError)
