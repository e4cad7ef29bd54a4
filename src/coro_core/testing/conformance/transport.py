"""Transport faults: connections that break, and replies that are wrong or never end."""

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
from coro_core.plugins.isolation import cancel_after
from coro_core.testing.conformance.failure import Failure, require
from coro_core.testing.conformance.loop_thread import entered_in_loop_thread
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest
from coro_core.testing.conformance.provider import CALL_SECONDS, Provider, failure
from coro_core.testing.conformance.registry import Checks, Run
from coro_core.testing.simulator.faults import replace_reply
from coro_core.testing.simulator.messages import HttpReply

CHECKS = Checks("Transport faults")

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
    # Some providers send blank lines while a call waits, and nothing more when they are too busy.
    Fault.EMPTY_BODY: ("invalid_response", "empty_response", "overloaded"),
    # Not connection_failed: nothing listens where the redirect leads, so the client followed it.
    Fault.REDIRECT: ("upstream_error", "invalid_response", "bad_request"),
}
_ENDLESS = {Fault.HANG, Fault.DRIP, Fault.SLOW_HEADERS}
_DEADLINE = 0.3
_CANCEL_SECONDS = 2.0
"""The longest time for a cancelled call to end."""
_LIMIT_MEGABYTES = 32
_UNTRUSTED = Path(__file__).with_name("untrusted.pem")
"""A self-signed certificate for 127.0.0.1, with its key, which protects nothing."""
_LARGE = (Fault.OVERSIZED, Fault.COMPRESSED_BOMB, Fault.HEADER_FLOOD)


@CHECKS.add(
    "memory",
    f"An endless reply, a compressed bomb and a flood of headers take less than"
    f" {_LIMIT_MEGABYTES} MB.",
    depends_on=("calls-are-async",),
)
async def _memory(plugin: PluginUnderTest) -> str:
    # The compressed body is cached; compress it before memory is measured.
    replace_reply(HttpReply(fault=Fault.COMPRESSED_BOMB))
    most = 0.0
    for fault in _LARGE:
        async with plugin.opened(Behaviour(fault=fault)) as provider:
            most = max(most, await _megabytes(provider, fault))
    return f"{most:.1f} MB at most"


async def _megabytes(provider: Provider, fault: Fault) -> float:
    """Return the peak memory of one call; cancel a call that exceeds the limit."""
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
        await cancel_after(_CANCEL_SECONDS, call)
    finally:
        tracemalloc.stop()
    require(megabytes <= _LIMIT_MEGABYTES, f"{fault} takes {megabytes:.0f} MB or more.")
    return megabytes


def _promise(fault: Fault) -> str:
    if fault is Fault.BLANK_LINES:
        return "It reads an answer that follows blank lines, which keep the connection open."
    if fault in _ENDLESS:
        return f"{fault}: it gives up a reply that never ends at the deadline."
    return f"{fault}: it raises an error with the code {' or '.join(_CODES[fault])} in time."


def _fault_check(fault: Fault) -> Run:
    async def run(plugin: PluginUnderTest) -> None:
        async with plugin.opened(Behaviour(fault=fault)) as provider:
            if fault is Fault.BLANK_LINES:
                await provider.generate()
            elif fault in _ENDLESS:
                await _require_given_up(provider)
            else:
                error = await failure(provider.generate())
                require(error.code in _CODES[fault], f"It raises {type(error).__name__}.")
            provider.behaviour.fault = None
            await provider.require_recovery()

    return run


def _depends_on(fault: Fault) -> tuple[str, ...]:
    """Return the checks that explain a failure of this one."""
    if fault in _ENDLESS:
        return ("cancellation",)
    codes = _CODES.get(fault, ())
    errors = (f"error-{code.replace('_', '-')}" for code in codes if code in _LOST_OR_UNREADABLE)
    return ("calls-are-async", *errors, *(("memory",) if fault in _LARGE else ()))


for _fault in Fault:
    CHECKS.add(
        f"fault-{_fault.replace('_', '-')}", _promise(_fault), depends_on=_depends_on(_fault)
    )(_fault_check(_fault))


async def _require_given_up(provider: Provider) -> None:
    """Require a call to end at its deadline, by itself or when the core cancels it."""
    call = provider.started(timeout=_DEADLINE)
    await cancel_after(_DEADLINE, call)
    late = await cancel_after(_CANCEL_SECONDS, call)
    require(not late, f"The call runs on {_CANCEL_SECONDS:g} s after its deadline.")
    if call.cancelled():
        return
    error = call.exception()
    if not isinstance(error, ProviderError):
        raise Failure("It returns an answer, or raises no leaf of coro_core.ProviderError.")
    require(error.code == "timeout", f"It raises {type(error).__name__}.")


@CHECKS.add(
    "opens-quietly",
    "Opening sends no request: a provider that is down fails calls, not the start.",
    depends_on=("answer",),
)
async def _opens_quietly(plugin: PluginUnderTest) -> None:
    async with plugin.opened() as provider:
        asked = len(provider.behaviour.calls) + provider.behaviour.lists
    require(not asked, "It sends a request to its provider when it opens.")


@CHECKS.add(
    "provider-down",
    "It opens while its provider is down; a call then raises ConnectionFailed.",
    depends_on=("error-connection-failed", "opens-quietly", "address"),
)
async def _provider_down(plugin: PluginUnderTest) -> None:
    # Bound but not listening: no other socket, the simulator's included, can get this port.
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with plugin.opened(address=_at(port)) as provider:
            error = await failure(provider.generate())
    require(error.code == "connection_failed", f"It raises {type(error).__name__}.")


@CHECKS.add(
    "tls",
    "It raises ConnectionFailed for an untrusted certificate and for a server without TLS.",
    depends_on=("error-connection-failed", "opens-quietly", "address"),
)
async def _tls(plugin: PluginUnderTest) -> None:
    untrusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    untrusted.load_cert_chain(_UNTRUSTED)
    untrusted.set_alpn_protocols(["h2", "http/1.1"])
    for context in (untrusted, None):
        async with (
            entered_in_loop_thread(partial(_refusing, context)) as server,
            plugin.opened(address=_at(server.port, "https")) as provider,
        ):
            error = await failure(provider.generate())
        trusted = context is not None and server.met
        require(not trusted, "It trusts an untrusted certificate.")
        require(error.code == "connection_failed", f"It raises {type(error).__name__}.")


@dataclass(slots=True)
class _Server:
    """A server that refuses every request."""

    port: int = 0
    met: bool = False
    """True if a client has sent a request."""


@asynccontextmanager
async def _refusing(context: ssl.SSLContext | None) -> AsyncIterator[_Server]:
    """Serve it, over TLS if `context` is given."""
    seen = _Server()

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.met = True
        writer.write(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0, ssl=context) as server:
        seen.port = server.sockets[0].getsockname()[1]
        yield seen


def _at(port: int, scheme: str = "http") -> Callable[[str], str]:
    """Return a function that moves an address to this port."""

    def change(address: str) -> str:
        return urlsplit(address)._replace(scheme=scheme, netloc=f"127.0.0.1:{port}").geturl()

    return change
