"""The simulator of Gemini's gRPC, as google-generativeai speaks it."""

import asyncio
import logging
from dataclasses import replace
from typing import Any, NoReturn

from google.protobuf.json_format import ParseDict

from coro_core.testing import Behaviour, Call, Fault
from coro_gemini.grpc.sdk import Status, grpc, protos
from coro_gemini.protocol_mux import ConnectionGoneError, ProtocolMux
from coro_gemini.simulated_replies import (
    DEFAULT_MODELS,
    Json,
    answer,
    blocked_prompt,
    error_status,
    models_page,
)

_PACKAGE = "google.ai.generativelanguage.v1beta"
_OVERSIZED_CHARACTERS = 3 * 1024 * 1024
_BOMB_CHARACTERS = 8 * 1024 * 1024
_FLOOD = tuple((f"x-flood-{number}", "0") for number in range(5_000))
_UNDECODABLE = b"\xff\xff\xff\xff"
_Context = grpc.aio.ServicerContext[Any, Any]


def _is_not_a_lost_client(record: logging.LogRecord) -> bool:
    """Return False for the line of gRPC's server about a client that left before its reply."""
    raised = record.exc_info[0] if record.exc_info else None
    return raised is None or raised.__name__ != "ExecuteBatchError"


# gRPC logs a client that leaves at the moment of the reply, and no other client that leaves.
logging.getLogger("grpc._cython.cygrpc").addFilter(_is_not_a_lost_client)


class GrpcSimulator:
    """A gRPC server behind the protocol mux, which breaks connections for it.

    Some faults have no exact counterpart in gRPC; the nearest one stands for them:

    - NOT_JSON and WRONG_SHAPE are bytes that do not decode.
    - EMPTY_BODY is a message without fields.
    - OVERSIZED is a message of 3 MiB.
    - COMPRESSED_BOMB inflates to 8 MiB; a client that accepts no compression gets it plain.
    - REDIRECT is the status that gRPC makes of a redirect.
    - DRIP and SLOW_HEADERS never get past the headers.
    - BLANK_LINES changes nothing, since HTTP/2 keeps a connection alive by itself.
    - BAD_CHUNKS is GARBAGE after a part of the reply.

    The error code `connection_failed` is DISCONNECT.
    """

    def __init__(self, behaviour: Behaviour, mux: ProtocolMux) -> None:
        self._behaviour = behaviour
        self._mux = mux
        self._server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))

    async def start(self) -> int:
        """Serve on a free port of 127.0.0.1 and return the port."""
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.add_generic_rpc_handlers(self._handlers())
        await self._server.start()
        return int(port)

    async def stop(self) -> None:
        """End every call and stop serving."""
        await self._server.stop(grace=None)

    def _handlers(self) -> tuple[grpc.GenericRpcHandler, ...]:
        """Return the two methods that the plugin calls, one of each service."""
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
        except ConnectionGoneError:
            # gRPC writes a traceback to stderr for an error that it cannot send any more.
            return await _wait_for_cancellation()

    async def _behave(self, call: Call, context: _Context) -> bytes:
        if not self._behaviour.accepts(call.headers.get("x-goog-api-key", "")):
            await self._reply_for_error("authentication_failed", call.model, context)
        code = await self._behaviour.receive(call, DEFAULT_MODELS)
        fault = self._behaviour.fault
        if code == "connection_failed":
            fault = Fault.DISCONNECT
        if self._behaviour.raw_reply is not None:
            await self._mux.send_raw(context.peer(), self._behaviour.raw_reply(call))
            await _wait_for_cancellation()
        match fault:
            case Fault.RESET | Fault.TRUNCATE | Fault.BAD_CHUNKS:
                self._mux.break_connection(context.peer(), fault)
            case Fault.DISCONNECT | Fault.GARBAGE:
                self._mux.break_connection(context.peer(), fault)
                await _wait_for_cancellation()
            case Fault.DRIP | Fault.SLOW_HEADERS:
                with self._mux.dripping(context.peer()):
                    await context.send_initial_metadata(())
                    await _wait_for_cancellation()
            case Fault.NOT_JSON | Fault.WRONG_SHAPE:
                return _UNDECODABLE
            case Fault.EMPTY_BODY:
                return b""
            case Fault.OVERSIZED:
                return _long_answer_bytes(call, "x" * _OVERSIZED_CHARACTERS)
            case Fault.COMPRESSED_BOMB:
                context.set_compression(grpc.Compression.Gzip)
                return _long_answer_bytes(call, " " * _BOMB_CHARACTERS)
            case Fault.HEADER_FLOOD:
                await context.send_initial_metadata(_FLOOD)
            case Fault.REDIRECT:
                text = "Received http2 header with status: 307"
                await context.abort(grpc.StatusCode.UNKNOWN, text)
        return await self._reply(code, call, context)

    async def _reply(self, code: str | None, call: Call, context: _Context) -> bytes:
        match code:
            case None:
                answering = replace(call, model=self._behaviour.answering(call.model))
                text = self._behaviour.reply(call.model, str(call.body["prompt"]))
                return reply_bytes(answer(answering, text))
            case "content_blocked":
                return reply_bytes(blocked_prompt(call))
            case "empty_response":
                return reply_bytes(answer(call, None))
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
        status = error_status(code, model, self._behaviour)
        await context.abort(
            grpc.StatusCode[status["status"]], status["message"], trailing_metadata(status)
        )
        raise AssertionError("abort raises")


async def _wait_for_cancellation() -> NoReturn:
    """Wait until gRPC notices the end of the connection and cancels the call."""
    await asyncio.Event().wait()
    raise AssertionError("nobody sets the event")


def reply_bytes(reply: Json) -> bytes:
    """Return a reply of `GenerateContent` as sent on the wire."""
    data: bytes = _message(reply).SerializeToString()
    return data


def _long_answer_bytes(call: Call, text: str) -> bytes:
    message = _message(answer(call, "x"))
    # Set here, since parsing megabytes of JSON takes a good part of a second.
    message.candidates[0].content.parts[0].text = text
    data: bytes = message.SerializeToString()
    return data


def _message(reply: Json) -> Any:
    message = protos.GenerateContentResponse.pb(protos.GenerateContentResponse())
    # The SDK's schema, of 2025, has no field for thinking.
    return ParseDict(reply, message, ignore_unknown_fields=True)


def list_bytes(page: Json) -> bytes:
    """Return a reply of `ListModels` as sent on the wire."""
    message = protos.ListModelsResponse.pb(protos.ListModelsResponse())
    data: bytes = ParseDict(page, message).SerializeToString()
    return data


def trailing_metadata(status: Json) -> tuple[tuple[str, bytes], ...]:
    """Return the metadata that carries a status's details; empty without details."""
    if not status.get("details"):
        return ()
    number: int = grpc.StatusCode[status["status"]].value[0]
    message = Status(code=number, message=status["message"])
    for detail in status["details"]:
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
