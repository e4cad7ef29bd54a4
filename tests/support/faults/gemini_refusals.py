"""Every refusal of Gemini, in its own JSON, whichever way it comes."""

from coro_gemini.dialect import Json, detail, status


def retry_in(seconds: str) -> Json:
    return detail("RetryInfo", retryDelay=seconds)


def quota(quota_id: str) -> Json:
    return detail("QuotaFailure", violations=[{"quotaId": quota_id}])


def info(reason: str) -> Json:
    return detail("ErrorInfo", reason=reason, domain="googleapis.com")


PER_DAY, PER_MINUTE = (
    f"GenerateRequestsPer{unit}PerProject-FreeTier" for unit in ("Day", "Minute")
)
REFUSALS: dict[str, tuple[str, Json]] = {
    "CANCELLED": ("upstream_error", status("CANCELLED", "")),
    "UNKNOWN": ("upstream_error", status("UNKNOWN", "")),
    "INVALID_ARGUMENT": ("bad_request", status("INVALID_ARGUMENT", "")),
    "INVALID_ARGUMENT, the key": (
        "authentication_failed",
        status("INVALID_ARGUMENT", "API key not valid.", info("API_KEY_INVALID")),
    ),
    "INVALID_ARGUMENT, tokens": (
        "too_large",
        status("INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number of"),
    ),
    "DEADLINE_EXCEEDED": ("timeout", status("DEADLINE_EXCEEDED", "Deadline expired")),
    "NOT_FOUND": ("model_unavailable", status("NOT_FOUND", "")),
    "ALREADY_EXISTS": ("upstream_error", status("ALREADY_EXISTS", "")),
    "PERMISSION_DENIED": ("authentication_failed", status("PERMISSION_DENIED", "")),
    "PERMISSION_DENIED, service": (
        "authentication_failed",
        status("PERMISSION_DENIED", "", info("SERVICE_DISABLED")),
    ),
    "PERMISSION_DENIED, leaked key": (
        "authentication_failed",
        status("PERMISSION_DENIED", "Your API key was reported as leaked."),
    ),
    "RESOURCE_EXHAUSTED": ("rate_limited", status("RESOURCE_EXHAUSTED", "")),
    "RESOURCE_EXHAUSTED, RetryInfo": (
        "rate_limited",
        status("RESOURCE_EXHAUSTED", "", quota(PER_MINUTE), retry_in("31.5s")),
    ),
    "RESOURCE_EXHAUSTED, negative RetryInfo": (
        "rate_limited",
        status("RESOURCE_EXHAUSTED", "", retry_in("-5s")),
    ),
    "RESOURCE_EXHAUSTED, RetryInfo of a century": (
        "rate_limited",
        status("RESOURCE_EXHAUSTED", "", retry_in("3000000000s")),
    ),
    "RESOURCE_EXHAUSTED, PerDay": (
        "quota_exhausted",
        status("RESOURCE_EXHAUSTED", "", quota(PER_DAY), retry_in("2s")),
    ),
    "RESOURCE_EXHAUSTED, limit: 0": (
        "model_unavailable",
        status("RESOURCE_EXHAUSTED", "Quota exceeded, limit: 0, model: x", quota(PER_DAY)),
    ),
    "RESOURCE_EXHAUSTED, prepayment": (
        "quota_exhausted",
        status("RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."),
    ),
    "FAILED_PRECONDITION": ("bad_request", status("FAILED_PRECONDITION", "")),
    "FAILED_PRECONDITION, location": (
        "bad_request",
        status("FAILED_PRECONDITION", "User location is not supported for the API use."),
    ),
    "ABORTED": ("upstream_error", status("ABORTED", "")),
    "OUT_OF_RANGE": ("bad_request", status("OUT_OF_RANGE", "")),
    "UNIMPLEMENTED": ("invalid_response", status("UNIMPLEMENTED", "")),
    "INTERNAL": ("upstream_error", status("INTERNAL", "")),
    "UNAVAILABLE": ("overloaded", status("UNAVAILABLE", "The model is overloaded.")),
    "DATA_LOSS": ("upstream_error", status("DATA_LOSS", "")),
    "UNAUTHENTICATED": ("authentication_failed", status("UNAUTHENTICATED", "")),
}
"""Each, and the code of the row."""

WAITS = {
    "RESOURCE_EXHAUSTED": None,
    "RESOURCE_EXHAUSTED, RetryInfo": 31.5,
    "RESOURCE_EXHAUSTED, negative RetryInfo": None,
    "RESOURCE_EXHAUSTED, RetryInfo of a century": 86_400.0,
}
"""The wait that the row names."""
