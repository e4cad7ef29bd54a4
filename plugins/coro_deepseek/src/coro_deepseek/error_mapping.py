"""The error mapping of DeepSeek.

The provider's text is read for decisions and never passed on.
"""

from collections.abc import Mapping

from coro_core import (
    AuthenticationFailed,
    BadRequest,
    ProviderError,
    QuotaExhausted,
)
from coro_core.kit.http import error_by_words, error_for_status, read_error, requested_wait
from coro_deepseek.settings import ADDRESS, KEY, KEY_HELP


def map_error(status: int, headers: Mapping[str, str], content: bytes) -> ProviderError:
    """Return the error that an error reply stands for.

    https://api-docs.deepseek.com/quick_start/error_codes. All of its 400s carry the same type and
    code, so only the message distinguishes them: github.com/raycast/extensions/issues/29730
    (supported names, 2026-07-26), ConardLi/easy-dataset/issues/9 (Model Not Exist),
    evalstate/fast-agent/issues/621 (context length, 2026-01-19). Read 2026-11-22.
    """
    body = read_error(content)
    wait = requested_wait(headers)
    check_key = f"Check {KEY}, or {KEY_HELP}."
    error = error_by_words(status, body, retry_after=wait, check_key=check_key)
    if isinstance(error, QuotaExhausted):
        return QuotaExhausted("Top it up at https://platform.deepseek.com/top_up.")
    if error is not None:
        return error
    match status:
        case 401 | 403:
            return AuthenticationFailed(check_key)
        case 404:
            return BadRequest(f"There is no such route; check {ADDRESS}.")
        case _:
            return error_for_status(status, retry_after=wait)
