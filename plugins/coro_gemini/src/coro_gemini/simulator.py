"""Gemini as seen from the wire: a gRPC server on loopback that behaves as it is told."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from coro_core.testing import CANARY_KEY, Behaviour, Call, Fault
from coro_gemini.dialect import blocked, refusal, said, trailing_metadata
from coro_gemini.front import Front, serve_front
from coro_gemini.sdk import grpc, protos

TODAY: Mapping[str, float] = {
    "gemini-3.8-flash": 1.4,
    "gemini-3.6-flash": 1.2,
    "gemini-3.5-flash-lite": 0.7,
    "gemini-3.1-flash-lite": 0.6,
}
"""The names served on 2026-11-22, with seconds of the order that an answer takes.

https://ai.google.dev/gemini-api/docs/deprecations; the seconds are estimates.
"""

_PACKAGE = "google.ai.generativelanguage.v1beta"
_EMBEDDING = "gemini-embedding-001"
"""Listed beside the others, and not for generating."""
_PAGE_SIZE = 50
_OVERSIZED_CHARACTERS = 3 * 1024 * 1024
_BOMB_CHARACTERS = 8 * 1024 * 1024
_FLOOD = tuple((f"x-flood-{number}", "0") for number in range(5_000))
_UNDECODABLE = b"\xff\xff\xff\xff"
_Context = grpc.aio.ServicerContext[Any, Any]


@asynccontextmanager
async def simulate(behaviour: Behaviour) -> AsyncIterator[dict[str, str]]:
    """Serve Gemini's protocol on a free port of 127.0.0.1 and yield the settings that lead to it.

    Where gRPC has no fault of a name, the nearest stands for it: NOT_JSON and WRONG_SHAPE are bytes
    that do not decode; EMPTY_BODY is a message without fields; OVERSIZED is one of 3 MiB;
    COMPRESSED_BOMB inflates to 8 MiB, and is sent plain to a client that takes no compression;
    REDIRECT is the status that gRPC makes of one; DRIP and SLOW_HEADERS never get past the headers;
    BLANK_LINES changes nothing, since HTTP/2 keeps a connection alive by itself; BAD_CHUNKS is
    GARBAGE after a part of the reply. `connection_failed` as an error code is DISCONNECT.
    """
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    port = server.add_insecure_port("127.0.0.1:0")
    async with serve_front(port) as (front, front_port):
        simulation = _Simulation(behaviour, front)
        server.add_generic_rpc_handlers(simulation.handlers())
        await server.start()
        try:
            yield {
                "GEMINI_API_KEY": behaviour.key or CANARY_KEY,
                "GEMINI_BASE_URL": f"http://127.0.0.1:{front_port}",
            }
        finally:
            await server.stop(grace=None)


class _Simulation:
    def __init__(self, behaviour: Behaviour, front: Front) -> None:
        self._behaviour = behaviour
        self._front = front

    def handlers(self) -> tuple[grpc.GenericRpcHandler, ...]:
        """Return the two methods that the plugin calls, of the services that they belong to."""
        return (
            grpc.method_handlers_generic_handler(
                f"{_PACKAGE}.GenerativeService",
                {
                    "GenerateContent": grpc.unary_unary_rpc_method_handler(
                        self._generate,
                        request_deserializer=protos.GenerateContentRequest.deserialize,
                    )
                },
            ),
            grpc.method_handlers_generic_handler(
                f"{_PACKAGE}.ModelService",
                {
                    "ListModels": grpc.unary_unary_rpc_method_handler(
                        self._list_models,
                        request_deserializer=protos.ListModelsRequest.deserialize,
                    )
                },
            ),
        )

    async def _generate(self, request: protos.GenerateContentRequest, context: _Context) -> bytes:
        call = _call(request, context)
        if not self._behaviour.accepts(call.headers.get("x-goog-api-key", "")):
            await self._refuse("authentication_failed", call.model, context)
        code = await self._behaviour.receive(call, TODAY)
        fault = self._behaviour.fault
        if code == "connection_failed":
            fault = Fault.DISCONNECT
        if self._behaviour.raw_reply is not None:
            await self._front.say(context.peer(), self._behaviour.raw_reply(call))
            await asyncio.Event().wait()  # until gRPC has seen the end of the connection
        match fault:
            case Fault.RESET | Fault.TRUNCATE | Fault.BAD_CHUNKS:
                self._front.break_connection(context.peer(), fault)
            case Fault.DISCONNECT | Fault.GARBAGE:
                self._front.break_connection(context.peer(), fault)
                await asyncio.Event().wait()  # until gRPC has seen the end of the connection
            case Fault.DRIP | Fault.SLOW_HEADERS:
                with self._front.dripping(context.peer()):
                    await context.send_initial_metadata(())
                    await asyncio.Event().wait()  # until the client has gone
            case Fault.NOT_JSON | Fault.WRONG_SHAPE:
                return _UNDECODABLE
            case Fault.EMPTY_BODY:
                return b""
            case Fault.OVERSIZED:
                return said(call, "x" * _OVERSIZED_CHARACTERS)
            case Fault.COMPRESSED_BOMB:
                context.set_compression(grpc.Compression.Gzip)
                return said(call, " " * _BOMB_CHARACTERS)
            case Fault.HEADER_FLOOD:
                await context.send_initial_metadata(_FLOOD)
            case Fault.REDIRECT:
                text = "Received http2 header with status: 307"
                await context.abort(grpc.StatusCode.UNKNOWN, text)
        return await self._answer(code, call, context)

    async def _answer(self, code: str | None, call: Call, context: _Context) -> bytes:
        match code:
            case None:
                answering = replace(call, model=self._behaviour.answering(call.model))
                return said(answering, self._behaviour.reply(call.model, str(call.body["prompt"])))
            case "content_blocked":
                return blocked(call)
            case "empty_response":
                return said(call, None)
            case "invalid_response":
                return _UNDECODABLE
            case _:
                return await self._refuse(code, call.model, context)

    async def _list_models(self, request: protos.ListModelsRequest, context: _Context) -> bytes:
        if not self._behaviour.accepts(_headers(context).get("x-goog-api-key", "")):
            await self._refuse("authentication_failed", "", context)
        listing = await self._behaviour.receive_list(TODAY)
        if listing == "invalid_response":
            return _UNDECODABLE
        if isinstance(listing, str):
            await self._refuse(listing, "", context)
        names = sorted({*listing, _EMBEDDING})
        start = int(request.page_token or 0)
        end = start + min(request.page_size or _PAGE_SIZE, 1000)
        page = protos.ListModelsResponse(
            models=[
                protos.Model(
                    name=f"models/{name}",
                    supported_generation_methods=[
                        "embedContent" if name == _EMBEDDING else "generateContent"
                    ],
                )
                for name in names[start:end]
            ],
            next_page_token=str(end) if end < len(names) else "",
        )
        data: bytes = protos.ListModelsResponse.serialize(page)
        return data

    async def _refuse(self, code: str, model: str, context: _Context) -> bytes:
        refused = refusal(code, model, self._behaviour)
        await context.abort(refused[0], refused[1], trailing_metadata(refused))
        raise AssertionError("abort raises")


def _headers(context: _Context) -> dict[str, str]:
    return {name: str(value) for name, value in context.invocation_metadata() or ()}


def _call(request: protos.GenerateContentRequest, context: _Context) -> Call:
    prompt = "".join(part.text for content in request.contents for part in content.parts)
    return Call(
        f"/{_PACKAGE}.GenerativeService/GenerateContent",
        request.model.removeprefix("models/"),
        _headers(context),
        {
            "prompt": prompt,
            # 32 bits on the wire.
            "temperature": round(request.generation_config.temperature, 6),
            "max_output_tokens": request.generation_config.max_output_tokens,
        },
    )
