"""What Gemini's refusals mean, apart from the SDK that delivers them.

Sources: https://ai.google.dev/gemini-api/docs/troubleshooting and the reports of users beside it,
read 2026-11-22; the texts of gRPC's own failures were seen with grpcio 1.85.1.
"""

import re
from dataclasses import dataclass, field

from coro_core import (
    AuthenticationFailed,
    BadRequest,
    ConnectionFailed,
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

# The status alone does not tell who speaks: gRPC reports its own failures with the same ones.
_CONNECTION = re.compile(
    r"failed to connect|errors? resolving|dns resolution|empty address list|stream removed"
    r"|socket closed|recvmsg|sendmsg|connection reset|broken pipe|goaway|handshake|keepalive"
    r"|transport closed|failed parsing http/2|end of tcp stream",
    re.IGNORECASE,
)
_NOT_HTTP2 = re.compile(r"stream removed \(failed parsing http/2", re.IGNORECASE)
_CERTIFICATE = re.compile(
    r"certificate_verify_failed|peer name .* is not in peer certificate|hostname verification",
    re.IGNORECASE,
)
_LOCAL_DEADLINE = re.compile(r"(?:stream removed \()?deadline exceeded\)?", re.IGNORECASE)
_LOCAL_CAP = re.compile(
    r"received message larger than max|metadata size exceeds (?:hard|soft) limit", re.IGNORECASE
)

_TOO_LARGE = re.compile(
    r"token count .*exceeds|maximum number of tokens|payload size exceeds", re.IGNORECASE
)
_NOT_ON_THIS_TIER = re.compile(r"\blimit: 0(?![\d.])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A failed call in plain data. For decisions only: the text can echo keys and prompts."""

    status: str
    """The gRPC status, such as `RESOURCE_EXHAUSTED`."""
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
            # Only the server's own is worth another call: after ours no time is left.
            return Timeout(retryable=not _LOCAL_DEADLINE.fullmatch(message))
        case "UNAVAILABLE" if _CERTIFICATE.search(message):
            return ConnectionFailed("Its TLS certificate was not accepted.", retryable=False)
        case "UNAVAILABLE" if _CONNECTION.search(message):
            return ConnectionFailed()
        case "UNAVAILABLE":
            return Overloaded()
        case "UNKNOWN" | "INTERNAL" if _NOT_HTTP2.match(message):
            return ConnectionFailed()
        case "UNIMPLEMENTED":
            return InvalidResponse("GEMINI_BASE_URL does not lead to the Gemini API.")
        case _:
            return UpstreamError()


_CHECK_KEY = f"Check GEMINI_API_KEY, or {KEY_HELP}."


def _exhausted(refusal: Refusal) -> ProviderError:
    """Tell the five meanings of RESOURCE_EXHAUSTED apart."""
    if _LOCAL_CAP.search(refusal.message):
        return InvalidResponse("It was larger than any answer can be.")
    if _NOT_ON_THIS_TIER.search(refusal.message):
        return ModelUnavailable("It is not part of the account's tier.")
    if "prepayment credits" in refusal.message.lower():
        return QuotaExhausted("Add credit at https://aistudio.google.com.")
    # The delay that comes with a daily limit does not help: it is of seconds.
    if any("PerDay" in quota for quota in refusal.quota_ids):
        return QuotaExhausted("It is renewed at midnight, Pacific time.")
    return RateLimited(retry_after=refusal.retry_after)
