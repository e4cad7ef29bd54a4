"""The simulator of DeepSeek: its models of today, and its own error replies.

Names and bodies as reported in public up to 2026-11-22 (see `error_mapping.py`).
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from coro_core.testing import (
    CANARY_KEY,
    Behaviour,
    Call,
    ChatDialect,
    HttpReply,
    error_reply,
    serve_chat,
)
from coro_deepseek.settings import ADDRESS, KEY

DEFAULT_MODELS: Mapping[str, float] = {"deepseek-flash": 1.6, "deepseek-v4-flash": 1.6}
"""The upstream models served today, with the usual latency in seconds."""

_ERROR_REPLIES: Mapping[str, tuple[int, str, str]] = {
    "authentication_failed": (
        401,
        "authentication_error",
        "Authentication Fails, Your api key: ****{key} is invalid",
    ),
    "quota_exhausted": (402, "unknown_error", "Insufficient Balance"),
    "model_unavailable": (
        400,
        "invalid_request_error",
        "The supported API model names are deepseek-flash, deepseek-v4-flash, but you passed"
        " {model}.",
    ),
    "bad_request": (
        422,
        "invalid_request_error",
        "Failed to deserialize the JSON body into the target type: temperature: invalid type",
    ),
    "too_large": (
        400,
        "invalid_request_error",
        "This model's maximum context length is 1048576 tokens. However, you requested 1050000"
        " tokens (1049488 in the messages, 512 in the completion). Please reduce the length of the"
        " messages or completion.",
    ),
    "content_blocked": (400, "invalid_request_error", "Content Exists Risk"),
    "rate_limited": (429, "rate_limit_error", "Rate limit reached"),
    "timeout": (504, "service_unavailable_error", "Gateway Timeout"),
    "overloaded": (503, "service_unavailable_error", "Service is too busy"),
    "upstream_error": (500, "internal_error", "Internal server error"),
}


@asynccontextmanager
async def simulate(behaviour: Behaviour) -> AsyncIterator[Mapping[str, str]]:
    """Serve DeepSeek's protocol on loopback and yield the settings that lead to it."""
    dialect = ChatDialect(
        chat_path="/v1/chat/completions",
        models_path="/models",
        default_models=DEFAULT_MODELS,
        reply_for_error=_reply_for_error,
    )
    async with serve_chat(behaviour, dialect) as address:
        yield {KEY: CANARY_KEY, ADDRESS: address}


def _reply_for_error(code: str, call: Call, behaviour: Behaviour) -> HttpReply:
    status, kind, message = _ERROR_REPLIES[code]
    # DeepSeek echoes the end of the key.
    key = call.headers.get("authorization", "")[-4:]
    error = {
        "message": message.format(model=call.model, key=key),
        "type": kind,
        "param": None,
        "code": "invalid_request_error",
    }
    return error_reply(status, error, behaviour)
