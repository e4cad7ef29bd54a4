"""The error mapping of Groq.

The provider's text is read for decisions and never passed on.
"""

import re
from collections.abc import Mapping

from coro_core import (
    AuthenticationFailed,
    BadRequest,
    ModelUnavailable,
    ProviderError,
    QuotaExhausted,
    TooLarge,
    UpstreamError,
)
from coro_core.kit.http import error_by_words, error_for_status, read_error, requested_wait
from coro_groq.settings import ADDRESS, KEY, KEY_HELP

_PER_DAY = re.compile(r"\b(?:TPD|RPD)\b|\bper day\b", re.IGNORECASE)


def map_error(status: int, headers: Mapping[str, str], content: bytes) -> ProviderError:
    """Return the error that an error reply stands for.

    https://console.groq.com/docs/errors; the codes are from public reports, since that page lists
    statuses only: github.com/continuedev/continue/issues/10986 (model_decommissioned, 2026-03-02),
    sohzm/cheating-daddy/pull/453 (model_not_found, 2026-07-22), NVIDIA-NeMo/Guardrails/issues/563
    (organization_restricted, 2024-06-14), thepersonalaicompany/amurex-backend/issues/51
    (context_length_exceeded, 2025-03-04). Read 2026-11-22.
    """
    body = read_error(content)
    wait = requested_wait(headers)
    match status:
        case 400 if body.code == "model_decommissioned":
            return ModelUnavailable()
        case 400 if body.code == "context_length_exceeded":
            return TooLarge()
        case 400 if body.code == "organization_restricted":
            return AuthenticationFailed("Groq has restricted this account; ask its support.")
        case 403 if body.code.startswith("model_permission_blocked"):
            return ModelUnavailable("The account's own settings at Groq block it.")
        case 403 if not body.message:
            # The gateway's HTML page. The key was never checked.
            return UpstreamError("Its gateway refused this server's address.", retryable=False)
        case 404 if body.code == "unknown_url" or not body.message:
            return BadRequest(f"There is no such route; check {ADDRESS}.")
        case 429 if _PER_DAY.search(body.message):
            return QuotaExhausted("It is a daily limit.", retry_after=wait)
    check_key = f"Check {KEY}, or {KEY_HELP}."
    error = error_by_words(status, body, retry_after=wait, check_key=check_key)
    if error is None and status in (401, 403):
        return AuthenticationFailed(check_key)
    return error or error_for_status(status, retry_after=wait)
