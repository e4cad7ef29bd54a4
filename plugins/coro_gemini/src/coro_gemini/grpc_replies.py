"""What came back over gRPC, taken out of google-generativeai's objects."""

import re
from collections.abc import Mapping
from typing import Any

from coro_core import ConnectionFailed, InvalidResponse, ProviderError, Timeout, Usage
from coro_gemini.error_mapping import Refusal, error_for
from coro_gemini.grpc_sdk import DecodeError, error_details, from_grpc_error, grpc, protos
from coro_gemini.reply import Reply, count

_FINISH_REASONS: Mapping[int, str] = {
    number: value.name
    for number, value in protos.Candidate.pb()
    .DESCRIPTOR.enum_types_by_name["FinishReason"]
    .values_by_number.items()
}
"""Reasons younger than the SDK arrive as bare numbers."""

# gRPC reports its own failures with the statuses that servers use, so that only the text tells who
# speaks. Texts as seen with grpcio 1.85.1.
_CONNECTION = re.compile(
    r"failed to connect|errors? resolving|dns resolution|empty address list|stream removed"
    r"|socket closed|recvmsg|sendmsg|connection reset|broken pipe|goaway|handshake|keepalive"
    r"|transport closed|failed parsing http/2|end of tcp stream",
    re.IGNORECASE,
)
_NOT_HTTP2 = re.compile(r"stream removed \(failed parsing http/2", re.IGNORECASE)
_CERTIFICATE = re.compile(
    r"certificate_verify_failed|peer name .* is not in peer certificate|hostname verification",
    re.IGNORECASE,
)
_DEADLINE = re.compile(r"(?:stream removed \()?deadline exceeded\)?", re.IGNORECASE)
_CAP = re.compile(
    r"received message larger than max|metadata size exceeds (?:hard|soft) limit", re.IGNORECASE
)


def read_reply(response: protos.GenerateContentResponse) -> Reply:
    """Return the answer in plain data.

    No part is a thought: Gemini sends those on request only, which this SDK cannot make.
    """
    # The plain protobuf message: the SDK's wrapper of it warns of every number that it cannot name.
    message = protos.GenerateContentResponse.pb(response)
    usage = _usage(message)
    if not message.candidates:
        blocked = bool(message.prompt_feedback.block_reason)
        return Reply(prompt_blocked=blocked, model=message.model_version, usage=usage)
    candidate = message.candidates[0]
    return Reply(
        text="".join(part.text for part in candidate.content.parts),
        finish_reason=_FINISH_REASONS.get(candidate.finish_reason, ""),
        model=message.model_version,
        usage=usage,
    )


def error_from(failure: grpc.aio.AioRpcError) -> ProviderError:
    """Return the error that a failed call stands for."""
    try:
        exc = from_grpc_error(failure)  # type: ignore[no-untyped-call]
    except (DecodeError, ValueError):
        # Error details that do not decode, or that contradict the status they come with.
        return InvalidResponse()
    quota_ids: tuple[str, ...] = ()
    retry_after: float | None = None
    for detail in exc.details:
        if isinstance(detail, error_details.QuotaFailure):
            quota_ids += tuple(violation.quota_id for violation in detail.violations)
        elif isinstance(detail, error_details.RetryInfo) and detail.HasField("retry_delay"):
            retry_after = detail.retry_delay.seconds + detail.retry_delay.nanos / 1e9
    refusal = Refusal(
        status=exc.grpc_status_code.name if exc.grpc_status_code else "UNKNOWN",
        message=exc.message or "",
        reason=exc.reason or "",
        quota_ids=quota_ids,
        retry_after=retry_after,
    )
    return failure_of_grpc(refusal) or error_for(refusal)


def failure_of_grpc(refusal: Refusal) -> ProviderError | None:
    """Return the error for what gRPC met by itself, and nothing for what the server said."""
    message = refusal.message
    match refusal.status:
        case "UNAVAILABLE" if _CERTIFICATE.search(message):
            return ConnectionFailed("Its TLS certificate was not accepted.", retryable=False)
        case "UNAVAILABLE" if _CONNECTION.search(message):
            return ConnectionFailed()
        case "UNKNOWN" | "INTERNAL" if _NOT_HTTP2.match(message):
            return ConnectionFailed()
        case "DEADLINE_EXCEEDED" if _DEADLINE.fullmatch(message):
            # No time is left for another call.
            return Timeout(retryable=False)
        case "RESOURCE_EXHAUSTED" if _CAP.search(message):
            return InvalidResponse("It was larger than any answer can be.")
        case _:
            return None


def _usage(message: Any) -> Usage:
    """Return the counts; the SDK's schema, of 2025, shows none for thinking.

    Gemini counts the visible answer apart from thinking, and leaves a count of 0 out.
    """
    if not message.HasField("usage_metadata"):
        return Usage()
    return Usage(
        input_tokens=count(message.usage_metadata.prompt_token_count),
        output_tokens=count(message.usage_metadata.candidates_token_count),
    )
