"""The OpenAI chat dialect, read with care: nothing that a server sends is taken for granted.

Functions rather than a base class: providers that look alike drift apart, and each plugin keeps its
own few lines of client code around these.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from coro_core.contract.errors import ContentBlocked, EmptyResponse, InvalidResponse, ProviderError
from coro_core.contract.types import FinishReason, GenerateRequest, Generation
from coro_core.kit.http.bounded_json import json_object, json_value
from coro_core.kit.http.error_body import error_body_of, spent_on_thinking, status_meant
from coro_core.kit.http.usage import read_usage

_FINISH_REASONS: Mapping[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "model_length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "content_filter": "content_filter",
}
_THINKING = re.compile(
    # The opening tag is missing where a chat template has put it into the prompt.
    r"\s*<(think|thinking)>.*?</\1>\s*|(?:(?!<think).)*?\n</think>[ \t]*\n\s*",
    re.DOTALL | re.IGNORECASE,
)
_UNFINISHED_THINKING = re.compile(r"\s*<(think|thinking)>", re.IGNORECASE)


def chat_body(request: GenerateRequest, **fields: Any) -> dict[str, Any]:
    """Return the body of `POST /chat/completions`; `fields` are added, or replace its own.

    `stream` is false: some servers stream by default.
    """
    return {
        "model": request.model,
        "messages": [{"role": "user", "content": request.prompt}],
        "temperature": request.temperature,
        "stream": False,
        **fields,
    }


def read_completion(
    content: bytes,
    *,
    failures: Mapping[str, type[ProviderError]] | None = None,
    parts: bool = False,
    map_error: Callable[[int], ProviderError] | None = None,
    address_setting: str | None = None,
) -> Generation:
    """Return the answer in a chat completion.

    Leading blank lines are keep-alives. Output tokens are the visible answer's: reasoning is
    counted apart where the provider reports it, and thinking within the answer is left out.
    `failures` holds the provider's own finish reasons of a broken answer: the error is raised, the
    partial answer dropped. With `parts`, an answer may be a list of parts, of which the texts
    count. `map_error` maps an error that came with a 200, in place of an answer or inside a broken
    one, given the status that it should have had. `address_setting` is named where the reply is a
    web page.

    Raises the errors of `failures` and `map_error`, `InvalidResponse`, `EmptyResponse` or
    `ContentBlocked`.
    """
    reply = _reply_object(content, address_setting)
    choice = _first_choice(reply)
    reason = _text(choice.get("finish_reason"))
    failure = failures.get(reason) if failures else None
    failed = not reply.get("choices") or choice.get("error") or failure
    if map_error and failed and (status := status_meant(error_body_of(reply))):
        raise map_error(status)
    if failure:
        raise failure()
    text = _answer_text(choice, parts)
    finish_reason = _FINISH_REASONS.get(reason, "other")
    if text is None or not text.strip():
        raise _no_text(finish_reason)
    usage = read_usage(reply.get("usage"))
    answer = _without_thinking(text)
    if answer != text:
        if not answer.strip():
            raise _no_text("length")
        if not usage.reasoning_tokens:
            # The count is of the thinking as well, and nobody says how much of it.
            usage = replace(usage, output_tokens=None)
    return Generation(
        text=answer,
        model=_text(reply.get("model")) or None,
        finish_reason=finish_reason,
        usage=usage,
    )


def read_model_ids(content: bytes) -> frozenset[str]:
    """Return the names in the reply to `GET /models`, without entries that say `active: false`.

    The list stands in `data`, or is all of the reply. Raises `InvalidResponse`.
    """
    value = json_value(content)
    data = value.get("data") if isinstance(value, dict) else value or None
    if not isinstance(data, list):
        raise InvalidResponse("It holds no list of models.")
    entries = (
        entry for entry in data if isinstance(entry, dict) and entry.get("active") is not False
    )
    return frozenset(name for entry in entries if (name := _text(entry.get("id"))))


def _reply_object(content: bytes, address_setting: str | None) -> dict[str, Any]:
    if address_setting and content.lstrip()[:1] == b"<":
        raise InvalidResponse(f"It is a web page; check {address_setting}.")
    return json_object(content)


def _first_choice(reply: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first choice, or an empty one where there is none."""
    choices = reply.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, dict) else {}


def _answer_text(choice: Mapping[str, Any], parts: bool) -> str | None:
    message = choice.get("message")
    if message is None and choice.get("finish_reason") is not None:
        # It stopped before its first word.
        return None
    if not isinstance(message, dict):
        raise InvalidResponse("It holds no answer.")
    text = message.get("content")
    if parts:
        text = _joined(text)
    if text is not None and not isinstance(text, str):
        raise InvalidResponse("Its answer is not a text.")
    return text


def _joined(content: object) -> object:
    """Return the texts of a content that comes in parts, without those of thinking."""
    if not isinstance(content, list) or not all(
        isinstance(part, dict) and isinstance(part.get("type"), str) for part in content
    ):
        return content
    return "".join(_text(part.get("text")) for part in content if part["type"] == "text")


def _without_thinking(text: str) -> str:
    """Return the text without a block of thinking at its start; empty if the block never ends."""
    if "think" not in text.lower():
        return text
    if match := _THINKING.match(text):
        return text[match.end() :]
    return "" if _UNFINISHED_THINKING.match(text) else text


def _no_text(finish_reason: FinishReason) -> ProviderError:
    if finish_reason == "content_filter":
        return ContentBlocked()
    if finish_reason == "length":
        return spent_on_thinking()
    return EmptyResponse("Try again, or rephrase the prompt.")


def _text(value: object) -> str:
    """Return a text or a number as text, anything else as nothing."""
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else ""
