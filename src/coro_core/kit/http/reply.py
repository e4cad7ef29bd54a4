"""A reply, and the errors that replies of every client have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coro_core.contract.errors import InvalidResponse


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, read to its end; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


def response_too_large(max_reply_bytes: int) -> InvalidResponse:
    """Return the error for a body that is larger than the limit."""
    return InvalidResponse(f"It was larger than {max_reply_bytes} bytes.")
