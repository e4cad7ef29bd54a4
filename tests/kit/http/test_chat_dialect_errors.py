"""Errors inside of replies of the OpenAI chat dialect with status 200."""

import json

import pytest

from coro_core import (
    AuthenticationFailed,
    BadRequest,
    InvalidResponse,
    ModelUnavailable,
    Overloaded,
    RateLimited,
    UpstreamError,
)
from coro_core.kit.http import ErrorBody, error_for_status, read_completion, read_error


def completion(**fields):
    choice = {"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    return json.dumps({"choices": [choice], **fields}).encode()


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        ({"code": 503}, Overloaded),
        ({"code": "401"}, AuthenticationFailed),
        ({"type": "rate_limit_error", "code": "invalid_request_error"}, RateLimited),
        ({"type": "invalid_request_error"}, BadRequest),
        ({"type": "odd", "code": "odd"}, InvalidResponse),
        ({"code": True}, InvalidResponse),
        ({}, InvalidResponse),
    ],
)
def test_an_error_in_place_of_an_answer_is_the_refusal_that_it_stands_for(error, raised):
    with pytest.raises(raised):
        read_completion(json.dumps({"error": error}).encode(), map_error=error_for_status)


def test_the_provider_says_what_a_refusal_within_a_200_means():
    body = json.dumps({"error": {"code": 404}}).encode()
    with pytest.raises(Overloaded):
        read_completion(body, map_error={404: Overloaded()}.__getitem__)


@pytest.mark.parametrize(
    "body",
    [
        completion(choices=[{"error": {"code": 404}, "message": None}]),
        completion(choices=[{"error": {"code": 404}, "message": {"content": "half an ans"}}]),
        completion(error={"code": 404}, choices=[{"finish_reason": "broke"}]),
    ],
)
def test_an_error_beside_what_broke_off_is_a_refusal_too(body):
    with pytest.raises(ModelUnavailable):
        read_completion(body, failures={"broke": UpstreamError}, map_error=error_for_status)


def test_an_error_in_the_first_choice_is_read_like_one_at_the_top():
    body = json.dumps({"choices": [{"error": {"code": 404, "message": "gone"}}]}).encode()
    assert read_error(body) == ErrorBody("gone", "404")


def test_an_error_beside_an_answer_does_not_matter():
    assert read_completion(completion(error={"code": 500})).text == "hi"
