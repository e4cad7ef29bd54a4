"""Strategies for a provider's replies over HTTP/1.1, from the proper to the absurd."""

import json
from codecs import BOM_UTF8
from collections.abc import Iterator
from encodings.aliases import aliases
from typing import Any

from hypothesis import strategies as st

from support.faults.canaries import KEYS, PROMPT

_ECHOES = [*KEYS.values(), PROMPT]
"""Values that CORO must not pass on."""
_LITERALS = {
    "@deep list@": "[" * 60_000 + "]" * 60_000,
    "@deep object@": '{"a":' * 60_000 + "0" + "}" * 60_000,
    "@huge integer@": "9" * 5000,
    "@endless@": "1e999",
}
"""Values that `json.dumps` cannot write, by the text that stands for them."""
TEXT = st.text(max_size=30) | st.sampled_from(
    [*_ECHOES, *_LITERALS, "", " ", "\ud800", "\udfff\ud800"]
)
NUMBERS = (
    st.integers() | st.sampled_from([-1, 0, 2**31, 2**53, 2**53 - 1, 2**64, 10**400]) | st.floats()
)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
_STATUSES = (
    100,
    101,
    103,
    200,
    204,
    206,
    304,
    307,
    400,
    401,
    402,
    403,
    404,
    413,
    429,
    498,
    500,
    503,
)


def _paths(node: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to every value in `node`, but for itself."""
    children = node.items() if isinstance(node, dict) else enumerate(node)
    for name, child in children:
        yield (*path, name)
        if isinstance(child, dict | list):
            yield from _paths(child, (*path, name))


@st.composite
def mutations(draw: st.DrawFn, proper: Any) -> Any:
    """Return a proper reply in which a few values are missing, doubled or something else."""
    reply = json.loads(json.dumps(proper))
    for _ in range(draw(st.sampled_from([0, 1, 1, 2, 4]))):
        paths = list(_paths(reply))
        if not paths:
            break
        *way, name = draw(st.sampled_from(paths))
        parent = reply
        for step in way:
            parent = parent[step]
        match draw(st.sampled_from(["lose", "replace", "wrap"])):
            case "lose":
                del parent[name]
            case "replace":
                parent[name] = draw(JSON)
            case "wrap":
                parent[name] = draw(st.sampled_from([[parent[name]], {"a": parent[name]}]))
    return reply


@st.composite
def bodies(draw: st.DrawFn, proper: Any) -> bytes:
    """Return a body: mostly JSON that is almost right, in one encoding or another; or any bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    value = draw(mutations(proper) | mutations(proper) | mutations(proper) | JSON)
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    for name, literal in _LITERALS.items():
        text = text.replace(f'"{name}"', literal)
    encoding = draw(st.sampled_from(["utf-8"] * 8 + ["utf-16", "utf-32", "utf-7"]))
    body = text.encode(encoding, "surrogatepass" if encoding != "utf-7" else "replace")
    before = draw(st.sampled_from([b""] * 8 + [b"\n\n", b" ", BOM_UTF8, b"\0"]))
    kept = draw(st.sampled_from([None] * 8 + [len(body) // 2, 1, 0]))
    return before + body[:kept]


_LATIN = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=30)
_CODECS = sorted({*aliases, *aliases.values(), "undefined", "idna", "punycode", "no-such"})
_TELLING: dict[str, st.SearchStrategy[str]] = {
    "content-encoding": st.sampled_from(["gzip", "br", "identity", "", "identity, gzip"]),
    "content-length": st.sampled_from(["0", "1", "-1", "99", "1e3", "9" * 30]),
    "content-type": st.sampled_from(_CODECS).map(lambda name: f"application/json; charset={name}"),
    "location": st.sampled_from(["//[", "http://[::1", "http://a:b/", "::", "http://127.0.0.2:9/"]),
    "retry-after": st.integers(0, 10**6).map(str) | st.sampled_from(["nan", "1e9", "-1"]),
    "set-cookie": st.sampled_from(
        ["a=b; expires=x", "a", "=", "a=b; domain=[; port", '"; max-age=x']
    ),
    "transfer-encoding": st.sampled_from(["chunked", "gzip", "identity", "chunked, chunked"]),
    "upgrade": st.sampled_from(["h2c", "websocket"]),
    "x-should-retry": st.sampled_from(["true", "false"]),
    "retry-after-ms": st.sampled_from(["nan", "1e999", "1"]),
    "www-authenticate": st.sampled_from(["Basic", "Digest", *KEYS.values()]),
    "date": st.sampled_from(["x", "Sun, 99 Nov 9999 99:99:99 GMT"]),
}
"""Headers that change what a client does, each with values made to trip it."""


@st.composite
def headers(draw: st.DrawFn) -> tuple[str, str]:
    """Return a header that means something to clients, with a value that may not."""
    name = draw(st.sampled_from(sorted(_TELLING)))
    return name, draw(_TELLING[name] | _LATIN)


@st.composite
def replies(draw: st.DrawFn, proper: Any, refused: Any) -> bytes:
    """Return a reply that is like one of these, head and all; the connection ends after it."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=200))
    # Mostly almost correct bodies: any other fails at the first check.
    status, meant = 200, proper
    if draw(st.integers(0, 2)) == 0:
        status = draw(st.sampled_from(_STATUSES) | st.integers(0, 999))
        meant = draw(st.sampled_from([refused, proper]))
    body = draw(bodies(meant))
    fields = draw(st.just([]) | st.lists(headers(), max_size=3))
    fields = [*fields, ("connection", "close")]
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"HTTP/1.1 {status:03d} Fuzzed\r\n{lines}\r\n".encode("latin-1") + body
