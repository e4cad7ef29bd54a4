"""An example of each kind of request, row, list and problem, for the published description."""

from typing import Any

from coro_core.api.problems import FieldErrors, Kind, problem_body
from coro_core.api.serializers import model_response
from coro_core.contract.types import Usage
from coro_core.dispatch.result import ModelResult, substitution_note

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

_FIRST, _FALLBACK = "gemini-1.5-flash", "gemini-3.5-flash-lite"


def _row(**fields: Any) -> dict[str, Any]:
    """Return the row that the server would send for a result."""
    return model_response(ModelResult(**fields))


ANSWERED = _row(
    model="groq:openai/gpt-oss-120b",
    response="2 + 2 = 4.",
    latency_ms=702,
    upstream_model="openai/gpt-oss-120b",
    finish_reason="stop",
    usage=Usage(input_tokens=7, output_tokens=8, reasoning_tokens=21),
)
SUBSTITUTED = _row(
    model="gemini",
    response="2 + 2 = 4.",
    latency_ms=892,
    upstream_model=_FALLBACK,
    substituted=True,
    note=substitution_note(_FIRST, _FALLBACK, "answered"),
    finish_reason="stop",
    usage=Usage(input_tokens=7, output_tokens=8),
)
RATE_LIMITED = _row(
    model="llama-70b",
    latency_ms=234,
    error="Rate limit exceeded at Groq; try again in 17 s.",
    error_code="rate_limited",
    upstream_model="openai/gpt-oss-120b",
    substituted=True,
    retry_after_s=16.8,
)
TIMED_OUT = _row(
    model="deepseek",
    latency_ms=5001,
    error="DeepSeek did not answer in time; try again, or allow more with timeout.",
    error_code="timeout",
    upstream_model="deepseek-flash",
    substituted=True,
)
RETIRED = _row(
    model="gemini",
    latency_ms=160,
    error=f"Google does not serve {_FIRST} to this account. {_FALLBACK} would answer: allow that"
    " with on_retired=substitute.",
    error_code="model_unavailable",
    upstream_model=_FIRST,
)
NOT_CONFIGURED = _row(
    model="gemini",
    error="GEMINI_API_KEY is not set; get one at https://aistudio.google.com/apikey.",
    error_code="not_configured",
)
UNKNOWN = _row(
    model="no-such-model",
    error="No installed plugin offers this model; GET /models lists those there are.",
    error_code="unknown_model",
)


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
            "upstream_model": _FALLBACK,
            "substituted": True,
            "note": substitution_note(_FIRST, _FALLBACK, "answers"),
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
    "abandoned_running": 0,
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
OVERLOADED = _problem(
    503, "overloaded", "CORO has 256 requests in flight already; try again in 2 s."
)
SHUTTING_DOWN = _problem(503, "shutting-down", "CORO is stopping; try again in 2 s.")
