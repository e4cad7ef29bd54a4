"""Gemini's protocol, answered as a test says: any status, any details, any bytes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from coro_core.testing import Call
from coro_gemini.grpc.sdk import grpc
from coro_gemini.grpc.simulator import reply_bytes, trailing_metadata
from coro_gemini.simulated_replies import Json, answer
from support.faults.canaries import PROMPT, PROVIDER_TEXT

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
Answer: TypeAlias = Callable[[str, Context], Awaitable[bytes]]
"""Returns the reply's bytes or aborts, given what gives back the key and the prompt."""


class ScriptedGemini:
    """Every call is answered by `answer`, or well when there is none."""

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.calls = 0

    async def handle(self, _: bytes, context: Context) -> bytes:
        self.calls += 1
        metadata = {name: str(value) for name, value in context.invocation_metadata() or ()}
        if self.answer is None:
            return well()
        return await self.answer(
            f"{PROVIDER_TEXT}: {metadata['x-goog-api-key']} asked {PROMPT}", context
        )


def well() -> bytes:
    """Return the bytes of a proper answer."""
    return reply_bytes(answer(Call("", "gemini-3.5-flash-lite", {}, {"prompt": "x"}), "fine"))


def refuse(refused: Json) -> Answer:
    """Return the answer that is a refusal, with the key and the prompt behind its text."""

    async def abort(echo: str, context: Context) -> bytes:
        echoing = {**refused, "message": f"{refused['message']} {echo}"}
        metadata = (("x-echo-bin", echo.encode()), *trailing_metadata(echoing))
        status = grpc.StatusCode[refused["status"]]
        await context.abort(status, echoing["message"], metadata)
        raise AssertionError("abort raises")

    return abort


@asynccontextmanager
async def scripted_gemini() -> AsyncIterator[tuple[ScriptedGemini, str]]:
    """Serve it on loopback; yield it and its address."""
    script = ScriptedGemini()

    class EveryMethod(grpc.GenericRpcHandler):
        def service(self, _: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(script.handle)

    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    server.add_generic_rpc_handlers((EveryMethod(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield script, f"http://127.0.0.1:{port}"
    finally:
        await server.stop(grace=None)
