"""Every error that is not a row, as `application/problem+json` (RFC 9457), without any echo."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal, get_args

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 10
"""Of a request with ten thousand mistakes the first few are enough."""
MAX_FIELD_CHARS = 40
"""Of a field that does not exist, and whose name is the caller's, the beginning is."""

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
"""What tells a program which kind it is, as a URI reference."""
FieldErrors = Sequence[tuple[str, str]]


class ProblemError(HTTPException):
    """Ends a request with a problem. An `HTTPException`, so that FastAPI lets it pass."""

    def __init__(
        self,
        status: int,
        kind: Kind,
        detail: str,
        *,
        errors: FieldErrors = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.kind = kind
        self.errors = errors


def problem(
    request_id: str,
    status: int,
    kind: Kind,
    detail: str,
    *,
    errors: FieldErrors = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the reply that tells a problem."""
    return JSONResponse(
        {
            "type": PROBLEM_TYPES[kind],
            "title": _TITLES.get(kind) or HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "request_id": request_id,
            "errors": [
                {"field": field, "message": message} for field, message in errors[:MAX_ERRORS]
            ],
        },
        status,
        headers,
        MEDIA_TYPE,
    )


def install(app: FastAPI) -> None:
    """Make `app` tell every error as a problem."""

    async def http_error(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, HTTPException)
        kind, errors = (exc.kind, exc.errors) if isinstance(exc, ProblemError) else ("http", ())
        return problem(
            request.state.request_id,
            exc.status_code,
            kind,
            _detail(exc),
            errors=errors,
            headers=exc.headers,
        )

    async def invalid(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, RequestValidationError)
        errors = [_field_error(error) for error in exc.errors()[:MAX_ERRORS]]
        detail = " ".join(f"{field}: {message}." for field, message in errors[:3])
        return problem(request.state.request_id, 422, "invalid-request", detail, errors=errors)

    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, invalid)


def _detail(exc: HTTPException) -> str:
    match exc.status_code:
        case 404 if not isinstance(exc, ProblemError):
            return "There is nothing at this address; GET /docs lists the routes."
        case 405:
            return "This route does not take that method; GET /docs lists the routes."
        case _:
            return exc.detail


def _field_error(error: Mapping[str, Any]) -> tuple[str, str]:
    """Say what is wrong with a field; the value is never repeated, the name of the field is."""
    path = ".".join(str(part)[:MAX_FIELD_CHARS] for part in error["loc"][1:]) or "body"
    return path.encode("unicode_escape").decode()[:MAX_FIELD_CHARS], fault(error)


def fault(error: Mapping[str, Any]) -> str:
    """Return what pydantic finds wrong with a field, as the rest of a sentence about it."""
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
