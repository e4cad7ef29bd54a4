"""One example for each kind of row and each kind of error, for the published description."""

from typing import Any

from pydantic import BaseModel

from coro_core.web.problems import MEDIA_TYPE
from coro_core.web.schemas import ChatResponse, ModelResponse

_ROW: dict[str, Any] = {
    "model": "llama-70b",
    "response": "",
    "tokens": None,
    "latency_ms": 0,
    "error": None,
    "error_code": None,
    "upstream_model": None,
    "substituted": False,
    "note": None,
    "finish_reason": None,
    "usage": {"input_tokens": None, "output_tokens": None, "reasoning_tokens": None},
    "retry_after_s": None,
}

ANSWERED: dict[str, Any] = {
    **_ROW,
    "model": "gemini",
    "response": "2 + 2 = 4.",
    "tokens": 8,
    "latency_ms": 892,
    "upstream_model": "gemini-3.5-flash-lite",
    "substituted": True,
    "note": "gemini-1.5-flash is no longer served; gemini-3.5-flash-lite answered.",
    "finish_reason": "stop",
    "usage": {"input_tokens": 7, "output_tokens": 8, "reasoning_tokens": None},
}
RATE_LIMITED: dict[str, Any] = {
    **_ROW,
    "latency_ms": 234,
    "error": "Rate limit exceeded at Groq; try again in 17 s.",
    "error_code": "rate_limited",
    "upstream_model": "openai/gpt-oss-120b",
    "retry_after_s": 16.8,
}
TIMED_OUT: dict[str, Any] = {
    **_ROW,
    "model": "deepseek",
    "latency_ms": 5001,
    "error": "DeepSeek did not answer in time; try again, or allow more with timeout.",
    "error_code": "timeout",
    "upstream_model": "deepseek-flash",
}
NOT_CONFIGURED: dict[str, Any] = {
    **_ROW,
    "model": "gemini",
    "error": "GEMINI_API_KEY is not set; get one at https://aistudio.google.com/apikey.",
    "error_code": "not_configured",
}
UNKNOWN: dict[str, Any] = {
    **_ROW,
    "model": "no-such-model",
    "error": "No installed plugin offers this model; GET /models lists those there are.",
    "error_code": "unknown_model",
}


def _chat(*rows: dict[str, Any]) -> dict[str, Any]:
    failed = sum(row["error_code"] is not None for row in rows)
    return {
        "responses": list(rows),
        "total_latency_ms": max(row["latency_ms"] for row in rows),
        "succeeded": len(rows) - failed,
        "failed": failed,
        "request_id": "6f1e0c9a4b7d2358",
    }


def _body(model: type[BaseModel], what: str, **examples: dict[str, Any]) -> dict[str, Any]:
    """Describe a reply with an example for each of its cases."""
    named = {name: {"summary": name.replace("_", " "), "value": v} for name, v in examples.items()}
    return {
        "model": model,
        "description": what,
        "content": {"application/json": {"examples": named}},
    }


def _problem(status: int, kind: str, title: str, detail: str, field: str = "") -> dict[str, Any]:
    errors = [{"field": field, "message": detail.partition(": ")[2].rstrip(".")}] if field else []
    example = {
        "type": f"urn:coro:problem:{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        "request_id": "6f1e0c9a4b7d2358",
        "errors": errors,
    }
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": title,
        "content": {MEDIA_TYPE: {"schema": schema, "example": example}},
    }


def _or_turned_away(reply: dict[str, Any]) -> dict[str, Any]:
    """Add what a server with too many requests at work says instead."""
    away = _problem(
        503,
        "overloaded",
        "Too many requests at once",
        "CORO has 256 requests at work already; try again in 2 s.",
    )
    return {**reply, "content": {**reply["content"], **away["content"]}}


_COMMON: dict[int | str, dict[str, Any]] = {
    408: _problem(
        408,
        "body-too-slow",
        "Body too slow",
        "The body did not arrive within 5 s; send it again.",
    ),
    413: _problem(
        413,
        "body-too-large",
        "Body too large",
        "The body is larger than 1048576 bytes; shorten the prompt.",
    ),
    422: _problem(
        422,
        "invalid-request",
        "Invalid request",
        "temperature: should be less than or equal to 1.",
        "temperature",
    ),
}

LIST_RESPONSES: dict[int | str, dict[str, Any]] = {
    422: _problem(
        422,
        "invalid-request",
        "Invalid request",
        "all: should be a valid boolean, unable to interpret input.",
        "all",
    ),
}

CHAT_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: _body(
        ChatResponse,
        "At least one model answered.",
        all_answered=_chat(ANSWERED),
        one_rate_limited=_chat(ANSWERED, RATE_LIMITED),
        one_timed_out=_chat(ANSWERED, TIMED_OUT),
        one_unknown=_chat(ANSWERED, UNKNOWN),
    ),
    **_COMMON,
    500: _body(
        ChatResponse,
        "Every model that was asked failed; each row says why.",
        all_failed=_chat(RATE_LIMITED, TIMED_OUT),
    ),
    503: _or_turned_away(
        _body(
            ChatResponse,
            "No model could be asked, and each row says why; or there are too many requests.",
            not_configured=_chat(NOT_CONFIGURED),
        )
    ),
}

SINGLE_CHAT_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: _body(ModelResponse, "The model answered.", answered=ANSWERED),
    404: _problem(
        404,
        "unknown-model",
        "Unknown model",
        "No installed plugin offers this model; GET /models lists those there are.",
    ),
    **_COMMON,
    500: _body(
        ModelResponse,
        "The model was asked and failed.",
        rate_limited=RATE_LIMITED,
        timed_out=TIMED_OUT,
    ),
    503: _or_turned_away(
        _body(
            ModelResponse,
            "The model could not be asked, or there are too many requests.",
            not_configured=NOT_CONFIGURED,
        )
    ),
}
