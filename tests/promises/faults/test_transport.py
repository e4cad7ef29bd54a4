"""Networks that break: the plugins behind a proxy that is shut, jammed, mute or TLS."""

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
from support.faults.fault_proxy import FaultProxy, proxy_before
from support.faults.harness import (
    HURRIED,
    MODELS,
    Harness,
    Level,
    address_of,
    fault_harness,
    provider_of,
    simulator,
)
from support.faults.replies import completion, reply

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
    async with fault_harness(plugin) as harness:
        for fault, usual in CODES.items():
            code = OWN_MEANING.get((plugin, fault), usual)
            # The kit's bomb of 64 MiB is packed when it is first sent.
            await harness.survives(f"kit: {fault}", code, timeout=1.2, fault=fault)


@asynccontextmanager
async def behind_proxy(
    plugin: str,
    scheme: str = "http",
    context: ssl.SSLContext | None = None,
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[tuple[Harness, FaultProxy]]:
    """Serve a harness whose failing provider stands behind a proxy."""
    async with simulator(plugin) as (behaviour, address), proxy_before(address, context) as proxy:
        url = urlsplit(address)._replace(scheme=scheme, netloc=f"127.0.0.1:{proxy.port}").geturl()
        async with fault_harness(plugin, {address_of(plugin): url, **(environ or {})}) as harness:
            harness.behaviours = {**harness.behaviours, provider_of(plugin): behaviour}
            yield harness, proxy


async def well_again(harness: Harness) -> None:
    """Assert that the provider answers soon: gRPC waits 0.2 s and more after a refusal."""
    deadline = asyncio.get_running_loop().time() + 5
    while (row := await harness.ask(5))["error"] is not None:
        assert asyncio.get_running_loop().time() < deadline, f"not well again: {row['error']}"
    await harness.settled()


@pytest.mark.parametrize("plugin", PLUGINS)
async def test_a_provider_that_cannot_be_reached_costs_its_own_row(plugin: str) -> None:
    async with behind_proxy(plugin) as (harness, proxy):
        with harness.cases.case("connection refused"):
            await proxy.shut()
            await harness.fails(LOST)
            await proxy.open()
            await well_again(harness)
        with harness.cases.case("connecting hangs"):
            await proxy.jam()
            await harness.fails("timeout")
            await proxy.open()
            await well_again(harness)
        with harness.cases.case("accepted and never answered"):
            proxy.mute = True
            await proxy.drop()
            await harness.fails("timeout")
            await proxy.open()
            await well_again(harness)


@pytest.mark.parametrize("plugin", PLUGINS)
async def test_a_connection_that_was_closed_while_idle_is_replaced(plugin: str) -> None:
    async with behind_proxy(plugin) as (harness, proxy):
        with harness.cases.case("closed while idle"):
            await proxy.drop()
            await harness.recovers()
            await harness.settled()


@pytest.mark.parametrize("plugin", PLUGINS)
async def test_a_connection_that_is_closed_on_reuse_is_replaced_at_once(plugin: str) -> None:
    async with fault_harness(plugin) as harness:

        async def nothing(_: Call):
            harness.behaviour.raw_reply = None
            if plugin == "gemini":
                yield b""
            return
            yield b""

        with harness.cases.case("closed on reuse"):
            calls = len(harness.behaviour.calls)
            with harness.script(raw_reply=nothing):
                await harness.recovers()
            assert len(harness.behaviour.calls) == calls + 2
            await harness.settled()


@pytest.mark.parametrize("plugin", PLUGINS)
async def test_a_provider_whose_name_does_not_resolve_costs_its_own_row(plugin: str) -> None:
    environ = {address_of(plugin): "https://coro-test.invalid"}
    async with fault_harness(plugin, environ, warm=False) as harness:
        with harness.cases.case("a name that does not resolve"):
            for _ in range(2):
                await harness.fails(LOST, timeout=1.0)


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
    async with fault_harness(plugin, environ, warm=False) as harness:
        with harness.cases.case("a resolver that takes its time"):
            try:
                await harness.fails("timeout")
                # With the connections of the sibling, which is asked for the first time.
                harness.level = Level.now()
                await harness.fails("timeout")
            finally:
                go.set()
            await harness.settled()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes certificates")
@pytest.mark.parametrize("plugin", PLUGINS)
async def test_tls_that_cannot_be_trusted_is_refused_for_good(plugin: str, tmp_path: Path) -> None:
    good = certificate(tmp_path, "good", "IP:127.0.0.1")
    self_signed = certificate(tmp_path, "self_signed", "IP:127.0.0.1")
    other = certificate(tmp_path, "other", "DNS:other.invalid")
    expired = certificate(tmp_path, "expired", "IP:127.0.0.1", expired=True)
    names = ("good", "other", "expired")
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(b"".join((tmp_path / f"{name}.pem").read_bytes() for name in names))
    environ = {"CORO_CA_FILE": str(trusted)}
    async with behind_proxy(plugin, "https", good, environ) as (harness, proxy):
        faults = {
            "TLS to a plain server": None,
            "a certificate that is self-signed": self_signed,
            "a certificate of another host": other,
            "a certificate that has expired": expired,
        }
        for name, shown in faults.items():
            with harness.cases.case(name):
                await proxy.open(shown)
                if shown is None:
                    proxy.says = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n"
                # Until now the calls went over a connection that the proxy has just ended.
                calls = len(harness.behaviour.calls)
                row = await harness.fails(LOST, timeout=HURRIED)
                assert len(harness.behaviour.calls) == calls
                # gRPC does not tell why there is no connection.
                assert plugin == "gemini" or "Its TLS certificate" in row["error"]
                await proxy.open(good)
                await well_again(harness)


@pytest.mark.parametrize("plugin", ["deepseek", "gemini-genai", "groq", "openai"])
async def test_what_a_keep_alive_connection_says_too_much_is_not_the_next_answer(
    plugin: str,
) -> None:
    async with fault_harness(plugin) as harness:
        second = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
        for extra, code in ((b"{}", LOST), (second, None)):

            async def too_much(call: Call, extra: bytes = extra):
                async for chunk in reply(completion, headers={"connection": "keep-alive"})(call):
                    yield chunk + extra

            await harness.survives(f"an answer and {len(extra)} bytes", code, raw_reply=too_much)
