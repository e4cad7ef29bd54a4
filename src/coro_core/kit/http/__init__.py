"""HTTP for a provider plugin.

`open_json_client` speaks JSON; `open_httpx_client` is an httpx client, for SDKs that take one. Both
keep the same promises, whatever the server does. `json_object` reads JSON within a memory limit;
`error_for_status`, `error_by_words` and `requested_wait` map error replies; `chat_body`,
`read_completion` and `read_error` speak the OpenAI chat dialect, which many providers
share.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from coro_core.kit.http.bounded_json import check_values, json_object
from coro_core.kit.http.chat import chat_body, read_completion, read_model_ids
from coro_core.kit.http.error_body import (
    ErrorBody,
    error_by_words,
    is_unknown_limit_field,
    read_error,
)
from coro_core.kit.http.limits import Limits
from coro_core.kit.http.reply import Reply
from coro_core.kit.http.status import error_for_status, requested_wait

if TYPE_CHECKING:
    from coro_core.kit.http.httpx_client import open_httpx_client
    from coro_core.kit.http.json_client import JsonClient, open_json_client

__all__ = [
    "ErrorBody",
    "JsonClient",
    "Limits",
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

_ON_DEMAND = {
    "JsonClient": "coro_core.kit.http.json_client",
    "open_json_client": "coro_core.kit.http.json_client",
    "open_httpx_client": "coro_core.kit.http.httpx_client",
}


def __getattr__(name: str) -> Any:
    """Load aiohttp and httpx when a client is asked for: they take a third of a second."""
    if name in _ON_DEMAND:
        return getattr(import_module(_ON_DEMAND[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
