"""Protobuf messages with anything in their fields that the wire can carry, as strategies."""

import struct
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

from support.faults.canaries import KEYS, PROMPT

MAX_DEPTH = 5
_KIND = FieldDescriptor
TEXT = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    ["", " ", "\n", *KEYS.values(), PROMPT, "STOP", "models/m", "GenerateRequestsPerDay"]
)
_SIGNED_32 = st.integers(-(2**31), 2**31 - 1)
_SIGNED_64 = st.integers(-(2**63), 2**63 - 1)
_FLOATS = st.floats(width=32)
_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    _KIND.TYPE_STRING: TEXT,
    _KIND.TYPE_BYTES: st.binary(max_size=20),
    _KIND.TYPE_BOOL: st.booleans(),
    # Providers add to an enum at any time, and the number comes through.
    _KIND.TYPE_ENUM: st.integers(0, 20) | _SIGNED_32,
    _KIND.TYPE_FLOAT: _FLOATS,
    _KIND.TYPE_DOUBLE: st.floats(),
    _KIND.TYPE_INT32: _SIGNED_32,
    _KIND.TYPE_SINT32: _SIGNED_32,
    _KIND.TYPE_SFIXED32: _SIGNED_32,
    _KIND.TYPE_UINT32: st.integers(0, 2**32 - 1),
    _KIND.TYPE_FIXED32: st.integers(0, 2**32 - 1),
    _KIND.TYPE_INT64: _SIGNED_64,
    _KIND.TYPE_SINT64: _SIGNED_64,
    _KIND.TYPE_SFIXED64: _SIGNED_64,
    _KIND.TYPE_UINT64: st.integers(0, 2**64 - 1),
    _KIND.TYPE_FIXED64: st.integers(0, 2**64 - 1),
}


@st.composite
def filled(draw: st.DrawFn, empty: type[Message], depth: int = 0) -> Any:
    """Return a message with anything in some of its fields, and in those of the messages in it."""
    message: Any = empty()
    descriptor: Descriptor = message.DESCRIPTOR
    fields = [
        field
        for field in descriptor.fields
        if depth < MAX_DEPTH or field.type != _KIND.TYPE_MESSAGE
    ]
    if not fields:
        return message
    for field in draw(st.lists(st.sampled_from(fields), max_size=4, unique_by=lambda it: it.name)):
        if field.type != _KIND.TYPE_MESSAGE:
            values = _SCALARS[field.type]
            if field.label == _KIND.LABEL_REPEATED:
                getattr(message, field.name).extend(draw(st.lists(values, max_size=3)))
            else:
                setattr(message, field.name, draw(values))
        elif not field.message_type.GetOptions().map_entry:
            inner = filled(field.message_type._concrete_class, depth + 1)
            if field.label == _KIND.LABEL_REPEATED:
                getattr(message, field.name).extend(draw(st.lists(inner, max_size=3)))
            else:
                getattr(message, field.name).CopyFrom(draw(inner))
    return message


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Return the bytes of a message as they are, cut off, with other bytes in them, or behind."""
    match draw(st.sampled_from(["whole", "whole", "whole", "cut", "changed", "followed"])):
        case "cut":
            return whole[: draw(st.integers(0, len(whole)))]
        case "changed" if whole:
            place = draw(st.integers(0, len(whole) - 1))
            return whole[:place] + draw(st.binary(min_size=1, max_size=3)) + whole[place + 1 :]
        case "followed":
            return whole + draw(st.binary(max_size=10) | st.just(struct.pack("<q", -1)))
        case _:
            return whole
