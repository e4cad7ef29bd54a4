"""The plugin, open before its own simulator or before a server that sends what a test says."""

from contextlib import asynccontextmanager

import pytest

from coro_core import GenerateRequest
from coro_core.testing import Behaviour
from coro_gemini import GeminiPlugin
from coro_gemini.dialect import trailing_metadata
from coro_gemini.sdk import grpc

KEY = "AQ.not-a-real-key"


def gemini_request(model="gemini-3.5-flash-lite", prompt="What is 2+2?", timeout=5.0):
    return GenerateRequest(
        model=model, prompt=prompt, temperature=0.5, max_tokens=64, timeout=timeout
    )


@pytest.fixture
def request_for():
    return gemini_request


@pytest.fixture
def behaviour():
    return Behaviour()


@pytest.fixture
async def simulator(behaviour):
    async with GeminiPlugin().coro_simulator(behaviour) as environ:
        yield environ


@pytest.fixture
async def plugin(simulator):
    plugin = GeminiPlugin()
    async with plugin.coro_lifespan(simulator):
        yield plugin


@asynccontextmanager
async def _serving(answer, port=0):
    """Serve `answer`: bytes to send, or the status, text and details (or bytes) to refuse with."""

    async def handle(_request, context):
        if isinstance(answer, bytes):
            return answer
        status, text, details = answer
        if isinstance(details, bytes):
            metadata = (("grpc-status-details-bin", details),)
        else:
            metadata = trailing_metadata(answer)
        await context.abort(status, text, metadata)

    class EveryMethod(grpc.GenericRpcHandler):
        def service(self, _details):
            return grpc.unary_unary_rpc_method_handler(handle)

    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    server.add_generic_rpc_handlers((EveryMethod(),))
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield {"GEMINI_API_KEY": KEY, "GEMINI_BASE_URL": f"http://127.0.0.1:{port}"}
    finally:
        await server.stop(grace=None)


@pytest.fixture
def serving():
    return _serving


@pytest.fixture
def answering():
    """Open the plugin before a server that answers every call in one way."""

    @asynccontextmanager
    async def opened(answer):
        plugin = GeminiPlugin()
        async with _serving(answer) as environ, plugin.coro_lifespan(environ):
            yield plugin

    return opened
