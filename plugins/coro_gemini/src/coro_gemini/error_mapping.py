"""The error mapping of Gemini: one decision for both SDKs.

Sources: https://ai.google.dev/gemini-api/docs/troubleshooting and the reports of users beside it,
read 2026-11-22. The provider's text is read for decisions and never passed on.
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
from coro_gemini.settings import ADDRESS, KEY, KEY_HELP

NOT_GEMINI = f"{ADDRESS} does not lead to the Gemini API."
_CHECK_KEY = f"Check {KEY}, or {KEY_HELP}."

_TOO_LARGE = re.compile(
    r"token count .*exceeds|maximum number of tokens|payload size exceeds", re.IGNORECASE
)
_NOT_ON_THIS_TIER = re.compile(r"\blimit: 0(?![\d.])")


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcStatus:
    """A `google.rpc.Status` in plain data. The message can echo keys and prompts."""

    code: str
    """The name of the code that Google's APIs share, such as `RESOURCE_EXHAUSTED`."""
    message: str = field(default="", repr=False)
    reason: str = ""
    """`ErrorInfo.reason`, such as `API_KEY_INVALID`."""
    quota_ids: tuple[str, ...] = ()
    """`QuotaFailure.violations[].quotaId`: the limits that were reached."""
    retry_after: float | None = None
    """`RetryInfo.retryDelay` in seconds."""


def map_status(status: RpcStatus) -> ProviderError:
    """Return the error that a status from Google stands for."""
    message = status.message
    match status.code:
        case "INVALID_ARGUMENT" if status.reason == "API_KEY_INVALID":
            return AuthenticationFailed(_CHECK_KEY)
        case "INVALID_ARGUMENT" if _TOO_LARGE.search(message):
            return TooLarge()
        case "FAILED_PRECONDITION" if "location" in message.lower():
            return BadRequest(
                "The Gemini API is not offered in the country that this server calls from."
            )
        case "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE":
            return BadRequest()
        case "PERMISSION_DENIED" if status.reason == "SERVICE_DISABLED":
            return AuthenticationFailed(
                f"Enable the Generative Language API in the Google Cloud project of {KEY}."
            )
        case "UNAUTHENTICATED" | "PERMISSION_DENIED":
            return AuthenticationFailed(_CHECK_KEY)
        case "NOT_FOUND":
            return ModelUnavailable()
        case "RESOURCE_EXHAUSTED":
            return _map_exhausted(status)
        case "DEADLINE_EXCEEDED":
            return Timeout(retryable=True)
        case "UNAVAILABLE":
            return Overloaded()
        case "UNIMPLEMENTED":
            return InvalidResponse(NOT_GEMINI)
        case _:
            return UpstreamError()


def _map_exhausted(status: RpcStatus) -> ProviderError:
    """Return the error for RESOURCE_EXHAUSTED, which has four meanings."""
    if _NOT_ON_THIS_TIER.search(status.message):
        return ModelUnavailable("It is not part of the account's tier.")
    if "prepayment credits" in status.message.lower():
        return QuotaExhausted("Add credit at https://aistudio.google.com.")
    # A daily limit comes with a delay of seconds, which does not help.
    if any("PerDay" in quota for quota in status.quota_ids):
        return QuotaExhausted("It is renewed at midnight, Pacific time.")
    return RateLimited(retry_after=status.retry_after)
