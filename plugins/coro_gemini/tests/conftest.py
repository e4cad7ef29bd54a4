"""The shared fixtures, for the plugin of Gemini on either SDK."""

import os
import subprocess
import sys
import textwrap
from contextlib import asynccontextmanager

import pytest

from coro_core.testing import HttpReply, json_reply, serve_http
from coro_core.testing.fixtures import (  # noqa: F401
    PluginSetup,
    behaviour,
    plugin,
    request_for,
    simulator,
)
from coro_gemini import GeminiPlugin
from coro_gemini.grpc.sdk import grpc
from coro_gemini.grpc.simulator import list_bytes, reply_bytes, trailing_metadata
from coro_gemini.rest.simulator import status_reply
from coro_gemini.settings import ADDRESS, KEY, SDK

SECRET = "AQ.not-a-real-key"
SDKS = ("google-generativeai", "google-genai")


@pytest.fixture
def plugin_setup(sdk):
    return PluginSetup(
        GeminiPlugin,
        model="gemini-3.5-flash-lite",
        settings=lambda address: {KEY: SECRET, ADDRESS: address},
        environ={SDK: sdk},
    )


@pytest.fixture
def run_python():
    """Return a function that runs Python code in a fresh process.

    The function returns the exit status, stdout and stderr.
    """

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


@pytest.fixture(params=SDKS)
def sdk(request):
    """Run a test once with each SDK."""
    return request.param


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
def answering(sdk, plugin_setup):
    """Open the plugin before a server with one reply.

    The reply is a reply or a `google.rpc.Status` in Gemini's JSON, or raw bytes. For gRPC it may
    also be the arguments of `abort`, for REST an HTTP reply.
    """
    serving = _serving_grpc if sdk == "google-generativeai" else _serving_rest

    @asynccontextmanager
    async def open_before_server(answer):
        opened = GeminiPlugin()
        async with (
            serving(answer) as address,
            opened.coro_lifespan({**plugin_setup.settings(address), **plugin_setup.environ}),
        ):
            yield opened

    return open_before_server
