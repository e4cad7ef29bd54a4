"""The errors that are not rows, as data of an `application/problem+json` (RFC 9457)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal, get_args

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 10
"""Field errors of one problem; further ones are left out."""

Kind = Literal[
    "invalid-request",
    "unknown-model",
    "body-too-large",
    "body-too-slow",
    "overloaded",
    "shutting-down",
    "internal-error",
    "http",
]
_TITLES: Mapping[Kind, str] = {
    "invalid-request": "Invalid request",
    "unknown-model": "Unknown model",
    "body-too-large": "Body too large",
    "body-too-slow": "Body too slow",
    "overloaded": "Too many requests at once",
    "shutting-down": "Shutting down",
    "internal-error": "Internal error",
}
PROBLEM_TYPES: Mapping[Kind, str] = {
    kind: "about:blank" if kind == "http" else f"urn:coro:problem:{kind}" for kind in get_args(Kind)
}
"""The kind of each problem for programs, as a URI reference."""
FieldErrors = Sequence[tuple[str, str]]


def problem_body(
    request_id: str, status: int, kind: Kind, detail: str, *, errors: FieldErrors = ()
) -> dict[str, Any]:
    """Return the members of a problem document; the first `MAX_ERRORS` field errors are kept."""
    return {
        "type": PROBLEM_TYPES[kind],
        "title": _TITLES.get(kind) or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "request_id": request_id,
        "errors": [{"field": field, "message": message} for field, message in errors[:MAX_ERRORS]],
    }


def describe_validation_error(error: Mapping[str, Any]) -> str:
    """Return pydantic's finding about a field, as the rest of a sentence."""
    match error["type"]:
        case "missing":
            return "this field is required"
        case "extra_forbidden":
            return "there is no such field"
        case "model_attributes_type" | "model_type" | "dict_type":
            return "must be a JSON object sent with Content-Type: application/json"
        case "string_pattern_mismatch":
            return "must hold more than white space"
        case _:
            message = str(error["msg"]).removeprefix("Input ").removeprefix("Value error, ")
            return message[:1].lower() + message[1:]
