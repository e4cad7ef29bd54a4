"""Replies that Gemini should not send over gRPC, each with its row's code; `None`: an answer."""

import asyncio
from collections.abc import AsyncGenerator

from coro_core.testing import Call
from coro_gemini.grpc.sdk import grpc, protos
from support.faults.canaries import PROVIDER_TEXT
from support.faults.grpc_server import Answer, Context

S = grpc.StatusCode


def _reply(**fields: object) -> bytes:
    return bytes(protos.GenerateContentResponse.serialize(protos.GenerateContentResponse(**fields)))


_stop = protos.Candidate.FinishReason
ANSWERS: dict[str, tuple[str | None, bytes]] = {
    "a message without fields": ("empty_response", b""),
    "bytes that do not decode": ("invalid_response", b"\xff" * 9),
    "half a message": ("invalid_response", b"\x0a\x7f\x0a"),
    "a page of HTML": ("invalid_response", b"<html>" + PROVIDER_TEXT.encode()),
    "a candidate without content": (
        "empty_response",
        _reply(candidates=[protos.Candidate(finish_reason=_stop.STOP)]),
    ),
    "MAX_TOKENS without parts": (
        "empty_response",
        _reply(candidates=[protos.Candidate(finish_reason=_stop.MAX_TOKENS)]),
    ),
    "SAFETY without parts": (
        "content_blocked",
        _reply(candidates=[protos.Candidate(finish_reason=_stop.SAFETY)]),
    ),
    "a prompt that is blocked": ("content_blocked", _reply(prompt_feedback={"block_reason": 1})),
    "parts of white space": (
        "empty_response",
        _reply(candidates=[{"content": {"parts": [{"text": " \n"}]}, "finish_reason": 1}]),
    ),
    "a finish reason of the future": (
        None,
        _reply(candidates=[{"content": {"parts": [{"text": "fine"}]}, "finish_reason": 99}]),
    ),
    "counts below zero": (
        None,
        _reply(
            candidates=[{"content": {"parts": [{"text": "fine"}]}, "finish_reason": 1}],
            usage_metadata={"prompt_token_count": -5, "candidates_token_count": -7},
        ),
    ),
    "130,000 candidates": ("empty_response", b"\x0a\x00" * 130_000),
    "an answer of 100 MB": (
        "invalid_response",
        b"\x0a" + b"\x80\x80\x80\x32" + b"x" * (100 * 1024 * 1024),
    ),
}


def saying(content: bytes) -> Answer:
    """Return the answer that consists of these bytes."""

    async def answer(_: str, __: Context) -> bytes:
        return content

    return answer


async def flood(_: str, context: Context) -> bytes:
    await context.send_initial_metadata([(f"x-{n}", "0") for n in range(5000)])
    return b""


async def headers_then_nothing(echo: str, context: Context) -> bytes:
    await context.send_initial_metadata([("x-echo-bin", echo.encode())])
    await asyncio.Event().wait()
    return b""


async def details_that_do_not_decode(echo: str, context: Context) -> bytes:
    await context.abort(S.INTERNAL, echo, (("grpc-status-details-bin", b"\xff" * 9),))
    return b""


async def a_text_of_5000_characters(echo: str, context: Context) -> bytes:
    await context.abort(S.INTERNAL, echo + "x" * 5000)
    return b""


BREACHES: dict[str, tuple[str, Answer]] = {
    answer.__name__.replace("_", " "): (code, answer)
    for answer, code in (
        (flood, "invalid_response"),
        (headers_then_nothing, "timeout"),
        (details_that_do_not_decode, "invalid_response"),
        (a_text_of_5000_characters, "upstream_error"),
    )
}
"""Breaches of the rules of gRPC."""


def frame(kind: int, stream: int, payload: bytes, flags: int = 0) -> bytes:
    """Return a frame of HTTP/2."""
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


NUMBER = b"\0\0\0\0"
LOST = "connection_failed"
FRAMES: dict[str, tuple[str, bytes]] = {
    "GOAWAY before any stream": (LOST, frame(7, 0, NUMBER + b"\0\0\0\x0b")),
    "GOAWAY with the provider's words": (
        LOST,
        frame(7, 0, NUMBER + b"\0\0\0\x02" + PROVIDER_TEXT.encode()),
    ),
    "a frame larger than allowed": (LOST, b"\xff\xff\xff" + frame(0, 1, b"")[3:]),
    "PING of a wrong size": (LOST, frame(6, 0, b"x")),
    "data for a stream that is none": (LOST, frame(0, 0, b"x")),
    "half a frame": (LOST, frame(0, 1, b"x" * 20)[:12]),
    "settings of a wrong size": (LOST, frame(4, 0, b"xyz")),
    "a header block that does not decode": (LOST, frame(1, 1, b"\xff" * 30, 4)),
    "zeros": (LOST, b"\0" * 4096),
    "a TLS alert": (LOST, b"\x15\x03\x01\0\x02\x02\x28"),
}
"""Breaches of the rules of HTTP/2."""


async def continuations(_: Call) -> AsyncGenerator[bytes, None]:
    """Send what HTTP/2 forbids, for as long as anyone listens."""
    while True:
        yield frame(9, 1, b"\0" * 1000)
        await asyncio.sleep(0.01)
