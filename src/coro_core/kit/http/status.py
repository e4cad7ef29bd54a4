"""What an HTTP status and its headers mean, where a provider gives them their usual meaning."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from coro_core.contract.errors import (
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

MAX_WAIT_SECONDS = 300.0
"""The longest wait a header can ask for; more is cut to this."""

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


def error_for_status(status: int, *, retry_after: float | None = None) -> ProviderError:
    """Return the error that an HTTP status stands for, unless the provider means more by it.

    408, 409 and 504 may be tried again; so may 429, 498, 5xx. A redirect, and any other status that
    is neither success nor refusal, is the provider's fault and may not.
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


def retry_after(value: str | None) -> float | None:
    """Return the seconds that a `Retry-After` header asks for, 0 to 300, or `None`.

    Takes whole and fractional seconds and HTTP dates; what is anything else, or past, is ignored.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), MAX_WAIT_SECONDS)
    try:
        date = parsedate_to_datetime(text)
        # RFC 9110, section 5.6.7: an HTTP date is always UTC, in the old form that says so nowhere
        # too. It is turned into a duration once, here.
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        seconds = (date - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(seconds, MAX_WAIT_SECONDS) if seconds > 0 else None
