"""JSON from a stranger: what a reply may cost in memory is known before it is parsed."""

import json
import re
from contextlib import suppress
from itertools import islice
from typing import Any

from coro_core.contract.errors import InvalidResponse

MAX_VALUES = 100_000
"""The most containers and items that a reply may hold, all levels together.

A list of 400 models with everything that is to be said of each holds less than a third of that, and
an answer a few dozen, however long: what is within a text does not count. As Python objects these
many take less than 30 MiB, and as many as fit into 2 MiB would take 60.
"""

_UP_TO_A_VALUE = re.compile(rb'(?:[^"{\[,]++|"(?:[^"\\]++|\\.)*+"?)*+(?:[{\[,]|\Z)', re.DOTALL)
"""What lies before the next brace, bracket or comma outside of a text, and that; or the end."""


def json_object(content: bytes | str) -> dict[str, Any]:
    """Return the JSON object that a reply holds. Raises `InvalidResponse`."""
    value = json_value(content)
    if not isinstance(value, dict):
        raise InvalidResponse("It is not a JSON object.")
    return value


def json_value(content: bytes | str) -> object:
    """Return the JSON value that a reply holds. Raises `InvalidResponse`."""
    with suppress(ValueError, RecursionError):
        utf8 = _as_utf8(content)
        check_values(utf8)
        value: object = json.loads(utf8)
        return value
    # Outside of a handler: json's own error holds the whole reply.
    raise InvalidResponse("It is not a JSON object.")


def _as_utf8(content: bytes | str) -> bytes:
    if isinstance(content, bytes):
        encoding = json.detect_encoding(content)
        if encoding == "utf-8":
            return content
        # In others, some letters look like the marks that values are counted by.
        content = content.decode(encoding, "surrogatepass")
    return content.encode("utf-8", "surrogatepass")


def check_values(content: bytes) -> None:
    """Raise `InvalidResponse` if JSON, in UTF-8, holds more than `MAX_VALUES` containers and items.

    A reply below 100 kB costs nothing, a larger one a millisecond or so.
    """
    # Each takes a byte at least. Then all are counted that look like one, within texts too.
    if len(content) <= MAX_VALUES or sum(map(content.count, (b"{", b"[", b","))) <= MAX_VALUES:
        return
    # The two more are what follows the last one, and the end itself.
    if next(islice(_UP_TO_A_VALUE.finditer(content), MAX_VALUES + 2, None), None):
        raise InvalidResponse("It holds more values than any answer does.")
