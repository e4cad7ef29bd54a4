"""Replies over gRPC, read out of google-generativeai's objects."""

from collections.abc import Mapping
from typing import Any

from coro_core import Usage
from coro_gemini.generation import Reply, token_count
from coro_gemini.grpc.sdk import protos

_FINISH_REASONS: Mapping[int, str] = {
    number: value.name
    for number, value in protos.Candidate.pb()
    .DESCRIPTOR.enum_types_by_name["FinishReason"]
    .values_by_number.items()
}
"""The reasons that the SDK knows. A newer reason arrives as a bare number."""


def read_reply(response: protos.GenerateContentResponse) -> Reply:
    """Return the reply in plain data.

    No part is a thought: Gemini sends thoughts on request only, and this SDK cannot request them.
    """
    # The plain protobuf message: the SDK's wrapper warns of every number that it cannot name.
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


def _usage(message: Any) -> Usage:
    """Return the counts. The SDK's schema, of 2025, has none for thinking.

    Gemini counts the visible answer apart from thinking, and omits a count of 0.
    """
    if not message.HasField("usage_metadata"):
        return Usage()
    return Usage(
        input_tokens=token_count(message.usage_metadata.prompt_token_count),
        output_tokens=token_count(message.usage_metadata.candidates_token_count),
    )
