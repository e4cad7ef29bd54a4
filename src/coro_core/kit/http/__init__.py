"""What a provider plugin needs to talk HTTP well.

`open_httpx_client` is an httpx client that is safe to point at a stranger, for SDKs that take one;
`open_json_client` keeps the same promises for JSON over plain HTTP, at a fraction of the cost.
`json_object` reads JSON without the memory that a stranger could make it take;
`error_for_status`, `error_by_words` and `requested_wait` read error replies; `chat_body`,
`read_completion` and `read_error` speak the OpenAI chat dialect, which many providers share.
"""

from typing import TYPE_CHECKING, Any

from coro_core.kit.http.bounded_json import check_values, json_object
from coro_core.kit.http.chat import chat_body, read_completion, read_model_ids
from coro_core.kit.http.connection import Reply
from coro_core.kit.http.error_body import (
    ErrorBody,
    error_by_words,
    is_unknown_limit_field,
    read_error,
)
from coro_core.kit.http.json_client import JsonClient, open_json_client
from coro_core.kit.http.status import error_for_status, requested_wait

if TYPE_CHECKING:
    from coro_core.kit.http.httpx_client import open_httpx_client

__all__ = [
    "ErrorBody",
    "JsonClient",
    "Reply",
    "chat_body",
    "check_values",
    "error_by_words",
    "error_for_status",
    "is_unknown_limit_field",
    "json_object",
    "open_httpx_client",
    "open_json_client",
    "read_completion",
    "read_error",
    "read_model_ids",
    "requested_wait",
]


def __getattr__(name: str) -> Any:
    """Load httpx and aiohttp for those who ask for them only: it takes a third of a second."""
    if name == "open_httpx_client":
        from coro_core.kit.http.httpx_client import open_httpx_client

        return open_httpx_client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
