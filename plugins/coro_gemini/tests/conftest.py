"""The plugin, on either SDK, before its own simulator or a server that says what a test says."""

import os
import subprocess
import sys
import textwrap
from contextlib import asynccontextmanager

import pytest

from coro_core import GenerateRequest
from coro_core.testing import Behaviour, HttpReply, json_reply, serve_http
from coro_gemini import GeminiPlugin
from coro_gemini.grpc.sdk import grpc
from coro_gemini.grpc.simulator import list_bytes, reply_bytes, trailing_metadata
from coro_gemini.rest.simulator import status_reply

KEY = "AQ.not-a-real-key"
SDKS = ("google-generativeai", "google-genai")


def gemini_request(model="gemini-3.5-flash-lite", prompt="What is 2+2?", timeout=5.0):
    return GenerateRequest(
        model=model, prompt=prompt, temperature=0.5, max_tokens=64, timeout=timeout
    )


@pytest.fixture
def request_for():
    return gemini_request


@pytest.fixture
def run_python():
    """Run lines of Python in a process of their own, and return its status, stdout and stderr."""

    def run(code, *options, **environ):
        done = subprocess.run(
            [sys.executable, *options, "-c", textwrap.dedent(code)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, **environ},
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def behaviour():
    return Behaviour()


@pytest.fixture(params=SDKS)
def sdk(request):
    """Whichever SDK: what a test of this proves holds for both."""
    return request.param


@pytest.fixture
async def simulator(behaviour, sdk):
    async with GeminiPlugin().coro_simulator(behaviour) as environ:
        yield {**environ, "GEMINI_SDK": sdk}


@pytest.fixture
async def plugin(simulator):
    plugin = GeminiPlugin()
    async with plugin.coro_lifespan(simulator):
        yield plugin


@asynccontextmanager
async def _serving_grpc(answer):
    class EveryMethod(grpc.GenericRpcHandler):
        def service(self, call):
            async def handle(_request, context):
                if isinstance(answer, bytes):
                    return answer
                if isinstance(answer, tuple):
                    await context.abort(*answer)
                if "status" in answer:
                    code = grpc.StatusCode[answer["status"]]
                    await context.abort(code, answer["message"], trailing_metadata(answer))
                return (list_bytes if call.method.endswith("ListModels") else reply_bytes)(answer)

            return grpc.unary_unary_rpc_method_handler(handle)

    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    server.add_generic_rpc_handlers((EveryMethod(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await server.stop(grace=None)


@asynccontextmanager
async def _serving_rest(answer):
    async def handle(_request):
        if isinstance(answer, HttpReply):
            return answer
        if isinstance(answer, bytes):
            return HttpReply(answer)
        return status_reply(answer) if "status" in answer else json_reply(answer)

    async with serve_http(handle) as address:
        yield address


@pytest.fixture
def answering(sdk):
    """Open the plugin before a server that answers every call in one way.

    A reply or a `google.rpc.Status` in Gemini's JSON, or bytes as they are; for gRPC alone also
    what `abort` takes, for REST alone a reply of HTTP.
    """
    serving = _serving_grpc if sdk == "google-generativeai" else _serving_rest

    @asynccontextmanager
    async def opened(answer):
        plugin = GeminiPlugin()
        async with serving(answer) as address:
            environ = {"GEMINI_API_KEY": KEY, "GEMINI_BASE_URL": address, "GEMINI_SDK": sdk}
            async with plugin.coro_lifespan(environ):
                yield plugin

    return opened
