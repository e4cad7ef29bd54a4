"""Error replies of services that speak the OpenAI dialect: their shapes, and their words.

Services agree on no shape and on no status, so words decide where a status has several meanings.
The words are the provider's: they are read for decisions, and never passed on.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coro_core.contract.errors import (
    AuthenticationFailed,
    BadRequest,
    ContentBlocked,
    EmptyResponse,
    InvalidResponse,
    ModelUnavailable,
    Overloaded,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    TooLarge,
)
from coro_core.kit.http.bounded_json import json_value

_STATUSES = {
    "authentication_error": 401,
    "invalid_api_key": 401,
    "insufficient_quota": 402,
    "permission_error": 403,
    "model_not_found": 404,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "api_error": 500,
    "internal_error": 500,
    "internal_server_error": 500,
    "server_error": 500,
    "overloaded_error": 503,
    "service_unavailable_error": 503,
}
"""The usual status of an error's code or type, for those that have one of their own."""


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE | re.DOTALL)


_NO_ROUTE = _words(
    r"(unexpected|unknown|invalid|no such) (endpoint|route|path|url)",
    r"(endpoint|route|path|url) (not found|does not exist|is not supported)",
    r"\bcannot (post|get) /",
)
_NO_MODEL_CODES = {
    *("model_not_found", "invalid_model", "model_not_available", "model_not_exist"),
    *("model_decommissioned", "model_deprecated", "unknown_model"),
}
_NO_MODEL = _words(
    r"\bmodels?\b.{0,200}(not found|does not exist|do not exist|not a valid|not available)",
    r"\bmodels?\b.{0,200}(not exist|no longer|decommissioned|deprecated|not supported|retired)",
    r"(not a valid|no such|invalid|unknown|unsupported) model|no endpoints found",
    r"(unable to|not have|no) access to (the )?model|^the supported .{0,40}model names",
    r"\bfunction\b.{0,120}not found for account",
)
_NAMES_A_MODEL = _words(r"^\W*models?\b\W")
"""A message that is hardly more than the model's name: `model: a`, `models/a`."""
_DEGRADED = _words(r"\bdegraded\b")
_LIMITS = r"max_(completion_|output_|new_)?tokens"
_UNKNOWN_FIELD = _words(
    rf"(unsupported|unrecognized|unrecognised|unknown|unexpected|extra|invalid) "
    rf"(request )?(parameter|argument|field|property|input)s?\b.{{0,80}}{_LIMITS}",
    rf"{_LIMITS}\W{{0,3}} (is |was )?(not supported|unsupported|not permitted|not allowed|unknown)",
    rf"{_LIMITS}.{{0,80}}(extra (inputs|fields)|extra_forbidden|not a recogni[sz]ed)",
    rf"(extra (inputs|fields)|extra_forbidden).{{0,80}}{_LIMITS}",
    rf"use \W?{_LIMITS}\W? instead",
)
_SPENT_ON_THINKING = _words(
    rf"(higher|increase|raise|larger|bigger)\b.{{0,40}}{_LIMITS}",
    rf"{_LIMITS}.{{0,60}}(was|were|been) reached",
)
_TOO_LARGE_CODES = {"context_length_exceeded", "string_above_max_length", "request_too_large"}
_TOO_LARGE = _words(
    r"maximum context|context[ _](length|size|window)|exceeds? the context|too many tokens",
    r"(prompt|input|request|message)s?\b.{0,40}\btoo (long|large|big)",
    rf"{_LIMITS}.{{0,80}}(too (large|big|high)|at (most|least)|exceeds?|must be|range|between)",
    rf"(at most|maximum|exceeds?|together).{{0,80}}({_LIMITS}|completion tokens)",
    rf"({_LIMITS}).{{0,40}}together exceed",
)
_BLOCKED = _words(
    r"\bmoderation|\bflagged\b|content[ _](filter|policy|management)|content exists risk"
)
_BAD_KEY = _words(
    r"(invalid|incorrect|wrong|missing|expired|revoked|bad|unknown|no)\b.{0,40}\bapi[ _-]?key",
    r"\bapi[ _-]?key\b.{0,60}\b(not valid|invalid|incorrect|wrong|missing|expired|revoked)",
    r"\bapi[ _-]?key\b.{0,60}\b(not found|not exist|disabled|leaked|required)",
    r"api_key_invalid|invalid_api_key|unauthenticated",
)
_SPENT = _words(
    r"\bquota|\bcredits?\b|\bcreditserror|\bbilling|\bbalance\b|\bunpaid\b|\bpaid plan",
    r"insufficient[ _](funds|balance|quota)|spend(ing)? (limit|cap)|payment (is )?required",
    r"\b(free|daily)( \w+)? (allocation|allowance|limit|tier limit)|\b[TR]PD\b|used up",
)
_UNIT = _words(
    r"\bper[- ]?(?P<unit>sec|min|hour|day|month)\w*",
    r"\bper (?P<seconds>\d+) ?s\b|by(?P<by>day|month)\b",
)
"""The limit that was reached is named first, and behind it what another plan would allow."""
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The text and codes of an error body.

    For decisions only: a provider's text can echo keys and prompts.
    """

    message: str = field(default="", repr=False)
    code: str = ""
    type: str = ""

    @property
    def words(self) -> str:
        """All of it, for patterns."""
        return f"{self.code} {self.type} {self.message}"


def read_error(content: bytes) -> ErrorBody:
    """Return what an error body says, in whichever of the usual shapes it comes.

    An `error` object or string at the top or in the first choice; a list of such objects, or one in
    `errors`; a `message` or `title` at the top; a `detail` that is a string or a list. An empty
    `ErrorBody` for a body that is empty, HTML or broken. Never raises.
    """
    try:
        return error_body_of(json_value(content))
    except InvalidResponse:
        return ErrorBody()


def error_body_of(value: object) -> ErrorBody:
    """Return what a parsed error body says, as `read_error` does."""
    body = _first(value)
    if not isinstance(body, dict):
        return (
            ErrorBody(message=body) if isinstance(body, str) and body is not value else ErrorBody()
        )
    error = body.get("error") or _first_choice_error(body) or _first(body.get("errors"))
    if isinstance(error, str):
        return ErrorBody(error, _text(body.get("code")), _text(body.get("type")))
    if not isinstance(error, dict):
        error = body
    detail = error.get("detail")
    if isinstance(detail, list):
        detail = "; ".join(_detail(item) for item in detail if isinstance(item, dict))
    return ErrorBody(
        message=_text(error.get("message")) or _text(detail) or _text(error.get("title")),
        code=_text(error.get("code")),
        type=_text(error.get("type")) or _text(error.get("status")),
    )


def error_by_words(
    status: int, body: ErrorBody, *, retry_after: float | None = None, check_key: str = ""
) -> ProviderError | None:
    """Return the error that the words of an error reply mean; `None` where the status decides.

    The words tell apart what shares a status: billing, a bad key, a model that does not exist, a
    prompt that is too long. `retry_after` is the wait that the reply asks for, in seconds;
    `check_key` is the sentence that a refused key gets.
    """
    if status in (400, 503) and _DEGRADED.search(body.message):
        return Overloaded(retry_after=retry_after)
    if status in (400, 403, 404, 410, 422) and _means_no_model(status, body):
        return ModelUnavailable()
    if status in (400, 401, 402, 403, 412, 429):
        if status != 429 and _BAD_KEY.search(body.words):
            return AuthenticationFailed(check_key)
        if _means_spent(status, body):
            return QuotaExhausted(retry_after=retry_after)
    if status == 429:
        return RateLimited(retry_after=retry_after)
    if status in (400, 403) and _BLOCKED.search(body.words):
        return ContentBlocked()
    if status in (400, 413, 422):
        return _size_error(body)
    return None


def is_unknown_limit_field(body: ErrorBody) -> bool:
    """Tell whether an error says that the service does not know the field of the token limit."""
    return _UNKNOWN_FIELD.search(body.words) is not None


def status_meant(body: ErrorBody) -> int | None:
    """Return the status that fits an error which came with a 200, if its words say so much."""
    if re.fullmatch("[45][0-9]{2}", body.code):
        return int(body.code)
    if _NO_ROUTE.search(body.message):
        return 404
    usual = 400 if "invalid_request_error" in (body.code, body.type) else None
    return _STATUSES.get(body.code) or _STATUSES.get(body.type) or usual


def _means_no_model(status: int, body: ErrorBody) -> bool:
    if {body.code.lower(), body.type.lower()} & _NO_MODEL_CODES or _NO_MODEL.search(body.message):
        return True
    not_found = "not_found" in body.type.lower().replace("notfound", "not_found")
    return status == 404 and not_found and _NAMES_A_MODEL.search(body.message) is not None


def _means_spent(status: int, body: ErrorBody) -> bool:
    """Tell a quota or credit that is used up from a limit that a moment's wait helps with."""
    if status == 402:
        return True
    if status == 429 and (match := _UNIT.search(body.message)):
        if match["seconds"]:
            return int(match["seconds"]) >= _DAY_SECONDS
        return (match["unit"] or match["by"]).lower() in ("day", "month")
    return _SPENT.search(body.words) is not None


def spent_on_thinking() -> EmptyResponse:
    """Return the error of a model that reached the limit before its answer began."""
    return EmptyResponse("It spent all of max_tokens on thinking; raise max_tokens.")


def _size_error(body: ErrorBody) -> ProviderError | None:
    if is_unknown_limit_field(body):
        return BadRequest()
    if _SPENT_ON_THINKING.search(body.message):
        return spent_on_thinking()
    if body.code.lower() in _TOO_LARGE_CODES or _TOO_LARGE.search(body.words):
        return TooLarge()
    return None


def _first(value: object) -> object:
    """Return the first item of a list, anything else as it is."""
    if isinstance(value, list):
        return value[0] if value else None
    return value


def _first_choice_error(body: Mapping[str, Any]) -> object:
    choice = _first(body.get("choices"))
    return choice.get("error") if isinstance(choice, dict) else None


def _detail(item: Mapping[str, Any]) -> str:
    """Return a validation error's message, with its type and the field that it is about."""
    place = item.get("loc")
    where = ".".join(map(str, place)) if isinstance(place, list) else ""
    return " ".join(filter(None, (_text(item.get("type")), where, _text(item.get("msg")))))


def _text(value: object) -> str:
    """Return a text or a number as text, anything else as nothing."""
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else ""
