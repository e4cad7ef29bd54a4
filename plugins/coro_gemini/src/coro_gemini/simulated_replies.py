"""Gemini's replies as the simulators send them, in the JSON form that both protocols share.

Texts as reported in public (github.com/PixelPlayerHQ/PixelPlayer/issues/193 for a retired name,
continuedev/continue/issues/12767 for high demand), and
https://ai.google.dev/gemini-api/docs/troubleshooting, read 2026-11-22.
"""

from collections.abc import Collection, Mapping
from typing import Any

from coro_core.testing import Behaviour, Call

Json = Mapping[str, Any]

DEFAULT_MODELS: Mapping[str, float] = {
    "gemini-3.8-flash": 1.4,
    "gemini-3.6-flash": 1.2,
    "gemini-3.5-flash-lite": 0.7,
    "gemini-3.1-flash-lite": 0.6,
}
"""The upstream models served on 2026-11-22, with the usual latency in seconds.

https://ai.google.dev/gemini-api/docs/deprecations; the latencies are estimates.
"""

HTTP_STATUSES: Mapping[str, int] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""Google's status codes and their HTTP statuses.

https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto, read 2026-11-22.
"""

_EMBEDDING = "gemini-embedding-001"
"""A listed model that cannot generate."""
_PAGE_SIZE = 50
_MAX_PAGE_SIZE = 1000
_DOMAIN = "googleapis.com"
_SERVICE = "generativelanguage.googleapis.com"


def answer(call: Call, text: str | None) -> Json:
    """Return a reply. Its tokens are counted in words.

    Without a text, thinking has used up all tokens.
    """
    candidate: Json = {"finishReason": "MAX_TOKENS"}
    if text is not None:
        content = {"role": "model", "parts": [{"text": text}]}
        candidate = {"content": content, "finishReason": "STOP"}
    input_tokens, output_tokens = len(str(call.body["prompt"]).split()), len((text or "").split())
    usage = {
        "promptTokenCount": input_tokens,
        "candidatesTokenCount": output_tokens,
        "totalTokenCount": input_tokens + output_tokens,
    }
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": call.model}


def blocked_prompt(call: Call) -> Json:
    """Return the reply to a prompt that the content filter blocks."""
    return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "modelVersion": call.model}


def models_page(names: Collection[str], page_size: int, page_token: str) -> Json:
    """Return one page of the list. The token of a page is the index of its first entry."""
    entries = sorted({*names, _EMBEDDING})
    start = int(page_token or 0)
    end = start + min(page_size or _PAGE_SIZE, _MAX_PAGE_SIZE)
    models = [
        {
            "name": f"models/{name}",
            "supportedGenerationMethods": [
                "embedContent" if name == _EMBEDDING else "generateContent"
            ],
        }
        for name in entries[start:end]
    ]
    return {"models": models, **({"nextPageToken": str(end)} if end < len(entries) else {})}


def error_status(code: str, model: str, behaviour: Behaviour) -> Json:
    """Return the `google.rpc.Status` by which Gemini reports an error code.

    Its `status` is the name of its `code`, as in the bodies of Google's REST.
    """
    status = _status_for(code, model, behaviour)
    return {**status, "message": behaviour.message(status["message"])}


def _status_for(code: str, model: str, behaviour: Behaviour) -> Json:
    match code:
        case "authentication_failed":
            text = "API key not valid. Please pass a valid API key."
            info = error_detail(
                "ErrorInfo",
                reason="API_KEY_INVALID",
                domain=_DOMAIN,
                metadata={"service": _SERVICE},
            )
            local = error_detail("LocalizedMessage", locale="en-US", message=text)
            return rpc_status("INVALID_ARGUMENT", text, info, local)
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
            return rpc_status("NOT_FOUND", text)
        case "bad_request":
            return rpc_status("INVALID_ARGUMENT", "Request contains an invalid argument.")
        case "too_large":
            text = (
                "The input token count (1048577) exceeds the maximum number of tokens allowed"
                " (1048576)."
            )
            return rpc_status("INVALID_ARGUMENT", text)
        case "timeout":
            text = "Deadline expired before operation could complete."
            return rpc_status("DEADLINE_EXCEEDED", text)
        case "overloaded":
            text = (
                "This model is currently experiencing high demand. Spikes in demand are usually"
                " temporary. Please try again later."
            )
            return rpc_status("UNAVAILABLE", text)
        case "upstream_error":
            return rpc_status("INTERNAL", "An internal error has occurred. Please retry.")
        case _:
            raise ValueError(f"Gemini has no status for {code!r}")


def rpc_status(name: str, text: str, *details: Json) -> Json:
    """Return a `google.rpc.Status`."""
    return {
        "code": HTTP_STATUSES[name],
        "message": text,
        "status": name,
        **({"details": details} if details else {}),
    }


def error_detail(kind: str, **fields: Any) -> Json:
    """Return one of the messages of `google.rpc` that stand in the details of a status."""
    return {"@type": f"type.googleapis.com/google.rpc.{kind}", **fields}


def _quota(model: str, quota_id: str, behaviour: Behaviour) -> Json:
    text = (
        "You exceeded your current quota, please check your plan and billing details.\n* Quota"
        f" exceeded for metric: {_SERVICE}/generate_content_free_tier_requests, limit: 15,"
        f" model: {model}"
    )
    violation = {
        "quotaMetric": f"{_SERVICE}/generate_content_free_tier_requests",
        "quotaId": quota_id,
        "quotaDimensions": {"model": model, "location": "global"},
        "quotaValue": "15",
    }
    details = [error_detail("QuotaFailure", violations=[violation])]
    if behaviour.retry_after is not None:
        text += f"\nPlease retry in {behaviour.retry_after}s."
        details.append(error_detail("RetryInfo", retryDelay=f"{behaviour.retry_after:.9f}s"))
    return rpc_status("RESOURCE_EXHAUSTED", text, *details)
