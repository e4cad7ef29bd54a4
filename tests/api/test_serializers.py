"""The rows are plain data that fit the models that describe them."""

import pytest

from coro_core.api.schemas import ChatResponse, ModelResponse
from coro_core.api.serializers import chat_response, model_response
from coro_core.contract.types import Usage
from coro_core.dispatch.result import ChatResult, ModelResult

ANSWERED = ModelResult(
    model="a",
    response="four",
    latency_ms=12,
    upstream_model="a-2",
    substituted=True,
    note="a-1 is no longer served; a-2 answered.",
    finish_reason="stop",
    usage=Usage(input_tokens=3, output_tokens=5, reasoning_tokens=7),
)
FAILED = ModelResult(model="b", error="It failed.", error_code="rate_limited", retry_after_s=1.5)


@pytest.mark.parametrize("row", [ANSWERED, FAILED], ids=["answered", "failed"])
def test_a_row_has_the_fields_of_its_description_in_their_order(row: ModelResult) -> None:
    body = model_response(row)
    described = ModelResponse.model_validate(body, strict=True)
    assert list(body) == list(ModelResponse.model_fields)
    assert described.model_dump() == body


def test_a_reply_has_the_fields_of_its_description_in_their_order() -> None:
    body = chat_response(ChatResult([ANSWERED, FAILED], 13), "0123456789abcdef")
    described = ChatResponse.model_validate(body, strict=True)
    assert list(body) == list(ChatResponse.model_fields)
    assert described.model_dump() == body
    assert (described.succeeded, described.failed) == (1, 1)
