"""Networks that break: the plugins behind a gate that is shut, jammed, mute or TLS."""

import asyncio
import shutil
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from coro_core.testing import Call, Fault
from support.faults.certificates import certificate
from support.faults.gate import Gate, gate_before
from support.faults.replies import completion, reply
from support.faults.world import (
    HURRIED,
    MODELS,
    Level,
    World,
    address_of,
    provider_of,
    simulator,
    world,
)

PLUGINS = tuple(MODELS)
LOST, INVALID = "connection_failed", "invalid_response"
CODES: dict[Fault, str | None] = {
    Fault.HANG: "timeout",
    Fault.DISCONNECT: LOST,
    Fault.RESET: LOST,
    Fault.TRUNCATE: LOST,
    Fault.GARBAGE: LOST,
    Fault.NOT_JSON: INVALID,
    Fault.WRONG_SHAPE: INVALID,
    Fault.EMPTY_BODY: INVALID,
    Fault.OVERSIZED: INVALID,
    Fault.COMPRESSED_BOMB: INVALID,
    Fault.REDIRECT: "upstream_error",
    Fault.DRIP: "timeout",
    Fault.BLANK_LINES: None,
    Fault.SLOW_HEADERS: "timeout",
    Fault.HEADER_FLOOD: LOST,
    Fault.BAD_CHUNKS: LOST,
}
OWN_MEANING = {
    ("deepseek", Fault.EMPTY_BODY): "overloaded",
    ("gemini", Fault.EMPTY_BODY): "empty_response",
    ("gemini", Fault.HEADER_FLOOD): INVALID,
}


@pytest.mark.parametrize("plugin", PLUGINS)
async def test_every_fault_of_the_kit_costs_its_own_row(plugin: str) -> None:
    assert set(CODES) == set(Fault)
    async with world(plugin) as here:
        for fault, usual in CODES.items():
            code = OWN_MEANING.get((plugin, fault), usual)
            # The kit's bomb of 64 MiB is packed when it is first sent.
            await here.survives(f"kit: {fault}", code, timeout=1.2, fault=fault)


@asynccontextmanager
async def gated(
    plugin: str,
    scheme: str = "http",
    context: ssl.SSLContext | None = None,
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[tuple[World, Gate]]:
    """Serve a world whose failing provider stands behind a gate."""
    async with simulator(plugin) as (behaviour, address), gate_before(address, context) as gate:
        url = urlsplit(address)._replace(scheme=scheme, netloc=f"127.0.0.1:{gate.port}").geturl()
        async with world(plugin, {address_of(plugin): url, **(environ or {})}) as here:
            here.behaviours = {**here.behaviours, provider_of(plugin): behaviour}
            yield here, gate


async def well_again(here: World) -> None:
    """Assert that the provider answers soon: gRPC waits 0.2 s and more after a refusal."""
    deadline = asyncio.get_running_loop().time() + 5
    while (row := await here.ask(5))["error"] is not None:
        assert asyncio.get_running_loop().time() < deadline, f"not well again: {row['error']}"
    await here.settled()


@pytest.mark.parametrize("plugin", PLUGINS)
async def test_a_provider_that_cannot_be_reached_costs_its_own_row(plugin: str) -> None:
    async with gated(plugin) as (here, gate):
        with here.trials.trial("connection refused"):
            await gate.shut()
            await here.fails(LOST)
            await gate.open()
            await well_again(here)
        with here.trials.trial("connecting hangs"):
            await gate.jam()
            await here.fails("timeout")
            await gate.open()
            await well_again(here)
        with here.trials.trial("accepted and never answered"):
            gate.mute = True
            await gate.drop()
            await here.fails("timeout")
            await gate.open()
            await well_again(here)


@pytest.mark.parametrize("plugin", PLUGINS)
async def test_a_connection_that_was_closed_while_idle_is_replaced(plugin: str) -> None:
    async with gated(plugin) as (here, gate):
        with here.trials.trial("closed while idle"):
            await gate.drop()
            await here.recovers()
            await here.settled()


@pytest.mark.parametrize("plugin", PLUGINS)
async def test_a_connection_that_is_closed_on_reuse_is_replaced_at_once(plugin: str) -> None:
    async with world(plugin) as here:

        async def nothing(_: Call):
            here.behaviour.raw_reply = None
            if plugin == "gemini":
                yield b""
            return
            yield b""

        with here.trials.trial("closed on reuse"):
            calls = len(here.behaviour.calls)
            with here.script(raw_reply=nothing):
                await here.recovers()
            assert len(here.behaviour.calls) == calls + 2
            await here.settled()


@pytest.mark.parametrize("plugin", PLUGINS)
async def test_a_provider_whose_name_does_not_resolve_costs_its_own_row(plugin: str) -> None:
    environ = {address_of(plugin): "https://coro-test.invalid"}
    async with world(plugin, environ, warm=False) as here:
        with here.trials.trial("a name that does not resolve"):
            for _ in range(2):
                await here.fails(LOST, timeout=1.0)


@pytest.mark.parametrize("plugin", ["deepseek", "groq", "openai"])
async def test_a_resolver_that_takes_its_time_holds_nothing_up(
    plugin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve, go = socket.getaddrinfo, threading.Event()

    def slow(host: object, *arguments: Any, **options: Any) -> Any:
        if host == "coro-slow.invalid":
            go.wait(30)
        return resolve(host, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    environ = {address_of(plugin): "https://coro-slow.invalid"}
    async with world(plugin, environ, warm=False) as here:
        with here.trials.trial("a resolver that takes its time"):
            try:
                await here.fails("timeout")
                # With the connections of the sibling, which is asked for the first time.
                here.level = Level.now()
                await here.fails("timeout")
            finally:
                go.set()
            await here.settled()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes certificates")
@pytest.mark.parametrize("plugin", PLUGINS)
async def test_tls_that_cannot_be_trusted_is_refused_for_good(plugin: str, tmp_path: Path) -> None:
    good = certificate(tmp_path, "good", "IP:127.0.0.1")
    stranger = certificate(tmp_path, "stranger", "IP:127.0.0.1")
    other = certificate(tmp_path, "other", "DNS:other.invalid")
    expired = certificate(tmp_path, "expired", "IP:127.0.0.1", expired=True)
    names = ("good", "other", "expired")
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(b"".join((tmp_path / f"{name}.pem").read_bytes() for name in names))
    environ = {"CORO_CA_FILE": str(trusted)}
    async with gated(plugin, "https", good, environ) as (here, gate):
        faults = {
            "TLS to a plain server": None,
            "a certificate that is self-signed": stranger,
            "a certificate of another host": other,
            "a certificate that has expired": expired,
        }
        for name, shown in faults.items():
            with here.trials.trial(name):
                await gate.open(shown)
                if shown is None:
                    gate.says = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n"
                # Until now the calls went over a connection that the gate has just ended.
                calls = len(here.behaviour.calls)
                row = await here.fails(LOST, timeout=HURRIED)
                assert len(here.behaviour.calls) == calls
                # gRPC does not tell why there is no connection.
                assert plugin == "gemini" or "Its TLS certificate" in row["error"]
                await gate.open(good)
                await well_again(here)


@pytest.mark.parametrize("plugin", ["deepseek", "gemini-genai", "groq", "openai"])
async def test_what_a_keep_alive_connection_says_too_much_is_not_the_next_answer(
    plugin: str,
) -> None:
    async with world(plugin) as here:
        second = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
        for extra, code in ((b"{}", LOST), (second, None)):

            async def too_much(call: Call, extra: bytes = extra):
                async for chunk in reply(completion, headers={"connection": "keep-alive"})(call):
                    yield chunk + extra

            await here.survives(f"an answer and {len(extra)} bytes", code, raw_reply=too_much)
