"""The OpenAI chat dialect, read with care: nothing a server sends is taken for granted.

Functions rather than a base class: providers that look alike drift apart, and each plugin keeps its
own few lines of wire code around these.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from coro_core.contract.errors import ContentBlocked, EmptyResponse, InvalidResponse, ProviderError
from coro_core.contract.types import FinishReason, GenerateRequest, Generation, Usage
from coro_core.kit.http.bounded_json import json_object

_FINISH_REASONS: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
}
_STATUSES = {
    "authentication_error": 401,
    "invalid_api_key": 401,
    "insufficient_quota": 402,
    "permission_error": 403,
    "model_not_found": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "api_error": 500,
    "internal_error": 500,
    "internal_server_error": 500,
    "server_error": 500,
    "overloaded_error": 503,
    "service_unavailable_error": 503,
}
"""The usual status of an error's code or type, for those that have one of their own."""
_MAX_COUNT = 2**53
"""What JSON readers agree on; a larger count is nonsense and would break a client."""


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What an error body says. For decisions only: a provider's text can echo keys and prompts."""

    message: str = field(default="", repr=False)
    code: str = ""
    type: str = ""


def chat_body(request: GenerateRequest, **fields: Any) -> dict[str, Any]:
    """Return the body of `POST /chat/completions`; `fields` are the provider's own additions."""
    return {
        "model": request.model,
        "messages": [{"role": "user", "content": request.prompt}],
        "temperature": request.temperature,
        **fields,
    }


def read_completion(
    content: bytes,
    *,
    failures: Mapping[str, type[ProviderError]] | None = None,
    parts: bool = False,
    map_error: Callable[[int], ProviderError] | None = None,
) -> Generation:
    """Return the answer in a chat completion.

    Leading blank lines are keep-alives. Output tokens are the visible answer's: reasoning is
    counted apart where the provider tells. `failures` holds the provider's own finish reasons that
    mean it broke off: the error is raised, the partial answer dropped. With `parts`, an answer may
    come in parts, of which the texts count. `map_error` maps an error that came with a 200, in
    place of an answer or with one that broke off, given the status that it should have had.
    Raises what these two hold, `InvalidResponse`, `EmptyResponse` or `ContentBlocked`.
    """
    reply = json_object(content)
    choice = _first_choice(reply)
    reason = _text(choice.get("finish_reason"))
    failure = failures.get(reason) if failures else None
    failed = not reply.get("choices") or choice.get("error") or failure
    if map_error and failed and (status := _status_meant(_error_body(reply))):
        raise map_error(status)
    if failure:
        raise failure()
    message = choice.get("message")
    if not isinstance(message, dict):
        raise InvalidResponse("It holds no answer.")
    text = message.get("content")
    if parts:
        text = _joined(text)
    if text is not None and not isinstance(text, str):
        raise InvalidResponse("Its answer is not a text.")
    if not text or text.isspace():
        raise _no_text(reason)
    return Generation(
        text=text,
        model=_text(reply.get("model")) or None,
        finish_reason=_FINISH_REASONS.get(reason, "other"),
        usage=_usage(reply.get("usage")),
    )


def read_model_ids(content: bytes) -> frozenset[str]:
    """Return the names in the reply to `GET /models`, without entries that say `active: false`.

    Raises `InvalidResponse`.
    """
    data = json_object(content).get("data")
    if not isinstance(data, list):
        raise InvalidResponse("It holds no list of models.")
    entries = (
        entry for entry in data if isinstance(entry, dict) and entry.get("active") is not False
    )
    return frozenset(name for entry in entries if (name := _text(entry.get("id"))))


def read_error(content: bytes) -> ErrorBody:
    """Return what an error body says, in whichever of the usual shapes it comes.

    An `error` object or string at the top or in the first choice, a `message` at the top, a
    `detail` that is a string or a list; or nothing at all for a body that is empty, HTML or broken.
    Never raises.
    """
    try:
        body = json_object(content)
    except InvalidResponse:
        return ErrorBody()
    return _error_body(body)


def _error_body(body: Mapping[str, Any]) -> ErrorBody:
    error = body.get("error") or _first_choice(body).get("error")
    if isinstance(error, str):
        return ErrorBody(message=error)
    if not isinstance(error, dict):
        error = body
    detail = error.get("detail")
    if isinstance(detail, list):
        detail = "; ".join(_text(item.get("msg")) for item in detail if isinstance(item, dict))
    return ErrorBody(
        message=_text(error.get("message")) or _text(detail),
        code=_text(error.get("code")),
        type=_text(error.get("type")),
    )


def _first_choice(reply: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first choice, or an empty one where there is none."""
    choices = reply.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, dict) else {}


def _joined(content: object) -> object:
    """Return the texts of a content that comes in parts, without those of thinking."""
    if not isinstance(content, list) or not all(
        isinstance(part, dict) and isinstance(part.get("type"), str) for part in content
    ):
        return content
    return "".join(_text(part.get("text")) for part in content if part["type"] == "text")


def _status_meant(error: ErrorBody) -> int | None:
    """Return the status that fits an error, by its code or type, if they say so much."""
    if re.fullmatch("[45][0-9]{2}", error.code):
        return int(error.code)
    usual = 400 if "invalid_request_error" in (error.code, error.type) else None
    return _STATUSES.get(error.code) or _STATUSES.get(error.type) or usual


def _no_text(finish_reason: str) -> ProviderError:
    if finish_reason == "content_filter":
        return ContentBlocked()
    if finish_reason == "length":
        return EmptyResponse("It spent all of max_tokens on thinking; raise max_tokens.")
    return EmptyResponse("Try again, or rephrase the prompt.")


def _usage(usage: object) -> Usage:
    if not isinstance(usage, dict):
        return Usage()
    details = usage.get("completion_tokens_details")
    reasoning = _count(details.get("reasoning_tokens")) if isinstance(details, dict) else None
    completion = _count(usage.get("completion_tokens"))
    visible = None if completion is None else max(completion - (reasoning or 0), 0)
    return Usage(
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=visible,
        reasoning_tokens=reasoning,
    )


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < _MAX_COUNT else None


def _text(value: object) -> str:
    """Return a text or a number as text, anything else as nothing."""
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else ""
