"""Middleware for every request: an id, a log line, security headers, a 500 for a bug."""

import re
import secrets
import time

import structlog
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coro_core.contract.errors import describe
from coro_core.web.error_handlers import problem
from coro_core.web.load_shedding import REJECTED

MAX_LOGGED_PATH = 200
REQUEST_ID = "X-Request-ID"
LOG_FIELDS = "log_fields"
"""Key in a request's state: what a route adds to the request's log line."""
CLIENT_CLOSED_REQUEST = 499
"""Status in the log, never sent: the client left before the reply began. nginx uses it as well."""

SECURITY_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = structlog.get_logger("coro.requests")


class RequestContext:
    """ASGI middleware around the application, inside CORS."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, one_line_startup_error(send))
            return
        if scope["type"] != "http":
            # A WebSocket: no route accepts one, so the framework rejects it.
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.monotonic()
        status = CLIENT_CLOSED_REQUEST

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message["headers"], request_id)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except ClientDisconnect:
            pass
        except Exception as exc:
            _log.error("request failed", why=describe(exc))
            if status == CLIENT_CLOSED_REQUEST:
                reply = problem(
                    request_id,
                    500,
                    "internal-error",
                    "CORO failed to answer; please report it, with the request_id.",
                )
                await reply(scope, receive, send_with_headers)
        finally:
            if REJECTED not in scope["state"]:
                _log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"][:MAX_LOGGED_PATH],
                    status=status,
                    duration_ms=round((time.monotonic() - started) * 1000),
                    **scope["state"].get(LOG_FIELDS, {}),
                )
            structlog.contextvars.clear_contextvars()


def one_line_startup_error(send: Send) -> Send:
    """Return a `send` that reports a failed start in one line instead of a traceback."""

    async def send_brief(message: Message) -> None:
        if message["type"] == "lifespan.startup.failed":
            *_, last = message["message"].strip().splitlines()
            message = {**message, "message": last.partition("SettingsError: ")[2] or last}
        await send(message)

    return send_brief


def _request_id(scope: Scope) -> str:
    """Return the caller's id if it is safe in headers and logs, else a new one."""
    given = Headers(scope=scope).get(REQUEST_ID, "")
    return given if _ACCEPTED_ID.fullmatch(given) else secrets.token_hex(8)


def _add_headers(headers: list[tuple[bytes, bytes]], request_id: str) -> None:
    if all(name != b"cache-control" for name, _ in headers):
        headers.append((b"cache-control", b"no-store"))
    headers += ((b"x-request-id", request_id.encode()), *SECURITY_HEADERS)
