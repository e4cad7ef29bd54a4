"""Error mapping of HTTP statuses and headers, for providers that use their usual meaning."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from coro_core.contract.errors import (
    MAX_RETRY_AFTER,
    AuthenticationFailed,
    BadRequest,
    ModelUnavailable,
    Overloaded,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Timeout,
    TooLarge,
    UpstreamError,
)

_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_DURATION_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|h|m|s)")
_DURATION = re.compile(rf"(?:{_DURATION_PART.pattern})+")
_RESET = "x-ratelimit-reset"
_EPOCH_SECONDS = 1_000_000_000.0
"""A larger number of seconds is a time since the epoch: the year 2001 and later."""
_LAST_EPOCH = 253_000_000_000.0
"""The year 9987: what Python can still make a date of."""


def error_for_status(status: int, *, retry_after: float | None = None) -> ProviderError:
    """Return the error for an HTTP status, unless the provider gives it another meaning.

    Retryable are 408, 409, 429, 498, 504 and 5xx. A redirect, and any other status below 400, is
    the provider's fault and not retryable.
    """
    match status:
        case 401 | 403:
            return AuthenticationFailed()
        case 402:
            return QuotaExhausted()
        case 404:
            return ModelUnavailable()
        case 408 | 504:
            return Timeout(retry_after=retry_after, retryable=True)
        case 413:
            return TooLarge()
        case 429:
            return RateLimited(retry_after=retry_after)
        case 409 | 498 | 503 | 529:
            return Overloaded(retry_after=retry_after)
        case _ if 400 <= status < 500:
            return BadRequest()
        case _:
            return UpstreamError(retryable=status >= 500)


def requested_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a reply asks to wait, 0 to `MAX_RETRY_AFTER`; `None` if it does not.

    Header names are in lower case. `Retry-After` counts first (seconds or an HTTP date), then
    `retry-after-ms`, then the `x-ratelimit-reset` headers of the limits that are used up. A value
    that is in the past or cannot be read is ignored.
    """
    for name, read in (("retry-after-ms", _milliseconds), ("retry-after", _seconds_or_date)):
        if (seconds := read(headers.get(name, "").strip())) is not None:
            return min(seconds, MAX_RETRY_AFTER)
    waits = [
        seconds
        for name, value in headers.items()
        if name.startswith(_RESET)
        and headers.get(name.replace("-reset", "-remaining", 1), "0") == "0"
        and (seconds := _until_reset(value.strip())) is not None
    ]
    return min(max(waits), MAX_RETRY_AFTER) if waits else None


def _milliseconds(text: str) -> float | None:
    return float(text) / 1000 if _NUMBER.fullmatch(text) else None


def _seconds_or_date(text: str) -> float | None:
    if _NUMBER.fullmatch(text):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # RFC 9110, section 5.6.7: an HTTP date is always UTC, in the old form that says so nowhere too.
    return _until(date if date.tzinfo else date.replace(tzinfo=UTC))


def _until_reset(text: str) -> float | None:
    """Read seconds, a time since the epoch in seconds or ms, a duration (`2m59.5s`), or a date."""
    if _NUMBER.fullmatch(text):
        number = float(text)
        if number < _EPOCH_SECONDS:
            return number
        epoch = number / 1000 if number >= _EPOCH_SECONDS * 1000 else number
        return _until(datetime.fromtimestamp(min(epoch, _LAST_EPOCH), UTC))
    if match := _DURATION.fullmatch(text):
        units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
        parts = _DURATION_PART.findall(match[0])
        return sum(float(amount) * units[unit] for amount, unit in parts)
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    return _until(date if date.tzinfo else date.replace(tzinfo=UTC))


def _until(date: datetime) -> float | None:
    """Turn a date into a duration, once, here; `None` if it is past."""
    try:
        seconds = (date - datetime.now(UTC)).total_seconds()
    except OverflowError:
        return None
    return seconds if seconds > 0 else None
