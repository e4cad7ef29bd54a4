"""The simulator of OpenAI: its headers, and its own error replies.

Bodies as documented at https://platform.openai.com/docs/guides/error-codes and as reported in
public up to 2026-11-22 (see `error_mapping.py`).
"""

import itertools
from collections.abc import AsyncIterator, Iterable, Mapping
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
from coro_openai.settings import PREFIX, ServiceConfig

DEFAULT_MODELS: Mapping[str, float] = {"gpt-4.1-nano": 0.5, "gpt-5-mini": 1.3}
"""The upstream models served, with the usual latency in seconds."""
_USUAL_SECONDS = 0.8
"""The latency of any other configured model."""

_OPENAI = f"{PREFIX}OPENAI"

_ERROR_REPLIES: Mapping[str, tuple[int, str, str | None, str]] = {
    "authentication_failed": (
        401,
        "invalid_request_error",
        "invalid_api_key",
        "Incorrect API key provided: {key}. You can find your API key at"
        " https://platform.openai.com/account/api-keys.",
    ),
    "rate_limited": (
        429,
        "requests",
        "rate_limit_exceeded",
        "Rate limit reached for {model} in organization org-simulated on requests per min (RPM):"
        " Limit 3, Used 3, Requested 1. Please try again in 20s.",
    ),
    "quota_exhausted": (
        429,
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "model_unavailable": (
        404,
        "invalid_request_error",
        "model_not_found",
        "The model `{model}` does not exist or you do not have access to it.",
    ),
    "bad_request": (
        400,
        "invalid_request_error",
        "invalid_value",
        "Invalid value for 'messages[0].role'.",
    ),
    "too_large": (
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "This model's maximum context length is 8192 tokens. However, your messages resulted in"
        " 9000 tokens. Please reduce the length of the messages.",
    ),
    "timeout": (504, "server_error", None, "Gateway Timeout"),
    "overloaded": (
        503,
        "service_unavailable_error",
        None,
        "The engine is currently overloaded, please try again later",
    ),
    "upstream_error": (
        500,
        "server_error",
        None,
        "The server had an error while processing your request. Sorry about that!",
    ),
}


@asynccontextmanager
async def simulate(
    behaviour: Behaviour, configured: Iterable[ServiceConfig] = ()
) -> AsyncIterator[Mapping[str, str]]:
    """Serve OpenAI's protocol on loopback and yield the settings that lead services to it.

    OpenAI is always one of the services, so that there is a model without any configuration. A
    configured service keeps its other settings and its models.
    """
    candidates = {
        config.variable: [name for model in config.models for name in model.candidates]
        for config in configured
    }
    names = {name.partition("/")[2] for name in itertools.chain(*candidates.values())}
    dialect = ChatDialect(
        chat_path="/v1/chat/completions",
        models_path="/v1/models",
        default_models={**dict.fromkeys(names, _USUAL_SECONDS), **DEFAULT_MODELS},
        reply_for_error=_reply_for_error,
        headers={
            "openai-processing-ms": "12",
            "openai-version": "2020-10-01",
            "x-request-id": "req_simulated",
            "x-ratelimit-limit-requests": "500",
            "x-ratelimit-limit-tokens": "200000",
            "x-ratelimit-remaining-requests": "499",
            "x-ratelimit-remaining-tokens": "199000",
            "x-ratelimit-reset-requests": "120ms",
            "x-ratelimit-reset-tokens": "6ms",
        },
        fields={"service_tier": "default", "system_fingerprint": None},
    )
    async with serve_chat(behaviour, dialect) as address:
        settings = (
            {} if candidates.get(_OPENAI) else {f"{_OPENAI}_MODELS": ",".join(DEFAULT_MODELS)}
        )
        for variable in sorted({_OPENAI, *candidates}):
            settings[f"{variable}_BASE_URL"] = f"{address}/v1"
            settings[f"{variable}_API_KEY"] = CANARY_KEY
            # Without this, the service would need no key, as any server on this machine.
            settings[f"{variable}_KEYLESS"] = "false"
        yield settings


def _reply_for_error(code: str, call: Call, behaviour: Behaviour) -> HttpReply:
    if code == "content_blocked":
        choice = {"message": {"content": None}, "finish_reason": "content_filter"}
        return json_reply({"model": call.model, "choices": [choice]})
    status, kind, reason, message = _ERROR_REPLIES[code]
    # OpenAI echoes a part of the key.
    key = call.headers.get("authorization", "")[-4:]
    error = {
        "message": message.format(model=call.model, key=f"sk-****{key}"),
        "type": kind,
        "param": None,
        "code": reason,
    }
    return error_reply(status, error, behaviour)
