"""The error mapping of DeepSeek.

The provider's text is read for decisions and never passed on.
"""

import re
from collections.abc import Mapping

from coro_core import (
    AuthenticationFailed,
    BadRequest,
    ContentBlocked,
    ModelUnavailable,
    ProviderError,
    QuotaExhausted,
    TooLarge,
)
from coro_core.kit.http import error_for_status, read_error, retry_after
from coro_deepseek.settings import ADDRESS, KEY, KEY_HELP

_NO_MODEL = re.compile(r"^model not exist|^the supported .{0,40}model names", re.IGNORECASE)
_BLOCKED = re.compile(r"^content exists risk", re.IGNORECASE)
_TOO_LONG = re.compile(r"maximum context length", re.IGNORECASE)


def map_error(status: int, headers: Mapping[str, str], content: bytes) -> ProviderError:
    """Return the error that an error reply stands for.

    https://api-docs.deepseek.com/quick_start/error_codes. All of its 400s carry the same type and
    code, so only the message distinguishes them: github.com/raycast/extensions/issues/29730
    (supported names, 2026-07-26), ConardLi/easy-dataset/issues/9 (Model Not Exist),
    evalstate/fast-agent/issues/621 (context length, 2026-01-19). Read 2026-11-22.
    """
    message = read_error(content).message
    wait = retry_after(headers.get("retry-after"))
    match status:
        case 400 if _NO_MODEL.search(message):
            return ModelUnavailable()
        case 400 if _BLOCKED.search(message):
            return ContentBlocked()
        case 400 if _TOO_LONG.search(message):
            return TooLarge()
        case 401 | 403:
            return AuthenticationFailed(f"Check {KEY}, or {KEY_HELP}.")
        case 402:
            return QuotaExhausted("Top it up at https://platform.deepseek.com/top_up.")
        case 404:
            return BadRequest(f"There is no such route; check {ADDRESS}.")
        case _:
            return error_for_status(status, retry_after=wait)
