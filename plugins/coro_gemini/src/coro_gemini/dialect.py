"""How Gemini says things: answers, and refusals with Google's error details.

Wordings as reported in public (github.com/PixelPlayerHQ/PixelPlayer/issues/193 for a retired name,
continuedev/continue/issues/12767 for high demand), and
https://ai.google.dev/gemini-api/docs/troubleshooting, read 2026-11-22.
"""

from google.protobuf.message import Message

from coro_core.testing import Behaviour, Call
from coro_gemini.sdk import Status, error_details, grpc, protos

Refused = tuple[grpc.StatusCode, str, list[Message]]
"""A gRPC status, its text, and the messages of `google.rpc` that come with it."""

_Reply = protos.GenerateContentResponse
_DOMAIN = "googleapis.com"
_SERVICE = "generativelanguage.googleapis.com"


def said(call: Call, text: str | None) -> bytes:
    """Return a reply; words stand in for tokens, and no text for thinking that used them all."""
    stopped = protos.Candidate.FinishReason
    candidate = protos.Candidate(finish_reason=stopped.MAX_TOKENS)
    if text is not None:
        content = protos.Content(role="model", parts=[protos.Part(text=text)])
        candidate = protos.Candidate(content=content, finish_reason=stopped.STOP)
    asked, answered = len(str(call.body["prompt"]).split()), len((text or "").split())
    usage = _Reply.UsageMetadata(
        prompt_token_count=asked,
        candidates_token_count=answered,
        total_token_count=asked + answered,
    )
    return _bytes(_Reply(candidates=[candidate], usage_metadata=usage, model_version=call.model))


def blocked(call: Call) -> bytes:
    """Return the reply to a prompt that the content filter blocks."""
    feedback = _Reply.PromptFeedback(
        block_reason=_Reply.PromptFeedback.BlockReason.PROHIBITED_CONTENT
    )
    return _bytes(_Reply(prompt_feedback=feedback, model_version=call.model))


def refusal(code: str, model: str, behaviour: Behaviour) -> Refused:
    """Return what Gemini says for an error code of `coro_core.errors`."""
    status = grpc.StatusCode
    match code:
        case "authentication_failed":
            text = "API key not valid. Please pass a valid API key."
            info = error_details.ErrorInfo(
                reason="API_KEY_INVALID", domain=_DOMAIN, metadata={"service": _SERVICE}
            )
            local = error_details.LocalizedMessage(locale="en-US", message=text)
            return status.INVALID_ARGUMENT, text, [info, local]
        case "rate_limited":
            return _quota(model, "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", behaviour)
        case "quota_exhausted":
            return _quota(model, "GenerateRequestsPerDayPerProjectPerModel-FreeTier", behaviour)
        case "model_unavailable":
            text = (
                f"models/{model} is not found for API version v1beta, or is not supported for"
                " generateContent. Call ListModels to see the list of available models and their"
                " supported methods."
            )
            return status.NOT_FOUND, text, []
        case "bad_request":
            return status.INVALID_ARGUMENT, "Request contains an invalid argument.", []
        case "too_large":
            text = (
                "The input token count (1048577) exceeds the maximum number of tokens allowed"
                " (1048576)."
            )
            return status.INVALID_ARGUMENT, text, []
        case "timeout":
            text = "Deadline expired before operation could complete."
            return status.DEADLINE_EXCEEDED, text, []
        case "overloaded":
            text = (
                "This model is currently experiencing high demand. Spikes in demand are usually"
                " temporary. Please try again later."
            )
            return status.UNAVAILABLE, text, []
        case "upstream_error":
            return status.INTERNAL, "An internal error has occurred. Please retry.", []
        case _:
            raise ValueError(f"Gemini has no way to say {code!r}")


def trailing_metadata(refused: Refused) -> tuple[tuple[str, bytes], ...]:
    """Return the metadata that carries the error details, none where there are none."""
    status, text, details = refused
    if not details:
        return ()
    number: int = status.value[0]
    message = Status(code=number, message=text)
    for detail in details:
        message.details.add().Pack(detail)
    return (("grpc-status-details-bin", message.SerializeToString()),)


def _quota(model: str, quota_id: str, behaviour: Behaviour) -> Refused:
    text = (
        "You exceeded your current quota, please check your plan and billing details.\n* Quota"
        f" exceeded for metric: {_SERVICE}/generate_content_free_tier_requests, limit: 15,"
        f" model: {model}"
    )
    violation = error_details.QuotaFailure.Violation(
        quota_metric=f"{_SERVICE}/generate_content_free_tier_requests",
        quota_id=quota_id,
        quota_dimensions={"model": model, "location": "global"},
        quota_value=15,
    )
    details: list[Message] = [error_details.QuotaFailure(violations=[violation])]
    if behaviour.retry_after is not None:
        text += f"\nPlease retry in {behaviour.retry_after}s."
        wait = error_details.RetryInfo()
        wait.retry_delay.FromNanoseconds(int(behaviour.retry_after * 1e9))
        details.append(wait)
    return grpc.StatusCode.RESOURCE_EXHAUSTED, text, details


def _bytes(reply: protos.GenerateContentResponse) -> bytes:
    data: bytes = _Reply.serialize(reply)
    return data
