"""Replies of a provider over HTTP/1.1, byte for byte; each gives back the key and the prompt."""

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any
from urllib.parse import quote

from coro_core.testing import Call, RawReply
from coro_gemini.simulated_replies import answer
from support.faults.canaries import PROVIDER_TEXT

Body = bytes | Callable[[Call], bytes]


def echo(call: Call) -> str:
    """Say back what was asked and with which key, as providers' error texts do."""
    key = call.headers.get("authorization", "") + call.headers.get("x-goog-api-key", "")
    return f"{PROVIDER_TEXT}: {key.removeprefix('Bearer ')} asked {prompt_of(call)!r}"


def prompt_of(call: Call) -> str:
    """Return the prompt of a call, from the chat dialect or from Gemini's protocol."""
    if "prompt" in call.body:
        return str(call.body["prompt"])
    messages: Any = call.body["messages"]
    return str(messages[-1]["content"])


def completion(call: Call, **fields: Any) -> bytes:
    """Return a proper answer in the dialect of the call, with `fields` in place of its own."""
    if "prompt" in call.body:
        return json.dumps({**answer(call, "fine"), **fields}).encode()
    message = {"role": "assistant", "content": "fine"}
    reply = {
        "model": call.model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    }
    return json_bytes({**reply, **fields})


def json_bytes(value: object) -> bytes:
    """Return a value as JSON."""
    return json.dumps(value).encode()


def error_body(call: Call) -> bytes:
    """Return an error in the chat dialect, with the key and the prompt in it."""
    error = {"message": echo(call), "type": "odd", "param": echo(call), "code": "odd"}
    return json_bytes({"error": error})


def head(call: Call, status: int, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a status line and headers, some of which give back the key and the prompt."""
    fields = {
        "content-type": "application/json",
        "x-echo": quote(echo(call)),
        "www-authenticate": call.headers.get("authorization", ""),
        "connection": "close",
        **(headers or {}),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} {PROVIDER_TEXT}\r\n{lines}\r\n".encode("utf-8", "surrogateescape")


def reply(body: Body, status: int = 200, headers: Mapping[str, str] | None = None) -> RawReply:
    """Return the script of one whole reply."""

    async def send(call: Call) -> AsyncGenerator[bytes, None]:
        content = body(call) if callable(body) else body
        yield head(call, status, {"content-length": str(len(content)), **(headers or {})}) + content

    return send


def map_error(status: int, headers: Mapping[str, str] | None = None) -> RawReply:
    """Return the script of a refusal."""
    return reply(error_body, status, headers)


def raw(*chunks: bytes) -> RawReply:
    """Return the script that sends these bytes and nothing else."""

    async def send(_: Call) -> AsyncGenerator[bytes, None]:
        for chunk in chunks:
            yield chunk

    return send
