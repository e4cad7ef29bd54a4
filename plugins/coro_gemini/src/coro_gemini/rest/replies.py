"""Replies over REST, read out of Gemini's JSON. No SDK has checked it."""

from coro_core import InvalidResponse, Usage
from coro_core.kit.http import json_object
from coro_gemini.generation import Reply, token_count
from coro_gemini.rest.json_fields import as_list, as_object, as_text


def read_reply(content: str) -> Reply:
    """Return the reply in plain data, without thoughts. Raises `InvalidResponse`."""
    body = json_object(content)
    usage, model = body.get("usageMetadata"), as_text(body.get("modelVersion"))
    feedback = body.get("promptFeedback")
    if not body.keys() & {"candidates", "promptFeedback", "usageMetadata"}:
        raise InvalidResponse("It holds no answer.")
    candidates = as_list(body.get("candidates"))
    if not candidates:
        blocked = isinstance(feedback, dict) and bool(feedback.get("blockReason"))
        return Reply(prompt_blocked=blocked, model=model, usage=_usage(usage))
    candidate = as_object(candidates[0])
    content_object = as_object(candidate.get("content") or {})
    parts = [as_object(part) for part in as_list(content_object.get("parts"))]
    texts = [part.get("text", "") for part in parts if part.get("thought") is not True]
    if not all(isinstance(text, str) for text in texts):
        raise InvalidResponse("Its answer is not a text.")
    return Reply(
        text="".join(texts),
        finish_reason=as_text(candidate.get("finishReason")),
        model=model,
        usage=_usage(usage),
    )


def _usage(usage: object) -> Usage:
    """Return the counts. Gemini counts the visible answer apart from thinking.

    Gemini omits a count of 0, and omits the count of thinking for models that do not think.
    """
    if not isinstance(usage, dict):
        return Usage()
    return Usage(
        input_tokens=token_count(usage.get("promptTokenCount", 0)),
        output_tokens=token_count(usage.get("candidatesTokenCount", 0)),
        reasoning_tokens=token_count(usage.get("thoughtsTokenCount")),
    )
