"""The error mapping of gRPC: Google's status, or a failure of gRPC itself."""

import re

from coro_core import ConnectionFailed, InvalidResponse, ProviderError, Timeout
from coro_gemini.error_mapping import RpcStatus, map_status
from coro_gemini.grpc.sdk import DecodeError, error_details, from_grpc_error, grpc

# gRPC reports its own failures with the statuses that servers use, so only the text shows the
# source. Texts as seen with grpcio 1.85.1.
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
_TLS_REJECTED = "Its TLS certificate was not accepted; behind a company proxy, set CORO_CA_FILE."
_DEADLINE = re.compile(r"(?:stream removed \()?deadline exceeded\)?", re.IGNORECASE)
_SIZE_LIMIT = re.compile(
    r"received message larger than max|metadata size exceeds (?:hard|soft) limit", re.IGNORECASE
)


def map_error(failure: grpc.aio.AioRpcError) -> ProviderError:
    """Return the error that a failed call stands for."""
    try:
        exc = from_grpc_error(failure)  # type: ignore[no-untyped-call]
    except (DecodeError, ValueError):
        # The error details do not decode, or contradict the status that they come with.
        return InvalidResponse()
    quota_ids: tuple[str, ...] = ()
    retry_after: float | None = None
    for detail in exc.details:
        if isinstance(detail, error_details.QuotaFailure):
            quota_ids += tuple(violation.quota_id for violation in detail.violations)
        elif isinstance(detail, error_details.RetryInfo) and detail.HasField("retry_delay"):
            retry_after = detail.retry_delay.seconds + detail.retry_delay.nanos / 1e9
    status = RpcStatus(
        code=exc.grpc_status_code.name if exc.grpc_status_code else "UNKNOWN",
        message=exc.message or "",
        reason=exc.reason or "",
        quota_ids=quota_ids,
        retry_after=retry_after,
    )
    return map_own_failure(status) or map_status(status)


def map_own_failure(status: RpcStatus) -> ProviderError | None:
    """Return the error for a failure of gRPC itself, and `None` for a status from the server."""
    message = status.message
    match status.code:
        case "UNAVAILABLE" if _CERTIFICATE.search(message):
            return ConnectionFailed(_TLS_REJECTED, retryable=False)
        case "UNAVAILABLE" if _CONNECTION.search(message):
            return ConnectionFailed()
        case "UNKNOWN" | "INTERNAL" if _NOT_HTTP2.match(message):
            return ConnectionFailed()
        case "DEADLINE_EXCEEDED" if _DEADLINE.fullmatch(message):
            # No time is left for another call.
            return Timeout(retryable=False)
        case "RESOURCE_EXHAUSTED" if _SIZE_LIMIT.search(message):
            return InvalidResponse("It was larger than any answer can be.")
        case _:
            return None
