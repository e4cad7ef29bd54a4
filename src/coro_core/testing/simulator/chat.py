"""A simulated provider that speaks the OpenAI chat dialect; a plugin adds its own errors."""

import json
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from coro_core.contract.behaviour import Behaviour, Call, Fault
from coro_core.testing.simulator.messages import HttpReply, HttpRequest, json_reply
from coro_core.testing.simulator.server import serve_http

CANARY_KEY = "simulated-key"
"""The key that a simulator's settings carry; it opens nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatDialect:
    """The differences of one provider's dialect from the common one."""

    chat_path: str
    """For example `/v1/chat/completions`."""
    models_path: str
    """For example `/v1/models`."""
    default_models: Mapping[str, float]
    """The upstream names served by default, with the usual seconds of an answer."""
    reply_for_error: Callable[[str, Call, Behaviour], HttpReply]
    """Returns the provider's reply for an error code, given the call and the script."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that the provider adds to every reply."""
    fields: Mapping[str, object] = field(default_factory=dict)
    """Fields that the provider adds to the JSON of every answer."""


@asynccontextmanager
async def serve_chat(behaviour: Behaviour, dialect: ChatDialect) -> AsyncIterator[str]:
    """Serve the dialect on loopback as `behaviour` says, and yield the server's address."""

    async def handle(request: HttpRequest) -> HttpReply:
        reply = await _route(request, behaviour, dialect)
        return replace(reply, headers={**dialect.headers, **reply.headers})

    async with serve_http(handle) as address:
        yield address


async def _route(request: HttpRequest, behaviour: Behaviour, dialect: ChatDialect) -> HttpReply:
    path = request.path.partition("?")[0]
    key = request.headers.get("authorization", "").removeprefix("Bearer ")
    listing = (request.method, path) == ("GET", dialect.models_path)
    if not listing and (request.method, path) != ("POST", dialect.chat_path):
        return json_reply({"error": {"message": f"no route {path}"}}, status=404)
    body = _json_object(request.body)
    call = Call(request.path, str(body.get("model", "")), request.headers, body)
    if not behaviour.accepts(key):
        return dialect.reply_for_error("authentication_failed", call, behaviour)
    if listing:
        return _list(await behaviour.receive_list(dialect.default_models), call, behaviour, dialect)
    code = await behaviour.receive(call, dialect.default_models)
    if behaviour.raw_reply is not None:
        return HttpReply(raw=behaviour.raw_reply(call))
    reply = _answer(code, call, behaviour, dialect)
    return replace(reply, fault=behaviour.fault or reply.fault)


def _list(
    listing: Collection[str] | str, call: Call, behaviour: Behaviour, dialect: ChatDialect
) -> HttpReply:
    if listing == "invalid_response":
        return json_reply({"object": "list", "data": None})
    if isinstance(listing, str):
        return dialect.reply_for_error(listing, call, behaviour)
    data = [{"id": name, "object": "model"} for name in listing]
    return json_reply({"object": "list", "data": data})


def error_reply(status: int, error: Mapping[str, object], behaviour: Behaviour) -> HttpReply:
    """Return an error reply in the dialect's envelope.

    The script adds its marker to the `message`, and its hint to wait to a 429.
    """
    hinted = status == 429 and behaviour.retry_after is not None
    headers = {"retry-after": f"{behaviour.retry_after:g}"} if hinted else {}
    if isinstance(message := error.get("message"), str):
        error = {**error, "message": behaviour.message(message)}
    return json_reply({"error": error}, status=status, headers=headers)


def _json_object(content: bytes) -> dict[str, Any]:
    body = json.loads(content or b"{}")
    if not isinstance(body, dict):
        raise TypeError("the plugin sent a body that is not a JSON object")
    return body


def _answer(code: str | None, call: Call, behaviour: Behaviour, dialect: ChatDialect) -> HttpReply:
    match code:
        case None:
            answering = replace(call, model=behaviour.answering(call.model))
            reply = _completion(answering, behaviour.reply(call.model, _prompt(call)))
            return json_reply({**reply, **dialect.fields})
        case "empty_response":
            return json_reply(_completion(call, None, finish_reason="length"))
        case "invalid_response":
            return json_reply({"object": "chat.completion", "choices": None})
        case "connection_failed":
            return HttpReply(fault=Fault.DISCONNECT)
        case _:
            return dialect.reply_for_error(code, call, behaviour)


def _prompt(call: Call) -> str:
    messages = call.body.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else {}
    return str(last.get("content", "")) if isinstance(last, dict) else ""


def _completion(call: Call, text: str | None, *, finish_reason: str = "stop") -> dict[str, Any]:
    """Return a chat completion; words are counted as tokens."""
    asked, said = len(_prompt(call).split()), len((text or "").split())
    return {
        "id": "chatcmpl-simulated",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": call.model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": finish_reason,
            }
        ],
        "usage": {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said},
    }
