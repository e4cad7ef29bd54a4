"""What came back from Gemini: an answer, or a refusal, taken out of the SDK's objects."""

from collections.abc import Mapping
from typing import Any

from coro_core import ContentBlocked, EmptyResponse, FinishReason, Generation, Usage
from coro_gemini.refusal import Refusal
from coro_gemini.sdk import GoogleAPICallError, error_details, protos

_STOPPED = protos.Candidate.FinishReason
_FINISH_REASONS: Mapping[int, FinishReason] = {
    _STOPPED.STOP: "stop",
    _STOPPED.MAX_TOKENS: "length",
    _STOPPED.SAFETY: "content_filter",
    _STOPPED.RECITATION: "content_filter",
    _STOPPED.BLOCKLIST: "content_filter",
    _STOPPED.PROHIBITED_CONTENT: "content_filter",
    _STOPPED.SPII: "content_filter",
    _STOPPED.IMAGE_SAFETY: "content_filter",
}
"""Google adds reasons at any time, and they arrive as bare numbers: what is not here is `other`."""


def read_generation(reply: protos.GenerateContentResponse) -> Generation:
    """Return the answer in a reply, the first candidate's text parts joined.

    A filtered answer keeps the text it has. No part is a thought: Gemini sends those on request
    only, which this SDK cannot make. Raises `ContentBlocked` or `EmptyResponse`.
    """
    # The plain protobuf message: the SDK's wrapper of it warns of every number that it cannot name.
    message = protos.GenerateContentResponse.pb(reply)
    if not message.candidates:
        if message.prompt_feedback.block_reason:
            raise ContentBlocked()
        raise EmptyResponse("Try again, or rephrase the prompt.")
    candidate = message.candidates[0]
    text = "".join(part.text for part in candidate.content.parts)
    finish_reason = _FINISH_REASONS.get(candidate.finish_reason, "other")
    if not text or text.isspace():
        if finish_reason == "content_filter":
            raise ContentBlocked()
        if finish_reason == "length":
            raise EmptyResponse("It spent all of max_tokens on thinking; raise max_tokens.")
        raise EmptyResponse("Try again, or rephrase the prompt.")
    return Generation(
        text=text,
        model=message.model_version or None,
        finish_reason=finish_reason,
        usage=_usage(message),
    )


def read_refusal(exc: GoogleAPICallError) -> Refusal:
    """Return what the SDK's exception says, in plain data."""
    quota_ids: tuple[str, ...] = ()
    retry_after: float | None = None
    for detail in exc.details:
        if isinstance(detail, error_details.QuotaFailure):
            quota_ids += tuple(violation.quota_id for violation in detail.violations)
        elif isinstance(detail, error_details.RetryInfo) and detail.HasField("retry_delay"):
            retry_after = detail.retry_delay.seconds + detail.retry_delay.nanos / 1e9
    return Refusal(
        status=exc.grpc_status_code.name if exc.grpc_status_code else "UNKNOWN",
        message=exc.message or "",
        reason=exc.reason or "",
        quota_ids=quota_ids,
        retry_after=retry_after,
    )


def _usage(message: Any) -> Usage:
    """Return the counts; the SDK's schema, of 2025, shows none for thinking.

    Gemini counts the visible answer apart from thinking, and leaves a count of 0 out.
    """
    if not message.HasField("usage_metadata"):
        return Usage()
    return Usage(
        input_tokens=_count(message.usage_metadata.prompt_token_count),
        output_tokens=_count(message.usage_metadata.candidates_token_count),
    )


def _count(value: int) -> int | None:
    """Return a count; the wire can carry numbers below zero, which count nothing."""
    return value if value >= 0 else None
