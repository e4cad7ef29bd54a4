"""The error replies of DeepSeek, and the errors that they map to."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coro_core import ProviderError
from coro_core.testing.fixtures import error_of
from coro_deepseek.error_mapping import map_error

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Without time limits: a busy machine must not fail an example."""

HTML = b"<html>502 Bad Gateway</html>"
SECRET = "sk-secret"


def error(message, kind="invalid_request_error"):
    """Return an error reply of DeepSeek, whose type and code carry no information."""
    body = {"message": message, "type": kind, "param": None, "code": "invalid_request_error"}
    return json.dumps({"error": body}).encode()


NAMES = "The supported API model names are deepseek-flash, deepseek-v4-flash, but you passed"
TOO_LONG = "This model's maximum context length is 131072 tokens. However, you requested 131134"
INVALID_KEY = f"Authentication Fails, Your api key: ****{SECRET} is invalid"

ERROR_REPLIES = [
    (400, error(f"{NAMES} deepseek-chat."), "model_unavailable", False, "does not serve"),
    (400, error(f"{NAMES} Content Exists Risk."), "model_unavailable", False, "does not serve"),
    (400, error("Model Not Exist"), "model_unavailable", False, "does not serve"),
    (400, error("Content Exists Risk"), "content_blocked", False, "rephrase"),
    (400, error(TOO_LONG), "too_large", False, "shorten"),
    (400, error(f"Invalid temperature {SECRET}"), "bad_request", False, "refused the request"),
    (400, b"", "bad_request", False, "refused the request"),
    (401, error(INVALID_KEY), "authentication_failed", False, "Check DEEPSEEK_API_KEY"),
    (401, b"Authentication Fails (governor)", "authentication_failed", False, "api_keys"),
    (402, error("Insufficient Balance", "unknown_error"), "quota_exhausted", False, "top_up"),
    (403, HTML, "authentication_failed", False, "Check DEEPSEEK_API_KEY"),
    (404, HTML, "bad_request", False, "DEEPSEEK_BASE_URL"),
    (422, error("Failed to deserialize"), "bad_request", False, "refused"),
    (429, error("Rate limit reached"), "rate_limited", True, "3 s"),
    (500, error("Internal"), "upstream_error", True, "of its own"),
    (502, HTML, "upstream_error", True, "of its own"),
    (503, error("Service is too busy"), "overloaded", True, "overloaded"),
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


@pytest.mark.parametrize("body", [b"", b"\n\n\n", b" \r\n"])
async def test_a_blank_success_is_retryable(answering, request_for, body):
    async with answering(body) as plugin:
        raised = await error_of(plugin.coro_generate(request_for()))
    assert (raised.code, raised.retryable) == ("overloaded", True)


async def test_an_answer_cut_short_for_lack_of_resources_is_overloaded(answering, request_for):
    choice = {"message": {"content": "half"}, "finish_reason": "insufficient_system_resource"}
    async with answering(json.dumps({"choices": [choice]}).encode()) as plugin:
        raised = await error_of(plugin.coro_generate(request_for()))
    assert (raised.code, raised.retryable) == ("overloaded", True)


@pytest.mark.parametrize(
    ("content", "reason", "code"),
    [(None, "content_filter", "content_blocked"), ("", "length", "empty_response")],
)
async def test_an_answer_without_text_has_the_error_of_its_finish_reason(
    answering, request_for, content, reason, code
):
    choice = {"message": {"content": content}, "finish_reason": reason}
    async with answering(json.dumps({"choices": [choice]}).encode()) as plugin:
        raised = await error_of(plugin.coro_generate(request_for()))
    assert raised.code == code


async def test_thinking_is_not_part_of_the_answer(answering, request_for):
    message = {"content": "4", "reasoning_content": "Two and two..."}
    usage = {"completion_tokens": 31, "completion_tokens_details": {"reasoning_tokens": 30}}
    body = {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}
    async with answering(json.dumps(body).encode()) as plugin:
        answer = await plugin.coro_generate(request_for())
    assert (answer.text, answer.usage.output_tokens, answer.usage.reasoning_tokens) == ("4", 1, 30)


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"{}", b"{", HTML])
async def test_a_success_without_an_answer_is_an_invalid_response(answering, request_for, body):
    async with answering(body) as plugin:
        assert (await error_of(plugin.coro_generate(request_for()))).code == "invalid_response"
        assert (await error_of(plugin.coro_live_models())).code == "invalid_response"


@PATIENT
@given(st.integers(100, 999), st.dictionaries(st.text(), st.text()), st.binary())
def test_any_error_reply_maps_to_a_provider_error(status, headers, content):
    assert isinstance(map_error(status, headers, content), ProviderError)
