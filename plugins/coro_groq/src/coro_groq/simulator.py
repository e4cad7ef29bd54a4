"""The simulator of Groq: its models of today, and its own error replies.

Names and bodies as reported in public up to 2026-11-22 (see `error_mapping.py`). The latencies are
guesses from the models' sizes.
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
    json_reply,
    serve_chat,
)
from coro_groq.settings import ADDRESS, KEY

DEFAULT_MODELS: Mapping[str, float] = {
    "openai/gpt-oss-120b": 0.9,
    "openai/gpt-oss-20b": 0.4,
    "qwen/qwen3.6-27b": 0.8,
    "qwen/qwen3.8-27b": 0.7,
    "groq/compound": 1.8,
    "groq/compound-mini": 1.2,
}
"""The upstream models served today, with the usual latency in seconds."""

_DECOMMISSIONED = {"llama-3.1-70b-versatile", "mixtral-8x7b-32768"}
"""Models that Groq reports as decommissioned. It reports later retirements as unknown models."""

_ERROR_REPLIES: Mapping[str, tuple[int, str, str | None, str]] = {
    "authentication_failed": (401, "invalid_request_error", "invalid_api_key", "Invalid API Key"),
    "rate_limited": (
        429,
        "tokens",
        "rate_limit_exceeded",
        "Rate limit reached for model `{model}` in organization `org_simulated` service tier"
        " `on_demand` on tokens per minute (TPM): Limit 8000, Used 7900, Requested 600. Please try"
        " again in 3.75s.",
    ),
    "quota_exhausted": (
        429,
        "tokens",
        "rate_limit_exceeded",
        "Rate limit reached for model `{model}` in organization `org_simulated` service tier"
        " `on_demand` on tokens per day (TPD): Limit 200000, Used 199900, Requested 600. Please try"
        " again in 3m36s.",
    ),
    "model_unavailable": (
        404,
        "invalid_request_error",
        "model_not_found",
        "The model `{model}` does not exist or you do not have access to it.",
    ),
    "model_decommissioned": (
        400,
        "invalid_request_error",
        "model_decommissioned",
        "The model `{model}` has been decommissioned and is no longer supported. Please refer to"
        " https://console.groq.com/docs/deprecations for a recommendation on which model to use"
        " instead.",
    ),
    "bad_request": (400, "invalid_request_error", None, "'temperature' : must be at most 2"),
    "too_large": (
        413,
        "tokens",
        "rate_limit_exceeded",
        "Request too large for model `{model}` in organization `org_simulated` service tier"
        " `on_demand` on tokens per minute (TPM): Limit 8000, Requested 9000, please reduce your"
        " message size and try again.",
    ),
    "timeout": (504, "internal_server_error", None, "Gateway Timeout"),
    "overloaded": (503, "internal_server_error", None, "Service Unavailable"),
    "upstream_error": (500, "internal_server_error", None, "Internal Server Error"),
}


@asynccontextmanager
async def simulate(behaviour: Behaviour) -> AsyncIterator[Mapping[str, str]]:
    """Serve Groq's protocol on loopback and yield the settings that lead to it."""
    dialect = ChatDialect(
        chat_path="/openai/v1/chat/completions",
        models_path="/openai/v1/models",
        default_models=DEFAULT_MODELS,
        reply_for_error=_reply_for_error,
        headers={
            "x-ratelimit-limit-requests": "1000",
            "x-ratelimit-limit-tokens": "8000",
            "x-ratelimit-remaining-requests": "999",
            "x-ratelimit-remaining-tokens": "7500",
            "x-ratelimit-reset-requests": "1m26.4s",
            "x-ratelimit-reset-tokens": "3.75s",
        },
        fields={"x_groq": {"id": "req_simulated"}},
    )
    async with serve_chat(behaviour, dialect) as address:
        yield {KEY: CANARY_KEY, ADDRESS: address}


def _reply_for_error(code: str, call: Call, behaviour: Behaviour) -> HttpReply:
    if code == "content_blocked":
        # Groq documents no content filter, so reply as OpenAI's dialect does.
        choice = {"message": {"content": None}, "finish_reason": "content_filter"}
        return json_reply({"model": call.model, "choices": [choice]})
    retired = code == "model_unavailable" and call.model in _DECOMMISSIONED
    status, kind, reason, message = _ERROR_REPLIES["model_decommissioned" if retired else code]
    error = {"message": message.format(model=call.model), "type": kind, "code": reason}
    return error_reply(status, error, behaviour)
