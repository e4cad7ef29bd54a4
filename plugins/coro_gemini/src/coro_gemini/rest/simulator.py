"""The simulator of Gemini's REST, as google-genai speaks it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from coro_core.testing import Behaviour, Call, Fault, HttpReply, HttpRequest, json_reply
from coro_gemini.simulated_replies import (
    DEFAULT_MODELS,
    Json,
    answer,
    blocked_prompt,
    error_status,
    models_page,
)

_MODELS = "/v1beta/models"


class RestSimulator:
    """The two routes that the plugin calls."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    async def handle(self, request: HttpRequest) -> HttpReply:
        """Return the reply to one request."""
        parts = urlsplit(request.path)
        model, _, method = parts.path.removeprefix(f"{_MODELS}/").rpartition(":")
        listing = (request.method, parts.path) == ("GET", _MODELS)
        if not listing and (request.method, method) != ("POST", "generateContent"):
            return HttpReply(b"<html>404</html>", 404, {"content-type": "text/html"})
        if not self._behaviour.accepts(request.headers.get("x-goog-api-key", "")):
            return self._reply_for_error("authentication_failed", "")
        if listing:
            return await self._list_models(parse_qs(parts.query))
        return await self._generate(_call(request, unquote(model)))

    async def _generate(self, call: Call) -> HttpReply:
        code = await self._behaviour.receive(call, DEFAULT_MODELS)
        if self._behaviour.raw_reply is not None:
            return HttpReply(raw=self._behaviour.raw_reply(call))
        reply = self._reply(code, call)
        return replace(reply, fault=self._behaviour.fault or reply.fault)

    def _reply(self, code: str | None, call: Call) -> HttpReply:
        match code:
            case None:
                answering = replace(call, model=self._behaviour.answering(call.model))
                text = self._behaviour.reply(call.model, str(call.body["prompt"]))
                return json_reply(answer(answering, text))
            case "content_blocked":
                return json_reply(blocked_prompt(call))
            case "empty_response":
                return json_reply(answer(call, None))
            case "invalid_response":
                return json_reply({"candidates": 7})
            case "connection_failed":
                return HttpReply(fault=Fault.DISCONNECT)
            case _:
                return self._reply_for_error(code, call.model)

    async def _list_models(self, query: Mapping[str, list[str]]) -> HttpReply:
        listing = await self._behaviour.receive_list(DEFAULT_MODELS)
        if listing == "invalid_response":
            return json_reply({"models": 7})
        if isinstance(listing, str):
            return self._reply_for_error(listing, "")
        size, token = query.get("pageSize", ["0"])[0], query.get("pageToken", [""])[0]
        return json_reply(models_page(listing, int(size), token))

    def _reply_for_error(self, code: str, model: str) -> HttpReply:
        return status_reply(error_status(code, model, self._behaviour))


def status_reply(status: Json) -> HttpReply:
    """Return the reply that carries a `google.rpc.Status`."""
    return json_reply({"error": status}, status=int(status["code"]))


def _call(request: HttpRequest, model: str) -> Call:
    body: Any = json.loads(request.body)
    config = body["generationConfig"]
    return Call(
        request.path,
        model,
        request.headers,
        {
            "prompt": "".join(part["text"] for it in body["contents"] for part in it["parts"]),
            "temperature": config.get("temperature"),
            "max_output_tokens": config.get("maxOutputTokens"),
            **config.get("thinkingConfig", {}),
        },
    )
