"""A reply, and the errors that replies of every client have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from coro_core.contract.errors import InvalidResponse


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, read to its end."""

    status: int
    raw_headers: Sequence[tuple[bytes, bytes]] = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, names in lower case. Read on demand: only error replies need them."""
        return {
            name.decode("latin-1").lower(): value.decode("latin-1").strip()
            for name, value in self.raw_headers
        }


def response_too_large(max_reply_bytes: int) -> InvalidResponse:
    """Return the error for a body that is larger than the limit."""
    return InvalidResponse(f"It was larger than {max_reply_bytes} bytes.")
