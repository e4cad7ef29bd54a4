"""What Gemini's refusals mean: decided once, for both SDKs.

Sources: https://ai.google.dev/gemini-api/docs/troubleshooting and the reports of users beside it,
read 2026-11-22.
"""

import re
from dataclasses import dataclass, field

from coro_core import (
    AuthenticationFailed,
    BadRequest,
    InvalidResponse,
    ModelUnavailable,
    Overloaded,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Timeout,
    TooLarge,
    UpstreamError,
)
from coro_gemini.plugin import KEY_HELP

NOT_GEMINI = "GEMINI_BASE_URL does not lead to the Gemini API."
_CHECK_KEY = f"Check GEMINI_API_KEY, or {KEY_HELP}."

_TOO_LARGE = re.compile(
    r"token count .*exceeds|maximum number of tokens|payload size exceeds", re.IGNORECASE
)
_NOT_ON_THIS_TIER = re.compile(r"\blimit: 0(?![\d.])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A failed call in plain data. For decisions only: the text can echo keys and prompts."""

    status: str
    """The status that Google's APIs share, such as `RESOURCE_EXHAUSTED`."""
    message: str = field(default="", repr=False)
    """The text beside it."""
    reason: str = ""
    """`ErrorInfo.reason`, such as `API_KEY_INVALID`."""
    quota_ids: tuple[str, ...] = ()
    """`QuotaFailure.violations[].quotaId`: which limits were reached."""
    retry_after: float | None = None
    """`RetryInfo.retryDelay` in seconds."""


def error_for(refusal: Refusal) -> ProviderError:
    """Return the error that a refusal stands for, in our own words."""
    message = refusal.message
    match refusal.status:
        case "INVALID_ARGUMENT" if refusal.reason == "API_KEY_INVALID":
            return AuthenticationFailed(_CHECK_KEY)
        case "INVALID_ARGUMENT" if _TOO_LARGE.search(message):
            return TooLarge()
        case "FAILED_PRECONDITION" if "location" in message.lower():
            return BadRequest(
                "The Gemini API is not offered in the country that this server calls from."
            )
        case "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE":
            return BadRequest()
        case "PERMISSION_DENIED" if refusal.reason == "SERVICE_DISABLED":
            return AuthenticationFailed(
                "Enable the Generative Language API in the Google Cloud project of GEMINI_API_KEY."
            )
        case "UNAUTHENTICATED" | "PERMISSION_DENIED":
            return AuthenticationFailed(_CHECK_KEY)
        case "NOT_FOUND":
            return ModelUnavailable()
        case "RESOURCE_EXHAUSTED":
            return _exhausted(refusal)
        case "DEADLINE_EXCEEDED":
            return Timeout(retryable=True)
        case "UNAVAILABLE":
            return Overloaded()
        case "UNIMPLEMENTED":
            return InvalidResponse(NOT_GEMINI)
        case _:
            return UpstreamError()


def _exhausted(refusal: Refusal) -> ProviderError:
    """Tell the four meanings of RESOURCE_EXHAUSTED apart."""
    if _NOT_ON_THIS_TIER.search(refusal.message):
        return ModelUnavailable("It is not part of the account's tier.")
    if "prepayment credits" in refusal.message.lower():
        return QuotaExhausted("Add credit at https://aistudio.google.com.")
    # The delay that comes with a daily limit does not help: it is of seconds.
    if any("PerDay" in quota for quota in refusal.quota_ids):
        return QuotaExhausted("It is renewed at midnight, Pacific time.")
    return RateLimited(retry_after=refusal.retry_after)
