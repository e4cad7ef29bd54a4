"""A candidate of Gemini's in plain data, and its meaning: one decision for both SDKs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coro_core import ContentBlocked, EmptyResponse, FinishReason, Generation, Usage

_FINISH_REASONS: Mapping[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}
"""The reasons of google-genai 3.4.0. Google adds reasons at any time; a new one is `other`."""
_MAX_COUNT = 2**53
"""The largest integer that every JSON reader holds exactly. A larger count is dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The first candidate of a reply, or the reason why the reply holds none."""

    text: str = field(default="", repr=False)
    """The candidate's text parts joined, without thoughts. Empty without a candidate."""
    finish_reason: str = ""
    """Google's name for the reason, such as `MAX_TOKENS`. Empty if unknown."""
    prompt_blocked: bool = False
    """True if the prompt was blocked, for any reason, so that there is no candidate."""
    model: str = ""
    usage: Usage = field(default_factory=Usage)


def to_generation(reply: Reply) -> Generation:
    """Return the answer in a reply. A filtered answer keeps its text.

    Raises `ContentBlocked` or `EmptyResponse`.
    """
    if reply.prompt_blocked:
        raise ContentBlocked()
    finish_reason = _FINISH_REASONS.get(reply.finish_reason, "other")
    if not reply.text or reply.text.isspace():
        if finish_reason == "content_filter":
            raise ContentBlocked()
        if finish_reason == "length":
            raise EmptyResponse("It spent all of max_tokens on thinking; raise max_tokens.")
        raise EmptyResponse("Try again, or rephrase the prompt.")
    return Generation(
        text=reply.text,
        model=reply.model or None,
        finish_reason=finish_reason,
        usage=reply.usage,
    )


def token_count(value: object) -> int | None:
    """Return a count of tokens, or `None` for a value that is no count, such as -1."""
    return value if type(value) is int and 0 <= value < _MAX_COUNT else None
