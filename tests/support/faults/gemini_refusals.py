"""Every refusal of Gemini, in its own JSON, whichever way it comes."""

from coro_gemini.simulated_replies import Json, error_detail, rpc_status


def retry_in(seconds: str) -> Json:
    return error_detail("RetryInfo", retryDelay=seconds)


def quota(quota_id: str) -> Json:
    return error_detail("QuotaFailure", violations=[{"quotaId": quota_id}])


def info(reason: str) -> Json:
    return error_detail("ErrorInfo", reason=reason, domain="googleapis.com")


PER_DAY, PER_MINUTE = (
    f"GenerateRequestsPer{unit}PerProject-FreeTier" for unit in ("Day", "Minute")
)
REFUSALS: dict[str, tuple[str, Json]] = {
    "CANCELLED": ("upstream_error", rpc_status("CANCELLED", "")),
    "UNKNOWN": ("upstream_error", rpc_status("UNKNOWN", "")),
    "INVALID_ARGUMENT": ("bad_request", rpc_status("INVALID_ARGUMENT", "")),
    "INVALID_ARGUMENT, the key": (
        "authentication_failed",
        rpc_status("INVALID_ARGUMENT", "API key not valid.", info("API_KEY_INVALID")),
    ),
    "INVALID_ARGUMENT, tokens": (
        "too_large",
        rpc_status("INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number of"),
    ),
    "DEADLINE_EXCEEDED": ("timeout", rpc_status("DEADLINE_EXCEEDED", "Deadline expired")),
    "NOT_FOUND": ("model_unavailable", rpc_status("NOT_FOUND", "")),
    "ALREADY_EXISTS": ("upstream_error", rpc_status("ALREADY_EXISTS", "")),
    "PERMISSION_DENIED": ("authentication_failed", rpc_status("PERMISSION_DENIED", "")),
    "PERMISSION_DENIED, service": (
        "authentication_failed",
        rpc_status("PERMISSION_DENIED", "", info("SERVICE_DISABLED")),
    ),
    "PERMISSION_DENIED, leaked key": (
        "authentication_failed",
        rpc_status("PERMISSION_DENIED", "Your API key was reported as leaked."),
    ),
    "RESOURCE_EXHAUSTED": ("rate_limited", rpc_status("RESOURCE_EXHAUSTED", "")),
    "RESOURCE_EXHAUSTED, RetryInfo": (
        "rate_limited",
        rpc_status("RESOURCE_EXHAUSTED", "", quota(PER_MINUTE), retry_in("31.5s")),
    ),
    "RESOURCE_EXHAUSTED, negative RetryInfo": (
        "rate_limited",
        rpc_status("RESOURCE_EXHAUSTED", "", retry_in("-5s")),
    ),
    "RESOURCE_EXHAUSTED, RetryInfo of a century": (
        "rate_limited",
        rpc_status("RESOURCE_EXHAUSTED", "", retry_in("3000000000s")),
    ),
    "RESOURCE_EXHAUSTED, PerDay": (
        "quota_exhausted",
        rpc_status("RESOURCE_EXHAUSTED", "", quota(PER_DAY), retry_in("2s")),
    ),
    "RESOURCE_EXHAUSTED, limit: 0": (
        "model_unavailable",
        rpc_status("RESOURCE_EXHAUSTED", "Quota exceeded, limit: 0, model: x", quota(PER_DAY)),
    ),
    "RESOURCE_EXHAUSTED, prepayment": (
        "quota_exhausted",
        rpc_status("RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."),
    ),
    "FAILED_PRECONDITION": ("bad_request", rpc_status("FAILED_PRECONDITION", "")),
    "FAILED_PRECONDITION, location": (
        "bad_request",
        rpc_status("FAILED_PRECONDITION", "User location is not supported for the API use."),
    ),
    "ABORTED": ("upstream_error", rpc_status("ABORTED", "")),
    "OUT_OF_RANGE": ("bad_request", rpc_status("OUT_OF_RANGE", "")),
    "UNIMPLEMENTED": ("invalid_response", rpc_status("UNIMPLEMENTED", "")),
    "INTERNAL": ("upstream_error", rpc_status("INTERNAL", "")),
    "UNAVAILABLE": ("overloaded", rpc_status("UNAVAILABLE", "The model is overloaded.")),
    "DATA_LOSS": ("upstream_error", rpc_status("DATA_LOSS", "")),
    "UNAUTHENTICATED": ("authentication_failed", rpc_status("UNAUTHENTICATED", "")),
}
"""Each, and the code of the row."""

WAITS = {
    "RESOURCE_EXHAUSTED": None,
    "RESOURCE_EXHAUSTED, RetryInfo": 31.5,
    "RESOURCE_EXHAUSTED, negative RetryInfo": None,
    "RESOURCE_EXHAUSTED, RetryInfo of a century": 86_400.0,
}
"""The wait that the row names."""
