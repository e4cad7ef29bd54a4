"""JSON from an untrusted server, read within a memory limit that is checked before parsing."""

import json
import re
from contextlib import suppress
from itertools import islice
from typing import Any

from coro_core.contract.errors import InvalidResponse

MAX_VALUES = 100_000
"""Most containers and items in a reply, all levels together. A reply with more is refused.

A list of 400 models in full detail holds less than a third of that. An answer of any length holds a
few dozen, since the inside of a text does not count. As Python objects, 100,000 values take less
than 30 MiB; as many as fit into 2 MiB of JSON would take 60 MiB.
"""

_UP_TO_A_VALUE = re.compile(rb'(?:[^"{\[,]++|"(?:[^"\\]++|\\.)*+"?)*+(?:[{\[,]|\Z)', re.DOTALL)
"""Everything up to and with the next brace, bracket or comma outside of a text; or the end."""


def json_object(content: bytes | str) -> dict[str, Any]:
    """Return the JSON object that a reply holds. Raises `InvalidResponse`."""
    value = json_value(content)
    if not isinstance(value, dict):
        raise _not_an_object()
    return value


def json_value(content: bytes | str) -> object:
    """Return the JSON value that a reply holds. Raises `InvalidResponse`."""
    with suppress(ValueError, RecursionError):
        utf8 = _as_utf8(content)
        check_values(utf8)
        value: object = json.loads(utf8)
        return value
    # Outside of a handler: json's own error holds the whole reply.
    raise _not_an_object()


def _not_an_object() -> InvalidResponse:
    return InvalidResponse("It is not a JSON object.")


def _as_utf8(content: bytes | str) -> bytes:
    if isinstance(content, bytes):
        encoding = json.detect_encoding(content)
        if encoding == "utf-8":
            return content
        # In other encodings, some letters hold the bytes that are counted below.
        content = content.decode(encoding, "surrogatepass")
    return content.encode("utf-8", "surrogatepass")


def check_values(content: bytes) -> None:
    """Raise `InvalidResponse` if JSON, in UTF-8, holds more than `MAX_VALUES` containers and items.

    Costs nothing for a reply below 100 kB, and a millisecond or so for a larger one.
    """
    # Each value takes a byte at least. Then count all marks, those within texts too.
    if len(content) <= MAX_VALUES or sum(map(content.count, (b"{", b"[", b","))) <= MAX_VALUES:
        return
    # Two matches more: the rest after the last mark, and the end itself.
    if next(islice(_UP_TO_A_VALUE.finditer(content), MAX_VALUES + 2, None), None):
        raise InvalidResponse("It holds more values than any answer does.")
