"""Behaviour that only gRPC has: its failures, its metadata, its frames."""

import asyncio

import pytest

from coro_core import ConnectionFailed, InvalidResponse, ProviderError, Timeout
from coro_core.testing import Fault
from coro_gemini.error_mapping import RpcStatus
from coro_gemini.grpc.error_mapping import map_own_failure
from coro_gemini.grpc.sdk import grpc
from coro_gemini.grpc.simulator import trailing_metadata
from coro_gemini.simulated_replies import error_detail, rpc_status

GOAWAY = b"\0\0\x08\x07" + b"\0" * 5 + b"\0\0\0\0" + b"\0\0\0\x0b"
"""A frame of HTTP/2: no stream was served, ENHANCE_YOUR_CALM."""


@pytest.fixture
def sdk():
    return "google-generativeai"


def details_of(name, text):
    [(_, content)] = trailing_metadata(
        rpc_status(name, text, error_detail("ErrorInfo", reason="X"))
    )
    return content


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xff\xff",
        details_of("NOT_FOUND", "another"),
        details_of("UNAVAILABLE", "another text"),
    ],
    ids=["undecodable", "another status", "another text"],
)
async def test_broken_error_details_are_an_invalid_response(content, answering, request_for):
    aborted = (grpc.StatusCode.UNAVAILABLE, "text", (("grpc-status-details-bin", content),))
    async with answering(aborted) as plugin:
        with pytest.raises(InvalidResponse):
            await plugin.coro_generate(request_for())


@pytest.mark.parametrize(
    ("message", "retryable"),
    [
        ("failed to connect to all addresses; last error: UNKNOWN: Connection refused", True),
        ("errors resolving x.invalid:443: [field:hostname lookup error]", True),
        ("Stream removed (Socket closed)", True),
        ("recvmsg:Connection reset by peer (104)", True),
        ("Tls handshake failed: CERTIFICATE_VERIFY_FAILED: self signed certificate", False),
    ],
)
def test_a_connection_failure_is_not_attributed_to_the_server(message, retryable):
    error = map_own_failure(RpcStatus(code="UNAVAILABLE", message=message))
    assert isinstance(error, ConnectionFailed)
    assert error.retryable is retryable


@pytest.mark.parametrize(
    ("message", "kind"),
    [("Deadline Exceeded", Timeout), ("Deadline expired before operation.", type(None))],
)
def test_our_own_deadline_is_distinguished_from_the_servers(message, kind):
    error = map_own_failure(RpcStatus(code="DEADLINE_EXCEEDED", message=message))
    assert type(error) is kind


async def test_the_model_is_sent_in_the_metadata_as_well(plugin, behaviour, request_for):
    behaviour.served = {"a model/b"}
    await plugin.coro_generate(request_for("a model/b"))
    [call] = behaviour.calls
    assert call.headers["x-goog-request-params"] == "model=models/a%20model/b"


async def test_a_goaway_is_a_failed_connection(plugin, behaviour, request_for):
    async def raw(_call):
        yield GOAWAY

    behaviour.raw_reply = raw
    with pytest.raises(ConnectionFailed):
        await plugin.coro_generate(request_for())


@pytest.mark.parametrize("fault", [Fault.DISCONNECT, Fault.GARBAGE, Fault.RESET, Fault.TRUNCATE])
async def test_the_simulator_logs_nothing_about_broken_connections(
    plugin, behaviour, fault, request_for, caplog, capfd
):
    """The first reply on a connection breaks it for all calls on it."""
    behaviour.fault = fault
    for _ in range(20):
        calls = (plugin.coro_generate(request_for()) for _ in range(20))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(outcome, ProviderError) for outcome in outcomes)
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


async def test_the_simulator_logs_nothing_about_clients_that_leave_during_the_reply(
    plugin, behaviour, request_for, caplog, capfd
):
    behaviour.fault = Fault.COMPRESSED_BOMB
    for _ in range(12):
        calls = (plugin.coro_generate(request_for(timeout=n / 100)) for n in range(1, 21))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(outcome, ProviderError) for outcome in outcomes)
    assert not caplog.records
    assert capfd.readouterr() == ("", "")
