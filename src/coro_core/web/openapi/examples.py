"""An example of each kind of request, row, list and problem, for the published description."""

from typing import Any

from coro_core.api.problems import FieldErrors, Kind, problem_body

REQUEST_ID = "6f1e0c9a4b7d2358"
_TIME = "2026-11-22T12:00:00Z"
_PROMPT = "What is 2+2?"
_OPTIONS: dict[str, Any] = {
    "temperature": 0.2,
    "max_tokens": 200,
    "timeout": 10,
    "on_retired": "substitute",
}

CHAT_REQUESTS: dict[str, dict[str, Any]] = {
    "five_models": {
        "prompt": _PROMPT,
        "models": ["gemini", "llama-70b", "llama-8b", "mixtral", "deepseek"],
    },
    "every_option": {"prompt": _PROMPT, "models": ["gemini", "deepseek"], **_OPTIONS},
    "by_the_providers_own_name": {
        "prompt": _PROMPT,
        "models": ["groq:openai/gpt-oss-120b", "gemini:gemini-3.5-flash-lite"],
    },
}
SINGLE_CHAT_REQUESTS: dict[str, dict[str, Any]] = {
    "prompt_alone": {"prompt": _PROMPT},
    "every_option": {"prompt": _PROMPT, **_OPTIONS},
}
MODEL_IDS = {"an_id": "llama-70b", "by_the_providers_own_name": "groq:openai/gpt-oss-120b"}

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
    "model": "groq:openai/gpt-oss-120b",
    "response": "2 + 2 = 4.",
    "tokens": 8,
    "latency_ms": 702,
    "upstream_model": "openai/gpt-oss-120b",
    "finish_reason": "stop",
    "usage": {"input_tokens": 7, "output_tokens": 8, "reasoning_tokens": 21},
}
SUBSTITUTED: dict[str, Any] = {
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
    "substituted": True,
    "retry_after_s": 16.8,
}
TIMED_OUT: dict[str, Any] = {
    **_ROW,
    "model": "deepseek",
    "latency_ms": 5001,
    "error": "DeepSeek did not answer in time; try again, or allow more with timeout.",
    "error_code": "timeout",
    "upstream_model": "deepseek-flash",
    "substituted": True,
}
RETIRED: dict[str, Any] = {
    **_ROW,
    "model": "gemini",
    "latency_ms": 160,
    "error": "Google does not serve gemini-1.5-flash to this account. gemini-3.5-flash-lite would"
    " answer: allow that with on_retired=substitute.",
    "error_code": "model_unavailable",
    "upstream_model": "gemini-1.5-flash",
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


def chat(*rows: dict[str, Any]) -> dict[str, Any]:
    """Return the reply that has these rows."""
    failed = sum(row["error_code"] is not None for row in rows)
    return {
        "responses": list(rows),
        "total_latency_ms": max(row["latency_ms"] for row in rows),
        "succeeded": len(rows) - failed,
        "failed": failed,
        "request_id": REQUEST_ID,
    }


HEALTH = {"status": "ok", "timestamp": _TIME}
MODELS: dict[str, Any] = {
    "models": [
        {
            "id": "gemini",
            "name": "Gemini 1.5 Flash",
            "provider": "Google",
            "cost": "free",
            "available": True,
            "reason": None,
            "upstream_model": "gemini-3.5-flash-lite",
            "substituted": True,
            "note": "gemini-1.5-flash is no longer served; gemini-3.5-flash-lite answers.",
        },
        {
            "id": "llama-8b",
            "name": "Llama 3.1 8B",
            "provider": "Groq",
            "cost": "free",
            "available": False,
            "reason": "GROQ_API_KEY is not set; get one at https://console.groq.com/keys.",
            "upstream_model": "llama-3.1-8b-instant",
            "substituted": False,
            "note": None,
        },
    ]
}
_TRAFFIC: dict[str, Any] = {
    "last_success": None,
    "last_error": None,
    "last_error_code": None,
    "last_discovery": None,
    "last_discovery_error_code": None,
    "listed": 0,
    "abandoned": 0,
    "stragglers": 0,
}
PLUGINS: dict[str, Any] = {
    "plugins": [
        {
            "name": "gemini",
            "distribution": "coro-gemini",
            "version": "0.1.0",
            "state": "ready",
            "reason": None,
            "models": ["gemini"],
            "traffic": {
                **_TRAFFIC,
                "last_success": _TIME,
                "last_error": "2026-11-22T11:42:07Z",
                "last_error_code": "overloaded",
                "last_discovery": "2026-11-22T11:30:00Z",
                "listed": 4,
            },
        },
        {
            "name": "groq",
            "distribution": "coro-groq",
            "version": "0.1.0",
            "state": "unconfigured",
            "reason": "GROQ_API_KEY is not set; get one at https://console.groq.com/keys.",
            "models": ["llama-70b", "llama-8b", "mixtral"],
            "traffic": _TRAFFIC,
        },
    ]
}


def _problem(status: int, kind: Kind, detail: str, *, errors: FieldErrors = ()) -> dict[str, Any]:
    """Return what the server itself would send."""
    return problem_body(REQUEST_ID, status, kind, detail, errors=errors)


def _invalid(field: str, message: str) -> dict[str, Any]:
    errors = [(field, message)]
    return _problem(422, "invalid-request", f"{field}: {message}.", errors=errors)


NO_SUCH_MODEL = _problem(404, "unknown-model", UNKNOWN["error"])
TOO_SLOW = _problem(408, "body-too-slow", "The body did not arrive within 5 s; send it again.")
TOO_LARGE = _problem(
    413, "body-too-large", "The body is larger than 1048576 bytes; shorten the prompt."
)
OUT_OF_RANGE = _invalid("temperature", "should be less than or equal to 1")
MISSING = _invalid("prompt", "this field is required")
MISSPELT = _invalid("temprature", "there is no such field")
NOT_JSON = _problem(
    422,
    "invalid-request",
    "The body is not JSON that can be used: it cannot be parsed.",
    errors=[("body", "it cannot be parsed")],
)
NONE_KNOWN = _problem(
    422,
    "unknown-model",
    "None of these models is on offer; GET /models lists those that are.",
    errors=[("models.0", UNKNOWN["error"])],
)
NOT_A_BOOLEAN = _invalid("all", "should be a valid boolean, unable to interpret input")
OVERLOADED = _problem(503, "overloaded", "CORO has 256 requests at work already; try again in 2 s.")
SHUTTING_DOWN = _problem(503, "shutting-down", "CORO is stopping; try again in 2 s.")
