"""What a provider plugin needs to talk HTTP well.

`open_client` is an httpx client that is safe to point at a stranger; `error_for_status` and
`retry_after` read refusals; `chat_body`, `read_completion` and `read_error` speak the OpenAI chat
dialect, which many providers share.
"""

from coro_core.httpkit.chat import ErrorBody, chat_body, read_completion, read_error, read_model_ids
from coro_core.httpkit.client import open_client
from coro_core.httpkit.status import error_for_status, retry_after

__all__ = [
    "ErrorBody",
    "chat_body",
    "error_for_status",
    "open_client",
    "read_completion",
    "read_error",
    "read_model_ids",
    "retry_after",
]
