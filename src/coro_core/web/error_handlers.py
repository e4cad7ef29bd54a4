"""Errors that are not rows, as `application/problem+json` (RFC 9457). Never echo the input."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from coro_core.api.problems import (
    MAX_ERRORS,
    MEDIA_TYPE,
    FieldErrors,
    Kind,
    describe_validation_error,
    problem_body,
)

MAX_FIELD_CHARS = 40
"""Limit of a field's name in an error. An unknown name is the caller's text; the rest is cut."""


class ProblemError(HTTPException):
    """Ends a request with a problem. An `HTTPException`: FastAPI passes it to the handler."""

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
    """Return the reply for a problem."""
    return JSONResponse(
        problem_body(request_id, status, kind, detail, errors=errors),
        status,
        headers,
        MEDIA_TYPE,
    )


def install(app: FastAPI) -> None:
    """Make `app` answer every error with a problem."""

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
    """Return a field's name and its error. Never repeats the value."""
    path = ".".join(str(part)[:MAX_FIELD_CHARS] for part in error["loc"][1:]) or "body"
    return path.encode("unicode_escape").decode()[:MAX_FIELD_CHARS], describe_validation_error(
        error
    )
