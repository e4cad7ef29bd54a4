"""What Gemini answered, in plain data, and what that means: decided once, for both SDKs."""

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
"""Google adds reasons at any time: what is not here is `other`. As in google-genai 3.4.0."""
_MAX_COUNT = 2**53
"""What JSON readers agree on; a larger count is nonsense and would break a client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The first candidate of an answer, or what there is in place of one."""

    text: str = field(default="", repr=False)
    """The candidate's text parts joined, without thoughts; empty when there is no candidate."""
    finish_reason: str = ""
    """Why it ended, in Google's words, such as `MAX_TOKENS`; empty when that is not known."""
    prompt_blocked: bool = False
    """Whether there is no candidate because the prompt was blocked, for any reason."""
    model: str = ""
    usage: Usage = field(default_factory=Usage)


def generation(reply: Reply) -> Generation:
    """Return the answer in a reply; a filtered answer keeps the text it has.

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


def count(value: object) -> int | None:
    """Return a count of tokens; the wire can carry what counts nothing, such as -1."""
    return value if type(value) is int and 0 <= value < _MAX_COUNT else None
