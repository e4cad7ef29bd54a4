"""JSON from an untrusted server: too many values are refused before they are parsed."""

import json
import tracemalloc

import pytest

from coro_core import InvalidResponse
from coro_core.kit.http import json_object
from coro_core.kit.http.bounded_json import MAX_VALUES

MEGABYTE = 1024 * 1024
TINY = {
    "objects": b'{"a":1},',
    "empty objects": b"{},",
    "lists in lists": b"[[]],",
    "numbers": b"7,",
    "texts": b'"",',
    "keys": b'"":1,',
}


@pytest.mark.parametrize("tiny", TINY.values(), ids=TINY)
def test_json_that_would_fill_the_memory_is_rejected_before_it_is_parsed(tiny: bytes) -> None:
    opening, last = (b'{"data":{', b'"":1}}') if tiny == TINY["keys"] else (b'{"data":[', b"1]}")
    content = opening + tiny * (2 * MEGABYTE // len(tiny) - 9) + last
    assert json.loads(content)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidResponse, match="more values"):
            json_object(content)
        assert tracemalloc.get_traced_memory()[1] < MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_values_are_counted_in_every_encoding_of_json(encoding: str) -> None:
    # In UTF-16 the bytes of this letter are those of two quotation marks.
    few = {"\u2222": [1, 2]}
    assert json_object(json.dumps(few, ensure_ascii=False).encode(encoding)) == few
    many = {"\u2222": [1] * MAX_VALUES, "\u2222\u2222": 1}
    with pytest.raises(InvalidResponse, match="more values"):
        json_object(json.dumps(many, ensure_ascii=False).encode(encoding))


def test_values_cannot_be_hidden_between_letters_that_look_like_quotation_marks() -> None:
    hidden = '{"data":[' + '"\u2222",' * MAX_VALUES + "1]}"
    with pytest.raises(InvalidResponse, match="more values"):
        json_object(hidden.encode("utf-16-le"))


@pytest.mark.parametrize("text", ["[{", ",", '"', "\\", '\\"[', "{\n\t"])
def test_characters_inside_a_text_are_not_counted(text: str) -> None:
    answer = {"text": text * (MEGABYTE // len(text)), "after": [1, 2]}
    assert json_object(json.dumps(answer).encode()) == answer
    assert json_object(json.dumps(answer)) == answer


def test_the_limit_is_exact() -> None:
    def holding(values: int, text: str) -> bytes:
        # An object, a list in it, and what has a comma before it; the last is the text's.
        return json.dumps({"data": [1] * (values - 2), "text": text}).encode()

    # With the text, all of them look like more than there may be, and each has to be looked at.
    for text in ("", "[" * MAX_VALUES):
        assert json_object(holding(MAX_VALUES, text))
        with pytest.raises(InvalidResponse, match="more values"):
            json_object(holding(MAX_VALUES + 1, text))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"NaN",
        b"7" * 100_001,
        b"[" * 100_000,
        b'{"a":"' + b"," * 200_000,
        b'{"a":"' + b'\\"' * 200_000 + b"\\",
        b'"' * 200_001 + b"," * 50_000 + b"[" * 50_000,
        b"\xff\xfe" * 100_000,
    ],
    ids=lambda content: f"{content[:8]!r} of {len(content)}",
)
def test_a_reply_that_is_no_object_is_an_error_in_our_own_words(content: bytes) -> None:
    with pytest.raises(InvalidResponse) as caught:
        json_object(content)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
