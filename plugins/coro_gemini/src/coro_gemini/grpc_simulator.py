"""Gemini's gRPC, as google-generativeai speaks it, behaving as it is told."""

import asyncio
import logging
from dataclasses import replace
from typing import Any, NoReturn

from google.protobuf.json_format import ParseDict

from coro_core.testing import Behaviour, Call, Fault
from coro_gemini.dialect import DEFAULT_MODELS, Json, blocked, models_page, refusal, said
from coro_gemini.front import ClientGoneError, Front
from coro_gemini.grpc_sdk import Status, grpc, protos

_PACKAGE = "google.ai.generativelanguage.v1beta"
_OVERSIZED_CHARACTERS = 3 * 1024 * 1024
_BOMB_CHARACTERS = 8 * 1024 * 1024
_FLOOD = tuple((f"x-flood-{number}", "0") for number in range(5_000))
_UNDECODABLE = b"\xff\xff\xff\xff"
_Context = grpc.aio.ServicerContext[Any, Any]


def _tells_the_operator(record: logging.LogRecord) -> bool:
    """Tell whether a line of gRPC's server says more than that a client left before its reply."""
    raised = record.exc_info[0] if record.exc_info else None
    return raised is None or raised.__name__ != "ExecuteBatchError"


# gRPC itself says nothing of it, but for clients that leave in the instant of the reply.
logging.getLogger("grpc._cython.cygrpc").addFilter(_tells_the_operator)


class GrpcSimulation:
    """A server of its own behind the front, which breaks connections for it.

    Where gRPC has no fault of a name, the nearest stands for it: NOT_JSON and WRONG_SHAPE are bytes
    that do not decode; EMPTY_BODY is a message without fields; OVERSIZED is one of 3 MiB;
    COMPRESSED_BOMB inflates to 8 MiB, and is sent plain to a client that takes no compression;
    REDIRECT is the status that gRPC makes of one; DRIP and SLOW_HEADERS never get past the headers;
    BLANK_LINES changes nothing, since HTTP/2 keeps a connection alive by itself; BAD_CHUNKS is
    GARBAGE after a part of the reply. `connection_failed` as an error code is DISCONNECT.
    """

    def __init__(self, behaviour: Behaviour, front: Front) -> None:
        self._behaviour = behaviour
        self._front = front
        self._server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))

    async def start(self) -> int:
        """Serve on a free port of 127.0.0.1 and return it."""
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.add_generic_rpc_handlers(self._handlers())
        await self._server.start()
        return int(port)

    async def stop(self) -> None:
        """End every call and stop serving."""
        await self._server.stop(grace=None)

    def _handlers(self) -> tuple[grpc.GenericRpcHandler, ...]:
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
        try:
            return await self._behave(_call(request, context), context)
        except ClientGoneError:
            # gRPC writes a traceback to stderr for an error that it cannot send any more.
            return await _cancelled()

    async def _behave(self, call: Call, context: _Context) -> bytes:
        if not self._behaviour.accepts(call.headers.get("x-goog-api-key", "")):
            await self._reply_for_error("authentication_failed", call.model, context)
        code = await self._behaviour.receive(call, DEFAULT_MODELS)
        fault = self._behaviour.fault
        if code == "connection_failed":
            fault = Fault.DISCONNECT
        if self._behaviour.raw_reply is not None:
            await self._front.say(context.peer(), self._behaviour.raw_reply(call))
            await _cancelled()
        match fault:
            case Fault.RESET | Fault.TRUNCATE | Fault.BAD_CHUNKS:
                self._front.break_connection(context.peer(), fault)
            case Fault.DISCONNECT | Fault.GARBAGE:
                self._front.break_connection(context.peer(), fault)
                await _cancelled()
            case Fault.DRIP | Fault.SLOW_HEADERS:
                with self._front.dripping(context.peer()):
                    await context.send_initial_metadata(())
                    await _cancelled()
            case Fault.NOT_JSON | Fault.WRONG_SHAPE:
                return _UNDECODABLE
            case Fault.EMPTY_BODY:
                return b""
            case Fault.OVERSIZED:
                return _long_answer(call, "x" * _OVERSIZED_CHARACTERS)
            case Fault.COMPRESSED_BOMB:
                context.set_compression(grpc.Compression.Gzip)
                return _long_answer(call, " " * _BOMB_CHARACTERS)
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
                text = self._behaviour.reply(call.model, str(call.body["prompt"]))
                return answer_bytes(said(answering, text))
            case "content_blocked":
                return answer_bytes(blocked(call))
            case "empty_response":
                return answer_bytes(said(call, None))
            case "invalid_response":
                return _UNDECODABLE
            case _:
                return await self._reply_for_error(code, call.model, context)

    async def _list_models(self, request: protos.ListModelsRequest, context: _Context) -> bytes:
        if not self._behaviour.accepts(_headers(context).get("x-goog-api-key", "")):
            await self._reply_for_error("authentication_failed", "", context)
        listing = await self._behaviour.receive_list(DEFAULT_MODELS)
        if listing == "invalid_response":
            return _UNDECODABLE
        if isinstance(listing, str):
            await self._reply_for_error(listing, "", context)
        page = models_page(listing, request.page_size, request.page_token)
        return list_bytes(page)

    async def _reply_for_error(self, code: str, model: str, context: _Context) -> bytes:
        refused = refusal(code, model, self._behaviour)
        await context.abort(
            grpc.StatusCode[refused["status"]], refused["message"], trailing_metadata(refused)
        )
        raise AssertionError("abort raises")


async def _cancelled() -> NoReturn:
    """Wait until gRPC has seen the end of the connection, and cancels the call."""
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")


def answer_bytes(reply: Json) -> bytes:
    """Return a reply of `GenerateContent` as it goes on the wire."""
    data: bytes = _answer(reply).SerializeToString()
    return data


def _long_answer(call: Call, text: str) -> bytes:
    message = _answer(said(call, "x"))
    # Not by way of JSON, which takes a good part of a second for megabytes.
    message.candidates[0].content.parts[0].text = text
    data: bytes = message.SerializeToString()
    return data


def _answer(reply: Json) -> Any:
    message = protos.GenerateContentResponse.pb(protos.GenerateContentResponse())
    # The SDK's schema, of 2025, knows no thinking.
    return ParseDict(reply, message, ignore_unknown_fields=True)


def list_bytes(page: Json) -> bytes:
    """Return a reply of `ListModels` as it goes on the wire."""
    message = protos.ListModelsResponse.pb(protos.ListModelsResponse())
    data: bytes = ParseDict(page, message).SerializeToString()
    return data


def trailing_metadata(refused: Json) -> tuple[tuple[str, bytes], ...]:
    """Return the metadata that carries a refusal's details, none where there are none."""
    if not refused.get("details"):
        return ()
    number: int = grpc.StatusCode[refused["status"]].value[0]
    message = Status(code=number, message=refused["message"])
    for detail in refused["details"]:
        ParseDict(detail, message.details.add())
    return (("grpc-status-details-bin", message.SerializeToString()),)


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
