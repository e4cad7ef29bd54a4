"""The error mapping of REST: Google's status in an error body, or the HTTP status alone."""

import re
from collections.abc import Mapping
from typing import Any

from coro_core import InvalidResponse, ProviderError
from coro_core.kit.http import error_for_status, json_object, requested_wait
from coro_gemini.error_mapping import NOT_GEMINI, RpcStatus, map_status
from coro_gemini.rest.json_fields import as_list, as_object, as_text

_NOT_FOUND = 404
_SECONDS = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)s")
"""A `google.protobuf.Duration` in JSON. A negative duration does not match and is ignored."""


def map_error(status: int, headers: Mapping[str, str], content: bytes) -> ProviderError:
    """Return the error that a reply other than a 200 stands for.

    A body without a status of Google's comes from a gateway, and only its HTTP status counts.
    """
    wait = requested_wait(headers)
    rpc_status = _rpc_status(content, wait)
    if rpc_status is not None:
        return map_status(rpc_status)
    if status == _NOT_FOUND:
        return InvalidResponse(NOT_GEMINI)
    return error_for_status(status, retry_after=wait)


def _rpc_status(content: bytes, wait: float | None) -> RpcStatus | None:
    """Return the `google.rpc.Status` in an error body, or `None` if the body holds none."""
    try:
        error = as_object(json_object(content).get("error"))
        details = [as_object(detail) for detail in as_list(error.get("details"))]
        violations = [
            as_object(violation)
            for detail in _of_type("QuotaFailure", details)
            for violation in as_list(detail.get("violations"))
        ]
    except InvalidResponse:
        return None
    if not as_text(error.get("status")):
        return None
    delays = [as_text(detail.get("retryDelay")) for detail in _of_type("RetryInfo", details)]
    found = _SECONDS.fullmatch(delays[-1]) if delays else None
    return RpcStatus(
        code=as_text(error.get("status")),
        message=as_text(error.get("message")),
        reason=next((as_text(it.get("reason")) for it in _of_type("ErrorInfo", details)), ""),
        quota_ids=tuple(as_text(violation.get("quotaId")) for violation in violations),
        retry_after=float(found[1]) if found else wait,
    )


def _of_type(name: str, details: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [it for it in details if it.get("@type") == f"type.googleapis.com/google.rpc.{name}"]
