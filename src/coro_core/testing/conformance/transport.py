"""What a plugin makes of a broken transport."""

import asyncio
import socket
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from coro_core.contract.behaviour import Behaviour, Fault
from coro_core.contract.errors import ProviderError
from coro_core.testing.conformance.failure import Failure, require
from coro_core.testing.conformance.loop_thread import entered_in_loop_thread
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest
from coro_core.testing.conformance.provider import CALL_SECONDS, Provider, failure
from coro_core.testing.conformance.registry import Checks, Run
from coro_core.testing.simulator.faults import replace_reply
from coro_core.testing.simulator.messages import HttpReply

CHECKS = Checks("What it makes of a broken transport")

_LOST = ("connection_failed",)
_LOST_OR_UNREADABLE = ("connection_failed", "invalid_response")
_UNREADABLE = ("invalid_response",)

_CODES: Mapping[Fault, tuple[str, ...]] = {
    Fault.DISCONNECT: _LOST,
    Fault.RESET: _LOST,
    Fault.TRUNCATE: _LOST_OR_UNREADABLE,
    Fault.GARBAGE: _LOST_OR_UNREADABLE,
    Fault.HEADER_FLOOD: _LOST_OR_UNREADABLE,
    Fault.BAD_CHUNKS: _LOST_OR_UNREADABLE,
    Fault.NOT_JSON: _UNREADABLE,
    Fault.WRONG_SHAPE: _UNREADABLE,
    Fault.OVERSIZED: _UNREADABLE,
    Fault.COMPRESSED_BOMB: _UNREADABLE,
    # Some providers keep a call waiting with blank lines, and send no more when they are too busy.
    Fault.EMPTY_BODY: ("invalid_response", "empty_response", "overloaded"),
    # Not connection_failed: the address of the redirect leads nowhere, so that is who followed it.
    Fault.REDIRECT: ("upstream_error", "invalid_response", "bad_request"),
}
_ENDLESS = {Fault.HANG, Fault.DRIP, Fault.SLOW_HEADERS}
_DEADLINE = 0.3
_HEED_SECONDS = 2.0
"""How long a call may take to end once it was cancelled."""
_LIMIT_MEGABYTES = 32
_STRANGER = Path(__file__).with_name("untrusted.pem")
"""A certificate for 127.0.0.1 that signs itself, with its key, which protects nothing."""
_LARGE = (Fault.OVERSIZED, Fault.COMPRESSED_BOMB, Fault.HEADER_FLOOD)


@CHECKS.add(
    "memory",
    f"A reply without end, a compressed bomb and a flood of headers cost less than"
    f" {_LIMIT_MEGABYTES} MB.",
    needs=("calls-are-async",),
)
async def _memory(subject: PluginUnderTest) -> str:
    # The compressed body is cached; compress it before memory is measured.
    replace_reply(HttpReply(fault=Fault.COMPRESSED_BOMB))
    most = 0.0
    for fault in _LARGE:
        async with subject.opened(Behaviour(fault=fault)) as provider:
            most = max(most, await _megabytes(provider, fault))
    return f"{most:.1f} MB at most"


async def _megabytes(provider: Provider, fault: Fault) -> float:
    """Return the most that one call takes at once, which is stopped when it takes too much."""
    tracemalloc.start()
    try:
        call = asyncio.ensure_future(failure(provider.generate()))
        until = asyncio.get_running_loop().time() + CALL_SECONDS
        megabytes = 0.0
        while not call.done() and asyncio.get_running_loop().time() < until:
            await asyncio.wait({call}, timeout=0.01)
            megabytes = tracemalloc.get_traced_memory()[1] / 1e6
            if megabytes > _LIMIT_MEGABYTES:
                break
        call.cancel()
        await asyncio.wait({call}, timeout=_HEED_SECONDS)
    finally:
        tracemalloc.stop()
    require(megabytes <= _LIMIT_MEGABYTES, f"{fault} takes {megabytes:.0f} MB and more.")
    return megabytes


def _promise(fault: Fault) -> str:
    if fault is Fault.BLANK_LINES:
        return "An answer behind blank lines, which keep a connection alive, is an answer."
    if fault in _ENDLESS:
        return f"{fault}: a reply that never ends is given up at the deadline."
    return f"{fault}: it raises what has the code {' or '.join(_CODES[fault])}, in time."


def _fault_check(fault: Fault) -> Run:
    async def run(subject: PluginUnderTest) -> None:
        async with subject.opened(Behaviour(fault=fault)) as provider:
            if fault is Fault.BLANK_LINES:
                await provider.generate()
            elif fault in _ENDLESS:
                await _given_up(provider)
            else:
                error = await failure(provider.generate())
                require(error.code in _CODES[fault], f"It raises {type(error).__name__}.")
            provider.behaviour.fault = None
            await provider.recovers()

    return run


def _needs(fault: Fault) -> tuple[str, ...]:
    """Return the checks that tell what is wrong when this one would fail for the same reason."""
    if fault in _ENDLESS:
        return ("cancellation",)
    codes = _CODES.get(fault, ())
    errors = (f"error-{code.replace('_', '-')}" for code in codes if code in _LOST_OR_UNREADABLE)
    return ("calls-are-async", *errors, *(("memory",) if fault in _LARGE else ()))


for _fault in Fault:
    CHECKS.add(f"fault-{_fault.replace('_', '-')}", _promise(_fault), needs=_needs(_fault))(
        _fault_check(_fault)
    )


async def _given_up(provider: Provider) -> None:
    """Demand that a call ends at its deadline, by itself or cancelled as the core does it."""
    call = provider.started(timeout=_DEADLINE)
    await asyncio.wait({call}, timeout=_DEADLINE)
    call.cancel()
    await asyncio.wait({call}, timeout=_HEED_SECONDS)
    require(call.done(), f"It is not over {_HEED_SECONDS:g} s after its deadline.")
    if call.cancelled():
        return
    error = call.exception()
    if not isinstance(error, ProviderError):
        raise Failure("It has an answer, or raises what is no leaf of coro_core.ProviderError.")
    require(error.code == "timeout", f"It raises {type(error).__name__}.")


@CHECKS.add(
    "opens-quietly",
    "Opening asks the provider for nothing: a provider that is down costs calls, not the start.",
    needs=("answer",),
)
async def _opens_quietly(subject: PluginUnderTest) -> None:
    async with subject.opened() as provider:
        asked = len(provider.behaviour.calls) + provider.behaviour.lists
    require(not asked, "It asks its provider when it is opened.")


@CHECKS.add(
    "provider-down",
    "It opens while its provider is down; a call then is ConnectionFailed.",
    needs=("error-connection-failed", "opens-quietly", "address"),
)
async def _provider_down(subject: PluginUnderTest) -> None:
    # Bound and not listening: nobody else, the simulator included, can be given the port meanwhile.
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with subject.opened(address=_at(port)) as provider:
            error = await failure(provider.generate())
    require(error.code == "connection_failed", f"It raises {type(error).__name__}.")


@CHECKS.add(
    "tls",
    "A server whose certificate nobody vouches for, or that speaks no TLS, is ConnectionFailed.",
    needs=("error-connection-failed", "opens-quietly", "address"),
)
async def _tls(subject: PluginUnderTest) -> None:
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    stranger.load_cert_chain(_STRANGER)
    stranger.set_alpn_protocols(["h2", "http/1.1"])
    for context in (stranger, None):
        async with (
            entered_in_loop_thread(partial(_refusing, context)) as server,
            subject.opened(address=_at(server.port, "https")) as provider,
        ):
            error = await failure(provider.generate())
        trusted = context is not None and server.met
        require(not trusted, "It trusts a certificate that nobody vouches for.")
        require(error.code == "connection_failed", f"It raises {type(error).__name__}.")


@dataclass(slots=True)
class _Server:
    """A server that refuses every request."""

    port: int = 0
    met: bool = False
    """Whether anyone has got as far as to send a request."""


@asynccontextmanager
async def _refusing(context: ssl.SSLContext | None) -> AsyncIterator[_Server]:
    """Serve it, over TLS if there is a context."""
    seen = _Server()

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.met = True
        writer.write(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0, ssl=context) as server:
        seen.port = server.sockets[0].getsockname()[1]
        yield seen


def _at(port: int, scheme: str = "http") -> Callable[[str], str]:
    """Return what turns an address into one of this port."""

    def change(address: str) -> str:
        return urlsplit(address)._replace(scheme=scheme, netloc=f"127.0.0.1:{port}").geturl()

    return change
